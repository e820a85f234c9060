"""tar.gz as a stream, the same bytes on every machine (pure): USTAR headers that say nothing but name and size."""

import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import google_crc32c

from sendit.errors import Code, ImageError

LARGEST_MEMBER = 8**11 - 1  # bytes: eleven octal digits (POSIX.1-1988, 10.1.1)

_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # RFC 1952: no flags, no time, unknown system
_LEVEL = 1  # of zlib
_BLOCK = 512
_RECORD = 20 * _BLOCK
_PIECE = 1024 * 1024
_GZIP = 16 + zlib.MAX_WBITS


class TarGz:
    """Writes one archive, member by member, in memory that does not grow with it."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._crc = 0
        self._size = 0
        write(_GZIP_HEADER)

    def add(self, name: str, size: int, blocks: Iterable[bytes]) -> None:
        """Append a member; the blocks hold exactly `size` bytes, or raise before they end.

        Raises `ImageError` (instance_refused) for a member that USTAR has no room for.
        """
        if size > LARGEST_MEMBER:
            raise ImageError(Code.INSTANCE_REFUSED)
        info = tarfile.TarInfo(name)
        info.size = size
        self._put(info.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict"))
        for block in blocks:
            self._put(block)
        self._put(bytes(-size % _BLOCK))

    def close(self) -> None:
        """End the archive."""
        self._put(bytes(2 * _BLOCK))
        self._put(bytes(-self._size % _RECORD))
        self._write(self._deflate.flush())
        self._write(self._crc.to_bytes(4, "little") + (self._size & 0xFFFFFFFF).to_bytes(4, "little"))

    def _put(self, data: bytes) -> None:
        self._crc = zlib.crc32(data, self._crc)
        self._size += len(data)
        if deflated := self._deflate.compress(data):
            self._write(deflated)


@dataclass(frozen=True, slots=True)
class Member:
    """What an archive holds under a name: size in bytes and crc32c."""

    name: str
    size: int
    crc32c: int


def members(blocks: Iterable[bytes]) -> Iterator[Member]:
    """What a tar.gz holds, in memory that does not grow with it; of a name that is there twice the last counts.

    Raises ValueError if it cannot be read to its end: what came before then proves nothing.
    """
    tar = _Bytes(_inflated(blocks))
    while any(header := tar.exactly(_BLOCK)):
        try:
            info = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
        except tarfile.HeaderError:
            raise ValueError("this is no tar archive") from None
        if info.size < 0:
            raise ValueError("this is no tar archive")
        crc = google_crc32c.Checksum()
        for piece in tar.pieces(info.size):
            crc.update(piece)
        tar.exactly(-info.size % _BLOCK)
        yield Member(info.name, info.size, int.from_bytes(crc.digest(), "big"))
    tar.drain()


def _inflated(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """What gzip holds, in pieces of bounded size, checked at the end against its own sum."""
    inflate = zlib.decompressobj(_GZIP)
    try:
        for block in blocks:
            rest = block
            while rest and not inflate.eof:
                yield inflate.decompress(rest, _PIECE)
                rest = inflate.unconsumed_tail
            if rest or inflate.unused_data:
                raise ValueError("something stands behind the gzip stream")
        yield inflate.flush()
    except zlib.error:
        raise ValueError("this is no gzip stream") from None
    if not inflate.eof:
        raise ValueError("the gzip stream ends early")


class _Bytes:
    """Pieces of any size as bytes that are taken in order."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._rest = pieces
        self._held = memoryview(b"")

    def pieces(self, size: int) -> Iterator[bytes]:
        while size:
            while not self._held:
                if (piece := next(self._rest, None)) is None:
                    raise ValueError("the archive ends early")
                self._held = memoryview(piece)
            taken, self._held = bytes(self._held[:size]), self._held[size:]
            size -= len(taken)
            yield taken

    def exactly(self, size: int) -> bytes:
        return b"".join(self.pieces(size))

    def drain(self) -> None:
        for _ in self._rest:
            pass
