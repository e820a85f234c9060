"""What was done to one object, without one value of the original header."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


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
    actions: Mapping[str, int]
    attributes: tuple[tuple[str, str], ...]
    gate_values_searched: int
    gate_elements_searched: int
    pixel_crc32c: str | None
    pixel_bytes: int
    output_bytes: int
    attributes_omitted: int = 0

    def to_json_line(self) -> str:
        """One line of JSON with its keys in a fixed order, ending with a newline."""
        record = asdict(self)
        record["actions"] = dict(sorted(self.actions.items()))
        return json.dumps(record, ensure_ascii=True, separators=(",", ":")) + "\n"
