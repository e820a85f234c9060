"""What every single write of a status store must keep to, whoever makes it and in whatever order."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.contract.stepping import Task

from sendit.errors import LeaseLost
from sendit.manifest import Manifest
from sendit.ports import StatusStore
from sendit.records import STORED, UNSETTLED, Batch, BatchState, Image, ImageState, Lease, may_follow

FENCED = frozenset({"renew", "freeze", "add_images", "save_outcomes", "finish", "release"})
Seen = tuple[Batch | None, Mapping[str, Image]]


@dataclass
class Judge:
    """Looks at the store before and after each call. `manifests` are the frozen ones by batch and generation."""

    store: StatusStore
    batch_id: str
    manifests: Mapping[tuple[str, int], bytes]
    image_id: Callable[[str], str]
    figures: Counter[str]
    broken: list[AssertionError] = field(default_factory=list)

    def seen(self) -> Seen:
        return self.store.batch(self.batch_id), {image.id: image for image in self.store.images(self.batch_id)}

    def __call__(self, task: Task, method: str, given: tuple[Any, ...], call: Callable[[], Any]) -> Any:
        """Make one call of a task and judge what it did."""
        before = self.seen()
        lost = False
        self.figures[method] += 1
        try:
            return call()
        except Exception as error:
            self.figures[type(error).__name__] += 1
            lost = isinstance(error, LeaseLost)
            raise
        finally:
            after = self.seen()
            if method == "claim" and after[0] != before[0]:
                task.lease = given[1]
            try:
                if method in FENCED:
                    self.owner(given[1], before, after, lost)
                self.change(method, given, before, after)
                self.state(after)
            except AssertionError as error:  # whatever the task makes of it
                self.broken.append(error)
                raise

    def owner(self, lease: Lease, before: Seen, after: Seen, lost: bool) -> None:
        """Only who holds the lease writes, and whoever lost it is told so."""
        batch = before[0]
        owns = batch is not None and batch.lease is not None and batch.lease.owner == lease.owner
        assert lost is not owns
        assert owns or after == before

    def change(self, method: str, given: tuple[Any, ...], before: Seen, after: Seen) -> None:
        """Every change is a legal one, and made by what may make it."""
        (old, images), (new, images_after) = before, after
        if old is None or new is None:
            assert old is None or new is not None  # nothing is forgotten unasked
            return
        assert new.attempt == old.attempt + (method == "claim" and new != old)
        asked = method == "requeue" and new != old
        assert new.generation == (max(old.generation + 1, old.finalized) if asked else old.generation)
        assert new.state is old.state or may_follow(old.state, new.state)
        if old.at_rest and method not in {"requeue", "set_new_arrivals", "mark_cleaned"}:
            assert after == before
        if method == "claim" and new != old:
            assert not old.is_held(given[2])
        assert images.keys() <= images_after.keys()
        again = frozenset(given[1]) if method == "requeue" else frozenset()
        for image_id, image in images.items():
            now = images_after[image_id]
            assert now == image or may_follow(image.state, now.state)
            assert image.state in UNSETTLED or now == image or image_id in again

    def state(self, seen: Seen) -> None:
        """What holds at every moment: the counts are those of the images, and a batch at rest accounts for all."""
        batch, images = seen
        if batch is None:
            assert not images
            return
        states = Counter(image.state for image in images.values())
        counts = batch.counts
        assert counts.stored == sum(states[state] for state in STORED)
        assert (counts.rejected, counts.errored) == (states[ImageState.REJECTED], states[ImageState.ERROR])
        assert batch.error_count >= len(batch.errors)
        assert batch.error_count >= counts.errored
        assert batch.failures <= batch.attempt
        if not batch.at_rest:
            return
        self.figures[f"rests as {batch.state}"] += 1
        assert batch.lease is None
        assert batch.finished_at is not None
        if batch.state is BatchState.ERROR:
            return
        assert counts.found == counts.settled == len(images)
        frozen = Manifest.from_bytes(self.manifests[batch.id, batch.generation])
        assert {self.image_id(entry.name) for entry in frozen.entries} <= images.keys()
        assert batch.has_error == bool(counts.errored)
