"""One batch on its way to one destination, in a thread of its own."""

import logging
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Thread

from sendit.deadline import Deadline
from sendit.deliveries import MAX_FAILURES_KEPT, Delivery, DeliveryState, ImageFailure, digest_of
from sendit.destination import Destination, Receipt, Sendable
from sendit.errors import Code, DestinationError, SenditError, TransientError
from sendit.logs import event, place_of
from sendit.ports import Clock, OutputStore
from sendit.records import STORED, Image


@dataclass(frozen=True, slots=True)
class Goods:
    """What of a batch is to be at each destination: every stored output once, by name; and whose image it is."""

    images: Sequence[Sendable]
    ids: Mapping[str, str]
    digest: str

    @classmethod
    def of(cls, images: Iterable[Image]) -> "Goods":
        """The outputs of a batch's images. Of duplicates, which have one output, the first counts."""
        sendable: dict[str, Sendable] = {}
        ids: dict[str, str] = {}
        for image in images:
            if image.state in STORED and (image.output not in ids or not image.duplicate):
                sendable[image.output] = Sendable(image.output, image.output_bytes, image.output_crc32c)
                ids[image.output] = image.id
        ordered = [sendable[output] for output in sorted(sendable)]
        return cls(ordered, ids, digest_of((one.output, one.crc32c) for one in ordered))

    def before(self, image: Sendable) -> str:
        """The output before this one by name; '' if it is the first."""
        place = bisect_left(self.images, image.output, key=lambda one: one.output)
        return self.images[place - 1].output if place else ""

    def begun(self, delivery: Delivery, *, whole_studies: bool) -> tuple[Delivery, int]:
        """The delivery as it goes on, and how many images are there: those up to `through`, if it is about these.

        With `whole_studies`, those of a study that is not there as a whole do not count.
        """
        there = 0
        if delivery.digest == self.digest and delivery.through:
            there = sum(image.output <= delivery.through for image in self.images)
        if whole_studies and there < len(self.images):
            while there and _study_of(self.images[there - 1]) == _study_of(self.images[there]):
                there -= 1
        through = self.images[there - 1].output if there else ""
        fresh = Delivery(
            delivery.destination,
            DeliveryState.WAITING,
            delivery.at,
            self.digest,
            through,
            sent=there,
            attempts=delivery.attempts,
        )
        return fresh, there


def _study_of(image: Sendable) -> str:
    """Its output's folder: patient and study."""
    return image.output.rsplit("/", 2)[0]


class Delivering:
    """The thread that sends. `current` is how far it is; `stop` ends it before its next image.

    With `anew` nothing is taken for there that the destination does not show now.
    """

    def __init__(
        self,
        destination: Destination,
        known: Delivery,
        goods: Goods,
        *,
        output: OutputStore,
        clock: Clock,
        max_attempts: int,
        anew: bool,
        deadline: Deadline,
        ended: Callable[[], None],
    ) -> None:
        self._destination = destination
        self._goods = goods
        self._output = output
        self._clock = clock
        self._max_attempts = max_attempts
        self._deadline = deadline
        self._ended = ended
        looked_for = replace(known, digest="") if anew else known
        self._before = looked_for.sent if looked_for.digest == goods.digest else 0
        self._begun, self._there = goods.begun(looked_for, whole_studies=destination.whole_studies)
        self._stopped = False
        self._thread = Thread(target=self._run, name="delivery", daemon=True)
        self.current = self._begun
        self.cut_short: Code | None = None
        """Why the destination could not be reached to the end; None if it could, or the time was up."""

    @property
    def name(self) -> str:
        """See `Destination.name`."""
        return self._destination.name

    @property
    def at_work(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def progressed(self) -> bool:
        """Whether this attempt brought an image there that no earlier one had."""
        return self.current.sent > self._before

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Let it end before its next image."""
        self._stopped = True

    def _run(self) -> None:
        try:
            self.current = self._done()
        except TransientError as error:
            self.cut_short = error.code
            self.current = self._tried_in_vain(error.code)
        except SenditError as error:
            self.current = self._at(DeliveryState.ERROR, error.code)
            kind = logging.WARNING if isinstance(error, DestinationError) else logging.ERROR
            event(kind, error.sentence, code=error.code)
        except Exception as error:  # noqa: BLE001  one destination's defect must not take the others along
            self.current = self._at(DeliveryState.ERROR, Code.INTERNAL_ERROR)
            event(
                logging.ERROR,
                "A defect in sendit stopped a delivery.",
                code=Code.INTERNAL_ERROR,
                place=place_of(error),
            )
        finally:
            self._ended()

    def _done(self) -> Delivery:
        """Send what is not there yet, or not any more."""
        self._look_back()
        if self._there and self._deadline.near:  # the look may have ended early, and then proves nothing
            return self._tried_in_vain(Code.OUT_OF_TIME)
        rest = self._goods.images[self._there :]
        count = 0
        for receipt in self._destination.send(rest, self._output, self._deadline) if rest else ():
            self.current = self._with(receipt)
            count += 1
            if self._stopped:
                break
        if count < len(rest):
            return self._tried_in_vain(Code.OUT_OF_TIME)
        if self.current.failed:
            return self._at(DeliveryState.ERROR, self.current.failures[0].code)
        return replace(self._at(DeliveryState.DONE, None), attempts=0)

    def _look_back(self) -> None:
        """Begin anew where an image of an earlier attempt is gone: the place may be emptied, or another one by now."""
        before = self._goods.images[: self._there]
        gone = self._destination.lost(before, self._output, self._deadline) if before else None
        if gone is not None:
            earlier = replace(self._begun, through=self._goods.before(gone))
            self._before, whole = 0, self._destination.whole_studies
            self.current, self._there = self._goods.begun(earlier, whole_studies=whole)

    def _with(self, receipt: Receipt) -> Delivery:
        known = self.current
        if receipt.code is None:
            through = known.through if known.failed else receipt.image.output
            return replace(known, through=through, sent=known.sent + 1)
        failure = ImageFailure(self._goods.ids[receipt.image.output], receipt.code)
        failures = (*known.failures, failure)[:MAX_FAILURES_KEPT]
        return replace(known, failed=known.failed + 1, failures=failures)

    def _tried_in_vain(self, code: Code) -> Delivery:
        """The delivery as it waits for its next attempt; an ERROR if too many in a row brought nothing further."""
        attempts = 0 if self.progressed else self._begun.attempts + 1
        state = DeliveryState.ERROR if attempts >= self._max_attempts else DeliveryState.WAITING
        return replace(self._at(state, code), attempts=attempts)

    def _at(self, state: DeliveryState, code: Code | None) -> Delivery:
        return replace(self.current, state=state, code=code, at=self._clock())
