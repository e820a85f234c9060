"""A look-up in the crosswalk: recorded before it is answered, and not answered if it cannot be recorded."""

import logging
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sendit.crosswalk import Asked, CrosswalkStore, Entry, LookUp
from sendit.errors import Code, Refused, UsageError
from sendit.logs import event
from sendit.ports import Clock

if TYPE_CHECKING:
    from sendit.sealing import CrosswalkKey

_LONGEST_REASON = 500
_UID = re.compile(r"[0-9][0-9.]{0,63}", re.ASCII)
_PSEUDONYM = re.compile(r"[!-~]([ -~]{0,62}[!-~])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to know, who that is, and why.

    Raises:
        UsageError: bad_setting, for what no output can hold, or a reason that is none.
    """

    asked: Asked
    value: str
    user: str
    reason: str

    def __post_init__(self) -> None:
        form, says = (_UID, "digits and dots") if self.asked is Asked.UID else (_PSEUDONYM, "printable ASCII")
        if not form.fullmatch(self.value):
            raise UsageError(Code.BAD_SETTING, f"--{self.asked}: what an output holds there is 1 to 64 of {says}.")
        if not (self.reason.isprintable() and 0 < len(self.reason.strip()) <= len(self.reason) <= _LONGEST_REASON):
            raise UsageError(
                Code.BAD_SETTING, f"--reason: say why, on one line of at most {_LONGEST_REASON} printable characters."
            )


@dataclass(frozen=True, slots=True)
class Found:
    """An entry, with every batch that it was found in and when it was written for it, the oldest first."""

    entry: Entry
    batches: tuple[tuple[str, datetime], ...]


def look_up(question: Question, key: "CrosswalkKey", store: CrosswalkStore, clock: Clock) -> list[Found]:
    """What the crosswalk has about it; expired entries count for nothing.

    Raises `Refused` (not_in_crosswalk), `SenditError` (crosswalk_damaged), `TransientError` (crosswalk_unavailable).
    """
    subject, now = key.subject(question.asked, question.value), clock()
    sealed = [one for one in store.find(subject) if one.expires_at is None or one.expires_at > now]
    store.record(LookUp(now, question.user, question.reason, question.asked, subject, bool(sealed)))
    event(logging.INFO, "The crosswalk was asked.", found=len(sealed))
    if not sealed:
        raise Refused(Code.NOT_IN_CROSSWALK)
    batches: dict[Entry, list[tuple[datetime, str]]] = {}
    for kept in map(key.open, sealed):
        batches.setdefault(kept.entry, []).append((kept.at, kept.batch_id))
    found = [
        Found(entry, tuple((batch_id, at) for at, batch_id in sorted(places))) for entry, places in batches.items()
    ]
    return sorted(found, key=lambda one: one.batches[0][1])
