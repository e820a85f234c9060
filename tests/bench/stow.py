"""Measures the DICOMweb destination beside other clients, on one Orthanc: `python -m tests.bench.stow`.

The same images each time, deleted from the archive in between. In each round each client has its turn; the median
counts. sendit's time is all it takes until it says that the images are there: looking what is there, posting, looking
again and, but for `listed`, retrieving all of it and comparing.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench import peers, scanner
from tests.bench.peers import HERE, Missing
from tests.data.encoding import to_bytes
from tests.emulators import running
from tests.orthanc import PASSWORD, USER, Archive, orthanc

from sendit.adapters.dicomweb_destination import dicomweb_destination
from sendit.adapters.folder_output import FolderOutput
from sendit.address import Address
from sendit.destination import Sendable

SETS = {"small": (1000, 128), "large": (50, 2048)}
"""Images, and the pixels of a side, of 16 bits."""


def main() -> None:
    """Print a table."""
    options = argparse.ArgumentParser(prog="python -m tests.bench.stow", description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--quick", action="store_true", help="a tenth of the images: whether it works, not how fast")
    given = options.parse_args()
    memory = Path("/dev/shm")  # noqa: S108  a memory file system, so that no disk is measured
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None, prefix="sendit-bench-") as name:
        folder = Path(name)
        with running(orthanc(folder)) as host:
            say("| images | client | images/s | MB/s | of the plain client |\n| --- | --- | ---: | ---: | ---: |")
            for label, (images, side) in SETS.items():
                shutil.rmtree(folder / "out", ignore_errors=True)
                some = made(folder / "out", images // 10 if given.quick else images, side)
                table(Archive(host), folder / "out", some, f"{len(some)} {label}", given.rounds)


def made(root: Path, images: int, side: int) -> list[Sendable]:
    """One series of CT slices in an output store, in the order of their names."""
    root.mkdir()
    output, some = FolderOutput(root), []
    for number in range(images):
        dataset = scanner.ct(number, side=side)
        uids = dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID
        with output.create(f"P-1/{'/'.join(uids)}.dcm") as pending:
            pending.write(to_bytes(dataset))
            stored = pending.commit()
        some.append(Sendable(stored.name, stored.size, stored.crc32c))
    return sorted(some, key=lambda image: image.output)


def table(archive: Archive, root: Path, some: list[Sendable], label: str, rounds: int) -> None:
    """One line a client."""
    megabytes = sum(image.size for image in some) / 1e6
    program = peers.environment("peers_dicomweb.txt")
    seconds: dict[str, list[float]] = {}
    for _ in range(rounds):
        for client, by in (("plain: one by one", "plain"), ("dicomweb-client", "dicomweb-client")):
            if isinstance(program, Missing):
                say(f"| {label} | {client} | {program.reason} | | |")
                continue
            seconds.setdefault(client, []).append(other(program.path, by, archive, root))
            forget(archive, some)
        for client, verify in (("sendit", "content"), ("sendit, #verify=listed", "listed")):
            seconds.setdefault(client, []).append(ours(archive, root, some, verify))
            forget(archive, some)
    plain = statistics.median(seconds.get("plain: one by one", [0.0]))
    for client, spent in seconds.items():
        median = statistics.median(spent)
        rates = f"{len(some) / median:.0f} | {megabytes / median:.0f} | {plain / median:.2f}"
        say(f"| {label} | {client} | {rates} |")


def other(python: Path, client: str, archive: Archive, root: Path) -> float:
    """Seconds of a client in a process of its own."""
    url = f"http://{archive.host}/dicom-web"
    command = [str(python), "-W", "ignore", str(HERE / "stow_clients.py"), client, url, USER, PASSWORD, str(root)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def ours(archive: Archive, root: Path, some: list[Sendable], verify: str) -> float:
    """Seconds of the destination until every image has its receipt."""
    destination = dicomweb_destination(Address.parse(f"{archive.address}#verify={verify}"))
    began = time.perf_counter()
    receipts = list(destination.send(some, FolderOutput(root)))
    seconds = time.perf_counter() - began
    assert [(one.image, one.code) for one in receipts] == [(image, None) for image in some]
    return seconds


def forget(archive: Archive, some: list[Sendable]) -> None:
    """Let the archive be empty again, if it holds just these."""
    study = some[0].output.split("/")[1]
    held = archive.count(study)
    assert held == len(some), f"{held} of {len(some)} are there"
    archive.delete(study)


def say(line: str) -> None:
    """One line of the result, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
