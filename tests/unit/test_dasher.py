"""Pseudonyms from a service over real HTTP: what is asked, how often, what is believed, and what is kept."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.memory_world import MemoryStaging
from tests.dasher import Dasher, Fault, dasher, jitter_of, suid_of
from tests.data import objects
from tests.unit.test_process import NAME, World, drained

from sendit.adapters import bearer_http
from sendit.adapters.bearer_http import Reply, post
from sendit.adapters.dasher_client import BearerToken, DasherClient
from sendit.adapters.dasher_identifiers import DasherIdentifiers, Sources
from sendit.answers import Answers, Originals, Piece
from sendit.dasher import Asked, NotAnAnswer, answers_of
from sendit.deadline import ENDLESS, Deadline
from sendit.deid.identity.entity import Entity, Identifiers
from sendit.deid.identity.keys import Keyring
from sendit.errors import BatchError, Code, ImageError, LeaseLost, OutOfTime, SenditError, TransientError, UsageError
from sendit.naming import Naming
from sendit.outcome import Inspected, Outcome, Planned
from sendit.patients import Patients
from sendit.records import BatchState, Counts
from sendit.refs import BatchName, Entry
from sendit.settings import Settings
from sendit.wiring.naming import check_identifiers

KEYS = Keyring(bytes(32))
MRN, ACCESSION = "Stanford MRN", "DCM Accession #"
HERE = Sources({"": MRN, "HOSPITAL": "MRN of H"}, ACCESSION)
Image = tuple[Entity, tuple[str, str]]
Alter = Callable[[Any], Any]


def image(patient: str, accession: str = "", issuer: str = "", days: tuple[str, str] = ("", "")) -> Image:
    return Entity(issuer, patient, "1.2.3", accession), days


@dataclass
class Headers:
    """`ImageWorkers` that only inspect; without an image under a name its header cannot be read."""

    images: dict[str, Image]
    read: list[str] = field(default_factory=list)

    def inspect(
        self, batch: BatchName, entries: Iterable[Entry], deadline: Deadline = ENDLESS
    ) -> Iterator[Inspected | Outcome]:
        for entry in entries:
            if deadline.near:
                return
            self.read.append(entry.name)
            if entry.name in self.images:
                entity, days = self.images[entry.name]
                yield Inspected(entry, entity, ("1.2", "1.3", "1.4"), days=days)
            else:
                yield Outcome.__new__(Outcome)

    def store(self, batch: BatchName, planned: Iterable[Planned], deadline: Deadline = ENDLESS) -> Iterator[Outcome]:
        raise NotImplementedError


@dataclass
class Scene:
    """The service, and one batch that is named again and again."""

    server: Dasher
    token_file: Path
    staging: MemoryStaging = field(default_factory=MemoryStaging)
    pauses: list[float] = field(default_factory=list)
    sources: Sources = HERE
    keys: Keyring = KEYS
    seconds: float = 5.0
    refresh_file: Path | None = None
    headers: Headers = field(default_factory=lambda: Headers({}))

    def named(self, *images: Image, generation: int = 1, **more: Any) -> list[Identifiers | Code]:
        """Who each image becomes, or why it becomes nobody."""
        self.headers = Headers({f"{number:05}": one for number, one in enumerate(images)})
        names = [Entry(name, 1, 1) for name in self.headers.images]
        identify = self.service.of_batch(self.patients(names, generation, **more))
        return [who(identify, entity) for entity, _ in images]

    def patients(self, entries: list[Entry], generation: int = 1, **more: Any) -> Patients:
        batch = {"batch_id": "id", "generation": generation, "kept": self.staging, **more}
        return Patients(self.headers, BatchName.parse("ST-1"), entries, 10**9, **batch)

    @property
    def service(self) -> DasherIdentifiers:
        oauth = f"{self.server.address}/oauth"
        token = BearerToken(self.token_file, self.refresh_file, oauth, self.seconds)
        address = f"{self.server.address}/LUNG-2026"
        return DasherIdentifiers(
            DasherClient(address, token, self.seconds, self.pauses.append), self.keys, self.sources
        )


def who(identify: Callable[[Entity], Identifiers], entity: Entity) -> Identifiers | Code:
    try:
        return identify(entity)
    except ImageError as error:
        return error.code


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    (tmp_path / "token").write_text("token-1\n")
    with dasher() as server:
        yield Scene(server, tmp_path / "token")


def coded(patient: str, accession: str = "", source: str = MRN) -> Identifiers:
    item = suid_of(ACCESSION, accession) if accession else ""
    return Identifiers(suid_of(source, patient), item, -jitter_of(source, patient))


# what is asked


def test_a_request_is_as_the_service_expects_it(scene: Scene) -> None:
    found = scene.named(
        image("P-1", "A-1", days=("19610727", "20100204")),
        image("P-1", "A-2", days=("19610727", "20230229")),
        image("P-2", "A-3", "HOSPITAL", days=("", "99991231")),
        image("P-2"),
    )
    assert found == [coded("P-1", "A-1"), coded("P-1", "A-2"), coded("P-2", "A-3", "MRN of H"), coded("P-2")]
    assert scene.server.seen == [("/LUNG-2026", "token-1")]
    assert scene.server.asked == [
        {
            "identifiers": [
                {"id": "P-2", "id_source": "MRN of H", "items": [{"id": "A-3", "id_source": ACCESSION}]},
                {
                    "id": "P-1", "id_source": MRN, "id_timestamp": "1961-07-27T00:00:00Z",
                    "items": [
                        {"id": "A-1", "id_source": ACCESSION, "id_timestamp": "2010-02-04T00:00:00Z"},
                        {"id": "A-2", "id_source": ACCESSION},
                    ],
                },
                {"id": "P-2", "id_source": MRN, "items": []},
            ]
        }
    ]  # fmt: skip


@pytest.mark.parametrize(("items", "requests"), [(949, [949]), (950, [950]), (951, [950, 1]), (1900, [950, 950])])
def test_items_go_in_chunks_and_a_patient_goes_on_in_the_next_request(
    scene: Scene, items: int, requests: list[int]
) -> None:
    images = [image("P-1", f"A-{number}") for number in range(items)]
    assert scene.named(*images) == [coded("P-1", f"A-{number}") for number in range(items)]
    assert scene.server.items == requests
    assert len(set(scene.server.ids)) == items + 1


def test_small_patients_share_a_request(scene: Scene) -> None:
    images = [image(f"P-{number % 470}", f"A-{number}") for number in range(940)] + [image("P-X"), image("P-Y")]
    assert Code.BAD_PSEUDONYM not in scene.named(*images)
    assert scene.server.items == [940]


@pytest.mark.parametrize("patient", ["P-1", "P-2"])
def test_dates_move_by_the_services_jitter_either_way(scene: Scene, patient: str) -> None:
    jitter = {"P-1": 17, "P-2": -365}[patient]

    def alter(answer: Any) -> Any:
        answer["results"][0]["jitter"] = jitter
        return answer

    scene.server.alter = alter
    (found,) = scene.named(image(patient))
    assert isinstance(found, Identifiers)
    assert found.shift_days == -jitter


def test_an_image_without_a_patient_id_or_of_an_unknown_issuer_is_refused(scene: Scene) -> None:
    found = scene.named(image("", "A-1"), image("P-1", "A-2", "ELSEWHERE"), image("P-1", "A-3"))
    assert found == [Code.NO_PATIENT_ID, Code.UNKNOWN_ISSUER, coded("P-1", "A-3")]
    assert scene.server.ids == ["P-1", "A-3"]
    scene.sources = Sources({"*": "MRN of all"}, ACCESSION)
    found = scene.named(image("P-1", "A-2", "ELSEWHERE"), image("P-1", "A-3"), generation=2)
    assert found == [coded("P-1", "A-2", "MRN of all"), Code.UNKNOWN_ISSUER]


# what is kept


def test_nothing_is_asked_twice(scene: Scene) -> None:
    one, other = image("P-1", "A-1"), image("P-2", "A-2")
    first = scene.named(one, other)
    assert scene.named(one, other) == first
    assert scene.headers.read == []  # nor is it looked for
    assert scene.named(one, other, generation=2) == first
    assert scene.headers.read == ["00000", "00001"]
    assert len(scene.server.asked) == 1
    assert scene.named(one, other, image("P-2", "A-3"), image("P-3"), generation=3)[2:] == [
        coded("P-2", "A-3"), coded("P-3"),
    ]  # fmt: skip
    assert scene.server.ids[4:] == ["P-2", "A-3", "P-3"]


def test_what_could_not_be_used_is_asked_again_for_a_new_generation_alone(scene: Scene) -> None:
    scene.server.alter = lambda answer: {"results": []}
    assert scene.named(image("P-1", "A-1")) == [Code.BAD_PSEUDONYM]
    scene.server.alter = lambda answer: answer
    assert scene.named(image("P-1", "A-1")) == [Code.BAD_PSEUDONYM]
    assert scene.named(image("P-1", "A-1"), generation=2) == [coded("P-1", "A-1")]
    assert len(scene.server.asked) == 2


def test_what_is_kept_can_be_opened_with_the_key_alone_and_names_nobody(scene: Scene) -> None:
    scene.named(image("CANARY-1", "CANARY-2", days=("19610727", "20100204")))
    (data,) = scene.staging.answers("id")
    piece = Piece.opened(data, KEYS, "id")
    assert [answer.suid for answer in piece.answers] == [suid_of(MRN, "CANARY-1"), suid_of(ACCESSION, "CANARY-2")]
    for text in (data, repr(piece).encode()):
        assert not any(canary in text for canary in (b"CANARY", b"canary", b"1961", b"2010-02", b"MRN"))
    assert suid_of(MRN, "CANARY-1").encode() not in data
    for keys, batch in ((Keyring(bytes(range(32))), "id"), (KEYS, "id2"), (KEYS.of_study("S"), "id")):
        with pytest.raises(ValueError, match="cannot be opened"):
            Piece.opened(data, keys, batch)


@pytest.mark.parametrize(
    "damaged", [lambda data: data[:-1], lambda data: b"", lambda data: data[:20] + bytes([data[20] ^ 1]) + data[21:]]
)
def test_damaged_answers_are_asked_anew_and_told(
    scene: Scene, caplog: pytest.LogCaptureFixture, damaged: Callable[[bytes], bytes]
) -> None:
    first = scene.named(image("P-1", "A-1"))
    scene.staging.sealed["id"] = [damaged(data) for data in scene.staging.sealed["id"]]
    with caplog.at_level("WARNING", "sendit"):
        assert scene.named(image("P-1", "A-1")) == first
    assert "it is asked anew" in caplog.text
    assert len(scene.server.asked) == 2


def test_two_workers_at_once_do_not_disturb_each_other(scene: Scene) -> None:
    scene.headers = Headers({"a": image("P-1", "A-1")})
    entries = [Entry("a", 1, 1)]
    late = scene.patients(entries)
    (theirs,) = scene.named(image("P-1", "A-1"))
    late_pieces = Scene(scene.server, scene.token_file, headers=scene.headers).service.of_batch(late)
    assert late_pieces(image("P-1", "A-1")[0]) == theirs
    assert scene.named(image("P-1", "A-1")) == [theirs]


def test_answers_that_contradict_each_other_are_no_guess(scene: Scene) -> None:
    assert scene.named(image("P-1", "A-1"), image("P-2", "A-9")) == [coded("P-1", "A-1"), coded("P-2", "A-9")]

    def alter(answer: Any) -> Any:
        answer["results"][0]["suid"] = "other"
        return answer

    scene.server.alter = alter
    found = scene.named(image("P-1", "A-1"), image("P-1", "A-2"), image("P-2", "A-9"), generation=2)
    assert found == [Code.BAD_PSEUDONYM, Code.BAD_PSEUDONYM, coded("P-2", "A-9")]


def test_what_two_requests_contradict_each_other_in_is_asked_anew_for_a_new_generation(scene: Scene) -> None:
    images = [image("P-1", f"A-{number}") for number in range(951)]

    def alter(answer: Any) -> Any:
        if len(scene.server.asked) == 2:
            answer["results"][0]["jitter"] += 1
            answer["results"][0]["items"][0]["jitter"] += 1
        return answer

    scene.server.alter = alter
    assert set(scene.named(*images)) == {Code.BAD_PSEUDONYM}
    assert set(scene.named(*images)) == {Code.BAD_PSEUDONYM}
    assert len(scene.server.asked) == 2
    assert scene.named(*images, generation=2)[0] == coded("P-1", "A-0")
    assert len(scene.server.asked) == 3


def test_a_pseudonym_that_turns_out_to_be_an_id_later_is_asked_for_anew(scene: Scene) -> None:
    first = [image("P-1", f"A-{number}") for number in range(950)]
    spoilt: list[object] = []

    def alter(answer: Any) -> Any:
        if not spoilt:
            spoilt.append(answer)
            answer["results"][0]["suid"] = "P-2"
        return answer

    scene.server.alter = alter
    found = scene.named(*first, image("P-2", "A-x"))
    assert (set(found[:-1]), found[-1]) == ({Code.BAD_PSEUDONYM}, coded("P-2", "A-x"))
    again = scene.named(*first, image("P-2", "A-x"), generation=2)
    assert (again[0], again[-1]) == (coded("P-1", "A-0"), coded("P-2", "A-x"))


def test_what_was_answered_before_the_service_failed_is_not_asked_again(scene: Scene) -> None:
    images = [image("P-1", f"A-{number}") for number in range(1900)]

    def answer_once(answer: Any) -> Any:
        scene.server.always = Fault(500)
        return answer

    scene.server.alter = answer_once
    assert failure(scene, *images) == (TransientError, Code.IDENTIFIERS_UNAVAILABLE)
    scene.server.always, scene.server.alter = None, lambda answer: answer
    assert Code.BAD_PSEUDONYM not in scene.named(*images)
    assert scene.server.items == [950, 950]
    assert len(set(scene.server.ids)) == 1901


# when the time is up


class Steps(Deadline):
    """A budget in images that are begun."""

    @property
    def near(self) -> bool:
        object.__setattr__(self, "budget", self.budget - 1)
        return self.budget < 0

    def left(self, more: float = 0.0) -> float | None:
        del more
        return None


def test_a_pass_that_is_cut_short_goes_on_where_it_was_and_asks_nothing_twice(scene: Scene) -> None:
    images = [image(f"P-{number % 7}", f"A-{number}") for number in range(300)]
    begun: list[str] = []
    for _ in range(20):
        try:
            found = scene.named(*images, deadline=Steps(70, 0.0))
        except OutOfTime:
            assert set(scene.server.ids) >= {images[int(name)][0].accession for name in scene.headers.read}
            begun += scene.headers.read
        else:
            break
    assert found == [coded(entity.patient_id, entity.accession) for entity, _ in images]
    assert len(begun) < 2 * len(images)
    accessions = [text for text in scene.server.ids if text.startswith("A-")]
    assert len(accessions) == len(set(accessions)) == len(images)


def test_only_images_without_an_outcome_are_looked_at_and_only_while_the_batch_is_ours(scene: Scene) -> None:
    images = [image("P-1", "A-1"), image("P-2", "A-2")]
    scene.named(*images, unsettled=lambda entry: entry.name == "00001")
    assert scene.headers.read == ["00001"]

    def lost() -> None:
        raise LeaseLost

    with pytest.raises(LeaseLost):
        scene.named(image("P-3"), generation=2, check=lost)
    assert "P-3" not in scene.server.ids


def test_an_image_that_can_be_read_only_later_is_asked_for_then(scene: Scene) -> None:
    identify = scene.service.of_batch(scene.patients([Entry("unreadable", 1, 1)]))
    assert scene.server.asked == []
    assert [identify(image("P-1", "A-1")[0]) for _ in range(3)] == [coded("P-1", "A-1")] * 3
    assert len(scene.server.asked) == 1


def test_an_attempt_whose_time_is_up_in_the_pass_hands_the_batch_on(scene: Scene, tmp_path: Path) -> None:
    world = World(tmp_path)
    world.put("a", "b", "c")
    scene.sources = Sources({"*": MRN, "": MRN}, ACCESSION)
    naming = Naming(scene.service, KEYS.uid, world.clock)
    paused = world.process(naming=naming, budget=1e-9)
    assert (paused.state, paused.counts) == (BatchState.PROCESSING, Counts(found=3))
    assert world.batch.lease is None
    (message,) = drained(world.queue)
    assert message == world.message
    assert scene.server.asked == []
    assert world.process(naming=naming).counts == Counts(found=3, stored=3)
    assert len(scene.server.asked) == 1
    assert {path.relative_to(world.out).parts[0] for path in world.outputs} <= {
        suid_of(MRN, entity["id"]) for entity in scene.server.asked[0]["identifiers"]
    }
    assert [path.suffix for path in (tmp_path / "manifests").rglob("*.sealed")] == [".sealed"]


# what goes wrong on the way


def test_what_passes_is_waited_for_longer_and_longer(scene: Scene) -> None:
    scene.server.faults.extend([Fault(500), Fault(503), Fault(200, body=b"<html>"), Fault(200, body=b"{", cut=9)])
    assert scene.named(image("P-1")) == [coded("P-1")]
    assert len(scene.pauses) == 4
    assert all(most / 2 <= pause <= most for pause, most in zip(scene.pauses, (0.5, 1, 2, 4), strict=True))


def test_the_service_says_how_long_to_wait(scene: Scene) -> None:
    scene.server.faults.append(Fault(429, {"Retry-After": "3"}))
    assert scene.named(image("P-1")) == [coded("P-1")]
    assert scene.pauses == [3.0]
    scene.server.faults.append(Fault(429, {"Retry-After": "9999"}))
    assert failure(scene, image("P-2")) == (TransientError, Code.IDENTIFIERS_UNAVAILABLE)
    assert scene.pauses == [3.0]


def failure(scene: Scene, *images: Image) -> tuple[type[SenditError], Code]:
    with pytest.raises(SenditError) as error:
        scene.named(*images)
    shown = f"{error.value!r} {error.value.__cause__!r} {error.value.__suppress_context__}"
    assert not any(entity.patient_id in shown for entity, _ in images)
    return type(error.value), error.value.code


@pytest.mark.parametrize(
    "fault",
    [
        Fault(500),
        Fault(429),
        Fault(200, body=b"no JSON"),
        Fault(200, body=b'{"results": [', cut=1000),
        Fault(200, body=b"[" * 100_000),
        Fault(),
    ],
)
def test_a_service_that_does_not_answer_is_left_alone_after_a_few_tries(scene: Scene, fault: Fault) -> None:
    scene.server.always = fault
    scene.seconds = 0.05 if fault.status is None else scene.seconds
    assert failure(scene, image("CANARY")) == (TransientError, Code.IDENTIFIERS_UNAVAILABLE)
    assert 2 <= len(scene.server.seen) <= 6
    scene.server.always = None
    scene.seconds = 5
    assert scene.named(image("CANARY")) == [coded("CANARY")]


def test_a_service_that_is_not_there_is_unavailable(scene: Scene) -> None:
    scene.server.address = "http://127.0.0.1:1"
    assert failure(scene, image("CANARY")) == (TransientError, Code.IDENTIFIERS_UNAVAILABLE)


def test_nothing_is_tried_when_the_time_is_up(scene: Scene) -> None:
    with pytest.raises(TransientError):
        scene.named(image("P-1"), deadline=Expired(0.0, 0.0))
    assert scene.server.seen == []


class Expired(Deadline):
    """Its time is up, and it does not say that it is near."""

    @property
    def near(self) -> bool:
        return False


@pytest.mark.parametrize("status", [302, 307, 400, 403, 404, 413])
def test_a_request_that_is_not_taken_ends_the_batch(scene: Scene, status: int) -> None:
    elsewhere = {"Location": f"{scene.server.address}/elsewhere"}
    scene.server.always = Fault(status, elsewhere, b"CANARY")
    assert failure(scene, image("CANARY")) == (BatchError, Code.IDENTIFIERS_REFUSED)
    assert len(scene.server.seen) == 1


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"results": {}}', b'{"results": null}', b"7", b'"results"'])
def test_an_answer_in_no_protocol_ends_the_batch(scene: Scene, body: bytes) -> None:
    scene.server.always = Fault(200, body=body)
    assert failure(scene, image("CANARY")) == (BatchError, Code.BAD_IDENTIFIERS)


def test_an_answer_without_end_is_not_read_to_its_end(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bearer_http, "LARGEST", 100)
    assert failure(scene, *(image(f"P-{number}") for number in range(10))) == (BatchError, Code.BAD_IDENTIFIERS)


# the token


def test_a_run_does_not_begin_without_a_token(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"IDENTIFIERS": "dasher", "STUDY": "S", "DASHER_URL": "https://host", "DASHER_TOKEN_FILE": "token"}
    monkeypatch.chdir(scene.token_file.parent)
    check_identifiers(Settings.load({f"SENDIT_{name}": value for name, value in settings.items()}))
    scene.token_file.unlink()
    with pytest.raises(UsageError) as error:
        check_identifiers(Settings.load({f"SENDIT_{name}": value for name, value in settings.items()}))
    assert "SENDIT_DASHER_TOKEN_FILE" in error.value.hint


def test_a_token_that_expired_is_read_anew(scene: Scene) -> None:
    service = scene.service
    identify = service.of_batch(scene.patients([]))
    assert identify(image("P-1")[0]) == coded("P-1")
    scene.server.tokens = {"token-2"}
    scene.token_file.write_text("token-2")
    assert identify(image("P-2")[0]) == coded("P-2")
    assert [token for _, token in scene.server.seen] == ["token-1", "token-1", "token-2"]


def test_a_refresh_token_gives_the_next_ones(scene: Scene) -> None:
    scene.refresh_file = scene.token_file.with_name("refresh")
    scene.refresh_file.write_text("R1\n")
    scene.server.granted = {"R1": {"access_token": "token-2", "refresh_token": "R2"}, "R2": {"access_token": "token-3"}}
    identify = scene.service.of_batch(scene.patients([]))
    for number in (1, 2, 3):
        scene.server.tokens = {f"token-{number}"}
        assert identify(image(f"P-{number}")[0]) == coded(f"P-{number}")
    assert [path for path, _ in scene.server.seen].count("/oauth") == 2
    assert scene.token_file.read_text() == "token-1\n"


@pytest.mark.parametrize(
    ("granted", "code"),
    [
        ({}, Code.IDENTIFIERS_FORBIDDEN),
        ({"R1": {"access_token": "also-expired"}}, Code.IDENTIFIERS_FORBIDDEN),
        ({"R1": {"access_token": "two words"}}, Code.IDENTIFIERS_UNAVAILABLE),
        ({"R1": {"token": "x"}}, Code.IDENTIFIERS_UNAVAILABLE),
    ],
)
def test_without_a_token_that_is_taken_it_is_forbidden(scene: Scene, granted: Any, code: Code) -> None:
    scene.server.tokens, scene.server.granted = set(), granted
    assert failure(scene, image("P-1")) == (TransientError, Code.IDENTIFIERS_FORBIDDEN)
    assert len(scene.server.seen) == 1  # the file says the same
    scene.refresh_file = scene.token_file.with_name("refresh")
    scene.refresh_file.write_text("R1")
    assert failure(scene, image("P-1")) == (TransientError, code)


@pytest.mark.parametrize("content", [b"", b"two words", b"line\r\nHost: x", b"\xff", None])
def test_a_file_that_holds_no_token_is_never_sent(scene: Scene, content: bytes | None) -> None:
    scene.token_file.unlink() if content is None else scene.token_file.write_bytes(content)
    assert failure(scene, image("P-1")) == (TransientError, Code.IDENTIFIERS_FORBIDDEN)
    assert scene.server.seen == []


# what is believed


def first(answer: Any) -> Any:
    return next(row for row in answer["results"] if row["id"] == "P-1")


def entity_gets(**changes: object) -> Alter:
    def alter(answer: Any) -> Any:
        first(answer).update(changes)
        return answer

    return alter


def item_gets(**changes: object) -> Alter:
    def alter(answer: Any) -> Any:
        first(answer)["items"][0].update(changes)
        return answer

    return alter


def doubled(answer: Any) -> Any:
    return {"results": [*answer["results"], first(answer)]}


def left_out(answer: Any) -> Any:
    return {"results": [row for row in answer["results"] if row["id"] != "P-1"]}


def item_doubled(answer: Any) -> Any:
    first(answer)["items"].append(first(answer)["items"][0])
    return answer


def item_left_out(answer: Any) -> Any:
    del first(answer)["items"][0]
    return answer


def without(key: str) -> Alter:
    def alter(answer: Any) -> Any:
        del first(answer)[key]
        return answer

    return alter


BAD_PATIENTS: dict[str, Alter] = {
    "missing": left_out,
    "double": doubled,
    "no suid": without("suid"),
    "no id": without("id"),
    "no id_source": without("id_source"),
    "no jitter": without("jitter"),
    "of another source": entity_gets(id_source="MRN"),
    "id as a number": entity_gets(id=1),
    "empty": entity_gets(suid=""),
    "long": entity_gets(suid="x" * 65),
    "number": entity_gets(suid=4711),
    "hostile": entity_gets(suid="../x"),
    "name": entity_gets(suid="DOE^JOHN"),
    "line": entity_gets(suid="x\n"),
    "not ASCII": entity_gets(suid="é"),
    "its own id": entity_gets(suid="p-1"),
    "another's id": entity_gets(suid="P-2"),
    "an accession": entity_gets(suid="a-3"),
    "jitter 0": entity_gets(jitter=0, jittered_timestamp="1961-07-27T00:00:00Z"),
    "jitter of a year": entity_gets(jitter=366, jittered_timestamp=None),
    "jitter of half a day": entity_gets(jitter=1.5, jittered_timestamp=None),
    "jitter as text": entity_gets(jitter="3", jittered_timestamp=None),
    "jitter true": entity_gets(jitter=True, jittered_timestamp="1961-07-28T00:00:00Z"),
    "jitter nan": entity_gets(jitter=float("nan")),
    "disagrees": entity_gets(jittered_timestamp="1961-07-27T00:00:00Z"),
    "no day": entity_gets(jittered_timestamp="soon"),
    "day as a number": entity_gets(jittered_timestamp=0),
}
BAD_ITEMS: dict[str, Alter] = {
    "missing": item_left_out,
    "double": item_doubled,
    "no suid": item_gets(suid=None),
    "long": item_gets(suid="x" * 17),
    "hostile": item_gets(suid="a/b"),
    "its own number": item_gets(suid="a-1"),
    "a patient": item_gets(suid="P-2"),
    "another's jitter": item_gets(jitter=11, jittered_timestamp=None),
    "disagrees": item_gets(jittered_timestamp="2010-02-04T00:00:00Z"),
    "unasked": item_gets(id="A-77"),
}
SEVERAL = (
    image("P-1", "A-1", days=("19610727", "20100204")),
    image("P-1", "A-2"),
    image("P-2", "A-3"),
)  # fmt: skip


@pytest.mark.parametrize("wrong", BAD_PATIENTS)
def test_what_is_wrong_with_a_patient_is_the_error_of_its_images(scene: Scene, wrong: str) -> None:
    scene.server.alter = BAD_PATIENTS[wrong]
    assert scene.named(*SEVERAL) == [Code.BAD_PSEUDONYM, Code.BAD_PSEUDONYM, coded("P-2", "A-3")]


@pytest.mark.parametrize("wrong", BAD_ITEMS)
def test_what_is_wrong_with_an_accession_is_the_error_of_its_images(scene: Scene, wrong: str) -> None:
    scene.server.alter = BAD_ITEMS[wrong]
    assert scene.named(*SEVERAL) == [Code.BAD_PSEUDONYM, coded("P-1", "A-2"), coded("P-2", "A-3")]


def test_originals_that_share_a_pseudonym_are_all_refused(scene: Scene) -> None:
    scene.server.alter = entity_gets(suid=suid_of(MRN, "P-2").upper())
    assert scene.named(*SEVERAL, image("P-3")) == [Code.BAD_PSEUDONYM] * 3 + [coded("P-3")]
    scene.server.alter = lambda answer: answer
    assert scene.named(*SEVERAL, generation=2) == [coded("P-1", "A-1"), coded("P-1", "A-2"), coded("P-2", "A-3")]


def test_accessions_that_share_a_pseudonym_are_both_refused(scene: Scene) -> None:
    scene.server.alter = item_gets(suid=suid_of(ACCESSION, "A-2"))
    assert scene.named(*SEVERAL) == [Code.BAD_PSEUDONYM, Code.BAD_PSEUDONYM, coded("P-2", "A-3")]
    scene.server.alter = lambda answer: answer
    scene.named(*SEVERAL, generation=2)
    assert scene.server.ids[5:] == ["P-1", "A-1", "A-2"]  # all else is known


def test_one_accession_of_two_patients_is_one_original(scene: Scene) -> None:
    assert scene.named(image("P-1", "A-1"), image("P-2", "A-1")) == [coded("P-1", "A-1"), coded("P-2", "A-1")]


def test_what_nobody_asked_for_is_not_looked_at(scene: Scene) -> None:
    scene.server.alter = lambda answer: {"results": [7, None, {"id": "P-9"}, *answer["results"]], "more": 1}
    assert scene.named(image("P-1")) == [coded("P-1")]


ASKED = [Asked(MRN, "P-1", "19610727", (("A-1", ""), ("A-2", "20100204")))]
WORDS = st.sampled_from(
    ["results", "id", "id_source", "suid", "jitter", "jittered_timestamp", "items", "P-1", "A-1", MRN]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


@given(ANYTHING | ANYTHING.map(lambda row: {"results": [row]}))
def test_whatever_is_answered_is_understood_or_refused(body: object) -> None:
    try:
        (found,) = answers_of(body, ASKED, ACCESSION)
    except NotAnAnswer:
        return
    assert set(found.items) == {"A-1", "A-2"}
    for suid, longest in ((found.suid, 64), *((suid, 16) for suid in found.items.values())):
        assert len(suid) <= longest
        assert all(character.isascii() and (character.isalnum() or character in "-_") for character in suid)
    assert bool(found.suid) == (1 <= abs(found.jitter) <= 365)


@given(st.dictionaries(st.sampled_from("abcde"), st.sampled_from(["a", "A", "B", "x", "X", "y", "z", ""]), min_size=1))
def test_a_pseudonym_has_one_original_and_is_none(suids: dict[str, str]) -> None:
    answers = Answers(Originals(KEYS))
    asked = {one: answers.originals.patient(MRN, one, suid, 1 if suid else 0) for one, suid in suids.items()}
    answers.add(asked.values())
    taken = [suid.casefold() for suid in suids.values()]
    for one, suid in suids.items():
        fine = suid and taken.count(suid.casefold()) == 1 and suid.casefold() not in suids
        try:
            assert (answers.of(asked[one]).suid, fine) == (suid, True)
        except ImageError as error:
            assert (error.code, bool(fine)) == (Code.BAD_PSEUDONYM, False)


def test_tokens_of_originals_cannot_be_made_alike_by_moving_text_between_their_parts() -> None:
    originals = Originals(KEYS)
    made = [
        originals.accession(*parts) for parts in (("a", "b", "c"), ("ab", "", "c"), ("a", "bc", ""), ("", "ab", "c"))
    ]
    assert len({one.key for one in made}) == 4
    assert originals.text("Doe") == originals.text("dOE")
    assert json.dumps([one.original for one in made]).count(made[0].original) == 3


@pytest.mark.parametrize(
    ("birth", "study", "days"),
    [("19610727", "20100204", ("19610727", "20100204")), ("1961", "2010.02.04", ("", "")), (None, "", ("", ""))],
)
def test_days_are_what_the_header_says_in_eight_digits(
    tmp_path: Path, birth: str | None, study: str, days: tuple[str, str]
) -> None:
    world, dataset = World(tmp_path), objects.ct(1)
    dataset.add_new("PatientBirthDate", "LO", birth or "")  # of a VR that pydicom does not look into
    dataset.add_new("StudyDate", "LO", study)
    if birth is None:
        del dataset.PatientBirthDate
    (world.source / "a").write_bytes(objects.to_bytes(dataset))
    (entry,) = world.staging.list(NAME)
    found = world.pipeline.inspect(NAME, entry)
    assert isinstance(found, Inspected)
    assert found.days == days


def test_a_header_that_comes_byte_by_byte_is_not_awaited_for_ever() -> None:
    ended = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            while not ended.wait(0.02):
                connection.sendall(b"H")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        try:
            assert post(f"http://127.0.0.1:{listener.getsockname()[1]}/", body={}, seconds=0.3) == Reply(0)
        finally:
            ended.set()
            thread.join()
