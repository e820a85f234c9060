"""Everything between functions and cloud breaks, and functions restart meanwhile: nothing lost, nothing doubled."""

import json
import random
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from threading import Event

from tests.chaos.conftest import IMPATIENT
from tests.chaos.figures import Figures, complaints
from tests.chaos.plan import OF_CONNECTIONS, OF_REQUESTS, Fault, Plan
from tests.chaos.proxy import Proxy
from tests.chaos.restarting import Restarting
from tests.emulator.cloud import Cloud
from tests.emulator.killing import TERMS, check, cleaned, stored
from tests.emulator.test_deliveries import push_address, slices
from tests.emulator.undisturbed import results_of

from sendit.emulators.scheduler import Scheduler
from sendit.settings import Settings

SLICES = 60
SECONDS_BETWEEN_TICKS = 1.0
LEAST_FAULTS = {"storage": len(OF_REQUESTS), "Firestore": 8, "Pub/Sub": 8}
"""Of each service at least so many happen; of pushes one."""


def test_whatever_breaks_between_functions_and_cloud_every_image_is_stored_once(
    cloud: Cloud, chance: random.Random, long: bool, figures: Figures, tmp_path: Path
) -> None:
    batches, restarts, seconds = (6, 10, 3.0) if long else (2, 2, 1.0)
    # one cut-off of each service is longer than the ack deadline; in the quick form longer than the lease
    outage = IMPATIENT.ack_deadline + 1.0 if long else float(TERMS["SENDIT_LEASE_TTL"]) + 0.5
    settings = Settings.load(dict(cloud.environment))
    files = {f"disturbed/{number}": slices(SLICES, f"disturbed-{number}") for number in range(batches)}
    wanted = {batch: results_of(these, settings, made(tmp_path / batch)) for batch, these in files.items()}

    def plan(kinds: tuple[Fault, ...], every: int, most: int, outage: float = outage) -> Plan:
        own = random.Random(chance.random())  # noqa: S311  no secret
        return Plan(own, kinds, every=every, most=most * batches, seconds=seconds, outage=outage)

    def written() -> dict[str, int]:
        return {name: generation for these in wanted.values() for name, generation in stored(cloud, these).items()}

    with ExitStack() as stack:
        here = cloud.environment
        storage = Proxy(here["STORAGE_EMULATOR_HOST"].rpartition("/")[2], plan(OF_REQUESTS, 15, 6), http=True)
        documents = Proxy(here["FIRESTORE_EMULATOR_HOST"], plan(OF_CONNECTIONS, 15, 5))
        topics = Proxy(here["PUBSUB_EMULATOR_HOST"], plan(OF_CONNECTIONS, 3, 5))
        proxies = {"storage": storage, "Firestore": documents, "Pub/Sub": topics}
        for proxy in proxies.values():
            stack.enter_context(proxy)
        between = {
            "STORAGE_EMULATOR_HOST": f"http://{storage.address}",
            "FIRESTORE_EMULATOR_HOST": documents.address,
            "PUBSUB_EMULATOR_HOST": topics.address,
        }
        stack.callback(Scheduler(topics.address, SECONDS_BETWEEN_TICKS).stop)
        pushed: list[tuple[Restarting, Proxy]] = []
        settings_of = TERMS | between | {"SENDIT_REQUEUE_AFTER": "10"}
        for topic, name in (("finalized", "finalize"), ("ticks", "sweep"), ("batches", "worker")):
            function = stack.enter_context(Restarting(name, cloud, made(tmp_path / name), **settings_of))
            pushes = stack.enter_context(Proxy(function.host, plan(OF_CONNECTIONS, 2, 2, 0.0)))
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
        for name, proxy in proxies.items():  # ticks go on, and with them what passes the proxies
            cloud.until(partial(_has_been_disturbed, proxy.plan, LEAST_FAULTS.get(name, 1)))
            figures.told[f"faults of {name}"] = proxy.plan.happened.total()
            if name in LEAST_FAULTS:
                cloud.until(partial(_was_cut_off, proxy.plan, outage))
                figures.told[f"longest cut-off of {name}"] = round(proxy.plan.longest, 1)
        lines = [line for function, _ in pushed for line in function.logged()]
        requeued = [line for line in lines if "its message is published again" in line["message"]]
        figures.told["published again by the sweep"] = len(requeued)
    assert {Fault.TOO_MANY, Fault.UNAVAILABLE, Fault.TRUNCATED} <= storage.plan.happened.keys()
    assert complaints(lines) == set()
    figures.check_memory()
    figures.conclude()


def _has_been_disturbed(plan: Plan, least: int) -> bool:
    return plan.happened.total() >= least


def _was_cut_off(plan: Plan, seconds: float) -> bool:
    return plan.longest >= seconds


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
