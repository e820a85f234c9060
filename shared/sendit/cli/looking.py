"""What the contact sheet and its sign-off share: everything below OUT read, and pictures made of it."""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from sendit.cli.console import watching
from sendit.errors import Code, UsageError
from sendit.records import Counts

if TYPE_CHECKING:
    from sendit.sheet.blanked import Records
    from sendit.sheet.found import Found
    from sendit.sheet.page import Tally


def check_pictures() -> None:
    """Raise `UsageError` (decoder_missing) unless pictures can be made."""
    if find_spec("numpy") is None or find_spec("PIL") is None:
        raise UsageError(Code.DECODER_MISSING, "Pictures need numpy and Pillow.")


def found_below(out: Path) -> "list[Found]":
    """Everything below OUT, read."""
    from sendit.sheet.found import files_below, found_at

    below = list(files_below(out))
    found = []
    with watching(stored="read") as watch:
        for one in below:
            found.append(found_at(one.path) if one.problem is None else one)
            watch.update("reading", Counts(found=len(below), stored=len(found)))
    return found


def tally_of(found: "Sequence[Found]") -> "Tally":
    """The tally before any picture is made: what can have none is counted."""
    from sendit.sheet.found import digest_of
    from sendit.sheet.page import Tally

    tally = Tally(len(found), digest_of(found))
    for one in found:
        if one.problem is not None:
            tally.fail(one.problem)
    return tally


def pictured(found: "Sequence[Found]", records: "Records", tally: "Tally", *, every: bool) -> Iterator[str]:
    """The part of the page with the pictures, watched; the tally is whole when it ends."""
    from sendit.sheet import making
    from sendit.sheet.choice import in_series

    series = in_series(found, every=every)
    unshown = sum(tally.failed.values())
    to_show = sum(len(one.chosen) for one in series)
    with watching(stored="shown") as watch:

        def observe() -> None:
            failed = sum(tally.failed.values()) - unshown
            watch.update("pictures", Counts(found=to_show, stored=tally.shown, errored=failed))

        yield from making.body(series, tally, records, observe)
