"""What was done to one object, without one value of the original header."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_LISTED = 10_000
"""So many attributes are listed by path; a hostile object may have a million."""

MOST_CHARACTERS = 64 * 1024
"""So long may the paths of one top-level element be together, and a sixteenth of those of all: they may be long."""


class Done(NamedTuple):
    """What was done to some elements: how many were kept, and (path by keyword, action) of every other, in order.

    `omitted` counts by action what was changed beyond MOST_LISTED, `searched` what the gate looked at.
    """

    kept: int = 0
    changed: tuple[tuple[str, str], ...] = ()
    omitted: tuple[tuple[str, int], ...] = ()
    searched: int = 0

    def without_paths(self) -> Done:
        """The same, with what was changed counted alone."""
        counts = Counter(dict(self.omitted))
        counts.update(action for _, action in self.changed)
        return Done(self.kept, (), tuple(counts.items()), self.searched)


def together(parts: Sequence[Done]) -> Done:
    """One account for several elements."""
    omitted: Counter[str] = Counter()
    for part in parts:
        if part.omitted:
            omitted.update(dict(part.omitted))
    return Done(
        sum([part.kept for part in parts]),
        tuple([one for part in parts for one in part.changed]),
        tuple(omitted.items()),
        sum([part.searched for part in parts]),
    )


@dataclass(frozen=True, slots=True)
class Report:
    """The account of one de-identified object; UIDs and the patient are the NEW ones.

    `actions` counts elements by action; `attributes` lists (path by keyword, action) of every element that
    was changed or removed, in order, up to a bound, and `attributes_omitted` how many more there were. An
    unknown or private element is named by its tag, never its value.
    """

    sop_class_uid: str
    sop_instance_uid: str
    study_uid: str
    series_uid: str
    patient: str
    transfer_syntax: str
    profile: str
    profile_digest: str
    edition: str
    key_id: str
    normalised: tuple[str, ...]
    done: tuple[Done, ...]
    gate_values_searched: int
    pixel_crc32c: str | None
    pixel_bytes: int
    output_bytes: int

    @property
    def actions(self) -> dict[str, int]:
        """How many elements, by what was done to them."""
        counts = Counter(action for done in self.done for _, action in done.changed)
        counts["keep"] += sum(done.kept for done in self.done)
        for done in self.done:
            counts.update(dict(done.omitted))
        return dict(sorted((+counts).items()))

    @property
    def attributes(self) -> tuple[tuple[str, str], ...]:
        """Path and action of what was changed."""
        return tuple(one for done in self.done for one in done.changed)[:MOST_LISTED]

    @property
    def attributes_omitted(self) -> int:
        """How many more were changed than are listed."""
        listed = sum(len(done.changed) for done in self.done)
        omitted = sum(count for done in self.done for _, count in done.omitted)
        return max(0, listed - MOST_LISTED) + omitted

    @property
    def gate_elements_searched(self) -> int:
        """How many elements the gate looked at."""
        return sum(done.searched for done in self.done)

    def to_json_line(self) -> str:
        """One line of JSON with its keys in a fixed order, ending with a newline."""
        record = {
            "sop_class_uid": self.sop_class_uid,
            "sop_instance_uid": self.sop_instance_uid,
            "study_uid": self.study_uid,
            "series_uid": self.series_uid,
            "patient": self.patient,
            "transfer_syntax": self.transfer_syntax,
            "profile": self.profile,
            "profile_digest": self.profile_digest,
            "edition": self.edition,
            "key_id": self.key_id,
            "normalised": self.normalised,
            "actions": self.actions,
            "attributes": self.attributes,
            "gate_values_searched": self.gate_values_searched,
            "gate_elements_searched": self.gate_elements_searched,
            "pixel_crc32c": self.pixel_crc32c,
            "pixel_bytes": self.pixel_bytes,
            "output_bytes": self.output_bytes,
            "attributes_omitted": self.attributes_omitted,
        }
        return json.dumps(record, ensure_ascii=True, separators=(",", ":")) + "\n"
