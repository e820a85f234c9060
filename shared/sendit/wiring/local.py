"""This machine as the whole pipeline: folders, SQLite, worker processes."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from sendit import __version__, deid, logs
from sendit.adapters.folder_output import FolderOutput
from sendit.adapters.folder_reports import FolderReports
from sendit.adapters.folder_staging import FolderStaging
from sendit.adapters.home import Home
from sendit.adapters.inline_queue import InlineQueue
from sendit.adapters.out_folder import check_apart, held, read_label
from sendit.adapters.process_workers import ProcessWorkers
from sendit.adapters.sqlite_status import SqliteStatusStore
from sendit.address import Address
from sendit.crosswalk import Crosswalk
from sendit.crosswalk_settings import CrosswalkUse
from sendit.destination import Destination
from sendit.errors import Code, UsageError
from sendit.ids import DocumentIds
from sendit.images import ImagePipeline, InlineWorkers
from sendit.label import OutLabel
from sendit.lease import LeaseTerms
from sendit.naming import Naming
from sendit.outcome import ImageWorkers
from sendit.processing import Processing
from sendit.screen import RuleSet, Screen
from sendit.send import Sending
from sendit.settings import Settings
from sendit.wiring.crosswalk import local_crosswalk
from sendit.wiring.destinations import destinations_of, folders_of
from sendit.wiring.naming import check_identifiers, naming_of
from sendit.wiring.parts import (
    check_text,
    key_path,
    keyring,
    label_of,
    limits_of,
    now,
    profile_of,
    rules_of,
    screen_of,
)

_IMAGES_A_SLICE = 16
"""Handed to a worker process at a time: the slices of a series stay together, and handing over costs little."""


_REPORTS = "reports"


@dataclass(frozen=True, slots=True)
class LocalPlaces:
    """What a worker process needs to build its own adapters. `root` is the folder around the batches."""

    settings: Settings
    root: Path
    out: Path
    manifests: Path
    key_id: str
    profile: "deid.Profile | None"  # read once: a file may be edited while the run is at work
    rules: RuleSet
    with_report: bool = False

    def staging(self) -> FolderStaging:
        """Staging on this machine."""
        return FolderStaging(self.root, self.manifests)

    def pipeline(self) -> ImagePipeline:
        """The steps of one image on this machine."""
        keys = keyring(self.settings)
        if keys.key_id != self.key_id:
            raise UsageError(Code.BAD_KEY, "The key was replaced while the run was at work.")
        return ImagePipeline(
            staging=self.staging(),
            output=FolderOutput(self.out),
            keys=keys,
            profile=self.profile,
            screen=screen_of(self.rules, self.profile),
            limits=limits_of(self.settings),
            clock=now,
            with_report=self.with_report,
            text=self.settings.text,
            max_image_bytes=self.settings.max_image_bytes,
        )


@dataclass(frozen=True, slots=True)
class LocalWorld:
    """A whole pipeline on this machine, with its OUT held."""

    processing: Processing
    output: FolderOutput
    store: SqliteStatusStore
    queue: InlineQueue
    reports: Path
    sending: Sending


@dataclass(frozen=True, slots=True)
class LocalStatus:
    """The state of one OUT, to look at."""

    store: SqliteStatusStore
    ids: DocumentIds
    staging: FolderStaging
    reports: str


@contextmanager
def local_world(
    settings: Settings, source: Path, root: Path, out: Path, addresses: Sequence[Address] = ()
) -> Iterator[LocalWorld]:
    """Open the pipeline from folders below `root` to OUT, alone, and on to these addresses.

    Raises `UsageError` for whatever forbids it.
    """
    home, keys, profile, label = _opened(settings, source, out, addresses)
    destinations = destinations_of(settings, addresses)
    state = home.state_of(out, label.key_id, label.profile_digest)
    places = LocalPlaces(settings, root, out, state / "manifests", keys.key_id, profile, rules_of(settings))
    with held(out, label):
        with home.usable():
            home.remember(state, out)
            store = SqliteStatusStore(state / "status.sqlite3")
        output = FolderOutput(out)
        try:
            # OUT is held, so whoever wrote here before is dead
            store.break_leases()
            output.sweep()
            with local_crosswalk(settings, keys.key_id) as crosswalk, local_workers(places) as workers:
                queue, reports = InlineQueue(), reports_of(state, root)
                ids = DocumentIds(keys, scope_of(root))
                processing = Processing(
                    staging=places.staging(),
                    store=store,
                    queue=queue,
                    reports=FolderReports(reports, ids.batch),
                    workers=workers,
                    naming=naming_of(settings, keys, output),
                    ids=ids,
                    clock=now,
                    lease_terms=LeaseTerms(settings.lease_ttl, settings.lease_heartbeat),
                    in_flight_bytes=settings.in_flight_bytes,
                    label=label,
                    version=__version__,
                    max_attempts=settings.max_attempts,
                    crosswalk=crosswalk,
                    destinations=tuple(destination.name for destination in destinations),
                )
                sending = _sending(settings, store, output, destinations)
                yield LocalWorld(processing, output, store, queue, reports, sending)
        finally:
            output.sweep()
            store.close()


@contextmanager
def local_files(
    settings: Settings, source: Path, root: Path, out: Path, *, keep_paths: bool, with_report: bool
) -> Iterator[tuple[FolderStaging, ImageWorkers, Naming, DocumentIds, Crosswalk | None]]:
    """Open what `deidentify` needs: files to files, no state. OUT is held and labelled as for a run."""
    if not settings.deidentify:
        raise UsageError(Code.BAD_SETTING, "SENDIT_DEIDENTIFY=false: copy the files instead.")
    home, keys, profile, label = _opened(settings, source, out)
    state = home.state_of(out, label.key_id, label.profile_digest)
    places = LocalPlaces(
        settings, root, out, state / "manifests", keys.key_id, profile, rules_of(settings), with_report
    )
    output = FolderOutput(out)
    with held(out, label):
        try:
            output.sweep()
            with local_crosswalk(settings, keys.key_id) as crosswalk, local_workers(places) as workers:
                naming = naming_of(settings, keys, output, keep_paths=keep_paths)
                yield places.staging(), workers, naming, DocumentIds(keys, scope_of(root)), crosswalk
        finally:
            output.sweep()


@contextmanager
def local_workers(places: LocalPlaces) -> Iterator[ImageWorkers]:
    """This thread for one worker, spawned processes for more."""
    count = places.settings.workers or os.cpu_count() or 1
    if count == 1:
        yield InlineWorkers(places.pipeline())
        return
    with ProcessWorkers(count, partial(_start_worker, places), slice_size=_IMAGES_A_SLICE) as workers:
        yield workers


def local_screening(settings: Settings, root: Path) -> tuple[FolderStaging, Screen]:
    """What looks at the images of folders below `root` and writes nothing. Raises `UsageError` (bad_setting)."""
    return FolderStaging(root, settings.home), screen_of(rules_of(settings), profile_of(settings))


def label_of_out(out: Path) -> OutLabel:
    """What an OUT says of the key and profile that wrote it. Raises `UsageError` (no_such_run)."""
    label = read_label(out) if out.is_dir() else None
    if label is None:
        raise UsageError(Code.NO_SUCH_RUN, f"{out} was not written by sendit run or sendit deidentify.")
    return label


@contextmanager
def local_status(settings: Settings, out: Path) -> Iterator[LocalStatus]:
    """Open the state of an OUT that was run before. Raises `UsageError` (no_such_run)."""
    label = read_label(out) if out.is_dir() else None
    home = Home(settings.home)
    if label is None:
        raise UsageError(Code.NO_SUCH_RUN, f"{out} was not written by sendit run.")
    state = home.state_of(out, label.key_id, label.profile_digest)
    if not (state / "status.sqlite3").exists():
        raise UsageError(Code.NO_SUCH_RUN, f"Its state is not in SENDIT_HOME={settings.home}.")
    store = SqliteStatusStore(state / "status.sqlite3")
    try:
        staging = FolderStaging(Path("/"), state / "manifests")
        yield LocalStatus(store, DocumentIds(keyring(settings)), staging, str(state / _REPORTS))
    finally:
        store.close()


@dataclass(frozen=True, slots=True)
class LocalSending(LocalStatus):
    """The state of one OUT, and what sends its batches on."""

    sending: Sending


@contextmanager
def local_sending(settings: Settings, out: Path, addresses: Sequence[Address]) -> Iterator[LocalSending]:
    """As `local_status`, with OUT held. Raises `UsageError` (no_such_run, run_in_progress, folders_overlap)."""
    check_apart(out, settings.home, None, folders_of(addresses))
    with local_status(settings, out) as status, held(out, label_of_out(out)):
        destinations = destinations_of(settings, addresses)
        status.store.break_leases()  # OUT is held, so whoever had one is dead
        sending = replace(_sending(settings, status.store, FolderOutput(out), destinations), anew=True)
        yield LocalSending(status.store, status.ids, status.staging, status.reports, sending)


def local_outs(settings: Settings) -> list[Path]:
    """The OUT folders of which SENDIT_HOME keeps state and that are still there."""
    outs = {Path(out) for out in Home(settings.home).runs().values()}
    return sorted(out for out in outs if out.is_dir())


def scope_of(root: Path) -> str:
    """What tells batches of the same name apart that come from different folders of one machine."""
    return f"{os.path.realpath(root).rstrip('/')}/"


def reports_of(state: Path, root: Path) -> Path:
    """Where reports lie of batches below `root`: batches of the same name may come from several places."""
    return state / _REPORTS / os.path.realpath(root).lstrip("/")


def missing_keys(settings: Settings) -> list[Path]:
    """Where the keys will lie that are made on first use."""
    crosswalk = [Home(settings.home).crosswalk_key_path] if settings.crosswalk is CrosswalkUse.ON else []
    return [key for key in (key_path(settings), *crosswalk) if not key.exists()]


def prepare_key(settings: Settings) -> Path:
    """Make SENDIT_HOME and its key on first use, unless the settings name a key file. Where the key lies."""
    if settings.key_file is None:
        Home(settings.home).prepare()
    keyring(settings)
    return key_path(settings)


def _sending(
    settings: Settings, store: SqliteStatusStore, output: FolderOutput, destinations: Sequence[Destination]
) -> Sending:
    terms = LeaseTerms(settings.lease_ttl, settings.lease_heartbeat)
    return Sending(store, output, destinations, now, terms, settings.max_attempts, whole=False)


def _opened(
    settings: Settings, source: Path, out: Path, addresses: Sequence[Address] = ()
) -> tuple[Home, "deid.Keyring", "deid.Profile | None", OutLabel]:
    settings.check_destination(out)
    check_text(settings)
    check_identifiers(settings)
    check_apart(out, settings.home, source, folders_of(addresses))
    home = Home(settings.home)
    home.prepare(with_key=settings.key_file is None)
    keys = keyring(settings)
    profile = profile_of(settings)
    return home, keys, profile, label_of(keys, profile, settings)


def _start_worker(places: LocalPlaces) -> ImagePipeline:
    logs.setup(places.settings.log_format, places.settings.log_level)
    return places.pipeline()
