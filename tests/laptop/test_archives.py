"""Archives as a person at a laptop has them: broken off, none is there and none counts as sent."""

import os
import signal
import subprocess
import tarfile
import time
from pathlib import Path

from tests.data import objects
from tests.laptop.conftest import SENDIT, Sendit, environment, images_in

IMAGES = 3
SIDE = 2048  # pixels: 8 MiB an image, so that an archive takes a while


def a_study(folder: Path) -> None:
    folder.mkdir(parents=True)
    image = objects.ct(1, rows=16, columns=16)
    image.Rows = image.Columns = SIDE
    for number in range(IMAGES):
        image.SOPInstanceUID = f"1.2.826.0.1.{number + 1}"
        image.PixelData = bytes(byte & 15 for byte in os.urandom(SIDE)) * (2 * SIDE)
        (folder / f"{number}.dcm").write_bytes(objects.to_bytes(image))


def archives_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.tar.gz")}


def is_begun(folder: Path) -> bool:
    return any(path.stat().st_size for path in folder.glob(".sendit-tmp/*"))


def test_an_archive_that_is_broken_off_is_not_there_nor_sent_and_then_has_the_same_bytes(
    sendit: Sendit, home: Path, tmp_path: Path
) -> None:
    source, out, to = tmp_path / "src", tmp_path / "out", tmp_path / "to"
    a_study(source / "ST-1")
    command = ["run", "--workers", "1", str(source), str(out), "--to", f"archive+{to}#collection=LUNG"]
    with subprocess.Popen(
        [str(SENDIT), *command], env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as run:
        while run.poll() is None and not is_begun(to):
            time.sleep(0.002)
        assert run.poll() is None
        run.send_signal(signal.SIGKILL)
    assert archives_in(to) == {}
    (record,) = sendit("status", "--json").json
    assert [(one["status"], one["sent"]) for one in record["deliveries"]] == [("WAITING", 0)]
    assert record["status"] == "DONEPROCESSING"
    answer = sendit(*command, "--json")
    assert answer.status == 0, answer.stderr
    ((name, data),) = archives_in(to).items()
    with tarfile.open(to / name) as tar:
        members = {info.name: tar.extractfile(info).read() for info in tar}  # type: ignore[union-attr]
    assert members == {path.split("/", 2)[2]: image for path, image in images_in(out).items()}
    assert len(members) == IMAGES
    before = (to / name).stat()
    assert sendit(*command).status == 0
    assert (to / name).stat() == before
    other = sendit("send", "ST-1", "--out", out, "--to", f"archive+{tmp_path / 'other'}#collection=LUNG")
    assert other.status == 0, other.stderr
    assert archives_in(tmp_path / "other") == {name: data}
