"""`sendit status` and `sendit errors`: where batches and images stand."""

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated

import typer

from sendit.cli.choice import StatusWorld, arrivals_of, chosen, files_of, opened
from sendit.cli.console import say, say_json, show_table
from sendit.cli.deliveries import show_deliveries, troubles_of
from sendit.cli.options import Json, OutOption, settings_with
from sendit.documents import batch_to_document
from sendit.errors import SENTENCES
from sendit.records import Batch, Image, ImageState
from sendit.refs import printable

_LATE = "came or changed after the freeze"
_TO_READ = "To read it: sendit retry {id} --new, or of a local run, run again with --retry new."

BatchArgument = Annotated[str | None, typer.Argument(metavar="BATCH", help="A batch's name or id. [default: all]")]


def status(batch: BatchArgument = None, out: OutOption = None, as_json: Json = False) -> None:
    """Show where batches stand: state, counts, attempts, and how far they are at each destination.

    With a BATCH: its images by state, the rules that rejected and the codes that failed.
    """
    with opened(settings_with(), out) as world:
        found = chosen(world, batch)
        if as_json:
            say_json([{"id": one.id, **batch_to_document(one)} for one in found])
            return
        show_table(
            [
                "batch",
                "id",
                "state",
                "found",
                "stored",
                "duplicates",
                "rejected",
                "failed",
                "attempt",
                "updated",
            ],
            [
                [
                    one.name or "(hidden)",
                    one.id,
                    one.state,
                    one.counts.found,
                    one.counts.stored,
                    one.counts.duplicates,
                    one.counts.rejected,
                    one.counts.errored,
                    one.attempt,
                    f"{one.updated_at:%Y-%m-%d %H:%M:%S}Z",
                ]
                for one in found
            ],
        )
        if batch is not None:
            _show_images(list(world.store.images(found[0].id)))
        show_deliveries(found)
        for one in found:
            if one.has_new_arrivals:
                say(
                    f"{one.id}: files came or changed after the freeze; to read them:"
                    f" sendit retry {one.id} --new, or for a local run, run again with --retry new"
                )


def errors(
    batch: BatchArgument = None,
    out: OutOption = None,
    names: Annotated[bool, typer.Option("--names", help="Show the files' names, which may identify patients.")] = False,
    as_json: Json = False,
) -> None:
    """List what failed, what was rejected and why, and what came or changed after the batch was frozen.

    Images are shown by their id; with --names, by their file, looked up in the frozen manifest.
    """
    with opened(settings_with(), out) as world:
        troubles = [trouble for one in chosen(world, batch) for trouble in _troubles(world, one, names=names)]
        if as_json:
            say_json([vars(trouble) for trouble in troubles])
            return
        if not troubles:
            say("No errors, and nothing was rejected.")
            return
        for (batch_id, what, why), group in groupby(troubles, key=lambda one: (one.batch, one.what, one.why)):
            members = list(group)
            say(f"{batch_id}  {len(members)} × {what}: {why}")
            for member in members:
                if member.image:
                    say(f"    {printable(member.file) or member.image}")
        if not names and any(trouble.image for trouble in troubles):
            say("Add --names to see which files these are; the names may identify patients.")
        if any(trouble.failed for trouble in troubles):
            say(f"What failed, with the files' names, as a report a batch:  {printable(world.reports)}")


@dataclass(frozen=True)
class _Trouble:
    """One line of `sendit errors`."""

    batch: str
    what: str
    why: str
    image: str
    file: str

    @property
    def failed(self) -> bool:
        """Whether it is an error: no rejection, and nothing that came too late to be read."""
        return self.what != _LATE and not self.what.startswith("rejected")


def _show_images(images: list[Image]) -> None:
    tallies = Counter(
        (image.state.value, image.rule or (image.code.value if image.code else ""), image.sentence) for image in images
    )
    show_table(
        ["images", "state", "rule or code", "why"],
        [[number, *what] for what, number in sorted(tallies.items(), key=lambda item: (-item[1], item[0]))],
    )


def _troubles(world: StatusWorld, batch: Batch, *, names: bool) -> list[_Trouble]:
    """What went wrong in a batch: first the batch's own errors, then its images by what and why."""
    files = files_of(world, batch) if names else {}
    own = [_Trouble(batch.id, entry.code, entry.sentence, "", "") for entry in batch.errors if entry.image_id is None]
    own += [
        _Trouble(batch.id, code, f"{SENTENCES[code]} ({delivery.destination})", image_id, files.get(image_id, ""))
        for delivery in batch.deliveries
        for code, image_id in troubles_of(delivery)
    ]
    images = [
        _Trouble(
            batch.id,
            image.code.value if image.code else f"rejected by {image.rule}",
            image.sentence,
            image.id,
            files.get(image.id, ""),
        )
        for image in world.store.images(batch.id)
        if image.state in {ImageState.ERROR, ImageState.REJECTED}
    ]
    late = [
        _Trouble(batch.id, _LATE, _TO_READ.format(id=batch.id), image_id, file if names else "")
        for image_id, file in (arrivals_of(world, batch) if batch.has_new_arrivals else {}).items()
    ]
    return own + sorted(images + late, key=lambda one: (not one.failed, one.what, one.file, one.image))
