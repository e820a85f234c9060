"""Objects too large for memory."""

from __future__ import annotations

import io
import tracemalloc
import zlib
from struct import pack
from typing import BinaryIO, cast

from tests.data.deid_objects import DEFLATED, KEYS, element, file_meta, instance, tag_bytes

from sendit.deid import PROFILES, deidentify

MIB = 1024 * 1024
MPEG = "1.2.840.10008.1.2.4.102"
FRAMES = 2048
FRAME_BYTES = 512 * 512 * 2
LARGE = (
    element(0x00280010, "US", pack("<H", 512)),
    element(0x00280011, "US", pack("<H", 512)),
    element(0x00280008, "IS", str(FRAMES)),
)


class Sparse(io.RawIOBase):
    """A stream of a head, a number of zero bytes that exist nowhere, and a tail."""

    def __init__(self, head: bytes, zeros: int, tail: bytes = b"") -> None:
        super().__init__()
        self._parts = [(0, head), (len(head) + zeros, tail)]
        self._size = len(head) + zeros + len(tail)
        self._position = 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = {0: 0, 1: self._position, 2: self._size}[whence] + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        size = min(size, self._size - self._position)
        block = bytearray(size)
        for start, part in self._parts:
            low, high = max(start, self._position), min(start + len(part), self._position + size)
            if low < high:
                block[low - self._position : high - self._position] = part[low - start : high - start]
        self._position += size
        return bytes(block)


class Counting(io.RawIOBase):
    """A sink that counts."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = 0

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.taken += len(data)
        return len(data)


def peak_of(source: io.RawIOBase | io.BytesIO) -> tuple[int, int, int]:
    """Peak memory, pixel bytes and bytes written of a de-identification."""
    sink = Counting()
    tracemalloc.start()
    report = deidentify(
        cast("BinaryIO", source),
        sink,
        profile=PROFILES["research"],
        keys=KEYS,
        identify=KEYS.identifiers,
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sink.taken == report.output_bytes
    return peak, report.pixel_bytes, sink.taken


def test_native_multi_frame_of_one_gigabyte_takes_little_memory() -> None:
    head = instance(*LARGE, pixels=b"")[:-12] + tag_bytes(0x7FE00010)
    head += b"OW\0\0" + pack("<L", FRAMES * FRAME_BYTES)
    peak, pixel_bytes, _ = peak_of(Sparse(head, FRAMES * FRAME_BYTES))
    assert pixel_bytes == 1024 * MIB
    assert peak < 20 * MIB


def test_encapsulated_multi_frame_of_one_gigabyte_takes_little_memory() -> None:
    pixel_head = tag_bytes(0x7FE00010) + b"OB\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\0\0\0\0"
    head = instance(*LARGE, pixels=b"", transfer_syntax=MPEG)[:-12] + pixel_head
    head += b"\xfe\xff\x00\xe0" + pack("<L", 1024 * MIB)
    peak, pixel_bytes, _ = peak_of(Sparse(head, 1024 * MIB, b"\xfe\xff\xdd\xe0\0\0\0\0"))
    assert pixel_bytes == 1024 * MIB + 24
    assert peak < 20 * MIB


def test_deflated_multi_frame_takes_little_memory() -> None:
    frames = 512
    plain = instance(*LARGE[:2], element(0x00280008, "IS", str(frames)), pixels=b"")
    body = plain[plain.index(element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2")) : -12]
    body += tag_bytes(0x7FE00010) + b"OW\0\0" + pack("<L", frames * FRAME_BYTES)
    squeeze = zlib.compressobj(wbits=-15)
    deflated = squeeze.compress(body) + b"".join(squeeze.compress(bytes(FRAME_BYTES)) for _ in range(frames))
    data = bytes(128) + b"DICM" + file_meta(DEFLATED) + deflated + squeeze.flush()
    peak, pixel_bytes, _ = peak_of(io.BytesIO(data))
    assert pixel_bytes == 256 * MIB
    assert peak < 20 * MIB
