"""What a `StagingArea` must do, over the bucket that the emulator holds: generations and preconditions above all."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from tests.contract.buckets import TestBucket, may_not_be_deleted, unreachable_client

from sendit.adapters.gcs_area import GcsStagingArea
from sendit.adapters.gcs_reports import GcsReports
from sendit.adapters.gcs_staging import GcsStaging
from sendit.errors import Code, TransientError
from sendit.refs import BatchName, Marker
from sendit.staging_area import Deleted

BATCH = BatchName.parse("1_6/ST-000001")


@pytest.fixture
def made(request: pytest.FixtureRequest) -> TestBucket:
    return TestBucket.make(request)


@pytest.fixture
def area(made: TestBucket) -> GcsStagingArea:
    return GcsStagingArea(made.client, made.place)


@pytest.fixture
def staging(made: TestBucket) -> GcsStaging:
    return GcsStaging(made.client, made.place)


def test_markers_come_in_the_order_of_their_names_from_any_of_them_on(made: TestBucket, area: GcsStagingArea) -> None:
    for name in ("b", "a/z", "c", "b.err", "a/y", "b-1", "ü"):
        made.put(f"finalize/{name}", b"")
    made.put("incoming/b/x", b"no marker")
    assert [marker.name for marker in area.markers()] == ["a/y", "a/z", "b", "b-1", "c", "ü"]
    assert [marker.name for marker in area.markers("b")] == ["b", "b-1", "c", "ü"]
    assert [marker.name for marker in area.markers("b0")] == ["c", "ü"]


def test_a_marker_is_deleted_in_its_own_generation_alone(made: TestBucket, area: GcsStagingArea) -> None:
    assert area.marker(BATCH) is None
    made.put(f"finalize/{BATCH}", b"")
    first = area.marker(BATCH)
    assert first == next(area.markers())
    assert first is not None
    made.put(f"finalize/{BATCH}", b"")
    second = area.marker(BATCH)
    assert second is not None
    assert second.generation > first.generation
    assert not area.delete_marker(first)
    assert area.marker(BATCH) == second
    assert area.delete_marker(second)
    assert area.marker(BATCH) is None
    assert not area.delete_marker(Marker(str(BATCH), second.generation))


def test_everything_staged_comes_in_the_order_of_names_with_size_and_time(
    made: TestBucket, area: GcsStagingArea
) -> None:
    made.put("incoming/b/1.dcm", b"four")
    made.put("incoming/a/sub/2.dcm", b"xx")
    made.put("incoming/a/", b"")  # what a console shows as a folder
    made.put("incoming/a-b/3.dcm", b"")
    made.put("incoming/loose", b"x")
    made.put("gcloud/tmp/parallel/part", b"of an upload")
    made.put("manifests/id/1.jsonl.gz", b"x")
    found = list(area.staged())
    assert [(one.path, one.size) for one in found] == [
        ("a-b/3.dcm", 0), ("a/sub/2.dcm", 2), ("b/1.dcm", 4), ("loose", 1),
    ]  # fmt: skip
    assert all(abs(datetime.now(UTC) - one.created_at) < timedelta(hours=1) for one in found)
    assert [one.path for one in area.staged("a/")] == ["a/sub/2.dcm", "b/1.dcm", "loose"]
    assert [one.path for one in area.staged("a0")] == ["b/1.dcm", "loose"]
    assert next(area.staged("b/1.dcm")).path == "b/1.dcm"
    assert next(area.staged("b/1.dcm ")).path == "loose"


def test_a_report_is_listed_and_deleted_in_the_writing_that_was_seen(made: TestBucket, area: GcsStagingArea) -> None:
    reports = GcsReports(made.client, made.place, str)
    for name in ("b", "a/z", "c"):
        reports.write(BatchName.parse(name), "x")
    made.put("failed/no report", b"x")
    assert [report.name for report in area.reports()] == ["a/z.err", "b.err", "c.err"]
    first, second = area.reports("b")
    reports.write(BatchName.parse("b"), "again")
    assert [area.delete_report(report) for report in (first, second, second)] == [False, True, False]
    assert [report.name for report in area.reports()] == ["a/z.err", "b.err"]


def test_a_long_listing_is_read_as_it_is_asked_for(made: TestBucket, area: GcsStagingArea) -> None:
    for number in range(5):
        made.put(f"incoming/a/{number}", b"x")
    assert [one.path for one in itertools.islice(area.staged(), 2)] == ["a/0", "a/1"]


def test_exactly_the_given_generations_are_deleted(made: TestBucket, area: GcsStagingArea, staging: GcsStaging) -> None:
    for number in range(20):
        made.put(f"incoming/{BATCH}/{number:02}.dcm", b"first")
    made.put("incoming/1_6/ST-0000011/00.dcm", b"of another batch")
    entries = sorted(staging.list(BATCH), key=lambda entry: entry.name)
    made.put(f"incoming/{BATCH}/00.dcm", b"again")
    made.put(f"incoming/{BATCH}/01.dcm", b"first")  # the same bytes, and newer all the same
    made.remove(f"incoming/{BATCH}/02.dcm")
    assert area.delete(BATCH, entries) == Deleted(17, [])
    assert {entry.name for entry in staging.list(BATCH)} == {"00.dcm", "01.dcm"}
    assert area.delete(BATCH, entries) == Deleted(0, [])
    assert made.get(f"incoming/{BATCH}/00.dcm") == b"again"
    assert made.get("incoming/1_6/ST-0000011/00.dcm") == b"of another batch"
    assert area.delete(BATCH, []) == Deleted(0, [])


def test_an_object_that_may_not_be_deleted_keeps_no_other_from_it(
    made: TestBucket, area: GcsStagingArea, staging: GcsStaging, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        made.put(f"incoming/{BATCH}/{number:02}.dcm", b"x")
    entries = sorted(staging.list(BATCH), key=lambda entry: entry.name)
    may_not_be_deleted(monkeypatch, "/00.dcm", "/07.dcm")
    assert area.delete(BATCH, entries) == Deleted(18, [entries[0], entries[7]])
    assert sorted(entry.name for entry in staging.list(BATCH)) == ["00.dcm", "07.dcm"]


def test_manifests_and_answers_of_a_batch_are_removed_and_no_others(
    made: TestBucket, area: GcsStagingArea, staging: GcsStaging
) -> None:
    for generation in (1, 2):
        staging.write_manifest("id", generation, b"m")
    staging.write_manifest("id2", 1, b"of another")
    staging.add_answers("id", b"sealed")
    assert [area.remove_manifests("id") for _ in range(2)] == [3, 0]
    assert (list(staging.manifests("id")), list(staging.answers("id"))) == ([], [])
    assert list(staging.manifests("id2")) == [b"of another"]
    assert made.names() == {"manifests/id2/1.jsonl.gz"}


def test_a_bookmark_is_empty_until_it_is_set_and_then_what_was_set_last(area: GcsStagingArea) -> None:
    assert area.bookmark("walk") == ""
    for start in ("a/…—ünï", "b", ""):
        area.set_bookmark("walk", start)
        assert area.bookmark("walk") == start
    area.set_bookmark("other", "x")
    assert (area.bookmark("walk"), area.bookmark("other")) == ("", "x")


def test_an_area_out_of_reach_is_transient(made: TestBucket, staging: GcsStaging) -> None:
    made.put(f"incoming/{BATCH}/a", b"x")
    entries = list(staging.list(BATCH))
    area = GcsStagingArea(unreachable_client(), made.place)
    calls = (
        lambda: list(area.markers()), lambda: area.marker(BATCH), lambda: list(area.staged()),
        lambda: area.delete(BATCH, entries), lambda: area.delete_marker(Marker("x", 1)), lambda: area.bookmark("w"),
        lambda: list(area.reports()),
    )  # fmt: skip
    with ThreadPoolExecutor(len(calls)) as threads:  # each tries for seconds
        for asked in [threads.submit(call) for call in calls]:
            with pytest.raises(TransientError) as error:
                asked.result()
            assert error.value.code is Code.STAGING_UNAVAILABLE
