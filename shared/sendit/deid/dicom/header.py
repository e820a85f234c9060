"""What reading an object's header yields."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from sendit.deid.dicom.creators import CREATORS, creator_text
from sendit.deid.dicom.dictionary import dictionary_vr
from sendit.deid.dicom.text import codecs_of, texts
from sendit.deid.dicom.uids import REGISTERED, is_uid
from sendit.deid.dicom.vrs import concrete_vr
from sendit.deid.errors import DeidError, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sendit.deid.dicom.element import Item
    from sendit.deid.identity.entity import Entity

Uids = tuple[str, str, str, str]
"""Of a SOP class, of an object of it, of its study and its series."""


@dataclass(frozen=True, slots=True)
class Header:
    """The object up to its pixel data, as it came in: everything here is original and identifying.

    `values` are the undecoded values of the top level by tag, empty for a sequence, of pixel data its length instead,
    which only tells that it is there; `sequences` the items of those, and
    `codecs` those of its text; `transfer_syntax` is the original's UID; `media_storage_sop_class_uid` is what File Meta
    says, empty if it says nothing; `normalised` names what had to be put right to read it ('big-endian', 'deflated',
    'no-preamble', 'no-file-meta', 'no-transfer-syntax', 'vr-encoding').
    """

    values: dict[int, bytes]
    sequences: Mapping[int, Sequence[Item]]
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

    def found(self, tag: int, path: tuple[int, ...] = (), creator: str = "") -> tuple[str, ...] | None:
        """The values of an attribute as texts without padding, empty ones too; None if it is absent.

        Inside the sequences of `path` those of all items. Of a private attribute the tag has no block; it is looked
        for in every block of its creator. What is no legal
        text is read as Latin-1: a screen has to see it, too. Of a sequence or bulk data it tells its size.
        """
        if not path:
            return _found(self.values, self.sequences, self.codecs, tag, creator)
        found: list[str] | None = None
        for item, codecs in _items_at(self.sequences.get(path[0], ()), path[1:], self.codecs):
            values = {element.tag: element.value for element in item}
            sequences = {element.tag: element.items for element in item if element.items is not None}
            here = _found(values, sequences, codecs, tag, creator)
            if here is not None:
                found = [*(found or ()), *here]
        return None if found is None else tuple(found)

    def __repr__(self) -> str:
        return "Header(…)"


def _items_at(
    items: Sequence[Item], path: tuple[int, ...], inherited: tuple[str, ...]
) -> Iterator[tuple[Item, tuple[str, ...]]]:
    """The items at the end of a path, each with the codecs of its text."""
    for item in items:
        codecs = codecs_of(item, inherited)
        if not path:
            yield item, codecs
        else:
            for element in item:
                if element.tag == path[0] and element.items is not None:
                    yield from _items_at(element.items, path[1:], codecs)


def _found(
    values: Mapping[int, bytes],
    sequences: Mapping[int, Sequence[Item]],
    codecs: tuple[str, ...],
    tag: int,
    creator: str,
) -> tuple[str, ...] | None:
    if creator:
        blocks = (at for at in CREATORS if creator_text("LO", values.get(tag & 0xFFFF0000 | at, b"")) == creator)
        found = [_found(values, sequences, codecs, tag | block << 8, "") for block in blocks]
        there = [one for one in found if one is not None]
        return tuple(text for one in there for text in one) if there else None
    value = values.get(tag)
    if value is None:
        return None
    if tag in sequences:
        return (str(len(sequences[tag])),) if sequences[tag] else ()
    return texts(value, concrete_vr(dictionary_vr(tag) or "LO", signed=False), codecs)


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
