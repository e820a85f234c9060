"""`sendit contact-sheet`: pictures of what came out, on one page."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from sendit.cli.console import say, say_json, watching
from sendit.cli.exits import Exit
from sendit.cli.options import Json, settings_with
from sendit.errors import Code, UsageError
from sendit.label import UNCHANGED
from sendit.records import Counts
from sendit.refs import printable
from sendit.wiring.local import label_of_out

if TYPE_CHECKING:
    from sendit.sheet.found import Found
    from sendit.sheet.page import Tally

Written = Annotated[Path, typer.Argument(metavar="OUT", help="OUT of sendit run or sendit deidentify. Never changed.")]


def contact_sheet(
    out: Written,
    page: Annotated[
        Path, typer.Option(metavar="FILE.html", help="The page to write, outside OUT; an earlier one is replaced.")
    ] = Path("contact-sheet.html"),
    every: Annotated[bool, typer.Option("--all", help="Show every image, not three of each series.")] = False,
    as_json: Json = False,
) -> None:
    """Show what came out as small pictures, on one page to look at before OUT is shared.

    Of a series the first, the middle and the last image are shown, of a multi-frame image three frames. The page
    needs no other file and no network. It says how many files there are, what could not be shown and why.

    Exit status: 0 a picture of everything that was to be shown; 3 something could not be shown; 1 there is no image;
    2 usage.
    """
    settings_with()
    label = label_of_out(out)
    if label.profile == UNCHANGED:
        raise UsageError(Code.OUT_IDENTIFIED)
    _check_page(page, out)
    if find_spec("numpy") is None or find_spec("PIL") is None:
        raise UsageError(Code.DECODER_MISSING, "Pictures need numpy and Pillow.")
    tally = _written(out, page, every=every)
    if as_json:
        say_json({"page": page, "digest": tally.digest, **_numbers(tally)})
    else:
        say(f"{tally.shown} of {tally.found} files are shown on {printable(str(page))}.")
        for code, number in sorted(tally.failed.items()):
            say(f"{number} × {code}")
        say(f"Digest: {tally.digest}")
    if not tally.found:
        raise typer.Exit(Exit.FAILED)
    raise typer.Exit(Exit.NOT_ALL_STORED if tally.failed else Exit.STORED)


def _found_below(out: Path) -> "list[Found]":
    from sendit.sheet.found import files_below, found_at

    paths = list(files_below(out))
    found = []
    with watching(stored="read") as watch:
        for path in paths:
            found.append(found_at(path))
            watch.update("reading", Counts(found=len(paths), stored=len(found)))
    return found


def _written(out: Path, path: Path, *, every: bool) -> "Tally":
    """Write the page: its pictures first, beside it, for only then it is known what the top has to say."""
    from sendit.sheet import making, page
    from sendit.sheet.choice import in_series
    from sendit.sheet.found import digest_of

    found = _found_below(out)
    series = in_series(found, every=every)
    tally = page.Tally(len(found), digest_of(found))
    for one in found:
        if one.problem is not None:
            tally.fail(one.problem)
    unshown = sum(tally.failed.values())
    to_show = sum(len(one.chosen) for one in series)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as pictures, watching(stored="shown") as watch:

        def observe() -> None:
            failed = sum(tally.failed.values()) - unshown
            watch.update("pictures", Counts(found=to_show, stored=tally.shown, errored=failed))

        pictures.writelines(making.body(series, tally, observe))
        pictures.seek(0)
        with _new_page(path) as stream:
            stream.writelines(page.top(tally))
            shutil.copyfileobj(pictures, stream)
            stream.write(page.bottom())
    return tally


def _numbers(tally: "Tally") -> dict[str, object]:
    return {
        "found": tally.found,
        "shown": tally.shown,
        "left_out": tally.left_out,
        "not_shown": tally.failed,
        "pictures": tally.pictures,
        "frames_unseen": tally.frames_unseen,
    }


def _check_page(page: Path, out: Path) -> None:
    """Raise `UsageError` for a page in OUT, links resolved, or in the place of a file that is no page of ours."""
    from sendit.sheet.page import MAGIC

    real, around = Path(os.path.realpath(page)), Path(os.path.realpath(out))
    if around in real.parents or real == around:
        raise UsageError(Code.FOLDERS_OVERLAP, f"--page {page} lies in {around}, which is shared; write it elsewhere.")
    try:
        with real.open("rb") as stream:
            if stream.read(len(MAGIC)) != MAGIC.encode("ascii"):
                raise UsageError(Code.BAD_SETTING, f"--page {page} is there, and is no contact sheet.")
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(Code.BAD_SETTING, f"--page {page}: {error.strerror}.") from None


@contextmanager
def _new_page(path: Path) -> Iterator[TextIO]:
    """A file that takes its place when it is whole. Raises `UsageError` (bad_setting) if it cannot be written."""
    part = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        try:
            with part.open("x", encoding="utf-8") as stream:
                yield stream
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(Code.BAD_SETTING, f"--page {path}: {error.strerror}.") from None
