"""Sources of what is stored are deleted, by generation, after a look at the output; everything else stays."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.contract.buckets import may_not_be_deleted
from tests.emulator.house import House, ct, mixed

from sendit import cleanup
from sendit.adapters.folder_output import FolderOutput
from sendit.adapters.gcs_area import GcsStagingArea
from sendit.again import Again
from sendit.cleanup import Cleaned, Stays, clean
from sendit.deadline import Deadline
from sendit.errors import BatchError, Code
from sendit.finalize import finalize
from sendit.records import BatchState, Counts, ImageState
from sendit.refs import BatchName, Entry
from sendit.staging_area import Deleted

BATCH = BatchName.parse("1_6/ST-1")


class Crash(BaseException):
    """The process dies here."""


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path) -> House:
    return House(request, tmp_path)


def test_of_a_batch_of_which_all_is_stored_nothing_is_left(house: House) -> None:
    files = ct(1, 2)
    house.done("1_6/ST-1", {**files, "twice.dcm": files["1.dcm"]})
    size = sum(len(data) for data in (*files.values(), files["1.dcm"]))
    assert house.clean("1_6/ST-1") == Cleaned(3, size, {}, marker=True, complete=True)
    assert (house.names("incoming"), house.names("finalize")) == (set(), set())
    batch = house.batch("1_6/ST-1")
    assert batch.cleaned_at is not None
    assert (batch.state, batch.counts) == (BatchState.DONEPROCESSING, Counts(found=3, stored=3, duplicates=1))
    assert house.clean("1_6/ST-1") == Cleaned(complete=True)
    assert house.batch("1_6/ST-1") == batch


def test_what_failed_or_was_rejected_keeps_its_source_and_the_marker(house: House) -> None:
    house.done("ST-1", mixed())
    done = house.clean("ST-1")
    assert (done.objects, done.marker, done.complete) == (3, False, True)
    assert done.stays == {Stays.FAILED: 1, Stays.REJECTED: 1}
    assert house.names("incoming") == {"ST-1/us", "ST-1/text"}
    assert house.names("finalize") == {"ST-1"}
    assert house.batch("ST-1").cleaned_at is not None


def test_a_dry_run_says_the_same_and_changes_nothing(house: House) -> None:
    batch = house.done("ST-1", mixed())
    house.done("ST-2", ct(1))
    before = house.names("incoming"), house.names("finalize")
    told = {name: house.clean(name, dry_run=True) for name in ("ST-1", "ST-2")}
    assert (house.names("incoming"), house.names("finalize")) == before
    assert house.batch("ST-1") == batch
    assert {name: house.clean(name) for name in ("ST-1", "ST-2")} == told


def test_what_was_uploaded_again_meanwhile_stays_also_the_same_bytes(house: House) -> None:
    files = ct(1, 2, 3)
    house.done("ST-1", files)
    house.put("ST-1", {"1.dcm": files["1.dcm"], "late.dcm": b"late"})
    assert house.clean("ST-1").stays == {Stays.CHANGED: 2}
    assert house.names("incoming") == {"ST-1/1.dcm", "ST-1/late.dcm"}
    assert house.names("finalize") == {"ST-1"}


def test_what_is_uploaded_again_while_it_is_cleaned_stays(house: House) -> None:
    files = ct(1, 2)
    house.done("ST-1", files)

    class Overtaken(GcsStagingArea):
        def delete(self, batch: BatchName, entries: Sequence[Entry]) -> Deleted:
            house.put("ST-1", {"1.dcm": files["1.dcm"]})
            return super().delete(batch, entries)

    house.area.__class__ = Overtaken
    done = house.clean("ST-1")
    assert (done.objects, done.marker) == (1, False)
    assert (house.names("incoming"), house.names("finalize")) == ({"ST-1/1.dcm"}, {"ST-1"})


def test_a_marker_that_was_written_again_stays(house: House) -> None:
    house.done("ST-1", ct(1))
    house.mark("ST-1")
    assert not house.clean("ST-1").marker
    assert (house.names("incoming"), house.names("finalize")) == (set(), {"ST-1"})


def test_the_marker_of_a_batch_that_was_asked_for_again_goes_with_the_last_source(house: House) -> None:
    house.done("ST-1", {**ct(1), "bad": b""})
    house.clean("ST-1")
    house.put("ST-1", {"bad": ct(2)["2.dcm"]})
    house.again("ST-1", Again.NEW)
    batch = house.batch("ST-1")
    assert (batch.counts, batch.cleaned_at) == (Counts(found=2, stored=2), None)
    assert house.clean("ST-1").marker
    assert (house.names("incoming"), house.names("finalize")) == (set(), set())


@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_a_source_whose_output_is_not_what_was_recorded_is_kept_and_told(
    house: House, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    house.done("ST-1", ct(1, 2))
    lost = f"output/{house.image('ST-1', '1.dcm').output}"
    house.remove(lost)
    if damage == "changed":
        house.bucket.blob(lost).upload_from_string(b"something else")
    done = house.clean("ST-1")
    assert (done.objects, done.stays, done.complete) == (1, {Stays.OUTPUT_MISSING: 1}, False)
    assert house.names("incoming") == {"ST-1/1.dcm"}
    assert house.batch("ST-1").cleaned_at is None
    assert Code.OUTPUT_MISSING in [getattr(record, "event_fields", {}).get("code") for record in caplog.records]
    if damage == "missing":
        assert house.again("ST-1", Again.FAILED).wanted == 1
        assert house.clean("ST-1").complete
        assert house.names("incoming") == set()


def test_a_source_that_may_not_be_deleted_keeps_no_other_and_is_told(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ct(1, 2, 3, 4)
    house.done("ST-1", files)
    monkeypatch.setattr(cleanup, "_IMAGES_A_STEP", 2)
    may_not_be_deleted(monkeypatch, "ST-1/1.dcm", "ST-1/3.dcm")
    for gone in (2, 0):
        caplog.clear()
        done = house.clean("ST-1")
        assert (done.objects, done.stays) == (gone, {Stays.NOT_DELETED: 2})
        assert (done.marker, done.complete) == (False, False)
        told = [getattr(record, "event_fields", {}) for record in caplog.records if record.levelname == "WARNING"]
        assert [(line["code"], line["found"]) for line in told] == [(Code.STAGING_FORBIDDEN, 2)]
    assert done.size_bytes == 0
    assert house.names("incoming") == {"ST-1/1.dcm", "ST-1/3.dcm"}
    assert (house.names("finalize"), house.batch("ST-1").cleaned_at) == ({"ST-1"}, None)
    monkeypatch.undo()
    assert (house.clean("ST-1").marker, house.names("incoming")) == (True, set())
    assert house.batch("ST-1").cleaned_at is not None


def test_a_batch_whose_marker_may_not_be_deleted_is_not_called_cleaned(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.done("ST-1", ct(1))
    may_not_be_deleted(monkeypatch, "finalize/ST-1")
    done = house.clean("ST-1")
    assert (done.objects, done.stays, done.complete) == (1, {Stays.NOT_DELETED: 1}, False)
    monkeypatch.undo()
    assert house.clean("ST-1").complete


@pytest.mark.parametrize("at", ["delete", "delete_marker", "mark_cleaned"])
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_step_the_next_time_completes_it(house: House, at: str, after: bool) -> None:
    house.done("ST-1", ct(1, 2, 3))
    target = house.store if at == "mark_cleaned" else house.area
    real = getattr(target, at)

    def dies(*args: object) -> None:
        if after:
            real(*args)
        raise Crash

    setattr(target, at, dies)
    with pytest.raises(Crash):
        house.clean("ST-1")
    setattr(target, at, real)
    assert house.clean("ST-1").complete
    assert (house.names("incoming"), house.names("finalize")) == (set(), set())
    assert house.batch("ST-1").cleaned_at is not None


def test_when_the_time_is_up_the_rest_is_left_for_the_next_time(house: House) -> None:
    house.done("ST-1", ct(1, 2))
    done = clean(house.batch("ST-1"), BatchName.parse("ST-1"), house.cleaning, Deadline(0.0, 0.0))
    assert (done.objects, done.stays, done.complete) == (0, {Stays.LATER: 2}, False)
    assert (len(house.names("incoming")), house.batch("ST-1").cleaned_at) == (2, None)


@pytest.mark.parametrize("state", [BatchState.ERROR, BatchState.QUEUE, BatchState.EMPTY])
def test_only_a_batch_that_rests_with_images_stored_is_cleaned(house: House, state: BatchState) -> None:
    batch = house.done("ST-1", ct(1))
    assert clean(replace(batch, state=state), BatchName.parse("ST-1"), house.cleaning) == Cleaned()
    assert house.names("incoming") == {"ST-1/1.dcm"}


def test_a_batch_of_another_key_is_not_cleaned(house: House) -> None:
    batch = house.done("ST-1", ct(1))
    house.put("ST-2", ct(1))
    with pytest.raises(BatchError) as error:
        clean(batch, BatchName.parse("ST-2"), house.cleaning)
    assert error.value.code is Code.BATCH_OF_ANOTHER_KEY
    assert house.names("incoming") == {"ST-1/1.dcm", "ST-2/1.dcm"}


def test_an_output_whose_store_knows_no_sums_is_no_proof(house: House, tmp_path: Path) -> None:
    batch = house.done("ST-1", ct(1))
    output = house.image("ST-1", "1.dcm").output
    copy = tmp_path / "copy" / output
    copy.parent.mkdir(parents=True)
    copy.write_bytes(house.bucket.blob(f"output/{output}").download_as_bytes())
    done = clean(batch, BatchName.parse("ST-1"), replace(house.cleaning, output=FolderOutput(tmp_path / "copy")))
    assert (done.objects, done.stays, done.complete) == (0, {Stays.OUTPUT_MISSING: 1}, False)
    assert house.names("incoming") == {"ST-1/1.dcm"}


# asked for again after its sources went


def test_after_cleanup_what_failed_or_was_rejected_finds_its_source(house: House) -> None:
    house.done("ST-1", mixed())
    house.clean("ST-1")
    stored = house.image("ST-1", "1.dcm")
    asked = house.again("ST-1", Again.ALL)
    assert (asked.wanted, len(asked.findings.arrived), len(asked.findings.lost)) == (2, 0, 0)
    batch = house.batch("ST-1")
    assert batch.counts == Counts(found=5, stored=3, rejected=1, errored=1, duplicates=1)
    assert (batch.has_new_arrivals, house.image("ST-1", "1.dcm")) == (False, stored)
    assert house.image("ST-1", "text").code is Code.NOT_DICOM


def test_a_marker_that_was_written_again_goes_with_the_batch_that_was_asked_for(house: House) -> None:
    house.done("ST-1", ct(1))
    house.put("ST-1", {"late.dcm": ct(2)["2.dcm"]})
    again = house.mark("ST-1")
    finalize(again, store=house.store, queue=house.queue, ids=house.ids, clock=house.clock)
    house.again("ST-1", Again.NEW)
    assert house.batch("ST-1").generation == again.generation
    assert house.clean("ST-1").marker
    assert (house.names("incoming"), house.names("finalize")) == (set(), set())
    finalize(again, store=house.store, queue=house.queue, ids=house.ids, clock=house.clock)
    assert not house.batch("ST-1").has_new_arrivals


def test_what_was_stored_of_a_file_that_is_replaced_by_junk_is_still_named(house: House) -> None:
    house.done("ST-1", ct(1, 2))
    house.clean("ST-1")
    stored = house.image("ST-1", "1.dcm").output
    house.put("ST-1", {"1.dcm": b"no image"})
    house.again("ST-1", Again.NEW)
    image = house.image("ST-1", "1.dcm")
    assert (image.state, image.output, image.earlier) == (ImageState.ERROR, "", (stored,))
    assert house.bucket.blob(f"output/{stored}").exists()
    house.put("ST-1", {"1.dcm": ct(1)["1.dcm"]})
    house.again("ST-1", Again.ALL)
    image = house.image("ST-1", "1.dcm")
    assert (image.state, image.output, image.earlier) == (ImageState.DONEPROCESSING, stored, ())


def test_an_output_that_is_lost_after_its_source_went_is_an_error_that_says_so(house: House) -> None:
    house.done("ST-1", ct(1, 2))
    house.clean("ST-1")
    house.remove(f"output/{house.image('ST-1', '1.dcm').output}")
    house.again("ST-1", Again.FAILED)
    image, batch = house.image("ST-1", "1.dcm"), house.batch("ST-1")
    assert (image.state, image.code) == (ImageState.ERROR, Code.SOURCE_GONE)
    assert (batch.counts, batch.has_error) == (Counts(found=2, stored=1, errored=1), True)
    assert "source_gone" in house.report("ST-1")
    assert "    1.dcm\n" in house.report("ST-1")
    house.put("ST-1", ct(1))
    house.again("ST-1", Again.NEW)
    assert (house.batch("ST-1").counts, house.names("failed")) == (Counts(found=2, stored=2), set())


def test_a_file_that_is_uploaded_again_after_cleanup_is_the_same_image(house: House) -> None:
    house.done("ST-1", ct(1))
    house.clean("ST-1")
    house.put("ST-1", ct(1))
    house.again("ST-1", Again.NEW)
    assert house.batch("ST-1").counts == Counts(found=1, stored=1)


def test_the_same_image_under_another_name_is_a_duplicate_also_after_cleanup(house: House) -> None:
    house.done("ST-1", ct(1))
    house.clean("ST-1")
    house.put("ST-1", {"twice.dcm": ct(1)["1.dcm"]})
    house.again("ST-1", Again.NEW)
    assert house.batch("ST-1").counts == Counts(found=2, stored=2, duplicates=1)
