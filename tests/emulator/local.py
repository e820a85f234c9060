"""The local cloud for tests of this process: a key of its own, and a reason if it does not start."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sendit.emulators.cloud import CloudOptions, LocalCloud
from sendit.emulators.resources import Delivery
from sendit.errors import UsageError
from sendit.files import create_private


def fresh_key(folder: Path) -> Path:
    """A file with a project key that nobody had before."""
    path = folder / "key"
    create_private(path, f"{secrets.token_hex(32)}\n".encode("ascii"))
    return path


@contextmanager
def started(key_file: Path, lines: list[str], delivery: Delivery, **settings: str) -> Iterator[LocalCloud]:
    """A local cloud whose functions have these settings and say their log lines to `lines`, as `name: line`."""
    options = CloudOptions(
        delivery=delivery,
        seconds_between_ticks=86_400.0,  # tests push theirs by hand
        hear=lambda name, line: lines.append(f"{name}: {line}"),
        function_environment=settings,
    )
    try:
        with LocalCloud(key_file, options) as cloud:
            yield cloud
    except UsageError as error:
        error.add_note("\n".join([error.hint, *lines[-100:]]))
        raise
