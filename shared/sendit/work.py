"""The order of work inside a batch: in bounded chunks, and such that chance decides nothing."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from sendit.deadline import ENDLESS, Deadline
from sendit.outcome import ImageWorkers, Inspected, Outcome, Planned
from sendit.refs import BatchName, Entry

_IMAGES_A_CHUNK = 1024
_IMAGES_OF_THE_FIRST = 32  # each chunk may have twice as many as the one before: an attempt soon has something to show


def _unwatched(_: Planned) -> None:
    """Nobody keeps what is stored."""


class Claims:
    """Which image of a batch, by its object's name, stored under which output name first."""

    def __init__(self, held: Iterable[tuple[str, str]] = ()) -> None:
        self._holder: dict[str, str] = {}
        for output, holder in held:
            self._holder.setdefault(output, holder)

    def is_duplicate(self, outcome: Outcome) -> bool:
        """Whether another image of the batch stored the same bytes before; if none did, this one holds the name."""
        if not outcome.output:
            return False
        holder = self._holder.setdefault(outcome.output, outcome.entry.name)
        return holder != outcome.entry.name and not outcome.created


def chunks(entries: Iterable[Entry], in_flight_bytes: int) -> Iterator[list[Entry]]:
    """Runs of entries that may be in work at one time; one that is larger than the bound goes alone."""
    chunk: list[Entry] = []
    size, most = 0, _IMAGES_OF_THE_FIRST
    for entry in entries:
        if chunk and (len(chunk) == most or size + entry.size > in_flight_bytes):
            yield chunk
            chunk, size, most = [], 0, min(2 * most, _IMAGES_A_CHUNK)
        chunk.append(entry)
        size += entry.size
    if chunk:
        yield chunk


def settle(
    workers: ImageWorkers,
    batch: BatchName,
    chunk: Sequence[Entry],
    claims: Claims,
    plan: Callable[[Inspected], Planned | Outcome],
    deadline: Deadline = ENDLESS,
    stored: Callable[[Planned], None] = _unwatched,
) -> Iterator[tuple[Outcome, bool]]:
    """The outcome of every entry of a chunk, each with whether it is a duplicate inside the batch.

    `plan` names what was inspected, and `stored` hears of what was stored so, before its outcome is given out. All of a
    chunk is inspected before any of it is stored, and images that claim the same output name are stored one after the
    other in the order of their names, so that neither the number of workers nor their speed decides which of two
    conflicting images is stored. When the deadline is near nothing further is begun, and what is not begun has no
    outcome.
    """
    plans: list[Planned] = []
    for result in workers.inspect(batch, chunk, deadline):
        planned = plan(result) if isinstance(result, Inspected) else result
        if isinstance(planned, Outcome):
            yield planned, False
        else:
            plans.append(planned)
    plans.sort(key=lambda plan: plan.entry.name)
    for wave in _waves(plans):
        if deadline.near:
            return
        planned_as = {one.entry: one for one in wave}
        for outcome in workers.store(batch, wave, deadline):
            if outcome.output:
                stored(planned_as[outcome.entry])
            yield outcome, claims.is_duplicate(outcome)


def _waves(plans: Iterable[Planned]) -> Iterator[Sequence[Planned]]:
    """Split plans so that no wave has two of one output name, and the first of a name is in an earlier wave."""
    waves: list[list[Planned]] = []
    seen: dict[str, int] = {}
    for plan in plans:
        turn = seen.get(plan.output, 0)
        seen[plan.output] = turn + 1
        if turn == len(waves):
            waves.append([])
        waves[turn].append(plan)
    return iter(waves)
