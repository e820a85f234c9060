"""finalize killed between each pair of its steps, and the event delivered again: the batch is published, never lost.

The function is the real one in a process of its own; what kills it is planted around the adapters' methods.
"""

from pathlib import Path

import pytest
from tests.emulator.cloud import Cloud
from tests.emulator.functions import FUNCTIONS, function, marker_attributes, post
from tests.emulator.test_deliveries import slices

FUNCTION = FUNCTIONS / "finalize" / "main.py"
KILLING = """
import os, signal
from sendit.adapters.firestore_commits import BatchDocuments
from sendit.adapters.firestore_status import FirestoreStatusStore
from sendit.adapters.pubsub_queue import PubSubQueue

place, moment, step = {place}, {moment!r}, {step!r}
inner = getattr(place, step)

def killing(*arguments, **named):
    if moment == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    inner(*arguments, **named)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(place, step, killing)
exec(compile(open({function!r}).read(), {function!r}, "exec"))
"""
STEPS = [
    ("FirestoreStatusStore", "before", "register"),
    ("BatchDocuments", "after", "create"),
    ("FirestoreStatusStore", "after", "register"),
    ("PubSubQueue", "before", "publish"),
    ("PubSubQueue", "after", "publish"),
    ("FirestoreStatusStore", "before", "mark_published"),
    ("FirestoreStatusStore", "after", "mark_published"),
]


@pytest.mark.parametrize(("place", "moment", "step"), STEPS)
def test_killed_at_any_step_the_next_delivery_publishes_the_batch(
    cloud: Cloud, tmp_path: Path, place: str, moment: str, step: str
) -> None:
    # in a corner of the bucket that the local cloud's own function is not told of
    batch = f"killed-{moment}-{step}"
    cloud.put(batch, slices(2, batch))
    attributes = marker_attributes(batch)
    source = tmp_path / "main.py"
    source.write_text(KILLING.format(place=place, moment=moment, step=step, function=str(FUNCTION)), "utf-8")
    with (
        function(cloud, "finalize", tmp_path, source) as killed,
        pytest.raises(OSError, match=r"Remote end closed|reset"),
    ):
        post(killed.address, b"{}", attributes)
    with function(cloud, "finalize", tmp_path) as again:
        assert post(again.address, b"{}", attributes) == 200
        assert post(again.address, b"{}", attributes) == 200
    document = cloud.rested(batch)
    assert (document["status"], document["counts"]["stored"]) == ("DONEPROCESSING", 2)
    assert len(cloud.outputs(batch)) == 2
