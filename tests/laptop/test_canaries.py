"""One walk over DESIGN §8: what was planted in headers and names is found nowhere that it may not lie.

Of what exists so far: staging (SRC), its manifests and the state (SENDIT_HOME), logs (stderr), answers (stdout),
reports, and the output (OUT).
"""

from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.data import hostile, objects
from tests.data.canaries import CANARY_FILE, CANARY_FOLDER, RETAINED, Canary, find, planted, search_tree
from tests.laptop.conftest import Answer, images_in, sendit_at

ACCEPTED = ("ct", "mr", "pt", "nm", "cr", "dx", "mg", "rtplan", "rtdose", "rtstruct")
REFUSED = ("us", "secondary_capture", "encapsulated_pdf", "basic_text_sr")
NAMES = (CANARY_FILE, CANARY_FOLDER)


@dataclass(frozen=True)
class World:
    """Everything that one run with planted values left behind."""

    canaries: tuple[Canary, ...]
    out: Path
    home: Path
    report: Path
    answers: dict[str, Answer]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    tmp_path = tmp_path_factory.mktemp("world")
    home = tmp_path / "home"
    sendit = sendit_at(home)
    batch = tmp_path / "src" / CANARY_FOLDER.value
    batch.mkdir(parents=True)
    canaries: dict[str, Canary] = {}
    number = 0

    def put(data: bytes) -> None:
        nonlocal number
        number += 1
        (batch / f"{CANARY_FILE.value}-{number}.dcm").write_bytes(data)

    for kind in (*ACCEPTED, *REFUSED):
        dataset, values = planted(kind)
        canaries |= {canary.value: canary for canary in values}
        whole = objects.to_bytes(dataset)
        for syntax in objects.SYNTAXES:
            dataset.SOPInstanceUID = f"{dataset.SOPInstanceUID[:50]}.{number}"
            put(objects.to_bytes(dataset, syntax))
        put(whole)
        put(whole[: len(whole) // 2])  # truncated
        put(whole[: len(whole) // 4])
        put(whole.replace(b"DA\x08\x00", b"ZZ\x08\x00"))  # a VR that is none
        put(whole.replace(b"\x08\x00\x18\x00UI", b"\x08\x00\x18\x00LO"))  # a UID that says it is text
        put(b"no DICOM, but a name: " + whole[300:900])
    hostile.conflict(batch)
    answers = {
        "run": sendit("run", tmp_path / "src", tmp_path / "out", SENDIT_LOG_FORMAT="json", SENDIT_LOG_LEVEL="debug"),
        "again": sendit("run", tmp_path / "src", tmp_path / "out", "--retry", "all", SENDIT_LOG_LEVEL="debug"),
        "json": sendit("run", tmp_path / "src", tmp_path / "out", "--json"),
        "status": sendit("status"),
        "status of one": sendit("status", CANARY_FOLDER.value),
        "status json": sendit("status", "--json"),
        "errors": sendit("errors"),
        "errors json": sendit("errors", "--json"),
        "errors with names": sendit("errors", "--names"),
        "files": sendit(
            "deidentify", batch, tmp_path / "out2", "--report", tmp_path / "report.jsonl", SENDIT_LOG_LEVEL="debug"
        ),
    }
    return World(tuple(canaries.values()), tmp_path / "out", home, tmp_path / "report.jsonl", answers)


def test_nothing_that_was_planted_lies_where_it_may_not(world: World) -> None:
    assert len(world.canaries) > 200
    assert world.answers["run"].status == 3, world.answers["run"].stderr
    assert len(images_in(world.out)) >= len(ACCEPTED)
    everything = (*world.canaries, *NAMES)

    # output and reports: nothing but what the profile retains, in contents and in names
    gone = tuple(one for one in everything if one.where not in RETAINED)
    assert search_tree(world.out, gone) == []
    assert search_tree(world.out.with_name("out2"), gone) == []
    assert find(everything, world.report.read_bytes()) == []

    for verb, answer in world.answers.items():
        # logs: nothing at all
        assert find(everything, answer.stderr.encode()) == [], verb
        # answers: the batch's name is a field, the files' names only where they were asked for
        allowed = {CANARY_FOLDER, CANARY_FILE} if verb == "errors with names" else {CANARY_FOLDER}
        assert set(find(everything, answer.stdout.encode())) <= allowed, verb
    assert CANARY_FILE in find(NAMES, world.answers["errors with names"].stdout.encode())

    # SENDIT_HOME: names in manifests and reports, and the batch's name in the state, headers nowhere
    assert search_tree(world.home, world.canaries) == []
    with_names = {path.name for path, _ in search_tree(world.home, [CANARY_FILE])}
    report = f"{CANARY_FOLDER.value}.err"
    assert with_names == {path.name for path in world.home.rglob("*.jsonl.gz")} | {report} != {report}


def test_the_key_lies_in_its_file_and_nowhere_else(world: World) -> None:
    key = world.home / "key"
    secret = key.read_text("ascii").strip()
    needles = (secret.encode(), secret.upper().encode(), bytes.fromhex(secret))
    places = [
        path for folder in (world.home, world.out) for path in folder.rglob("*") if path.is_file() and path != key
    ]
    blobs = [path.read_bytes() for path in places]
    blobs += [(answer.stdout + answer.stderr).encode() for answer in world.answers.values()]
    assert not any(needle in blob for needle in needles for blob in blobs)
    assert key.stat().st_mode & 0o777 == 0o600
