"""What is posted: images as they are stored, as the parts of one multipart/related body (PS3.18 8.7.1, RFC 2387)."""

import uuid
from collections.abc import Iterator, Sequence

from sendit.deadline import Deadline
from sendit.destination import Reading, Sendable
from sendit.errors import Code, ImageError, TransientError
from sendit.ports import OutputStore


class Multipart:
    """The words between the parts of one body."""

    def __init__(self) -> None:
        boundary = uuid.uuid4().hex
        self.content_type = f'multipart/related; type="application/dicom"; boundary={boundary}'
        self.before = f"\r\n--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode("ascii")
        self.end = f"\r\n--{boundary}--\r\n".encode("ascii")

    def whole(self, parts: Sequence[bytes]) -> bytes:
        """A body in memory."""
        return b"".join((*(piece for part in parts for piece in (self.before, part)), self.end))


class Streamed:
    """A body with one image that is not held in memory. Its length is known; it can be read as often as needed.

    Raises `ImageError` (output_missing, output_damaged) as it is read, before the last of the image is out of hand:
    such a request ends unfinished, and no server takes it for a whole one.
    """

    def __init__(self, multipart: Multipart, image: Sendable, output: OutputStore, deadline: Deadline) -> None:
        self._multipart = multipart
        self._image = image
        self._output = output
        self._deadline = deadline

    def __len__(self) -> int:
        """In bytes."""
        return len(self._multipart.before) + self._image.size + len(self._multipart.end)

    def __iter__(self) -> Iterator[bytes]:
        """From its beginning. Raises `TransientError` (destination_unavailable) when the time is up."""
        held, size = self._multipart.before, 0
        with Reading(self._image, self._output).blocks() as blocks:
            for block in blocks:
                size += len(block)
                if size > self._image.size:
                    raise ImageError(Code.OUTPUT_DAMAGED)
                if self._deadline.left() == 0.0:
                    raise TransientError(Code.DESTINATION_UNAVAILABLE)
                yield held
                held = block
        yield held
        yield self._multipart.end
