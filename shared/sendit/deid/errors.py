"""Why an object was refused: one stable code and one fixed sentence each, never a value of the object."""

from __future__ import annotations

from enum import StrEnum


class Refusal(StrEnum):
    """The stable code of a refusal; codes are kept for ever, sentences may be improved."""

    NOT_DICOM = "not_dicom"
    EMPTY_FILE = "empty_file"
    TRUNCATED = "truncated"
    MALFORMED = "malformed"
    MISSING_UID = "missing_uid"
    INVALID_UID = "invalid_uid"
    HEADER_TOO_LARGE = "header_too_large"
    INFLATED_TOO_LARGE = "inflated_too_large"
    UNSUPPORTED_TRANSFER_SYNTAX = "unsupported_transfer_syntax"
    NO_PIXEL_DATA = "no_pixel_data"
    PIXEL_DATA_TOO_SHORT = "pixel_data_too_short"
    PIXEL_DATA_TOO_LONG = "pixel_data_too_long"
    GATE_UNREADABLE = "gate_unreadable"
    GATE_IDENTIFIER_LEFT = "gate_identifier_left"
    GATE_UID_MISMATCH = "gate_uid_mismatch"
    GATE_PIXELS_DIFFER = "gate_pixels_differ"


SENTENCES: dict[Refusal, str] = {
    Refusal.NOT_DICOM: "This is not a DICOM object; take it out of the folder or convert it first.",
    Refusal.EMPTY_FILE: "The file is empty; copy it again from its origin.",
    Refusal.TRUNCATED: "The object ends before its own lengths say it does; copy it again from its origin.",
    Refusal.MALFORMED: "The object does not follow DICOM PS3.5 and cannot be read safely; export it again.",
    Refusal.MISSING_UID: "A SOP Class, SOP Instance, Study Instance or Series Instance UID is missing; "
    "export the object again.",
    Refusal.INVALID_UID: "A UID that identifies the object is not a legal UID; export the object again.",
    Refusal.HEADER_TOO_LARGE: "What surrounds the pixel data is larger than the limit; "
    "raise the limit (SENDIT_MAX_HEADER_BYTES) or look at the object by hand.",
    Refusal.INFLATED_TOO_LARGE: "The deflated object inflates beyond the limit; "
    "raise the limit (SENDIT_MAX_INFLATED_BYTES) or look at the object by hand.",
    Refusal.UNSUPPORTED_TRANSFER_SYNTAX: "The transfer syntax is unknown or private; "
    "export the object in a transfer syntax of DICOM PS3.5.",
    Refusal.NO_PIXEL_DATA: "The object describes an image but holds no pixel data; copy it again.",
    Refusal.PIXEL_DATA_TOO_SHORT: "The pixel data is shorter than rows, columns, samples, bits and frames "
    "say; copy the object again.",
    Refusal.PIXEL_DATA_TOO_LONG: "The pixel data is longer than rows, columns, samples, bits and frames say, "
    "so it may hide something; look at the object by hand.",
    Refusal.GATE_UNREADABLE: "The output could not be read back, so nothing was released; "
    "report it to the maintainers.",
    Refusal.GATE_IDENTIFIER_LEFT: "After de-identification a value that identifies the patient was still "
    "there, so nothing was released; look at what a profile of yours keeps, else report it to the maintainers.",
    Refusal.GATE_UID_MISMATCH: "The UIDs of the output do not agree with each other or with the key, "
    "so nothing was released; report it to the maintainers.",
    Refusal.GATE_PIXELS_DIFFER: "The pixel data written is not the pixel data read, so nothing was released; "
    "try again.",
}


class DeidError(Exception):
    """An object was refused. Its text is the code's fixed sentence and quotes nothing of the object."""

    def __init__(self, code: Refusal) -> None:
        super().__init__(SENTENCES[code])
        self.code = code

    def __reduce__(self) -> tuple[type[DeidError], tuple[Refusal]]:
        return type(self), (self.code,)
