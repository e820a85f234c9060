"""Everything between functions and cloud breaks, and functions restart meanwhile: nothing lost, nothing doubled."""

import json
import random
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event

import pytest
from tests.chaos.figures import Figures, complaints
from tests.chaos.plan import OF_CONNECTIONS, OF_REQUESTS, Fault, Plan
from tests.chaos.proxy import Proxy
from tests.chaos.restarting import Restarting
from tests.emulator.cloud import Cloud
from tests.emulator.killing import TERMS, check, cleaned, stored
from tests.emulator.test_deliveries import push_address, slices
from tests.emulator.undisturbed import results_of

from sendit.settings import Settings

SLICES = 60
MUCH_MEMORY = 2 * 1024**3
"""More than a worker with two worker processes ever needs for images this small."""


@pytest.mark.usefixtures("ticks")
def test_whatever_breaks_between_functions_and_cloud_every_image_is_stored_once(
    cloud: Cloud, chance: random.Random, long: bool, figures: Figures, tmp_path: Path
) -> None:
    batches, restarts, seconds = (6, 10, 3.0) if long else (2, 2, 1.0)
    settings = Settings.load(dict(cloud.environment))
    files = {f"disturbed/{number}": slices(SLICES, f"disturbed-{number}") for number in range(batches)}
    wanted = {batch: results_of(these, settings, made(tmp_path / batch)) for batch, these in files.items()}

    def plan(kinds: tuple[Fault, ...], every: int, most: int) -> Plan:
        own = random.Random(chance.random())  # noqa: S311  no secret
        return Plan(own, kinds, every=every, most=most * batches, seconds=seconds)

    def written() -> dict[str, int]:
        return {name: generation for these in wanted.values() for name, generation in stored(cloud, these).items()}

    with ExitStack() as stack:
        here = cloud.environment
        storage = Proxy(here["STORAGE_EMULATOR_HOST"].rpartition("/")[2], plan(OF_REQUESTS, 15, 6), http=True)
        documents = Proxy(here["FIRESTORE_EMULATOR_HOST"], plan(OF_CONNECTIONS, 30, 4))
        topics = Proxy(here["PUBSUB_EMULATOR_HOST"], plan(OF_CONNECTIONS, 4, 2))
        proxies = {"storage": storage, "Firestore": documents, "Pub/Sub": topics}
        for proxy in proxies.values():
            stack.enter_context(proxy)
        between = {
            "STORAGE_EMULATOR_HOST": f"http://{storage.address}",
            "FIRESTORE_EMULATOR_HOST": documents.address,
            "PUBSUB_EMULATOR_HOST": topics.address,
        }
        pushed: list[tuple[Restarting, Proxy]] = []
        for topic, name in (("finalized", "finalize"), ("batches", "worker")):
            function = stack.enter_context(Restarting(name, cloud, made(tmp_path / name), **TERMS | between))
            pushes = stack.enter_context(Proxy(function.host, plan(OF_CONNECTIONS, 2, 2)))
            stack.enter_context(pushed_to(cloud, topic, pushes.address))
            proxies[f"pushes to {name}"] = pushes
            pushed.append((function, pushes))
        figures.watch(lambda: pushed[-1][0].function.group)
        for batch, these in files.items():
            cloud.put(batch, these)
            cloud.mark(batch)
        seen: Mapping[str, int] = {}
        for _ in range(restarts):
            Event().wait(chance.uniform(2.0, 6.0))
            function, pushes = chance.choice(pushed)
            if chance.random() < 0.5:
                function.kill_serving()
            else:
                function.kill_whole()
                pushes.target = function.host
            figures.count("restarts")
            assert seen.items() <= written().items(), "what was stored is written once"
            seen = written()
        for batch, these in wanted.items():
            cleaned(cloud, batch, seconds=60.0 + 30.0 * batches)
            figures.count("attempts", check(cloud, batch, these)["attempt"])
            figures.count("images", len(these))
        assert seen.items() <= written().items()
        requeued = [line for line in cloud.logged() if "its message is published again" in line["message"]]
        figures.told["published again by the sweep"] = len(requeued)
        for name, proxy in proxies.items():
            figures.told[f"faults of {name}"] = proxy.plan.happened.total()
        lines = [line for function, _ in pushed for line in function.logged()]
    assert complaints(lines) == set()
    assert figures.peak_bytes < MUCH_MEMORY
    figures.conclude()


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


@contextmanager
def pushed_to(cloud: Cloud, topic: str, host: str) -> Iterator[None]:
    """Let a topic's messages be pushed to the function there."""
    before = push_address(cloud, topic)
    path = before.split("/", 3)[3]
    _push_to(cloud, topic, f"http://{host}/{path}")
    try:
        yield
    finally:
        _push_to(cloud, topic, before)


def _push_to(cloud: Cloud, topic: str, endpoint: str) -> None:
    project = cloud.environment["GOOGLE_CLOUD_PROJECT"]
    subscription = f"projects/{project}/subscriptions/{topic}-push"
    request = urllib.request.Request(
        f"http://{cloud.environment['PUBSUB_EMULATOR_HOST']}/v1/{subscription}:modifyPushConfig",
        data=json.dumps({"pushConfig": {"pushEndpoint": endpoint}}).encode(),
        headers={"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
