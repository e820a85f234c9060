"""Broken and hostile inputs of every kind: nothing crashes, each is accounted for, and no log quotes one of them."""

import base64
import gzip
import io
import json
import random
import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import functions_framework
import pytest
from pydicom.data import get_testdata_files
from tests.chaos.figures import Figures
from tests.data import objects
from tests.unit.test_process import World

from sendit import logs, push
from sendit.errors import BatchError
from sendit.finalize import finalize
from sendit.manifest import Manifest
from sendit.process import process
from sendit.records import BatchState
from sendit.refs import BatchMessage, GcsPlace
from sendit.settings import LogFormat, LogLevel

CANARY = "KANARIENVOGEL"
STAGING = GcsPlace.parse("gs://staging-bucket/below")
FUNCTION = """
import flask, functions_framework
from sendit import push
settings = push.serve(flask.current_app, lambda settings: None)
@functions_framework.cloud_event
def function(pushed):
    flask.current_app.config["handle"](pushed)
"""
LARGEST_OF_PYDICOM = 64 * 1024
LENGTHS = (b"\xff\xff\xff\xff", b"\xfe\xff\xff\xff", b"\xff\xff", b"\0\0\0\x80", b"\0\0")
SCALARS: tuple[object, ...] = (None, True, -1, 0, 1.5, 10**30, "", CANARY, "\ud800", "..", "a\0b", [], {}, [[]])
PIECES = (
    "..",
    ".",
    "",
    "a",
    CANARY,
    "\ud800",
    "\udcff",
    "\0",
    "\n",
    "\x1b[31m",
    "\u202e",
    "tmp",
    "x.tmp9",
    "test1",
    "é" * 600,
)
ENDS = ("", "", "\n", "\x1b[31m", "\u202e", "\udcff", f" {CANARY}", ".tmp9", "é" * 100, "'\"`$(x)", "%2e%2e")
"""With which the names of files end."""


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    heard = io.StringIO()
    logs.setup(LogFormat.JSON, LogLevel.DEBUG, heard)
    yield heard
    logs.trace.set("")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    with closing(made.store):
        yield made


def seeds() -> list[bytes]:
    """What is mutated: objects of our own that name the canary, and pydicom's small files."""
    own = []
    for make in (objects.ct, objects.mr, objects.nm, objects.rtplan, objects.us):
        dataset = make(1)
        dataset.PatientName = dataset.PatientComments = CANARY
        own.append(objects.to_bytes(dataset))
    theirs = sorted(Path(name) for name in get_testdata_files("*.dcm"))
    return own + [path.read_bytes() for path in theirs if path.stat().st_size <= LARGEST_OF_PYDICOM]


def broken(data: bytes, chance: random.Random) -> bytes:
    """Some bytes of a file changed, cut off, put in or doubled, its lengths and VRs above all."""
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        at = chance.randrange(len(out) or 1)
        match chance.randrange(6):
            case 0:
                del out[at:]
            case 1:
                wrong = chance.choice(LENGTHS)
                out[at : at + len(wrong)] = wrong
            case 2:
                out[at : at + 2] = chance.choice((b"SQ", b"UN", b"OB", b"ZZ", b"PN", b"US"))
            case 3:
                out[at:at] = out[at : at + chance.randrange(64)]
            case 4:
                out[at : at + 4] = struct.pack("<HH", chance.randrange(1 << 16), chance.randrange(1 << 16))
            case _:
                out[at : at + 1] = bytes([chance.randrange(256)])
    return bytes(out)


def mangled(value: Any, chance: random.Random) -> Any:
    """A JSON value with one thing in it that is gone, or something else."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        key = chance.choice(sorted(value))
        if chance.random() < 0.2:
            return {name: one for name, one in value.items() if name != key}
        return {**value, key: mangled(value[key], chance)}
    return chance.choice(SCALARS)


def hostile_name(chance: random.Random) -> str:
    return chance.choice(("/", "", "//")).join(chance.choice(PIECES) for _ in range(chance.randrange(1, 5)))


def test_every_broken_file_has_an_outcome_and_none_is_quoted(
    world: World, long: bool, chance: random.Random, figures: Figures, log: io.StringIO
) -> None:
    whole = seeds()
    count = 5000 if long else 200
    for number in range(count):
        (world.source / f"{number:05}{chance.choice(ENDS)}").write_bytes(broken(chance.choice(whole), chance))
    batch = world.process()
    assert batch.state is BatchState.DONEPROCESSING
    assert batch.counts.found == batch.counts.settled == count
    for image in world.images.values():
        figures.count(str(image.code or image.rule or image.state))
        assert image.code != "internal_error", image.id
    assert CANARY not in log.getvalue()
    assert CANARY not in repr(batch)
    assert not [path for path in world.outputs if CANARY.encode() in path.read_bytes()]


def test_every_manifest_that_was_tampered_with_is_refused_in_bounded_memory_or_read(
    world: World, long: bool, chance: random.Random, figures: Figures
) -> None:
    world.put("a", "b", "c")
    world.process()
    (data,) = world.staging.manifests(world.message.batch_id)
    rows = [json.loads(line) for line in gzip.decompress(data).splitlines()]
    for _ in range(1000 if long else 300):
        match chance.randrange(4):
            case 0:
                forged = broken(data, chance)
            case 1:
                forged = gzip.compress(bytes(chance.randrange(1 << 20)) + b"[" * chance.randrange(100_000))
            case 2:
                forged = gzip.compress(b"\n".join(json.dumps(mangled(row, chance)).encode() for row in rows))
            case _:
                at = chance.randrange(len(rows))
                changed = [mangled(row, chance) if number == at else row for number, row in enumerate(rows)]
                forged = gzip.compress(b"\n".join(json.dumps(row).encode() for row in changed))
        try:
            manifest = Manifest.from_bytes(forged)
        except BatchError as error:
            figures.count(error.code)
            assert CANARY not in str(error)
        else:
            figures.count("read")
            assert all(entry.size >= 0 for entry in manifest.entries)


def test_a_gzip_bomb_is_no_manifest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sendit.manifest.LARGEST", 1 << 20)
    whole = Manifest.freeze([], batch="ST-1", profile_digest="p", key_id="k", version="1").to_bytes()
    assert Manifest.from_bytes(whole).entries == ()
    for bomb in (gzip.compress(bytes(2 << 20)), gzip.compress(b"\n" * (2 << 20)), whole + whole, whole[:-1], b""):
        with pytest.raises(BatchError):
            Manifest.from_bytes(bomb)


@pytest.mark.parametrize("kind", ["message", "marker", "dead letter"])
def test_every_push_is_answered_and_none_is_quoted(
    world: World, tmp_path: Path, long: bool, chance: random.Random, figures: Figures, log: io.StringIO, kind: str
) -> None:
    handlers: dict[str, Callable[[Any], object]] = {
        "message": lambda pushed: process(push.batch_message_of(pushed), world.processing),
        "marker": lambda pushed: finalize(
            push.marker_of(pushed, STAGING), store=world.store, queue=world.queue, ids=world.ids, clock=world.clock
        ),
        "dead letter": lambda pushed: push.dead_letter_of(pushed, STAGING),
    }
    (tmp_path / "main.py").write_text(FUNCTION, "utf-8")
    app = functions_framework.create_app("function", str(tmp_path / "main.py"), "cloudevent")
    logs.setup(LogFormat.JSON, LogLevel.DEBUG, log)
    app.config["handle"] = handlers[kind]
    client = app.test_client()
    for _ in range(1400 if long else 200):
        name = hostile_name(chance)
        fields: dict[str, Any] = json.loads(BatchMessage(world.message.batch_id, name, 7).to_json())
        fields = mangled(fields, chance) if chance.random() < 0.5 else fields
        data = json.dumps(fields).encode()
        data = broken(data, chance) if chance.random() < 0.2 else data
        attributes = {
            "bucketId": "staging-bucket",
            "objectId": f"below/finalize/{name}",
            "eventType": "OBJECT_FINALIZE",
        }
        message = {"data": base64.b64encode(data).decode(), "messageId": "1"}
        message["attributes"] = attributes | {"objectGeneration": "1700000000000001"}  # type: ignore[assignment]
        envelope = {"message": message, "subscription": "projects/p/subscriptions/s"}
        body = json.dumps(mangled(envelope, chance) if chance.random() < 0.5 else envelope).encode()
        body = broken(body, chance) if chance.random() < 0.2 else body
        answer = client.post("/", data=body, content_type="application/json")
        figures.count(f"{kind}: {answer.status_code}")
        assert answer.status_code in {200, 204}, body
    assert CANARY not in log.getvalue()
    assert "internal_error" not in log.getvalue()
