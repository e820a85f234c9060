"""Another folder or bucket as a destination: each image an object of its own, named by a layout."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from sendit.adapters.destination_store import DestinationStore
from sendit.address import Address
from sendit.deadline import ENDLESS, Deadline
from sendit.destination import Reading, Receipt, Sendable
from sendit.errors import Code, ImageError, UsageError
from sendit.layout import DEFAULT, Layout, OutputName
from sendit.output_header import header_of
from sendit.ports import OutputStore

_AT_ONCE = 8
_LOOKED_FOR = 256
_IN_FLIGHT_BYTES = 64 * 1024 * 1024  # of images whose bytes are on their way; one that is larger goes alone


class StoreDestination:
    """A `Destination` that is any `OutputStore`: create-only, whole or not at all, verified by crc32c."""

    def __init__(
        self,
        store: OutputStore,
        name: str,
        layout: Layout,
        *,
        at_once: int = _AT_ONCE,
        in_flight_bytes: int = _IN_FLIGHT_BYTES,
    ) -> None:
        self._store = DestinationStore(store)
        self._name = name
        self._layout = layout
        self._at_once = at_once
        self._in_flight_bytes = in_flight_bytes

    @property
    def name(self) -> str:
        """See `Destination.name`."""
        return self._name

    @property
    def whole_studies(self) -> bool:
        """See `Destination.whole_studies`."""
        return False

    def lost(self, images: Sequence[Sendable], output: OutputStore, deadline: Deadline = ENDLESS) -> Sendable | None:
        """See `Destination.lost`: by name and size."""
        with ThreadPoolExecutor(self._at_once) as threads:
            for start in range(0, len(images), _LOOKED_FOR):
                part = images[start : start + _LOOKED_FOR]
                if deadline.near:
                    return None
                shown = threads.map(lambda image: self._shows(image, output), part)
                if gone := next((image for image, there in zip(part, shown, strict=True) if not there), None):
                    return gone
        return None

    def send(self, images: Sequence[Sendable], output: OutputStore, deadline: Deadline = ENDLESS) -> Iterator[Receipt]:
        """See `Destination.send`. A few images are under way at one time."""
        under_way: deque[tuple[int, Future[Receipt]]] = deque()
        with ThreadPoolExecutor(self._at_once) as threads:
            for image in images:
                while under_way and not self._has_room(image, under_way):
                    yield under_way.popleft()[1].result()
                if deadline.near:
                    break
                under_way.append((image.size, threads.submit(self._receipt, image, output)))
            for _, receipt in under_way:
                yield receipt.result()

    def _has_room(self, image: Sendable, under_way: Sequence[tuple[int, object]]) -> bool:
        size = image.size + sum(size for size, _ in under_way)
        return len(under_way) < self._at_once and size <= self._in_flight_bytes

    def _receipt(self, image: Sendable, output: OutputStore) -> Receipt:
        try:
            self._bring(image, output)
        except ImageError as error:
            return Receipt(image, error.code)
        return Receipt(image)

    def _shows(self, image: Sendable, output: OutputStore) -> bool:
        try:
            there = self._store.stat(self._name_of(image, output))
        except ImageError:
            return False
        return there is not None and there.size == image.size

    def _name_of(self, image: Sendable, output: OutputStore) -> str:
        header = header_of(image.output, output, self._layout.keywords)
        return self._layout.name(OutputName.parse(image.output), header)

    def _bring(self, image: Sendable, output: OutputStore) -> None:
        identity, name = OutputName.parse(image.output), self._name_of(image, output)
        if (there := self._store.stat(name)) is not None:
            if there.size != image.size or self._store.crc32c(name, there) != image.crc32c:
                raise ImageError(Code.CONFLICT)
            return
        with Reading(image, output).blocks() as blocks, self._store.create(name, identity.metadata) as pending:
            for block in blocks:
                pending.write(block)
            pending.commit()


def store_destination(address: Address, store: OutputStore) -> StoreDestination:
    """The destination that an address names, in the store that is there. Raises `UsageError` (bad_setting)."""
    try:
        layout = Layout.parse(address.options.get("layout", DEFAULT))
    except ValueError as error:
        raise UsageError(Code.BAD_SETTING, f"{address.name}, #layout: {error}.") from None
    return StoreDestination(store, address.name, layout)
