"""When the attempts at a batch are used up, and what is said of it then. Pure."""

from datetime import datetime

from sendit.errors import SENTENCES, Code
from sendit.records import Batch, ErrorEntry

_WITHOUT_A_WORD = "No worker said why; one that is killed or runs out of memory cannot."


def used_up(batch: Batch, now: datetime) -> ErrorEntry:
    """The error of a batch that is given up: how many attempts there were, and what one of them said last."""
    last = batch.last_failure
    why = f"What was said last: {last.sentence}" if last else _WITHOUT_A_WORD
    code = Code.ATTEMPTS_USED_UP
    what = SENTENCES[code].format(attempts=batch.attempt, failures=batch.failures)
    return ErrorEntry(code, f"{what} {why}", now)
