"""The cloud's status, to look at and to ask again. Wired bit by bit: a look at the status needs no key."""

from collections.abc import Sequence
from functools import cached_property

import google.cloud.storage as storage

from sendit.adapters.emulated import emulator
from sendit.adapters.firestore_status import FirestoreStatusStore
from sendit.adapters.gcs_area import GcsStagingArea
from sendit.adapters.gcs_client import storage_client
from sendit.adapters.gcs_output import GcsOutput
from sendit.adapters.gcs_staging import GcsStaging
from sendit.adapters.pubsub_dead_letters import PubSubDeadLetters
from sendit.adapters.pubsub_queue import PubSubQueue
from sendit.address import Address
from sendit.cleanup import Cleaning
from sendit.errors import Code
from sendit.ids import DocumentIds
from sendit.lease import LeaseTerms
from sendit.refs import GcsPlace
from sendit.send import Sending
from sendit.settings import Settings
from sendit.wiring.cloud import Finalizer, batch_queue, full_path, output_place, project, staging_place, status_store
from sendit.wiring.destinations import check_buckets, destinations_of
from sendit.wiring.parts import keyring, now


class CloudStatus:
    """What operating verbs need of the cloud. Everything raises `UsageError` and `TransientError` when first used."""

    def __init__(self, settings: Settings, addresses: Sequence[Address] = ()) -> None:
        self._settings = settings
        self._addresses = addresses

    @cached_property
    def store(self) -> FirestoreStatusStore:
        """The status documents."""
        return status_store(self._settings)

    @cached_property
    def ids(self) -> DocumentIds:
        """Ids under the project key, which resolve names."""
        return DocumentIds(keyring(self._settings))

    @cached_property
    def staging(self) -> GcsStaging:
        """The staging bucket, with the manifests."""
        return GcsStaging(self._client, staging_place(self._settings))

    @cached_property
    def output(self) -> GcsOutput:
        """The output bucket."""
        return GcsOutput(self._client, output_place(self._settings))

    @property
    def reports(self) -> str:
        """Where reports lie."""
        return f"{self.place}/failed"

    @cached_property
    def cleaning(self) -> Cleaning:
        """What deletes sources."""
        area = GcsStagingArea(self._client, self.place)
        return Cleaning(self.staging, area, self.output, self.store, self.store, self.ids, now)

    @cached_property
    def sending(self) -> Sending:
        """What sends a batch on to the addresses."""
        terms = LeaseTerms(self._settings.lease_ttl, self._settings.lease_heartbeat)
        check_buckets(self._settings, self._addresses)
        destinations = destinations_of(self._settings, self._addresses)
        attempts = self._settings.max_attempts
        return Sending(self.store, self.output, destinations, now, terms, attempts, whole=False, anew=True)

    @cached_property
    def queue(self) -> PubSubQueue:
        """The topic with one message a batch."""
        return batch_queue(self._settings)

    @cached_property
    def dead_letters(self) -> PubSubDeadLetters:
        """The messages that died."""
        emulator("PUBSUB_EMULATOR_HOST", Code.STATUS_UNAVAILABLE)
        subscription = full_path("subscriptions", self._settings.dead_letters)
        return PubSubDeadLetters(PubSubDeadLetters.subscriber(), subscription)

    @cached_property
    def finalizer(self) -> Finalizer:
        """What follows a marker."""
        return Finalizer.of(self._settings)

    @cached_property
    def place(self) -> GcsPlace:
        """Where batches are staged."""
        return staging_place(self._settings)

    @cached_property
    def _client(self) -> storage.Client:
        return storage_client(project())
