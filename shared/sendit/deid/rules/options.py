"""The options of PS3.15 E.3, with their columns of Table E.1-1 and their codes of CID 7050."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Option(StrEnum):
    """What may be retained, or cleaned instead of removed, beyond the Basic Profile."""

    CLEAN_GRAPHICS = "clean-graphics"
    CLEAN_STRUCTURED_CONTENT = "clean-structured-content"
    CLEAN_DESCRIPTORS = "clean-descriptors"
    RETAIN_FULL_DATES = "retain-longitudinal-full-dates"
    RETAIN_MODIFIED_DATES = "retain-longitudinal-modified-dates"
    RETAIN_PATIENT_CHARACTERISTICS = "retain-patient-characteristics"
    RETAIN_DEVICE_IDENTITY = "retain-device-identity"
    RETAIN_UIDS = "retain-uids"
    RETAIN_SAFE_PRIVATE = "retain-safe-private"
    RETAIN_INSTITUTION_IDENTITY = "retain-institution-identity"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an option is defined: its clause, its column of Table E.1-1 and its code of CID 7050."""

    clause: str
    column: str
    code: str
    meaning: str


BASIC = Standing("E.2", "Basic Prof.", "113100", "Basic Application Confidentiality Profile")
CLEAN_PIXEL_DATA = Standing("E.3.1", "Clean Pix. Data Opt.", "113101", "Clean Pixel Data Option")
"""Done before the engine sees an object, so that no profile has it as an option."""

STANDING: dict[Option, Standing] = {
    Option.CLEAN_GRAPHICS: Standing("E.3.3", "Clean Graph. Opt.", "113103", "Clean Graphics Option"),
    Option.CLEAN_STRUCTURED_CONTENT: Standing(
        "E.3.4", "Clean Struct. Cont. Opt.", "113104", "Clean Structured Content Option"
    ),
    Option.CLEAN_DESCRIPTORS: Standing("E.3.5", "Clean Desc. Opt.", "113105", "Clean Descriptors Option"),
    Option.RETAIN_FULL_DATES: Standing(
        "E.3.6",
        "Rtn. Long. Full Dates Opt.",
        "113106",
        "Retain Longitudinal Temporal Information Full Dates Option",
    ),
    Option.RETAIN_MODIFIED_DATES: Standing(
        "E.3.6",
        "Rtn. Long. Modif. Dates Opt.",
        "113107",
        "Retain Longitudinal Temporal Information Modified Dates Option",
    ),
    Option.RETAIN_PATIENT_CHARACTERISTICS: Standing(
        "E.3.7", "Rtn. Pat. Chars. Opt.", "113108", "Retain Patient Characteristics Option"
    ),
    Option.RETAIN_DEVICE_IDENTITY: Standing("E.3.8", "Rtn. Dev. Id. Opt.", "113109", "Retain Device Identity Option"),
    Option.RETAIN_UIDS: Standing("E.3.9", "Rtn. UIDs Opt.", "113110", "Retain UIDs Option"),
    Option.RETAIN_SAFE_PRIVATE: Standing("E.3.10", "Rtn. Safe Priv. Opt.", "113111", "Retain Safe Private Option"),
    Option.RETAIN_INSTITUTION_IDENTITY: Standing(
        "E.3.11", "Rtn. Inst. Id. Opt.", "113112", "Retain Institution Identity Option"
    ),
}
