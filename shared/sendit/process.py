"""The use case behind the one message of a batch: import it, de-identify it, account for every image.

claim → freeze the manifest → per image: read, screen, de-identify, gate, store, verify → counts → rest. The
manifest and the images' states are the checkpoint: whichever step was the last of an attempt, the next one
does only what has no outcome yet.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from sendit.changes import is_overtaken
from sendit.errors import SENTENCES, BatchError, Code, Refused, SenditError, TransientError
from sendit.ids import DocumentIds
from sendit.label import OutLabel
from sendit.lease import Heartbeat, LeaseTerms, new_lease
from sendit.logs import event
from sendit.manifest import Manifest
from sendit.outcome import ImageWorkers, Outcome, log_outcome
from sendit.ports import Clock, Staging, StatusStore
from sendit.records import IMAGES_A_WRITE, UNSETTLED, Batch, BatchState, Counts, ErrorEntry, Image, ImageState, Lease
from sendit.refs import BatchMessage, BatchName, Entry
from sendit.tally import Tally
from sendit.work import Claims, chunks, settle
from sendit.writes import Writes

Observer = Callable[[Counts], None]


def _not_needed() -> None:
    """Whoever opened the output store has labelled it."""


@dataclass(frozen=True, slots=True)
class Processing:
    """What `process` needs beside the message."""

    staging: Staging
    store: StatusStore
    workers: ImageWorkers
    ids: DocumentIds
    clock: Clock
    lease_terms: LeaseTerms
    in_flight_bytes: int
    label: OutLabel
    version: str
    claim_output: Callable[[], None] = _not_needed


def _unobserved(_: Counts) -> None:
    """Nobody watches."""


def process(message: BatchMessage, world: Processing, observe: Observer = _unobserved) -> Batch:
    """Do what the batch still needs and return its record, at rest.

    Idempotent: a batch at rest is returned as it is. Raises `Refused` for a message that names no batch,
    `LeaseHeld` while another worker has it, `TransientError` if the attempt must be repeated; then everything
    that has an outcome keeps it, and the batch stays PROCESSING.
    """
    name = BatchName.parse(message.name)
    lease = new_lease(world.lease_terms, world.clock)
    batch = world.store.claim(message.batch_id, lease, world.clock())
    if batch.state is not BatchState.PROCESSING:
        event(logging.INFO, "The batch is at rest; nothing to do.", batch_id=batch.id, state=batch.state)
        return batch
    event(logging.INFO, "The batch is claimed.", batch_id=batch.id, attempt=batch.attempt)
    heartbeat = Heartbeat(world.store, batch.id, lease, world.lease_terms, world.clock)
    with heartbeat.beating(), Writes() as writes:
        attempt = _Attempt(world, writes, batch, name, lease, observe)
        try:
            rested = attempt.run(heartbeat)
        except BatchError as error:
            rested = attempt.fail(error)
        except Refused:
            rested = attempt.fail(BatchError(Code.RECORD_LOST))
        except BaseException as error:
            attempt.give_up(error)
            raise
    counts = rested.counts
    event(
        logging.ERROR if rested.state is BatchState.ERROR else logging.INFO,
        "The batch rests.",
        batch_id=rested.id,
        state=rested.state,
        found=counts.found,
        stored=counts.stored,
        rejected=counts.rejected,
        errored=counts.errored,
        duplicates=counts.duplicates,
    )
    return rested


class _Attempt:
    """One worker's hold on one batch."""

    def __init__(
        self, world: Processing, writes: Writes, batch: Batch, name: BatchName, lease: Lease, observe: Observer
    ) -> None:
        self._world = world
        self._writes = writes
        self._batch = batch
        self._name = name
        self._lease = lease
        self._tally = Tally(world.store, writes, batch, lease, world.clock, observe)

    def run(self, heartbeat: Heartbeat) -> Batch:
        world, batch = self._world, self._batch
        if world.ids.batch(self._name) != batch.id:
            raise BatchError(Code.BATCH_OF_ANOTHER_KEY)
        world.claim_output()
        manifest = self._manifest()
        entries = {self._image_id(entry): entry for entry in manifest.entries}
        known = {image.id: image for image in world.store.images(batch.id)}
        fresh = self._fresh_images(entries, known)
        images = known | fresh
        if not images:
            raise BatchError(Code.NO_FILES)
        world.store.freeze(
            batch.id,
            self._lease,
            found=len(images),
            size_bytes=sum(image.size_bytes for image in images.values()),
            profile_digest=manifest.profile_digest,
            key_id=manifest.key_id,
            now=world.clock(),
        )
        self._write_new(list(fresh.values()))
        self._tally.start(len(images), images.values())
        unsettled = [image for image in images.values() if image.state in UNSETTLED]
        for image in unsettled:
            if image.id not in entries:  # asked for again, and its file is gone
                self._record(self._gone(), image, duplicate=False)
        claims = Claims(
            (image.output, entries[image.id].name) for image in images.values() if image.output and image.id in entries
        )
        todo = [entry for image_id, entry in entries.items() if images[image_id].state in UNSETTLED]
        for chunk in chunks(todo, world.in_flight_bytes):
            heartbeat.check()
            for outcome, duplicate in settle(world.workers, self._name, chunk, claims):
                self._record(outcome, images[self._image_id(outcome.entry)], duplicate=duplicate)
                heartbeat.check()
        self._tally.flush()
        counts = self._tally.counts
        counts.check_conservation()
        self._look_for_arrivals(self._unread(entries, images))
        return world.store.finish(batch.id, self._lease, counts.resting_state(), (), world.clock())

    def fail(self, error: BatchError) -> Batch:
        """Let the batch rest as ERROR."""
        event(logging.ERROR, error.sentence, code=error.code, batch_id=self._batch.id)
        with suppress(Refused):  # it is what ended the batch
            self._tally.flush()
        with suppress(TransientError):
            if error.code is Code.NO_FILES and any(True for _ in self._world.staging.list(self._name)):
                self._look_for_arrivals(True)
        entry = self._tally.error_entry(error.code, error.sentence)
        return self._world.store.finish(self._batch.id, self._lease, BatchState.ERROR, (entry,), self._world.clock())

    def give_up(self, error: BaseException) -> None:
        """Keep what has an outcome and hand the lease back; the next attempt goes on from there."""
        steps: dict[str, Callable[[], None]] = {
            "Outcomes were not written; their images are done again.": self._tally.flush,
            # the store is what failed, or another worker owns the batch: the lease will simply expire
            "The lease was not given back.": partial(self._release, self._failure(error)),
        }
        for sentence, step in steps.items():
            try:
                step()
            except SenditError as failure:
                event(logging.WARNING, sentence, code=failure.code, batch_id=self._batch.id)
        if isinstance(error, TransientError):
            event(logging.WARNING, error.sentence, code=error.code, batch_id=self._batch.id)

    def _release(self, failure: ErrorEntry | None) -> None:
        self._world.store.release(self._batch.id, self._lease, failure, self._world.clock())

    def _failure(self, error: BaseException) -> ErrorEntry | None:
        if isinstance(error, SenditError):
            return self._tally.error_entry(error.code, error.sentence)
        if isinstance(error, Exception):
            return self._tally.error_entry(Code.INTERNAL_ERROR, SENTENCES[Code.INTERNAL_ERROR])
        return None

    def _manifest(self) -> Manifest:
        """The frozen manifest; frozen now if this is the first attempt to come this far."""
        world, batch = self._world, self._batch
        data = world.staging.read_manifest(batch.id, batch.generation)
        if data is None:
            manifest = Manifest.freeze(
                world.staging.list(self._name),
                batch=world.ids.full(self._name),
                profile_digest=world.label.profile_digest,
                key_id=world.label.key_id,
                version=world.version,
            )
            world.staging.write_manifest(batch.id, batch.generation, manifest.to_bytes())
            # another worker may have written first: what is kept there is what the batch is
            data = world.staging.read_manifest(batch.id, batch.generation)
            if data is None:
                raise TransientError(Code.STAGING_UNAVAILABLE)
        manifest = Manifest.from_bytes(data)
        if (manifest.profile_digest, manifest.key_id) != (world.label.profile_digest, world.label.key_id):
            raise BatchError(Code.MANIFEST_OF_ANOTHER_KEY)
        return manifest

    def _unread(self, entries: Mapping[str, Entry], images: Mapping[str, Image]) -> bool:
        """Whether staging holds what no image's state is about: it came or changed after some freeze."""
        frozen = set(entries.values())
        overtaken = (is_overtaken(images[image_id], entry.generation) for image_id, entry in entries.items())
        return any(overtaken) or any(entry not in frozen for entry in self._world.staging.list(self._name))

    def _look_for_arrivals(self, there: bool) -> None:
        """Say whether files came or changed; they are never read by themselves."""
        if there:
            event(logging.WARNING, "Files came or changed after the freeze.", batch_id=self._batch.id)
        if there or self._batch.has_new_arrivals:
            self._world.store.set_new_arrivals(self._batch.id, there, self._world.clock())

    def _fresh_images(self, entries: Mapping[str, Entry], known: Mapping[str, Image]) -> dict[str, Image]:
        """The records by id of images that no attempt has written yet."""
        now = self._world.clock()
        return {
            image_id: Image(
                id=image_id,
                batch_id=self._batch.id,
                state=ImageState.NEW,
                times=((ImageState.NEW, now),),
                generation=entry.generation,
                size_bytes=entry.size,
            )
            for image_id, entry in entries.items()
            if image_id not in known
        }

    def _write_new(self, images: list[Image]) -> None:
        now = self._world.clock()
        for start in range(0, len(images), IMAGES_A_WRITE):
            part = images[start : start + IMAGES_A_WRITE]
            add = partial(self._world.store.add_images, self._batch.id, self._lease, part, now)
            self._writes.begin(add, at_once=True)

    def _record(self, outcome: Outcome, image: Image, *, duplicate: bool) -> None:
        log_outcome(outcome, self._batch.id, image.id)
        self._tally.add(
            replace(
                image,
                state=outcome.state,
                times=(
                    *image.times,
                    (ImageState.PROCESSING, outcome.started_at),
                    (outcome.state, outcome.finished_at),
                ),
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
            )
        )

    def _gone(self) -> Outcome:
        now = self._world.clock()
        code = Code.CHANGED_DURING_PROCESSING
        return Outcome(Entry("", 0, 0), ImageState.ERROR, now, now, code=code, sentence=SENTENCES[code])

    def _image_id(self, entry: Entry) -> str:
        return self._world.ids.image(self._name, entry.name)
