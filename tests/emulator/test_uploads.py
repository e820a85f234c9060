"""Real uploads with the real clients, through the whole cloud, compared with the laptop under the same key."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.data import sample_study
from tests.emulator.cloud import SENDIT, Cloud
from tests.laptop.conftest import images_in

Upload = Callable[[Cloud, Path, str], None]


def with_gcloud(cloud: Cloud, folder: Path, batch: str) -> None:
    done = cloud.run("gcloud", "storage", "rsync", "-r", folder, f"gs://sendit-staging/incoming/{batch}")
    assert done.returncode == 0, done.stderr
    marker = folder.parent / "marker"
    marker.touch()
    done = cloud.run("gcloud", "storage", "cp", marker, f"gs://sendit-staging/finalize/{batch}")
    assert done.returncode == 0, done.stderr


def with_gsutil(cloud: Cloud, folder: Path, batch: str) -> None:
    done = cloud.run("gsutil", "-m", "rsync", "-r", folder, f"gs://sendit-staging/incoming/{batch}")
    assert done.returncode == 0, done.stderr
    marker = folder.parent / "marker"
    marker.touch()
    done = cloud.run("gsutil", "cp", marker, f"gs://sendit-staging/finalize/{batch}")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("upload", [with_gcloud, with_gsutil])
def test_a_folder_that_is_uploaded_and_marked_is_stored_as_the_laptop_stores_it(
    cloud: Cloud, tmp_path: Path, upload: Upload
) -> None:
    source = tmp_path / "sample"
    sample_study.build(source)
    local = cloud.run(SENDIT, "run", source, tmp_path / "out", "--json", SENDIT_HOME=str(tmp_path / "home"))
    assert local.returncode == 3, local.stderr
    stored: dict[str, bytes] = {}
    counts: dict[str, int] = {}
    for folder in sorted(path for path in source.iterdir() if path.is_dir()):
        batch = f"{upload.__name__}/{folder.name}"
        upload(cloud, folder, batch)
        document = cloud.rested(batch)
        assert document["status"] == "DONEPROCESSING"
        assert document["name"] == batch
        stored |= cloud.outputs(batch)
        for name, number in document["counts"].items():
            counts[name] = counts.get(name, 0) + number
    assert stored == images_in(tmp_path / "out")
    assert counts == {"found": 31, "stored": 30, "rejected": 1, "errored": 0, "duplicates": 0}
