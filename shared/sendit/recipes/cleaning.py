"""Regions of labels become what a rule blanks, where they say so in pixels.

deid paints all labels that apply into one mask, in the order of the file. Said by one label, that is: rectangles to
blank; or all, and then what to keep. Said by two, all and then the regions of an ultrasound, it is one rule for images
that both labels mean, and one that rejects what would be blanked whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sendit.pixels import Rectangle
from sendit.recipes.criteria import joined, negated
from sendit.recipes.records import Label, Region
from sendit.screen import Verdict

ULTRASOUND_REGIONS = "ultrasound-regions"
ALWAYS: dict[str, object] = {
    "any": [
        {"attribute": "SOPClassUID", "missing": True},
        {"not": {"attribute": "SOPClassUID", "missing": True}},
    ]
}
_LONGEST_REASON = 200
_FROM_REGIONS = "from:sequenceofultrasoundregions"

Boxes = tuple[tuple[int, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Blanking:
    """What a rule that cleans says: rectangles to blank, or to keep, or the regions of an ultrasound to keep."""

    blank: Boxes = ()
    keep: Boxes | str = ()


WHOLE = Blanking()
"""The whole image: such a one is rejected."""


@dataclass(frozen=True, slots=True)
class CarriedRule:
    """A rule as it will be written; `blanking` is None where the label's regions cannot be carried over."""

    name: str
    label: Label
    verdict: Verdict
    when: dict[str, object]
    complete: bool
    """Whether `when` is all of the label's criteria; what is cleaned and passes must be just what was meant."""
    blanking: Blanking | None = None

    @property
    def reason(self) -> str:
        """The sentence that is shown with the verdict."""
        name = f"{self.label.filter}: {self.label.name}" if self.label.name else f"{self.label.filter}, {self.line}"
        end = ""
        if self.verdict is Verdict.REJECT and self.label.regions:
            end = "; nothing of it would be left" if self.blanking == WHOLE else "; its regions cannot be carried over"
        printable = "".join(character if character.isprintable() else "?" for character in name)
        room = _LONGEST_REASON - len(f"Recipe, {end}.")
        return f"Recipe, {printable if len(printable) <= room else printable[: room - 1] + '…'}{end}."

    @property
    def line(self) -> str:
        """Where the label stands."""
        return f"line {self.label.line}"


def blanking_of(regions: Sequence[Region]) -> Blanking | None:
    """What is to be blanked, if one label's regions say it."""
    if len(regions) == 1 and _blanks_all(regions[0]):
        return WHOLE
    if regions and all(region.box and not region.keep for region in regions):
        return _of_boxes(regions, "blank")
    if len(regions) < 2 or not _blanks_all(regions[0]):
        return None
    kept = regions[1:]
    if len(kept) == 1 and _keeps_regions(kept[0]):
        return Blanking(keep=ULTRASOUND_REGIONS)
    return _of_boxes(kept, "keep") if all(region.box and region.keep for region in kept) else None


def _of_boxes(regions: Sequence[Region], what: str) -> Blanking | None:
    boxes = tuple(region.box for region in regions if region.box)
    try:
        for box in boxes:
            Rectangle(*box)
    except ValueError:
        return None
    return Blanking(blank=boxes) if what == "blank" else Blanking(keep=boxes)


def _blanks_all(region: Region) -> bool:
    return not region.keep and region.words.lower() == "all"


def _only_shows(regions: Sequence[Region]) -> bool:
    return len(regions) == 1 and _keeps_regions(regions[0])


def _keeps_regions(region: Region) -> bool:
    return region.keep and region.words.lower() == _FROM_REGIONS


def paired(rules: Sequence[CarriedRule]) -> tuple[CarriedRule, ...]:
    """The rules, a label that blanks all and a later one that keeps an ultrasound's regions taken together."""
    found = list(rules)
    alls = [at for at, rule in enumerate(found) if rule.blanking == WHOLE]
    keeps = [at for at, rule in enumerate(found) if _only_shows(rule.label.regions)]
    if len(alls) != 1 or len(keeps) != 1 or alls[0] > keeps[0]:
        return tuple(found)
    blanks, shows = found[alls[0]], found[keeps[0]]
    both = joined("and", None if blanks.when is ALWAYS else blanks.when, shows.when)
    first = joined("and", None if blanks.when is ALWAYS else blanks.when, negated(shows.when))
    if shows.complete and isinstance(both, dict) and isinstance(first, dict):
        found[alls[0]] = replace(blanks, when=first)
        kept = Blanking(keep=ULTRASOUND_REGIONS)
        found[keeps[0]] = replace(shows, verdict=Verdict.CLEAN, when=both, blanking=kept)
    return tuple(found)
