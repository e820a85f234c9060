"""`sendit run`: the whole pipeline on this machine."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from sendit.again import Again
from sendit.cli.console import say, say_json, show_table, tell_keys, watching
from sendit.cli.deliveries import deliveries_as_json, show_deliveries
from sendit.cli.exits import Exit
from sendit.cli.options import Json, Out, Profile, Rules, Source, Text, To, Workers, settings_with
from sendit.deliveries import DeliveryState
from sendit.finalize import Verdict
from sendit.local import BatchResult, find_batches, run_all
from sendit.records import BatchState, Counts
from sendit.refs import BatchName, printable
from sendit.settings import BatchNames, Settings
from sendit.wiring.destinations import addresses_of
from sendit.wiring.local import local_world, missing_keys

_NOT_PROCESSED = {
    Verdict.TEST: "not processed: its name starts with test",
    Verdict.UNFINISHED: "not processed: its name ends in .tmp…, so it is still being copied",
    Verdict.OVERLAP: "not processed: it lies inside a known batch or around one",
    Verdict.BAD_NAME: "not processed: its name is no batch's name",
    Verdict.IGNORED: "not processed: its name ends in .err",
}


def run(
    source: Source,
    out: Out,
    profile: Profile = None,
    rules: Rules = None,
    text: Text = None,
    workers: Workers = None,
    to: To = None,
    retry: Annotated[
        Again | None,
        typer.Option(help="Also do these images of finished batches again: new, failed, rejected or all."),
    ] = None,
    as_json: Json = False,
) -> None:
    """De-identify a folder of DICOM on this machine, and account for every file.

    Every sub-folder of SRC is a batch, or SRC itself if it holds files. Results lie in OUT as
    PATIENT/STUDY/SERIES/IMAGE.dcm. With --to they go on from there to other places, each of which is tried by itself:
    what one does not take waits for the next run, which sends to that one alone. The key and the state lie in
    SENDIT_HOME (~/.sendit): keep a backup of the key, and share OUT, never the key. Run the same command again to go
    on after an interruption.

    Exit status: 0 all stored; 3 finished, but not every image was stored; 1 failed; 2 usage.
    """
    settings = settings_with(profile, workers, rules, text)
    addresses = addresses_of(settings, to or ())
    found = find_batches(source)
    fresh = missing_keys(settings)
    results: list[BatchResult] = []
    reports = Path()
    try:
        with local_world(settings, source, found.root, out, addresses) as world, watching() as watch:
            reports = world.reports
            tell_keys(fresh)
            done = run_all(
                found,
                world.processing,
                world.queue,
                world.output,
                again=retry,
                show_names=settings.batch_names is BatchNames.SHOW,
                observe=lambda name, counts: watch.update(_label(settings, name), counts),
                sending=world.sending,
                observe_sending=lambda name, deliveries: watch.sending(_label(settings, name), deliveries),
            )
            results.extend(done)
    finally:
        # what was done is said even if the rest could not be
        if as_json:
            say_json(
                {
                    "batches": [_as_json(settings, result) for result in results],
                    "ignored_files": found.loose,
                }
            )
        elif results:
            _summarize(settings, results, found.loose, out, reports)
            show_deliveries([result.batch for result in results if result.batch])
    raise typer.Exit(_exit_status(results))


def _label(settings: Settings, name: BatchName) -> str:
    return str(name) if settings.batch_names is BatchNames.SHOW else ""


def _summarize(settings: Settings, results: list[BatchResult], loose: int, out: Path, reports: Path) -> None:
    rows: list[list[str | int]] = []
    total = Counts()
    for result in results:
        counts = result.batch.counts if result.batch else Counts()
        total = _sum(total, counts)
        rows.append([_title(settings, result), _state(result), *_cells(counts), _note(result)])
    if len(results) > 1:
        rows.append(["total", "", *_cells(total), ""])
    show_table(["batch", "state", "found", "stored", "duplicates", "rejected", "failed", "note"], rows)
    if loose:
        say(f"{loose} hidden or system files lie beside the batches and belong to none.")
    if not any(result.worked or result.sent for result in results) and all(result.batch for result in results):
        say("Nothing to do: every image of these batches was accounted for by an earlier run.")
    if total.rejected and not total.errored:
        say(f"What was rejected, and by which rule:  sendit errors --out {_quoted(out)}")
    if total.errored or any(_state(result) == BatchState.ERROR for result in results):
        say(f"What failed, and why:  sendit errors --out {_quoted(out)}   (then run again with --retry failed)")
        say(f"The same with the files' names, as a report a batch:  {_quoted(reports)}")
    if any(result.batch and result.batch.has_new_arrivals for result in results):
        say("Files came or changed after the freeze and were not read; to read them, run again with --retry new")


def _quoted(path: Path) -> str:
    return shlex.quote(printable(str(path)))


def _title(settings: Settings, result: BatchResult) -> str:
    if settings.batch_names is BatchNames.SHOW:
        return str(result.name)
    return result.finalized.batch_id or "?"


def _state(result: BatchResult) -> str:
    return result.batch.state if result.batch else result.finalized.verdict


def _note(result: BatchResult) -> str:
    batch = result.batch
    if batch is None:
        return _NOT_PROCESSED[result.finalized.verdict]
    if batch.state is BatchState.ERROR:
        return batch.errors[-1].sentence if batch.errors else ""
    notes = [] if result.worked or result.sent else ["done before"]
    if result.findings and result.findings.lost:
        notes.append(
            f"{len(result.findings.lost)} stored images were missing from OUT, or damaged, and were done again"
        )
    if batch.has_new_arrivals and result.findings:
        notes.append(f"{len(result.findings.arrived)} files came or changed after the freeze")
    return "; ".join(notes)


def _cells(counts: Counts) -> list[int]:
    return [counts.found, counts.stored, counts.duplicates, counts.rejected, counts.errored]


def _sum(one: Counts, other: Counts) -> Counts:
    return Counts(
        one.found + other.found,
        one.stored + other.stored,
        one.rejected + other.rejected,
        one.errored + other.errored,
        one.duplicates + other.duplicates,
    )


def _as_json(settings: Settings, result: BatchResult) -> dict[str, object]:
    counts = result.batch.counts if result.batch else Counts()
    return {
        "batch_id": result.finalized.batch_id,
        "name": str(result.name) if settings.batch_names is BatchNames.SHOW else None,
        "verdict": result.finalized.verdict,
        "state": result.batch.state if result.batch else None,
        "worked": result.worked,
        "has_new_arrivals": bool(result.batch and result.batch.has_new_arrivals),
        "found": counts.found,
        "stored": counts.stored,
        "duplicates": counts.duplicates,
        "rejected": counts.rejected,
        "errored": counts.errored,
        "deliveries": deliveries_as_json(result.batch),
    }


def _exit_status(results: list[BatchResult]) -> Exit:
    status = Exit.STORED
    for result in results:
        batch = result.batch
        if result.finalized.verdict is Verdict.OVERLAP or (batch and batch.state is BatchState.ERROR):
            return Exit.FAILED
        if batch and any(one.state is not DeliveryState.DONE for one in batch.deliveries):
            return Exit.FAILED
        all_stored = batch and batch.counts.stored == batch.counts.found and not batch.has_new_arrivals
        if not all_stored:
            status = Exit.NOT_ALL_STORED
    return status
