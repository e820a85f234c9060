"""The whole pipeline over folders of one machine: every folder finalized, every batch processed."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from sendit.again import Again, Findings, ask_again
from sendit.deliveries import Delivery
from sendit.errors import Code, TransientError, UsageError
from sendit.finalize import Finalized, Verdict, finalize
from sendit.ports import BatchQueue, OutputStore
from sendit.process import process, report
from sendit.processing import Processing
from sendit.records import Batch, Counts
from sendit.refs import BatchMessage, BatchName, Marker, is_unfinished
from sendit.send import Sending, Sent, needs_sending, send

_SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini"})
_PREFIX_END = 132  # preamble and DICM, PS3.10 7.1
_FIRST_GENERATION = 1  # nobody writes markers here


class DrainableQueue(BatchQueue, Protocol):
    """The in-process queue: whoever publishes also has the messages handed over."""

    def drain(self, handle: Callable[[BatchMessage], None]) -> None:
        """Hand over every message; one whose handling raises `TransientError` stays."""


@dataclass(frozen=True, slots=True)
class Found:
    """The batches of SRC: names below `root`. `itself` means that SRC is the one batch."""

    root: Path
    names: tuple[BatchName, ...]
    itself: bool
    loose: int = 0  # hidden and system files beside the batches, which belong to none


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What one run did about one batch."""

    name: BatchName
    finalized: Finalized
    batch: Batch | None
    worked: bool
    findings: Findings | None = None
    sent: Sent | None = None


def find_batches(source: Path) -> Found:
    """Every sub-folder of SRC is a batch; or SRC itself, if it holds files (hidden and system files aside).

    Raises `UsageError` (source_missing, source_unfinished).
    """
    if not source.is_dir():
        raise UsageError(Code.SOURCE_MISSING, f"There is no folder {source}.")
    source = Path(os.path.realpath(source))
    if is_unfinished(source.name):
        raise UsageError(Code.SOURCE_UNFINISHED)
    if source == source.parent:
        raise UsageError(Code.SOURCE_MISSING, "The root of the file system is no batch.")
    try:
        with os.scandir(source) as scanned:
            items = sorted(scanned, key=lambda item: item.name)
    except OSError as error:
        raise UsageError(Code.SOURCE_MISSING, f"{source}: {error.strerror}.") from None
    folders = [item.name for item in items if item.is_dir()]
    files = [item for item in items if not item.is_dir()]
    loose = sum(_is_litter(item) for item in files)
    if len(files) > loose or not folders:
        return Found(source.parent, (BatchName((source.name,)),), itself=True)
    return Found(source, tuple(BatchName((name,)) for name in folders), itself=False, loose=loose)


def _is_litter(item: os.DirEntry[str]) -> bool:
    """Whether a file beside batches is what a desktop leaves there, and no image."""
    if not item.name.startswith(".") and item.name.casefold() not in _SYSTEM_FILES:
        return False
    try:
        if not item.is_file(follow_symlinks=False):
            return False
        with Path(item.path).open("rb") as stream:
            return stream.read(_PREFIX_END)[-4:] != b"DICM"
    except OSError:
        return False


def files_of(source: Path) -> tuple[Path, BatchName, str | None]:
    """SRC as one batch for `deidentify`: the folder around it, its name, and the one file if SRC is a file.

    Raises `UsageError` (source_missing).
    """
    folder = source if source.is_dir() else source.parent
    folder = Path(os.path.realpath(folder))
    if not source.exists() or folder == folder.parent:
        raise UsageError(Code.SOURCE_MISSING, f"There is no file and no folder {source}.")
    return folder.parent, BatchName((folder.name,)), None if source.is_dir() else source.name


def run_all(
    found: Found,
    world: Processing,
    queue: DrainableQueue,
    output: OutputStore,
    *,
    again: Again | None = None,
    show_names: bool = True,
    observe: Callable[[BatchName, Counts], None],
    sending: Sending,
    observe_sending: Callable[[BatchName, Sequence[Delivery]], None],
) -> Iterator[BatchResult]:
    """Finalize, process and send on each batch, one after the other; yields what was done about each.

    Unfinished work of an earlier run goes on; a batch at rest is only looked at, unless images of it were
    lost from OUT or `again` asks for some. What a destination does not take waits there for the next run, and keeps
    no batch from its turn. Raises `TransientError` when the surroundings fail.
    """
    for name in found.names:
        finalized = finalize(
            Marker(str(name), _FIRST_GENERATION),
            store=world.store,
            queue=queue,
            ids=world.ids,
            clock=world.clock,
            show_name=show_names,
            asked=found.itself,
        )
        known, findings = finalized.batch, None
        if known is not None and finalized.verdict is Verdict.KNOWN:
            if known.at_rest:
                asked = ask_again(
                    known,
                    name,
                    again,
                    staging=world.staging,
                    output=output,
                    store=world.store,
                    queue=queue,
                    ids=world.ids,
                    clock=world.clock,
                )
                findings = asked.findings
            else:
                # its message died with the process that held it
                queue.publish(BatchMessage(known.id, str(name), known.generation))
        worked = False

        def handle(message: BatchMessage, name: BatchName = name) -> None:
            nonlocal worked
            worked = True
            process(message, world, lambda counts: observe(name, counts))

        failure = None
        try:
            queue.drain(handle)
        except TransientError as error:
            failure = error
        batch, sent = world.store.batch(finalized.batch_id) if known is not None else None, None
        if batch is not None and failure is None and needs_sending(batch, sending):
            sent = send(batch.id, sending, observe=partial(observe_sending, name))
            batch = sent.batch
            report(batch, name, world)
        yield BatchResult(name, finalized, batch, worked, findings, sent)
        if failure is not None:
            raise failure
