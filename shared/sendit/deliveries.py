"""How far a batch has come at each destination. Pure."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sendit.codes import Code

MAX_FAILURES_KEPT = 20


class DeliveryState(StrEnum):
    """Where a batch stands at one destination."""

    WAITING = "WAITING"  # not there as a whole; tried again by itself
    DONE = "DONE"  # every stored image is there, verified
    ERROR = "ERROR"  # tried again when a person asks for it


@dataclass(frozen=True, slots=True)
class ImageFailure:
    """An image that a destination does not have, by its keyed id, and why."""

    image_id: str
    code: Code


@dataclass(frozen=True, slots=True)
class Delivery:
    """A batch at one destination, which is named by its address without credentials.

    `digest` is of the images that it is about; of these, all up to the output name `through` are there, `sent` in
    number. `failed` counts those that it refused, the first of which are `failures`. `attempts` counts those in a row
    that brought nothing further; `code` says why the last one ended early, or why some image is not there.
    """

    destination: str
    state: DeliveryState
    at: datetime
    digest: str = ""
    through: str = ""
    sent: int = 0
    failed: int = 0
    attempts: int = 0
    code: Code | None = None
    failures: tuple[ImageFailure, ...] = ()


def digest_of(images: Iterable[tuple[str, int]]) -> str:
    """What tells a set of outputs, in the order of their names and each with its crc32c, from any other. Short hex."""
    digest = hashlib.sha256()
    for output, crc32c in images:
        digest.update(f"{output}\0{crc32c}\n".encode())
    return digest.hexdigest()[:16]


def merged(known: Sequence[Delivery], new: Iterable[Delivery]) -> tuple[Delivery, ...]:
    """The deliveries of a batch with some that changed, each in its place."""
    all_of_them = {delivery.destination: delivery for delivery in known}
    all_of_them.update({delivery.destination: delivery for delivery in new})
    return tuple(all_of_them.values())


def awaited(known: Sequence[Delivery], destinations: Iterable[str], now: datetime) -> tuple[Delivery, ...]:
    """The deliveries with all of these destinations waiting, whatever they have; each then says if that is all."""
    by_name = {delivery.destination: delivery for delivery in known}
    fresh = (by_name.get(name) or Delivery(name, DeliveryState.WAITING, now) for name in destinations)
    return merged(known, (waiting(delivery, now) for delivery in fresh))


def waiting(delivery: Delivery, now: datetime) -> Delivery:
    """The delivery as one that is tried again."""
    return replace(delivery, state=DeliveryState.WAITING, attempts=0, at=now)
