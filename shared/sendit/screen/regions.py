"""Cleaning by what a header says of its frames: of an ultrasound, everything outside its regions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sendit.pixels import Cleaning, ultrasound_regions
from sendit.screen.conditions import Attributes

if TYPE_CHECKING:
    from sendit.deid.dicom.element import Item

REGIONS = 0x00186011
"""Sequence of Ultrasound Regions."""
_ROWS, _COLUMNS = 0x00280010, 0x00280011


class Header(Attributes, Protocol):
    """A header as it was read: its top level by tag."""

    @property
    def values(self) -> Mapping[int, bytes]:
        """The undecoded values, empty for a sequence."""

    @property
    def sequences(self) -> "Mapping[int, Sequence[Item]]":
        """The items of the sequences."""

    @property
    def codecs(self) -> tuple[str, ...]:
        """How its text is read."""


@dataclass(frozen=True, slots=True)
class OutsideRegions:
    """Blanks all that lies outside the regions of an ultrasound (PS3.3 C.8.5.5), which are kept but for a margin."""

    margin: int = 0

    def in_frames_of(self, header: Header) -> Cleaning | None:
        """What is blanked in an object's frames; None if regions are missing or nonsense, or fill the frame."""
        rows, columns = (int.from_bytes(header.values.get(tag, b""), "little") for tag in (_ROWS, _COLUMNS))
        regions = ultrasound_regions(header.sequences.get(REGIONS, ()), rows, columns)
        # a region that is the whole frame says of no pixel that it is none of the image
        if not regions or not Cleaning(keep=regions).bands(rows, columns):
            return None
        return Cleaning(keep=regions, margin=self.margin)
