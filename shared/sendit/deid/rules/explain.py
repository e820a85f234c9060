"""What a profile does to an attribute, whatever its value, and which clause, list or line says so."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from pydicom.uid import UID_dictionary  # type: ignore[attr-defined]  # its home is private

from sendit.deid.dicom.dictionary import dictionary_vr
from sendit.deid.dicom.read import PIXEL_TAGS
from sendit.deid.dicom.vrs import BULK_VRS, DATE_VRS, NUMBER_VRS, TEXT_VRS
from sendit.deid.marks import MARKS
from sendit.deid.rules.actions import Action
from sendit.deid.rules.attribute import Place, nearest, quoted
from sendit.deid.rules.compiled import Level, Rules
from sendit.deid.rules.describing import REQUIRED_SOUND
from sendit.deid.rules.options import BASIC, STANDING, Option
from sendit.deid.rules.retain import in_removed_group
from sendit.deid.rules.tables import NEVER_SHIFTED, row_of, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sendit.deid.rules.profile import Override, Profile

PATIENT_NAME, PATIENT_ID, ACCESSION_NUMBER = 0x00100010, 0x00100020, 0x00080050
UNKNOWN_SOP_CLASS = ""

CLEANABLE = TEXT_VRS - {"PN"} | {"AS", "SQ"}
_LETTING_PASS = frozenset({Action.KEEP, Action.CLEAN, Action.SHIFT})
_CURVES_AND_OVERLAYS = frozenset({0x50, 0x60})
_NOT_OF_OBJECTS = re.compile("Commitment|Directory")
_BULK = "neither text nor UIDs, and PS3.6 knows the attribute"


SOP_CLASS = 0x00080016
_SAME_FOR_MANY = "its date is the same for many patients and would tell how far theirs are moved"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens to an attribute, the clause that says so, and why.

    `fallback` is done instead where the action cannot be carried out on a value. `value` is the text of `replace`,
    `override` the user's own rule, if it is one.
    """

    action: Action
    fallback: Action
    clause: str
    reason: str
    value: str = ""
    override: Override | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a profile does to one attribute: one verdict, or several with the SOP classes that each is for."""

    attribute: str
    vr: str
    verdicts: tuple[tuple[Verdict, tuple[str, ...]], ...]


def explained(profile: Profile, place: Place, sop_class_uid: str | None = None) -> Explanation:
    """What a profile does to an attribute of objects of a SOP class; of every one that PS3.6 knows, without one."""
    asked = [UNKNOWN_SOP_CLASS, *storage_classes()] if sop_class_uid is None else [sop_class_uid]
    by_verdict: dict[Verdict, list[str]] = {}
    for uid in asked:
        by_verdict.setdefault(verdict(Rules(profile, uid), place), []).append(uid)
    return Explanation(place.name, place.vr, tuple((one, tuple(uids)) for one, uids in by_verdict.items()))


def verdict(rules: Rules, place: Place) -> Verdict:
    """What happens to an attribute, in the order in which the engine asks."""
    level, inside_dummy = rules.top, ""
    for depth, tag in enumerate(place.path):
        sequence = Place(tag, place.path[:depth])
        around = verdict(rules, sequence)
        if around.action in {Action.REMOVE, Action.EMPTY}:
            return _sure(Action.REMOVE, around.clause, f"it goes with {sequence.name}: {around.reason}")
        if around.action is Action.DUMMY:
            inside_dummy = sequence.name
        level = level.child(tag)
    found = _private(level, rules.profile, place) if place.creator else _public(level, rules.profile, place)
    if inside_dummy and place.creator:
        return _sure(Action.REMOVE, found.clause, f"no private attribute stays inside {inside_dummy}")
    if inside_dummy and found.action in _LETTING_PASS and place.vr != "SQ":
        return _sure(Action.DUMMY, found.clause, f"every value inside {inside_dummy} becomes a dummy")
    return found


def _public(level: Level, profile: Profile, place: Place) -> Verdict:
    for found in (
        _fixed(profile, place),
        _whole_group(place),
        _by_rule(level, profile, place),
        _by_allow_list(level, place),
    ):
        if found is not None:
            return found
    return _unlisted(place)


def applied_override(profile: Profile, place: Place) -> Override | None:
    """The override that speaks of an attribute: the one for its very path, else the one for every level."""
    fitting = [one for one in profile.overrides if (one.tag, one.creator) == (place.tag, place.creator)]
    for path in (place.path, ()):
        for one in fitting:
            if one.path == path:
                return one
    return None


@cache
def storage_classes() -> Mapping[str, str]:
    """The storage SOP classes of PS3.6 that are not retired, UID to keyword."""
    return {
        uid: keyword
        for uid, (name, kind, _, retired, keyword) in sorted(UID_dictionary.items())
        if kind == "SOP Class" and "Storage" in name and not retired and not _NOT_OF_OBJECTS.search(name)
    }


def sop_class_named(text: str) -> str:
    """The UID of a SOP class by its UID or keyword; a UID that PS3.6 does not know stays what it is.

    Raises:
        ValueError: it is neither; the text names the nearest keyword.
    """
    if text and all(part.isdigit() for part in text.split(".")):
        return text
    by_keyword = {keyword: uid for uid, keyword in storage_classes().items()}
    if text not in by_keyword:
        raise ValueError(f"there is no storage SOP class {quoted(text)}{nearest(text, by_keyword)}")
    return by_keyword[text]


def _fixed(profile: Profile, place: Place) -> Verdict | None:
    """What no rule decides: marks and pseudonyms are written, File Meta is made anew."""
    if place.tag in MARKS:
        reason = "written by sendit: it says what was done; what the object held is removed"
        return _sure(Action.MARK, "PS3.15 E.1.1", reason)
    if place.tag in PIXEL_TAGS and not place.path:
        return _sure(Action.KEEP, "PS3.15 E.2", "the object's own pixel data, copied as it is and compared by crc32c")
    if place.tag == SOP_CLASS and not place.path:
        return _sure(Action.KEEP, "PS3.6 Annex A", "a registered UID; one that is not registered is replaced")
    if place.tag >> 16 == 0x0002:
        return _sure(Action.REMOVE, "PS3.10 7.1", "File Meta Information is made anew, from the new UIDs")
    if applied_override(profile, place) is not None:
        return None
    if place.tag in {PATIENT_NAME, PATIENT_ID}:
        return _sure(
            Action.PSEUDONYM, "PS3.15 Table E.1-1, Z", "keyed by issuer and Patient ID, the same in every image"
        )
    if place.tag == ACCESSION_NUMBER:
        reason = "keyed by itself; one of another order, in a nested item, is emptied"
        return Verdict(Action.PSEUDONYM, Action.EMPTY, "PS3.15 Table E.1-1, Z", reason)
    return None


def _by_rule(level: Level, profile: Profile, place: Place) -> Verdict | None:
    rule = level.rule(place.tag)
    override = applied_override(profile, place)
    if rule is None and override is None:
        return None
    if override is not None:
        fallback = rule.fallback if rule is not None else Action.REMOVE
        reason = f"without that, {_row_text(place.tag, profile)}"
        return Verdict(override.action, fallback, f"profile {profile.name}", reason, override.value, override)
    if rule is None:
        return None
    reason = _row_text(place.tag, profile)
    done, why = _possible(rule.action, rule.fallback, place.vr)
    fallback = done if why else rule.fallback
    return Verdict(done, fallback, rule.clause, f"{reason}; {why}" if why else reason, rule.value)


def _possible(action: Action, fallback: Action, vr: str) -> tuple[Action, str]:
    """What comes of an action for a VR, and why it is the fallback."""
    if not vr:
        return Action.REMOVE, "PS3.6 as pydicom ships it does not know the attribute, so it goes"
    if action is Action.CLEAN and vr not in CLEANABLE:
        return fallback, f"{vr} holds no text that could be cleaned"
    if action is Action.SHIFT and vr not in DATE_VRS:
        return fallback, f"{vr} is no date that could be moved"
    if action is Action.DUMMY and vr == "UI":
        return Action.REMAP, "a new UID is the dummy of one"
    return action, ""


def _row_text(tag: int, profile: Profile) -> str:
    """The row of Table E.1-1: its Basic action and what the profile's options say of it."""
    row = row_of(tag)
    if row is None:
        return "Table E.1-1 has no row for it"
    cells = [f"{BASIC.meaning.split(' ')[0]} {row[BASIC.column]}"]
    cells += [f"{option} {row[STANDING[option].column]}" for option in profile.options if row[STANDING[option].column]]
    text = f"row {row['Attribute Name']!r}: {', '.join(cells)}"
    if tag in NEVER_SHIFTED and Option.RETAIN_MODIFIED_DATES in profile.options:
        is_date = dictionary_vr(tag) in DATE_VRS
        text += f"; not moved, for {_SAME_FOR_MANY if is_date else 'it is no date'}"
    return text


def _whole_group(place: Place) -> Verdict | None:
    if not in_removed_group(place.tag):
        return None
    if place.tag >> 24 in _CURVES_AND_OVERLAYS:
        return _sure(Action.REMOVE, "PS3.15 Table E.1-1", "curves and overlays go as whole groups")
    return _sure(
        Action.REMOVE, "sendit", "groups 0000, 0004, 0006 and FFFC up, group lengths and pixel data of icons go"
    )


def _by_allow_list(level: Level, place: Place) -> Verdict | None:
    if level.allows(place.tag):
        return None
    return _sure(
        Action.REMOVE, "sendit", "the allow-list of strict: neither the IOD nor the list of technique asks for it"
    )


def _unlisted(place: Place) -> Verdict:
    """An attribute that no row speaks of: what describes the pixels, the keep list, then its VR."""
    clause, vr = "sendit, outside Table E.1-1", place.vr
    if not vr:
        return _sure(Action.REMOVE, clause, "PS3.6 does not know it")
    if place.tag in REQUIRED_SOUND:
        return _sure(Action.KEEP, clause, "it says what the pixels are; if it is not sound, the image is refused")
    listed = _keep_list().get(place.tag)
    if listed is not None:
        return Verdict(Action(listed["action"]), Action.REMOVE, "sendit, keep list", listed["reason"])
    if vr == "SQ":
        return _sure(Action.KEEP, clause, "a sequence; each attribute in its items follows its own rule")
    if vr == "UI":
        return _sure(Action.REMAP, clause, "every UID that PS3.6 Annex A does not register is replaced")
    kinds = set(vr.split(" or "))
    if kinds <= {"CS", "DS", "IS"} | NUMBER_VRS | BULK_VRS - {"OB"}:
        reason = f"{vr}: {_BULK}; if the value is what its VR says, and repeats nothing that identifies"
        return Verdict(Action.KEEP, Action.REMOVE, clause, reason)
    return _sure(Action.REMOVE, clause, f"{vr} may hold anything, and it is not on the keep list")


def _private(level: Level, profile: Profile, place: Place) -> Verdict:
    override = applied_override(profile, place)
    rule = level.private(place.creator, place.tag)
    row = _safe_private().get(place.name)
    reason = f"Table E.3.10-1: {row}" if row else "Table E.3.10-1 does not list it"
    if override is not None:
        return Verdict(override.action, Action.REMOVE, f"profile {profile.name}", reason, override.value, override)
    if rule is not None:
        return Verdict(rule.action, rule.fallback, rule.clause, reason, rule.value)
    if row and Option.RETAIN_SAFE_PRIVATE not in profile.options:
        reason += f", but the profile is without {Option.RETAIN_SAFE_PRIVATE}"
    return _sure(Action.REMOVE, "PS3.15 Table E.1-1, private attributes", reason)


def _sure(action: Action, clause: str, reason: str) -> Verdict:
    return Verdict(action, action, clause, reason)


@cache
def _keep_list() -> Mapping[int, Mapping[str, str]]:
    return {int(row["tag"].strip("()").replace(",", ""), 16): row for row in table("keep_list.json")["rows"]}


@cache
def _safe_private() -> Mapping[str, str]:
    content = table("table_e3_10_1.json")["rows"]
    return {f"{creator} {tag.upper().replace('X', 'x')}": meaning for tag, creator, _, _, meaning in content}
