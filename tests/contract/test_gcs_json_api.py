"""What the emulator owes to Cloud Storage, taken from the public documentation of the JSON API.

Pages are named below cloud.google.com/storage/docs. With SENDIT_TEST_STORAGE_HOST=host:port the suite runs
against the server there; what needs a process of ours is skipped then.
"""

import base64
import gzip
import hashlib
import http.client
import http.server
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import google.cloud.storage as storage
import google_crc32c
import pytest
from google.api_core.exceptions import NotFound, PreconditionFailed
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage.exceptions import InvalidResponse
from tests.contract.gcs_process import Reply, Server, at, session_of, storage_emulator

from sendit.emulators.certificate import write_certificate
from sendit.emulators.clients import Addresses, client_environment
from sendit.emulators.gcs import GcsEmulator

ELSEWHERE = os.environ.get("SENDIT_TEST_STORAGE_HOST")
ours_alone = pytest.mark.skipif(ELSEWHERE is not None, reason="needs a process of ours")
KIB_256 = 256 * 1024

Write = Callable[..., Reply]


@pytest.fixture(scope="session")
def host(request: pytest.FixtureRequest) -> str:
    return ELSEWHERE or str(request.getfixturevalue("gcs_emulator"))


@pytest.fixture(scope="module")
def server(host: str) -> Iterator[Server]:
    server = Server(host)
    yield server
    server.connection.close()


@pytest.fixture
def bucket(server: Server) -> str:
    name = f"bucket-{uuid.uuid4().hex}"
    assert server.send("POST", "/storage/v1/b", {"name": name}, project="p").status == 200
    return name


@pytest.fixture
def client(host: str) -> Iterator[storage.Client]:
    nobody = AnonymousCredentials()
    client = storage.Client(project="p", credentials=nobody, client_options={"api_endpoint": f"http://{host}"})
    yield client
    client.close()


def resumably(server: Server, bucket: str, name: str, data: bytes = b"data", **query: Any) -> Reply:
    begun = server.begin(bucket, name, **query)
    return begun if begun.status != 200 else server.step(session_of(begun), data, whole(data))


def whole(data: bytes) -> str:
    return f"bytes 0-{len(data) - 1}/{len(data)}" if data else "bytes */0"


def in_parts(server: Server, bucket: str, name: str, data: bytes = b"data", **query: Any) -> Reply:
    return server.multipart(bucket, {"name": name}, data, **query)


def copied(server: Server, bucket: str, name: str, data: bytes = b"data", **query: Any) -> Reply:
    return from_source(server, bucket, f"/copyTo/b/{bucket}/o/{quote(name, safe='')}", data, {}, **query)


def rewritten(server: Server, bucket: str, name: str, data: bytes = b"data", **query: Any) -> Reply:
    reply = from_source(server, bucket, f"/rewriteTo/b/{bucket}/o/{quote(name, safe='')}", data, {}, **query)
    return reply if reply.status != 200 else Reply(200, reply.headers, json.dumps(reply.json()["resource"]).encode())


def from_source(server: Server, bucket: str, suffix: str, data: bytes, body: Any, **query: Any) -> Reply:
    assert server.upload(bucket, "a-source", data).status == 200
    return server.on("POST", bucket, "a-source", suffix, body, **query)


def composed(server: Server, bucket: str, name: str, data: bytes = b"data", **query: Any) -> Reply:
    assert server.upload(bucket, "a-source", data).status == 200
    body = {"sourceObjects": [{"name": "a-source"}], "destination": {"contentType": "application/dicom"}}
    return server.on("POST", bucket, name, "/compose", body, **query)


WRITES: list[Write] = [Server.upload, in_parts, resumably, copied, rewritten, composed]
every_write = pytest.mark.parametrize("write", WRITES, ids=lambda write: write.__name__)


def generation(server: Server, bucket: str, name: str) -> str:
    return str(server.on("GET", bucket, name).json()["generation"])


def names(reply: Reply) -> list[str]:
    return [item["name"] for item in reply.json().get("items", [])]


# --- writing and reading (uploading-objects, downloading-objects, json_api/v1/objects)


@every_write
@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 100, b"\r\n\r\n--x--\r\n\r\n\n\r"])
def test_what_is_written_is_read_back_byte_for_byte(server: Server, bucket: str, write: Write, data: bytes) -> None:
    reply = write(server, bucket, "an object", data)
    assert reply.status == 200
    resource = reply.json()
    assert server.read(bucket, "an object") == data
    assert (resource["name"], resource["bucket"], resource["size"]) == ("an object", bucket, str(len(data)))
    assert (resource["kind"], resource["metageneration"]) == ("storage#object", "1")
    assert len(resource["generation"]) == 16
    # the resource's crc32c is big-endian and in base64
    assert resource["crc32c"] == base64.b64encode(google_crc32c.Checksum(data).digest()).decode()
    assert resource["timeCreated"] == resource["updated"]
    if write is composed:  # composite-objects: "no MD5 hash", componentCount
        assert "md5Hash" not in resource
        assert resource["componentCount"] == 1
    else:
        assert resource["md5Hash"] == base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
        assert "componentCount" not in resource
    assert server.on("GET", bucket, "an object").json() == resource


@pytest.mark.parametrize("quoting", ["", '"', "'"])
@pytest.mark.parametrize("newline", [b"\r\n", b"\n"])
@pytest.mark.parametrize("data", [b"", b"\r", b"\n--===\r\n", b"--===============7330845974216740156==x", b"\n\n"])
def test_multipart_boundaries_may_be_quoted_and_lines_end_in_lf(
    server: Server, bucket: str, quoting: str, newline: bytes, data: bytes
) -> None:
    reply = server.multipart(bucket, {"name": "m", "metadata": {"k": "ü"}}, data, quoting, newline)
    assert reply.json()["metadata"] == {"k": "ü"}
    assert reply.json()["contentType"] == "text/x"
    assert server.read(bucket, "m") == data


@pytest.mark.parametrize("prefix", ["/upload", "/resumable/upload"])
def test_both_upload_paths_are_served(server: Server, bucket: str, prefix: str) -> None:
    reply = server.send("POST", f"{prefix}/storage/v1/b/{bucket}/o", b"d", uploadType="media", name="n")
    assert reply.status == 200


def test_a_download_says_what_it_is(server: Server, bucket: str) -> None:
    resource = server.upload(bucket, "n", b"0123").json()
    for path in (at(bucket, "n"), f"/download{at(bucket, 'n')}"):
        reply = server.send("GET", path, alt="media")
        assert reply.body == b"0123"
        assert reply.headers["x-goog-generation"] == resource["generation"]
        assert reply.headers["x-goog-metageneration"] == "1"
        assert reply.headers["x-goog-hash"] == f"crc32c={resource['crc32c']},md5={resource['md5Hash']}"
        assert reply.headers["content-type"] == "application/dicom"
        head = server.send("HEAD", path, alt="media")
        assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "4")


@pytest.mark.parametrize(
    ("asked", "expected", "said"),
    [
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-99", b"0123456789", "bytes 0-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
    ],
)
def test_a_range_is_206(server: Server, bucket: str, asked: str, expected: bytes, said: str) -> None:
    server.upload(bucket, "n", b"0123456789")
    reply = server.send("GET", f"{at(bucket, 'n')}?alt=media", headers={"Range": asked})
    assert (reply.status, reply.body, reply.headers["content-range"]) == (206, expected, said)


@pytest.mark.parametrize(("size", "asked"), [(10, "bytes=10-"), (10, "bytes=10-12"), (0, "bytes=0-"), (0, "bytes=0-9")])
def test_a_range_outside_is_416(server: Server, bucket: str, size: int, asked: str) -> None:
    server.upload(bucket, "n", b"x" * size)
    reply = server.send("GET", f"{at(bucket, 'n')}?alt=media", headers={"Range": asked})
    assert (reply.status, reply.headers["content-range"]) == (416, f"bytes */{size}")


def test_gzip_content_is_unpacked_for_who_does_not_accept_it(server: Server, bucket: str) -> None:
    # transcoding: decompressive transcoding, unless Accept-Encoding: gzip
    packed = gzip.compress(b"plain")
    server.upload(bucket, "n", packed, contentEncoding="gzip")
    path = f"{at(bucket, 'n')}?alt=media"
    assert server.send("GET", path, headers={"Accept-Encoding": "identity"}).body == b"plain"
    accepted = server.send("GET", path, headers={"Accept-Encoding": "gzip"})
    assert (accepted.body, accepted.headers["content-encoding"]) == (packed, "gzip")


# --- names (objects#naming)


@pytest.mark.parametrize(
    "name",
    ["a//b", "a/../b", "../x", "/lead", "trail/", " sp ace ", "ünï-…-患者", "%2F", "%", "a+b", "?q=1&x#y", "a\tb", "\\",
     "e\u0301", "\u00e9", "'\"", "é" * 512, "o", "a/o/b", "x/compose", "\U0001f600"],
)  # fmt: skip
@every_write
def test_a_name_is_kept_exactly(server: Server, bucket: str, write: Write, name: str) -> None:
    assert write(server, bucket, name, b"mine").json()["name"] == name
    assert server.read(bucket, name) == b"mine"
    assert [one for one in names(server.send("GET", f"/storage/v1/b/{bucket}/o")) if one != "a-source"] == [name]
    assert server.on("DELETE", bucket, name).status == 204


@pytest.mark.parametrize("name", ["a\nb", "a\rb", "é" * 513, ".", "..", ".well-known/acme-challenge/x"])
@every_write
def test_a_name_that_cloud_storage_forbids_is_400(server: Server, bucket: str, write: Write, name: str) -> None:
    assert write(server, bucket, name, b"data").status == 400


@pytest.mark.parametrize("write", [Server.upload, in_parts, resumably])
def test_an_upload_without_a_name_is_400(server: Server, bucket: str, write: Write) -> None:
    assert write(server, bucket, "").status == 400


def test_an_object_and_a_prefix_may_have_one_name(server: Server, bucket: str) -> None:
    for name in ("a", "a/", "a/b"):
        server.upload(bucket, name, name.encode())
    assert [server.read(bucket, name) for name in ("a", "a/", "a/b")] == [b"a", b"a/", b"a/b"]


# --- generations and preconditions (request-preconditions, object-versioning)


@every_write
def test_a_write_proceeds_only_where_its_conditions_hold(server: Server, bucket: str, write: Write) -> None:
    first = write(server, bucket, "n", b"1", ifGenerationMatch=0).json()
    now = int(first["generation"])
    refused: list[dict[str, Any]] = [
        {"ifGenerationMatch": 0},
        {"ifGenerationMatch": now - 1},
        {"ifGenerationNotMatch": now},
        {"ifMetagenerationMatch": 2},
        {"ifMetagenerationNotMatch": 1},
        {"ifGenerationMatch": now, "ifMetagenerationMatch": 7},
    ]
    for query in refused:
        reply = write(server, bucket, "n", b"2", **query)
        assert (reply.status, reply.reason) == (412, "conditionNotMet"), query
        assert server.on("GET", bucket, "n").json() == first
    for absent in ({"ifGenerationMatch": now}, {"ifGenerationNotMatch": 0}, {"ifMetagenerationMatch": 1}):
        assert write(server, bucket, "absent", b"2", **absent).status == 412
        assert server.on("GET", bucket, "absent").status == 404
    second = write(server, bucket, "n", b"3", ifGenerationMatch=now, ifMetagenerationMatch=1)
    assert second.status == 200
    assert server.read(bucket, "n") == b"3"


def test_a_resumable_upload_is_checked_again_when_it_is_finished(server: Server, bucket: str) -> None:
    session = session_of(server.begin(bucket, "n", ifGenerationMatch=0))
    server.upload(bucket, "n", b"was faster")
    reply = server.step(session, b"late", whole(b"late"))
    assert (reply.status, reply.reason) == (412, "conditionNotMet")
    assert server.read(bucket, "n") == b"was faster"


def test_of_many_creates_at_once_one_succeeds(server: Server, bucket: str) -> None:
    for write in (Server.upload, in_parts, resumably):
        start = threading.Barrier(16)

        def create(number: int, write: Write = write, start: threading.Barrier = start) -> int:
            own = server.another()
            start.wait(10)
            status = write(own, bucket, f"n-{write.__name__}", str(number).encode(), ifGenerationMatch=0).status
            own.connection.close()
            return status

        with ThreadPoolExecutor(16) as pool:
            statuses = sorted(pool.map(create, range(16)))
        assert statuses == [200] + [412] * 15


@pytest.mark.parametrize("alt", ["json", "media"])
def test_a_read_proceeds_only_where_its_conditions_hold(server: Server, bucket: str, alt: str) -> None:
    now = int(server.upload(bucket, "n", b"1").json()["generation"])
    expected: list[tuple[dict[str, Any], int]] = [
        ({"ifGenerationMatch": now}, 200), ({"ifGenerationMatch": now + 1}, 412), ({"ifGenerationMatch": 0}, 412),
        ({"ifGenerationNotMatch": now}, 304), ({"ifGenerationNotMatch": now + 1}, 200),
        ({"ifMetagenerationMatch": 1}, 200), ({"ifMetagenerationMatch": 2}, 412),
        ({"ifMetagenerationNotMatch": 1}, 304), ({"ifMetagenerationNotMatch": 2}, 200),
    ]  # fmt: skip
    for query, status in expected:
        reply = server.on("GET", bucket, "n", alt=alt, **query)
        assert reply.status == status, query
        assert (status == 304) == (reply.body == b"")
    assert server.on("GET", bucket, "absent", alt=alt, ifGenerationMatch=now).status == 404


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
def test_a_change_proceeds_only_where_its_conditions_hold(server: Server, bucket: str, method: str) -> None:
    now = int(server.upload(bucket, "n", b"1").json()["generation"])
    refused: list[dict[str, Any]] = [
        {"ifGenerationMatch": now + 1}, {"ifGenerationMatch": 0}, {"ifGenerationNotMatch": now},
        {"ifMetagenerationMatch": 2}, {"ifMetagenerationNotMatch": 1},
    ]  # fmt: skip
    for query in refused:
        assert server.on(method, bucket, "n", body={}, **query).status == 412, query
    assert server.on(method, bucket, "absent", body={}, ifGenerationMatch=now).status == 404
    assert server.on(method, bucket, "n", body={}, ifGenerationMatch=now).status in {200, 204}


@pytest.mark.parametrize("suffix", ["/copyTo", "/rewriteTo"])
def test_a_copy_proceeds_only_where_the_conditions_on_its_source_hold(server: Server, bucket: str, suffix: str) -> None:
    path = f"{suffix}/b/{bucket}/o/n"
    now = int(server.upload(bucket, "s", b"1").json()["generation"])
    refused: list[dict[str, Any]] = [
        {"ifSourceGenerationMatch": now + 1}, {"ifSourceGenerationNotMatch": now},
        {"ifSourceMetagenerationMatch": 2}, {"ifSourceMetagenerationNotMatch": 1},
    ]  # fmt: skip
    for query in refused:
        assert server.on("POST", bucket, "s", path, {}, **query).status == 412, query
    assert server.on("POST", bucket, "s", path, {}, sourceGeneration=now - 1).status == 404
    assert server.on("POST", bucket, "s", path, {}, sourceGeneration=now, ifSourceGenerationMatch=now).status == 200


def test_an_overwritten_generation_is_gone_and_no_other_is_taken_for_it(server: Server, bucket: str) -> None:
    old = server.upload(bucket, "n", b"old").json()["generation"]
    new = server.upload(bucket, "n", b"new").json()["generation"]
    assert int(new) > int(old)
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        assert server.on(method, bucket, "n", body=None if method == "GET" else {}, generation=old).status == 404
    assert server.on("GET", bucket, "n", alt="media", generation=old).status == 404
    assert server.send("GET", f"/download{at(bucket, 'n')}", alt="media", generation=old).status == 404
    assert server.read(bucket, "n", generation=new) == b"new"
    assert server.on("DELETE", bucket, "n", generation=new).status == 204
    assert server.on("GET", bucket, "n", generation=new).status == 404


def test_generations_strictly_increase_across_names_and_after_a_deletion(server: Server, bucket: str) -> None:
    seen = []
    for number in range(100):
        seen.append(int(server.upload(bucket, f"n{number % 3}", b"").json()["generation"]))
        server.on("DELETE", bucket, f"n{number % 3}")
    assert all(before < after for before, after in pairwise(seen))


def test_a_patch_makes_a_new_metageneration_of_the_same_generation(server: Server, bucket: str) -> None:
    before = server.upload(bucket, "n", b"1").json()
    server.on("PATCH", bucket, "n", body={"metadata": {"a": "1", "b": "2"}})
    after = server.on("PATCH", bucket, "n", body={"metadata": {"a": None}, "contentType": "text/y"}).json()
    assert (after["metageneration"], after["generation"]) == ("3", before["generation"])
    assert (after["metadata"], after["contentType"]) == ({"b": "2"}, "text/y")
    assert (after["timeCreated"], after["etag"] != before["etag"]) == (before["timeCreated"], True)
    assert server.on("GET", bucket, "n").json() == after


def test_soft_delete_restores_as_a_new_generation(server: Server, bucket: str) -> None:
    # soft-delete: a new bucket keeps objects 7 days; a plain read of their generation is 404
    old = server.upload(bucket, "n", b"old").json()["generation"]
    server.on("DELETE", bucket, "n")
    assert server.on("GET", bucket, "n", generation=old).status == 404
    assert server.on("GET", bucket, "n", alt="media", generation=old, softDeleted="true").status == 400
    assert "hardDeleteTime" in server.on("GET", bucket, "n", generation=old, softDeleted="true").json()
    assert names(server.send("GET", f"/storage/v1/b/{bucket}/o", softDeleted="true")) == ["n"]
    assert names(server.send("GET", f"/storage/v1/b/{bucket}/o")) == []
    new = server.on("POST", bucket, "n", "/restore", generation=old, ifGenerationMatch=0).json()["generation"]
    assert int(new) > int(old)
    assert server.read(bucket, "n") == b"old"
    assert server.on("POST", bucket, "n", "/restore", generation=old, ifGenerationMatch=0).status == 412
    assert server.on("POST", bucket, "n", "/restore", generation=1).status == 404


# --- digests (data-validation)


@pytest.mark.parametrize("digest", ["crc32c", "md5Hash"])
def test_bytes_that_do_not_match_their_digest_are_not_stored(server: Server, bucket: str, digest: str) -> None:
    right = server.upload(bucket, "right", b"data").json()[digest]
    wrong = base64.b64encode(b"\0" * (4 if digest == "crc32c" else 16)).decode()
    header = {"X-Goog-Hash": f"{digest.removesuffix('Hash')}={wrong}"}
    path = f"/upload/storage/v1/b/{bucket}/o?uploadType=media&name=n"
    session = session_of(server.begin(bucket, "n"))
    for reply in [
        server.multipart(bucket, {"name": "n", digest: wrong}, b"data"),
        server.send("POST", path, b"data", header),
        server.step(session, b"data", whole(b"data"), header),
    ]:
        assert (reply.status, reply.reason) == (400, "invalid")
    assert server.on("GET", bucket, "n").status == 404
    assert server.multipart(bucket, {"name": "n", digest: right}, b"data").status == 200


# --- resumable uploads (performing-resumable-uploads)


def test_a_resumable_upload_in_chunks_says_how_far_it_is(server: Server, bucket: str) -> None:
    data = os.urandom(2 * KIB_256 + 100)
    session = session_of(server.begin(bucket, "n", {"X-Upload-Content-Type": "text/z"}))
    status = server.step(session, b"", "bytes */*")
    assert (status.status, "range" in status.headers) == (308, False)
    first = server.step(session, data[:KIB_256], f"bytes 0-{KIB_256 - 1}/*")
    assert (first.status, first.headers["range"]) == (308, f"bytes=0-{KIB_256 - 1}")
    assert server.on("GET", bucket, "n").status == 404
    # a chunk may repeat what has arrived, but leave nothing out
    assert server.step(session, b"x", f"bytes {KIB_256 + 1}-{KIB_256 + 1}/*").status == 503
    again = server.step(session, data[: 2 * KIB_256], f"bytes 0-{2 * KIB_256 - 1}/*")
    assert again.headers["range"] == f"bytes=0-{2 * KIB_256 - 1}"
    rest = data[2 * KIB_256 :]
    done = server.step(session, rest, f"bytes {2 * KIB_256}-{len(data) - 1}/{len(data)}")
    assert (done.status, done.json()["contentType"]) == (200, "text/z")
    assert server.read(bucket, "n") == data
    # a client that lost the last answer asks, and learns that it is done
    assert server.step(session, b"", f"bytes */{len(data)}").json() == done.json()


def test_what_is_persisted_of_an_unfinished_upload_is_a_multiple_of_256_kib(server: Server, bucket: str) -> None:
    session = session_of(server.begin(bucket, "n"))
    size = KIB_256 + 10
    assert server.step(session, b"x" * size, f"bytes 0-{size - 1}/*").headers["range"] == f"bytes=0-{KIB_256 - 1}"
    done = server.step(session, b"x" * 10, f"bytes {KIB_256}-{size - 1}/{size}")
    assert done.json()["size"] == str(size)


def test_an_upload_cut_off_can_be_resumed(server: Server, bucket: str) -> None:
    data = os.urandom(3 * KIB_256)
    session = session_of(server.begin(bucket, "n"))
    broken = http.client.HTTPConnection(server.address)
    broken.putrequest("PUT", session)
    broken.putheader("Content-Length", str(len(data)))
    broken.endheaders(data[: KIB_256 + 5000])
    broken.close()
    until = time.monotonic() + 30
    while "range" not in (status := server.step(session, b"", "bytes */*")).headers and time.monotonic() < until:
        time.sleep(0.01)
    assert (status.status, status.headers["range"]) == (308, f"bytes=0-{KIB_256 - 1}")
    last = server.step(session, data[KIB_256:], f"bytes {KIB_256}-{len(data) - 1}/{len(data)}")
    assert last.status == 200
    assert server.read(bucket, "n") == data


def test_a_body_in_http_chunks_that_breaks_off_is_not_stored(server: Server, bucket: str) -> None:
    for ending in (b"0\r\n\r\n", b""):
        connection = http.client.HTTPConnection(server.address)
        connection.putrequest("POST", f"/upload/storage/v1/b/{bucket}/o?uploadType=media&name=n{len(ending)}")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders(b"4\r\ndata\r\n" + ending)
        assert connection.sock is not None
        connection.sock.shutdown(socket.SHUT_WR)
        connection.sock.recv(1000)
        connection.close()
    assert names(server.send("GET", f"/storage/v1/b/{bucket}/o")) == ["n5"]


def test_a_cancelled_upload_is_499_and_cannot_go_on(server: Server, bucket: str) -> None:
    session = session_of(server.begin(bucket, "n"))
    assert server.send("DELETE", session).status == 499
    assert 400 <= server.step(session, b"data", whole(b"data")).status < 500
    assert server.on("GET", bucket, "n").status == 404
    assert server.send("PUT", session[:-3] + "xyz", b"data").status == 404


@ours_alone
def test_a_large_resumable_upload_is_kept_once_and_freed_when_it_is_deleted() -> None:
    size, chunk = 160 << 20, 8 << 20
    with storage_emulator("--bucket", "large") as server:
        before = resident(server)
        session = session_of(server.begin("large", "n"))
        piece = os.urandom(chunk)
        for start in range(0, size, chunk):
            reply = server.step(session, piece, f"bytes {start}-{start + chunk - 1}/{size}")
        assert reply.json()["size"] == str(size)
        assert server.on("GET", "large", "n", alt="media").body == piece * (size // chunk)
        assert resident(server) - before < 1.5 * size
        server.on("DELETE", "large", "n")
        assert resident(server) - before < 0.5 * size


def resident(server: Server) -> int:
    status = Path(f"/proc/{server.pid}/status").read_text("ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) * 1024


# --- copies and composites (json_api/v1/objects/rewrite, /compose)


def test_a_copy_keeps_metadata_unless_it_is_given_others(server: Server, bucket: str) -> None:
    server.multipart(bucket, {"name": "s", "contentType": "a/b", "metadata": {"k": "v"}}, b"data")
    kept = server.on("POST", bucket, "s", f"/copyTo/b/{bucket}/o/kept", {}).json()
    assert (kept["contentType"], kept["metadata"]) == ("a/b", {"k": "v"})
    other = server.on("POST", bucket, "s", f"/rewriteTo/b/{bucket}/o/other", {"contentType": "c/d"}).json()
    assert (other["done"], other["totalBytesRewritten"], other["kind"]) == (True, "4", "storage#rewriteResponse")
    assert other["resource"]["contentType"] == "c/d"
    assert "metadata" not in other["resource"]
    named = server.on("POST", bucket, "s", f"/rewriteTo/b/{bucket}/o/named", {"name": "named"}).json()
    assert named["resource"]["metadata"] == {"k": "v"}


def test_compose_joins_up_to_32_sources_of_the_generations_asked_for(server: Server, bucket: str) -> None:
    made = [server.upload(bucket, name, name.encode()).json()["generation"] for name in ("a", "b")]
    sources: list[dict[str, object]] = [
        {"name": "a", "generation": made[0], "objectPreconditions": {"ifGenerationMatch": made[0]}},
        {"name": "b"},
        {"name": "a"},
    ]
    joined = server.on("POST", bucket, "n", "/compose", {"sourceObjects": sources, "destination": {}}).json()
    assert (joined["componentCount"], server.read(bucket, "n")) == (3, b"aba")
    twice = {"sourceObjects": [{"name": "n"}, {"name": "a"}]}
    assert server.on("POST", bucket, "n", "/compose", twice).json()["componentCount"] == 4
    for source, status in [
        ({"name": "absent"}, 404),
        ({"name": "a", "generation": "5"}, 404),
        ({"name": "a", "objectPreconditions": {"ifGenerationMatch": "5"}}, 412),
    ]:
        assert server.on("POST", bucket, "n", "/compose", {"sourceObjects": [source]}).status == status
    for count in (0, 33):
        assert server.on("POST", bucket, "n", "/compose", {"sourceObjects": [{"name": "a"}] * count}).status == 400


# --- listings (json_api/v1/objects/list, consistency)


LISTED = ["B", "a", "a-", "a/", "a/1", "a/b/2", "a/b/3", "ab", "é", "\uffee", "\U0001f600"]


@pytest.fixture
def listed(server: Server, bucket: str) -> Callable[..., tuple[list[str], list[str]]]:
    for name in reversed(LISTED):
        server.upload(bucket, name)

    def pages(**query: Any) -> tuple[list[str], list[str]]:
        items: list[str] = []
        prefixes: list[str] = []
        token: dict[str, Any] = {}
        while True:
            reply = server.send("GET", f"/storage/v1/b/{bucket}/o", **query, **token)
            assert reply.status == 200
            items += names(reply)
            prefixes += reply.json().get("prefixes", [])
            if "nextPageToken" not in reply.json():
                return items, prefixes
            token = {"pageToken": reply.json()["nextPageToken"]}

    return pages


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_a_listing_is_in_the_order_of_utf_8(listed: Callable[..., Any], size: int) -> None:
    assert sorted(LISTED, key=str.encode) == LISTED
    assert listed(maxResults=size) == (LISTED, [])
    assert listed(maxResults=size, prefix="a/") == (["a/", "a/1", "a/b/2", "a/b/3"], [])
    assert listed(maxResults=size, delimiter="/") == (["B", "a", "a-", "ab", "é", "\uffee", "\U0001f600"], ["a/"])
    assert listed(maxResults=size, delimiter="/", prefix="a/") == (["a/", "a/1"], ["a/b/"])
    assert listed(maxResults=size, delimiter="/", prefix="a") == (["a", "a-", "ab"], ["a/"])
    assert listed(maxResults=size, startOffset="a-", endOffset="ab") == (["a-", "a/", "a/1", "a/b/2", "a/b/3"], [])
    assert listed(maxResults=size, delimiter="/", includeTrailingDelimiter="true", prefix="a") == (
        ["a", "a-", "a/", "ab"], ["a/"],
    )  # fmt: skip
    assert listed(maxResults=size, matchGlob="a/*") == (["a/", "a/1"], [])
    assert listed(maxResults=size, matchGlob="a/**") == (["a/", "a/1", "a/b/2", "a/b/3"], [])
    assert listed(maxResults=size, versions="true", projection="full", fields="items(name)") == (LISTED, [])
    assert listed(prefix="nothing") == ([], [])


def test_a_page_holds_1000_objects_at_most(server: Server, bucket: str) -> None:
    for number in range(1001):
        server.upload(bucket, f"{number:04}", b"")
    first = server.send("GET", f"/storage/v1/b/{bucket}/o", maxResults=5000)
    assert len(first.json()["items"]) == 1000
    rest = server.send("GET", f"/storage/v1/b/{bucket}/o", pageToken=first.json()["nextPageToken"])
    assert names(rest) == ["1000"]
    assert "nextPageToken" not in rest.json()


def test_a_listing_of_no_bucket_is_404(server: Server) -> None:
    reply = server.send("GET", "/storage/v1/b/no-such-bucket/o")
    assert (reply.status, reply.reason) == (404, "notFound")
    assert server.upload("no-such-bucket", "n").status == 404
    assert server.begin("no-such-bucket", "n").status == 404


# --- buckets (json_api/v1/buckets, json_api/v1/status-codes)


def test_a_bucket_is_made_changed_and_deleted_once_it_is_empty(server: Server) -> None:
    name = f"made-{uuid.uuid4().hex}"
    settings = {"name": name, "location": "EU", "softDeletePolicy": {"retentionDurationSeconds": "0"}}
    assert server.send("POST", "/storage/v1/b", settings, project="p").json()["location"] == "EU"
    again = server.send("POST", "/storage/v1/b", settings, project="p")
    assert (again.status, again.reason) == (409, "conflict")
    assert name in names(server.send("GET", "/storage/v1/b", project="p"))
    rule = {"rule": [{"action": {"type": "Delete"}, "condition": {"age": 1}}]}
    assert server.send("PATCH", f"/storage/v1/b/{name}", {"lifecycle": rule}, ifMetagenerationMatch=5).status == 412
    changed = server.send("PATCH", f"/storage/v1/b/{name}", {"lifecycle": rule}, ifMetagenerationMatch=1).json()
    assert (changed["metageneration"], changed["lifecycle"]) == ("2", rule)
    assert server.send("GET", f"/storage/v1/b/{name}").json() == changed
    gone = server.upload(name, "n").json()["generation"]
    full = server.send("DELETE", f"/storage/v1/b/{name}")
    assert (full.status, full.reason) == (409, "conflict")
    server.on("DELETE", name, "n")
    assert server.on("GET", name, "n", generation=gone, softDeleted="true").status == 404
    assert server.send("DELETE", f"/storage/v1/b/{name}").status == 204
    for method in ("GET", "DELETE", "PATCH"):
        missing = server.send(method, f"/storage/v1/b/{name}", {} if method == "PATCH" else None)
        assert (missing.status, missing.reason) == (404, "notFound")


# --- what is not implemented


@ours_alone
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/storage/v1/b/{b}/o/n/acl"),
        ("GET", "/{b}/n"),
        ("POST", "/storage/v1/b/{b}/o/n/moveTo/o/m"),
        ("POST", "/upload/storage/v1/b/{b}/o?uploadType=media&name=m&kmsKeyName=k"),
        ("POST", "/upload/storage/v1/b/{b}/o?uploadType=media&name=m&ifSomethingNew=1"),
        ("GET", "/storage/v1/b/{b}/o?ifGenerationMatch=1"),
        ("DELETE", "/storage/v1/b/{b}/o/n?ifGenerationMatsch=1"),
        ("POST", "/storage/v1/b/{b}/o/n/rewriteTo/b/{b}/o/m?destinationKmsKeyName=k"),
    ],
)
def test_what_the_emulator_does_not_know_it_refuses_and_names(
    server: Server, bucket: str, method: str, path: str
) -> None:
    server.upload(bucket, "n")
    reply = server.send(method, path.format(b=bucket), b"" if method == "POST" else None)
    assert (reply.status, reply.reason) == (501, "notImplemented")
    assert bucket not in reply.body.decode()
    assert server.read(bucket, "n") == b"data"


@ours_alone
@pytest.mark.parametrize(
    "header", ["If-Match", "If-None-Match", "x-goog-if-generation-match", "x-goog-encryption-key", "If-Modified-Since"]
)
def test_conditions_in_headers_are_refused_not_passed_over(server: Server, bucket: str, header: str) -> None:
    server.upload(bucket, "n")
    assert server.send("GET", f"{at(bucket, 'n')}?alt=media", headers={header: "0"}).status == 501
    assert server.send("PUT", f"{at(bucket, 'n')}", {"versioning": {}}, headers={header: "0"}).status == 501


@ours_alone
def test_a_bucket_cannot_be_versioned(server: Server) -> None:
    settings = {"name": f"versioned-{uuid.uuid4().hex}", "versioning": {"enabled": True}}
    assert server.send("POST", "/storage/v1/b", settings).status == 501


@pytest.mark.parametrize("query", [{"ifGenerationMatch": "x"}, {"generation": "1.5"}, {"maxResults": "-1"}])
def test_a_parameter_that_is_no_number_is_400(server: Server, bucket: str, query: dict[str, Any]) -> None:
    server.upload(bucket, "n")
    path = f"/storage/v1/b/{bucket}/o" if "maxResults" in query else at(bucket, "n")
    assert server.send("GET", path, **query).status == 400


# --- batches (json_api/v1/how-tos/batch)


def test_the_calls_of_a_batch_are_answered_one_by_one(server: Server, bucket: str) -> None:
    made = [server.upload(bucket, name).json()["generation"] for name in ("a b", "c")]
    calls = [
        f"DELETE {at(bucket, 'a b')}?ifGenerationMatch={made[0]} HTTP/1.1\r\n\r\n",
        f"DELETE {at(bucket, 'c')}?ifGenerationMatch=1 HTTP/1.1\r\n\r\n",
        f"GET {server.url}{at(bucket, 'absent')}\r\n\r\n",
        f"GET {at(bucket, 'c')}?alt=media HTTP/1.1\r\n\r\n",
        f"PATCH {at(bucket, 'c')} HTTP/1.1\r\nContent-Type: application/json\r\n\r\n" + '{"contentType": "x/y"}',
    ]
    parts = [
        f"--==x==\r\nContent-Type: application/http\r\nContent-ID: <id+{number}>\r\n\r\n{call}\r\n"
        for number, call in enumerate(calls)
    ]
    body = ("".join(parts) + "--==x==--").encode()
    reply = server.send("POST", "/batch/storage/v1", body, {"Content-Type": 'multipart/mixed; boundary="==x=="'})
    assert reply.status == 200
    text = reply.body.decode()
    assert [line[9:12] for line in text.splitlines() if line.startswith("HTTP/1.1 ")] == [
        "204", "412", "404", "400", "200",
    ]  # fmt: skip
    assert [line for line in text.splitlines() if "response-" in line] == [
        f"Content-ID: <response-id+{number}>" for number in range(len(calls))
    ]
    assert server.on("GET", bucket, "c").json()["contentType"] == "x/y"


# --- the official client


def test_the_official_client_writes_reads_lists_and_deletes_by_generation(client: storage.Client, bucket: str) -> None:
    place = client.bucket(bucket)
    blob = place.blob("a/b c")
    blob.upload_from_string(b"first", if_generation_match=0, checksum="crc32c")
    old = blob.generation
    with pytest.raises(PreconditionFailed):
        place.blob("a/b c").upload_from_string(b"second", if_generation_match=0)
    blob.upload_from_string(b"second", if_generation_match=old)
    assert place.blob("a/b c", generation=blob.generation).download_as_bytes(checksum="crc32c") == b"second"
    assert place.blob("a/b c").download_as_bytes(start=1, end=3) == b"eco"
    with pytest.raises(NotFound):
        place.blob("a/b c", generation=old).download_as_bytes()
    assert place.get_blob("a/b c", generation=old) is None
    with pytest.raises(NotFound):
        place.delete_blob("a/b c", generation=old)
    copy = place.copy_blob(blob, place, "copy", if_generation_match=0, if_source_generation_match=blob.generation)
    assert [one.name for one in client.list_blobs(bucket)] == ["a/b c", "copy"]
    with client.batch():
        blob.delete(if_generation_match=blob.generation)
        copy.delete()
    assert list(client.list_blobs(bucket)) == []


def test_the_official_client_uploads_large_objects_in_chunks(client: storage.Client, bucket: str) -> None:
    data = os.urandom(5 * KIB_256 + 17)
    blob = client.bucket(bucket).blob("large", chunk_size=KIB_256)
    with blob.open("wb", if_generation_match=0) as stream:
        stream.write(data)
    assert client.bucket(bucket).blob("large").download_as_bytes() == data
    # the client's writer raises what its transport raises
    with pytest.raises(InvalidResponse), blob.open("wb", if_generation_match=0) as stream:
        stream.write(data)
    rewritten = client.bucket(bucket).blob("again")
    assert rewritten.rewrite(client.bucket(bucket).blob("large"))[0] is None
    assert rewritten.crc32c == client.bucket(bucket).get_blob("large").crc32c


# --- notifications (pubsub-notifications, json_api/v1/notifications)


class Subscription:
    """A topic of the Pub/Sub emulator, and what arrives from it."""

    def __init__(self, host: str) -> None:
        self._server = Server(host)
        number = uuid.uuid4().hex
        self.topic = f"topic-{number}"
        self._path = f"/v1/projects/test-project/subscriptions/sub-{number}"
        assert self._server.send("PUT", f"/v1/projects/test-project/topics/{self.topic}", {}).status == 200
        body = {"topic": f"projects/test-project/topics/{self.topic}"}
        assert self._server.send("PUT", self._path, body).status == 200

    def messages(self, count: int) -> list[dict[str, Any]]:
        """At least `count` messages, without the repetitions; fails if they do not arrive."""
        found: dict[str, dict[str, Any]] = {}
        for _ in range(40):
            received = self._server.send("POST", f"{self._path}:pull", {"maxMessages": 100}).json()
            for one in received.get("receivedMessages", []):
                found[one["message"]["messageId"]] = one["message"]
                self._server.send("POST", f"{self._path}:acknowledge", {"ackIds": [one["ackId"]]})
            if len(found) >= count:
                break
        return sorted(found.values(), key=lambda one: one["attributes"]["eventTime"])

    def close(self) -> None:
        self._server.connection.close()


@pytest.fixture
def subscription(pubsub_emulator: str) -> Iterator[Subscription]:
    if ELSEWHERE is not None:
        pytest.skip("needs a process of ours")
    subscription = Subscription(pubsub_emulator)
    yield subscription
    subscription.close()


def configure(server: Server, bucket: str, topic: str, **others: object) -> Reply:
    body = {
        "topic": f"//pubsub.googleapis.com/projects/test-project/topics/{topic}",
        "payload_format": "JSON_API_V1",
        **others,
    }
    return server.send("POST", f"/storage/v1/b/{bucket}/notificationConfigs", body)


@every_write
def test_every_way_to_create_an_object_is_announced(
    server: Server, bucket: str, write: Write, subscription: Subscription
) -> None:
    number = configure(
        server, bucket, subscription.topic, event_types=["OBJECT_FINALIZE"], object_name_prefix="finalize/"
    ).json()["id"]
    for name in ("finalize", "Finalize/x", "x/finalize/", "finalise/x"):
        write(server, bucket, name)
    first = write(server, bucket, "finalize/ü x").json()
    second = write(server, bucket, "finalize/ü x").json()
    messages = subscription.messages(2)
    assert [one["attributes"]["objectGeneration"] for one in messages] == [first["generation"], second["generation"]]
    attributes = messages[1]["attributes"]
    assert attributes.pop("eventTime").endswith("Z")
    assert attributes == {
        "notificationConfig": f"projects/_/buckets/{bucket}/notificationConfigs/{number}",
        "eventType": "OBJECT_FINALIZE",
        "payloadFormat": "JSON_API_V1",
        "bucketId": bucket,
        "objectId": "finalize/ü x",
        "objectGeneration": second["generation"],
        "overwroteGeneration": first["generation"],
    }
    resource = json.loads(base64.b64decode(messages[1]["data"]))
    assert {name: resource[name] for name in ("name", "generation", "size", "crc32c")} == {
        name: second[name] for name in ("name", "generation", "size", "crc32c")
    }
    assert "overwroteGeneration" not in messages[0]["attributes"]


def test_overwriting_deleting_patching_and_restoring_are_announced(
    server: Server, bucket: str, subscription: Subscription
) -> None:
    configure(server, bucket, subscription.topic, payload_format="NONE", custom_attributes={"who": "me"})
    first = server.upload(bucket, "n").json()["generation"]
    second = server.upload(bucket, "n").json()["generation"]
    server.on("PATCH", bucket, "n", body={"contentType": "x/y"})
    server.on("DELETE", bucket, "n")
    third = server.on("POST", bucket, "n", "/restore", generation=second).json()["generation"]
    messages = subscription.messages(6)
    facts = {
        (
            one["attributes"]["eventType"],
            one["attributes"]["objectGeneration"],
            one["attributes"].get("overwroteGeneration"),
            one["attributes"].get("overwrittenByGeneration"),
        )
        for one in messages
    }
    assert facts == {
        ("OBJECT_FINALIZE", first, None, None),
        ("OBJECT_FINALIZE", second, first, None),
        ("OBJECT_DELETE", first, None, second),
        ("OBJECT_METADATA_UPDATE", second, None, None),
        ("OBJECT_DELETE", second, None, None),
        ("OBJECT_FINALIZE", third, None, None),
    }
    assert all(one["attributes"]["who"] == "me" and "data" not in one for one in messages)


def test_notifications_are_configured_by_the_official_client(
    client: storage.Client, bucket: str, subscription: Subscription
) -> None:
    place = client.bucket(bucket)
    made = place.notification(
        topic_name=subscription.topic,
        topic_project="test-project",
        event_types=["OBJECT_FINALIZE"],
        blob_name_prefix="f/",
        payload_format="JSON_API_V1",
    )
    made.create()
    assert [one.notification_id for one in place.list_notifications()] == [made.notification_id]
    found = place.get_notification(made.notification_id)
    assert (found.blob_name_prefix, found.event_types) == ("f/", ["OBJECT_FINALIZE"])
    place.blob("f/1").upload_from_string(b"x")
    assert [one["attributes"]["objectId"] for one in subscription.messages(1)] == ["f/1"]
    made.delete()
    assert list(place.list_notifications()) == []


@ours_alone
@pytest.mark.parametrize(
    "wrong", [{"topic": "projects/test-project/topics/t"}, {"payload_format": "XML"}, {"event_types": ["OBJECT_EATEN"]}]
)
def test_a_configuration_that_cloud_storage_refuses_is_400(
    server: Server, bucket: str, wrong: dict[str, object]
) -> None:
    body = {"topic": "//pubsub.googleapis.com/projects/test-project/topics/t", "payload_format": "NONE", **wrong}
    assert server.send("POST", f"/storage/v1/b/{bucket}/notificationConfigs", body).status == 400


@ours_alone
def test_an_upload_waits_for_no_pubsub_and_its_message_is_sent_once_there_is_one() -> None:
    arrived: list[bytes] = []
    refusing = [True, True]

    class Topic(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = 503 if refusing and refusing.pop() else 200
            if status == 200:
                arrived.append(body)
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None: ...

    with http.server.HTTPServer(("127.0.0.1", 0), Topic, bind_and_activate=False) as late:
        late.server_bind()  # the port is taken, but nobody listens yet
        with storage_emulator("--bucket", "mine", pubsub=f"127.0.0.1:{late.server_port}") as server:
            assert configure(server, "mine", "t").status == 200
            assert server.upload("mine", "n").status == 200
            late.server_activate()
            late.timeout = 10
            while not arrived:
                late.handle_request()
    (message,) = json.loads(arrived[0])["messages"]
    assert message["attributes"]["objectId"] == "n"


# --- the command lines


@dataclass
class Shell:
    """Runs gcloud and gsutil against an emulator of their own that has the bucket `mine`."""

    server: Server
    environment: dict[str, str]

    def run(self, *command: str | Path, stdin: bytes = b"") -> None:
        done = subprocess.run(command, env=self.environment, input=stdin, capture_output=True, timeout=100)
        assert done.returncode == 0, done.stderr.decode()

    def names(self) -> list[str]:
        return names(self.server.send("GET", "/storage/v1/b/mine/o"))


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    certificate, key = tmp_path / "certificate", tmp_path / "key"
    write_certificate(certificate, key)
    with storage_emulator("--bucket", "mine", "--certificate", str(certificate), "--key", str(key)) as server:
        assert server.tls_port is not None
        addresses = Addresses(server.address, server.tls_port, "127.0.0.1:1", "127.0.0.1:1")
        yield Shell(server, os.environ | client_environment(addresses, tmp_path / "state", key))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files with awkward names and contents."""
    folder = tmp_path / "folder"
    (folder / "a b").mkdir(parents=True)
    for name, data in [
        ("empty", b""), ("lines", b"\r\n--x\r\n\r"), ("a b/ünï #?%2F&+", b"1"), ("a b/large", os.urandom(9 << 20)),
    ]:  # fmt: skip
        (folder / name).write_bytes(data)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@ours_alone
@pytest.mark.parametrize("client", [["gcloud", "storage"], ["gsutil", "-m"]], ids=["gcloud", "gsutil"])
def test_the_command_lines_upload_download_and_delete(
    shell: Shell, folder: Path, tmp_path: Path, client: list[str]
) -> None:
    shell.run(*client, "rsync", "-r", folder, "gs://mine/batch")
    assert {name: shell.server.read("mine", name) for name in shell.names()} == {
        f"batch/{name}": data for name, data in contents(folder).items()
    }
    (tmp_path / "back").mkdir()
    shell.run(*client, "rsync", "-r", "gs://mine/batch", tmp_path / "back")
    assert contents(tmp_path / "back") == contents(folder)
    shell.run(*client, "rm", "-r", "gs://mine/batch")
    assert shell.names() == []


@ours_alone
def test_gcloud_uploads_a_large_file_as_a_composite_and_a_stream_in_chunks(shell: Shell, tmp_path: Path) -> None:
    # parallel-composite-uploads: from 150 MiB on; the components are deleted afterwards
    large = tmp_path / "large"
    large.write_bytes(os.urandom(1 << 20) * 160)
    shell.run("gcloud", "storage", "cp", large, "gs://mine/large")
    assert shell.server.on("GET", "mine", "large").json()["componentCount"] > 1
    assert shell.names() == ["large"]
    assert shell.server.read("mine", "large") == large.read_bytes()
    shell.run("gcloud", "storage", "cp", "-", "gs://mine/stream", stdin=large.read_bytes()[: 9 << 20])
    assert shell.server.read("mine", "stream") == large.read_bytes()[: 9 << 20]


# --- the process


@ours_alone
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_the_process_ends_at_once_and_well(ending: signal.Signals) -> None:
    command = [sys.executable, "-m", "sendit.emulators.gcs", "--bucket", "one", "--bucket", "two"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        ports = json.loads(process.stdout.readline())
        assert ports["tls_port"] is None
        server = Server(f"127.0.0.1:{ports['port']}")
        assert names(server.send("GET", "/storage/v1/b", project="p")) == ["one", "two"]
        process.send_signal(ending)
        assert process.wait(2) == 0
        server.connection.close()


@ours_alone
def test_tls_serves_the_same_data(tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate", tmp_path / "key"
    write_certificate(certificate, key)
    with storage_emulator("--bucket", "mine", "--certificate", str(certificate), "--key", str(key)) as server:
        server.upload("mine", "n", b"over http")
        assert server.tls_port is not None
        context = ssl.create_default_context(cafile=certificate)
        connection = http.client.HTTPSConnection("127.0.0.1", server.tls_port, context=context)
        connection.request("GET", f"{at('mine', 'n')}?alt=media")
        assert connection.getresponse().read() == b"over http"
        connection.request("POST", "/upload/storage/v1/b/mine/o?uploadType=resumable&name=m", b"{}")
        answer = connection.getresponse()
        answer.read()
        assert answer.headers["Location"].startswith(f"https://127.0.0.1:{server.tls_port}/")
        connection.close()


def test_in_process_it_stops_answering_when_it_is_stopped() -> None:
    with GcsEmulator(buckets=["mine"]) as emulator:
        server = Server(f"127.0.0.1:{emulator.port}")
        assert server.upload("mine", "n").status == 200
    with pytest.raises((OSError, http.client.HTTPException)):
        server.upload("mine", "n")
    server.connection.close()


@ours_alone
def test_notifications_that_could_go_nowhere_are_refused() -> None:
    with storage_emulator("--bucket", "mine") as server:
        assert configure(server, "mine", "t").status == 501


def test_a_name_that_leads_to_this_machine_from_elsewhere_is_refused(gcs_emulator: str) -> None:
    connection = http.client.HTTPConnection(gcs_emulator, timeout=10)
    with closing(connection):
        connection.request("GET", "/storage/v1/b?project=local", headers={"Host": "evil.example:80"})
        assert connection.getresponse().status == 403
