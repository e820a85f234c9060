"""Where images go at a destination that keeps files: names made of pseudonyms, new UIDs and kept headers (pure)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from sendit.refs import output_name

DEFAULT = "{patient}/{study_uid}/{series_uid}/{sop_uid}.dcm"

_OF_THE_NAME = ("patient", "study_uid", "series_uid", "sop_uid")
_OF_THE_HEADER = {"accession": "AccessionNumber", "study_date": "StudyDate", "modality": "Modality"}
_FIELD = re.compile(r"\{(\w*)\}")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._=+@,-]*(/[A-Za-z0-9_][A-Za-z0-9._=+@,-]*)*")
_UNWANTED = re.compile(r"[^A-Za-z0-9._-]+")
_MOST_OF_A_VALUE = 64  # characters, of a UID (PS3.5 9.1), a pseudonym and a Long String alike
_MOST_OF_A_PART = 255  # bytes, of a file's name on most disks
_MOST_OF_A_NAME = 700  # bytes, so that 1,024 are enough for it and what stands before it


@dataclass(frozen=True, slots=True)
class OutputName:
    """The four parts of an image's name in the output store, see `refs.output_name`."""

    patient: str
    study_uid: str
    series_uid: str
    sop_uid: str

    @classmethod
    def parse(cls, name: str) -> Self:
        """The parts of a name; raises ValueError for one that `output_name` does not make."""
        parts = name.removesuffix(".dcm").split("/")
        if len(parts) != len(_OF_THE_NAME) or output_name(*parts) != name:
            raise ValueError("this is no name of the output store")
        return cls(*parts)

    @property
    def metadata(self) -> dict[str, str]:
        """The same by the keywords of PS3.6, to be kept beside an object."""
        return {
            "PatientID": self.patient,
            "StudyInstanceUID": self.study_uid,
            "SeriesInstanceUID": self.series_uid,
            "SOPInstanceUID": self.sop_uid,
        }


@dataclass(frozen=True, slots=True)
class Layout:
    """A template with fields in braces, and what it makes of an image: a name that never leaves its place."""

    template: str = DEFAULT

    @classmethod
    def parse(cls, template: str) -> Self:
        """Check a template; raises ValueError that says what is wrong with it and how it is right.

        Two images have one name only if they have one SOP Instance UID: the template must say it.
        """
        known = (*_OF_THE_NAME, *_OF_THE_HEADER)
        used = _FIELD.findall(template)
        if set(used) - set(known):
            raise ValueError(f"the fields of a layout are {', '.join(f'{{{field}}}' for field in known)}")
        if "sop_uid" not in used:
            raise ValueError("a layout must contain {sop_uid}, else two images would have one name")
        longest = _FIELD.sub("x" * _MOST_OF_A_VALUE, template)
        if not _NAME.fullmatch(longest):
            raise ValueError(
                "the parts of a layout are separated by single slashes, begin with a letter, a digit, _ or a field,"
                " and hold letters, digits, fields and . _ = + @ , -"
            )
        if len(longest) > _MOST_OF_A_NAME or any(len(part) > _MOST_OF_A_PART for part in longest.split("/")):
            raise ValueError("the names that a layout makes may become too long: use fewer fields in a part")
        return cls(template)

    @property
    def keywords(self) -> frozenset[str]:
        """The header attributes that a name needs."""
        return frozenset(_OF_THE_HEADER[field] for field in _FIELD.findall(self.template) if field in _OF_THE_HEADER)

    def name(self, image: OutputName, header: Mapping[str, str]) -> str:
        """The image's name below the place; `header` has the values of `keywords`."""

        def value(field: re.Match[str]) -> str:
            if field[1] in _OF_THE_HEADER:
                return cleaned(header.get(_OF_THE_HEADER[field[1]], ""), "none")
            return str(getattr(image, field[1]))

        return _FIELD.sub(value, self.template)


def cleaned(value: str, empty: str) -> str:
    """A value of a de-identified header as a part of a name: letters, digits and . _ - alone; `empty` if none is left.

    It begins and ends with a letter or a digit, so that it is never hidden and never `..`.
    """
    return _UNWANTED.sub("-", value).strip("._-")[:_MOST_OF_A_VALUE].strip("._-") or empty


def archive_name(collection: str, image: OutputName, header: Mapping[str, str]) -> str:
    """The name of a study's archive, as the original had it; `image` and `header` are of the study's first image.

    The end of the Study Instance UID is all of it behind `2.25.` (PS3.5 B.2), so no two studies have one name.
    """
    date = cleaned(header.get("StudyDate", ""), "nodate")
    accession = cleaned(header.get("AccessionNumber", ""), "noaccession")
    suffix = re.sub(r"^2\.25\.(?=\d+$)", "", image.study_uid)
    file = f"{image.patient}_{date}_{accession}_{suffix}.tar.gz"
    return f"Collection/{collection}/Entity/{image.patient}/{file}"


def member_name(image: OutputName) -> str:
    """What an image is called inside its study's archive: `<series uid>/<sop uid>.dcm`."""
    return f"{image.series_uid}/{image.sop_uid}.dcm"
