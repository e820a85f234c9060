"""Measures the whole local cloud: `python -m tests.bench.whole_cloud`.

In one run, on the same 1,000 CT: what the Cloud Storage emulator gives to clients that only download and upload, and
how long the batch takes from its marker to its rest, through notification, finalize, Pub/Sub, worker and Firestore.
Then how fast finalize answers when it is warm.
"""

import argparse
import os
import secrets
import statistics
import tempfile
import time
from datetime import datetime
from pathlib import Path

from tests.bench.local_cloud import BUCKET, SHAPES, fastest, plain, say, upload
from tests.emulator.cloud import Cloud
from tests.emulator.functions import marker_attributes, post
from tests.emulator.test_deliveries import push_address

from sendit.emulators.cloud import CloudOptions, LocalCloud
from sendit.files import create_private

MARKERS = 200


def main() -> None:
    """Print what the emulator gives, what the cloud reaches of it, and finalize's answers."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--images", type=int, default=1000, help="CT images of 0.5 MB")
    options.add_argument("--rounds", type=int, default=3, help="of which the best counts")
    given = options.parse_args()
    lines: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        key_file = Path(folder) / "key"
        create_private(key_file, f"{secrets.token_hex(32)}\n".encode("ascii"))
        hear = CloudOptions(hear=lambda name, line: lines.append(f"{name}: {line}"), seconds_between_ticks=86_400.0)
        with LocalCloud(key_file, hear) as local:
            os.environ.update(local.environment)
            cloud = Cloud(local.environment, lines)
            cloud.client.create_bucket(BUCKET)
            names = upload(given.images)
            storage = local.pids["Cloud Storage"]
            limits = [
                fastest(plain(storage, names, tuned, shape) for shape in SHAPES for _ in range(given.rounds))
                for tuned in (False, True)
            ]
            batches(cloud, names, "warm-up", 64)
            reached = max(batches(cloud, names, f"round-{number}", len(names)) for number in range(given.rounds))
            say("| limit: down and up, nothing else | images/s | the batch, marker to rest | reaches |")
            say("| --- | ---: | ---: | ---: |")
            for limit in limits:
                say(f"| {limit.label} | {limit.rate:.1f} | {reached:.1f} | {reached / limit.rate:.0%} |")
            spent = sorted(answers(cloud, push_address(cloud, "finalized")))
            say("\n| finalize, warm, a new batch each | ms |\n| --- | ---: |")
            say(f"| median of {len(spent)} | {statistics.median(spent):.1f} |")
            say(f"| 95 of 100 | {spent[len(spent) * 95 // 100]:.1f} |")


def batches(cloud: Cloud, names: list[str], batch: str, images: int) -> float:
    """Images a second of one batch, from the moment before its marker is written until Firestore says that it rests."""
    source = cloud.client.bucket(BUCKET)
    for name in names[:images]:
        source.copy_blob(source.blob(name), cloud.staging, f"incoming/{batch}/{name.rpartition('/')[2]}")
    for blob in cloud.client.list_blobs(cloud.output):
        if blob.name.endswith(".dcm"):
            blob.delete()  # each round stores the same images, and everything is created only
    started = datetime.now().astimezone()
    cloud.mark(batch)
    document = cloud.rested(batch, seconds=600)
    assert document["counts"]["stored"] == images, document
    return images / (datetime.fromisoformat(document["finished_at"]) - started).total_seconds()


def answers(cloud: Cloud, address: str) -> list[float]:
    """Milliseconds of finalize's answers to markers of batches that it does not know, one after the other."""
    spent: list[float] = []
    for number in range(-20, MARKERS):
        attributes = marker_attributes(f"finalize-{number}")
        started = time.perf_counter()
        status = post(address, b"{}", attributes)
        if number >= 0:
            spent.append(1000 * (time.perf_counter() - started))
        assert status == 200, "\n".join(cloud.lines[-5:])
    return spent


if __name__ == "__main__":
    main()
