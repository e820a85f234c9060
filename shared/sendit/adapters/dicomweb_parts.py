"""An answer of several parts, multipart/related, taken apart as it comes (RFC 2046 5.1)."""

import re
from collections.abc import Iterator

from sendit.adapters.dicomweb_link import Setback

_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"]{1,70})"|([^";\s]{1,70}))', re.IGNORECASE)
_LONGEST_HEAD = 64 * 1024


def parts(content_type: str, blocks: Iterator[bytes]) -> Iterator[Iterator[bytes]]:
    """The bytes of each part, each to be read before the next is asked for; what is left of it is skipped.

    An answer of type application/dicom is one part. Raises `Setback` for any other, and where the last part is not
    closed: a connection that ends early looks like that.
    """
    if content_type.split(";")[0].strip().lower() == "application/dicom":
        return iter([blocks])
    boundary = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/") or boundary is None:
        raise Setback
    return _Parts(blocks, (boundary[1] or boundary[2]).encode("latin-1", "replace")).each()


class _Parts:
    def __init__(self, blocks: Iterator[bytes], boundary: bytes) -> None:
        self._blocks = blocks
        self._delimiter = b"\r\n--" + boundary
        self._held = b"\r\n"  # the first delimiter may be the very beginning

    def each(self) -> Iterator[Iterator[bytes]]:
        for _ in self._until(self._delimiter):
            pass
        while not self._closes():
            head = 0
            for piece in self._until(b"\r\n\r\n"):
                head += len(piece)
                if head > _LONGEST_HEAD:
                    raise Setback
            part = self._until(self._delimiter)
            yield part
            for _ in part:
                pass

    def _closes(self) -> bool:
        while len(self._held) < 2:
            self._held += self._next()
        return self._held.startswith(b"--")

    def _until(self, end: bytes) -> Iterator[bytes]:
        """What comes before `end`, which is taken too."""
        keep = len(end) - 1  # it may have begun
        while (at := self._held.find(end)) < 0:
            if len(self._held) > keep:
                piece, self._held = self._held[:-keep], self._held[-keep:]
                yield piece
            self._held += self._next()
        piece, self._held = self._held[:at], self._held[at + len(end) :]
        if piece:
            yield piece

    def _next(self) -> bytes:
        for block in self._blocks:
            return block
        raise Setback
