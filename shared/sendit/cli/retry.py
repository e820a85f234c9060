"""`sendit retry`: a batch once more, as far as a person asks for it."""

from typing import Annotated

import typer

from sendit.again import Again, Asked, ask_again, publish_again, send_again
from sendit.cli.choice import chosen, cloud, name_of
from sendit.cli.console import say
from sendit.cli.options import settings_with
from sendit.errors import Code, UsageError
from sendit.wiring.parts import now


def retry(
    batch: Annotated[str, typer.Argument(metavar="BATCH", help="The batch's name or id.")],
    failed: Annotated[bool, typer.Option("--failed", help="Images that failed. The default.")] = False,
    rejected: Annotated[bool, typer.Option("--rejected", help="Images that a rule rejected.")] = False,
    new: Annotated[bool, typer.Option("--new", help="Files that came or changed after the freeze.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="All three.")] = False,
) -> None:
    """Ask for a batch of the cloud again: it is frozen anew, and its message is published.

    Images that are stored stay stored, and are checked: what is missing from the output is done again. A batch
    that is an ERROR as a whole starts over; one whose message seems lost gets another one. A batch that is not at
    all of its destinations is sent to those where it is not, and to no other.
    For a local run, run the same command again with --retry.
    """
    settings = settings_with()
    wishes = [
        wish
        for wish, wanted in (
            (Again.FAILED, failed),
            (Again.REJECTED, rejected),
            (Again.NEW, new),
            (Again.ALL, everything),
        )
        if wanted
    ]
    if len(wishes) > 1:
        raise UsageError(Code.BAD_SETTING, "Give one of --failed, --rejected, --new and --all.")
    world = cloud(settings)
    known = chosen(world, batch)[0]
    name = name_of(world, known, batch)
    if not known.at_rest:
        publish_again(known, name, store=world.store, queue=world.queue, clock=now)
        say(f"{known.id}: not at rest; its message is published once more, in case the last one is lost.")
        return
    asked = ask_again(
        known,
        name,
        wishes[0] if wishes else Again.FAILED,
        staging=world.staging,
        output=world.output,
        store=world.store,
        queue=world.queue,
        ids=world.ids,
        clock=now,
    )
    if not asked.queued and send_again(known, name, store=world.store, queue=world.queue, clock=now):
        say(f"{known.id}: queued again, to be sent where it is not yet.")
        return
    say(f"{known.id}: {_told(asked)}")


def _told(asked: Asked) -> str:
    if asked.queued:
        return f"queued again, {asked.wanted} images to do."
    findings = asked.findings
    others = {
        "--failed": findings.failed,
        "--rejected": findings.rejected,
        "--new": findings.arrived,
    }
    hints = [f"{len(found)} with {option}" for option, found in others.items() if found]
    return f"nothing to do again{' (there are ' + ', '.join(hints) + ')' if hints else ''}."
