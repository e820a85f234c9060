"""What becomes of the values of an attribute: all that follows from its rule, its tag and its VR, found out once.

What is left for each value is a `Course`: a function of the treatment of one object, which knows whose it is, the
undecoded value, and the codecs of its text.
"""

from __future__ import annotations

from collections.abc import Callable

from sendit.deid.dicom.dictionary import dictionary_vr
from sendit.deid.dicom.text import unpadded
from sendit.deid.dicom.uids import is_uid, uid_values
from sendit.deid.dicom.vrs import DATE_VRS, NUMERIC_STRING_VRS, STRING_VRS, TEXT_VRS, agrees, concrete_vr
from sendit.deid.errors import DeidError, Refusal
from sendit.deid.rules.actions import Action
from sendit.deid.rules.describing import DESCRIBING, REQUIRED_SOUND, sound_vr
from sendit.deid.rules.retain import NUMBERS, has_too_many, is_sound, may_stay, retained_action
from sendit.deid.rules.rule import Rule
from sendit.deid.treatment import PSEUDONYM_VRS, Changed, Treatment
from sendit.deid.values.dummies import dummy

Codecs = tuple[str, ...]
Course = Callable[[Treatment, bytes, Codecs], Changed]

_LETTING_PASS = frozenset({Action.KEEP, Action.CLEAN, Action.SHIFT})
_NEED_A_FALLBACK = frozenset({Action.KEEP, Action.CLEAN, Action.HASH})
_REMOVED: Changed = (Action.REMOVE, "", b"")
_WHOLE = Rule(Action.DUMMY, Action.DUMMY, "PS3.15 Table E.1-1, D of a sequence")


def removed(_: Treatment, __: bytes, ___: Codecs) -> Changed:
    """Nothing stays."""
    return _REMOVED


def public_course(rule: Rule | None, tag: int, vr: str, *, whole: bool, allowed: bool) -> Course:
    """The course of a public attribute that is no sequence.

    `whole`: it stands in a sequence of which nothing may stay but its structure; `allowed`: one of which no rule
    speaks may stay at all.
    """
    if rule is None:
        return _unlisted(tag, vr, whole=whole, allowed=allowed)
    return _by_rule(_WHOLE if whole and rule.action in _LETTING_PASS else rule, tag, vr)


def private_course(rule: Rule, tag: int, vr: str) -> Course:
    """The course of a private attribute that a rule retains: its value goes if it is not what the rule says it is."""
    if vr == "UN":
        vr = concrete_vr(rule.vr, signed=False)
    if rule.action is Action.REMOVE or not (agrees(vr, rule.vr) if rule.vr else vr != "UN"):
        return removed
    if rule.action is Action.EMPTY:
        filled = _always(Action.EMPTY, vr, b"")
    elif vr == "UI":
        filled = _remapped
    else:
        filled = _unless_dummy(_carried_out(rule.action, rule, tag, vr, vr, removed))
    return _unless_empty(vr, filled, (Action.KEEP, vr, b"")) if vr in STRING_VRS else filled


def _by_rule(rule: Rule, tag: int, vr: str) -> Course:
    """The rule speaks of the attribute: a wrong VR becomes that of PS3.6. Empty stays empty."""
    action, expected = rule.action, dictionary_vr(tag)
    if action is Action.REMOVE or expected is None or expected == "SQ":
        return removed
    declared = vr
    if not agrees(vr, expected):
        declared, vr = "", concrete_vr(expected, signed=False)
        action = rule.fallback if action is Action.KEEP else action
    if action is Action.REMOVE:
        return removed
    empty: Changed = (action, vr, b"")
    if tag in PSEUDONYM_VRS and not rule.clause.startswith("profile "):
        filled = _pseudonym(tag)
    elif action is Action.EMPTY:
        return _always(*empty)
    elif action is Action.REPLACE:
        filled = _always(action, vr, rule.value.encode("ascii"))
    elif vr == "UI":
        filled = _uid(rule)
    else:
        filled = _carried_out(action, rule, tag, declared, vr, _fallen_back(rule.fallback, tag, vr))
    return _unless_empty(vr, filled, empty)


def _unlisted(tag: int, vr: str, *, whole: bool, allowed: bool) -> Course:
    """An attribute of which no rule speaks; one without which the pixels would mean something else is put right."""
    if allowed and not whole and vr in NUMBERS and retained_action(tag, vr) is Action.KEEP:
        return _retained_numbers(tag, vr)
    if tag not in REQUIRED_SOUND or whole:
        return _retained(tag, vr, whole=whole) if allowed else removed
    expected = dictionary_vr(tag) or ""
    right = vr if agrees(vr, expected) else concrete_vr(expected, signed=False)
    retained = _retained(tag, right, whole=whole) if allowed else removed

    def course(treatment: Treatment, value: bytes, codecs: Codecs) -> Changed:
        sound_vr(tag, vr, value, codecs)
        return retained(treatment, value, codecs)

    return course


def _retained_numbers(tag: int, vr: str) -> Course:
    """As `_retained`, of a DS or IS, of which there are many."""
    sound, required = NUMBERS[vr], tag in REQUIRED_SOUND
    empty: Changed = (Action.KEEP, vr, b"")
    described = tag in DESCRIBING

    def course(treatment: Treatment, value: bytes, _: Codecs) -> Changed:
        plain = unpadded(value)
        if not plain:
            return empty
        if sound.fullmatch(plain) is None:
            if required:
                raise DeidError(Refusal.MALFORMED)
            return _REMOVED
        return (Action.KEEP, vr, plain) if described else treatment.kept_numbers(vr, plain)

    return course


def _retained(tag: int, vr: str, *, whole: bool) -> Course:
    """What is known to be harmless stays, where it is what it should be; the VR of an empty one tells nothing."""
    action = retained_action(tag, vr)
    if action is None:
        return removed
    if action is Action.KEEP and whole:
        action = Action.DUMMY
        filled = _if_sound(tag, vr, _always(action, vr, dummy(tag, vr)))
    elif action is Action.KEEP:
        filled = _if_sound(tag, vr, _kept(tag, vr))
    elif action is Action.STRUCTURE:
        filled = _if_sound(tag, vr, _as_it_is(Action.KEEP, vr))
    elif action is Action.REMAP:
        filled = _remapped
    elif action is Action.DUMMY:
        filled = _always(action, vr, dummy(tag, vr))
    else:
        filled = removed if action is Action.REMOVE else _always(action, vr, b"")
    if vr in STRING_VRS:
        return _unless_empty(vr, filled, (Action.DUMMY if whole else Action.KEEP, vr, b""))
    if action is Action.REMOVE:
        return removed
    return _unless_empty(vr, filled, (Action.KEEP if action is Action.STRUCTURE else action, vr, b""))


def _carried_out(action: Action, rule: Rule, tag: int, declared: str, vr: str, fallback: Course) -> Course:
    """An action on what is neither empty nor a UID, and its fallback where it cannot be carried out on a value.

    `declared` is the VR that a writer chose, empty if it is not that of the attribute.
    """
    if action is Action.DUMMY:
        return _always(action, vr, dummy(tag, vr))
    if action is Action.KEEP and declared:
        # a date is compared with dates alone, and where they are retained none is evidence
        kept = _as_it_is(action, vr) if vr in DATE_VRS else _kept(tag, vr)
        return lambda treatment, value, codecs: (
            kept(treatment, value, codecs)
            if is_sound(vr, value, codecs) and not has_too_many(tag, vr, value)
            else fallback(treatment, value, codecs)
        )
    if action is Action.SHIFT and declared == vr and vr in DATE_VRS:
        return lambda treatment, value, codecs: treatment.moved(vr, value) or fallback(treatment, value, codecs)
    if action is Action.CLEAN and (vr == "AS" or vr in TEXT_VRS) and vr != "PN":
        return lambda treatment, value, codecs: (
            treatment.cleaned(vr, value, codecs) or fallback(treatment, value, codecs)
        )
    if action is Action.HASH and vr in TEXT_VRS:
        return lambda treatment, value, codecs: (
            treatment.hashed(vr, value, codecs) or fallback(treatment, value, codecs)
        )
    return fallback


def _fallen_back(fallback: Action, tag: int, vr: str) -> Course:
    if fallback is Action.EMPTY:
        return _always(fallback, vr, b"")
    return _always(fallback, vr, dummy(tag, vr)) if fallback is Action.DUMMY else removed


def _kept(tag: int, vr: str) -> Course:
    """A value that stays but for what repeats the object's identity, which no list foresees.

    What says what the pixels are is left as it is: the gate refuses the image rather than alter it.
    """
    if vr not in STRING_VRS or tag in DESCRIBING or vr == "UI":
        return _as_it_is(Action.KEEP, vr)
    if vr in NUMERIC_STRING_VRS:
        return lambda treatment, value, _: treatment.kept_numbers(vr, unpadded(value))
    return lambda treatment, value, codecs: treatment.kept_text(tag, vr, value, codecs)


def _uid(rule: Rule) -> Course:
    """A UI is kept, if a rule says so and it holds UIDs, or else remapped, unless it is removed or emptied."""
    action = rule.action
    if action in _NEED_A_FALLBACK and action is not rule.fallback:
        action = rule.fallback
    otherwise = _fallen_back(action, 0, "UI") if action in {Action.REMOVE, Action.EMPTY} else _remapped_all_the_same
    if rule.action is not Action.KEEP:
        return otherwise
    return lambda treatment, value, codecs: (
        (Action.KEEP, "UI", unpadded(value))
        if all(not uid or is_uid(uid) for uid in uid_values(value))
        else otherwise(treatment, value, codecs)
    )


def _pseudonym(tag: int) -> Course:
    return lambda treatment, value, codecs: treatment.pseudonym(tag, value, codecs)


def _remapped(treatment: Treatment, value: bytes, _: Codecs) -> Changed:
    return treatment.remapped(value)


def _remapped_all_the_same(treatment: Treatment, value: bytes, _: Codecs) -> Changed:
    """What a rule remaps is remapped though other UIDs are retained."""
    return treatment.remapped(value, retained=False)


def _always(action: Action, vr: str, value: bytes) -> Course:
    done = action, vr, value
    return lambda _, __, ___: done


def _as_it_is(action: Action, vr: str) -> Course:
    if vr in STRING_VRS:
        return lambda _, value, __: (action, vr, unpadded(value))
    return lambda _, value, __: (action, vr, value)


def _if_sound(tag: int, vr: str, course: Course) -> Course:
    return lambda treatment, value, codecs: (
        course(treatment, value, codecs) if may_stay(tag, vr, value, codecs) else _REMOVED
    )


def _unless_dummy(course: Course) -> Course:
    def without(treatment: Treatment, value: bytes, codecs: Codecs) -> Changed:
        done = course(treatment, value, codecs)
        return _REMOVED if done[0] is Action.DUMMY else done

    return without


def _unless_empty(vr: str, filled: Course, empty: Changed) -> Course:
    if vr in STRING_VRS:
        return lambda treatment, value, codecs: filled(treatment, value, codecs) if unpadded(value) else empty
    return lambda treatment, value, codecs: filled(treatment, value, codecs) if value else empty
