"""%filter of a recipe becomes rules of the screen.

And/or are read as deid's documentation and its own recipes mean them, not as its code works them out, which joins all
lines of a label by and: a line that begins with + or || joins what stands above, one without begins an alternative;
what stands on one line belongs together; everything goes from left to right.
"""

from sendit.deid.rules.attribute import quoted
from sendit.recipes.cleaning import ALWAYS, WHOLE, CarriedRule, blanking_of, paired
from sendit.recipes.criteria import CannotCompare, Outcome, joined, nesting, written_test
from sendit.recipes.names import rule_name
from sendit.recipes.records import Criterion, Label, Remark
from sendit.screen import Verdict, default_rules

ACCEPTING, CLEANING = frozenset({"whitelist", "allowlist"}), frozenset({"graylist", "greylist"})
_REJECTING = frozenset({"blacklist", "blocklist", "denylist"})
_DEEPEST = 18


def carried_filters(labels: tuple[Label, ...]) -> tuple[tuple[CarriedRule, ...], tuple[Remark, ...]]:
    """The rules for all labels, and what is to be said of their lines."""
    taken = {rule.name for rule in default_rules().rules}
    rules: list[CarriedRule] = []
    remarks: list[Remark] = []
    for label in labels:
        rule = _Label(label, remarks).rule(taken)
        if rule is not None:
            taken.add(rule.name)
            rules.append(rule)
    together = paired(rules)
    for rule in together:
        remarks += _of_regions(rule)
    return together, tuple(remarks)


def _of_regions(rule: CarriedRule) -> list[Remark]:
    """What is to be said of the regions of a rule."""
    if rule.blanking == WHOLE:
        return [Remark(rule.label.regions[0].line, "an image that would be blanked whole is rejected", carried=True)]
    if rule.blanking is not None:
        return []
    return [
        Remark(region.line, f"the region ({region.written}) is kept as a comment, and its images are rejected")
        for region in rule.label.regions
    ]


class _Label:
    """One label on its way to a rule."""

    def __init__(self, label: Label, remarks: list[Remark]) -> None:
        self._label = label
        self._remarks = remarks
        kind = label.filter.lower()
        # an image with regions may pass once they are blanked, and not before
        self._accepts = kind in ACCEPTING and not label.regions
        self._cleans = bool(label.regions) and kind not in _REJECTING
        self._complete = True

    def rule(self, taken: set[str]) -> CarriedRule | None:
        """The rule; None, and a remark, if there can be none."""
        label = self._label
        when = self._when()
        if when is None:
            for region in label.regions:
                self._say(f"the region ({region.written}) goes with its label", region.line)
            return None
        self._say_of_kind()
        # a rule that goes without a criterion must not clean and let pass what was not meant
        blanking = blanking_of(label.regions) if self._cleans and self._complete else None
        verdict = Verdict.ACCEPT if self._accepts else Verdict.REJECT
        if blanking is not None and blanking != WHOLE:
            verdict = Verdict.CLEAN
        name = rule_name(label.name or label.filter, taken)
        return CarriedRule(name, label, verdict, when, self._complete and self._cleans, blanking)

    def _say(self, sentence: str, line: int = 0, *, carried: bool = False) -> None:
        self._remarks.append(Remark(line or self._label.line, sentence, carried))

    def _say_of_kind(self) -> None:
        label, kind = self._label, self._label.filter.lower()
        if kind not in ACCEPTING | CLEANING | _REJECTING and not label.regions:
            self._say(f"a filter called {quoted(label.filter)} is taken for one that rejects", carried=True)
        if self._accepts and _joined_by_or(label.criteria):
            self._say("it accepts what fits one of the alternatives; deid's code asked for all of them", carried=True)

    def _when(self) -> dict[str, object] | None:
        label = self._label
        if not label.criteria:
            if not label.regions:
                self._say(f"label {quoted(label.name)} has no criteria, and never applies")
                return None
            self._say(f"label {quoted(label.name)} has no criteria: it applies to every image", carried=True)
            return ALWAYS
        found = self._alternatives()
        if found is None or found is False:
            self._say(f"label {quoted(label.name)} is left out: nothing that is left of its criteria can hold")
            return None
        if found is True:
            if self._accepts:
                self._say(f"label {quoted(label.name)} is left out: it would accept every image")
                return None
            self._say(f"label {quoted(label.name)} applies to every image", carried=True)
            return ALWAYS
        if nesting(found) > _DEEPEST:
            self._say(f"label {quoted(label.name)} is left out: and/or take turns more than {_DEEPEST} times")
            return None
        return found

    def _alternatives(self) -> Outcome:
        """All criteria: alternatives, each a chain of lines."""
        found: Outcome = None
        chain: Outcome = None
        for number, criterion in enumerate(self._label.criteria):
            line = self._line(criterion)
            if criterion.joint and number:
                chain = joined(criterion.joint, chain, line)
            else:
                found, chain = joined("or", found, chain), line
        return joined("or", found, chain)

    def _line(self, criterion: Criterion) -> Outcome:
        """What stands on one line; None for nothing, which joins to whatever it is joined with."""
        found: Outcome = None
        for number, (joint, test) in enumerate(criterion.tests):
            try:
                outcome, sentence = written_test(test)
            except CannotCompare as error:
                ends = "it never holds" if self._accepts else "the rule goes without it"
                self._say(f"{test.operator} {quoted(test.field)}: {error}; {ends}", test.line)
                # an accepting rule must not accept more for it, a rejecting one goes on with the rest
                outcome = False if self._accepts else None
                self._complete = False
            else:
                if sentence:
                    self._say(f"{test.operator} {quoted(test.field)}: {sentence}", test.line)
            found = joined(joint, found, outcome) if number else outcome
        return found


def _joined_by_or(criteria: tuple[Criterion, ...]) -> bool:
    """Whether lines are alternatives: deid's code joins all lines by and."""
    return any(number and criterion.joint != "and" for number, criterion in enumerate(criteria))
