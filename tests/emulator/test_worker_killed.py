"""A worker process that is killed in the middle of a batch: its images are done by others, and nobody notices."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.emulator.cloud import Cloud
from tests.emulator.killing import Scene, killable
from tests.emulator.test_deliveries import slices
from tests.emulator.undisturbed import results_of

from sendit.emulators.cloud import LocalCloud

SLICES = 60


@pytest.fixture(scope="module")
def scene(local_cloud: LocalCloud, cloud_lines: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with killable(Cloud(local_cloud.environment, cloud_lines), tmp_path_factory.mktemp("killed")) as scene:
        yield scene


@pytest.mark.parametrize(("step", "number"), [("inspect", 1), ("inspect", 20), ("store", 1), ("store", 40)])
def test_a_worker_process_that_is_killed_costs_no_image_and_no_attempt(
    scene: Scene, tmp_path: Path, step: str, number: int
) -> None:
    batch = f"lane-killed/{step}-{number}"
    files = slices(SLICES, batch)
    wanted = results_of(files, scene.settings, tmp_path)
    scene.register(batch, files)
    scene.kill("among", "lane", step, number)
    assert scene.deliver(batch) == 200
    assert not scene.order.exists()
    scene.check(batch, wanted, attempt=1)
    assert scene.logged("worker_crashed") == []
