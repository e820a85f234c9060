"""Outcomes on their way into the status store: counted at once, written in batches every few seconds."""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from sendit.errors import Code
from sendit.ports import Clock, StatusStore
from sendit.records import IMAGES_A_WRITE, STORED, Batch, Counts, ErrorEntry, Image, ImageState, Lease
from sendit.writes import Writes

_SECONDS_BETWEEN_WRITES = 2.0


class Tally:
    """The counts of one attempt, with the images that are not written yet."""

    def __init__(
        self,
        store: StatusStore,
        writes: Writes,
        batch: Batch,
        lease: Lease,
        clock: Clock,
        observe: Callable[[Counts], None],
    ) -> None:
        self._store = store
        self._writes = writes
        self._batch_id = batch.id
        self._lease = lease
        self._clock = clock
        self._observe = observe
        self._waiting: list[Image] = []
        self._errors: list[ErrorEntry] = []
        self._written_at = time.monotonic()
        self.counts = batch.counts

    def start(self, found: int, images: Iterable[Image]) -> None:
        """Count what earlier attempts have settled."""
        self.counts = Counts(found=found)
        for image in images:
            self.counts = counted(self.counts, image.state, duplicate=image.duplicate)
        self._observe(self.counts)

    def add(self, image: Image) -> None:
        """Count an outcome; write it with the others when it is time."""
        self._waiting.append(image)
        self.counts = counted(self.counts, image.state, duplicate=image.duplicate)
        if image.state is ImageState.ERROR and image.code is not None:
            self._errors.append(self.error_entry(image.code, image.sentence, image.id))
        self._observe(self.counts)
        late = time.monotonic() - self._written_at >= _SECONDS_BETWEEN_WRITES
        if late or len(self._waiting) >= IMAGES_A_WRITE:
            self._write()

    def flush(self) -> None:
        """Return when all is written. Raises `LeaseLost` if that is no longer this worker's to write."""
        self._write()
        self._writes.finish()

    def _write(self) -> None:
        if self._waiting:
            save = partial(
                self._store.save_outcomes,
                self._batch_id,
                self._lease,
                self._waiting,
                self.counts,
                self._errors,
                self._clock(),
            )
            self._writes.begin(save)
        self._waiting, self._errors = [], []
        self._written_at = time.monotonic()

    def error_entry(self, code: Code, sentence: str, image_id: str | None = None) -> ErrorEntry:
        """An error as the batch's record shows it."""
        return ErrorEntry(code, sentence, self._clock(), image_id)


def counted(counts: Counts, state: ImageState, *, duplicate: bool) -> Counts:
    """The counts with one more image's outcome; a state that is none changes nothing."""
    if state in STORED:
        return replace(counts, stored=counts.stored + 1, duplicates=counts.duplicates + duplicate)
    if state is ImageState.REJECTED:
        return replace(counts, rejected=counts.rejected + 1)
    if state is ImageState.ERROR:
        return replace(counts, errored=counts.errored + 1)
    return counts
