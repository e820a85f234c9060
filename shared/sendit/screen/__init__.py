"""The screen: whether an image may pass at all, and if not, by which rule. Fails closed: what is unknown is rejected.

What de-identification cannot see, names burned into the pixels above all, is kept out here by the kind of the
object. A rejection names the rule and its reason; neither holds a value of the header.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

_STORAGE = "1.2.840.10008.5.1.4.1.1."

# SOP Class UID (PS3.4 B.5) → the modalities that may come with it (PS3.3 C.7.3.1.1.1)
_ACCEPTED: dict[str, frozenset[str]] = {
    _STORAGE + "1": frozenset({"CR"}),  # Computed Radiography
    _STORAGE + "1.1": frozenset({"DX"}),  # Digital X-Ray, for presentation
    _STORAGE + "1.1.1": frozenset({"DX"}),  # … for processing
    _STORAGE + "1.2": frozenset({"MG"}),  # Digital Mammography X-Ray, for presentation
    _STORAGE + "1.2.1": frozenset({"MG"}),  # … for processing
    _STORAGE + "2": frozenset({"CT"}),
    _STORAGE + "2.1": frozenset({"CT"}),  # Enhanced CT
    _STORAGE + "2.2": frozenset({"CT"}),  # Legacy Converted Enhanced CT
    _STORAGE + "4": frozenset({"MR"}),
    _STORAGE + "4.1": frozenset({"MR"}),  # Enhanced MR
    _STORAGE + "4.4": frozenset({"MR"}),  # Legacy Converted Enhanced MR
    _STORAGE + "20": frozenset({"NM"}),
    _STORAGE + "128": frozenset({"PT"}),
    _STORAGE + "128.1": frozenset({"PT"}),  # Legacy Converted Enhanced PET
    _STORAGE + "130": frozenset({"PT"}),  # Enhanced PET
    _STORAGE + "481.2": frozenset({"RTDOSE"}),
    _STORAGE + "481.3": frozenset({"RTSTRUCT"}),
    _STORAGE + "481.5": frozenset({"RTPLAN"}),
}
_ULTRASOUND = frozenset({_STORAGE + "3.1", _STORAGE + "6.1", _STORAGE + "6.2", _STORAGE + "6.3"})
_MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"

# Conversion Type (PS3.3 C.8.6.1): everything that was a screen, a video or a sheet of film before
_CAPTURED = frozenset({"DV", "SD", "SI", "DF", "DRW", "WSD", "SYN"})
# a computed image of these may be a rendering or a page with names on it; projection X-ray is always processed
_CROSS_SECTIONAL = frozenset({"CT", "MR", "PT", "NM"})
_WITHOUT_PIXELS_OF_A_CAMERA = frozenset({"RTDOSE", "RTSTRUCT", "RTPLAN"})
_CAPTURE_WORDS = ("SCREEN", "SAVE", "CAPTURE", "DOSE", "REPORT")
_CAPTURE_DESCRIPTIONS = ("SCREEN SAVE", "SCREENSAVE", "SCREEN CAPTURE", "DOSE REPORT", "PATIENT PROTOCOL")


class Attributes(Protocol):
    """A header whose attributes are asked for by keyword."""

    def get(self, keyword: str, /) -> object:
        """The value or values of an attribute, None if it is absent."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Which rule rejected an image, and why such images are rejected."""

    rule: str
    reason: str


def screen_file(media_storage_sop_class: str, sop_class: str) -> Rejection | None:
    """The rejection of a file by what its File Meta says it is, beside the SOP Class of its data set.

    A DICOMDIR has a SOP Class nowhere else, and none of the UIDs of an image.
    """
    if media_storage_sop_class == _MEDIA_DIRECTORY:
        return Rejection("media-directory", "A DICOMDIR lists patients and files; it is no image.")
    if media_storage_sop_class and sop_class and media_storage_sop_class != sop_class:
        return Rejection("sop-class-disagrees", "File Meta and data set name two SOP Classes; one of them is wrong.")
    return None


def screen(header: Attributes) -> Rejection | None:
    """The first rule that rejects this header, or None if the image may pass."""
    return next((rule.rejection for rule in _RULES if rule.applies(header)), None)


@dataclass(frozen=True, slots=True)
class _Rule:
    name: str
    reason: str
    applies: Callable[[Attributes], bool]

    @property
    def rejection(self) -> Rejection:
        return Rejection(self.name, self.reason)


def _texts(header: Attributes, keyword: str) -> tuple[str, ...]:
    """An attribute's values in capitals, whatever its VR and multiplicity; none if absent or empty."""
    value = header.get(keyword)
    if value is None:
        return ()
    values = list(value) if isinstance(value, Iterable) and not isinstance(value, str) else [value]
    return tuple(text for item in values if (text := str(item).strip(" \0").upper()))


def _sop_class(header: Attributes) -> str:
    return next(iter(_texts(header, "SOPClassUID")), "")


def _is_captured(header: Attributes) -> bool:
    return _sop_class(header).startswith(_STORAGE + "7") or bool(
        _CAPTURED.intersection(_texts(header, "ConversionType"))
    )


def _is_screen_save(header: Attributes) -> bool:
    return any(word in text for text in _texts(header, "ImageType") for word in _CAPTURE_WORDS) or any(
        phrase in text for text in _texts(header, "SeriesDescription") for phrase in _CAPTURE_DESCRIPTIONS
    )


def _is_not_original(header: Attributes) -> bool:
    """Image Type (PS3.3 C.7.6.1.1.2): ORIGINAL and PRIMARY; of projection X-ray, PRIMARY or nothing said."""
    kinds = _ACCEPTED[_sop_class(header)]
    values = _texts(header, "ImageType")
    if kinds <= _WITHOUT_PIXELS_OF_A_CAMERA:
        return False
    if kinds <= _CROSS_SECTIONAL:
        return values[:2] != ("ORIGINAL", "PRIMARY")
    return values[1:2] not in {(), ("PRIMARY",)}


def _is_in_colour(header: Attributes) -> bool:
    return any(not text.startswith("MONOCHROME") for text in _texts(header, "PhotometricInterpretation"))


_RULES = (
    _Rule(
        "burned-in-annotation",
        "Burned In Annotation does not say NO: names may be visible in the pixels.",
        lambda header: any(text != "NO" for text in _texts(header, "BurnedInAnnotation")),
    ),
    _Rule(
        "ultrasound",
        "Ultrasound shows names in its pixels, and regions are not cleaned yet.",
        lambda header: _sop_class(header) in _ULTRASOUND or "US" in _texts(header, "Modality"),
    ),
    _Rule("secondary-capture", "A captured screen, video or film may show names in its pixels.", _is_captured),
    _Rule("screen-save", "A screen save or a report as an image may show names in its pixels.", _is_screen_save),
    _Rule(
        "encapsulated-document",
        "A document inside DICOM may hold anything.",
        lambda header: _sop_class(header).startswith(_STORAGE + "104."),
    ),
    _Rule(
        "structured-report",
        "A structured report holds free text; none is accepted yet.",
        lambda header: _sop_class(header).startswith(_STORAGE + "88."),
    ),
    _Rule(
        "sop-class-not-accepted",
        "Its SOP Class is not among those that are known to be safe.",
        lambda header: _sop_class(header) not in _ACCEPTED,
    ),
    _Rule(
        "modality-not-accepted",
        "Its Modality is not one that its SOP Class comes with.",
        lambda header: (
            not _ACCEPTED[_sop_class(header)].issuperset(_texts(header, "Modality")) or not _texts(header, "Modality")
        ),
    ),
    _Rule(
        "not-original",
        "A derived or secondary image may be a rendering or a page with names in its pixels.",
        _is_not_original,
    ),
    _Rule("colour", "An accepted kind of image in colour is a picture of a screen or a rendering.", _is_in_colour),
)
