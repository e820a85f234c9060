"""One worker's attempt at a batch: freeze or go on, work image by image, account for every one, let the batch rest."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from threading import Event, Thread

from sendit.crosswalk import Keeping
from sendit.deadline import Deadline
from sendit.errors import SENTENCES, BatchError, Code, ImageError, OutOfTime, Refused, SenditError, TransientError
from sendit.freezing import Checkpoint, checkpoint_of, frozen_manifest
from sendit.lease import Hold
from sendit.logs import event
from sendit.naming import Plan
from sendit.outcome import Outcome, log_outcome
from sendit.patients import Patients
from sendit.processing import Processing
from sendit.records import IMAGES_A_WRITE, Batch, BatchState, Counts, ErrorEntry, Image, ImageState
from sendit.refs import BatchName, Entry
from sendit.tally import Tally
from sendit.work import chunks, settle
from sendit.writes import Writes

_SECONDS_TO_ANSWER = 10.0  # after the end of a budget; until a function is ended there are more

Observer = Callable[[Counts], None]


class Attempt:
    """The work of one worker on one batch that it holds."""

    def __init__(
        self, world: Processing, hold: Hold, writes: Writes, batch: Batch, name: BatchName, observe: Observer
    ) -> None:
        self._world = world
        self._hold = hold
        self._writes = writes
        self._batch = batch
        self._name = name
        self._keeping = Keeping(world.crosswalk, batch.id)
        self._tally = Tally(hold, writes, self._keeping, batch.counts, observe)
        self._settled_before = 0

    @property
    def counts(self) -> Counts:
        """How far the batch is."""
        return self._tally.counts

    @property
    def in_vain(self) -> ErrorEntry | None:
        """What to say of an attempt whose time was up before it had settled one image."""
        if self.counts.settled > self._settled_before:
            return None
        return self._entry(SenditError(Code.OUT_OF_TIME))

    def run(self, deadline: Deadline) -> Batch | None:
        """The batch at rest; None if the time was up before, with everything written that has an outcome."""
        world, batch = self._world, self._batch
        if world.ids.batch(self._name) != batch.id:
            raise BatchError(Code.BATCH_OF_ANOTHER_KEY)
        world.claim_output()
        manifest = frozen_manifest(
            batch, self._name, staging=world.staging, ids=world.ids, label=world.label, version=world.version
        )
        entries = {self._image_id(entry): entry for entry in manifest.entries}
        checkpoint = checkpoint_of(entries, world.store.images(batch.id))
        if not checkpoint.counts.found:
            raise BatchError(Code.NO_FILES)
        self._hold.freeze(
            found=checkpoint.counts.found,
            size_bytes=checkpoint.size_bytes,
            profile_digest=manifest.profile_digest,
            key_id=manifest.key_id,
        )
        self._tally.start(checkpoint.counts)
        self._settled_before = checkpoint.counts.settled
        try:
            plan = world.naming.of_batch(self._patients(manifest.entries, checkpoint, deadline))
        except OutOfTime:
            return None
        fresh = partial(self._fresh, began=world.clock())
        self._write_new(checkpoint.fresh, fresh)
        self._work(entries, checkpoint, plan, fresh, deadline)
        self._tally.flush()
        if deadline.near and self.counts.settled < self.counts.found:
            return None
        self.counts.check_conservation()
        self._look_for_arrivals(checkpoint.overtaken or self._came_or_changed(manifest.entries))
        return self._hold.finish(self.counts.resting_state(), destinations=world.destinations)

    def _patients(self, entries: Sequence[Entry], checkpoint: Checkpoint, deadline: Deadline) -> Patients:
        """Whose the images are that have no outcome yet."""

        def unsettled(entry: Entry) -> bool:
            image_id = self._image_id(entry)
            return image_id in checkpoint.fresh or image_id in checkpoint.unsettled

        return Patients(
            self._world.workers,
            self._name,
            entries,
            self._world.in_flight_bytes,
            batch_id=self._batch.id,
            generation=self._batch.generation,
            kept=self._world.staging,
            unsettled=unsettled,
            deadline=deadline,
            check=self._hold.check,
        )

    def fail(self, error: BatchError) -> Batch:
        """Let the batch rest as ERROR for what this attempt came to."""
        with suppress(Refused):  # it is what ended the batch
            self._tally.flush()
        with suppress(TransientError):
            if error.code is Code.NO_FILES and any(True for _ in self._world.staging.list(self._name)):
                self._look_for_arrivals(True)
        return self.abandon(self._entry(error))

    def abandon(self, error: ErrorEntry) -> Batch:
        """Let the batch rest as ERROR, with nothing done."""
        event(logging.ERROR, error.sentence, code=error.code, batch_id=self._batch.id)
        return self._hold.finish(BatchState.ERROR, (error,))

    def give_up(self, error: BaseException) -> None:
        """Keep what has an outcome and hand the lease back; the next attempt goes on from there."""
        steps: dict[str, Callable[[], None]] = {
            "Outcomes were not written; their images are done again.": self._tally.flush,
            # the store is what failed, or another worker owns the batch: the lease will simply expire
            "The lease was not given back.": partial(self._hold.release, self._failure(error)),
        }
        for sentence, step in steps.items():
            try:
                step()
            except SenditError as failure:
                event(logging.WARNING, sentence, code=failure.code, batch_id=self._batch.id)
        if isinstance(error, TransientError):
            event(logging.WARNING, error.sentence, code=error.code, batch_id=self._batch.id)

    def _work(
        self,
        entries: Mapping[str, Entry],
        checkpoint: Checkpoint,
        plan: Plan,
        fresh: Callable[[str, Entry], Image],
        deadline: Deadline,
    ) -> None:
        """Everything that has no outcome yet, until all of it has one or the time is up."""
        unsettled = checkpoint.unsettled
        for image_id, image in unsettled.items():
            if image_id not in entries:  # asked for again, and its file is gone
                self._record(self._gone(), image, duplicate=False)
        todo = [entry for image_id, entry in entries.items() if image_id in unsettled or image_id in checkpoint.fresh]
        began = {image.id for image in unsettled.values() if image.state is ImageState.PROCESSING}
        for number, chunk in enumerate(self._in_order(todo, began)):
            self._hold.check()
            for outcome, duplicate in settle(
                self._world.workers, self._name, chunk, checkpoint.claims, plan, deadline, self._keeping.note
            ):
                image_id = self._image_id(outcome.entry)
                image = unsettled.get(image_id) or fresh(image_id, outcome.entry)
                if outcome.state is not ImageState.PROCESSING:
                    self._record(outcome, image, duplicate=duplicate)
                elif image.state is not ImageState.PROCESSING:
                    self._record(outcome, image, duplicate=False)  # alone and first with the next attempt
                elif number == 0 and self._in_reach(
                    outcome.entry, entries.values()
                ):  # it had all the time that there is
                    self._record(_failed(outcome, Code.OVER_BUDGET), image, duplicate=False)
                self._hold.check()
            if deadline.near:
                return

    def _in_reach(self, slow: Entry, entries: Iterable[Entry]) -> bool:
        """Whether the output and another source answer, so that it is this one's image that took so long."""
        answered = Event()
        others = (entry for entry in entries if entry.name != slow.name and entry.problem is None)
        other = min(others, key=lambda entry: entry.size, default=slow)

        def look() -> None:
            with suppress(SenditError):
                self._world.claim_output()
                with suppress(ImageError), self._world.staging.open(self._name, other) as source:
                    source.read(1)
                answered.set()

        Thread(target=look, daemon=True).start()
        return answered.wait(_SECONDS_TO_ANSWER)

    def _in_order(self, todo: Sequence[Entry], began: set[str]) -> Iterator[Sequence[Entry]]:
        """First what an earlier attempt did not finish, each alone: one of them may need all the time there is."""
        rest = []
        for entry in todo:
            if began and self._image_id(entry) in began:
                yield [entry]
            else:
                rest.append(entry)
        yield from chunks(rest, self._world.in_flight_bytes)

    def _failure(self, error: BaseException) -> ErrorEntry | None:
        if isinstance(error, SenditError):
            return self._entry(error)
        if isinstance(error, Exception):
            return self._entry(SenditError(Code.INTERNAL_ERROR))
        return None

    def _entry(self, error: SenditError) -> ErrorEntry:
        return ErrorEntry(error.code, error.sentence, self._world.clock())

    def _came_or_changed(self, frozen: Iterable[Entry]) -> bool:
        """Whether staging holds what is not in the manifest."""
        known = set(frozen)
        return any(entry not in known for entry in self._world.staging.list(self._name))

    def _look_for_arrivals(self, there: bool) -> None:
        """Say whether files came or changed; they are never read by themselves."""
        if there:
            event(logging.WARNING, "Files came or changed after the freeze.", batch_id=self._batch.id)
        if there or self._batch.has_new_arrivals:
            self._hold.set_new_arrivals(there)

    def _write_new(self, entries: Mapping[str, Entry], fresh: Callable[[str, Entry], Image]) -> None:
        """Begin to write the records of images that no attempt has written yet."""
        names = list(entries)
        for start in range(0, len(names), IMAGES_A_WRITE):
            part = names[start : start + IMAGES_A_WRITE]

            def add(part: Sequence[str] = part) -> None:
                self._hold.add_images([fresh(image_id, entries[image_id]) for image_id in part])

            self._writes.begin(add, at_once=True)

    def _fresh(self, image_id: str, entry: Entry, *, began: datetime) -> Image:
        times = ((ImageState.NEW, began),)
        return Image(image_id, self._batch.id, ImageState.NEW, times, entry.generation, entry.size)

    def _record(self, outcome: Outcome, image: Image, *, duplicate: bool) -> None:
        log_outcome(outcome, self._batch.id, image.id)
        times = {**dict(image.times), ImageState.PROCESSING: outcome.started_at, outcome.state: outcome.finished_at}
        self._tally.add(
            replace(
                image,
                state=outcome.state,
                times=tuple(times.items()),
                generation=outcome.entry.generation or image.generation,
                size_bytes=outcome.entry.size if outcome.entry.name else image.size_bytes,
                code=outcome.code,
                sentence=outcome.sentence,
                rule=outcome.rule,
                output=outcome.output,
                output_bytes=outcome.output_bytes,
                output_crc32c=outcome.output_crc32c,
                blanked=outcome.blanked,
                duplicate=duplicate,
                earlier=tuple(output for output in image.earlier if output != outcome.output),
            )
        )

    def _gone(self) -> Outcome:
        now = self._world.clock()
        return _failed(Outcome(Entry("", 0, 0), ImageState.ERROR, now, now), Code.SOURCE_GONE)

    def _image_id(self, entry: Entry) -> str:
        return self._world.ids.image(self._name, entry.name)


def _failed(outcome: Outcome, code: Code) -> Outcome:
    return replace(outcome, state=ImageState.ERROR, code=code, sentence=SENTENCES[code])
