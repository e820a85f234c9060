"""Images of every kind of native pixel data, made byte by byte, and what numpy says of them."""

from __future__ import annotations

import random
import zlib
from dataclasses import dataclass
from struct import pack
from typing import TYPE_CHECKING, Any

import numpy as np
from tests.data.deid_big_endian import big_endian
from tests.data.deid_objects import BASE, BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, element, file_meta

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sendit.pixels import Cleaning

PHOTOMETRICS = ("MONOCHROME1", "MONOCHROME2", "RGB", "YBR_FULL", "YBR_FULL_422", "PALETTE COLOR")
NATIVE = (EXPLICIT, IMPLICIT, DEFLATED, BIG_ENDIAN)
PALETTE = ((200, 10, 30), (9, 8, 7), (3, 2, 1), (255, 255, 255))
"""The darkest is the third."""


@dataclass(frozen=True)
class Picture:
    """What the Image Pixel module says."""

    rows: int = 6
    columns: int = 8
    frames: int = 1
    photometric: str = "MONOCHROME2"
    allocated: int = 16
    stored: int = 12
    signed: bool = False
    planar: int = 0
    frames_said: bool = True

    @property
    def samples(self) -> int:
        return 3 if self.photometric in {"RGB", "YBR_FULL", "YBR_FULL_422"} else 1

    @property
    def dtype(self) -> str:
        return f"<{'i' if self.signed else 'u'}{self.allocated // 8}"

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the cells, in the order in which they are stored."""
        if self.photometric == "YBR_FULL_422":
            return self.frames, self.rows, self.columns // 2, 4
        if self.planar:
            return self.frames, self.samples, self.rows, self.columns
        return self.frames, self.rows, self.columns, self.samples

    @property
    def lowest(self) -> int:
        return -(1 << self.stored - 1) if self.signed else 0

    @property
    def highest(self) -> int:
        return (1 << self.stored - (1 if self.signed else 0)) - 1

    @property
    def black(self) -> tuple[int, ...]:
        grey = 1 << self.stored - 1
        return {
            "MONOCHROME1": (self.highest,),
            "MONOCHROME2": (self.lowest,),
            "RGB": (0, 0, 0),
            "PALETTE COLOR": (self.lowest + 2,),
        }.get(self.photometric, (0, grey, grey))

    def cells(self, seed: int = 0) -> NDArray[Any]:
        """Cells of any stored value."""
        numbers = np.random.default_rng(seed).integers(self.lowest, self.highest, self.shape, endpoint=True)
        return numbers.astype(self.dtype)

    def elements(self) -> dict[int, tuple[str, bytes]]:
        """The elements that describe it."""
        numbers = {
            0x00280002: self.samples, 0x00280010: self.rows, 0x00280011: self.columns, 0x00280100: self.allocated,
            0x00280101: self.stored, 0x00280102: self.stored - 1, 0x00280103: int(self.signed),
        }  # fmt: skip
        if self.samples == 3:
            numbers[0x00280006] = self.planar
        found = {tag: ("US", pack("<H", number)) for tag, number in numbers.items()}
        found[0x00280004] = ("CS", self.photometric.encode())
        if self.frames_said:
            found[0x00280008] = ("IS", str(self.frames).encode())
        if self.photometric == "PALETTE COLOR":
            for at in range(3):
                found[0x00281101 + at] = ("US", pack("<HhH", len(PALETTE), self.lowest, 16))
                found[0x00281201 + at] = ("OW", pack("<4H", *(colour[at] for colour in PALETTE)))
        return found

    def native(self, cells: NDArray[Any], transfer_syntax: str = EXPLICIT, *, trailer: bytes = b"") -> bytes:
        """An object of these cells."""
        value = cells.tobytes()
        value += bytes(len(value) % 2)
        vr = "OW" if self.allocated > 8 or transfer_syntax == IMPLICIT else "OB"
        if transfer_syntax == BIG_ENDIAN:
            return self._big_endian(value)
        implicit = transfer_syntax == IMPLICIT
        elements = {**BASE, **self.elements(), 0x7FE00010: (vr, value)}
        body = b"".join(element(tag, *elements[tag], implicit=implicit) for tag in sorted(elements)) + trailer
        if transfer_syntax == DEFLATED:
            deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
            body = deflate.compress(body) + deflate.flush()
        return self.before(transfer_syntax) + body

    def before(self, transfer_syntax: str) -> bytes:
        """A preamble that is not empty, and File Meta."""
        return b"II*\0" + bytes(124) + b"DICM" + file_meta(transfer_syntax, element(0x00020013, "SH", "MADE_UP"))

    def _big_endian(self, value: bytes) -> bytes:
        size = max(2, self.allocated // 8)  # as OW, bytes change places too
        turned = np.frombuffer(value, f"<u{size}").byteswap().tobytes()
        extra = [
            (tag, vr, np.frombuffer(raw, "<u2").byteswap().tobytes() if vr in {"US", "OW"} else raw)
            for tag, (vr, raw) in self.elements().items()
        ]
        return big_endian(self.allocated, "OW", turned, *extra)

    def blanked(self, cells: NDArray[Any], cleaning: Cleaning) -> NDArray[Any]:
        """The cells as they should be, pixel by pixel."""
        mask = masked(self.rows, self.columns, cleaning)
        result = cells.copy()
        for row, column in zip(*np.nonzero(mask), strict=True):
            if self.photometric == "YBR_FULL_422":
                luminance, blue, red = self.black
                result[:, row, column // 2] = (luminance, luminance, blue, red)
            elif self.planar:
                result[:, :, row, column] = self.black
            else:
                result[:, row, column] = self.black
        return result


def masked(rows: int, columns: int, cleaning: Cleaning) -> NDArray[np.bool_]:
    """Which pixels of a frame are blanked."""
    mask = np.zeros((rows, columns), bool)
    if cleaning.keep:
        mask[:] = True
        for row in range(rows):
            for column in range(columns):
                mask[row, column] = not any(
                    one.left + cleaning.margin <= column < one.right - cleaning.margin
                    and one.top + cleaning.margin <= row < one.bottom - cleaning.margin
                    for one in cleaning.keep
                )
    for one in cleaning.blank:
        mask[one.top : one.bottom, one.left : one.right] = True
    return mask


def in_any_order(stream: Any, seed: int) -> bytes:
    """The bytes of a stream, read in pieces of all sizes, back and forth."""
    order = random.Random(seed)  # noqa: S311
    size = stream.seek(0, 2)
    data = bytearray(size)
    starts = list(range(0, size, 101))
    order.shuffle(starts)
    for start in starts:
        stream.seek(start)
        piece = stream.read(order.choice([101, 150]))
        data[start : start + len(piece)] = piece
    return bytes(data)
