"""The cloud's buckets as whoever keeps house sees them. Loaded when somebody does: Cloud Storage's client is heavy."""

from dataclasses import dataclass
from datetime import timedelta

from sendit.adapters.gcs_area import GcsStagingArea
from sendit.adapters.gcs_client import storage_client
from sendit.adapters.gcs_output import GcsOutput
from sendit.adapters.gcs_reports import GcsReports
from sendit.adapters.gcs_staging import GcsStaging
from sendit.deadline import Deadline
from sendit.housekeeping import Kept, Retention, keep_house
from sendit.ids import DocumentIds
from sendit.settings import Settings
from sendit.wiring.cloud import Finalizer, output_place, project, staging_place
from sendit.wiring.parts import now


@dataclass(frozen=True, slots=True)
class House:
    """Buckets, and how long what is kept in them."""

    staging: GcsStaging
    area: GcsStagingArea
    output: GcsOutput
    reports: GcsReports
    retention: Retention

    @classmethod
    def of(cls, settings: Settings, ids: DocumentIds) -> "House":
        """Wire it. Raises `UsageError` for settings, `TransientError` for an emulator that does not answer."""
        client, place = storage_client(project()), staging_place(settings)
        return cls(
            GcsStaging(client, place),
            GcsStagingArea(client, place),
            GcsOutput(client, output_place(settings)),
            GcsReports(client, place, ids.batch),
            retention_of(settings),
        )

    def keep(self, known: Finalizer, deadline: Deadline) -> Kept:
        """See `sendit.housekeeping.keep_house`."""
        return keep_house(
            staging=self.staging,
            area=self.area,
            output=self.output,
            reports=self.reports,
            store=known.store,
            queue=known.queue,
            ids=known.ids,
            clock=now,
            retention=self.retention,
            show_name=known.show_name,
            deadline=deadline,
        )


def retention_of(settings: Settings) -> Retention:
    """How long the settings let what stay."""
    return Retention(
        sources=None if settings.keep_sources is None else timedelta(seconds=settings.keep_sources),
        manifests=None if settings.keep_manifests is None else timedelta(days=settings.keep_manifests),
        status=None if settings.keep_status is None else timedelta(days=settings.keep_status),
        report_after=timedelta(seconds=settings.report_after),
    )
