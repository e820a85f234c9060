"""`sendit cleanup`: the sources of what is stored, deleted from the staging area."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from sendit.changes import CLEANABLE
from sendit.cleanup import Cleaned, Stays, clean, due
from sendit.cli.choice import chosen, cloud, name_of
from sendit.cli.console import complain, say, say_json, show_table
from sendit.cli.exits import Exit
from sendit.cli.options import Json, settings_with
from sendit.errors import Code, SenditError, TransientError, UsageError
from sendit.records import Batch
from sendit.settings import Settings
from sendit.wiring.parts import now

if TYPE_CHECKING:
    from sendit.wiring.operator import CloudStatus


def cleanup(
    batch: Annotated[
        str | None, typer.Argument(metavar="BATCH", help="A batch's name or id. [default: all whose time has come]")
    ] = None,
    older_than: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help="Without BATCH: of those that came to rest so long ago. [default: SENDIT_KEEP_SOURCES, if set]",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Delete the sources of what is stored from the cloud's staging area.

    Only of batches at rest, and only what is proven to be stored: each image's output is looked at first, and its
    source goes in exactly the generation that was read. What failed or was rejected, what came or changed since, and
    what has lost its output stays. When nothing of a batch is left, its marker goes, too. Files of your own machine
    are never touched.

    The worker does this by itself when a batch comes to rest, unless SENDIT_KEEP_SOURCES says later, or never; the
    sweep does what was left. With a BATCH it is done now, whatever SENDIT_KEEP_SOURCES says. Without one, say how old
    batches must be: what the functions were told is not known here.

    Exit status: 0 nothing is left to do; 3 outputs are missing; 1 failed, or something may not be deleted; 2 usage.
    """
    settings = settings_with()
    world = cloud(settings)
    rows: list[tuple[Batch, Cleaned]] = []
    try:
        for one in _meant(world, settings, batch, older_than):
            try:
                rows.append((one, clean(one, name_of(world, one, batch or ""), world.cleaning, dry_run=dry_run)))
            except TransientError:
                raise
            except SenditError as error:
                complain(error)
    finally:
        # what was done is said even if the rest could not be
        if as_json:
            say_json([_as_json(*row) for row in rows])
        else:
            _show(rows, dry_run=dry_run)
    if any(Stays.NOT_DELETED in cleaned.stays for _, cleaned in rows):
        raise typer.Exit(Exit.FAILED)
    if any(Stays.OUTPUT_MISSING in cleaned.stays for _, cleaned in rows):
        raise typer.Exit(Exit.NOT_ALL_STORED)


def _meant(world: "CloudStatus", settings: Settings, wanted: str | None, older_than: float | None) -> Iterator[Batch]:
    if wanted is not None:
        known = chosen(world, wanted)[0]
        if not known.at_rest:
            raise UsageError(Code.BATCH_AT_WORK)
        yield known
        return
    seconds = older_than
    if seconds is None and "keep_sources" in settings.model_fields_set:
        seconds = settings.keep_sources
    if seconds is None:
        raise UsageError(Code.BAD_SETTING, "Name a BATCH, or say how old batches must be: --older-than SECONDS.")
    yield from due(world.store, now() - timedelta(seconds=seconds))


def _show(rows: list[tuple[Batch, Cleaned]], *, dry_run: bool) -> None:
    if not rows:
        say("Nothing to clean up.")
        return
    show_table(
        ["batch", "id", "would go" if dry_run else "deleted", "bytes", "marker", "stays", "note"],
        [
            [
                one.name or "(hidden)",
                one.id,
                cleaned.objects,
                cleaned.size_bytes,
                ("would go" if dry_run else "deleted") if cleaned.marker else "",
                sum(cleaned.stays.values()),
                _note(one, cleaned),
            ]
            for one, cleaned in rows
        ],
    )
    if any(Stays.OUTPUT_MISSING in cleaned.stays for _, cleaned in rows):
        say("Where outputs are missing, have them done again from the sources that are left:  sendit retry BATCH")


def _note(batch: Batch, cleaned: Cleaned) -> str:
    if batch.state not in CLEANABLE:
        return f"{batch.state}: nothing of it is deleted"
    return ", ".join(f"{number} {why}" for why, number in cleaned.stays.items())


def _as_json(batch: Batch, cleaned: Cleaned) -> dict[str, object]:
    return {
        "batch_id": batch.id,
        "name": batch.name,
        "state": batch.state,
        "objects": cleaned.objects,
        "bytes": cleaned.size_bytes,
        "marker": cleaned.marker,
        "stays": cleaned.stays,
        "complete": cleaned.complete,
    }
