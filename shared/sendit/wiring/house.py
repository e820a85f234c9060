"""What keeping house in the cloud needs of Cloud Storage, and how long things are kept."""

from datetime import timedelta
from functools import cached_property

import google.cloud.storage as storage

from sendit.adapters.gcs_area import GcsStagingArea
from sendit.adapters.gcs_client import storage_client
from sendit.adapters.gcs_output import GcsOutput
from sendit.adapters.gcs_reports import GcsReports
from sendit.adapters.gcs_staging import GcsStaging
from sendit.deadline import Deadline
from sendit.housekeeping import Kept, Retention, keep_house
from sendit.settings import BatchNames, Settings
from sendit.sweep import Sweeping
from sendit.wiring.cloud import output_place, project, staging_place


class CloudHouse:
    """The staging area and the output. Everything raises `UsageError` and `TransientError` when first used."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def staging(self) -> GcsStaging:
        """The staging bucket, batch by batch."""
        return GcsStaging(self._client, staging_place(self._settings))

    @cached_property
    def area(self) -> GcsStagingArea:
        """The staging bucket as a whole."""
        return GcsStagingArea(self._client, staging_place(self._settings))

    @cached_property
    def reports(self) -> GcsReports:
        """Reports of what went wrong, in the staging bucket."""
        return GcsReports(self._client, staging_place(self._settings))

    @cached_property
    def output(self) -> GcsOutput:
        """The output bucket."""
        return GcsOutput(self._client, output_place(self._settings))

    def keep(self, sweeping: Sweeping) -> Kept:
        """See `sendit.housekeeping.keep_house`. It takes no longer than an attempt of the worker may."""
        return keep_house(
            staging=self.staging,
            area=self.area,
            output=self.output,
            reports=self.reports,
            store=sweeping.store,
            queue=sweeping.queue,
            ids=sweeping.ids,
            clock=sweeping.clock,
            retention=retention_of(self._settings),
            show_name=self._settings.batch_names is BatchNames.SHOW,
            deadline=Deadline.after(self._settings.budget),
        )

    @cached_property
    def _client(self) -> storage.Client:
        return storage_client(project())


def retention_of(settings: Settings) -> Retention:
    """How long things are kept."""
    return Retention(
        sources=_or_never(settings.keep_sources, timedelta(seconds=1)),
        manifests=_or_never(settings.keep_manifests, timedelta(days=1)),
        status=_or_never(settings.keep_status, timedelta(days=1)),
        report_after=timedelta(seconds=settings.report_after),
    )


def _or_never(number: float | None, unit: timedelta) -> timedelta | None:
    return None if number is None else number * unit
