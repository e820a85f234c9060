"""The crosswalk of this machine, and which one a person asks. That of the cloud is loaded when it is needed."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial

from sendit.adapters.home import Home
from sendit.adapters.sqlite_crosswalk import SqliteCrosswalk
from sendit.crosswalk import Crosswalk, CrosswalkStore
from sendit.crosswalk_settings import CrosswalkUse
from sendit.errors import Code, UsageError
from sendit.sealing import CrosswalkKey
from sendit.settings import Settings
from sendit.wiring.parts import now


@dataclass(frozen=True, slots=True)
class Broker:
    """What a look-up needs; who lists look-ups needs no key."""

    store: CrosswalkStore
    key: Callable[[], CrosswalkKey]


@contextmanager
def local_crosswalk(settings: Settings, key_id: str) -> Iterator[Crosswalk | None]:
    """The crosswalk in SENDIT_HOME, which is prepared, made on first use; None if it is off: then nothing is made.

    Raises `UsageError` (bad_crosswalk_key, home_unusable), `TransientError` (crosswalk_unavailable).
    """
    if settings.crosswalk is CrosswalkUse.OFF:
        yield None
        return
    home = Home(settings.home)
    home.prepare_crosswalk()
    key = CrosswalkKey(home.crosswalk_key())
    with _opened(home) as store:
        yield Crosswalk(store, key, key_id, now, settings.crosswalk_days)


@contextmanager
def broker(settings: Settings) -> Iterator[Broker]:
    """The cloud's crosswalk if SENDIT_STAGING is set, else this machine's; also where nothing is kept any more.

    Raises `UsageError` (no_crosswalk, not_configured) and `TransientError`, and so does asking for the key, which
    raises bad_crosswalk_key, too.
    """
    if settings.staging:
        from sendit.wiring.crosswalk_cloud import cloud_key, cloud_store

        yield Broker(cloud_store(settings), partial(cloud_key, settings))
        return
    home = Home(settings.home)
    if not home.crosswalk_path.exists():
        raise UsageError(
            Code.NO_CROSSWALK, f"There is none in SENDIT_HOME={home.path}; SENDIT_CROSSWALK=on writes one."
        )
    with _opened(home) as store:
        yield Broker(store, lambda: CrosswalkKey(home.crosswalk_key()))


@contextmanager
def _opened(home: Home) -> Iterator[SqliteCrosswalk]:
    with home.usable():
        store = SqliteCrosswalk(home.crosswalk_path, now())
    with closing(store):
        yield store
