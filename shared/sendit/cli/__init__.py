"""The command line: `sendit VERB …`, one module per group of verbs."""

import io
import logging
import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn

import typer

from sendit import __version__, logs
from sendit.cli.cleanup import cleanup
from sendit.cli.console import complain
from sendit.cli.contact_sheet import contact_sheet
from sendit.cli.dead_letters import dead_letters
from sendit.cli.deidentify import deidentify
from sendit.cli.emulate import emulate
from sendit.cli.exits import Exit
from sendit.cli.profile import profile
from sendit.cli.reidentify import reidentify
from sendit.cli.retry import retry
from sendit.cli.run import run
from sendit.cli.screen import screen
from sendit.cli.send import send
from sendit.cli.status import errors, status
from sendit.errors import Code, SenditError, UsageError
from sendit.settings import LogFormat, LogLevel

app = typer.Typer(
    name="sendit",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they would print local variables, header values among them
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Takes folders of DICOM out of the clinic: de-identified to PS3.15, stored, every image accounted for.\n\n"
    "Start with:  sendit run SRC OUT",
    epilog="Settings are environment variables SENDIT_…; the README lists them.",
)
app.command(short_help="A folder of DICOM in, a de-identified batch out.")(run)
app.command(short_help="Files to files, without the pipeline.")(deidentify)
app.command(short_help="What the filters say of images; writes nothing.")(screen)
app.command(short_help="What came out, as pictures on one page.")(contact_sheet)
app.command(short_help="Where batches stand.")(status)
app.command(short_help="What failed or was rejected, and why.")(errors)
app.command(short_help="A batch of the cloud once more.")(retry)
app.command(short_help="An earlier batch on to one more destination.")(send)
app.add_typer(dead_letters, name="dead-letters", short_help="Messages of the cloud that died; let them go on.")
app.add_typer(dead_letters, name="dead_letters", hidden=True)
app.command(short_help="Sources of what is stored, deleted from the cloud.")(cleanup)
app.command(short_help="Who an image is of, for whoever may know.")(reidentify)
app.add_typer(profile, name="profile", short_help="What a profile does to an attribute, and why.")
app.command(short_help="The whole cloud on this machine, until Ctrl-C.")(emulate)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sendit {__version__}")
        raise typer.Exit


@app.callback()
def _sendit(
    version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    del version


def main() -> NoReturn:
    """Run the command line. Exit status: 0 all stored; 3 some images were not; 1 failed; 2 usage."""
    signal.signal(signal.SIGTERM, _interrupt)
    for stream in (sys.stdout, sys.stderr):
        # a terminal or pipe that cannot show a character must not end the program
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # until the settings are read; a verb sets it up again with what they say
    logs.setup(LogFormat.AUTO, LogLevel.WARNING)
    try:
        app()
    except UsageError as error:
        complain(error)
        sys.exit(Exit.USAGE)
    except SenditError as error:
        complain(error)
        sys.exit(Exit.FAILED)
    except SystemExit as stop:
        if stop.code == Exit.INTERRUPTED:  # what typer makes of a KeyboardInterrupt
            sys.stderr.write("Interrupted. What is stored stays stored; run the same command to go on.\n")
            _leave(Exit.INTERRUPTED)
        raise
    except OSError as error:
        # what verbs read and write has errors of its own; this is the answer itself: /dev/full, a closed stream
        with suppress(OSError):
            sys.stderr.write(f"sendit: {error.strerror}; the answer could not be written.\n")
        sys.exit(Exit.FAILED)
    except Exception as error:  # noqa: BLE001  the last resort: say where, and no value of anything
        logs.event(
            logging.CRITICAL,
            "A defect in sendit ended the program.",
            code=Code.INTERNAL_ERROR,
            place=logs.place_of(error),
        )
        sys.exit(Exit.FAILED)
    sys.exit(0)


def _leave(status: int) -> NoReturn:
    """End at once, with everything given back by now: threads that wait for a destination would be waited for."""
    with suppress(OSError):
        sys.stdout.flush()
    with suppress(OSError):
        sys.stderr.flush()
    os._exit(status)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
