"""%header of a recipe becomes overrides of a profile.

What several lines say of one attribute is decided as deid does it: KEEP goes before everything but ADD; REMOVE has no
say where REPLACE or JITTER speak of the attribute, too; for the rest the lines work one after the other. Where deid
would have put something else in a value's place and a profile cannot, the value does not stay.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sendit.deid import PROFILES, Place, Profile
from sendit.deid.rules.actions import Action as Does
from sendit.deid.rules.compiled import Rules
from sendit.deid.rules.explain import UNKNOWN_SOP_CLASS, verdict
from sendit.deid.rules.override_checks import refusal
from sendit.deid.rules.tables import NEVER_SHIFTED
from sendit.recipes.fields import CannotExpand, is_everything, meant_by
from sendit.recipes.records import Action, Recipe, Remark

_PROGRAMMED = ("var:", "func:", "deid_func:")
_LETTING_PASS = frozenset({Does.KEEP, Does.STRUCTURE, Does.CLEAN})
_ENOUGH = {
    Does.KEEP: frozenset({Does.KEEP, Does.STRUCTURE}),
    Does.EMPTY: frozenset({Does.EMPTY, Does.REMOVE}),
}
_DONE = {
    Does.KEEP: "kept",
    Does.REMOVE: "removed",
    Does.EMPTY: "emptied",
    Does.DUMMY: "replaced by a dummy",
    Does.REMAP: "replaced by another UID",
    Does.SHIFT: "moved by the patient's days",
    Does.CLEAN: "cleaned",
    Does.HASH: "replaced by a hash",
    Does.REPLACE: "replaced",
    Does.PSEUDONYM: "replaced by a pseudonym",
    Does.MARK: "written by sendit",
    Does.STRUCTURE: "kept",
}
_OWN_DAYS = "the days are not the recipe's: each patient's dates move by 1 to 365 days of their own, by the project key"
_PRIVATE_TOO = "a pattern is looked for in PS3.6 alone; of private attributes, research keeps the safe ones"
_SAME_FOR_MANY = "it is the same for many patients, and would tell how far their dates are moved"
_STRICT = (
    "not everything can go: the profile starts from strict, which keeps what the kind of object requires, a list of"
    " technique, and what the recipe keeps"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One override, and the line of the recipe that asks for it."""

    place: Place
    does: Does
    value: str
    by: Action


@dataclass(slots=True)
class _Outcome:
    """What becomes of an attribute after the lines so far."""

    keeps: bool
    stays: bool
    does: Does | None = None
    by: Action | None = None

    def after(self, action: Action, *, replaces: bool) -> None:
        """One more line on the attribute; `replaces` if its value can be put there by a profile."""
        if action.verb == "ADD":
            self._becomes_replaced(action, replaces=replaces)
        elif self.keeps:
            if action.verb == "KEEP" and self.by is None:
                self._becomes(Does.KEEP, action)
        elif self.does is Does.REMOVE:
            return
        elif action.verb == "REMOVE":
            if not self.stays:
                self._becomes(Does.REMOVE, action)
        elif action.verb == "BLANK":
            self._becomes(Does.EMPTY, action)
        elif action.verb == "REPLACE":
            self._becomes_replaced(action, replaces=replaces)
        elif self.does is None:
            self._becomes(Does.SHIFT, action)

    def _becomes(self, does: Does, by: Action) -> None:
        self.does, self.by = does, by

    def _becomes_replaced(self, by: Action, *, replaces: bool) -> None:
        # what goes anyway stays away where the new value cannot be had
        if replaces or self.does not in {Does.REMOVE, Does.EMPTY}:
            self._becomes(Does.REPLACE, by)


@dataclass(slots=True)
class _Carried:
    """What is carried over so far, and what is said of the lines: by line, by sentence, of which attributes."""

    base: Profile
    entries: list[Entry] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    _of_places: dict[tuple[Action, str], list[str]] = field(default_factory=dict)

    def say(self, action: Action, sentence: str, *, carried: bool = False) -> None:
        """A remark on a whole line."""
        self.remarks.append(Remark(action.line, f"{action.written}: {sentence}", carried))

    def say_of(self, action: Action, place: Place, sentence: str) -> None:
        """A remark on one attribute of a line; those that read the same become one."""
        self._of_places.setdefault((action, sentence), []).append(place.name)

    def all_remarks(self) -> tuple[Remark, ...]:
        """Everything that was said."""
        of_places = [
            Remark(action.line, f"{action.written}: {_of(names, action)}{sentence}")
            for (action, sentence), names in self._of_places.items()
        ]
        return (*self.remarks, *of_places)


def _of(names: list[str], action: Action) -> str:
    """Of which attributes something is said, unless the line names it."""
    return "" if names == [action.field] else f"of {', '.join(names)}: "


def carried_header(recipe: Recipe) -> tuple[str, tuple[Entry, ...], tuple[Remark, ...]]:
    """The built-in profile to start from, the overrides, and what is to be said of the lines."""
    clears = any(_clears_everything(action) for action in recipe.header)
    base = "strict" if clears else "research"
    carried = _Carried(PROFILES[base])
    by_place: dict[Place, list[Action]] = {}
    for action in recipe.header:
        for place in _places(action, recipe, carried):
            by_place.setdefault(place, []).append(action)
    rules = Rules(carried.base, UNKNOWN_SOP_CLASS)
    for place, actions in by_place.items():
        _decide(place, actions, rules, carried)
    return base, tuple(carried.entries), carried.all_remarks()


def _clears_everything(action: Action) -> bool:
    return action.verb in {"REMOVE", "BLANK"} and is_everything(action.field) and not action.value


def _places(action: Action, recipe: Recipe, carried: _Carried) -> Iterable[Place]:
    """The attributes of which a line speaks; none, and a remark, if that cannot be told."""
    if action.verb == "REMOVE" and action.value:
        carried.say(action, f"it is removed on a condition ({action.value}), which a programme would have to judge")
        return ()
    if _clears_everything(action):
        carried.say(action, _STRICT)
        return ()
    if action.verb == "ADD" and ":" in action.field.partition(",")[0]:
        carried.say(action, "nothing can be added to attributes that are chosen by a pattern")
        return ()
    if is_everything(action.field):
        carried.say(action, "it is said of all attributes, and a profile names those of which it speaks")
        return ()
    try:
        meant = meant_by(action.field, recipe)
    except CannotExpand as error:
        carried.say(action, str(error))
        return ()
    said = any(remark.sentence.endswith(_PRIVATE_TOO) for remark in carried.remarks)
    if meant.is_pattern and action.verb != "KEEP" and not said and carried.base.name == "research":
        carried.say(action, _PRIVATE_TOO, carried=True)
    if action.verb == "JITTER":
        carried.say(action, _OWN_DAYS, carried=True)
    return meant.places


def _decide(place: Place, actions: list[Action], rules: Rules, carried: _Carried) -> None:
    """One attribute's override, if it needs and can have one, and what is to be said of its lines."""
    keeps = any(action.verb == "KEEP" for action in actions)
    outcome = _Outcome(keeps, stays=any(action.verb in {"REPLACE", "JITTER"} for action in actions))
    for action in actions:
        outcome.after(action, replaces=_why_not_replaced(place, action.value) is None)
    by, otherwise = outcome.by, verdict(rules, place).action
    if by is None or outcome.does is None:
        return
    does, value, reason = outcome.does, "", None
    if does is Does.REPLACE:
        value, reason = by.value, _why_not_replaced(place, by.value)
    elif does is Does.SHIFT and place.tag in NEVER_SHIFTED:
        reason = _SAME_FOR_MANY
    else:
        reason = refusal(place, does, None, allow_identifiers=False)
    if reason is None:
        carried.entries.append(Entry(place, does, value, by))
        done = does
    else:
        done = _instead(place, does, otherwise)
        if done is not otherwise:
            carried.entries.append(Entry(place, done, "", by))
        if done not in _ENOUGH.get(does, {does}) and by.verb != "ADD":
            carried.say_of(by, place, f"{reason}; it is {_DONE[done]}")
    for action in actions:
        if action.verb == "ADD" or (action.verb == "REPLACE" and action is not by):
            _say_of_value(place, action, done, carried)


def _why_not_replaced(place: Place, value: str) -> str | None:
    """Why a profile cannot put this value there; None if it can."""
    if value.startswith(_PROGRAMMED):
        return f"{value} comes from a programme"
    return refusal(place, Does.REPLACE, value, allow_identifiers=False)


def _instead(place: Place, does: Does, otherwise: Does) -> Does:
    """What is done where an action is refused: what would be done anyway, unless that passes what deid replaced."""
    lets_pass = does is Does.REPLACE and otherwise in _LETTING_PASS
    return Does.EMPTY if lets_pass and refusal(place, Does.EMPTY, None, allow_identifiers=False) is None else otherwise


def _say_of_value(place: Place, action: Action, done: Does, carried: _Carried) -> None:
    """What is to be said of a line that gives an attribute a value and does not get its way, or not all of it."""
    reason = _why_not_replaced(place, action.value)
    if action.verb == "ADD":
        reason = f"{reason}; nothing is added" if reason else "it is replaced where it is there, and never added"
        carried.say_of(action, place, reason if done is Does.REPLACE else f"{reason}; it is {_DONE[done]}")
    elif reason is not None:
        carried.say_of(action, place, f"{reason}; it is {_DONE[done]}")
