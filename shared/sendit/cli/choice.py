"""Which status a verb looks at, and which batch of it is meant."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sendit.address import Address
from sendit.changes import is_overtaken
from sendit.cli.console import complain
from sendit.errors import BatchError, Code, Refused, UsageError
from sendit.ids import DocumentIds
from sendit.manifest import Manifest
from sendit.ports import Staging, StatusStore
from sendit.records import Batch
from sendit.refs import BatchName, printable
from sendit.send import Sending
from sendit.settings import Settings
from sendit.wiring.local import local_outs, local_sending, local_status

if TYPE_CHECKING:
    from sendit.wiring.operator import CloudStatus

_SHORTEST_ID = 6


class StatusWorld(Protocol):
    """The status of one OUT, or of the cloud."""

    @property
    def store(self) -> StatusStore:
        """Batches and images."""

    @property
    def ids(self) -> DocumentIds:
        """Ids under the project key."""

    @property
    def staging(self) -> Staging:
        """Where the manifests are."""

    @property
    def reports(self) -> str:
        """Where reports lie, for people."""


@contextmanager
def opened(settings: Settings, out: Path | None) -> Iterator[StatusWorld]:
    """The status of a local run if OUT is named; of the cloud if SENDIT_STAGING is set; else of the only local run."""
    if out is None and settings.staging:
        yield cloud(settings)
        return
    with local_status(settings, out or _only_out(settings)) as world:
        yield world


class SendingWorld(StatusWorld, Protocol):
    """A status, and what sends its batches on."""

    @property
    def sending(self) -> Sending:
        """What `send` needs."""


@contextmanager
def sendable(settings: Settings, out: Path | None, addresses: Sequence[Address]) -> Iterator[SendingWorld]:
    """As `opened`, with a local run's OUT held, for whoever sends to these addresses."""
    if out is None and settings.staging:
        yield cloud(settings, addresses)
        return
    with local_sending(settings, out or _only_out(settings), addresses) as world:
        yield world


def cloud(settings: Settings, addresses: Sequence[Address] = ()) -> "CloudStatus":
    """The cloud's status. Raises `UsageError` (not_configured)."""
    if not settings.staging:
        raise UsageError(Code.NOT_CONFIGURED, "Set SENDIT_STAGING=gs://bucket, or name a local run with --out.")
    from sendit.wiring.operator import CloudStatus

    return CloudStatus(settings, addresses)


def chosen(world: StatusWorld, wanted: str | None) -> list[Batch]:
    """All batches, or the one with this name, id or beginning of an id. Raises `UsageError` (no_such_batch)."""
    batches = list(world.store.batches())
    if wanted is None:
        return batches
    found = [
        one
        for one in batches
        if wanted in {one.name, one.id} or (len(wanted) >= _SHORTEST_ID and one.id.startswith(wanted))
    ]
    hidden = [one for one in batches if one.name is None] if not found else []
    # the id of a name tells in the cloud; on one machine the folder around the batch is a part of the name
    found = found or [one for one in hidden if _fits(world, one, wanted)]
    found = found or [one for one in hidden if _is_named(world, one, wanted)]
    if len(found) != 1:
        hint = "Several batches have this name; give the id." if found else "See: sendit status"
        raise UsageError(Code.NO_SUCH_BATCH, hint)
    return found


def name_of(world: StatusWorld, batch: Batch, typed: str) -> BatchName:
    """The name of a batch of the cloud, also where the status store hides it.

    Raises `UsageError`: no_such_batch, or bad_key for a batch of another key, whose images would not be found.
    """
    name = batch.name or (typed if _fits(world, batch, typed) else _full_name(world, batch))
    if name is None:
        raise UsageError(Code.NO_SUCH_BATCH, "Its name is hidden and it was never frozen: give the name.")
    if not _fits(world, batch, name):
        raise UsageError(Code.BAD_KEY, f"Batch {batch.id} has its id from another key.")
    return BatchName.parse(name)


def files_of(world: StatusWorld, batch: Batch) -> dict[str, str]:
    """The files' paths by image id, resolved from the frozen manifests. Raises `UsageError` (bad_key)."""
    _check_key(world, batch)
    return {
        world.ids.image_below(manifest.batch, entry.name): f"{manifest.batch}/{entry.name}"
        for manifest in _manifests(world, batch)
        for entry in manifest.entries
    }


def arrivals_of(world: StatusWorld, batch: Batch) -> dict[str, str]:
    """The paths by image id of what came or changed after the freeze and is there. Raises `UsageError` (bad_key)."""
    _check_key(world, batch)
    manifests = list(_manifests(world, batch))
    if not manifests:
        return {}
    newest = manifests[-1]
    frozen = set(newest.entries)
    listed = world.staging.list(BatchName.parse(newest.batch.lstrip("/")))
    staged = {world.ids.image_below(newest.batch, entry.name): entry for entry in listed}
    came = {image_id for image_id, entry in staged.items() if entry not in frozen}
    for image in world.store.images(batch.id):  # of one that keeps its outcome the manifest may hold a newer generation
        if image.id in staged and is_overtaken(image, staged[image.id].generation):
            came.add(image.id)
    return {image_id: f"{newest.batch}/{staged[image_id].name}" for image_id in came}


def _check_key(world: StatusWorld, batch: Batch) -> None:
    if batch.key_id and batch.key_id != world.ids.key_id:
        raise UsageError(Code.BAD_KEY, f"Batch {batch.id} has its ids from another key.")


def _is_named(world: StatusWorld, batch: Batch, wanted: str) -> bool:
    """Whether a batch whose name the status store does not show is the one that is wanted."""
    full = _full_name(world, batch)
    return full is not None and (full == wanted or full.endswith(f"/{wanted}"))


def _full_name(world: StatusWorld, batch: Batch) -> str | None:
    """The batch's whole name from its manifests; None if it was never frozen."""
    return next((manifest.batch for manifest in _manifests(world, batch)), None)


def _manifests(world: StatusWorld, batch: Batch) -> Iterator[Manifest]:
    """The batch's frozen manifests; a damaged one is told and left out."""
    for data in world.staging.manifests(batch.id):
        try:
            yield Manifest.from_bytes(data)
        except BatchError as error:
            complain(error)


def _fits(world: StatusWorld, batch: Batch, typed: str) -> bool:
    with suppress(Refused):
        return world.ids.batch(BatchName.parse(typed)) == batch.id
    return False


def _only_out(settings: Settings) -> Path:
    outs = local_outs(settings)
    if len(outs) == 1:
        return outs[0]
    if not outs:
        raise UsageError(Code.NO_SUCH_RUN, "Start with: sendit run SRC OUT")
    listed = ", ".join(printable(os.fspath(path)) for path in outs)
    raise UsageError(Code.NO_SUCH_RUN, f"There are several; name one with --out: {listed}")
