"""Every error of sendit. The class decides what becomes of the message or the image.

    SenditError
    ├── Refused          answered and recorded; a retry would change nothing
    ├── ImageError       the image is an ERROR, the rest of the batch goes on
    ├── BatchError       the batch cannot go on: it is an ERROR, its files are kept
    ├── DestinationError the destination cannot be used as it is: others go on, a person mends it
    ├── TransientError   the surroundings failed: nothing is recorded as done, retried with backoff
    │   ├── Busy         this worker has as many batches as it may; the message comes again
    │   ├── OutOfTime    the time of this attempt is up; the next goes on from what was saved
    │   ├── LeaseHeld    another worker has the batch; the message stays alive in case that worker dies
    │   └── LeaseLost    another worker took the batch over; this one writes no more status
    └── UsageError       whoever called can mend it: wrong setting, wrong folder, a run already going on

An error carries a stable `Code` and whole numbers, never text: the sentence comes from `sentences.py`, so
no value of a header, and no name of a file, can travel in an exception, a log line or a status document.
`UsageError` alone speaks freely: it is shown to the person who typed the words it quotes, and logged nowhere.
"""

from sendit.codes import Code
from sendit.sentences import SENTENCES

__all__ = [
    "SENTENCES",
    "BatchError",
    "Busy",
    "Code",
    "DestinationError",
    "ImageError",
    "LeaseHeld",
    "LeaseLost",
    "OutOfTime",
    "Refused",
    "SenditError",
    "TransientError",
    "UsageError",
]


class SenditError(Exception):
    """A stable code, the numbers that its sentence needs, and nothing else."""

    def __init__(self, code: Code, **facts: int) -> None:
        if not all(isinstance(fact, int) for fact in facts.values()):
            raise TypeError("an error's facts are whole numbers, so that no header value can travel in one")
        self.code = code
        self.facts = facts
        super().__init__(SENTENCES[code].format(**facts))

    @property
    def sentence(self) -> str:
        """One sentence for a person: what happened and, where there is one, the way out."""
        return str(self)

    def __reduce__(self) -> tuple[object, ...]:
        """Errors travel between worker processes."""
        return _rebuild, (type(self), self.code, self.facts)


def _rebuild(kind: type[SenditError], code: Code, facts: dict[str, int]) -> SenditError:
    return kind(code, **facts)


class Refused(SenditError):
    """A marker or message that is answered, recorded and not followed; a retry would change nothing."""


class ImageError(SenditError):
    """This image cannot be handled; it is recorded as ERROR and the rest of the batch goes on."""


class BatchError(SenditError):
    """The batch cannot go on whatever the attempt; it is recorded as ERROR and its files are kept."""


class DestinationError(SenditError):
    """Nothing can be sent to this destination until a person mends it; it is recorded, and the others go on."""


class TransientError(SenditError):
    """The surroundings failed; the attempt ends, and another one may succeed."""


class Busy(TransientError):
    """This process works on as many batches as it may."""

    def __init__(self, code: Code = Code.WORKER_BUSY, **facts: int) -> None:
        super().__init__(code, **facts)


class OutOfTime(TransientError):
    """The time of this attempt is up before all was known that its first image needs."""

    def __init__(self, code: Code = Code.OUT_OF_TIME, **facts: int) -> None:
        super().__init__(code, **facts)


class LeaseHeld(TransientError):
    """Another worker holds the batch's lease."""

    def __init__(self, code: Code = Code.LEASE_HELD, **facts: int) -> None:
        super().__init__(code, **facts)


class LeaseLost(TransientError):
    """The lease ran out and another worker took it; nothing more may be written under it."""

    def __init__(self, code: Code = Code.LEASE_LOST, **facts: int) -> None:
        super().__init__(code, **facts)


class UsageError(SenditError):
    """Whoever called can mend it. `hint` names the thing and the way out, for that person's eyes only."""

    def __init__(self, code: Code, hint: str = "") -> None:
        super().__init__(code)
        self.hint = hint

    @property
    def sentence(self) -> str:
        """The code's sentence and the hint."""
        return f"{self} {self.hint}".rstrip()

    def __reduce__(self) -> tuple[object, ...]:
        """The hint travels too."""
        return UsageError, (self.code, self.hint)
