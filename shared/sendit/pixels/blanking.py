"""Blanking in native frames (PS3.5 8.1, PS3.3 C.7.6.3.1.3): slices of rows are overwritten, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sendit.pixels.image import black_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sendit.pixels.image import Image
    from sendit.pixels.rectangles import Band, Cleaning


class _Plane(NamedTuple):
    """Rows of equal units, of a pixel or more, that begin at an offset in a frame; and a row of black ones."""

    offset: int
    row_bytes: int
    unit_bytes: int
    black: bytes


class Blanking:
    """Blanks any stretch of the frames of an image, which need not begin or end with a frame or a cell.

    Where two pixels share their chrominance, both are blanked if one is.
    """

    def __init__(self, image: Image, values: Mapping[int, bytes], cleaning: Cleaning) -> None:
        self._frames = image.frames
        self._frame_bytes = image.frame_bytes
        self._bands = cleaning.bands(image.rows, image.columns)
        if image.subsampled:
            self._bands = tuple(
                band._replace(spans=tuple((left // 2, (right + 1) // 2) for left, right in band.spans))
                for band in self._bands
            )
        self._planes = _planes(image, black_of(image, values))

    def apply(self, data: bytearray, at: int) -> None:
        """Blanks what has to be in bytes that begin at a position among those of all frames."""
        behind = (at + len(data) - 1) // self._frame_bytes + 1
        for frame in range(at // self._frame_bytes, min(behind, self._frames)):  # a pad byte is of no frame
            for plane in self._planes:
                start = frame * self._frame_bytes + plane.offset - at
                for band in self._bands:
                    _blank(data, start, plane, band)


def _blank(data: bytearray, start: int, plane: _Plane, band: Band) -> None:
    """Blanks a band of a plane that begins at a place in, before or behind the data."""
    row_bytes, unit, black = plane.row_bytes, plane.unit_bytes, plane.black
    first = max(band.top, -start // row_bytes)
    last = min(band.bottom, (len(data) - start - 1) // row_bytes + 1)
    for row in range(first, last):
        row_start = start + row * row_bytes
        for left, right in band.spans:
            begin, end = row_start + left * unit, row_start + right * unit
            low, high = max(begin, 0), min(end, len(data))
            if low < high:
                data[low:high] = black[low - begin : high - begin]


def _planes(image: Image, black: tuple[int, ...]) -> tuple[_Plane, ...]:
    """The planes of a frame."""
    columns, size = image.columns, image.cell_bytes
    cells = [value.to_bytes(size, "little") for value in black]
    if image.planar:
        row = columns * size
        return tuple(_Plane(image.rows * row * at, row, size, cell * columns) for at, cell in enumerate(cells))
    if image.subsampled:
        luminance, blue, red = cells
        unit = luminance * 2 + blue + red
        return (_Plane(0, columns // 2 * len(unit), len(unit), unit * (columns // 2)),)
    unit = b"".join(cells)
    return (_Plane(0, columns * len(unit), len(unit), unit * columns),)
