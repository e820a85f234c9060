"""`sendit emulate`: the whole cloud on this machine, until Ctrl-C."""

import os
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sendit.cli.console import complain, say
from sendit.cli.exits import Exit
from sendit.cli.options import settings_with
from sendit.errors import Code, UsageError
from sendit.refs import printable
from sendit.settings import LogFormat, LogLevel
from sendit.wiring.local import prepare_key

if TYPE_CHECKING:
    from sendit.emulators.cloud import LocalCloud

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def emulate(
    env_file: Annotated[
        Path | None,
        typer.Option(help="Write the variables to export to this file when all is ready, for: source FILE"),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show also what the emulators say.")] = False,
) -> None:
    """Run the whole cloud on this machine: emulators and functions, until Ctrl-C.

    Upload with the real gcloud or gsutil, see Firestore tell the story; nothing leaves this machine, and
    nothing is left when it ends. Needs Java and the Google Cloud CLI with its two emulators. The functions get
    the SENDIT_… variables of this terminal.

    Exit status: 0 after Ctrl-C; 1 if a part of it failed; 2 usage, or something that it needs is missing.
    """
    from sendit.emulators.cloud import CloudOptions, LocalCloud  # no other verb has to wait for it

    began = time.monotonic()
    settings = settings_with()
    export_to = Path.cwd() / env_file if env_file else None
    options = CloudOptions(
        export_to=export_to, function_environment=_readable_logs(), hear=_relay, tell=_progress, verbose=verbose
    )
    cloud = LocalCloud(prepare_key(settings), options)
    with _ending(cloud):
        try:
            with cloud:
                _explain(cloud, export_to, time.monotonic() - began)
                cloud.wait()
        except KeyboardInterrupt:
            pass
        except UsageError as error:
            if error.code is not Code.EMULATOR_FAILED:
                raise
            complain(error)
            if not verbose:
                _progress("To see what it said:  sendit emulate --verbose")
            raise typer.Exit(Exit.FAILED) from None
    _progress("The local cloud has ended; nothing of it is left.")


def _explain(cloud: "LocalCloud", export_to: Path | None, seconds: float) -> None:
    known = cloud.environment
    staging, output = known["SENDIT_STAGING"], known["SENDIT_OUTPUT"]
    database = f"projects/{known['GOOGLE_CLOUD_PROJECT']}/databases/(default)"
    documents = f"http://{known['FIRESTORE_EMULATOR_HOST']}/v1/{database}/documents/batches"
    say(f"The local cloud is ready after {seconds:.1f} s. Ctrl-C ends it, and nothing of it is left.")
    say("")
    say("In another terminal:")
    if export_to:
        say(f"  source {shlex.quote(printable(str(export_to)))}")
    else:
        for name, value in known.items():
            say(f"  export {name}={shlex.quote(value)}")
    say("Upload a folder, then write its marker:")
    say(f"  gcloud storage rsync -r ST-000001 {staging}/incoming/ST-000001")
    say(f"  gcloud storage cp /dev/null {staging}/finalize/ST-000001")
    say("or:")
    say(f"  gsutil -m rsync -r ST-000001 {staging}/incoming/ST-000001")
    say(f"  gsutil cp /dev/null {staging}/finalize/ST-000001")
    say("See where it stands, and what came out:")
    say("  sendit status")
    say(f"  gcloud storage ls -r {output}")
    say(f"  curl '{documents}'")
    sys.stdout.flush()


@contextmanager
def _ending(cloud: "LocalCloud") -> Iterator[None]:
    """Whatever asks us to end asks the cloud, and cannot cut short how it ends."""
    for number in _ENDINGS:
        # under nohup, SIGHUP is ignored on purpose; a shell's background job ignores SIGINT, and is asked all the same
        if number is signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: cloud.stop())
    try:
        yield
    finally:
        # what is left is to exit: an impatient Ctrl-C must not change the exit status
        for number in _ENDINGS:
            signal.signal(number, signal.SIG_IGN)


def _readable_logs() -> dict[str, str]:
    """Log lines of the functions for a person, where one looks and did not ask for anything else."""
    wanted = {"SENDIT_LOG_FORMAT": LogFormat.TEXT, "SENDIT_LOG_LEVEL": LogLevel.INFO}
    if not sys.stderr.isatty() or any(name in os.environ for name in wanted):
        return {}
    return {name: value.value for name, value in wanted.items()}


def _relay(name: str, line: str) -> None:
    _progress(f"{name}: {printable(line)}")


def _progress(line: str) -> None:
    # a terminal that went away must not keep the cloud from ending
    with suppress(OSError, ValueError):
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
