"""Engine and oracle beside each other: the same refusal, or the same elements."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from tests.oracle import deidentify as oracle
from tests.oracle.model import DataSet, Items, Value
from tests.oracle.read import open_object

from sendit.deid import DEFAULT_LIMITS, DeidError, Keyring, deidentify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.oracle.read import Opened

    from sendit.deid import Profile

KEYS = Keyring(b"a secret key of this test suite.")


def by_engine(data: bytes, profile: Profile, keys: Keyring = KEYS) -> bytes:
    """What the engine makes of an object."""
    sink = io.BytesIO()
    deidentify(io.BytesIO(data), sink, profile=profile, keys=keys, identify=keys.identifiers)
    return sink.getvalue()


def by_oracle(data: bytes, profile: Profile, keys: Keyring = KEYS) -> bytes:
    """What the oracle makes of an object."""
    return oracle.deidentified(data, profile=profile, keys=keys, identify=keys.identifiers)


def engine_outcome(data: bytes, profile: Profile) -> bytes | str:
    """The engine's output, or the code of its refusal."""
    try:
        return by_engine(data, profile)
    except DeidError as error:
        return str(error.code)


def oracle_outcome(data: bytes, profile: Profile) -> bytes | str:
    """The oracle's output, or the code of its refusal."""
    try:
        return by_oracle(data, profile)
    except DeidError as error:
        return str(error.code)


def disagreements(data: bytes, profile: Profile) -> list[str]:
    """Where engine and oracle differ on an object, by path; none if they agree."""
    return differences(engine_outcome(data, profile), oracle_outcome(data, profile))


def differences(engine: bytes | str, oracles: bytes | str) -> list[str]:
    """Where two outcomes differ."""
    if engine == oracles:
        return []
    if isinstance(engine, str) or isinstance(oracles, str):
        # the engine looks at one element after the other: which of two faults it finds first may differ
        both = {engine, oracles} == {"malformed", "gate_identifier_left"}
        return [] if both else [f"engine: {_told(engine)}; oracle: {_told(oracles)}"]
    ours, theirs = open_object(engine, DEFAULT_LIMITS), open_object(oracles, DEFAULT_LIMITS)
    found = list(_between(ours.dataset, theirs.dataset, ""))
    if _meta(engine) != _meta(oracles):
        found.append("File Meta")
    at, other = ours.stream.position, theirs.stream.position
    if (_head(ours), engine[at:]) != (_head(theirs), oracles[other:]):
        found.append("pixel data")
    return found


def _head(opened: Opened) -> tuple[object, ...]:
    head = opened.pixels
    return () if head is None else (head.tag, head.stated, head.length)


def _told(outcome: bytes | str) -> str:
    return outcome if isinstance(outcome, str) else "an output"


def _meta(output: bytes) -> bytes:
    return output[: 144 + int.from_bytes(output[140:144], "little")]


def _between(engine: DataSet, oracles: DataSet, path: str) -> Iterator[str]:
    for tag in sorted(engine.keys() | oracles.keys()):
        where = f"{path}({tag >> 16:04X},{tag & 0xFFFF:04X})"
        ours, theirs = engine.get(tag), oracles.get(tag)
        if isinstance(ours, Items) and isinstance(theirs, Items):
            if len(ours.items) != len(theirs.items):
                yield f"{where}: {len(ours.items)} items; oracle: {len(theirs.items)}"
            for number, (item, other) in enumerate(zip(ours.items, theirs.items, strict=False)):
                yield from _between(item, other, f"{where}[{number}].")
        elif ours != theirs:
            yield f"{where}: {_short(ours)}; oracle: {_short(theirs)}"


def _short(element: Value | Items | None) -> str:
    if isinstance(element, Value):
        return f"{element.stated or element.vr} {element.value[:80]!r} ({len(element.value)})"
    return "absent" if element is None else f"{len(element.items)} items"
