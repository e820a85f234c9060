"""What reading an object's header yields."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from sendit.deid.dicom.dictionary import tag_of
from sendit.deid.dicom.text import components, identity_text
from sendit.deid.dicom.uids import REGISTERED, is_uid
from sendit.deid.errors import DeidError, Refusal

if TYPE_CHECKING:
    from sendit.deid.identity.entity import Entity

Uids = tuple[str, str, str, str]
"""Of a SOP class, of an object of it, of its study and its series."""


@dataclass(frozen=True, slots=True)
class Header:
    """The object up to its pixel data, as it came in: everything here is original and identifying.

    `values` are the undecoded values of the top level by tag, empty for a sequence, and `codecs` those of its
    text; `transfer_syntax` is the original's UID; `media_storage_sop_class_uid` is what File Meta says, empty if it
    says nothing; `normalised` names what had to be put right to read it ('big-endian', 'deflated', 'no-preamble',
    'no-file-meta', 'no-transfer-syntax', 'vr-encoding').
    """

    values: dict[int, bytes]
    codecs: tuple[str, ...]
    transfer_syntax: str
    media_storage_sop_class_uid: str
    entity: Entity
    sop_class_uid: str
    sop_instance_uid: str
    study_uid: str
    series_uid: str
    normalised: tuple[str, ...]

    @property
    def uids(self) -> Uids:
        """SOP Class, SOP Instance, Study and Series Instance UID."""
        return self.sop_class_uid, self.sop_instance_uid, self.study_uid, self.series_uid

    def check_identity(self) -> None:
        """Raises DeidError: one of the four UIDs is `missing_uid` or `invalid_uid`."""
        check_identity(self.uids)

    def get(self, keyword: str) -> tuple[str, ...] | None:
        """The values of a top-level text attribute, each without padding; None if it is absent.

        What is no legal text is read as Latin-1: a screen has to see it, too.
        """
        value = self.values.get(tag_of(keyword))
        if not value:
            return None
        return tuple(components(identity_text(value.split(b"\0", 1)[0], self.codecs), "CS"))

    def __repr__(self) -> str:
        return "Header(…)"


def check_identity(uids: Uids) -> None:
    """Raises DeidError: the UID of a SOP class, of an object of it, a study or a series is missing or none."""
    if not all(uids):
        raise DeidError(Refusal.MISSING_UID)
    for uid in uids:
        _check_uid(uid)
    # a registered UID would stay as it is, and all that carry it would become one study or series
    if not REGISTERED.isdisjoint(uids[1:]):
        raise DeidError(Refusal.INVALID_UID)


@lru_cache(maxsize=256)
def _check_uid(uid: str) -> None:
    """Raises DeidError: `invalid_uid`."""
    if not is_uid(uid):
        raise DeidError(Refusal.INVALID_UID)
