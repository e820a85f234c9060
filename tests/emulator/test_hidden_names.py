"""SENDIT_BATCH_NAMES=hide, from the marker to a retry: the name is in staging and on the topics, and nowhere else."""

import json
from functools import partial
from pathlib import Path

from tests.emulator.cloud import SENDIT, Cloud, Document
from tests.emulator.functions import function, marker_attributes, post
from tests.emulator.test_deliveries import slices

ACCESSION = "ACCESSION-4711"
NAME = f"7_3/{ACCESSION}"


def attempted(cloud: Cloud, attempt: int) -> Document | None:
    """The batch's document when its attempt is over."""
    found = cloud.batch(NAME)
    return found if found and found["attempt"] == attempt and found["lease"] is None else None


def test_a_hidden_name_is_nowhere_and_the_batch_is_operated_by_it_all_the_same(cloud: Cloud, tmp_path: Path) -> None:
    hide = {"SENDIT_BATCH_NAMES": "hide", "SENDIT_LOG_LEVEL": "debug"}
    cloud.put(NAME, {**slices(2, "HIDDEN"), "bad": b"no DICOM"})
    with function(cloud, "finalize", tmp_path, None, **hide) as finalize:
        assert post(finalize.address, b"{}", marker_attributes(NAME)) == 200
        document = cloud.rested(NAME)
        assert post(finalize.address, b"{}", marker_attributes(NAME)) == 200
    assert (document["name"], document["counts"]["stored"], document["counts"]["errored"]) == (None, 2, 1)

    batch_id = cloud.id_of(NAME)
    shown = cloud.run(SENDIT, "status", NAME, "--json", **hide)
    assert (shown.returncode, batch_id in shown.stdout) == (0, True), shown.stderr
    everything = cloud.run(SENDIT, "status", **hide)
    assert (everything.returncode, batch_id[:6] in everything.stdout) == (0, True), everything.stderr
    troubles = cloud.run(SENDIT, "errors", NAME, "--json", **hide)
    assert troubles.returncode == 0, troubles.stderr
    assert [trouble["what"] for trouble in json.loads(troubles.stdout)] == ["not_dicom"]
    named = cloud.run(SENDIT, "errors", NAME, "--names", **hide)
    assert (named.returncode, f"{NAME}/bad" in named.stdout) == (0, True), named.stderr

    for wanted, attempt in ((NAME, 2), (batch_id, 3)):
        asked = cloud.run(SENDIT, "retry", wanted, "--failed", **hide)
        assert (asked.returncode, "1 images to do" in asked.stdout) == (0, True), asked.stderr
        document = cloud.until(partial(attempted, cloud, attempt))
        assert (document["name"], document["status"], document["counts"]["stored"]) == (None, "DONEPROCESSING", 2)
        assert ACCESSION not in asked.stdout + asked.stderr

    places = {
        "Firestore": cloud.all_of_firestore(),
        "finalize": "".join(finalize.lines),
        "the functions": "\n".join(cloud.lines),
        "status": shown.stdout + everything.stdout + everything.stderr,
        "errors": troubles.stdout + troubles.stderr,
    }
    assert [place for place, text in places.items() if ACCESSION in text] == []
    assert batch_id in places["Firestore"]
    assert batch_id in places["finalize"]
    assert batch_id in places["the functions"]
