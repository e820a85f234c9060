"""Keeping house over a bucket of its own: lost events, unnoticed folders, late files, and what time does to batches."""

import logging
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.emulator.house import AT_ONCE, NEVER, House, ct, mixed

from sendit import housekeeping, report_walk, staging_walk
from sendit.again import Again
from sendit.deadline import Deadline
from sendit.errors import Code, TransientError
from sendit.housekeeping import Kept
from sendit.records import BatchState, ErrorEntry
from sendit.refs import BatchName

DAY = timedelta(days=1)


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path) -> House:
    return House(request, tmp_path)


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> "Told":
    caplog.set_level(logging.INFO, "sendit")
    return Told(caplog)


class Told:
    """What was logged since the last look."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    def lines(self, batch_id: str | None = None) -> list[dict[str, Any]]:
        found = [
            {"severity": record.levelname, "message": record.getMessage(), **getattr(record, "event_fields", {})}
            for record in self._caplog.records
            if record.name == "sendit"
        ]
        self._caplog.clear()
        return [line for line in found if batch_id is None or line.get("batch_id") == batch_id]


class Looks(Deadline):
    """Near after so many looks that each task takes at it."""

    def __init__(self, number: int) -> None:
        super().__init__(number, 0.0)
        object.__setattr__(self, "_left", iter(range(number)))

    def part(self, tasks: int) -> Deadline:
        return Looks(int(self.budget))

    @property
    def near(self) -> bool:
        return next(self._left, None) is None  # type: ignore[attr-defined]


def failing(monkeypatch: pytest.MonkeyPatch, target: object, call: str, names: Collection[str]) -> None:
    """Let a call whose first argument is one of these fail, as if the service were out of reach."""
    real = getattr(target, call)

    def fails(first: object, *rest: object) -> object:
        if str(first) in names:
            raise TransientError(Code.STAGING_UNAVAILABLE)
        return real(first, *rest)

    monkeypatch.setattr(target, call, fails)


def counted(monkeypatch: pytest.MonkeyPatch, target: object, call: str) -> list[object]:
    """The first argument of each call from now on."""
    real, calls = getattr(target, call), list[object]()

    def counts(first: object, *rest: object) -> object:
        calls.append(first)
        return real(first, *rest)

    monkeypatch.setattr(target, call, counts)
    return calls


def in_pieces(house: House, monkeypatch: pytest.MonkeyPatch, **limits: int) -> list[Kept]:
    """What each run does until one does nothing, and every walk is at its beginning."""
    for name, limit in limits.items():
        monkeypatch.setattr(housekeeping if name == "BATCHES_A_RUN" else staging_walk, name, limit)
    runs = []
    for _ in range(40):
        runs.append(house.keep())
        if runs[-1] == Kept() and not any(house.area.bookmark(walk) for walk in ("markers", "staged")):
            return runs
    raise AssertionError("it never came to an end")


# markers


def test_a_marker_whose_event_was_lost_becomes_a_batch(house: House, told: Told) -> None:
    house.put("1_6/ST-1", ct(1))
    marker = house.mark("1_6/ST-1")
    assert house.keep().registered == 1
    batch = house.batch("1_6/ST-1")
    assert (batch.state, batch.generation) == (BatchState.NEW, marker.generation)
    assert [line["verdict"] for line in told.lines(batch.id)] == ["published"]
    assert house.keep() == Kept()
    assert told.lines() == []
    house.work()
    assert house.batch("1_6/ST-1").counts.stored == 1


def test_markers_that_are_not_followed_are_told_once_if_at_all(house: House, told: Told) -> None:
    house.done("ST-1", {**ct(1), "bad": b""})
    house.keep()
    told.lines()
    for name in ("TEST-1", "ST-2.tmp1", "ST-3.err", "a//b", "ST-1/inner"):
        house.mark(name)
    assert [house.keep() for _ in range(2)] == [Kept(), Kept()]
    assert [line["verdict"] for line in told.lines()] == ["overlap"]
    assert "overlap" in house.report("ST-1/inner")
    assert len(list(house.store.batches())) == 1


def test_the_name_is_not_shown_where_it_is_hidden(house: House) -> None:
    house.show_name = False
    house.put("ST-1", ct(1))
    house.mark("ST-1")
    house.keep()
    assert house.batch("ST-1").name is None
    house.work()
    assert house.keep().cleaned == 1
    assert house.names("incoming") == set()


def test_many_markers_are_followed_piece_by_piece(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(7):
        house.mark(f"ST-{number}")
    assert [kept.registered for kept in in_pieces(house, monkeypatch, MARKERS_A_RUN=3)] == [3, 3, 1, 0, 0, 0]


# folders without a marker


def test_an_old_folder_without_a_marker_is_reported_once(house: House, told: Told) -> None:
    house.put("1_6/ST-1", {"a.dcm": b"x", "b.dcm": b"x"})
    assert house.keep() == Kept()
    house.ahead = 2 * DAY
    assert house.keep() == Kept(reported=1)
    (line,) = told.lines()
    assert (line["severity"], line["batch_id"], line["found"]) == ("WARNING", house.id_of("1_6/ST-1"), 2)
    assert "ST-1" not in str(line)
    report = house.report("1_6/ST-1")
    assert "Seen: 2." in report
    assert "finalize/" in report
    assert house.keep() == Kept()
    assert told.lines() == []


def test_a_folder_to_which_something_came_lately_is_not_reported(house: House) -> None:
    house.put("ST-1", {"a.dcm": b"x"})
    house.ahead = DAY - timedelta(minutes=1)
    assert house.keep() == Kept()


def test_a_folder_with_a_marker_or_inside_a_batch_is_not_reported(house: House) -> None:
    house.put("TEST-1/deeper", {"a.dcm": b"x"})
    house.mark("TEST-1")
    house.done("ST-1", {"text": b"", "SE-1/text": b""})
    house.ahead = 2 * DAY
    assert house.keep().reported == 0
    assert house.names("failed") == {"ST-1.err"}


def test_loose_files_and_folders_beside_batches_are_told_apart(house: House) -> None:
    house.done("1_6/ST-1", {"text": b""})
    house.put("1_6", {".DS_Store": b"x", "zz.txt": b"x"})
    house.put("1_6/ST-2/SE-1", {"a.dcm": b"x"})
    house.bucket.blob("staging/incoming/loose.dcm").upload_from_string(b"x")
    house.put("a//b", {"c": b"x"})
    house.ahead = 2 * DAY
    assert house.keep().reported == 4
    assert house.names("failed") == {"1_6.err", "1_6/ST-1.err", "1_6/ST-2/SE-1.err", "a.err", "loose.dcm.err"}


def test_the_report_of_a_folder_goes_when_it_became_a_batch_that_is_stored(house: House) -> None:
    house.put("ST-1/SE-1", ct(1))
    house.ahead = 2 * DAY
    assert house.keep().reported == 1
    house.done("ST-1", {})
    assert (house.batch("ST-1").counts.stored, house.names("failed")) == (1, set())


def test_the_report_of_what_is_gone_goes_and_no_other(house: House, told: Told) -> None:
    house.done("1_6/batch", {"bad": b""})
    house.mark("1_6/batch/marked")
    house.put("1_6", {"1": b"x"})
    house.put("folder", {"1": b"x"})
    house.put("stays", {"1": b"x"})
    loose = {"loose.dcm", "stays.dcm", "x" * (1024 - len("staging/incoming/"))}
    for name in loose:
        house.bucket.blob(f"staging/incoming/{name}").upload_from_string(b"x")
    house.ahead = 2 * DAY
    assert house.keep().reported == 6
    reports = house.names("failed")
    assert len(reports) == 8
    for path in ("1_6/1", "folder/1", "1_6/batch/bad", "loose.dcm", max(loose, key=len)):
        house.remove(f"staging/incoming/{path}")
    told.lines()
    assert [house.keep() for _ in range(2)] == [Kept(dropped=3), Kept()]
    assert {line["batch_id"] for line in told.lines()} == {house.id_of(name) for name in ("1_6", "folder", "loose.dcm")}
    assert reports - house.names("failed") == {"1_6.err", "folder.err", "loose.dcm.err"}
    house.remove("staging/finalize/1_6/batch/marked")
    assert house.keep() == Kept(dropped=1)
    assert len(house.names("failed")) == 4


def test_many_reports_are_dropped_piece_by_piece(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        house.put(f"folder-{number}", {"1": b"x"})
    house.ahead = 2 * DAY
    house.keep()
    for number in range(1, 5):
        house.remove(f"staging/incoming/folder-{number}/1")
    monkeypatch.setattr(report_walk, "REPORTS_A_RUN", 2)
    assert [house.keep().dropped for _ in range(4)] == [1, 2, 1, 0]
    assert house.names("failed") == {"folder-0.err"}


# what came late


def test_files_that_came_to_a_batch_at_rest_are_flagged_once(house: House, told: Told) -> None:
    house.done("ST-1", mixed())
    house.keep()
    told.lines()
    house.put("ST-1", {"deep/late.dcm": b"x"})
    assert house.keep() == Kept(flagged=1)
    assert house.batch("ST-1").has_new_arrivals
    assert [line["severity"] for line in told.lines(house.id_of("ST-1"))] == ["WARNING"]
    assert house.keep() == Kept()
    assert told.lines() == []


def test_a_file_of_a_cleaned_batch_that_is_there_again_came_late(house: House) -> None:
    house.done("ST-1", ct(1))
    assert house.keep() == Kept(cleaned=1)
    house.put("ST-1", ct(1))
    assert house.keep() == Kept(flagged=1)


def test_what_comes_after_the_manifests_are_removed_came_late(house: House) -> None:
    house.done("ST-1", ct(1))
    house.keep()
    house.ahead = 11 * DAY
    retention = replace(AT_ONCE, manifests=10 * DAY)
    assert house.keep(retention) == Kept(expired=1)
    house.put("ST-1", ct(1))
    assert [house.keep(retention) for _ in range(2)] == [Kept(flagged=1), Kept()]


def test_what_comes_to_a_batch_that_held_nothing_came_late(house: House) -> None:
    assert house.done("ST-1", {}).state is BatchState.ERROR
    assert house.keep() == Kept()
    house.put("ST-1", ct(1))
    assert house.keep() == Kept(flagged=1)


def test_what_was_there_when_a_batch_was_given_up_did_not_come_late(house: House) -> None:
    house.put("never-frozen", ct(1))
    house.mark("never-frozen")
    house.keep(NEVER)
    house.done("asked-again", {"bad": b""})
    house.store.requeue(house.id_of("asked-again"), [], house.clock())
    for name in ("never-frozen", "asked-again"):
        house.store.abandon(house.id_of(name), ErrorEntry(Code.ATTEMPTS_USED_UP, "Why.", house.clock()), house.clock())
    assert house.keep(NEVER) == Kept()
    for name in ("never-frozen", "asked-again"):
        house.put(name, {"late": b"x"})
    assert house.keep(NEVER) == Kept(flagged=2)


def test_what_is_staged_as_it_was_frozen_is_no_arrival(house: House) -> None:
    house.done("ST-1", {**mixed(), "deep/er/bad": b""})
    assert [house.keep(NEVER) for _ in range(2)] == [Kept(), Kept()]
    assert not house.batch("ST-1").has_new_arrivals


def test_a_batch_at_work_is_left_alone(house: House) -> None:
    house.put("ST-1", ct(1))
    house.mark("ST-1")
    house.keep()
    house.put("ST-1", ct(2))
    house.ahead = 2 * DAY
    assert house.keep() == Kept()


@pytest.mark.parametrize("limits", [{"PLACES_A_RUN": 2}, {"OBJECTS_A_RUN": 3}, {"OBJECTS_A_RUN": 5}])
def test_the_walk_goes_on_where_it_stopped_and_misses_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, limits: dict[str, int]
) -> None:
    late = {f"B-{number}" for number in range(3)}
    for name in late:
        house.done(name, {"a": b"", "b": b"", "c": b"", "d": b""})
    for name in late:
        house.put(name, {"z": b"late"})
    for number in range(4):
        house.put(f"A-{number}", {"a": b"x", "b": b"x"})
        house.put(f"C-{number}/deep", {"a": b"x"})
    house.ahead = 2 * DAY
    runs = in_pieces(house, monkeypatch, **limits)
    assert len(runs) > 3
    assert sum(run.reported for run in runs) == 8
    assert sum(run.flagged for run in runs) == 3
    assert {name for name in late if house.batch(name).has_new_arrivals} == late


# cleaning, and what is kept


def test_sources_are_deleted_when_their_time_has_come(house: House) -> None:
    house.done("ST-1", ct(1))
    later = replace(AT_ONCE, sources=DAY)
    assert house.keep(later) == house.keep(NEVER) == Kept()
    house.ahead = 2 * DAY
    assert house.keep(NEVER) == Kept()
    assert house.keep(later) == Kept(cleaned=1)
    assert house.keep(later) == Kept()


def test_batches_that_cannot_be_cleaned_do_not_keep_others_from_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        house.done(f"ST-{number}", ct(number + 1))
    for number in range(3):  # the oldest
        house.remove(f"output/{house.image(f'ST-{number}', f'{number + 1}.dcm').output}")
    monkeypatch.setattr(housekeeping, "BATCHES_A_RUN", 2)
    assert [house.keep().cleaned for _ in range(3)] == [0, 1, 1]
    assert house.names("incoming") == {"ST-0/1.dcm", "ST-1/2.dcm", "ST-2/3.dcm"}


def test_manifests_and_then_the_status_go_when_nothing_is_staged_any_more(house: House) -> None:
    house.done("clean", ct(1))
    house.done("rejected", {**ct(2), "us": mixed()["us"]})
    house.done("failed", {**ct(3), "text": b""})
    retention = replace(AT_ONCE, manifests=10 * DAY, status=30 * DAY)
    assert house.keep(retention) == Kept(cleaned=3)
    house.ahead = 11 * DAY
    assert [house.keep(retention) for _ in range(2)] == [Kept(expired=1), Kept()]
    assert {name.split("/")[0] for name in house.names("manifests")} == {house.id_of("rejected"), house.id_of("failed")}
    house.ahead = 31 * DAY
    assert [house.keep(retention) for _ in range(2)] == [Kept(forgotten=1), Kept()]
    assert {batch.name for batch in house.store.batches()} == {"rejected", "failed"}
    house.remove("staging/incoming/rejected/us")  # by whoever keeps nothing that was rejected
    assert house.keep(retention) == Kept(forgotten=1)
    assert house.names("finalize") == {"failed"}
    assert [house.keep(retention) for _ in range(2)] == [Kept(), Kept()]


def test_a_batch_with_an_error_is_forgotten_when_its_folder_was_emptied(house: House) -> None:
    house.done("failed", {**ct(1), "bad": b""})
    house.done("no-files", {})
    house.done("kept", {**ct(2), "bad": b""})
    house.keep()
    house.remove("staging/incoming/failed/bad")
    house.ahead = 11 * DAY
    retention = replace(AT_ONCE, manifests=10 * DAY, status=30 * DAY)
    assert [house.keep(retention) for _ in range(2)] == [Kept(expired=2), Kept()]
    house.ahead = 31 * DAY
    assert [house.keep(retention) for _ in range(2)] == [Kept(forgotten=2), Kept()]
    assert [batch.name for batch in house.store.batches()] == ["kept"]
    assert (house.names("failed"), house.names("finalize")) == ({"kept.err"}, {"kept"})
    assert {name.split("/")[0] for name in house.names("manifests")} == {house.id_of("kept")}


def test_a_batch_of_which_nobody_knows_what_is_staged_is_kept(house: House) -> None:
    house.show_name = False
    damaged = house.done("damaged", ct(1))
    path = f"staging/manifests/{damaged.id}/{damaged.generation}.jsonl.gz"
    house.bucket.blob(path).upload_from_string(b"no manifest")
    house.put("never-frozen", ct(2))
    house.mark("never-frozen")
    house.keep(NEVER)
    why = ErrorEntry(Code.ATTEMPTS_USED_UP, "Why.", house.clock())
    house.store.abandon(house.id_of("never-frozen"), why, house.clock())
    house.ahead = 31 * DAY
    for _ in range(2):
        assert house.keep(replace(NEVER, manifests=DAY, status=DAY)) == Kept()
    assert len(list(house.store.batches())) == 2


def test_a_batch_whose_name_is_hidden_is_forgotten_after_its_manifests(house: House) -> None:
    house.show_name = False
    house.done("ST-1", ct(1))
    retention = replace(AT_ONCE, manifests=10 * DAY, status=30 * DAY)
    house.keep(retention)
    house.ahead = 11 * DAY
    assert house.keep(retention) == Kept(expired=1)
    house.ahead = 31 * DAY
    assert house.keep(retention) == Kept(forgotten=1)
    assert list(house.store.batches()) == []


def test_forgetting_takes_what_holds_names_with_it(house: House) -> None:
    house.done("ST-1", ct(1))
    house.keep()
    house.ahead = 31 * DAY
    assert house.keep(replace(AT_ONCE, status=30 * DAY)) == Kept(forgotten=1)
    assert house.names("manifests") == house.names("failed") == set()


def test_nothing_of_it_is_in_the_log(house: House, told: Told) -> None:
    name = "SMITH-4711"
    house.done(f"{name}-a", mixed())
    house.put(f"{name}-b", {f"{name}.dcm": b"x"})
    house.mark(f"{name}-a/inner")
    house.mark(f"{name}-c")
    house.put(f"{name}-a", {f"{name}.dcm": b"x"})
    house.ahead = 40 * DAY
    for _ in range(2):
        house.keep(replace(AT_ONCE, status=30 * DAY, manifests=DAY))
    lines = told.lines()
    assert len(lines) > 4
    assert name not in str(lines)
    bookmarks = [house.store.bookmark(walk) for walk in ("uncleaned", "expired", "markers", "staged")]
    assert name not in str(bookmarks)


def test_a_damaged_manifest_stops_nobody_else(house: House, told: Told) -> None:
    house.show_name = False
    batch = house.done("ST-1", ct(1))
    house.done("ST-2", ct(2))
    path = f"staging/manifests/{batch.id}/{batch.generation}.jsonl.gz"
    house.bucket.blob(path).upload_from_string(b"no manifest")
    assert house.keep() == Kept(cleaned=1)
    assert Code.BAD_MANIFEST in [line.get("code") for line in told.lines(batch.id)]
    assert house.names("incoming") == {"ST-1/1.dcm"}
    assert BatchName.parse("ST-1").parts == ("ST-1",)


# names and objects that are in the way


def test_names_that_leave_no_room_for_a_report_are_told_under_their_ids(house: House) -> None:
    house.done("a", ct(1))
    inside, alone = "a/" + "x" * (1024 - len("staging/finalize/a/")), "b" * (1024 - len("staging/incoming/"))
    house.mark(inside)
    house.bucket.blob(f"staging/incoming/{alone}").upload_from_string(b"x")
    house.put("c", ct(2))
    house.mark("c")
    house.ahead = 2 * DAY
    assert house.keep() == Kept(registered=1, reported=1, cleaned=1)
    assert house.names("failed") == {f"{house.id_of(inside)}.err", f"{house.id_of(alone)}.err"}
    assert house.keep() == Kept()


def test_markers_that_are_in_the_way_are_passed_by(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.done("a", ct(1))
    inside = {f"a/{number}" for number in range(5)}
    for name in (*inside, "b", "c"):
        house.mark(name)
    failing(monkeypatch, house.reports, "write_once", inside)
    for known in (1, 3):  # three that fail are enough for one run
        with pytest.raises(TransientError):
            house.keep(NEVER)
        assert len(list(house.store.batches())) == known
    monkeypatch.undo()
    assert house.keep(NEVER) == Kept()
    assert house.names("failed") == {f"{name}.err" for name in inside}


@pytest.mark.parametrize("call", ["write_once", "marker", "set_new_arrivals", "read_manifest", "batch"])
def test_folders_and_batches_that_are_in_the_way_are_passed_by(
    house: House, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    for name in ("B-0", "B-1", "B-2"):
        house.done(name, {"bad": b""})
        house.put(name, {"late": b"x"})
    for name in ("A-0", "A-1", "C-0"):
        house.put(name, {"1": b"x", "2": b"x"})
    target = {"write_once": house.reports, "marker": house.area, "read_manifest": house.staging}.get(call, house.store)
    ids = {house.id_of(name) for name in ("A-0", "B-0")}
    house.ahead = 2 * DAY
    failing(monkeypatch, target, call, {"A-0", *ids})
    with pytest.raises(TransientError):
        house.keep(NEVER)
    assert {"A-1.err", "C-0.err"} <= house.names("failed")
    assert house.area.bookmark("staged") == ""
    monkeypatch.undo()
    assert [house.batch(f"B-{number}").has_new_arrivals for number in (1, 2)] == [True, True]
    house.keep(NEVER)
    assert {"A-0.err", "A-1.err", "C-0.err"} <= house.names("failed")
    assert house.batch("B-0").has_new_arrivals


@pytest.mark.parametrize("task", ["markers", "staged", "uncleaned", "expired"])
def test_what_one_task_is_stopped_by_does_not_keep_the_others_from_their_turn(
    house: House, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    house.done("clean", ct(1))
    house.done("empty", {"us": mixed()["us"]})
    house.remove("staging/incoming/empty/us")
    house.put("folder", {"1": b"x"})
    house.put("lost", ct(2))
    house.mark("lost")
    house.ahead = 2 * DAY
    failing(monkeypatch, house.area if task in {"markers", "staged"} else house.store, "bookmark", {task})
    with pytest.raises(TransientError):
        house.keep(replace(AT_ONCE, manifests=DAY))
    monkeypatch.undo()
    done = {
        "markers": house.store.batch(house.id_of("lost")) is not None,
        "staged": house.names("failed") == {"folder.err"},
        "uncleaned": house.batch("clean").cleaned_at is not None,
        "expired": not any(name.startswith(house.id_of("empty")) for name in house.names("manifests")),
    }
    assert {name for name, there in done.items() if not there} == {task}


def test_batches_that_cannot_be_cleaned_now_do_not_keep_others_from_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        house.done(f"ST-{number}", ct(number + 1))
    failing(monkeypatch, house.area, "delete", {"ST-0", "ST-2", "ST-3", "ST-4"})
    for cleaned in ({"ST-1"}, {"ST-1", "ST-5"}):
        with pytest.raises(TransientError):
            house.keep()
        assert {batch.name for batch in house.store.batches() if batch.cleaned_at} == cleaned


# the time of a run


def test_the_walks_stop_when_the_time_is_up_and_miss_nothing(house: House) -> None:
    for number in range(5):
        house.put(f"A-{number}", {"1": b"x", "2": b"x"})
    house.done("B", {str(number): b"" for number in range(5)})
    house.put("B", {"z": b"late"})
    house.ahead = 2 * DAY
    for number in range(4):
        house.mark(f"C-{number}")
    runs = [house.keep(NEVER, Looks(2))]  # a look for each marker, and B is known
    assert (runs[0].registered, house.area.bookmark("markers")) == (1, "C-1")
    assert house.keep(NEVER, Looks(0)) == Kept()
    assert house.area.bookmark("markers") == "C-1"
    runs += [house.keep(NEVER, Looks(4)) for _ in range(20)]
    assert [sum(getattr(run, what) for run in runs) for what in ("registered", "reported", "flagged")] == [4, 5, 1]
    assert sum(run.reported > 0 for run in runs) > 2


def test_of_folders_deep_down_each_one_around_is_asked_for_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    around = "/".join("d" * 60)
    for number in range(8):
        house.put(f"{around}/{number}", {"1": b"x", "2": b"x"})
    house.ahead = 2 * DAY
    asked = [counted(monkeypatch, house.area, "marker"), counted(monkeypatch, house.store, "batch")]
    assert house.keep() == Kept(reported=8)
    assert [len(calls) for calls in asked] == [60 + 8 + 8, 60 + 8 + 8]  # around, the folders, their reports


# a file where a folder should be


def test_a_file_with_the_name_of_a_batch_hides_nothing_beside_it(house: House, told: Told) -> None:
    house.done("123", ct(1))
    house.done("123-1", ct(2))
    house.keep()
    house.put("123-1", {"late.dcm": b"x"})
    house.put("123-2", {"x.dcm": b"x"})
    house.put("123 b", {"x.dcm": b"x"})
    for name in ("123", "124"):
        house.bucket.blob(f"staging/incoming/{name}").upload_from_string(b"x")
    house.ahead = 2 * DAY
    assert house.keep() == Kept(reported=3, flagged=1)
    assert house.names("failed") == {"123 b.err", "123-2.err", "124.err"}
    assert [house.batch(name).has_new_arrivals for name in ("123", "123-1")] == [False, True]
    assert house.again("123", Again.NEW).wanted == 0
    assert house.keep() == Kept()
    assert not house.batch("123").has_new_arrivals
