"""A staging area, an output store and workers in memory, of which a test decides everything."""

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import BinaryIO

from tests.naming import inspected

from sendit.deadline import ENDLESS, Deadline
from sendit.errors import SENTENCES, Code
from sendit.outcome import Inspected, Outcome, Planned
from sendit.ports import PendingOutput, Stat
from sendit.records import ImageState
from sendit.refs import BatchName, Entry

REJECTED, UNREADABLE = -1, -2
"""Contents of a file that a rule rejects, and of one that is no image; any other is stored."""


@dataclass
class MemoryStaging:
    """A `Staging` of one batch: by name, the generation and what the file holds."""

    files: dict[str, tuple[int, int]] = field(default_factory=dict)
    kept: dict[tuple[str, int], bytes] = field(default_factory=dict)
    generation: int = 0
    sealed: dict[str, list[bytes]] = field(default_factory=dict)

    def put(self, name: str, content: int) -> None:
        self.generation += 1
        self.files[name] = (self.generation, content)

    def list(self, batch: BatchName) -> Iterator[Entry]:
        del batch
        return iter([Entry(name, generation, 10) for name, (generation, _) in sorted(self.files.items())])

    @contextmanager
    def open(self, batch: BatchName, entry: Entry) -> Iterator[BinaryIO]:
        del batch, entry
        yield io.BytesIO()

    def write_manifest(self, batch_id: str, generation: int, data: bytes) -> None:
        self.kept.setdefault((batch_id, generation), data)

    def read_manifest(self, batch_id: str, generation: int) -> bytes | None:
        return self.kept.get((batch_id, generation))

    def add_answers(self, batch_id: str, data: bytes) -> None:
        self.sealed.setdefault(batch_id, []).append(data)

    def answers(self, batch_id: str) -> Iterator[bytes]:
        return iter(self.sealed.get(batch_id, []))

    def manifests(self, batch_id: str) -> Iterator[bytes]:
        return iter([data for (known, _), data in sorted(self.kept.items()) if known == batch_id])


@dataclass
class MemoryOutput:
    """An `OutputStore`, create-only: by name, what it holds."""

    objects: dict[str, int] = field(default_factory=dict)

    def create(self, name: str, metadata: Mapping[str, str] | None = None) -> AbstractContextManager[PendingOutput]:
        raise NotImplementedError(name, metadata)

    def stat(self, name: str) -> Stat | None:
        return Stat(10, self.objects[name]) if name in self.objects else None

    def open(self, name: str) -> AbstractContextManager[BinaryIO]:
        raise NotImplementedError(name)


@dataclass
class MemoryReports:
    """`Reports`, by batch."""

    texts: dict[BatchName, str] = field(default_factory=dict)

    def write(self, batch: BatchName, text: str) -> None:
        self.texts[batch] = text

    def write_once(self, batch: BatchName, text: str) -> bool:
        return self.texts.setdefault(batch, text) is text

    def remove(self, batch: BatchName) -> None:
        self.texts.pop(batch, None)


class Spent(Deadline):
    """A budget in images instead of seconds, so that a test decides where it ends."""

    def spend(self) -> None:
        object.__setattr__(self, "budget", self.budget - 1)

    @property
    def near(self) -> bool:
        return self.budget <= 0

    def is_most(self, seconds: float) -> bool:
        del seconds
        return False


@dataclass
class MemoryWorkers:
    """`ImageWorkers` that store what a file holds, or say what it is; `each` is called before each image is stored."""

    staging: MemoryStaging
    output: MemoryOutput
    clock: Callable[[], datetime]
    each: Callable[[], None]

    def inspect(
        self, batch: BatchName, entries: Iterable[Entry], deadline: Deadline = ENDLESS
    ) -> Iterator[Inspected | Outcome]:
        del batch
        for entry in entries:
            if deadline.near:
                return
            generation, content = self.staging.files.get(entry.name, (0, 0))
            if generation != entry.generation:
                yield self._outcome(entry, ImageState.ERROR, Code.CHANGED_DURING_PROCESSING)
            elif content == UNREADABLE:
                yield self._outcome(entry, ImageState.ERROR, Code.NOT_DICOM)
            elif content == REJECTED:
                yield self._outcome(entry, ImageState.REJECTED)
            else:
                # two names with the same first letter are the same image, perhaps with other bytes
                yield inspected(entry, entry.name[0])

    def store(self, batch: BatchName, planned: Iterable[Planned], deadline: Deadline = ENDLESS) -> Iterator[Outcome]:
        del batch
        for plan in planned:
            if deadline.near:
                return
            if isinstance(deadline, Spent):
                deadline.spend()
            self.each()
            _, content = self.staging.files.get(plan.entry.name, (0, 0))
            created = plan.output not in self.output.objects
            if self.output.objects.setdefault(plan.output, content) != content:
                yield self._outcome(plan.entry, ImageState.ERROR, Code.CONFLICT)
            else:
                stored = self._outcome(plan.entry, ImageState.DONEPROCESSING)
                yield replace(stored, output=plan.output, output_bytes=10, output_crc32c=content, created=created)

    def _outcome(self, entry: Entry, state: ImageState, code: Code | None = None) -> Outcome:
        rule = "rule" if state is ImageState.REJECTED else ""
        sentence = SENTENCES[code] if code else ""
        return Outcome(entry, state, self.clock(), self.clock(), code=code, sentence=sentence, rule=rule)
