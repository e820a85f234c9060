"""What verbs show: a progress bar or plain lines, tables, complaints. Results go to stdout, the rest to stderr."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from sendit.deliveries import Delivery
from sendit.errors import SenditError
from sendit.records import Counts
from sendit.refs import printable

_SECONDS_BETWEEN_LINES = 10.0
_LEAST_WIDTH = 160
_PROSE = frozenset({"note", "why"})


def complain(error: SenditError) -> None:
    """One line: what is wrong, the code for scripts, and the way out."""
    sys.stderr.write(f"sendit: {printable(error.sentence)} [{error.code}]\n")


def tell_keys(made: Sequence[Path]) -> None:
    """Say which keys were made on first use: whoever loses one loses more than can be done again."""
    for key in made:
        sys.stderr.write(f"A new key was made: {printable(str(key))}. Keep a backup of it.\n")


def say(line: str) -> None:
    """One line of a result."""
    sys.stdout.write(f"{line}\n")


def say_json(result: object) -> None:
    """A result for scripts."""
    say(json.dumps(result, indent=1, default=str))


def show_table(headings: Sequence[str], rows: Sequence[Sequence[str | int]]) -> None:
    """A table whose cells are shown as they are: no markup, no control characters; numbers to the right."""
    # ids and dates stay whole, to be copied; a narrow terminal breaks the lines itself
    width = Console(file=sys.stdout).width if sys.stdout.isatty() else 0
    console = Console(file=sys.stdout, width=max(width, _LEAST_WIDTH), highlight=False, soft_wrap=False)
    table = Table(box=None, pad_edge=False)
    for column, heading in enumerate(headings):
        numeric = bool(rows) and all(isinstance(row[column], int) for row in rows)
        whole = heading not in _PROSE
        table.add_column(heading, justify="right" if numeric else "left", no_wrap=whole, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(str(cell))) for cell in row))
    console.print(table)


class Watch:
    """Progress of a run: `update` as often as you like."""

    def __init__(self, progress: Progress | None, stored: str) -> None:
        self._progress = progress
        self._stored = stored
        self._task = progress.add_task("", total=None, stored=0, rejected=0, errored=0) if progress else None
        self._said_at = time.monotonic()

    def update(self, label: str, counts: Counts) -> None:
        """Show how far a batch is."""
        if self._progress is not None and self._task is not None:
            self._progress.update(
                self._task,
                description=printable(label),
                completed=counts.settled,
                total=counts.found,
                stored=counts.stored,
                rejected=counts.rejected,
                errored=counts.errored,
            )
        elif time.monotonic() - self._said_at >= _SECONDS_BETWEEN_LINES:
            self._said_at = time.monotonic()
            sys.stderr.write(
                f"{counts.settled} of {counts.found} images: {counts.stored} {self._stored},"
                f" {counts.rejected} rejected, {counts.errored} failed\n"
            )

    def sending(self, label: str, deliveries: Sequence[Delivery]) -> None:
        """Show how far a batch is at its destinations; of all together, for they are at work at one time."""
        sent, failed = sum(one.sent for one in deliveries), sum(one.failed for one in deliveries)
        if self._progress is not None and self._task is not None:
            text = f"{printable(label)}: sent to {len(deliveries)} destinations"
            self._progress.update(self._task, description=text, completed=sent, total=None, errored=failed)
        elif time.monotonic() - self._said_at >= _SECONDS_BETWEEN_LINES:
            self._said_at = time.monotonic()
            sys.stderr.write(f"{sent} images are at a destination, {failed} were refused\n")


@contextmanager
def watching(stored: str = "stored") -> Iterator[Watch]:
    """A bar on a terminal, a line every ten seconds elsewhere; what passes is called `stored`."""
    if not sys.stderr.isatty():
        yield Watch(None, stored)
        return
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(
            f"{{task.fields[stored]}} {stored}, {{task.fields[rejected]}} rejected, {{task.fields[errored]}} failed"
        ),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
        transient=True,
    )
    with progress:
        yield Watch(progress, stored)
