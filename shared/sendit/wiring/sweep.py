"""The cloud's light half once more: what sweeps up. Cloud Storage is loaded when something looks into the bucket."""

import logging
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from sendit.deadline import Deadline
from sendit.logs import event
from sendit.refs import BatchMessage, GcsPlace, Marker
from sendit.settings import Settings
from sendit.sweep import Sweeping, follow_dead_letter, requeue_silent
from sendit.wiring.cloud import Finalizer, check_finalizer, output_place
from sendit.wiring.parts import now

if TYPE_CHECKING:
    from sendit.wiring.house import House


def check_sweeper(settings: Settings) -> None:
    """Raise `UsageError` for settings under which no sweep can be made."""
    check_finalizer(settings)
    output_place(settings)


class Sweeper:
    """The sweep, wired once a process. Raises `UsageError` for settings, `TransientError` for a silent emulator."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._finalizer = Finalizer.of(settings)
        self._sweeping = Sweeping(
            store=self._finalizer.store,
            queue=self._finalizer.queue,
            ids=self._finalizer.ids,
            clock=now,
            max_attempts=settings.max_attempts,
            requeue_after=timedelta(seconds=settings.requeue_after),
            staging=lambda: self._house.staging,
            markers=lambda: self._house.area.markers(),
            reports=lambda: self._house.reports,
        )

    @property
    def place(self) -> GcsPlace:
        """Where batches are staged."""
        return self._finalizer.staging

    def tick(self) -> None:
        """What is done every so often: lost work first."""
        deadline = Deadline.after(self._settings.budget)
        requeue_silent(self._sweeping)
        self._house.keep(self._finalizer, deadline)

    def follow(self, letter: Marker | BatchMessage) -> None:
        """Do what a message that died asks for."""
        if isinstance(letter, BatchMessage):
            follow_dead_letter(letter, self._sweeping)
            return
        event(logging.WARNING, "A marker's notification died; the marker is followed.", generation=letter.generation)
        self._finalizer.follow(letter)

    @cached_property
    def _house(self) -> "House":
        from sendit.wiring.house import House

        return House.of(self._settings, self._finalizer.ids)
