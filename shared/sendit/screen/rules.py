"""Rules, what they say together, and the screen that asks them of one header after the other.

The precedence is explicit and does not depend on the order of the rules. All rules that apply are taken; a rule that
another of them overrides by name has no say, nor does it override anything. Of the rest one that rejects goes before
those that clean, and these before one that accepts. Where nothing does either, the image is rejected: what is unknown
does not pass.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256

from sendit.pixels import Cleaning
from sendit.screen.conditions import Condition, TooLong, subjects_of
from sendit.screen.regions import COLUMNS, REGIONS, ROWS, Header, OutsideRegions, leaves_a_part

NOT_ACCEPTED, VALUE_TOO_LONG = "not-accepted", "value-too-long"
_REASON_NO_REGIONS = "Its regions are missing, or all but fill the frame, so that nobody knows what to blank."
_REASON_NOT_MET = "Of its frames the rule would blank nothing, or all."
_REASON_NOT_ACCEPTED = "No rule accepts this kind of image."
_REASON_TOO_LONG = "A value is too long to be searched for what a rule asks of it."
_MOST_REMEMBERED = 256


class Verdict(StrEnum):
    """What becomes of an image."""

    ACCEPT = "accept"
    CLEAN = "clean"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Rule:
    """A verdict on the images of which the condition holds; `overrides` names rules that then have no say.

    `cleaning` is what one that cleans blanks: rectangles, or what lies outside the regions of an ultrasound.
    """

    name: str
    verdict: Verdict
    reason: str
    when: Condition
    overrides: tuple[str, ...] = ()
    cleaning: Cleaning | OutsideRegions | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict on an image, and the rule and reason that gave it; neither holds a value of the header.

    `cleanings` is what is to be done to its pixels, one after the other, before it may pass; `looked_at` is
    whether text is looked for in what is left of them.
    """

    verdict: Verdict
    rule: str
    reason: str
    cleanings: tuple[Cleaning, ...] = ()
    looked_at: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """Text is looked for in the images of which the condition holds."""

    name: str
    when: Condition


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules by which images are screened, in the order of their file, and looks: in which text is looked for."""

    rules: tuple[Rule, ...]
    looks: tuple[Look, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Of rules and looks."""
        return frozenset((*(rule.name for rule in self.rules), *(look.name for look in self.looks)))

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All that is asked of a header."""
        return (*(rule.when for rule in self.rules), *(look.when for look in self.looks))

    @property
    def digest(self) -> str:
        """Short hex that is another one for other rules."""
        return sha256(repr((self.rules, self.looks)).encode()).hexdigest()[:16]

    def decide(self, header: Header, options: frozenset[str]) -> Decision:
        """The verdict on a header under a profile with these options."""
        try:
            decision = self._decided(header, options)
            looked_at = decision.verdict is not Verdict.REJECT and any(
                look.when.holds(header, options) for look in self.looks
            )
        except TooLong:
            # in a rule that accepts, rejects or overrides, or in a look, behind `not` or before: it may not pass
            return Decision(Verdict.REJECT, VALUE_TOO_LONG, _REASON_TOO_LONG)
        return replace(decision, looked_at=True) if looked_at else decision

    def _decided(self, header: Header, options: frozenset[str]) -> Decision:
        applying = [rule for rule in self.rules if rule.when.holds(header, options)]
        having_a_say = _without_overridden(applying)
        for verdict in (Verdict.REJECT, Verdict.CLEAN, Verdict.ACCEPT):
            rules = [rule for rule in having_a_say if rule.verdict is verdict]
            if rules and verdict is Verdict.CLEAN:
                return _cleaned(rules, header)
            if rules:
                return Decision(verdict, rules[0].name, rules[0].reason)
        return Decision(Verdict.REJECT, NOT_ACCEPTED, _REASON_NOT_ACCEPTED)


def _cleaned(rules: list[Rule], header: Header) -> Decision:
    """What rules that clean do together; a rejection if one of them cannot know what to do."""
    cleanings: list[Cleaning] = []
    for rule in rules:
        cleaning = rule.cleaning
        if isinstance(cleaning, OutsideRegions):
            cleaning = cleaning.in_frames_of(header)
        if cleaning is None:
            return Decision(Verdict.REJECT, rule.name, _REASON_NO_REGIONS)
        if not leaves_a_part(cleaning, header):
            return Decision(Verdict.REJECT, rule.name, _REASON_NOT_MET)
        cleanings.append(cleaning)
    return Decision(Verdict.CLEAN, rules[0].name, rules[0].reason, tuple(cleanings))


def _without_overridden(applying: list[Rule]) -> list[Rule]:
    """Those that no other overrides; rules override each other in no circle, which `rule_file` sees to."""
    by_name = {rule.name: rule for rule in applying}
    overridden: dict[str, bool] = {}

    def is_overridden(rule: Rule) -> bool:
        if rule.name not in overridden:
            overridden[rule.name] = any(rule.name in one.overrides and not is_overridden(one) for one in applying)
        return overridden[rule.name]

    return [rule for rule in by_name.values() if not is_overridden(rule)]


class Screen:
    """Rules under one profile. What was decided is remembered for headers that say the same of what rules ask for."""

    def __init__(self, rules: RuleSet, options: Iterable[str] = ()) -> None:
        self._rules = rules
        self._options = frozenset(options)
        subjects = {subject for when in rules.conditions for subject in subjects_of(when)}
        # of sequences the top level does not say what is in them
        inside = {subject.path[0] for subject in subjects if subject.path} | {REGIONS}
        self._sequences = tuple(inside | {subject.tag for subject in subjects if subject.is_sequence})
        private = any(subject.creator for subject in subjects)
        # which block a private element stands in, other elements say: nothing is remembered then
        asked = {subject.tag for subject in subjects if not subject.path} | {ROWS, COLUMNS}
        self._tags = None if private else tuple(asked)
        self._known: dict[object, Decision] = {}

    def decide(self, header: Header) -> Decision:
        """The verdict on an image by its header."""
        values = header.values
        # an attribute that came as a sequence has no value there, like an empty one
        asked_as_sequence = self._tags is not None and any(map(header.sequences.__contains__, self._tags))
        if self._tags is None or asked_as_sequence or any(tag in values for tag in self._sequences):
            return self._rules.decide(header, self._options)
        key = header.codecs, tuple(map(values.get, self._tags))
        decision = self._known.get(key)
        if decision is None:
            decision = self._rules.decide(header, self._options)
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[key] = decision
        return decision


_MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"


def decision_of_file(media_storage_sop_class: str, sop_class: str) -> Decision | None:
    """The rejection of a file by what its File Meta says it is, which no rule overrides; None if it may pass.

    A DICOMDIR has a SOP Class nowhere else, and none of the UIDs of an image.
    """
    if media_storage_sop_class == _MEDIA_DIRECTORY:
        return Decision(Verdict.REJECT, "media-directory", "A DICOMDIR lists patients and files; it is no image.")
    if media_storage_sop_class and sop_class and media_storage_sop_class != sop_class:
        reason = "File Meta and data set name two SOP Classes; one of them is wrong."
        return Decision(Verdict.REJECT, "sop-class-disagrees", reason)
    return None
