"""Measures batches of many small images in the local cloud: `python -m tests.bench.large_batch`.

The same worker takes one batch after the other, each larger than the one before. Printed: images a second from the
first claim to the rest; the peak of memory of the function's process and of its worker processes; how many documents
are written for an image; and what status costs: the share of the time in which the work waited for it, in which its
calls were under way beside the work, and the function's own share of the worker's processor time, which is all of
status and the handing out of images.
"""

import argparse
import os
import secrets
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tests.bench.local_cloud import say
from tests.data import objects
from tests.emulator.cloud import Cloud

from sendit.emulators.cloud import CloudOptions, LocalCloud
from sendit.files import create_private

PLANTED = """
import os, time

def timed(kind, name, what, count=lambda *_: 0):
    inner = getattr(kind, name)

    def call(self, *arguments, **named):
        began = time.perf_counter()
        number = count(*arguments)
        try:
            return inner(self, *arguments, **named)
        finally:
            line = f"{{what}} {{time.perf_counter() - began}} {{number}}\\n"
            with open({log!r}, "ab", buffering=0) as stream:
                stream.write(line.encode())

    setattr(kind, name, call)

if "worker" in os.environ.get("TMPDIR", ""):
    from sendit.adapters.firestore_commits import BatchDocuments
    from sendit.lease import Hold
    from sendit.writes import Writes

    timed(BatchDocuments, "_commit", "calls", len)
    timed(BatchDocuments, "_get", "calls")
    timed(BatchDocuments, "_page", "calls")
    timed(Writes, "begin", "waits")
    timed(Writes, "finish", "waits")
    timed(Hold, "freeze", "waits")
    timed(Hold, "finish", "waits")
"""


@dataclass
class Memory:
    """What the processes of a group take, by process id: the most memory in bytes, processor time in ticks."""

    group: int
    peaks: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    ticks: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look several times a second while the block lasts."""
        done = threading.Event()

        def watch() -> None:
            while not done.wait(0.2):
                self._look()

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _look(self) -> None:
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = status.read_text("ascii").rpartition(")")[2].split()
            except (OSError, UnicodeDecodeError):
                continue
            if int(fields[2]) == self.group:
                pid = int(status.parent.name)
                self.peaks[pid] = max(self.peaks[pid], int(fields[21]) * os.sysconf("SC_PAGE_SIZE"))
                self.ticks[pid].append(int(fields[11]) + int(fields[12]))


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--images", type=int, nargs="*", default=[1000, 10000], help="small CT of 9 kB in each batch")
    given = options.parse_args()
    lines: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        key_file, log = Path(folder) / "key", Path(folder) / "log"
        create_private(key_file, f"{secrets.token_hex(32)}\n".encode("ascii"))
        (Path(folder) / "sitecustomize.py").write_text(PLANTED.format(log=str(log)), "utf-8")
        planted = CloudOptions(
            hear=lambda name, line: lines.append(f"{name}: {line}"), function_environment={"PYTHONPATH": folder}
        )
        with LocalCloud(key_file, planted) as local:
            cloud = Cloud(local.environment, lines)
            say("| images | images/s | MiB, function | MiB, a process | writes an image | waits | calls | processor |")
            say("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
            one_batch(cloud, local, log, 64, told=False)
            for images in given.images:
                one_batch(cloud, local, log, images, told=True)


def one_batch(cloud: Cloud, local: LocalCloud, log: Path, images: int, *, told: bool) -> None:
    """Upload, mark, wait for the rest; one row."""
    batch = f"images-{images}"
    upload(cloud, batch, images)
    log.write_bytes(b"")
    memory = Memory(local.pids["worker"])
    with memory.watched():
        cloud.mark(batch)
        document = cloud.rested(batch, seconds=1200)
    assert document["counts"]["stored"] == images, document
    began, ended = (datetime.fromisoformat(document[name]) for name in ("started_at", "finished_at"))
    seconds = (ended - began).total_seconds()
    spent: defaultdict[str, float] = defaultdict(float)
    writes = 0
    for line in log.read_text("ascii").splitlines():
        what, time_taken, number = line.split()
        spent[what] += float(time_taken)
        writes += int(number)
    # the function is the one that started the others; gunicorn's own process is before it, and does nothing
    _, function, *workers = sorted(memory.peaks)
    ticks = {pid: seen[-1] - seen[0] for pid, seen in memory.ticks.items()}
    if told:
        say(
            f"| {images} | {images / seconds:.0f} | {memory.peaks[function] / 2**20:.0f}"
            f" | {max(memory.peaks[pid] for pid in workers) / 2**20:.0f} | {writes / images:.2f}"
            f" | {spent['waits'] / seconds:.1%} | {spent['calls'] / seconds:.1%}"
            f" | {ticks[function] / sum(ticks.values()):.1%} |"
        )


def upload(cloud: Cloud, batch: str, images: int) -> None:
    """The batch, as an uploader leaves it: small CT, every one an image of its own."""
    template = objects.ct(1, rows=64)

    def put(number: int) -> None:
        cloud.staging.blob(f"incoming/{batch}/{number:05d}.dcm").upload_from_string(made[number])

    made = []
    for number in range(images):
        template.SOPInstanceUID = f"1.2.826.0.1.{images}.{number + 1}"
        template.InstanceNumber = number + 1
        made.append(objects.to_bytes(template))
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(put, range(images)))


if __name__ == "__main__":
    began = time.monotonic()
    main()
    say(f"\n{time.monotonic() - began:.0f} s in all")
