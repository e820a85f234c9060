"""Whether a user's override lets more of a value pass than the standard with the profile's options.

Actions are ranked by what of the value is still there afterwards:

====  =================================  ===========================================================
rank  actions                            what is left of the value
====  =================================  ===========================================================
0     remove, empty, dummy, replace      nothing: a constant tells nothing
1     remap, hash, pseudonym, mark       whether two values were equal, for whoever holds the outputs
2     shift, clean                       a part of it
3     keep, structure                    all of it
====  =================================  ===========================================================

An override is weaker if its rank is above that of what would be done without it. One exception is the
standard's own: where the Basic Profile says Z or D and nothing else, "a non-zero length value that may be
a dummy value" is asked for, and a keyed hash is one, as pseudonyms are; X, and X/Z/D where the attribute's
Type would let it go, asks for less, so a hash is weaker there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sendit.deid.rules.actions import Action
from sendit.deid.rules.attribute import Place
from sendit.deid.rules.compiled import Rules
from sendit.deid.rules.explain import verdict
from sendit.deid.rules.options import BASIC
from sendit.deid.rules.tables import row_of

if TYPE_CHECKING:
    from sendit.deid.rules.profile import Override, Profile

_NOTHING, _EQUALITY, _PART, _ALL = range(4)
_RANKS = {
    Action.REMOVE: _NOTHING,
    Action.EMPTY: _NOTHING,
    Action.DUMMY: _NOTHING,
    Action.REPLACE: _NOTHING,
    Action.REMAP: _EQUALITY,
    Action.HASH: _EQUALITY,
    Action.PSEUDONYM: _EQUALITY,
    Action.MARK: _EQUALITY,
    Action.SHIFT: _PART,
    Action.CLEAN: _PART,
    Action.KEEP: _ALL,
    Action.STRUCTURE: _ALL,
}
_A_DUMMY_IS_ASKED_FOR = frozenset({"Z", "D", "Z/D"})


def weaker_overrides(profile: Profile) -> tuple[Override, ...]:
    """The overrides that let more pass than the profile without any, for an object of an unknown SOP class."""
    plain = Rules(replace(profile, overrides=()), "")
    return tuple(one for one in profile.overrides if _RANKS[one.action] > _rank_without(plain, one))


def _rank_without(plain: Rules, override: Override) -> int:
    """The rank of what would be done without the override, or of what the standard would allow."""
    rank = _RANKS[verdict(plain, Place(override.tag, override.path, override.creator)).action]
    if override.action is Action.HASH and not override.creator:
        row = row_of(override.tag)
        if row is not None and row[BASIC.column] in _A_DUMMY_IS_ASKED_FOR:
            return max(rank, _EQUALITY)
    return rank
