"""A store as a destination: what it says of itself, it says of the destination."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import google_crc32c

from sendit.errors import Code, DestinationError, ImageError, TransientError
from sendit.ports import OutputStore, PendingOutput, Stat, Stored

_BLOCK = 1024 * 1024
_TRANSIENT = {
    Code.OUTPUT_UNAVAILABLE: Code.DESTINATION_UNAVAILABLE,
    Code.NO_SPACE: Code.DESTINATION_FULL,
}


class DestinationStore:
    """An output store that says destination_unavailable, destination_full or destination_refused of itself.

    What it says of one object (conflict, place_taken) stays; what was written otherwise than sent is the object's, too.
    """

    def __init__(self, store: OutputStore) -> None:
        self._store = store

    @contextmanager
    def create(self, name: str, metadata: Mapping[str, str]) -> Iterator["_Pending"]:
        """See `OutputStore.create`."""
        with ExitStack() as stack:
            with _of_the_destination():
                pending = stack.enter_context(self._store.create(name, metadata))
            yield _Pending(pending)

    def stat(self, name: str) -> Stat | None:
        """See `OutputStore.stat`."""
        with _of_the_destination():
            return self._store.stat(name)

    def crc32c(self, name: str, stat: Stat) -> int:
        """The crc32c of a stored object: the store's own, or that of its bytes, which are read."""
        if stat.crc32c is not None:
            return stat.crc32c
        crc = google_crc32c.Checksum()
        for block in self.blocks(name):
            crc.update(block)
        return int.from_bytes(crc.digest(), "big")

    def blocks(self, name: str) -> Iterator[bytes]:
        """The bytes of a stored object, one block at a time."""
        with ExitStack() as stack:
            with _of_the_destination():
                stream = stack.enter_context(self._store.open(name))
            while True:
                with _of_the_destination():
                    block = stream.read(_BLOCK)
                if not block:
                    return
                yield block


class _Pending:
    """One object on its way there."""

    def __init__(self, pending: PendingOutput) -> None:
        self._pending = pending

    def write(self, data: bytes, /) -> int:
        with _of_the_destination():
            return self._pending.write(data)

    def commit(self) -> Stored:
        with _of_the_destination():
            return self._pending.commit()


@contextmanager
def _of_the_destination() -> Iterator[None]:
    try:
        yield
    except TransientError as error:
        if error.code is Code.OUTPUT_FORBIDDEN:
            raise DestinationError(Code.DESTINATION_REFUSED) from None
        if error.code is Code.OUTPUT_NOT_VERIFIED:
            raise ImageError(Code.DESTINATION_NOT_VERIFIED) from None
        raise TransientError(_TRANSIENT.get(error.code, error.code)) from None
    except PermissionError:
        raise DestinationError(Code.DESTINATION_REFUSED) from None
    except (IsADirectoryError, NotADirectoryError):
        raise ImageError(Code.PLACE_TAKEN) from None
    except OSError:
        raise TransientError(Code.DESTINATION_UNAVAILABLE) from None
