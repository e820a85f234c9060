"""Whose images a batch holds, for a service that has to know before the first image is named."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sendit.answers import KeptAnswers
from sendit.deadline import ENDLESS, Deadline
from sendit.outcome import ImageWorkers, Inspected
from sendit.refs import BatchName, Entry
from sendit.work import chunks

if TYPE_CHECKING:
    from sendit.deid import Entity


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose an image is, with Patient's Birth Date and Study Date as YYYYMMDD ('' for what is no eight digits)."""

    entity: "Entity"
    birth_date: str
    study_date: str

    def __repr__(self) -> str:
        return "Subject(…)"


class NotKept:
    """`KeptAnswers` of what has no state: nothing is kept."""

    def add_answers(self, batch_id: str, data: bytes) -> None:
        """See `KeptAnswers.add_answers`."""

    def answers(self, batch_id: str) -> Iterator[bytes]:
        """See `KeptAnswers.answers`."""
        del batch_id
        return iter(())


def _every(_: Entry) -> bool:
    return True


def _not_needed() -> None:
    """Nobody else can take the batch."""


@dataclass(frozen=True, slots=True)
class Patients:
    """The images of a batch, of which each header can be read once more; nothing is read unless a service asks.

    `entries` are what is frozen under `generation`, in the order of their names; `unsettled` says which of them still
    need a name. `kept` is where answers of before lie. `check` raises once another worker has the batch.
    """

    workers: ImageWorkers
    name: BatchName
    entries: Sequence[Entry]
    in_flight_bytes: int
    batch_id: str = ""
    generation: int = 0
    kept: KeptAnswers = NotKept()  # noqa: RUF009  it holds nothing
    unsettled: Callable[[Entry], bool] = _every
    deadline: Deadline = ENDLESS
    check: Callable[[], None] = _not_needed

    def subjects(self, begin: int) -> Iterator[tuple[int, set[Subject]]]:
        """Whose the images are from the `begin`-th entry on, run by run, and how many entries are looked through then.

        Ends before the last entry when the deadline is near. An image that cannot be read is left out: what is wrong
        with it is found again when its turn comes.
        """
        for chunk in chunks(filter(self.unsettled, self.entries[begin:]), self.in_flight_bytes):
            self.check()
            if self.deadline.near:
                return
            results = list(self.workers.inspect(self.name, chunk, self.deadline))
            if len(results) == len(chunk):
                begin = bisect_right(self.entries, chunk[-1].name, key=lambda entry: entry.name)
            yield begin, {Subject(one.entity, *one.days) for one in results if isinstance(one, Inspected)}
            if len(results) < len(chunk):
                return
        yield len(self.entries), set()
