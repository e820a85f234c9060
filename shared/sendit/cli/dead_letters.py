"""`sendit dead-letters`: messages of the cloud that were delivered as often as they may be."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from sendit.cli.choice import cloud
from sendit.cli.console import complain, say, say_json, show_table
from sendit.cli.exits import Exit
from sendit.cli.options import Json, settings_with
from sendit.dead_letters import Fate, Requeueing, requeue
from sendit.errors import Code, Refused, UsageError
from sendit.ports import KeptLetter
from sendit.records import Batch
from sendit.refs import BatchMessage, BatchName, Marker, dead_letter
from sendit.settings import BatchNames, Settings
from sendit.wiring.parts import now

if TYPE_CHECKING:
    from sendit.wiring.operator import CloudStatus

_SHORTEST_ID = 6
_FATES = {
    Fate.QUEUED: "queued again.",
    Fate.PUBLISHED: "not at rest; its message is published once more.",
    Fate.FOLLOWED: "its marker is followed.",
    Fate.OVER: "at rest without it; nothing to do, and the letter is dropped.",
    Fate.AT_WORK: "a worker has it; the letter is kept.",
    Fate.UNKNOWN: "its batch is not known; the letter is kept.",
    Fate.OTHER_KEY: "it has its id from another key; the letter is kept.",
}

dead_letters = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="""Messages of the cloud that were delivered as often as they may be, and are kept.

The sweep has seen each of them, too: its batch is an ERROR (attempts_used_up), or goes on without it. When the cause
is gone, requeue puts what is an ERROR back into the queue.""",
)


@dataclass(frozen=True)
class _Letter:
    """A letter as it is kept, what it was, and the batch that it is about."""

    kept: KeptLetter
    about: Marker | BatchMessage | None
    batch_id: str
    batch: Batch | None

    @property
    def topic(self) -> str:
        if self.about is None:
            return "(not of sendit)"
        return "batches" if isinstance(self.about, BatchMessage) else "finalized"

    def is_of(self, wanted: str) -> bool:
        """Whether its batch has this name, id or beginning of an id."""
        named = self.about is not None and self.about.name == wanted
        return named or (len(wanted) >= _SHORTEST_ID and self.batch_id.startswith(wanted))


@dead_letters.command("list")
def list_letters(as_json: Json = False) -> None:
    """Show what died: when, and what its batch says. It is kept on."""
    settings = settings_with()
    world = cloud(settings)
    with world.dead_letters.held() as kept:
        letters = [_read(world, letter) for letter in kept]
    rows = [_row(letter, settings) for letter in letters]
    if as_json:
        say_json(rows)
    elif not rows:
        say("No dead letters.")
    else:
        show_table(
            ["died", "topic", "batch", "id", "state", "attempt", "failures", "why"],
            [[cell if isinstance(cell, int) else str(cell or "") for cell in row.values()] for row in rows],
        )


@dead_letters.command("requeue")
def requeue_letters(
    batches: Annotated[list[str] | None, typer.Argument(metavar="[BATCH]…", help="Names or ids of batches.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Whatever is kept.")] = False,
) -> None:
    """Let the batches of dead letters go on, and drop the letters that did it.

    A batch that is an ERROR goes back into the queue with its images that failed or have no outcome; one that is not
    at rest gets another message; of a marker the batch is registered. What is stored stays stored.

    Exit status: 0 all went on; 1 some could not, and their letters are kept.
    """
    if bool(batches) is everything:
        raise UsageError(Code.BAD_SETTING, "Give the batches, or --all.")
    world = cloud(settings_with())
    requeueing = Requeueing(
        store=world.store,
        queue=world.queue,
        ids=world.ids,
        clock=now,
        staging=lambda: world.staging,
        output=lambda: world.output,
        follow=world.finalizer.follow,
    )
    with world.dead_letters.held() as kept:
        letters = [_read(world, letter) for letter in kept]
        for wanted in batches or ():
            if not any(letter.is_of(wanted) for letter in letters):
                raise UsageError(Code.NO_SUCH_BATCH, "No dead letter is about it; see: sendit dead-letters list")
        chosen = [one for one in letters if everything or any(one.is_of(wanted) for wanted in batches or ())]
        settled = [_requeue(world, requeueing, group) for group in _by_batch(chosen)]
    if not chosen:
        say("No dead letters.")
    if not all(settled):
        raise typer.Exit(Exit.FAILED)


def _read(world: "CloudStatus", kept: KeptLetter) -> _Letter:
    try:
        about = dead_letter(kept.data, kept.attributes, world.place)
        batch_id = about.batch_id if isinstance(about, BatchMessage) else world.ids.batch(BatchName.parse(about.name))
    except Refused:
        return _Letter(kept, None, "", None)
    return _Letter(kept, about, batch_id, world.store.batch(batch_id))


def _row(letter: _Letter, settings: Settings) -> dict[str, object]:
    batch = letter.batch
    shown = letter.about is not None and settings.batch_names is BatchNames.SHOW
    why = batch and (batch.last_failure or next(iter(batch.errors), None))
    return {
        "died": f"{letter.kept.died_at:%Y-%m-%d %H:%M:%S}Z",
        "topic": letter.topic,
        "batch": letter.about.name if letter.about and shown else "(hidden)",
        "id": letter.batch_id,
        "state": batch.state if batch else None,
        "attempt": batch.attempt if batch else 0,
        "failures": batch.failures if batch else 0,
        "why": why.sentence if why else None,
    }


def _by_batch(letters: list[_Letter]) -> list[list[_Letter]]:
    """Letters of one batch together: it goes on once."""
    groups: dict[str, list[_Letter]] = {}
    for letter in letters:
        groups.setdefault(letter.batch_id or letter.kept.receipt, []).append(letter)
    return list(groups.values())


def _requeue(world: "CloudStatus", requeueing: Requeueing, letters: list[_Letter]) -> bool:
    """Whether a batch goes on; then its letters are dropped."""
    # of a batch that is known, its marker has nothing more to say
    letter = next((one for one in letters if isinstance(one.about, BatchMessage) and one.batch), letters[0])
    if letter.about is None:
        say("A letter is none of sendit's; it is kept.")
        return False
    try:
        fate = requeue(letter.about, requeueing)
    except (Refused, UsageError) as error:
        complain(error)
        return False
    for one in letters if fate.is_settled else ():
        world.dead_letters.acknowledge(one.kept)
    say(f"{letter.batch_id}: {_FATES[fate]}")
    return fate.is_settled
