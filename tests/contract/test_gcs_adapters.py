"""What is Cloud Storage's own in the adapters: generations, placeholders, large objects, verification, refusals."""

import gzip
import json
import os
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import google.cloud.storage as storage
import google_crc32c
import pytest
import requests
from tests.contract.buckets import TestBucket, unreachable_client

from sendit.adapters import gcs_client, gcs_reading
from sendit.adapters.folder_staging import FolderStaging
from sendit.adapters.gcs_client import is_emulated, session_of, storage_client
from sendit.adapters.gcs_output import GcsOutput
from sendit.adapters.gcs_resumable import PIECE_BYTES
from sendit.adapters.gcs_staging import GcsStaging
from sendit.adapters.kept_staging import KeptStaging
from sendit.errors import Code, ImageError, TransientError
from sendit.ports import Stat
from sendit.refs import BatchName, Entry, GcsPlace

BATCH = BatchName.parse("1_6/ST-000001")
NAME = "P-1/2.25.1/2.25.2/2.25.3.dcm"
MIB = 1024 * 1024


@pytest.fixture
def made(request: pytest.FixtureRequest) -> TestBucket:
    return TestBucket.make(request)


@pytest.fixture
def staging(made: TestBucket) -> GcsStaging:
    return GcsStaging(made.client, made.place)


@pytest.fixture
def streaming(made: TestBucket, monkeypatch: pytest.MonkeyPatch) -> GcsStaging:
    """Reads nothing whole, and 1 KiB at a time."""
    monkeypatch.setattr(gcs_reading, "RANGE_BYTES", 1024)
    return GcsStaging(made.client, made.place, stream_above=0)


@pytest.fixture
def output(made: TestBucket) -> GcsOutput:
    return GcsOutput(made.client, made.place)


def staged(made: TestBucket, staging: GcsStaging, data: bytes, name: str = "a") -> Entry:
    made.put(f"incoming/{BATCH}/{name}", data)
    return next(entry for entry in staging.list(BATCH) if entry.name == name)


def requests_of(client: storage.Client) -> list[tuple[str, str]]:
    """Every request from here on, as method and address."""
    seen: list[tuple[str, str]] = []
    session_of(client).hooks["response"].append(
        lambda response, *_, **__: seen.append((response.request.method or "", response.request.url or ""))
    )
    return seen


class Faulty(BaseHTTPRequestHandler):
    """Stands before nothing: answers every request as `answer` says."""

    protocol_version = "HTTP/1.1"
    status = 403
    seen = 0

    def _answer(self) -> None:
        type(self).seen += 1
        self.rfile.read(int(self.headers.get("content-length", 0)))
        message = "DOE^JOHN does not have storage.objects.get access"
        body = json.dumps({"error": {"code": self.status, "message": message}}).encode()
        self.send_response(self.status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = _answer

    def log_message(self, format: str, *args: object) -> None:
        del format, args


class Particular(Faulty):
    """Refuses all but the objects that are `open`, which hold `data`."""

    open: tuple[str, ...] = ()

    def do_GET(self) -> None:
        if not any(f"%2F{name}" in self.path or f"/{name}?" in self.path for name in self.open):
            self._answer()
            return
        self.send_response(200)
        self.send_header("content-length", "4")
        self.end_headers()
        self.wfile.write(b"data")


class Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news."""


@pytest.fixture(params=[Faulty])
def refusing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[storage.Client]:
    server = Server(("127.0.0.1", 0), request.param)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{server.server_port}")
    client = storage_client("test-project")
    yield client
    client.close()
    server.shutdown()
    server.server_close()


def test_an_emulator_that_does_not_answer_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"127.0.0.1:{unused.getsockname()[1]}")
        started = time.monotonic()
        with pytest.raises(TransientError) as error:
            storage_client("test-project")
    assert error.value.code is Code.STAGING_UNAVAILABLE
    assert time.monotonic() - started < 30


def test_a_client_of_the_emulator_logs_in_nowhere_and_keeps_a_connection_for_each_thread(made: TestBucket) -> None:
    assert is_emulated(made.client)
    assert not is_emulated(
        storage.Client(
            project="p",
            credentials=made.client._credentials,
            client_options={"api_endpoint": "https://storage.googleapis.com"},
        )
    )
    adapter = session_of(made.client).get_adapter(made.client.api_endpoint)
    assert adapter._pool_maxsize == 16  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("status", "staging_code", "output_code"),
    [
        (403, Code.STAGING_FORBIDDEN, Code.OUTPUT_FORBIDDEN),
        (429, Code.QUOTA_EXCEEDED, Code.QUOTA_EXCEEDED),
        (503, Code.STAGING_UNAVAILABLE, Code.OUTPUT_UNAVAILABLE),
    ],
)
def test_a_refusal_is_transient_says_which_and_quotes_nothing(
    refusing: storage.Client, monkeypatch: pytest.MonkeyPatch, status: int, staging_code: Code, output_code: Code
) -> None:
    monkeypatch.setattr(gcs_client, "_NOT_FOR_LONG", gcs_client._NOT_FOR_LONG.with_timeout(0.5))
    Faulty.status, Faulty.seen = status, 0
    staging = GcsStaging(refusing, GcsPlace("bucket"))
    output = GcsOutput(refusing, GcsPlace("bucket"))

    def put() -> None:
        with output.create(NAME) as pending:
            pending.write(b"x")
            pending.commit()

    def read() -> None:
        with staging.open(BATCH, Entry("a", 1, 1, 0)):
            pass

    attempts: list[tuple[Callable[[], object], Code]] = [
        (lambda: list(staging.list(BATCH)), staging_code),
        (read, staging_code),
        (lambda: staging.read_manifest("id", 1), staging_code),
        (lambda: staging.write_manifest("id", 1, b""), staging_code),
        (put, output_code),
        (lambda: output.stat(NAME), output_code),
    ]
    for attempt, code in attempts:
        with pytest.raises(TransientError) as error:
            attempt()
        assert error.value.code is code
        assert error.value.__cause__ is None
        assert error.value.__suppress_context__
        assert "DOE" not in str(error.value)
    assert (Faulty.seen > len(attempts)) == (status in {429, 503})  # what may pass is tried again


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_of_a_large_object_says_so_too(refusing: storage.Client, status: int) -> None:
    Faulty.status = status
    staging = GcsStaging(refusing, GcsPlace("bucket"), stream_above=0)
    with pytest.raises(TransientError) as error, staging.open(BATCH, Entry("a", 1, 10, 0)) as stream:
        stream.read()
    assert error.value.code is Code.STAGING_FORBIDDEN
    assert "DOE" not in str(error.value)


@pytest.mark.parametrize("refusing", [Particular], indirect=True)
@pytest.mark.parametrize("stream_above", [0, 100])
@pytest.mark.parametrize("status", [400, 403])
def test_one_object_that_is_refused_is_that_images_error_only_while_another_can_be_read(
    refusing: storage.Client, monkeypatch: pytest.MonkeyPatch, stream_above: int, status: int
) -> None:
    monkeypatch.setattr(Particular, "status", status)
    staging = GcsStaging(refusing, GcsPlace("bucket"), stream_above)

    def read(name: str) -> bytes:
        with staging.open(BATCH, Entry(name, 1, 4, google_crc32c.value(b"data"))) as stream:
            return stream.read()

    with pytest.raises(TransientError):  # nothing was read before
        read("one")
    monkeypatch.setattr(Particular, "open", ("good",))
    assert read("good") == b"data"
    with pytest.raises(ImageError) as error:
        read("one")
    assert error.value.code is Code.UNREADABLE
    monkeypatch.setattr(Particular, "open", ())  # a role is taken away
    for name in ("one", "good"):
        with pytest.raises(TransientError):
            read(name)


def test_a_bucket_that_is_gone_is_no_images_fault(made: TestBucket, staging: GcsStaging) -> None:
    entry = staged(made, staging, b"data")
    made.bucket.delete(force=True)
    with pytest.raises(TransientError), staging.open(BATCH, entry):
        pass


def test_a_listing_asks_for_names_generations_sizes_and_sums_and_nothing_else(
    made: TestBucket, staging: GcsStaging
) -> None:
    entry = staged(made, staging, b"data")
    assert entry == Entry("a", entry.generation, 4, google_crc32c.value(b"data"))
    seen = requests_of(made.client)
    list(staging.list(BATCH))
    ((method, address),) = seen
    assert method == "GET"
    assert "fields=items%28name%2Cgeneration%2Csize%2Ccrc32c%29%2CnextPageToken" in address


def test_a_listing_goes_on_page_after_page(
    made: TestBucket, staging: GcsStaging, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(7):
        made.put(f"incoming/{BATCH}/{number}", b"x")
    ask = made.client.list_blobs
    monkeypatch.setattr(made.client, "list_blobs", lambda *names, **more: ask(*names, **more, page_size=3))
    assert sorted(entry.name for entry in staging.list(BATCH)) == list("0123456")


def test_folder_placeholders_are_no_images_and_everything_else_is(made: TestBucket, staging: GcsStaging) -> None:
    for name in ("", "sub/", "sub/deeper/"):
        made.put(f"incoming/{BATCH}/{name}", b"")
    odd = ["full/", "a//b", "./c", "../d", "e/../f", "empty"]
    for name in odd:
        made.put(f"incoming/{BATCH}/{name}", b"" if name == "empty" else name.encode())
    entries = {entry.name: entry for entry in staging.list(BATCH)}
    assert sorted(entries) == sorted(odd)
    for name, entry in entries.items():
        with staging.open(BATCH, entry) as stream:
            assert stream.read() == (b"" if name == "empty" else name.encode())


def test_an_image_is_read_in_one_request(made: TestBucket, staging: GcsStaging) -> None:
    entry = staged(made, staging, b"data")
    seen = requests_of(made.client)
    with staging.open(BATCH, entry) as stream:
        assert stream.read() == b"data"
    assert [method for method, _ in seen] == ["GET"]


def test_bytes_that_do_not_fit_the_frozen_sum_are_transient(made: TestBucket, staging: GcsStaging) -> None:
    entry = staged(made, staging, b"data")
    with pytest.raises(TransientError) as error, staging.open(BATCH, Entry("a", entry.generation, 4, 1)):
        pass
    assert error.value.code is Code.STAGING_UNAVAILABLE


def test_what_was_stored_compressed_comes_as_it_was_stored(made: TestBucket, staging: GcsStaging) -> None:
    data = gzip.compress(b"data" * 1000)
    blob = made.bucket.blob(made.place.name_of(f"incoming/{BATCH}/a"))
    blob.content_encoding = "gzip"
    blob.upload_from_string(data)
    (entry,) = staging.list(BATCH)
    with staging.open(BATCH, entry) as stream:
        assert stream.read() == data


def test_a_large_object_is_read_by_ranges_of_its_generation(made: TestBucket, staging: GcsStaging) -> None:
    data = os.urandom(40 * MIB)
    entry = staged(made, staging, data)
    with staging.open(BATCH, entry) as stream:
        assert stream.read(132) == data[:132]
        assert stream.seek(-10, os.SEEK_END) == len(data) - 10
        assert stream.read() == data[-10:]
        stream.seek(5 * MIB)
        assert stream.read(9 * MIB) == data[5 * MIB : 14 * MIB]
        stream.seek(0)
        got = google_crc32c.Checksum()
        while block := stream.read(MIB):
            got.update(block)
    assert int.from_bytes(got.digest(), "big") == entry.crc32c


def test_a_large_object_is_streamed_in_bounded_memory(made: TestBucket, staging: GcsStaging) -> None:
    entry = staged(made, staging, bytes(64 * MIB))
    with staging.open(BATCH, entry) as stream:
        stream.read(1)  # imports what reads ranges
    tracemalloc.start()
    try:
        with staging.open(BATCH, entry) as stream:
            while stream.read(MIB):
                pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 17 * MIB


@pytest.mark.parametrize("name", ["…—ünï", "%2e%2e", "#123", "a?b=c", "{}", "a//b", "../d", "sub dir/'q\""])
def test_a_large_object_may_have_any_name(made: TestBucket, streaming: GcsStaging, name: str) -> None:
    entry = staged(made, streaming, b"0123456789" * 1000, name)
    with streaming.open(BATCH, entry) as stream:
        assert stream.read() == b"0123456789" * 1000


def test_a_large_object_that_was_overwritten_is_never_read_in_part(made: TestBucket, streaming: GcsStaging) -> None:
    entry = staged(made, streaming, b"old!" * 2000)
    made.put(f"incoming/{BATCH}/a", b"new!" * 2000)
    with pytest.raises(ImageError) as error, streaming.open(BATCH, entry) as stream:
        stream.read(1)
    assert error.value.code is Code.CHANGED_DURING_PROCESSING


@pytest.mark.parametrize("swallow", [False, True])
def test_a_large_object_that_is_overwritten_in_the_middle_is_changed_whatever_its_reader_makes_of_it(
    made: TestBucket, streaming: GcsStaging, swallow: bool
) -> None:
    entry = staged(made, streaming, b"old!" * 2000)
    read = b""
    with pytest.raises(ImageError) as error, streaming.open(BATCH, entry) as stream:
        read += stream.read(1500)
        made.put(f"incoming/{BATCH}/a", b"new!" * 2000)
        try:
            read += stream.read()
        except ImageError:
            if not swallow:
                raise
            raise ValueError("what a parser says") from None
    assert error.value.code is Code.CHANGED_DURING_PROCESSING
    assert b"new" not in read


def test_a_large_object_that_does_not_fit_its_frozen_sum_is_transient_before_its_last_byte(
    made: TestBucket, streaming: GcsStaging
) -> None:
    entry = staged(made, streaming, b"data" * 1000)
    read = b""
    wrong = Entry("a", entry.generation, entry.size, 1)
    with pytest.raises(TransientError), streaming.open(BATCH, wrong) as stream:
        while block := stream.read(100):
            read += block
    assert len(read) < entry.size


def test_what_was_inspected_is_stored_from_memory_and_then_forgotten(made: TestBucket, staging: GcsStaging) -> None:
    kept = KeptStaging(staging, MIB)
    entry = staged(made, staging, b"data")
    seen = requests_of(made.client)
    for count in (1, 1, 2, 2):
        with kept.open(BATCH, entry) as stream:
            assert stream.read() == b"data"
        assert len(seen) == count


def test_what_is_kept_of_one_batch_is_not_read_for_another(tmp_path: Path) -> None:
    kept = KeptStaging(FolderStaging(tmp_path, tmp_path / "manifests"), MIB)
    for batch in ("ST-1", "ST-2"):  # the same name, size and generation
        file = tmp_path / batch / "a"
        file.parent.mkdir()
        file.write_text(batch)
        os.utime(file, ns=(1700000000000000001,) * 2)
    entries = {batch: next(kept.list(BatchName.parse(batch))) for batch in ("ST-1", "ST-2")}
    assert entries["ST-1"] == entries["ST-2"]
    for batch, entry in entries.items():
        with kept.open(BatchName.parse(batch), entry) as stream:
            assert stream.read() == batch.encode()


def test_no_more_is_kept_than_was_allowed_and_the_oldest_goes_first(made: TestBucket, staging: GcsStaging) -> None:
    kept = KeptStaging(staging, 25)
    entries = [staged(made, staging, b"0123456789", name) for name in "abc"]
    for entry in entries:
        with kept.open(BATCH, entry):
            pass
    seen = requests_of(made.client)
    for entry, count in zip(reversed(entries), (0, 0, 1), strict=True):
        with kept.open(BATCH, entry) as stream:
            assert stream.read() == b"0123456789"
        assert len(seen) == count


def write(output: GcsOutput, data: bytes, block: int = MIB) -> bool:
    with output.create(NAME) as pending:
        for start in range(0, len(data), block):
            assert pending.write(data[start : start + block]) == len(data[start : start + block])
        return pending.commit().created


def test_an_image_is_stored_in_one_request_and_says_that_it_is_dicom(made: TestBucket, output: GcsOutput) -> None:
    seen = requests_of(made.client)
    assert write(output, b"data")
    assert [method for method, _ in seen] == ["POST"]
    blob = made.bucket.get_blob(made.place.name_of(NAME))
    assert (blob.content_type, blob.metadata) == ("application/dicom", None)


def test_the_sum_of_what_is_stored_is_known_without_reading_it(made: TestBucket, output: GcsOutput) -> None:
    write(output, b"data")
    seen = requests_of(made.client)
    assert output.stat(NAME) == Stat(4, google_crc32c.value(b"data"))
    assert len(seen) == 1
    assert "alt=media" not in seen[0][1]


@pytest.mark.parametrize("size", [PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES, 3 * PIECE_BYTES + 12345])
@pytest.mark.parametrize("block", [MIB + 17, 3 * PIECE_BYTES])
def test_an_object_of_any_size_arrives_whole(made: TestBucket, output: GcsOutput, size: int, block: int) -> None:
    data = os.urandom(size)
    assert write(output, data, block)
    assert made.get(NAME) == data
    assert not write(output, data, block)
    with pytest.raises(ImageError) as error:
        write(output, bytes(size), block)
    assert error.value.code is Code.CONFLICT
    with output.open(NAME) as stream:
        assert stream.read() == data


def test_a_large_object_that_is_not_committed_is_cancelled_and_leaves_nothing(
    made: TestBucket, output: GcsOutput
) -> None:
    seen = requests_of(made.client)
    with output.create(NAME) as pending:
        pending.write(bytes(PIECE_BYTES + 1))
    assert [method for method, _ in seen] == ["POST", "PUT", "DELETE"]
    assert made.names() == set()
    assert (
        session_of(made.client).put(seen[-1][1], data=b"x", headers={"Content-Range": "bytes */*"}).status_code >= 400
    )


@pytest.mark.parametrize("size", [4, 2 * PIECE_BYTES + 5])
def test_what_reads_back_otherwise_is_removed_again(
    made: TestBucket, output: GcsOutput, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    honest = requests.Response.json

    def lying(response: requests.Response, **more: object) -> object:
        resource = honest(response, **more)
        return {**resource, "crc32c": "AAAAAA=="} if "crc32c" in resource else resource

    monkeypatch.setattr(requests.Response, "json", lying)
    with pytest.raises(TransientError) as error:
        write(output, os.urandom(size))
    assert error.value.code is Code.OUTPUT_NOT_VERIFIED
    assert made.names() == set()


def test_what_somebody_wrote_since_is_not_removed_with_it(
    made: TestBucket, output: GcsOutput, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = requests.Response.json

    def lying(response: requests.Response, **more: object) -> object:
        resource = honest(response, **more)
        monkeypatch.undo()  # the rest is true
        made.put(NAME, b"somebody's")
        return {**resource, "crc32c": "AAAAAA=="}

    monkeypatch.setattr(requests.Response, "json", lying)
    with pytest.raises(TransientError) as error:
        write(output, b"ours")
    assert error.value.code is Code.OUTPUT_NOT_VERIFIED
    assert made.get(NAME) == b"somebody's"


@pytest.mark.parametrize("size", [4, 2 * PIECE_BYTES, 2 * PIECE_BYTES + 5])
@pytest.mark.parametrize("lost", ["request", "answer"])
def test_a_connection_that_breaks_anywhere_costs_nothing(
    made: TestBucket, output: GcsOutput, monkeypatch: pytest.MonkeyPatch, size: int, lost: str
) -> None:
    session = session_of(made.client)
    send, broken = session.send, set[bytes]()

    def breaking(request, **more):  # type: ignore[no-untyped-def]
        key = f"{request.method} {request.headers.get('content-range')}".encode()
        first = key not in broken
        broken.add(key)
        if first and lost == "request":
            raise ConnectionError
        answer = send(request, **more)
        if first:
            raise ConnectionError
        return answer

    monkeypatch.setattr(session, "send", breaking)
    data = os.urandom(size)
    write(output, data, PIECE_BYTES)
    monkeypatch.undo()
    assert made.get(NAME) == data


def test_a_large_object_of_a_store_out_of_reach_is_transient_within_seconds(made: TestBucket) -> None:
    output = GcsOutput(unreachable_client(), made.place)
    started = time.monotonic()
    with pytest.raises(TransientError) as error:
        write(output, bytes(PIECE_BYTES + 1))
    assert error.value.code is Code.OUTPUT_UNAVAILABLE
    assert time.monotonic() - started < 60
