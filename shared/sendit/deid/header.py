"""What reading an object's header yields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from sendit.deid.entity import Entity


@dataclass(frozen=True, slots=True)
class Header:
    """The object up to its pixel data, as it came in: everything here is original and identifying.

    `dataset` decodes its values when they are asked for; `transfer_syntax` is the original's UID;
    `normalised` names what had to be put right to read it ('big-endian', 'deflated', 'no-preamble',
    'no-file-meta', 'no-transfer-syntax', 'vr-encoding').
    """

    dataset: Dataset
    transfer_syntax: str
    entity: Entity
    sop_class_uid: str
    sop_instance_uid: str
    study_uid: str
    series_uid: str
    normalised: tuple[str, ...]

    def __repr__(self) -> str:
        return "Header(…)"
