"""Native pixel data looked at while it passes by on its way to the output, so that it is read once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pydicom.uid import UID

from sendit.deid.dicom.pixels import BITS_ALLOCATED, COLUMNS, ROWS
from sendit.pixels.bits import UnusedBits
from sendit.pixels.image import Image, image_of
from sendit.pixels.kinds import Hidden

if TYPE_CHECKING:
    from collections.abc import Callable

    from sendit.deid import Header


class HiddenFound(Exception):
    """Something hides beside the samples that pass; the output is to be thrown away and made without it."""

    def __init__(self, hidden: Hidden) -> None:
        super().__init__(hidden.value)
        self.hidden = hidden


class PassingFrames(NamedTuple):
    """What a header says of an object's pixel data: whether it is compressed, and what native frames are made of.

    `rows` and `columns` are those of any frame; 0 where the header says none.
    """

    compressed: bool
    image: Image | None
    rows: int
    columns: int

    def watch(self) -> Callable[[bytes], None] | None:
        """What is to be shown every piece of native pixel data, little endian; None where nothing can hide."""
        if self.image is None:
            return None
        return _Watch(self.image).look


def frames_of(header: Header) -> PassingFrames:
    """What a header says of the frames.

    Raises:
        DeidError: `malformed` if Number of Frames is no number.
        PixelError: `pixel_format_unsupported`; nobody could say what hides in them.
    """
    rows, columns = (int.from_bytes(header.values.get(tag, b"")[:2], "little") for tag in (ROWS, COLUMNS))
    if UID(header.transfer_syntax).is_encapsulated:
        return PassingFrames(True, None, rows, columns)
    has_pixels = header.values.get(ROWS) and header.values.get(BITS_ALLOCATED)
    return PassingFrames(False, image_of(header.values) if has_pixels else None, rows, columns)


class _Watch:
    """The pixel data of one object, of which pieces come in order."""

    def __init__(self, image: Image) -> None:
        self._bits = UnusedBits(image)
        self._cell_bytes = image.cell_bytes
        self._left = image.frame_bytes * image.frames
        self._rest = b""

    def look(self, piece: bytes) -> None:
        """Looks at a piece.

        Raises:
            HiddenFound: something hides in it.
        """
        if len(piece) > self._left:
            if any(piece[self._left :]):
                raise HiddenFound(Hidden.PADDING)
            piece = piece[: self._left]
        self._left -= len(piece)
        if self._bits.none_unused:
            return
        data = self._rest + piece if self._rest else piece
        whole = len(data) - len(data) % self._cell_bytes
        self._rest = data[whole:]
        if self._bits.any_in(data[:whole] if self._rest else data):
            raise HiddenFound(Hidden.UNUSED_BITS)
