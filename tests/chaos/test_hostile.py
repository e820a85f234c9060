"""Broken and hostile files and manifests: nothing crashes, each is accounted for, and no log quotes one of them."""

import gzip
import io
import json
import random
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.chaos.figures import Figures
from tests.chaos.hostile import CANARY, LONG, QUICK, broken, mangled, named, seeds
from tests.data.canaries import CANARY_FILE, find
from tests.unit.test_process import NAME, World

from sendit import logs
from sendit.errors import BatchError
from sendit.manifest import Manifest
from sendit.records import BatchState
from sendit.settings import LogFormat, LogLevel


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


def test_the_long_form_has_ten_thousand_inputs() -> None:
    assert LONG.inputs >= 10_000
    assert LONG.files_in_cloud >= 1000


def test_every_broken_file_has_an_outcome_and_none_is_quoted(
    world: World, long: bool, chance: random.Random, figures: Figures, log: io.StringIO
) -> None:
    whole, canaries = seeds()
    of_headers = [canary for canary in canaries if canary != CANARY_FILE]
    count = (LONG if long else QUICK).files
    for number in range(count):
        (world.source / named(number, chance)).write_bytes(broken(chance.choice(whole), chance))
    batch = world.process()
    figures.count("inputs", count)
    assert batch.state is BatchState.DONEPROCESSING
    assert batch.counts.found == batch.counts.settled == count
    images = list(world.images.values())
    for image in images:
        figures.count(str(image.code or image.rule or image.state))
        assert image.code != "internal_error", image.id
    assert len(images) == count
    assert log.getvalue()
    assert find(canaries, log.getvalue().encode()) == []
    # an output's name is made of pseudonyms; any eight digits come in one of thousands
    records = [repr(batch), *(repr(replace(image, output="")) for image in images)]
    assert find(canaries, "\n".join(records).encode()) == []
    report = world.reports.path_of(NAME).read_bytes()
    assert CANARY_FILE.value.encode() in report, "files are named where they may be"
    assert find(of_headers, report) == []
    assert not [path for path in world.outputs if CANARY.encode() in path.read_bytes()]


def test_every_manifest_that_was_tampered_with_is_refused_in_bounded_memory_or_read(
    world: World, long: bool, chance: random.Random, figures: Figures
) -> None:
    world.put("a", "b", "c")
    world.process()
    (data,) = world.staging.manifests(world.message.batch_id)
    rows = [json.loads(line) for line in gzip.decompress(data).splitlines()]
    count = (LONG if long else QUICK).manifests
    figures.count("inputs", count)
    for _ in range(count):
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
