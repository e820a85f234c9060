"""What reading an object's header yields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sendit.deid.dicom.uids import REGISTERED, is_uid
from sendit.deid.errors import DeidError, Refusal

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from sendit.deid.identity.entity import Entity


@dataclass(frozen=True, slots=True)
class Header:
    """The object up to its pixel data, as it came in: everything here is original and identifying.

    `dataset` decodes its values when they are asked for; `transfer_syntax` is the original's UID;
    `media_storage_sop_class_uid` is what File Meta says, empty if it says nothing; `normalised` names what had
    to be put right to read it ('big-endian', 'deflated', 'no-preamble', 'no-file-meta', 'no-transfer-syntax',
    'vr-encoding').
    """

    dataset: Dataset
    transfer_syntax: str
    media_storage_sop_class_uid: str
    entity: Entity
    sop_class_uid: str
    sop_instance_uid: str
    study_uid: str
    series_uid: str
    normalised: tuple[str, ...]

    def check_identity(self) -> None:
        """Raises DeidError: one of the four UIDs is `missing_uid` or `invalid_uid`."""
        uids = (self.sop_class_uid, self.sop_instance_uid, self.study_uid, self.series_uid)
        if not all(uids):
            raise DeidError(Refusal.MISSING_UID)
        # a registered UID would stay as it is, and all that carry it would become one study or series
        if not all(is_uid(uid) for uid in uids) or not REGISTERED.isdisjoint(uids[1:]):
            raise DeidError(Refusal.INVALID_UID)

    def __repr__(self) -> str:
        return "Header(…)"
