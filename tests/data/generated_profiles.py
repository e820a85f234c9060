"""Profiles to try generated objects with: the built-in ones, every option, mixtures of them, and overrides."""

from __future__ import annotations

from random import Random

from pydicom.datadict import dictionary_VR, tag_for_keyword

from sendit.deid.rules.actions import Action
from sendit.deid.rules.options import Option
from sendit.deid.rules.profile import PROFILES, Override, Profile

_TEXTS = ("PatientComments", "StudyDescription", "SeriesDescription", "ProtocolName", "InstitutionName", "StationName")
_OTHERS = ("AccessionNumber", "DeviceSerialNumber", "KVP", "ContrastBolusAgent", "ImageComments", "TextValue")
_DATES = ("StudyDate", "AcquisitionDateTime", "ContentTime", "PatientBirthDate", "DateOfLastCalibration")
_SEQUENCES = ("RequestAttributesSequence", "ReferencedImageSequence", "OtherPatientIDsSequence", "ContentSequence")
_UIDS = ("FrameOfReferenceUID", "ReferencedSOPInstanceUID", "IrradiationEventUID")
_ANY = (Action.KEEP, Action.REMOVE, Action.EMPTY)


def _mixture(random: Random) -> tuple[Option, ...]:
    chosen = [option for option in Option if random.random() < 0.4]
    if Option.RETAIN_FULL_DATES in chosen and Option.RETAIN_MODIFIED_DATES in chosen:
        chosen.remove(random.choice((Option.RETAIN_FULL_DATES, Option.RETAIN_MODIFIED_DATES)))
    return tuple(chosen)


def _override(random: Random) -> Override:
    dice = random.random()
    if dice < 0.15:
        return _made(random.choice(_SEQUENCES), random.choice(_ANY))
    if dice < 0.3:
        return _made(random.choice(_DATES), random.choice((*_ANY, Action.SHIFT)))
    if dice < 0.4:
        return _made(random.choice(_UIDS), random.choice((Action.KEEP, Action.REMOVE, Action.REMAP)))
    if dice < 0.5:
        tag = random.choice((0x00190023, 0x00290010, 0x2001001E))
        creator = {0x0019: "GEMS_ACQU_01", 0x0029: "MADE UP 1.0", 0x2001: "Philips Imaging DD 001"}[tag >> 16]
        action = random.choice((Action.KEEP, Action.KEEP, Action.REMOVE, Action.EMPTY, Action.CLEAN, Action.REPLACE))
        return Override(tag, action, creator=creator, value="SITE-Q" if action is Action.REPLACE else "")
    keyword = random.choice((*_TEXTS, *_OTHERS))
    text = dictionary_VR(keyword) in {"LO", "LT", "SH", "ST", "UT"}
    actions = (*_ANY, Action.DUMMY, Action.CLEAN, Action.HASH, Action.REPLACE) if text else _ANY
    within = (_tag("RequestAttributesSequence"),) if random.random() < 0.2 else ()
    return _made(keyword, random.choice(actions), within)


def _made(keyword: str, action: Action, path: tuple[int, ...] = ()) -> Override:
    return Override(_tag(keyword), action, path, value="SITE-Q" if action is Action.REPLACE else "")


def _tag(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return tag


def _tried() -> tuple[Profile, ...]:
    random = Random(4)  # noqa: S311  the same every time
    profiles = [*PROFILES.values()] * 3
    profiles += [Profile(f"only-{number}", (option,)) for number, option in enumerate(Option)]
    profiles += [Profile(f"mixed-{number}", _mixture(random)) for number in range(8)]
    for number in range(24):
        base = random.choice([*PROFILES.values()])
        overrides = {(one.tag, one.path, one.creator): one for one in (_override(random) for _ in range(4))}
        options = base.options if random.random() < 0.6 else _mixture(random)
        profiles.append(Profile(f"own-{number}", options, tuple(overrides.values()), base.allow_list))
    return tuple(profiles)


PROFILES_TRIED = _tried()
