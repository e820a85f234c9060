"""Outcomes on their way into the status store: counted at once, written in batches every few seconds."""

import time
from collections.abc import Callable
from dataclasses import replace

from sendit.crosswalk import Keeping
from sendit.lease import Hold
from sendit.records import IMAGES_A_WRITE, STORED, Counts, ErrorEntry, Image, ImageState
from sendit.writes import Writes

_SECONDS_BETWEEN_WRITES = 2.0


class Tally:
    """The counts of one attempt, with the images that are not written yet.

    What was replaced in them is kept before they are written: no image is recorded as stored that the crosswalk lacks.
    """

    def __init__(
        self, hold: Hold, writes: Writes, keeping: Keeping, counts: Counts, observe: Callable[[Counts], None]
    ) -> None:
        self._hold = hold
        self._writes = writes
        self._keeping = keeping
        self._observe = observe
        self._waiting: list[Image] = []
        self._errors: list[ErrorEntry] = []
        self._written_at = time.monotonic()
        self.counts = counts

    def start(self, counts: Counts) -> None:
        """Go on from what earlier attempts have settled."""
        self.counts = counts
        self._observe(counts)

    def add(self, image: Image) -> None:
        """Count an outcome; write it with the others when it is time."""
        self._waiting.append(image)
        self.counts = counted(self.counts, image.state, duplicate=image.duplicate)
        if image.state is ImageState.ERROR and image.code is not None:
            self._errors.append(ErrorEntry(image.code, image.sentence, image.times[-1][1], image.id))
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
            keep, images, counts, errors = self._keeping.taken(), self._waiting, self.counts, self._errors

            def save() -> None:
                keep()
                self._hold.save_outcomes(images, counts, errors)

            self._writes.begin(save)
        self._waiting, self._errors = [], []
        self._written_at = time.monotonic()


def counted(counts: Counts, state: ImageState, *, duplicate: bool) -> Counts:
    """The counts with one more image's outcome; a state that is none changes nothing."""
    if state in STORED:
        return replace(counts, stored=counts.stored + 1, duplicates=counts.duplicates + duplicate)
    if state is ImageState.REJECTED:
        return replace(counts, rejected=counts.rejected + 1)
    if state is ImageState.ERROR:
        return replace(counts, errored=counts.errored + 1)
    return counts
