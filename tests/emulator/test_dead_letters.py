"""`sendit dead-letters`: what died is listed and not lost, and its batches go on when a person says so."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.contract.status_stores import WholeStore
from tests.emulator.cloud import SENDIT, Cloud
from tests.emulator.functions import marker_attributes
from tests.emulator.test_deliveries import slices
from tests.emulator.test_sweep import die, in_vain, silent, store

from sendit.records import Lease
from sendit.refs import BatchMessage

__all__ = ["store"]

UNKNOWN = "0123456789abcdef0123"


def listed(cloud: Cloud, **more: str) -> list[dict[str, Any]]:
    shown = cloud.run(SENDIT, "dead-letters", "list", "--json", **more)
    assert shown.returncode == 0, shown.stderr
    found: list[dict[str, Any]] = json.loads(shown.stdout)
    return found


def of(cloud: Cloud, batch: str) -> list[dict[str, Any]]:
    return [letter for letter in listed(cloud) if letter["id"] == cloud.id_of(batch)]


def letter(cloud: Cloud, batch: str) -> bytes:
    return BatchMessage(cloud.id_of(batch), batch, 10**17).to_json()


def test_a_batch_that_was_given_up_is_listed_with_its_reason_and_goes_on_when_asked(
    cloud: Cloud, store: WholeStore
) -> None:
    silent(cloud, store, "dead/one")
    in_vain(cloud, store, "dead/one")
    for _ in range(2):
        die(cloud, letter(cloud, "dead/one"))
    cloud.rested("dead/one", ["ERROR"])
    first, second = of(cloud, "dead/one")
    assert (first["topic"], first["batch"], first["state"], first["attempt"]) == ("batches", "dead/one", "ERROR", 20)
    assert "No worker said why" in first["why"]
    assert second | {"died": first["died"]} == first
    table = cloud.run(SENDIT, "dead_letters", "list", SENDIT_BATCH_NAMES="hide")
    assert (table.returncode, cloud.id_of("dead/one") in table.stdout) == (0, True), table.stderr
    assert "dead/one" not in table.stdout
    asked = cloud.run(SENDIT, "dead-letters", "requeue", "dead/one")
    assert (asked.returncode, asked.stdout) == (0, f"{cloud.id_of('dead/one')}: queued again.\n"), asked.stderr
    document = cloud.rested("dead/one", ["DONEPROCESSING"])
    assert (document["counts"]["stored"], document["has_error"], document["attempt"]) == (3, False, 21)
    assert of(cloud, "dead/one") == []


def test_letters_stay_until_their_batch_goes_on(cloud: Cloud, store: WholeStore) -> None:
    silent(cloud, store, "dead/held")
    now = datetime.now(UTC)
    lease = Lease("somebody", now + timedelta(hours=1))
    store.claim(cloud.id_of("dead/held"), lease, now)
    die(cloud, letter(cloud, "dead/held"))
    die(cloud, BatchMessage(UNKNOWN, "dead/never", 7).to_json())
    die(cloud, b"nonsense")
    held = cloud.id_of("dead/held")
    cloud.until(lambda: {held, UNKNOWN, ""} <= {letter["id"] for letter in listed(cloud)})
    asked = cloud.run(SENDIT, "dead-letters", "requeue", "--all")
    assert asked.returncode == 1
    assert {
        f"{held}: a worker has it; the letter is kept.",
        f"{UNKNOWN}: its batch is not known; the letter is kept.",
        "A letter is none of sendit's; it is kept.",
    } <= set(asked.stdout.splitlines())
    store.release(held, lease, None, now)
    asked = cloud.run(SENDIT, "dead-letters", "requeue", held[:8])
    assert (asked.returncode, "published once more" in asked.stdout) == (0, True), asked.stderr
    assert cloud.rested("dead/held")["counts"]["stored"] == 3
    left = {letter["id"] for letter in listed(cloud)}
    assert (held in left, {UNKNOWN, ""} <= left) == (False, True)


def test_of_a_marker_that_died_the_batch_is_registered_and_one_that_came_through_is_let_go(cloud: Cloud) -> None:
    cloud.put("dead/marker", slices(2, "DEAD-MARKER"))
    die(cloud, b"{}", marker_attributes("dead/marker"))
    assert cloud.rested("dead/marker")["counts"]["stored"] == 2
    (shown,) = of(cloud, "dead/marker")
    assert (shown["topic"], shown["state"], shown["why"]) == ("finalized", "DONEPROCESSING", None)
    die(cloud, letter(cloud, "dead/marker"))
    asked = cloud.run(SENDIT, "dead-letters", "requeue", "dead/marker")
    assert (asked.returncode, "nothing to do" in asked.stdout) == (0, True), asked.stderr
    assert of(cloud, "dead/marker") == []
    document = cloud.batch("dead/marker")
    assert document is not None
    assert document["attempt"] == 1


@pytest.mark.parametrize("arguments", [(), ("--all", "ST-1"), ("never-died",)])
def test_what_is_not_asked_for_rightly_is_a_line_and_changes_nothing(cloud: Cloud, arguments: tuple[str, ...]) -> None:
    asked = cloud.run(SENDIT, "dead-letters", "requeue", *arguments)
    assert (asked.returncode, asked.stdout) == (2, "")
    (line,) = asked.stderr.splitlines()
    assert line.startswith("sendit: ")
