"""The object's own UIDs: they differ from image to image, so they are looked for when all of an object is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sendit.deid.errors import DeidError, Refusal
from sendit.deid.identity.matcher import uids_in
from sendit.deid.rules.options import Option

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sendit.deid.context import Judged
    from sendit.deid.rules.profile import Profile

_SHORTEST_UID = 10
_MOST_LOOKED_THROUGH = 100_000_000


def check_uids(judged: Iterable[Judged], own_uids: frozenset[str], profile: Profile) -> None:
    """Refuses an output in which one of the object's own UIDs stands, as a UID or in a text.

    Raises:
        DeidError: `gate_identifier_left`.
    """
    if Option.RETAIN_UIDS in profile.options:
        return
    for one in judged:
        if (
            not own_uids.isdisjoint(one.uids)
            or (one.dotted and uids_in(one.dotted, own_uids))
            or (one.runs and _in_runs(one.runs, own_uids))
        ):
            raise DeidError(Refusal.GATE_IDENTIFIER_LEFT)


def _in_runs(runs: frozenset[str], own_uids: frozenset[str]) -> bool:
    """Whether a UID stands in runs of digits and dots; where there is too much of both to look, it may."""
    wanted = [uid for uid in own_uids if len(uid) >= _SHORTEST_UID]
    if len(wanted) * sum(map(len, runs)) > _MOST_LOOKED_THROUGH:
        return True
    return any(uid in run for run in runs for uid in wanted)
