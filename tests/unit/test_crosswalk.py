"""What is kept of a batch and when, how it is sealed, and who is answered."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data import objects
from tests.unit.test_process import KEYS, Crash, World

from sendit.adapters.sqlite_crosswalk import SqliteCrosswalk
from sendit.crosswalk import Asked, Crosswalk, Entry, Kept, Kind, LookUp, Replaced, Sealed
from sendit.errors import Code, Refused, SenditError, TransientError, UsageError
from sendit.records import BatchState, ImageState
from sendit.reidentify import Question, look_up
from sendit.sealing import CrosswalkKey
from sendit.settings import Settings
from sendit.wiring.crosswalk_cloud import check_crosswalk

NOW = datetime(2026, 11, 20, 13, 22, 47, 1, UTC)
KEY, OTHER_KEY = CrosswalkKey(bytes(range(32))), CrosswalkKey(bytes(range(1, 33)))
PATIENT = Entry(Kind.PATIENT, Replaced("P-1", "PAT-1"), Replaced("P-1", "PAT-1"), "HOSPITAL", 17, "k1")

texts = st.text(max_size=64)
pairs = st.builds(Replaced, texts, texts)
entries = st.builds(
    Entry, st.sampled_from(Kind), pairs, pairs, texts, st.integers(1, 365), texts,
    st.none() | pairs, st.none() | pairs, st.none() | pairs,
)  # fmt: skip


@hypothesis.settings(max_examples=40)
@given(entries, texts)
def test_what_is_sealed_comes_back_as_it_was_and_tells_nothing_without_the_key(entry: Entry, batch: str) -> None:
    sealed = KEY.seal(Kept(entry, batch, NOW), None)
    assert KEY.open(sealed) == Kept(entry, batch, NOW)
    assert len(sealed.content) % 256 == 12 + 16  # nonce and tag
    assert sealed.id.startswith(KEY.subject(Asked.for_kind(entry.kind), entry.value.new) + "-")
    with pytest.raises(SenditError) as error:
        OTHER_KEY.open(sealed)
    assert error.value.code is Code.CROSSWALK_DAMAGED


def test_the_same_fact_has_one_id_and_never_the_same_content() -> None:
    one, other = KEY.seal(Kept(PATIENT, "b", NOW), None), KEY.seal(Kept(PATIENT, "b", NOW + timedelta(days=2)), None)
    assert one.id == other.id
    assert one.content != other.content
    assert one.id != OTHER_KEY.seal(Kept(PATIENT, "b", NOW), None).id
    others = (Kept(PATIENT, "b2", NOW), Kept(replace(PATIENT, issuer=""), "b", NOW))
    assert len({one.id, *(KEY.seal(other, None).id for other in others)}) == 3


@pytest.mark.parametrize(
    "change",
    [
        lambda one: replace(one, content=one.content[:-1] + bytes([one.content[-1] ^ 1])),
        lambda one: replace(one, content=bytes(12) + one.content[12:]),
        lambda one: replace(one, content=one.content[:20]),
        lambda one: replace(one, content=b""),
        lambda one: replace(one, id=KEY.seal(Kept(PATIENT, "b2", NOW), None).id),
        lambda one: replace(one, expires_at=NOW),
    ],
)
def test_an_entry_that_was_changed_or_moved_is_never_shown(change: Callable[[Sealed], Sealed]) -> None:
    with pytest.raises(SenditError) as error:
        KEY.open(change(KEY.seal(Kept(PATIENT, "b", NOW), None)))
    assert error.value.code is Code.CROSSWALK_DAMAGED


def test_what_is_logged_by_mistake_shows_no_original() -> None:
    assert "PAT-1" not in f"{PATIENT!r} {Kept(PATIENT, 'b', NOW)!r} {PATIENT.value!r}"
    assert repr(KEY) == f"CrosswalkKey(key_id={KEY.key_id!r})"


def test_a_key_of_another_length_is_none() -> None:
    for length in (0, 31, 33):
        with pytest.raises(ValueError, match="32 bytes"):
            CrosswalkKey(bytes(length))


@dataclass
class Watched:
    """A `CrosswalkStore` in memory, which counts calls, and may be told to fail at one."""

    held: dict[str, Sealed] = field(default_factory=dict)
    asked: list[LookUp] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    failure: BaseException | None = None
    watch: Callable[[], None] = lambda: None

    def keep(self, sealed: Sequence[Sealed]) -> None:
        if self.failure is not None:
            raise self.failure
        self.watch()
        self.sizes.append(len(sealed))
        for one in sealed:
            self.held.setdefault(one.id, one)

    def find(self, subject: str) -> list[Sealed]:
        return [one for name, one in self.held.items() if name.startswith(f"{subject}-")]

    def record(self, lookup: LookUp) -> None:
        if self.failure is not None:
            raise self.failure
        self.asked.append(lookup)

    def lookups(self) -> list[LookUp]:
        return self.asked

    @property
    def entries(self) -> list[Entry]:
        return [KEY.open(one).entry for one in self.held.values()]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()


def crosswalk(store: Watched, days: float | None = None) -> Crosswalk:
    return Crosswalk(store, KEY, KEYS.key_id, lambda: NOW, days)


def kinds(store: Watched) -> dict[Kind, int]:
    return {kind: sum(entry.kind is kind for entry in store.entries) for kind in Kind}


def put(world: World, name: str, number: int, patient: str, accession: str) -> None:
    dataset = objects.ct(number)
    dataset.PatientID, dataset.AccessionNumber = patient, accession
    dataset.StudyInstanceUID = f"1.2.{accession or 9}"
    (world.source / name).write_bytes(objects.to_bytes(dataset))


def test_every_image_that_is_stored_is_there_and_what_many_share_once(world: World) -> None:
    store = Watched()
    for number in range(1, 7):
        put(world, f"{number}.dcm", number, f"PAT-{number % 2}", f"77{number % 2}")
    (world.source / "broken").write_bytes(b"no image")
    assert world.process(crosswalk=crosswalk(store)).counts.stored == 6
    assert kinds(store) == {
        Kind.PATIENT: 2, Kind.ACCESSION: 2, Kind.STUDY: 2, Kind.SERIES: 2, Kind.INSTANCE: 6,
    }  # fmt: skip
    for path in world.outputs:
        patient, study, series, image = path.relative_to(world.out).with_suffix("").parts
        (entry,) = (one for one in store.entries if one.value.new == image)
        assert (entry.patient.new, entry.patient.original[:4]) == (patient, "PAT-")
        assert entry.study is not None
        assert (entry.study.new, KEYS.uid(entry.study.original)) == (study, study)
        assert entry.series is not None
        assert (entry.series.new, KEYS.uid(entry.value.original)) == (series, image)
        assert entry.accession is not None
        assert f"1.2.{entry.accession.original}" == entry.study.original
        assert entry.key_id == KEYS.key_id
    assert all(KEY.open(one).batch_id == world.message.batch_id for one in store.held.values())


def test_without_a_patient_id_the_patient_is_told_with_the_study(world: World) -> None:
    store = Watched()
    put(world, "1.dcm", 1, "", "")
    world.process(crosswalk=crosswalk(store))
    (patient,) = (one for one in store.entries if one.kind is Kind.PATIENT)
    assert (patient.value.original, patient.study) == ("", Replaced(KEYS.uid("1.2.9"), "1.2.9"))
    assert kinds(store)[Kind.ACCESSION] == 0


def test_an_instance_that_is_filed_under_two_patients_is_found_with_both(world: World) -> None:
    store = Watched()
    for patient in ("PAT-1", "PAT-2"):
        put(world, f"{patient}.dcm", 1, patient, "771")
    assert world.process(crosswalk=crosswalk(store)).counts.stored == 2
    for kind in (Kind.INSTANCE, Kind.STUDY, Kind.ACCESSION):
        new = next(one.value.new for one in store.entries if one.kind is kind)
        asked = Asked.for_kind(kind)
        found = look_up(question(asked, new), KEY, store, lambda: NOW)
        assert sorted(one.entry.patient.original for one in found) == ["PAT-1", "PAT-2"]


def test_nothing_is_recorded_as_stored_that_the_crosswalk_lacks(world: World) -> None:
    world.put("a", "b", "c")
    store = Watched(watch=lambda: states.append({image.state for image in world.images.values()}))
    states: list[set[ImageState]] = []
    world.process(crosswalk=crosswalk(store))
    assert states == [{ImageState.NEW}]
    assert {image.state for image in world.images.values()} == {ImageState.DONEPROCESSING}


def test_a_crosswalk_out_of_reach_stops_the_attempt_and_the_next_one_keeps_everything(world: World) -> None:
    store = Watched(failure=TransientError(Code.CROSSWALK_UNAVAILABLE))
    world.put("a", "b")
    with pytest.raises(TransientError) as error:
        world.process(crosswalk=crosswalk(store))
    assert error.value.code is Code.CROSSWALK_UNAVAILABLE
    assert {image.state for image in world.images.values()} == {ImageState.NEW}
    assert (world.batch.state, world.batch.last_failure.code) == (  # type: ignore[union-attr]
        BatchState.PROCESSING, Code.CROSSWALK_UNAVAILABLE,
    )  # fmt: skip
    assert len(world.outputs) == 2
    store.failure = None
    assert world.process(crosswalk=crosswalk(store)).counts.stored == 2
    assert kinds(store)[Kind.INSTANCE] == 2


def test_died_between_the_crosswalk_and_the_record_the_next_attempt_adds_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise Crash

    store = Watched()
    world.put("a", "b")
    with monkeypatch.context() as dying:
        dying.setattr(world.store, "save_outcomes", die)
        with pytest.raises(Crash):
            world.process(crosswalk=crosswalk(store))
    before = dict(store.held)
    assert kinds(store)[Kind.INSTANCE] == 2
    world.now += timedelta(hours=1)
    assert world.process(crosswalk=crosswalk(store)).counts.stored == 2
    assert store.held == before


def test_writes_are_few_and_bounded() -> None:
    store = Watched()
    many = [replace(PATIENT, value=Replaced(f"P-{number}", "")) for number in range(1001)]
    crosswalk(store).keep("b", many)
    assert store.sizes == [400, 400, 201]


def question(asked: Asked = Asked.PATIENT, value: str = "P-1", reason: str = "ethics 12/26") -> Question:
    return Question(asked, value, "broker", reason)


def test_a_look_up_is_recorded_and_says_in_which_batches(caplog: pytest.LogCaptureFixture) -> None:
    store = Watched()
    caplog.set_level("INFO", "sendit")
    crosswalk(store).keep("b1", [PATIENT])
    crosswalk(store).keep("b2", [PATIENT, replace(PATIENT, issuer="")])
    found = look_up(question(), KEY, store, lambda: NOW)
    assert {one.entry: [batch for batch, _ in one.batches] for one in found} == {
        PATIENT: ["b1", "b2"], replace(PATIENT, issuer=""): ["b2"],
    }  # fmt: skip
    assert store.asked == [
        LookUp(NOW, "broker", "ethics 12/26", Asked.PATIENT, KEY.subject(Asked.PATIENT, "P-1"), True)
    ]
    assert "P-1" not in caplog.text
    assert "PAT-1" not in caplog.text
    with pytest.raises(Refused) as error:
        look_up(question(value="P-2"), KEY, store, lambda: NOW)
    assert (error.value.code, store.asked[-1].found) == (Code.NOT_IN_CROSSWALK, False)


def test_what_cannot_be_recorded_is_not_even_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Watched()
    crosswalk(store).keep("b1", [PATIENT])
    store.failure = TransientError(Code.CROSSWALK_UNAVAILABLE)
    monkeypatch.setattr(CrosswalkKey, "open", lambda *_: pytest.fail("it was opened"))
    with pytest.raises(TransientError):
        look_up(question(), KEY, store, lambda: NOW)


def test_what_has_expired_is_not_found_whether_it_is_deleted_or_not() -> None:
    store = Watched()
    crosswalk(store, days=30).keep("b1", [PATIENT])
    end = (NOW + timedelta(days=31)).replace(hour=0, minute=0, second=0, microsecond=0)  # of the thirtieth day
    assert look_up(question(), KEY, store, lambda: end - timedelta(seconds=1))
    with pytest.raises(Refused):
        look_up(question(), KEY, store, lambda: end)
    assert [one.found for one in store.asked] == [True, False]


@pytest.mark.parametrize(
    ("asked", "value"),
    [
        (Asked.UID, ""), (Asked.UID, "2.25.x"), (Asked.UID, "1" * 65), (Asked.UID, "1.2\n"), (Asked.UID, "１.２"),
        (Asked.PATIENT, ""), (Asked.PATIENT, "P" * 65), (Asked.PATIENT, "P\x00"), (Asked.PATIENT, " P"),
        (Asked.ACCESSION, "Ä"), (Asked.ACCESSION, "\udc80"), (Asked.ACCESSION, "A\n"),
    ],
)  # fmt: skip
def test_what_no_output_can_hold_is_refused_and_not_quoted(asked: Asked, value: str) -> None:
    with pytest.raises(UsageError) as error:
        question(asked, value)
    assert error.value.code is Code.BAD_SETTING
    assert not value or value not in error.value.hint


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501, "two\nlines", "bell\a"])
def test_a_reason_is_one_line_that_says_something(reason: str) -> None:
    with pytest.raises(UsageError, match="does not fit"):
        question(reason=reason)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({}, Code.NOT_CONFIGURED),
        (
            {
                "SENDIT_CROSSWALK_KEY_FILE": "/nowhere/key",
                "SENDIT_CROSSWALK_KMS_KEY": "projects/p/locations/l/keyRings/r/cryptoKeys/k",
            },
            Code.BAD_CROSSWALK_KEY,
        ),
    ],
)
def test_a_worker_whose_crosswalk_could_not_be_written_does_not_start(settings: dict[str, str], code: Code) -> None:
    check_crosswalk(Settings.load(settings))
    with pytest.raises(UsageError) as error:
        check_crosswalk(Settings.load({**settings, "SENDIT_CROSSWALK": "on"}))
    assert error.value.code is code


def test_a_file_takes_what_a_batch_has(world: World, tmp_path: Path) -> None:
    world.put("a")
    with closing(SqliteCrosswalk(tmp_path / "crosswalk.sqlite3", NOW)) as store:
        world.process(crosswalk=Crosswalk(store, KEY, KEYS.key_id, lambda: NOW, None))
        image = world.outputs[0].stem
        (found,) = look_up(question(Asked.UID, image), KEY, store, lambda: NOW)
    assert KEYS.uid(found.entry.value.original) == image
