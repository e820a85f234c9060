"""The use case after a batch rests: its stored images on to every destination, each by itself and all at one time.

take up → per destination: send, verify, say how far → images DONE → DONE. Where each destination stands is kept in the
batch, so that one that fails is tried again alone, from where it was.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from threading import Event

from sendit.deadline import ENDLESS, Deadline
from sendit.deliveries import Delivery, DeliveryState, merged
from sendit.delivering import Delivering, Goods
from sendit.destination import Destination
from sendit.errors import Code, SenditError
from sendit.lease import Hold, LeaseTerms, new_lease
from sendit.logs import event
from sendit.ports import Clock, OutputStore, StatusStore
from sendit.records import IMAGES_A_WRITE, SENDABLE, STORED, Batch, BatchState, Image, ImageState

_SECONDS_BETWEEN_WRITES = 3.0
_SECONDS_TO_END = 10.0  # for a thread to notice that the time is up

Observer = Callable[[Sequence[Delivery]], None]


def _unobserved(_: Sequence[Delivery]) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class Sending:
    """What `send` needs beside the batch.

    With `whole`, there are no destinations but these. With `anew`, these are looked through, whatever they had before.
    """

    store: StatusStore
    output: OutputStore
    destinations: Sequence[Destination]
    clock: Clock
    lease_terms: LeaseTerms
    max_attempts: int
    whole: bool = True
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """The batch after an attempt at its destinations, and what that attempt came to.

    `unavailable` is why a destination could not be reached; `to_go_on` is whether the time was up before all was there.
    """

    batch: Batch
    unavailable: Code | None = None
    to_go_on: bool = False


def needs_sending(batch: Batch, world: Sending) -> bool:
    """Whether a batch at rest has images that are not known to be at each of these destinations."""
    if batch.state not in SENDABLE or not batch.counts.stored:
        return False
    done = {one.destination for one in batch.deliveries if one.state is DeliveryState.DONE}
    if any(destination.name not in done for destination in world.destinations) or (world.whole and batch.waits):
        return True
    return batch.delivered and batch.state is not BatchState.DONE  # whoever was about to say so died


def send(batch_id: str, world: Sending, deadline: Deadline = ENDLESS, observe: Observer = _unobserved) -> Sent:
    """Bring what is stored of a batch to the destinations, as far as it is not there, and return how far it came.

    Idempotent. A batch that does not rest, or of which nothing is stored, is returned as it is. Raises `LeaseHeld`
    while another has the batch, `LeaseLost`, `TransientError` if output or status store cannot be reached.
    """
    lease = new_lease(world.lease_terms, world.clock)
    batch = world.store.take_up(batch_id, lease, world.clock())
    if batch.lease != lease:
        return Sent(batch)
    hold = Hold(world.store, batch.id, lease, world.lease_terms, world.clock)
    with hold.beating():
        try:
            return _Attempt(batch, world, hold, observe).run(deadline)
        except BaseException:
            with suppress(SenditError):  # the lease will simply expire
                hold.release(None)
            raise


class _Attempt:
    """One attempt at all destinations of a batch that is held."""

    def __init__(self, batch: Batch, world: Sending, hold: Hold, observe: Observer) -> None:
        self._batch = batch
        self._world = world
        self._hold = hold
        self._observe = observe
        self._saved = batch.deliveries
        self._ended = Event()

    def run(self, deadline: Deadline) -> Sent:
        """Send, and let the batch rest again."""
        under_way = self._under_way(Goods.of(self._world.store.images(self._batch.id)), deadline)
        self._save([*self._unknown(), *(one.current for one in under_way)])
        try:
            for one in under_way:
                one.start()
            self._watch(under_way, deadline)
        finally:
            for one in under_way:
                one.stop()
        ends = [(one.current, one.cut_short) for one in under_way]  # one that was left to itself may still go on
        self._save([delivery for delivery, _ in ends])
        self._tell([delivery for delivery, _ in ends])
        batch = self._at_rest()
        unavailable = next((why for _, why in ends if why is not None), None)
        to_go_on = any(delivery.state is DeliveryState.WAITING and why is None for delivery, why in ends)
        return Sent(batch, unavailable, to_go_on)

    def _under_way(self, goods: Goods, deadline: Deadline) -> list[Delivering]:
        known = {delivery.destination: delivery for delivery in self._batch.deliveries}
        now = self._world.clock()
        return [
            Delivering(
                destination,
                known.get(destination.name) or Delivery(destination.name, DeliveryState.WAITING, now),
                goods,
                output=self._world.output,
                clock=self._world.clock,
                max_attempts=self._world.max_attempts,
                anew=self._world.anew,
                deadline=deadline,
                ended=self._ended.set,
            )
            for destination in self._world.destinations
        ]

    def _unknown(self) -> list[Delivery]:
        """What waits for a destination that is none any more: only a person can say what is to become of it."""
        if not self._world.whole:
            return []
        there = {destination.name for destination in self._world.destinations}
        return [
            replace(delivery, state=DeliveryState.ERROR, code=Code.DESTINATION_UNKNOWN, at=self._world.clock())
            for delivery in self._batch.deliveries
            if delivery.state is DeliveryState.WAITING and delivery.destination not in there
        ]

    def _watch(self, under_way: Sequence[Delivering], deadline: Deadline) -> None:
        """Write how far they are every few seconds, until they end or their time is up."""
        while any(one.at_work for one in under_way):
            left = deadline.left(_SECONDS_TO_END)
            self._ended.wait(_SECONDS_BETWEEN_WRITES if left is None else min(left, _SECONDS_BETWEEN_WRITES))
            self._ended.clear()
            self._hold.check()
            self._save([one.current for one in under_way])
            if left == 0.0:  # one that does not even notice is left to itself, and tried again
                return

    def _save(self, deliveries: Sequence[Delivery]) -> None:
        self._observe(deliveries)
        changed = [delivery for delivery in deliveries if delivery not in self._saved]
        if changed:
            self._hold.save_deliveries(changed)
            self._saved = merged(self._saved, changed)

    def _at_rest(self) -> Batch:
        """Give the batch back: DONE, with its images, if it is everywhere."""
        batch = replace(self._batch, deliveries=self._saved, lease=None)
        if not batch.delivered or batch.state is BatchState.DONE:
            self._hold.release(None)
            return batch
        now = self._world.clock()
        part: list[Image] = []
        write = partial(self._hold.save_outcomes, counts=batch.counts, errors=())
        for image in self._world.store.images(batch.id):
            if image.state in STORED - {ImageState.DONE}:
                times = (*image.times, (ImageState.SENT, now), (ImageState.DONE, now))
                part.append(replace(image, state=ImageState.DONE, times=times))
            if len(part) == IMAGES_A_WRITE:
                write(part)
                part = []
        if part:
            write(part)
        return self._hold.finish(BatchState.DONE)

    def _tell(self, deliveries: Sequence[Delivery]) -> None:
        for one in deliveries:
            if one.state is DeliveryState.DONE:
                event(logging.INFO, "The batch is at a destination.", batch_id=self._batch.id, stored=one.sent)
            else:
                event(
                    logging.ERROR if one.state is DeliveryState.ERROR else logging.WARNING,
                    "The batch is not at a destination.",
                    batch_id=self._batch.id,
                    code=one.code or Code.OUT_OF_TIME,
                    stored=one.sent,
                    errored=one.failed,
                )
