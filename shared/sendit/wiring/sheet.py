"""What this machine knows of an OUT when it is looked at: records of its images, and who signed it off."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sendit.adapters.home import Home
from sendit.adapters.sqlite_sign_offs import SqliteSignOffs
from sendit.adapters.sqlite_status import SqliteStatusStore
from sendit.files import make_private
from sendit.label import OutLabel
from sendit.records import Image
from sendit.settings import Settings
from sendit.sheet.sign_off import SignOff, SignOffs

_SIGN_OFFS = "sign-offs.sqlite3"


def images_of_out(settings: Settings, out: Path, label: OutLabel) -> Iterator[Image]:
    """The records of the images of an OUT; none where `sendit run` did not write it, or not with this SENDIT_HOME."""
    path = _state(settings, out, label) / "status.sqlite3"
    if not path.exists():
        return
    with closing(SqliteStatusStore(path)) as store:
        for batch in store.batches():
            yield from store.images(batch.id)


def sign_offs_of_out(settings: Settings, out: Path, label: OutLabel) -> list[SignOff]:
    """The sign-offs of an OUT, the oldest first; nothing is made where there are none."""
    path = _state(settings, out, label) / _SIGN_OFFS
    if not path.exists():
        return []
    with closing(SqliteSignOffs(path)) as sign_offs:
        return sign_offs.all()


@contextmanager
def signing(settings: Settings, out: Path, label: OutLabel) -> Iterator[SignOffs]:
    """Where sign-offs of an OUT are recorded, made on first use as a run would. Raises `UsageError` (home_…)."""
    home = Home(settings.home)
    home.prepare(with_key=settings.key_file is None)
    state = _state(settings, out, label)
    with home.usable():
        make_private(state)
        sign_offs = SqliteSignOffs(state / _SIGN_OFFS)
    with closing(sign_offs):
        yield sign_offs


def _state(settings: Settings, out: Path, label: OutLabel) -> Path:
    return Home(settings.home).state_of(out, label.key_id, label.profile_digest)
