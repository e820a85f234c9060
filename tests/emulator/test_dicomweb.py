"""A real Orthanc gets what was de-identified, whatever comes between."""

import io
import json
import logging
import signal
import subprocess
import sys
import threading
import time
import traceback
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from tests.contract.destinations import Images, fresh_uid, sum_of
from tests.data.deid_objects import EXPLICIT, deidentified, element, instance
from tests.orthanc import PASSWORD, USER, Archive
from tests.tampering import Answered, Asked, Forward, Tamper, Tampering, tampering

from sendit.adapters import dicomweb_link, dicomweb_store
from sendit.adapters.dicomweb_auth import Password
from sendit.adapters.dicomweb_destination import DicomwebDestination, dicomweb_destination
from sendit.address import Address
from sendit.deadline import Deadline
from sendit.destination import Receipt, Sendable
from sendit.errors import Code, DestinationError, TransientError

AT_ONCE = (0.0, 0.0, 0.0)
"""Pauses between tries."""
PLANTED = "Unsaid^Name"
MIB = 1024 * 1024


@pytest.fixture
def images(tmp_path: Path) -> Images:
    return Images(tmp_path / "out")


@pytest.fixture
def proxy(archive: Archive) -> Iterator[Tampering]:
    with tampering(archive.host) as proxy:
        yield proxy


def destination(proxy: Tampering, *, by_content: bool = True, password: str = PASSWORD) -> DicomwebDestination:
    place = f"http://{proxy.host}/dicom-web"
    return DicomwebDestination(place, "archive", Password(USER, password), by_content=by_content, pauses=AT_ONCE)


def sent(proxy: Tampering, images: Images, some: list[Sendable], *, by_content: bool = True) -> list[Code | None]:
    receipts = list(destination(proxy, by_content=by_content).send(some, images.output))
    assert [receipt.image for receipt in receipts] == some
    return [receipt.code for receipt in receipts]


def holds(archive: Archive, images: Images, *some: Sendable) -> bool:
    """Whether these are there byte for byte, each once, and nothing else of their study."""
    return sorted(archive.files(images.study)) == sorted(map(images.data, some))


def first(fault: Callable[[Asked, Forward], Answered | None], method: str = "POST", end: str = "") -> Tamper:
    """The first request of a kind is answered so, all others as they are."""
    lock, left = threading.Lock(), [1]

    def tamper(asked: Asked, forward: Forward) -> Answered | None:
        with lock:
            hit = asked.method == method and asked.path.partition("?")[0].endswith(end) and left and left.pop()
        return fault(asked, forward) if hit else forward(asked)

    return tamper


def always(fault: Callable[[Asked, Forward], Answered | None], method: str = "POST") -> Tamper:
    return lambda asked, forward: fault(asked, forward) if asked.method == method else forward(asked)


def module(answer: Answered) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(answer.body)
    return said


def answered(said: object, status: int = 200) -> Answered:
    return Answered(status, json.dumps(said).encode(), {"Content-Type": "application/dicom+json"})


def failed(answer: Answered, sop: str, *, status: int = 200, reason: int = 0xA700) -> Answered:
    """An answer that says of one instance that it failed."""
    said = module(answer)
    taken = said["00081199"]["Value"]
    (it,) = (item for item in taken if item["00081155"]["Value"] == [sop])
    taken.remove(it)
    said["00081198"]["Value"] = [it | {"00081197": {"vr": "US", "Value": [reason]}}]
    return answered(said, status)


def sop_of(image: Sendable) -> str:
    return Path(image.output).stem


def without(body: bytes, data: bytes) -> bytes:
    """A body with one part fewer."""
    before = body[: body.index(b"\r\n\r\n") + 4]
    return body.replace(before + data, b"")


def test_what_was_deidentified_is_found_and_its_pixels_are_the_same(archive: Archive, tmp_path: Path) -> None:
    images = Images(tmp_path / "out")
    pixels, some = bytes(range(32)), []
    for number in range(3):
        original = instance(
            element(0x00080018, "UI", f"{images.study}.{number}"),
            element(0x0020000D, "UI", images.study),
            element(0x00100010, "PN", PLANTED),
            pixels=pixels,
        )
        report, data = deidentified(original)
        output = f"{report.patient}/{report.study_uid}/{report.series_uid}/{report.sop_instance_uid}.dcm"
        with images.output.create(output) as pending:
            pending.write(data)
            stored = pending.commit()
        some.append(Sendable(output, stored.size, stored.crc32c))
    receipts = dicomweb_destination(Address.parse(archive.address)).send(some, images.output)
    assert [receipt.code for receipt in receipts] == [None] * 3
    shown = archive.shown(report.study_uid)
    assert {one["00080018"]["Value"][0] for one in shown} == set(map(sop_of, some))
    assert {one["00100020"]["Value"][0] for one in shown} == {report.patient}
    assert PLANTED.split("^")[0] not in json.dumps(shown)
    got = archive.retrieved(report.study_uid)
    assert len(got) == 3
    assert all(dcmread(io.BytesIO(one)).PixelData == pixels for one in got)
    assert archive.shown(images.study) == []


def test_of_a_fresh_series_the_server_is_asked_three_times_and_not_for_every_image(
    proxy: Tampering, images: Images, archive: Archive
) -> None:
    some = images.some(100)
    assert sent(proxy, images, some) == [None] * 100
    asked = [f"{one.method} {one.path.partition('?')[0].partition(images.study)[2]}" for one in proxy.asked]
    series = some[0].output.split("/")[2]
    assert asked[0] == f"GET /series/{series}/instances"
    assert asked[1:5] == ["POST "] * 4
    assert asked[5:] == [f"GET /series/{series}", "GET /series"]  # the instances themselves, and how many it shows


def test_what_is_there_is_compared_and_never_posted(proxy: Tampering, images: Images, archive: Archive) -> None:
    some = images.some(3)
    archive.store(images.data(some[0]))
    archive.store(images.other(some[1]))
    assert sent(proxy, images, some, by_content=False) == [None, Code.CONFLICT, None]
    (posted,) = (asked.body for asked in proxy.asked if asked.method == "POST")
    assert [images.data(image) in posted for image in some] == [False, False, True]


KILLED = """
import sys
from pathlib import Path
from sendit.adapters.dicomweb_destination import dicomweb_destination
from sendit.adapters.folder_output import FolderOutput
from sendit.address import Address
from sendit.destination import Sendable
address, root, *images = sys.argv[1:]
some = [Sendable(name, int(size), int(crc)) for name, size, crc in (image.split("|") for image in images)]
list(dicomweb_destination(Address.parse(address)).send(some, FolderOutput(Path(root))))
"""


def test_killed_half_way_and_started_again_nothing_is_doubled(
    proxy: Tampering, images: Images, archive: Archive
) -> None:
    some = images.some(90)
    words = [f"{image.output}|{image.size}|{image.crc32c}" for image in some]
    address = archive.address.replace(archive.host, proxy.host)
    process = subprocess.Popen([sys.executable, "-c", KILLED, address, str(images.root), *words])

    one_by_one = threading.Lock()
    through: list[Answered] = []

    def killed(asked: Asked, forward: Forward) -> Answered | None:
        with one_by_one:
            if not through:
                through.append(forward(asked))
                return through[0]
            process.kill()
            return None

    proxy.tamper = always(killed)
    assert process.wait(60) == -signal.SIGKILL
    assert 0 < len(archive.files(images.study)) <= 32
    proxy.tamper = lambda asked, forward: forward(asked)
    assert sent(proxy, images, some) == [None] * 90
    assert holds(archive, images, *some)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, Code.DESTINATION_REFUSED),
        (403, Code.DESTINATION_REFUSED),
        (302, Code.DESTINATION_UNUSABLE),
        (404, Code.DESTINATION_UNUSABLE),
        (405, Code.DESTINATION_UNUSABLE),
        (415, Code.DESTINATION_UNUSABLE),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_a_person_has_to_mend_is_said_at_once(
    proxy: Tampering, images: Images, method: str, status: int, code: Code
) -> None:
    elsewhere = {"Location": f"http://{proxy.host}/elsewhere"}
    proxy.tamper = always(lambda asked, _: Answered(status, b"<p>nothing</p>", elsewhere), method)
    with pytest.raises(DestinationError) as error:
        sent(proxy, images, images.some(1))
    assert error.value.code is code
    assert proxy.count("POST") == (method == "POST")
    assert not [asked for asked in proxy.asked if "elsewhere" in asked.path]


def test_a_wrong_password_is_refused(proxy: Tampering, images: Images) -> None:
    with pytest.raises(DestinationError) as error:
        list(destination(proxy, password=PASSWORD[1:]).send(images.some(1), images.output))
    assert error.value.code is Code.DESTINATION_REFUSED


def test_a_page_of_something_else_is_no_archive(proxy: Tampering, images: Images) -> None:
    proxy.tamper = lambda *_: Answered(200, b"<html>", {"Content-Type": "text/html"})
    with pytest.raises(DestinationError) as error:
        sent(proxy, images, images.some(1))
    assert error.value.code is Code.DESTINATION_UNUSABLE


def test_a_server_that_knows_no_such_series_may_say_404(proxy: Tampering, images: Images, archive: Archive) -> None:
    proxy.tamper = first(lambda *_: Answered(404), "GET", "/instances")
    some = images.some(2)
    assert sent(proxy, images, some) == [None] * 2


def lost(_: Answered) -> None:
    """The server has done what it was asked."""


FAULTS: dict[str, Callable[[Asked, Forward], Answered | None]] = {
    "507": lambda *_: Answered(507),
    "500": lambda *_: Answered(500, b"stack trace"),
    "429": lambda *_: Answered(429, headers={"Retry-After": "0"}),
    "503 with a date": lambda *_: Answered(503, headers={"Retry-After": "Fri, 27 Nov 2026 00:00:00 GMT"}),
    "reset": lambda *_: None,
    "answer lost": lambda asked, forward: lost(forward(asked)),
    "half an answer": lambda asked, forward: replace(forward(asked), sent=40),
    "no answer in it": lambda asked, forward: Answered(200),
    "done, and nothing said": lambda asked, forward: replace(forward(asked), body=b""),
    "no JSON": lambda *_: Answered(200, b"<html>"),
    "another JSON": lambda *_: answered([1, {"00081199": 7}]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_passes_is_waited_out_and_nothing_is_doubled(
    proxy: Tampering, images: Images, archive: Archive, fault: str
) -> None:
    proxy.tamper = first(FAULTS[fault])
    some = images.some(34)
    assert sent(proxy, images, some) == [None] * 34
    assert holds(archive, images, *some)


@pytest.mark.parametrize("end", ["/instances", "series"])
@pytest.mark.parametrize("fault", ["500", "reset", "half an answer", "no JSON"])
def test_so_is_what_comes_between_while_it_is_looked_at(
    proxy: Tampering, images: Images, archive: Archive, fault: str, end: str
) -> None:
    json_or_not = Answered(200, b"half", {"Content-Type": "application/json"})
    some = images.some(3)
    series = some[0].output.split("/")[2]
    wrong = FAULTS[fault] if fault != "no JSON" else lambda *_: json_or_not
    proxy.tamper = first(wrong, "GET", series if end == "series" else end)
    assert sent(proxy, images, some) == [None] * 3


@pytest.mark.parametrize(("status", "code"), [(507, Code.DESTINATION_FULL), (503, Code.DESTINATION_UNAVAILABLE)])
def test_what_does_not_pass_ends_the_attempt_with_what_is_there_told(
    proxy: Tampering, images: Images, status: int, code: Code
) -> None:
    some = images.some(34)

    def full(asked: Asked, forward: Forward) -> Answered:
        return forward(asked) if images.data(some[0]) in asked.body else Answered(status)

    proxy.tamper = always(full)
    receipts: list[Receipt] = []
    with pytest.raises(TransientError) as error:
        receipts.extend(_told(receipts, destination(proxy), some, images))
    assert error.value.code is code
    assert [receipt.image for receipt in receipts] == some[:32]
    assert {receipt.code for receipt in receipts} == {None}


def _told(receipts: list[Receipt], to: DicomwebDestination, some: list[Sendable], images: Images) -> list[Receipt]:
    for receipt in to.send(some, images.output):
        receipts.append(receipt)  # noqa: PERF402  those before the failure count
    return []


def test_a_server_is_left_alone_as_long_as_it_wants(
    proxy: Tampering, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    proxy.tamper = first(lambda *_: Answered(503, headers={"Retry-After": "7"}))
    assert sent(proxy, images, images.some(1)) == [None]
    assert slept == [7.0]


def stalled(over: threading.Event) -> None:
    """Nothing is answered until the test is over."""
    over.wait(30)


def test_nobody_waits_when_all_arrived_though_no_answer_came(
    proxy: Tampering, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    proxy.tamper = first(FAULTS["answer lost"])
    assert sent(proxy, images, images.some(3)) == [None] * 3
    assert (slept, proxy.count("POST")) == ([], 1)


def test_a_server_that_stands_still_is_asked_again(
    proxy: Tampering, images: Images, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dicomweb_link, "_ANSWER_SECONDS", 0.3)
    over = threading.Event()
    proxy.tamper = first(lambda *_: stalled(over))
    some = images.some(3)
    assert sent(proxy, images, some) == [None] * 3
    over.set()
    assert holds(archive, images, *some)


def test_no_answer_is_awaited_longer_than_the_attempt_has(proxy: Tampering, images: Images) -> None:
    over = threading.Event()
    proxy.tamper = always(lambda *_: stalled(over))
    with pytest.raises(TransientError) as error:
        list(destination(proxy).send(images.some(3), images.output, Deadline.after(1.0)))
    over.set()
    assert error.value.code is Code.DESTINATION_UNAVAILABLE
    assert proxy.count("POST") == 1


@dataclass(frozen=True)
class UntilPosted(Deadline):
    """Near as soon as something was posted."""

    proxy: Tampering

    @property
    def near(self) -> bool:
        return self.proxy.count("POST") > 0


def test_what_is_under_way_when_the_deadline_comes_near_is_verified_and_no_more_is_begun(
    proxy: Tampering, images: Images, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dicomweb_store, "BATCH_IMAGES", 1)
    some = images.some(12)
    receipts = list(destination(proxy).send(some, images.output, UntilPosted(inf, 0.0, proxy)))
    assert {receipt.code for receipt in receipts} == {None}
    assert 1 <= proxy.count("POST") == len(receipts) <= 4
    assert holds(archive, images, *(receipt.image for receipt in receipts))


def test_memory_does_not_grow_with_an_image(images: Images, archive: Archive) -> None:
    to = dicomweb_destination(Address.parse(archive.address))

    def peak(size: int) -> int:
        image = images.add(size=size)
        tracemalloc.start()
        assert [receipt.code for receipt in to.send([image], images.output)] == [None]
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(32 * MIB) < 1.3 * peak(8 * MIB)


@pytest.mark.parametrize("status", [200, 202, 409])
def test_an_instance_that_failed_fails_alone(proxy: Tampering, images: Images, archive: Archive, status: int) -> None:
    some = images.some(3)
    data, sop = images.data(some[1]), sop_of(some[1])

    def refused(asked: Asked, forward: Forward) -> Answered:
        said = module(forward(replace(asked, body=without(asked.body, data))))
        item = {"00081155": {"vr": "UI", "Value": [sop]}, "00081197": {"vr": "US", "Value": [0xA700]}}
        return answered(said | {"00081198": {"vr": "SQ", "Value": [item]}}, status)

    proxy.tamper = always(refused)
    assert sent(proxy, images, some) == [None, Code.INSTANCE_REFUSED, None]
    assert holds(archive, images, some[0], some[2])
    assert proxy.count("POST") == 1


def test_an_instance_that_is_said_to_have_failed_fails_although_it_is_there(proxy: Tampering, images: Images) -> None:
    some = images.some(3)
    proxy.tamper = always(lambda asked, forward: failed(forward(asked), sop_of(some[1])))
    assert sent(proxy, images, some) == [None, Code.INSTANCE_REFUSED, None]
    assert sent(proxy, images, some) == [None] * 3


def test_one_that_was_not_mentioned_is_sent_once_more_alone(proxy: Tampering, images: Images, archive: Archive) -> None:
    some = images.some(3)
    data = images.data(some[1])
    proxy.tamper = first(lambda asked, forward: forward(replace(asked, body=without(asked.body, data))))
    assert sent(proxy, images, some) == [None] * 3
    assert proxy.count("POST") == 2
    assert holds(archive, images, *some)


@pytest.mark.parametrize("said", ["taken", "nothing"])
@pytest.mark.parametrize("by_content", [True, False])
def test_what_the_server_does_not_show_is_not_verified(
    proxy: Tampering, images: Images, said: str, by_content: bool
) -> None:
    some = images.some(2)
    item = {"00081155": {"vr": "UI", "Value": [sop_of(some[0])]}}
    lie = {"00081199": {"vr": "SQ", "Value": [item] if said == "taken" else []}}
    proxy.tamper = always(lambda *_: answered(lie))
    assert sent(proxy, images, some, by_content=by_content) == [Code.DESTINATION_NOT_VERIFIED] * 2
    assert proxy.count("POST") == (2 if said == "taken" else 3)


@pytest.mark.parametrize("status", [400, 413])
def test_a_batch_that_is_refused_as_a_whole_goes_one_by_one(
    proxy: Tampering, images: Images, archive: Archive, status: int
) -> None:
    some = images.some(3)
    bad = images.data(some[2])

    def too_much(asked: Asked, forward: Forward) -> Answered:
        return Answered(status) if bad in asked.body else forward(asked)

    proxy.tamper = always(too_much)
    assert sent(proxy, images, some) == [None, None, Code.INSTANCE_REFUSED]
    assert holds(archive, images, *some[:2])


@pytest.mark.parametrize("by_content", [True, False])
@pytest.mark.parametrize("equal", [True, False])
def test_of_two_senders_at_once_one_finds_the_others_or_a_conflict(
    proxy: Tampering, images: Images, archive: Archive, equal: bool, by_content: bool
) -> None:
    """Orthanc keeps what it has, and answers 200 as if it had taken the other."""
    some = images.some(3)

    def race(asked: Asked, forward: Forward) -> Answered:
        archive.store(images.data(some[1]) if equal else images.other(some[1]))
        return failed(forward(asked), sop_of(some[1]), status=409, reason=0x0111) if not by_content else forward(asked)

    proxy.tamper = first(race)
    assert sent(proxy, images, some, by_content=by_content) == [None, None if equal else Code.CONFLICT, None]


def other_meta(data: bytes) -> bytes:
    dataset = dcmread(io.BytesIO(data))
    dataset.file_meta.ImplementationVersionName = "ARCHIVE"
    dataset.add_new(0x04000561, "SQ", [])
    return saved(dataset)


def other_header(data: bytes) -> bytes:
    dataset = dcmread(io.BytesIO(data))
    dataset.AccessionNumber = "CHANGED"
    return saved(dataset)


def other_pixels(data: bytes) -> bytes:
    return saved(dcmread(io.BytesIO(data)), lambda pixels: pixels[:-1] + b"\1")


def other_syntax(data: bytes) -> bytes:
    return data.replace(element(0x00020010, "UI", EXPLICIT), element(0x00020010, "UI", "1.2.840.10008.1.2.4"))


def saved(dataset: Any, change: Callable[[bytes], bytes] = bytes) -> bytes:
    sink = io.BytesIO()
    if change is not bytes:
        dataset.PixelData = change(dataset.PixelData)
    dataset.save_as(sink, enforce_file_format=False)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (other_meta, None),
        (other_header, Code.CONFLICT),
        (other_pixels, Code.CONFLICT),
        (other_syntax, Code.DESTINATION_NOT_VERIFIED),
    ],
)
def test_a_server_may_add_what_is_its_own_and_change_nothing(
    proxy: Tampering, images: Images, change: Callable[[bytes], bytes], code: Code | None
) -> None:
    some = images.some(3)
    changed = {images.data(image): change(images.data(image)) for image in some}

    def rewritten(asked: Asked, forward: Forward) -> Answered:
        answer = forward(asked)
        body = answer.body
        for data, other in changed.items():
            body = body.replace(data, other)
        return replace(answer, body=body)

    proxy.tamper = always(rewritten, "GET")
    assert sent(proxy, images, some) == [code] * 3
    assert sent(proxy, images, some) == [code] * 3


@pytest.mark.parametrize("most", [2, 1000])
def test_a_server_may_show_as_much_at_a_time_as_it_likes(
    proxy: Tampering, images: Images, archive: Archive, most: int
) -> None:
    """Fewer than it is asked for, or all of them every time."""

    def capped(asked: Asked, forward: Forward) -> Answered:
        capped = asked.path.replace("limit=1000", f"limit={most}")
        return forward(replace(asked, path=capped if most < 1000 else asked.path.partition("?")[0]))

    proxy.tamper = always(capped, "GET")
    some = images.some(5)
    assert sent(proxy, images, some[:3]) == [None] * 3
    assert sent(proxy, images, some) == [None] * 5
    assert holds(archive, images, *some)


def test_studies_and_series_may_be_many(proxy: Tampering, images: Images, archive: Archive) -> None:
    some = sorted((images.add(series=fresh_uid()) for _ in range(20)), key=lambda image: image.output)
    assert sent(proxy, images, some) == [None] * 20
    assert proxy.count("POST") == 1
    assert holds(archive, images, *some)


def test_images_that_keep_the_names_of_their_sources_are_known_by_their_headers(
    proxy: Tampering, images: Images, archive: Archive
) -> None:
    known = images.add()
    (images.root / "some/path").mkdir(parents=True)
    for name, data in (("IM1", images.data(known)), ("IM2", images.data(known)[:-1]), ("IM3", b"no image")):
        (images.root / "some/path" / name).write_bytes(data)
    named, changed = (replace(known, output=f"some/path/{name}") for name in ("IM1", "IM2"))
    none = Sendable("some/path/IM3", *sum_of(b"no image"))
    codes = [None, Code.OUTPUT_DAMAGED, Code.INSTANCE_REFUSED, None]
    assert sent(proxy, images, [named, changed, none, known]) == codes
    assert holds(archive, images, known)


def test_neither_credentials_nor_values_nor_answers_are_told(
    proxy: Tampering, images: Images, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    some = [images.add(name=PLANTED)]
    for fault in (Answered(500, b"Unsaid stack"), Answered(400, b"Unsaid no"), Answered(401, b"Unsaid"), None):
        proxy.tamper = always(lambda *_, fault=fault: fault)
        try:
            sent(proxy, images, some)
        except (TransientError, DestinationError) as error:
            told = "".join(traceback.format_exception(error))
            assert not {word for word in ("Unsaid", PASSWORD, "p%3A", "Basic") if word in told}
    for word in ("Unsaid", PASSWORD, "p%3A", "Basic"):
        assert word not in caplog.text
