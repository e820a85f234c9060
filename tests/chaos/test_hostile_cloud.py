"""Broken and hostile files, messages, markers and dead letters for the real functions, over HTTP.

Nothing crashes, each is answered and accounted for in Firestore, and neither there nor in a log is one quoted.
"""

import base64
import json
import random
import re
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import pytest
from tests.chaos.figures import Figures
from tests.chaos.hostile import (
    CANARY,
    ENDS_OF_OBJECTS,
    LONG,
    QUICK,
    broken,
    hostile_name,
    mangled,
    named,
    seeds,
)
from tests.chaos.processes import children
from tests.data.canaries import CANARY_FILE, Canary, find
from tests.emulator.cloud import AT_REST, Cloud, Document, plain
from tests.emulator.functions import marker_attributes, registered
from tests.emulator.killing import cleaned, wired
from tests.emulator.test_deliveries import push_address, slices

from sendit.emulators.cloud import LocalCloud
from sendit.errors import Refused
from sendit.refs import BatchMessage, BatchName

FILES_OF_A_BATCH = 200
UNKNOWN = "0123456789abcdef0123"
TOPICS = {"message": "batches", "marker": "finalized", "dead letter": "dead-letters"}
FUNCTIONS = {"message": "worker", "marker": "finalize", "dead letter": "sweep"}


def test_every_broken_file_in_the_cloud_has_an_outcome_and_none_is_quoted(
    cloud: Cloud, local_cloud: LocalCloud, long: bool, chance: random.Random, figures: Figures
) -> None:
    whole, canaries = seeds()
    of_headers = [canary for canary in canaries if canary != CANARY_FILE]
    left = (LONG if long else QUICK).files_in_cloud
    serving = children(local_cloud.pids["worker"])
    while left:
        count = min(left, FILES_OF_A_BATCH)
        batch = f"broken/{left}"
        left -= count
        names = [named(number, chance, ENDS_OF_OBJECTS) for number in range(count)]
        cloud.put(batch, {name: broken(chance.choice(whole), chance) for name in names})
        cloud.mark(batch)
        document = cleaned(cloud, batch)
        images = cloud.images(batch)
        counts = document["counts"]
        assert (document["status"], document["attempt"], document["lease"]) == ("DONEPROCESSING", 1, None)
        assert counts["found"] == counts["stored"] + counts["rejected"] + counts["errored"] == count
        assert images.keys() == {cloud.ids.image(BatchName.parse(batch), name) for name in names}
        codes = {image.get("code") for image in images.values()}
        assert not codes & {"internal_error", "worker_crashed"}
        figures.count("inputs", count)
        for status in ("DONEPROCESSING", "REJECTED", "ERROR"):
            figures.count(status, sum(image["status"] == status for image in images.values()))
        # an output's name is made of pseudonyms; any eight digits come in one of thousands
        records = [document, *({**image, "output": ""} for image in images.values())]
        assert find(canaries, json.dumps(records, ensure_ascii=False).encode()) == []
        report = cloud.until(lambda: cloud.staging.get_blob(f"failed/{batch}.err")).download_as_bytes()  # noqa: B023
        assert CANARY_FILE.value.encode() in report, "files are named where they may be"
        assert find(of_headers, report) == []
    assert children(local_cloud.pids["worker"]) == serving, "the process that serves is the one that began"
    _check_lines(cloud, canaries)
    figures.conclude()


@dataclass
class Pushes:
    """Pushes of one kind, hostile in their names, their JSON and their bytes; remembers whose markers they told of."""

    kind: str
    ids: tuple[str, ...]
    chance: random.Random
    asked: set[BatchName] = field(default_factory=set)
    asked_well: set[BatchName] = field(default_factory=set)  # by a push with nothing wrong but its names

    def one(self) -> bytes:
        chance = self.chance
        name = hostile_name(chance)
        fields: Any = json.loads(BatchMessage(chance.choice(self.ids), name, 7).to_json())
        fields = mangled(fields, chance) if chance.random() < 0.5 else fields
        data = json.dumps(fields).encode()
        data = broken(data, chance) if chance.random() < 0.2 else data
        message: dict[str, object] = {"data": base64.b64encode(data).decode(), "messageId": "1"}
        if self.kind == "marker" or (self.kind == "dead letter" and chance.random() < 0.5):
            message["attributes"] = marker_attributes(name)
        envelope = {"message": message, "subscription": "projects/p/subscriptions/s"}
        whole = json.dumps(envelope).encode()
        body = json.dumps(mangled(envelope, chance)).encode() if chance.random() < 0.5 else whole
        body = broken(body, chance) if chance.random() < 0.2 else body
        if self.kind != "message" and (batch := told_of(body)):
            self.asked.add(batch)
            if body == whole:
                self.asked_well.add(batch)
        return body


def told_of(body: bytes) -> BatchName | None:
    """The batch whose marker a push tells of, if it tells of one."""
    try:
        attributes = json.loads(body)["message"]["attributes"]
        folder, _, name = attributes["objectId"].partition("/")
        where = (attributes["bucketId"], attributes["eventType"], folder)
        if where != ("sendit-staging", "OBJECT_FINALIZE", "finalize"):
            return None
        name.encode()  # or Cloud Storage has no such object
        return BatchName.parse(name) if re.fullmatch(r"[0-9]{1,18}", attributes["objectGeneration"]) else None
    except (ValueError, KeyError, TypeError, AttributeError, Refused):
        return None


@pytest.mark.parametrize("kind", TOPICS)
def test_every_push_is_answered_and_none_changes_what_it_does_not_name(
    cloud: Cloud, local_cloud: LocalCloud, long: bool, chance: random.Random, figures: Figures, kind: str
) -> None:
    resting, waiting = (f"hostile {kind}/{name}" for name in ("resting", "waiting"))
    cloud.put(resting, slices(2, resting))
    cloud.mark(resting)
    cleaned(cloud, resting)
    with wired(cloud) as (_, finalizer):
        if kind == "marker":
            cloud.put(waiting, slices(2, waiting))
        else:
            registered(cloud, finalizer.store, waiting, slices(2, waiting))
    address = push_address(cloud, TOPICS[kind])
    serving = children(local_cloud.pids[FUNCTIONS[kind]])
    before = batches(cloud)
    pushes = Pushes(kind, (UNKNOWN, cloud.id_of(resting), cloud.id_of(waiting)), chance)
    for _ in range((LONG if long else QUICK).pushes):
        figures.count("inputs")
        figures.count(f"answered {answered(cloud, address, pushes.one())}")
    named_ids = {cloud.id_of(str(name)) for name in pushes.asked}
    after = at_rest(cloud, named_ids)
    assert after.keys() - before.keys() <= named_ids, "no batch appears that was not asked for"
    changed = {one for one, document in before.items() if after[one] != document}
    assert changed <= named_ids, "no batch changes that was not named"
    figures.count("batches that appeared", len(after) - len(before))
    known = {name for name in pushes.asked if cloud.id_of(str(name)) in after}
    for name in pushes.asked_well - known:
        assert name.test or name.unfinished or any(_overlap(name, one) for one in known)
    # the function still does what it is for
    right = BatchMessage(cloud.id_of(waiting), waiting, 7).to_json(), marker_attributes(waiting)
    data, attributes = (b"{}", right[1]) if kind == "marker" else (right[0], {})
    message = {"data": base64.b64encode(data).decode(), "attributes": attributes, "messageId": "1"}
    body = {"message": message, "subscription": "projects/p/subscriptions/s"}
    assert answered(cloud, address, json.dumps(body).encode()) == HTTPStatus.OK
    assert cloud.rested(waiting)["counts"]["stored"] == 2
    assert children(local_cloud.pids[FUNCTIONS[kind]]) == serving, "the process that serves is the one that began"
    documents = [{**document, "name": None} for document in batches(cloud).values()]  # where a batch's name may stand
    canaries = (Canary(CANARY, "names and JSON"),)
    assert find(canaries, json.dumps(documents, ensure_ascii=False).encode()) == []
    _check_lines(cloud, canaries)
    figures.conclude()


def answered(cloud: Cloud, address: str, body: bytes) -> int:
    """The answer to a push, which is delivered again as long as the answer is that it may pass."""

    def push() -> int:
        request = urllib.request.Request(address, body, {"Content-Type": "application/json"})  # noqa: S310  loopback
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  loopback
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    answer: int = cloud.until(lambda: (status := push()) != HTTPStatus.SERVICE_UNAVAILABLE and status)
    assert answer in {HTTPStatus.OK, HTTPStatus.NO_CONTENT}, body
    return answer


def batches(cloud: Cloud) -> dict[str, Document]:
    """The document of every batch, by id."""
    found: dict[str, Document] = {}
    token = ""
    while True:
        page = cloud.rest(f"batches?pageSize=300&pageToken={token}") or {}
        for one in page.get("documents", []):
            found[one["name"].rpartition("/")[2]] = plain({"mapValue": {"fields": one["fields"]}})
        if not (token := page.get("nextPageToken", "")):
            return found


def at_rest(cloud: Cloud, ids: set[str]) -> dict[str, Document]:
    """The document of every batch as soon as those that were asked for rest."""

    def found() -> dict[str, Document] | None:
        documents = batches(cloud)
        resting = all(documents[one]["status"] in AT_REST for one in ids & documents.keys())
        return documents if resting else None

    documents: dict[str, Document] = cloud.until(found, seconds=240.0)
    return documents


def _overlap(one: BatchName, other: BatchName) -> bool:
    return one in other.ancestors() or other in one.ancestors()


def _check_lines(cloud: Cloud, canaries: tuple[Canary, ...]) -> None:
    """No function quoted a canary, and none found a defect in itself."""
    lines = "\n".join(list(cloud.lines))
    assert lines
    assert find(canaries, lines.encode(errors="surrogateescape")) == []
    assert "internal_error" not in lines
    assert "Traceback" not in lines
