"""`sendit contact-sheet`: pictures of what came out, on one page."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from sendit.cli.console import say, say_json
from sendit.cli.exits import Exit
from sendit.cli.looking import check_pictures, found_below, pictured, tally_of
from sendit.cli.options import Json, settings_with
from sendit.cli.sign_off import Wish, fields_of, list_sign_offs, record
from sendit.errors import Code, UsageError
from sendit.label import UNCHANGED
from sendit.refs import printable
from sendit.wiring.local import label_of_out
from sendit.wiring.sheet import images_of_out, sign_offs_of_out

if TYPE_CHECKING:
    from sendit.records import Image
    from sendit.sheet.page import Tally
    from sendit.sheet.sign_off import SignOff

Written = Annotated[Path, typer.Argument(metavar="OUT", help="OUT of sendit run or sendit deidentify. Never changed.")]


def contact_sheet(
    out: Written,
    page: Annotated[
        Path, typer.Option(metavar="FILE.html", help="The page to write, outside OUT; an earlier one is replaced.")
    ] = Path("contact-sheet.html"),
    every: Annotated[bool, typer.Option("--all", help="Show every image, not three of each series.")] = False,
    sign_off: Annotated[
        str | None,
        typer.Option("--sign-off", metavar="NAME", help="Record that NAME looked at these files; writes no page."),
    ] = None,
    digest: Annotated[
        str | None, typer.Option(metavar="DIGEST", help="The digest on the page that was looked at.")
    ] = None,
    note: Annotated[str, typer.Option(metavar="TEXT", help="A note to record with the sign-off.")] = "",
    despite: Annotated[
        bool, typer.Option("--despite-not-shown", help="Sign off although some files could not be shown.")
    ] = False,
    sign_offs: Annotated[bool, typer.Option("--sign-offs", help="List the sign-offs of OUT; writes no page.")] = False,
    as_json: Json = False,
) -> None:
    """Show what came out as small pictures, on one page to look at before OUT is shared.

    Of a series the first, the middle and the last image are shown, of a multi-frame image three frames; what was
    blanked is outlined. The page needs no other file and no network. It says how many files there are, what could
    not be shown and why. Whoever has looked at it signs off: --sign-off NAME --digest DIGEST, and --all if the page
    was made with --all.

    Exit status: 0 a picture of everything that was to be shown, or signed off; 3 something could not be shown; 1 there
    is no image; 2 usage, or refused to sign off.
    """
    settings = settings_with()
    label = label_of_out(out)
    if label.profile == UNCHANGED:
        raise UsageError(Code.OUT_IDENTIFIED)
    wish = Wish(sign_off, digest, note, despite)
    if sign_offs and wish.name is not None:
        raise UsageError(Code.BAD_SETTING, "--sign-offs lists and --sign-off records: one of them at a time.")
    if sign_offs:
        list_sign_offs(settings, out, label, as_json=as_json)
        return
    check_pictures()
    if wish.name is not None:
        record(settings, out, label, wish, every=every, as_json=as_json)
        return
    _check_page(page, out)
    earlier = sign_offs_of_out(settings, out, label)
    tally, signed = _written(out, page, images_of_out(settings, out, label), earlier, every=every)
    if as_json:
        say_json({"page": page, "digest": tally.digest, **_numbers(tally), "sign_offs": [*map(fields_of, signed)]})
    else:
        say(f"{tally.shown} of {tally.found} files are shown on {printable(str(page))}.")
        for code, number in sorted(tally.failed.items()):
            say(f"{number} × {code}")
        say(f"{tally.blanked} shown with outlines of what was blanked; of {tally.blanked_unknown} it is not known.")
        say(f"Digest: {tally.digest}")
    if not tally.found:
        raise typer.Exit(Exit.FAILED)
    raise typer.Exit(Exit.NOT_ALL_STORED if tally.failed else Exit.STORED)


def _written(
    out: Path, path: Path, images: "Iterable[Image]", earlier: "Sequence[SignOff]", *, every: bool
) -> "tuple[Tally, list[SignOff]]":
    """Write the page: its pictures first, beside it, for only then it is known what the top has to say.

    Returns what is on it, and the earlier sign-offs of exactly these files.
    """
    from sendit.sheet import page
    from sendit.sheet.blanked import records_of

    found = found_below(out)
    tally, records = tally_of(found), records_of(images)
    signed = [one for one in earlier if one.digest == tally.digest]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as pictures:
        pictures.writelines(pictured(found, records, tally, every=every))
        pictures.seek(0)
        with _new_page(path) as stream:
            stream.writelines(page.top(tally, signed))
            shutil.copyfileobj(pictures, stream)
            stream.write(page.bottom())
    return tally, signed


def _numbers(tally: "Tally") -> dict[str, object]:
    return {
        "found": tally.found,
        "shown": tally.shown,
        "left_out": tally.left_out,
        "not_shown": tally.failed,
        "pictures": tally.pictures,
        "frames_unseen": tally.frames_unseen,
        "blanked": tally.blanked,
        "blanked_unknown": tally.blanked_unknown,
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
