"""`sendit deidentify`: files to files, without the pipeline around it."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, TextIO

import typer

from sendit.cli.console import say, show_table, tell_keys, watching
from sendit.cli.exits import Exit
from sendit.cli.options import Out, Profile, Rules, Source, Text, Workers, settings_with
from sendit.crosswalk import Keeping
from sendit.errors import Code, UsageError
from sendit.local import files_of
from sendit.outcome import Outcome, log_outcome
from sendit.patients import Patients
from sendit.records import Counts, ImageState
from sendit.tally import counted
from sendit.wiring.local import local_files, missing_keys
from sendit.work import Claims, chunks, settle


def deidentify(
    source: Source,
    out: Out,
    profile: Profile = None,
    rules: Rules = None,
    text: Text = None,
    report: Annotated[
        Path | None,
        typer.Option(help="Write what was done to each image, as JSON lines without any header value."),
    ] = None,
    workers: Workers = None,
    keep_paths: Annotated[
        bool,
        typer.Option("--keep-paths", help="Keep the files' relative paths. Names of files often identify."),
    ] = False,
) -> None:
    """De-identify files to files: no batches, no state, no resuming. SRC is a folder or one file.

    The same screen, key and profile as `sendit run`, and the same bytes. Results lie in OUT as
    PATIENT/STUDY/SERIES/IMAGE.dcm. Exit status: 0 all stored; 3 not every image was stored; 1 failed; 2 usage.
    """
    settings = settings_with(profile, workers, rules, text)
    if report is not None:
        _check_report(report, source, out, settings.home)
    root, name, only = files_of(source)
    if keep_paths:
        sys.stderr.write("Warning: paths and file names are kept as they are; make sure that none identifies.\n")
    fresh = missing_keys(settings)
    counts, reasons = Counts(), dict[str, int]()
    with (
        local_files(settings, source, root, out, keep_paths=keep_paths, with_report=report is not None) as files,
        _report_file(report) as report_file,
        watching() as watch,
    ):
        tell_keys(fresh)
        staging, workers_, naming, ids, crosswalk = files
        entries = [entry for entry in staging.list(name) if only is None or entry.name == only]
        entries.sort(key=lambda entry: entry.name)
        counts, claims = replace(counts, found=len(entries)), Claims()
        plan = naming.of_batch(Patients(workers_, name, entries, settings.in_flight_bytes))
        keeping = Keeping(crosswalk, ids.batch(name))
        for chunk in chunks(entries, settings.in_flight_bytes):
            for outcome, duplicate in settle(workers_, name, chunk, claims, plan, stored=keeping.note):
                image_id = ids.image(name, outcome.entry.name)
                log_outcome(outcome, ids.batch(name), image_id)
                counts = counted(counts, outcome.state, duplicate=duplicate)
                if outcome.state is not ImageState.DONEPROCESSING:
                    reason = outcome.rule or str(outcome.code)
                    reasons[reason] = reasons.get(reason, 0) + 1
                if report_file is not None:
                    report_file.write(_report_line(outcome, image_id))
                watch.update("", counts)
            keeping.taken()()
    counts.check_conservation()
    row = [counts.found, counts.stored, counts.duplicates, counts.rejected, counts.errored]
    show_table(["found", "stored", "duplicates", "rejected", "failed"], [row])
    for reason, number in sorted(reasons.items()):
        say(f"{number} × {reason}")
    if not entries:
        raise typer.Exit(Exit.FAILED)
    raise typer.Exit(Exit.STORED if counts.stored == counts.found else Exit.NOT_ALL_STORED)


def _report_line(outcome: Outcome, image_id: str) -> str:
    if outcome.report:
        return f"{outcome.report.rstrip()}\n"
    fields = {"image": image_id, "state": outcome.state, "code": outcome.code, "rule": outcome.rule}
    return f"{json.dumps(fields)}\n"


def _check_report(report: Path, *others: Path) -> None:
    """Raise `UsageError` if the report would lie in SRC, OUT or SENDIT_HOME, links resolved."""
    real = Path(os.path.realpath(report))
    for other in others:
        around = Path(os.path.realpath(other))
        if real == around or around in real.parents:
            raise UsageError(Code.FOLDERS_OVERLAP, f"--report {report} lies in {around}; write it elsewhere.")


@contextmanager
def _report_file(path: Path | None) -> Iterator[TextIO | None]:
    if path is None:
        yield None
        return
    try:
        stream = path.open("x", encoding="ascii")
    except OSError as error:
        raise UsageError(Code.BAD_SETTING, f"--report {path}: {error.strerror}.") from None
    with stream:
        yield stream
