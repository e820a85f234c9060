"""The cloud's light half: what finalize needs, and whoever looks at the status. Neither pydicom nor gcsfs."""

import os
from dataclasses import dataclass

from google.cloud import firestore

from sendit.adapters.emulated import emulator
from sendit.adapters.firestore_status import FirestoreStatusStore
from sendit.adapters.pubsub_queue import PubSubQueue
from sendit.errors import Code, UsageError
from sendit.finalize import Finalized, finalize
from sendit.ids import DocumentIds
from sendit.refs import GcsPlace, Marker
from sendit.settings import BatchNames, Settings
from sendit.wiring.parts import keyring, now

_PROJECT = "GOOGLE_CLOUD_PROJECT"


@dataclass(frozen=True, slots=True)
class Finalizer:
    """What `finalize` needs beside the marker, wired once a process."""

    staging: GcsPlace
    store: FirestoreStatusStore
    queue: PubSubQueue
    ids: DocumentIds
    show_name: bool

    @classmethod
    def of(cls, settings: Settings) -> "Finalizer":
        """Wire it. Raises `UsageError` for settings, `TransientError` for an emulator that does not answer."""
        return cls(
            staging=staging_place(settings),
            store=status_store(settings),
            queue=batch_queue(settings),
            ids=DocumentIds(keyring(settings)),
            show_name=settings.batch_names is BatchNames.SHOW,
        )

    def follow(self, marker: Marker) -> Finalized:
        """See `sendit.finalize.finalize`."""
        return finalize(marker, store=self.store, queue=self.queue, ids=self.ids, clock=now, show_name=self.show_name)


def check_finalizer(settings: Settings) -> None:
    """Raise `UsageError` for settings under which no marker can be followed."""
    project()
    staging_place(settings)
    keyring(settings)


def status_store(settings: Settings) -> FirestoreStatusStore:
    """The status store of the settings' project."""
    emulator("FIRESTORE_EMULATOR_HOST", Code.STATUS_UNAVAILABLE)
    return FirestoreStatusStore(firestore.Client(project=project(), database=settings.database))


def batch_queue(settings: Settings) -> PubSubQueue:
    """The topic with one message a batch; a name without a path is one of this project."""
    emulator("PUBSUB_EMULATOR_HOST", Code.STATUS_UNAVAILABLE)
    return PubSubQueue(PubSubQueue.publisher(), full_path("topics", settings.batches_topic))


def staging_place(settings: Settings) -> GcsPlace:
    """Where batches are staged. Raises `UsageError` (not_configured)."""
    return _place("SENDIT_STAGING", settings.staging)


def output_place(settings: Settings) -> GcsPlace:
    """Where results go. Raises `UsageError` (not_configured, folders_overlap, identified_not_allowed)."""
    place = _place("SENDIT_OUTPUT", settings.output)
    staging = staging_place(settings)
    if place.holds(staging) or staging.holds(place):
        raise UsageError(Code.FOLDERS_OVERLAP, f"SENDIT_OUTPUT={place} and SENDIT_STAGING={staging}: use two buckets.")
    settings.check_destination(str(place))
    return place


def full_path(kind: str, name: str) -> str:
    """The full path of a topic or subscription; a name without a path is one of this project."""
    return name if name.startswith("projects/") else f"projects/{project()}/{kind}/{name}"


def project() -> str:
    """The Google Cloud project. Raises `UsageError` (not_configured)."""
    name = os.environ.get(_PROJECT, "")
    if not name:
        raise UsageError(Code.NOT_CONFIGURED, f"Set {_PROJECT}.")
    return name


def _place(name: str, value: str) -> GcsPlace:
    if not value:
        raise UsageError(Code.NOT_CONFIGURED, f"Set {name}=gs://bucket.")
    return GcsPlace.parse(value)
