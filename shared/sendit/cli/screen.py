"""`sendit screen`: what the rules say of images, before anything is made of them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated

import typer

from sendit.cli.console import say, say_json, show_table, watching
from sendit.cli.exits import Exit
from sendit.cli.options import Json, Profile, Rules, Source, settings_with
from sendit.errors import ImageError
from sendit.images import check_size, screened
from sendit.local import find_batches
from sendit.records import Counts, ImageState
from sendit.refs import BatchName
from sendit.screen import Verdict
from sendit.settings import BatchNames
from sendit.tally import counted
from sendit.wiring.local import local_screening
from sendit.wiring.parts import limits_of

_FAILED = "fail"
"""Of an image on which there is no verdict: it cannot be read."""
_OUTCOMES = {
    Verdict.ACCEPT: ImageState.DONEPROCESSING,
    Verdict.CLEAN: ImageState.DONEPROCESSING,
    Verdict.REJECT: ImageState.REJECTED,
    _FAILED: ImageState.ERROR,
}


@dataclass(frozen=True, slots=True)
class _Seen:
    """One file: the verdict, the rule or code that gave it, and why."""

    batch: str
    file: str
    verdict: str
    rule: str
    why: str


def screen(
    source: Source,
    rules: Rules = None,
    profile: Profile = None,
    names: Annotated[
        bool, typer.Option("--names", help="One line a file, with its name, which may identify a patient.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what the screen says of the images below SRC, and write nothing.

    Every sub-folder of SRC is a batch, or SRC itself if it holds files. An image passes if a rule accepts it and none
    rejects it; what no rule accepts is rejected. Rules of your own go on top of those shipped:

    \b
        without = ["colour"]                # shipped rules that are not to be asked
        [rule.scanner-2]
        reject = "Scanner 2 burns names into its images."
        when = { all = [
            { attribute = "Modality", equals = "CT" },
            { attribute = "DeviceSerialNumber", in = ["4711", "4712"] },
        ] }

    Use them with --rules FILE.toml or SENDIT_RULES; docs/screening.md tells all that they may hold.

    Exit status: 0 all would pass; 3 some would not; 1 there is no image; 2 usage.
    """  # noqa: D301  a backspace keeps typer from wrapping lines
    settings = settings_with(profile, rules=rules)
    found = find_batches(source)
    staging, screen_, limits = *local_screening(settings, found.root), limits_of(settings)
    hidden = settings.batch_names is BatchNames.HIDE

    def all_of(name: BatchName) -> Iterator[_Seen]:
        for entry in sorted(staging.list(name), key=lambda entry: entry.name):
            try:
                check_size(entry, settings.max_image_bytes)
                with staging.open(name, entry) as stream:
                    _, decision = screened(stream, screen_, limits, cleans=settings.deidentify)
            except ImageError as error:
                yield _Seen(str(name), entry.name, _FAILED, error.code, error.sentence)
            else:
                yield _Seen(str(name), entry.name, decision.verdict, decision.rule, decision.reason)

    seen: list[_Seen] = []
    counts = Counts()
    with watching(stored="accepted") as watch:
        for name in found.names:
            for one in all_of(name):
                seen.append(one)
                counts = counted(counts, _OUTCOMES[one.verdict], duplicate=False)
                watch.update("" if hidden else str(name), replace(counts, found=counts.settled))
    shown = [replace(one, batch="(hidden)") for one in seen] if hidden else seen
    if as_json:
        say_json([_as_json(one, names=names) for one in shown])
    elif names:
        rows = [[one.batch, one.file, one.verdict, one.rule, one.why] for one in shown]
        show_table(["batch", "file", "verdict", "rule", "why"], rows)
    else:
        lines = Counter((one.batch, one.verdict, one.rule, one.why) for one in shown)
        show_table(["batch", "images", "verdict", "rule", "why"], [[b, n, *rest] for (b, *rest), n in lines.items()])
    if not as_json:
        say(f"{counts.stored} of {counts.settled} images would pass.")
    if not seen:
        raise typer.Exit(Exit.FAILED)
    raise typer.Exit(Exit.STORED if counts.stored == counts.settled else Exit.NOT_ALL_STORED)


def _as_json(one: _Seen, *, names: bool) -> dict[str, str]:
    file = {"file": one.file} if names else {}
    return {"batch": one.batch, **file, "verdict": one.verdict, "rule": one.rule, "why": one.why}
