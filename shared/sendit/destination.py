"""Where images go on from the output store: the port, and what passes through it."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import google_crc32c

from sendit.deadline import ENDLESS, Deadline
from sendit.errors import Code, ImageError, TransientError
from sendit.ports import OutputStore


@dataclass(frozen=True, slots=True)
class Sendable:
    """An image in the output store: its name there, its size in bytes and its crc32c."""

    output: str
    size: int
    crc32c: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one image at a destination: it is there and verified, or a code says why it is not."""

    image: Sendable
    code: Code | None = None


class Destination(Protocol):
    """A place beside the output store that gets every stored image."""

    @property
    def name(self) -> str:
        """Its address, without credentials: what records, logs and pages call it."""

    @property
    def whole_studies(self) -> bool:
        """Whether it needs all images of a study at one time, also those that it has."""

    def lost(self, images: Sequence[Sendable], output: OutputStore, deadline: Deadline = ENDLESS) -> Sendable | None:
        """The first of these images, all of which had a receipt once, that it does not show any more; None if all are.

        A look at what there is, and no proof of what is in it. When the deadline is near it ends as if all were.
        Raises as `send` does.
        """

    def send(self, images: Sequence[Sendable], output: OutputStore, deadline: Deadline = ENDLESS) -> Iterator[Receipt]:
        """Bring the images there, as far as they are not; a receipt for each, in the order in which they are given.

        They come in the order of their names, so that those of a study are together. Idempotent: what is there with
        the same content has a receipt as if it were sent now; what is there with other content is a conflict. A
        receipt without a code means that the destination holds the image for good and was asked to prove it. When the
        deadline is near nothing further is begun, and what is not begun has no receipt.

        Raises `TransientError` (destination_unavailable, destination_full) or `DestinationError` (destination_refused,
        destination_unusable); what has a receipt by then is there.
        """


class Reading:
    """One image of the output store, read once and from its beginning, and checked at its end."""

    def __init__(self, image: Sendable, output: OutputStore) -> None:
        self._image = image
        self._output = output

    @contextmanager
    def blocks(self, size: int = 1024 * 1024) -> Iterator[Iterator[bytes]]:
        """The bytes, in blocks of `size` at most.

        Raises `ImageError`: output_missing if it is not there, output_damaged at the end if it is not what was stored;
        whoever passes the bytes on must not let them count before. Raises `TransientError` if the store cannot be read.
        """
        with ExitStack() as stack:
            with reading():
                stream = stack.enter_context(self._output.open(self._image.output))
            yield self._checked(stream, size)

    def whole(self) -> bytes:
        """All bytes at once. Raises as `blocks` does."""
        with self.blocks() as blocks:
            return b"".join(blocks)

    def _checked(self, stream: BinaryIO, most: int) -> Iterator[bytes]:
        crc, size = google_crc32c.Checksum(), 0
        while True:
            with reading():
                block = stream.read(most)
            if not block:
                break
            crc.update(block)
            size += len(block)
            yield block
        if (size, int.from_bytes(crc.digest(), "big")) != (self._image.size, self._image.crc32c):
            raise ImageError(Code.OUTPUT_DAMAGED)


@contextmanager
def reading() -> Iterator[None]:
    """What reading the output store raises, as `ImageError` (output_missing) or `TransientError`."""
    try:
        yield
    except FileNotFoundError:
        raise ImageError(Code.OUTPUT_MISSING) from None
    except OSError:
        raise TransientError(Code.OUTPUT_UNAVAILABLE) from None
