"""The cloud's heavy half: what works on images, in this process and in worker processes of their own."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from threading import Lock

from sendit import __version__, deid, logs
from sendit.adapters.gcs_client import storage_client
from sendit.adapters.gcs_mapping import read_mapping_object
from sendit.adapters.gcs_output import GcsOutput
from sendit.adapters.gcs_staging import GcsStaging
from sendit.adapters.kept_staging import KeptStaging
from sendit.adapters.process_workers import ProcessWorkers
from sendit.cleanup import Cleaning, clean_at_once
from sendit.deadline import Deadline
from sendit.errors import Code, TransientError, UsageError
from sendit.ids import DocumentIds
from sendit.images import ImagePipeline
from sendit.label import claim_output
from sendit.lease import LeaseTerms
from sendit.process import process, report
from sendit.processing import Processing
from sendit.records import Batch
from sendit.refs import BatchMessage, BatchName, GcsPlace
from sendit.screen import RuleSet
from sendit.send import Sending, needs_sending, send
from sendit.settings import Settings
from sendit.wiring.cloud import batch_queue, check_finalizer, output_place, project, staging_place, status_store
from sendit.wiring.crosswalk_cloud import check_crosswalk, cloud_crosswalk
from sendit.wiring.destinations import addresses_of, check_for_cloud, destinations_of
from sendit.wiring.house import House
from sendit.wiring.naming import naming_of
from sendit.wiring.parts import (
    check_text,
    keyring,
    label_of,
    limits_of,
    now,
    profile_of,
    rules_of,
    screen_of,
)

_IMAGES_A_SLICE = 32


@dataclass(frozen=True, slots=True)
class CloudPlaces:
    """What a worker process needs to build its own adapters."""

    settings: Settings
    key_id: str
    profile: "deid.Profile | None"  # read once: a file may be edited while the function is running
    rules: RuleSet
    kept_bytes: int

    def pipeline(self) -> ImagePipeline:
        """The steps of one image in the cloud. An image's bytes are kept from its inspection to its storing."""
        keys = keyring(self.settings)
        if keys.key_id != self.key_id:
            raise UsageError(Code.BAD_KEY, "The key was replaced while the function was running.")
        client = storage_client(project(), self.settings.threads)
        staging = GcsStaging(client, staging_place(self.settings), self.settings.stream_above)
        return ImagePipeline(
            staging=KeptStaging(staging, self.kept_bytes, self.settings.stream_above),
            output=GcsOutput(client, output_place(self.settings), self.settings.stream_above),
            keys=keys,
            profile=self.profile,
            screen=screen_of(self.rules, self.profile),
            limits=limits_of(self.settings),
            clock=now,
            text=self.settings.text,
            max_image_bytes=self.settings.max_image_bytes,
            computing=Lock(),
        )


def check_worker(settings: Settings) -> None:
    """Raise `UsageError` for settings under which no batch can be worked on."""
    check_finalizer(settings)
    output_place(settings)
    profile_of(settings)
    rules_of(settings)
    check_text(settings)
    check_crosswalk(settings)
    check_for_cloud(settings)


def cloud_processing(settings: Settings) -> Processing:
    """Wire what works on a batch; its worker processes live as long as this one.

    Raises `UsageError` for settings, `TransientError` for an emulator that does not answer.
    """
    return _wired(settings)[0]


class CloudWorker:
    """The worker, wired once a process. Raises as `cloud_processing` does."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._processing, self._cleaning = _wired(settings)
        self._sending = Sending(
            self._processing.store,
            self._cleaning.output,
            destinations_of(settings, addresses_of(settings)),
            now,
            self._processing.lease_terms,
            settings.max_attempts,
        )

    def follow(self, message: BatchMessage) -> None:
        """Do what one batch still needs; when it rests, delete sources that are not to be kept, and send it on.

        Raises `TransientError` if a destination cannot be reached, with what the others have done.
        """
        deadline = Deadline.after(self._settings.budget)
        batch = process(message, self._processing)
        if batch.at_rest and self._settings.keep_sources == 0:
            clean_at_once(batch, BatchName.parse(message.name), self._cleaning, deadline)
        if batch.at_rest:
            self._send_on(batch, message, deadline)

    def _send_on(self, batch: Batch, message: BatchMessage, deadline: Deadline) -> None:
        if not needs_sending(batch, self._sending):
            return
        if not deadline.near:
            sent = send(batch.id, self._sending, deadline)
            report(sent.batch, BatchName.parse(message.name), self._processing)
            if not sent.to_go_on:
                if sent.unavailable is not None:
                    raise TransientError(sent.unavailable)
                return
        self._processing.queue.publish(message)  # the time of this attempt is up; the next goes on


def _wired(settings: Settings) -> tuple[Processing, Cleaning]:
    keys, profile = keyring(settings), profile_of(settings)
    label = label_of(keys, profile, settings)
    count = settings.workers or os.cpu_count() or 1
    places = CloudPlaces(settings, keys.key_id, profile, rules_of(settings), settings.in_flight_bytes)
    store, ids = status_store(settings), DocumentIds(keys)
    house = House.of(settings, ids)
    processing = Processing(
        staging=house.staging,
        store=store,
        queue=batch_queue(settings),
        reports=house.reports,
        workers=ProcessWorkers(
            count, partial(_start_worker, places), slice_size=_IMAGES_A_SLICE, threads=settings.threads
        ),
        naming=naming_of(settings, keys, house.output, _mapping_reader(settings)),
        ids=ids,
        clock=now,
        lease_terms=LeaseTerms(settings.lease_ttl, settings.lease_heartbeat),
        in_flight_bytes=settings.in_flight_bytes,
        label=label,
        version=__version__,
        max_attempts=settings.max_attempts,
        budget=settings.budget,
        destinations=tuple(address.name for address in addresses_of(settings)),
        claim_output=partial(claim_output, house.output, label),
        crosswalk=cloud_crosswalk(settings, keys.key_id),
    )
    return processing, Cleaning(house.staging, house.area, house.output, store, store, ids, now)


def _mapping_reader(settings: Settings) -> Callable[[], bytes] | None:
    """What reads the table of pseudonyms, if it lies in Cloud Storage."""
    if not settings.mapping.startswith("gs://"):
        return None
    return partial(read_mapping_object, storage_client(project()), GcsPlace.parse(settings.mapping))


def _start_worker(places: CloudPlaces) -> ImagePipeline:
    logs.setup(places.settings.log_format, places.settings.log_level)
    return places.pipeline()
