"""A staging area and an output in buckets of their own, with everything that keeping house needs, in this process."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import google.cloud.storage as storage
import pytest
from tests.contract.buckets import TestBucket
from tests.data import objects

from sendit import deid
from sendit.adapters.gcs_area import GcsStagingArea
from sendit.adapters.gcs_output import GcsOutput
from sendit.adapters.gcs_reports import GcsReports
from sendit.adapters.gcs_staging import GcsStaging
from sendit.adapters.inline_queue import InlineQueue
from sendit.adapters.keyed_identifiers import KeyedIdentifiers
from sendit.adapters.sqlite_status import SqliteStatusStore
from sendit.again import Again, Asked, ask_again
from sendit.cleanup import Cleaned, Cleaning, clean
from sendit.deadline import ENDLESS, Deadline
from sendit.finalize import finalize
from sendit.housekeeping import Kept, Retention, keep_house
from sendit.ids import DocumentIds
from sendit.images import ImagePipeline, InlineWorkers
from sendit.label import OutLabel
from sendit.lease import LeaseTerms
from sendit.naming import Naming
from sendit.process import process
from sendit.processing import Processing
from sendit.records import Batch, Image
from sendit.refs import BatchMessage, BatchName, GcsPlace, Marker
from sendit.screen import Screen, default_rules

KEYS = deid.Keyring(bytes(32))
PROFILE = deid.profile_named("research")
AT_ONCE = Retention(timedelta(0), None, None, timedelta(days=1))
NEVER = replace(AT_ONCE, sources=None)


class House:
    """The clock goes as the world's does, ahead of it by what a test says."""

    def __init__(self, request: pytest.FixtureRequest, folder: Path) -> None:
        made = TestBucket.make(request)
        self.client, self.bucket, place = made.client, made.bucket, GcsPlace(made.place.bucket, "staging")
        self.staging, self.area = GcsStaging(made.client, place), GcsStagingArea(made.client, place)
        self.output = GcsOutput(made.client, GcsPlace(made.place.bucket, "output"))
        self.store = SqliteStatusStore(folder / "status.sqlite3")
        request.addfinalizer(self.store.close)
        self.ids, self.queue = DocumentIds(KEYS), InlineQueue()
        self.reports = GcsReports(made.client, place, self.ids.batch)
        self.ahead = timedelta(0)
        self.show_name = True

    def clock(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    @property
    def processing(self) -> Processing:
        pipeline = ImagePipeline(
            staging=self.staging,
            output=self.output,
            keys=KEYS,
            profile=PROFILE,
            screen=Screen(default_rules(), PROFILE.options),
            limits=deid.DEFAULT_LIMITS,
            clock=self.clock,
        )
        return Processing(
            staging=self.staging,
            store=self.store,
            queue=self.queue,
            reports=self.reports,
            workers=InlineWorkers(pipeline),
            naming=Naming(KeyedIdentifiers(KEYS), KEYS.uid, self.clock),
            ids=self.ids,
            clock=self.clock,
            lease_terms=LeaseTerms(ttl=90, heartbeat=20),
            in_flight_bytes=2**20,
            label=OutLabel(KEYS.key_id, PROFILE.name, PROFILE.digest),
            version="1",
            max_attempts=20,
        )

    @property
    def cleaning(self) -> Cleaning:
        return Cleaning(self.staging, self.area, self.output, self.store, self.store, self.ids, self.clock)

    def put(self, batch: str, files: Mapping[str, bytes]) -> None:
        for name, data in files.items():
            self.bucket.blob(f"staging/incoming/{batch}/{name}").upload_from_string(data)

    def mark(self, batch: str) -> Marker:
        blob = self.bucket.blob(f"staging/finalize/{batch}")
        blob.upload_from_string(b"")
        return Marker(batch, blob.generation)

    def batch(self, batch: str) -> Batch:
        found = self.store.batch(self.id_of(batch))
        assert found is not None
        return found

    def id_of(self, batch: str) -> str:
        return self.ids.batch(BatchName.parse(batch))

    def image(self, batch: str, file: str) -> Image:
        image_id = self.ids.image(BatchName.parse(batch), file)
        return next(image for image in self.store.images(self.id_of(batch)) if image.id == image_id)

    def work(self) -> None:
        """Let the worker have every message there is."""
        self.queue.drain(self._handle)

    def _handle(self, message: BatchMessage) -> None:
        process(message, self.processing)

    def done(self, batch: str, files: Mapping[str, bytes]) -> Batch:
        """A batch at rest."""
        self.put(batch, files)
        marker = self.mark(batch)
        finalize(marker, store=self.store, queue=self.queue, ids=self.ids, clock=self.clock, show_name=self.show_name)
        self.work()
        return self.batch(batch)

    def clean(self, batch: str, *, dry_run: bool = False) -> Cleaned:
        return clean(self.batch(batch), BatchName.parse(batch), self.cleaning, dry_run=dry_run)

    def again(self, batch: str, again: Again) -> Asked:
        asked = ask_again(
            self.batch(batch), BatchName.parse(batch), again, staging=self.staging, output=self.output,
            store=self.store, queue=self.queue, ids=self.ids, clock=self.clock,
        )  # fmt: skip
        self.work()
        return asked

    def keep(self, retention: Retention = AT_ONCE, deadline: Deadline = ENDLESS) -> Kept:
        return keep_house(
            staging=self.staging, area=self.area, output=self.output, reports=self.reports, store=self.store,
            queue=self.queue, ids=self.ids, clock=self.clock, retention=retention, show_name=self.show_name,
            deadline=deadline,
        )  # fmt: skip

    def names(self, below: str) -> set[str]:
        prefix = f"staging/{below}/"
        return {blob.name.removeprefix(prefix) for blob in self._blobs(prefix)}

    def report(self, batch: str) -> str:
        data: bytes = self.bucket.blob(f"staging/failed/{batch}.err").download_as_bytes()
        return data.decode("utf-8")

    def remove(self, path: str) -> None:
        self.bucket.blob(path).delete()

    def _blobs(self, prefix: str) -> list[storage.Blob]:
        return list(self.client.list_blobs(self.bucket, prefix=prefix))


def ct(*numbers: int) -> dict[str, bytes]:
    """Slices that can be stored."""
    return {f"{number}.dcm": objects.to_bytes(objects.ct(number)) for number in numbers}


def mixed() -> dict[str, bytes]:
    """Two that are stored, one of them twice; one that is rejected; one that fails."""
    files = ct(1, 2)
    return {**files, "twice.dcm": files["1.dcm"], "us": objects.to_bytes(objects.us()), "text": b"nothing to see"}
