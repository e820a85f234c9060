"""Pixel data: checked against what the header says of it, then copied without ever being held whole.

Nothing is decoded. What an encoder wrote inside a compressed frame stays as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import google_crc32c
from pydicom.uid import UID

from sendit.deid.dicom.elements import UNDEFINED
from sendit.deid.dicom.fragments import FrameIndex, encapsulated_length, has_extended_offsets
from sendit.deid.dicom.stream import CHUNK
from sendit.deid.dicom.uids import is_image_storage
from sendit.deid.dicom.vrs import concrete_vr, swap_words
from sendit.deid.errors import DeidError, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sendit.deid.dicom.element import ElementHead
    from sendit.deid.dicom.read import OpenObject
    from sendit.deid.dicom.sink import Sink
    from sendit.deid.dicom.stream import BoundedReader

ROWS, COLUMNS, SAMPLES, BITS_ALLOCATED = 0x00280010, 0x00280011, 0x00280002, 0x00280100
NUMBER_OF_FRAMES, PHOTOMETRIC_INTERPRETATION = 0x00280008, 0x00280004
DESCRIBED_BY = frozenset({ROWS, COLUMNS, SAMPLES, BITS_ALLOCATED, NUMBER_OF_FRAMES, PHOTOMETRIC_INTERPRETATION})
"""The attributes that say how long pixel data is."""
_CELL_BITS = {0x7FE00008: 32, 0x7FE00009: 64}
_SWAPPED_BITS = frozenset({1, 8, 16, 32, 64})


class PixelPlan(NamedTuple):
    """Which bytes of the source are the value of the pixel data, and how they are written.

    `length` is that of the value as written, including the pad byte of an odd one; `word` the bytes to swap.
    """

    tag: int
    vr: str
    start: int
    source_length: int
    length: int
    word: int
    encapsulated: bool


def plan_pixels(opened: OpenObject) -> PixelPlan | None:
    """Checks the extent of the pixel data and moves the stream behind it; None if there is none to have.

    Raises:
        DeidError: `no_pixel_data`, `pixel_data_too_short`, `pixel_data_too_long`, `truncated` or `malformed`.
    """
    values = opened.header.values
    if opened.pixels is None:
        described = values.get(ROWS) and values.get(BITS_ALLOCATED)
        if described or is_image_storage(opened.header.sop_class_uid):
            raise DeidError(Refusal.NO_PIXEL_DATA)
        return None
    return plan_of(opened.pixels, values, opened.stream, opened.header.transfer_syntax, big_endian=opened.big_endian)


def plan_of(
    head: ElementHead, values: Mapping[int, bytes], stream: BoundedReader, transfer_syntax: str, *, big_endian: bool
) -> PixelPlan:
    """The same for pixel data whose value begins where the stream stands, beside top-level values by tag.

    Raises:
        DeidError: as `plan_pixels`.
    """
    encapsulated = head.length == UNDEFINED
    if encapsulated != UID(transfer_syntax).is_encapsulated:
        raise DeidError(Refusal.MALFORMED)
    _check_not_empty(values)
    vr = concrete_vr(head.vr, signed=False)
    if encapsulated:
        frames = FrameIndex(values, _frames(values), transfer_syntax)
        source_length = encapsulated_length(stream, frames)
        # PS3.5 A.4: encapsulated pixel data is OB, whatever the source called it
        return PixelPlan(head.tag, "OB", head.value_position, source_length, source_length, 1, True)
    if vr not in {"OB", "OW", "OF", "OD"} or has_extended_offsets(values):
        raise DeidError(Refusal.MALFORMED)
    _check_native_length(values, head.tag, head.length)
    stream.skip(head.length)
    word = _word(vr, values) if big_endian else 1
    if head.length % word:
        raise DeidError(Refusal.MALFORMED)
    padded = head.length + head.length % 2
    return PixelPlan(head.tag, vr, head.value_position, head.length, padded, word, False)


def check_result(plan: PixelPlan, values: Mapping[int, bytes]) -> None:
    """Checks that the de-identified header still describes the pixel data that will stand behind it.

    Raises:
        DeidError: `no_pixel_data`, `pixel_data_too_short`, `pixel_data_too_long` or `malformed`.
    """
    _check_not_empty(values)
    if not plan.encapsulated:
        _check_native_length(values, plan.tag, plan.source_length)


def copy_pixels(
    stream: BoundedReader, plan: PixelPlan, sink: Sink, watch: Callable[[bytes], None] | None = None
) -> str:
    """Copies the value in chunks, each shown to `watch` before; the crc32c of what the sink took, as 8 hex digits.

    Raises:
        DeidError: `truncated` if the source has become shorter, `gate_pixels_differ` if the sink has not taken
            what was read.
    """
    crc = google_crc32c.Checksum()
    stream.seek(plan.start)
    remaining = plan.source_length
    while remaining:
        if plan.word == 1:
            chunk = stream.pass_on(remaining)
        else:
            chunk = swap_words(stream.chunk(min(CHUNK, remaining)), plan.word)
        remaining -= len(chunk)
        if watch is not None:
            watch(chunk)
        _pass(chunk, crc, sink)
    if plan.length > plan.source_length:
        _pass(b"\0", crc, sink)
    return bytes(crc.hexdigest()).decode("ascii")


def _pass(chunk: bytes, crc: google_crc32c.Checksum, sink: Sink) -> None:
    """One chunk to the sink; its checksum is of what was read, and the sink says that it has taken as much."""
    crc.update(chunk)
    while len(chunk):
        taken = sink.write(chunk)
        if not 0 < taken <= len(chunk):
            raise DeidError(Refusal.GATE_PIXELS_DIFFER)
        chunk = chunk[taken:]


def _check_not_empty(values: Mapping[int, bytes]) -> None:
    """An image has a row, a column and a frame."""
    if not (_number(values, ROWS) and _number(values, COLUMNS) and _frames(values)):
        raise DeidError(Refusal.NO_PIXEL_DATA)


def _check_native_length(values: Mapping[int, bytes], tag: int, length: int) -> None:
    """Compares the length with rows × columns × samples × bits × frames (PS3.3 C.7.6.3.1)."""
    rows, columns = _number(values, ROWS), _number(values, COLUMNS)
    bits = _CELL_BITS.get(tag) or _number(values, BITS_ALLOCATED)
    samples = _number(values, SAMPLES, absent=1)
    cells = rows * columns * samples * _frames(values)
    if values.get(PHOTOMETRIC_INTERPRETATION, b"").strip(b" \0") == b"YBR_FULL_422":
        cells = cells * 2 // 3  # two luminance samples share one pair of chrominance samples
    expected = (cells * bits + 7) // 8
    if length < expected:
        raise DeidError(Refusal.PIXEL_DATA_TOO_SHORT)
    if length > expected + expected % 2:
        raise DeidError(Refusal.PIXEL_DATA_TOO_LONG)


def _number(values: Mapping[int, bytes], tag: int, absent: int | None = None) -> int:
    """The value of a US element; what is missing or not two bytes long makes the length unverifiable."""
    value = values.get(tag, b"")
    if not value and absent is not None:
        return absent
    if len(value) != 2:
        raise DeidError(Refusal.MALFORMED)
    return int.from_bytes(value, "little")


def _frames(values: Mapping[int, bytes]) -> int:
    value = values.get(NUMBER_OF_FRAMES, b"").strip(b" \0")
    if not value:
        return 1
    if not value.isdigit() or len(value) > 12:
        raise DeidError(Refusal.MALFORMED)
    return int(value)


def _word(vr: str, values: Mapping[int, bytes]) -> int:
    """The bytes that change places with the byte order: a pixel cell of 32 or 64 bits turns as a whole.

    PS3.5 7.3 speaks of 16-bit words for OW; what writes big endian in practice, and pydicom, swap the cell.
    """
    if vr in {"OB", "OW"}:
        bits = _number(values, BITS_ALLOCATED)
        if bits not in _SWAPPED_BITS or (vr == "OB" and bits > 8):
            raise DeidError(Refusal.MALFORMED)  # nobody knows which bytes would have to change places
        return 1 if vr == "OB" else max(2, bits // 8)
    return {"OF": 4, "OD": 8}.get(vr, 1)
