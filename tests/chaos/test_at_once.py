"""Several workers that are given the same message at the same moment: one works, and nobody complains."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from threading import Barrier

from tests.chaos.figures import Figures
from tests.emulator.cloud import Cloud
from tests.emulator.functions import Function, function, registered
from tests.emulator.killing import TERMS, check, delivered, stored, wired
from tests.emulator.test_deliveries import slices
from tests.emulator.undisturbed import results_of

SLICES = 60


def test_of_workers_with_the_same_message_one_works_and_the_others_answer_503_without_an_error(
    cloud: Cloud, long: bool, figures: Figures, tmp_path: Path
) -> None:
    for count, rounds in [(2, 5), (8, 5)] if long else [(2, 1)]:
        with ExitStack() as stack:
            workers = [stack.enter_context(_worker(cloud, tmp_path, f"{count}-{one}")) for one in range(count)]
            settings, finalizer = stack.enter_context(wired(cloud))
            for worker in workers:  # each wires itself up before the race
                assert delivered(worker.address, cloud, "at-once/unknown") == 204
            known = [len(worker.logged()) for worker in workers]
            for number in range(rounds):
                batch = f"at-once/{count}-{number}"
                files = slices(SLICES, batch)
                folder = tmp_path / batch
                folder.mkdir(parents=True)
                wanted = results_of(files, settings, folder)
                registered(cloud, finalizer.store, batch, files)
                answers = _delivered_at_once(workers, cloud, batch)
                assert sorted(answers) == [200] + [503] * (count - 1)
                assert check(cloud, batch, wanted)["attempt"] == 1
                written = stored(cloud, wanted)
                assert set(_delivered_at_once(workers, cloud, batch)) == {200}
                assert stored(cloud, wanted) == written
                figures.count(f"batches at {count} workers")
                figures.count("images", len(wanted))
                figures.count("answered 503", answers.count(503))
            lines = [line for worker, start in zip(workers, known, strict=True) for line in worker.logged()[start:]]
            assert {line["severity"] for line in lines} == {"INFO"}
            held = [line for line in lines if line.get("code") == "lease_held"]
            assert len(held) == rounds * (count - 1)
    figures.conclude()


def _worker(cloud: Cloud, folder: Path, name: str) -> AbstractContextManager[Function]:
    own = folder / name
    own.mkdir()
    return function(cloud, "worker", own, None, **TERMS | {"SENDIT_WORKERS": "1"})


def _delivered_at_once(workers: list[Function], cloud: Cloud, batch: str) -> list[int]:
    barrier = Barrier(len(workers))

    def deliver(worker: Function) -> int:
        barrier.wait()
        return delivered(worker.address, cloud, batch)

    with ThreadPoolExecutor(len(workers)) as threads:
        return list(threads.map(deliver, workers))
