"""The emulators that tests share: each is started when a test first asks for it, and ended with the session."""

from collections.abc import Iterator
from contextlib import contextmanager

from sendit.emulators.part import Launch, Part

READY_SECONDS = 60.0
GRACE_SECONDS = 3.0


@contextmanager
def running(launch: Launch) -> Iterator[str]:
    """A part while it runs, as `host:port`. A test that needs one fails if it does not start."""
    said: list[str] = []
    part = Part(launch, lambda _, line: said.append(line) if len(said) < 100 else None)
    part.start()
    try:
        try:
            port = part.wait_ready(READY_SECONDS)["port"]
        except Exception as error:
            error.add_note("\n".join(said))
            raise
        yield f"127.0.0.1:{port}"
        assert part.alive, f"{part.name} died during the tests"
    finally:
        part.stop(GRACE_SECONDS)
