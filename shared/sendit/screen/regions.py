"""What is to be blanked in the frames that a header describes; of an ultrasound, everything outside its regions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sendit.pixels import Cleaning, ultrasound_regions
from sendit.screen.conditions import Attributes

if TYPE_CHECKING:
    from sendit.deid.dicom.element import Item

REGIONS = 0x00186011
"""Sequence of Ultrasound Regions."""
ROWS, COLUMNS = 0x00280010, 0x00280011
_LEAST_SHARE_OUTSIDE = 20
"""So small a part of a frame, one in as many, lies outside regions that are those of the image."""


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
        """What is blanked in an object's frames; None if regions are missing or nonsense, or all but fill the frame."""
        rows, columns = _size(header)
        regions = ultrasound_regions(header.sequences.get(REGIONS, ()), rows, columns)
        # a region that is nearly the whole frame, banner and all, does not say where the image is
        if not regions or _blanked(Cleaning(keep=regions), rows, columns) * _LEAST_SHARE_OUTSIDE < rows * columns:
            return None
        return Cleaning(keep=regions, margin=self.margin)


def leaves_a_part(cleaning: Cleaning, header: Header) -> bool:
    """Whether a cleaning blanks a part of an object's frames, and leaves one: it may have been meant for others."""
    rows, columns = _size(header)
    return 0 < _blanked(cleaning, rows, columns) < rows * columns


def _size(header: Header) -> tuple[int, int]:
    rows, columns = (int.from_bytes(header.values.get(tag, b""), "little") for tag in (ROWS, COLUMNS))
    return rows, columns


def _blanked(cleaning: Cleaning, rows: int, columns: int) -> int:
    """How many pixels of a frame are blanked."""
    bands = cleaning.bands(rows, columns)
    return sum((band.bottom - band.top) * sum(right - left for left, right in band.spans) for band in bands)
