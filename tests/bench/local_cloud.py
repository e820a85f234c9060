"""Measures the worker's parts against the Cloud Storage emulator: `python -m tests.bench.local_cloud`.

In one run, on the same generated CT images: the emulator's own limit, which is the best of several ways to download and
upload every object with google-cloud-storage and do nothing else; then the pipeline, image by image over the same
adapters as in the cloud. The processor time is told apart: clients, engine, emulator.
"""

import argparse
import io
import json
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import google.cloud.storage as storage
from tests.data import objects
from tests.naming import NOBODY

from sendit import deid
from sendit.adapters.gcs_client import storage_client
from sendit.adapters.gcs_output import GcsOutput
from sendit.adapters.gcs_staging import GcsStaging
from sendit.adapters.kept_staging import KeptStaging
from sendit.adapters.process_workers import ProcessWorkers
from sendit.images import ImagePipeline
from sendit.records import ImageState
from sendit.refs import BatchName, GcsPlace
from sendit.screen import Screen, default_rules
from sendit.settings import Settings
from sendit.wiring.naming import naming_of
from sendit.work import Claims, chunks, settle

BUCKET = "bench"
KEY = bytes(range(32))
BATCH = BatchName.parse("ST-000001")
IN_FLIGHT_BYTES = 256 * 1024 * 1024
THREADS = 16  # connections of a client
SHAPES = ((1, 1), (1, 4), (1, 8), (2, 1), (2, 2), (2, 4), (2, 8))
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Measured:
    """One way through all images: the seconds of the clock, and processor time an image in milliseconds."""

    way: str
    shape: tuple[int, int]  # processes, threads in each
    images: int
    seconds: float
    client_ms: float
    emulator_ms: float

    @property
    def label(self) -> str:
        """The way, and how many processes and threads went it."""
        return f"{self.way}, {self.shape[0]} × {self.shape[1]}"

    @property
    def rate(self) -> float:
        """Images a second."""
        return self.images / self.seconds

    def row(self) -> str:
        """As a line of a table."""
        return f"| {self.label} | {self.rate:.1f} | {self.client_ms:.2f} | {self.emulator_ms:.2f} |"


def main() -> None:
    """Print the tables and what share of the limit the pipeline reaches."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--images", type=int, default=1000, help="CT images of 0.5 MB")
    options.add_argument("--rounds", type=int, default=3, help="of which the best counts")
    options.add_argument("--shapes", nargs="*", default=[], metavar="PROCESSES,THREADS", help="of the pipeline")
    given = options.parse_args()
    shapes = [(int(processes), int(threads)) for processes, _, threads in (one.partition(",") for one in given.shapes)]
    with emulator() as process:
        names = upload(given.images)
        machine = f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"
        say(f"{machine}, {len(names)} CT images of 0.5 MB")
        say("\n| way | images/s | clients' ms an image | emulator's ms an image |\n| --- | ---: | ---: | ---: |")
        limits: list[Measured] = []
        for tuned in (False, True):
            found = [plain(process, names, tuned, shape) for shape in SHAPES for _ in range(given.rounds)]
            limits.append(fastest(found))
            for shape in SHAPES:
                say(fastest(one for one in found if one.shape == shape).row())
        reached = fastest(
            one for shape in shapes or [(2, 4)] for one in pipeline(process, given.images, given.rounds, shape)
        )
        say(reached.row())
        engine = engine_ms()
        say(f"| engine alone, in memory, one process | {1000 / engine:.1f} | {engine:.2f} | |")
        say("\n| limit | images/s | the pipeline reaches |\n| --- | ---: | ---: |")
        for limit in limits:
            say(f"| {limit.label} | {limit.rate:.1f} | {reached.rate / limit.rate:.0%} |")


def fastest(measured: Iterable[Measured]) -> Measured:
    """The best of several rounds: what disturbs a round only makes it slower."""
    return max(measured, key=lambda one: one.rate)


def say(line: str) -> None:
    """One line of the result, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextmanager
def emulator() -> Iterator[int]:
    """The emulator while it runs, as its process id; STORAGE_EMULATOR_HOST leads to it."""
    command = [sys.executable, "-m", "sendit.emulators.gcs", "--port", "0", "--bucket", BUCKET]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            os.environ["STORAGE_EMULATOR_HOST"] = f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
            yield process.pid
        finally:
            process.terminate()


def upload(images: int) -> list[str]:
    """The batch, as an uploader leaves it."""
    place = GcsPlace(BUCKET, "staging")
    names = [place.name_of(f"incoming/{BATCH}/{number:05d}.dcm") for number in range(1, images + 1)]
    bucket = storage_client("bench").bucket(BUCKET)
    template = objects.ct(1, rows=512, columns=512)
    for number, name in enumerate(names, 1):
        template.SOPInstanceUID = f"1.2.826.0.1.{number}"
        template.InstanceNumber = number
        bucket.blob(name).upload_from_string(objects.to_bytes(template), content_type="application/dicom")
    return names


def plain(emulator_pid: int, names: list[str], tuned: bool, shape: tuple[int, int]) -> Measured:
    """Download and upload every object and nothing else."""
    processes, threads = shape
    empty("plain/")
    way = f"down and up, {'tuned' if tuned else 'default'} calls"
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=start_plain) as pool:
        wait_until_ready(pool, processes)
        before, started = cpu_seconds(), time.perf_counter()
        emulator_before = cpu_of(emulator_pid)
        parts = [names[start::processes] for start in range(processes)]
        list(pool.map(partial(copy_all, threads, tuned), parts))
        seconds = time.perf_counter() - started
        client = cpu_seconds() - before
        served = cpu_of(emulator_pid) - emulator_before
    return Measured(way, shape, len(names), seconds, 1000 * client / len(names), 1000 * served / len(names))


client: storage.Client | None = None  # of a process that only copies


def start_plain() -> None:
    """Make a client once for each process."""
    global client
    client = storage_client("bench", THREADS)


def wait_until_ready(pool: ProcessPoolExecutor, processes: int) -> None:
    """Return when every process has started."""
    list(pool.map(time.sleep, [0.3] * processes))


def copy_all(threads: int, tuned: bool, names: list[str]) -> None:
    """Down and up again, `threads` at a time."""
    assert client is not None
    bucket = client.bucket(BUCKET)

    def copy(name: str) -> None:
        target = bucket.blob(name.replace("staging/", "plain/", 1))
        if tuned:
            data = bucket.blob(name).download_as_bytes(raw_download=True, single_shot_download=True, checksum=None)
            target.upload_from_string(data, content_type="application/dicom", if_generation_match=0, checksum=None)
        else:
            data = bucket.blob(name).download_as_bytes()
            target.upload_from_string(data, content_type="application/dicom", if_generation_match=0)

    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(copy, names):
            pass


def engine_ms() -> float:
    """Milliseconds of processor time of one image in memory: inspected and de-identified, as the pipeline does."""
    keys = deid.Keyring(KEY)
    identify = keys.identifiers
    data = objects.to_bytes(objects.ct(1, rows=512, columns=512))
    spent = []
    for _ in range(60):
        started = time.process_time()
        deid.inspect(io.BytesIO(data), deid.DEFAULT_LIMITS).check_identity()
        deid.deidentify(
            io.BytesIO(data),
            io.BytesIO(),
            profile=deid.profile_named("research"),
            keys=keys,
            identify=identify,
            limits=deid.DEFAULT_LIMITS,
        )
        spent.append(time.process_time() - started)
    return 1000 * statistics.median(spent[10:])


def make_pipeline() -> ImagePipeline:
    """What a worker process of the cloud is made of."""
    keys = deid.Keyring(KEY)
    made = storage_client("bench", THREADS)
    return ImagePipeline(
        staging=KeptStaging(GcsStaging(made, GcsPlace(BUCKET, "staging")), IN_FLIGHT_BYTES),
        output=GcsOutput(made, GcsPlace(BUCKET, "output")),
        keys=keys,
        profile=deid.profile_named("research"),
        screen=Screen(default_rules(), deid.profile_named("research").options),
        limits=deid.DEFAULT_LIMITS,
        clock=lambda: datetime.now(UTC),
    )


def pipeline(emulator_pid: int, images: int, rounds: int, shape: tuple[int, int]) -> list[Measured]:
    """The worker's way: list, inspect, de-identify, gate, store, with processes that live from batch to batch."""
    processes, threads = shape
    client = storage_client("bench", THREADS)
    staging, output = GcsStaging(client, GcsPlace(BUCKET, "staging")), GcsOutput(client, GcsPlace(BUCKET, "output"))
    measured: list[Measured] = []
    with ProcessWorkers(processes, make_pipeline, slice_size=4 * threads, threads=threads) as workers:
        for warm_up in [True] + [False] * rounds:
            empty("output/")
            entries = list(staging.list(BATCH))[: 64 if warm_up else images]
            before, started = cpu_seconds(), time.perf_counter()
            emulator_before = cpu_of(emulator_pid)
            stored = 0
            claims, plan = Claims(), naming_of(Settings.load({}), deid.Keyring(KEY), output).of_batch(NOBODY)
            for chunk in chunks(sorted(entries, key=lambda entry: entry.name), IN_FLIGHT_BYTES):
                for outcome, _ in settle(workers, BATCH, chunk, claims, plan):
                    stored += outcome.state is ImageState.DONEPROCESSING
            seconds = time.perf_counter() - started
            used, served = cpu_seconds() - before, cpu_of(emulator_pid) - emulator_before
            assert stored == len(entries), f"{stored} of {len(entries)} stored"
            measured.append(Measured("pipeline", shape, stored, seconds, 1000 * used / stored, 1000 * served / stored))
    return measured[1:]


def empty(prefix: str) -> None:
    """Remove what the round before stored, for everything is created only."""
    made = storage_client("bench", THREADS)
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(lambda blob: blob.delete(), list(made.list_blobs(BUCKET, prefix=prefix))):
            pass


def cpu_seconds() -> float:
    """Processor time of this process and of the children that live, without the emulator."""
    children = multiprocessing.active_children()
    return time.process_time() + sum(cpu_of(child.pid) for child in children if child.pid)


def cpu_of(pid: int) -> float:
    """Processor time of another process, as the kernel counts it."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:  # noqa: PTH123  not a file of a disk
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


if __name__ == "__main__":
    main()
