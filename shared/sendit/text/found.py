"""The text of an object's frames: where it is in any of them, found one frame after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sendit.deid.dicom.limits import DEFAULT_LIMITS, Limits
from sendit.pixels import Cleaning, cleaned, decoded_frames
from sendit.pixels.rectangles import MOST_RECTANGLES
from sendit.text.boxes import joined
from sendit.text.detector import detector
from sendit.text.errors import TextFound
from sendit.text.views import view_of

if TYPE_CHECKING:
    from typing import BinaryIO

    from sendit.text.boxes import Box

_MOST_REPORTED = 64


@dataclass(frozen=True, slots=True)
class FoundText:
    """How many frames were looked at, and boxes around all text of any of them: no two overlap."""

    frames: int
    boxes: tuple[Box, ...] = ()

    @property
    def cleanings(self) -> tuple[Cleaning, ...]:
        """What blanks all of them, if there are any."""
        return (Cleaning(blank=tuple(box.rectangle() for box in self.boxes)),) if self.boxes else ()

    def as_record(self) -> dict[str, object]:
        """For the report: places and scores, of so many boxes; how many more there are is said."""
        record: dict[str, object] = {"frames": self.frames, "boxes": [list(box) for box in self.boxes[:_MOST_REPORTED]]}
        if len(self.boxes) > _MOST_REPORTED:
            record["more"] = len(self.boxes) - _MOST_REPORTED
        return record


def text_in(source: BinaryIO, limits: Limits = DEFAULT_LIMITS) -> FoundText:
    """Where the frames of an object show text. `source` is a seekable stream; one frame is held at a time.

    Raises:
        DeidError: the object cannot be read.
        PixelError: a frame cannot be decoded, or nobody knows what it shows; of some of them nothing is said then.
    """
    boxes: tuple[Box, ...] = ()
    frames = 0
    for frame, image, values in decoded_frames(source, limits):
        picture = view_of(frame, image, values)
        if picture is not None:
            boxes = joined((*boxes, *detector().boxes(picture)), MOST_RECTANGLES)
        frames += 1
    return FoundText(frames, boxes)


def without_text(
    source: BinaryIO, limits: Limits = DEFAULT_LIMITS, *, reject: bool = False
) -> tuple[BinaryIO, FoundText]:
    """The same object with all text of any frame blanked in every frame, and what was found.

    Where nothing is found this is the source itself, at its beginning; else as `cleaned` has it.

    Raises:
        TextFound: there is text, and it is to `reject`.
        DeidError, PixelError: as `text_in` and `cleaned` say.
    """
    found = text_in(source, limits)
    if not found.boxes:
        source.seek(0)
        return source, found
    if reject:
        raise TextFound
    (cleaning,) = found.cleanings
    return cleaned(source, cleaning, limits), found
