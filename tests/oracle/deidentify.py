"""The oracle's face: bytes in, bytes out, or the refusal that the engine has to give as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.oracle.evidence import collected
from tests.oracle.gate import Gate
from tests.oracle.pixels import check_result, pixels_of
from tests.oracle.read import PIXEL_TAGS, open_object
from tests.oracle.rulebook import Rulebook
from tests.oracle.values import Values
from tests.oracle.write import dataset_bytes, file_head, pixel_bytes

from sendit.deid.dicom.limits import DEFAULT_LIMITS, Limits
from sendit.deid.errors import DeidError, Refusal
from sendit.deid.identity.matcher import Matcher
from sendit.deid.rules.compiled import rules_for
from sendit.deid.rules.options import Option

if TYPE_CHECKING:
    from collections.abc import Callable

    from sendit.deid.identity.entity import Entity, Identifiers
    from sendit.deid.identity.keys import Keyring
    from sendit.deid.rules.profile import Profile

_IMPLICIT = "1.2.840.10008.1.2"
_IDENTITY = (0x00080016, 0x00080018, 0x0020000D, 0x0020000E)


def deidentified(
    data: bytes,
    *,
    profile: Profile,
    keys: Keyring,
    identify: Callable[[Entity], Identifiers],
    limits: Limits = DEFAULT_LIMITS,
) -> bytes:
    """The de-identified form of an object.

    Raises:
        DeidError: the object was refused.
    """
    opened = open_object(data, limits)
    opened.check_identity()
    pixels = pixels_of(opened)
    trailer = opened.reader.dataset(implicit=opened.implicit)
    if any(tag <= max(PIXEL_TAGS) for tag in trailer):
        raise DeidError(Refusal.MALFORMED)
    sop_class_uid = opened.sop_class_uid
    rules = rules_for(profile, sop_class_uid)
    original = opened.dataset
    entity = opened.entity()
    matcher = Matcher(collected(original, rules))
    values = Values(keys, entity, identify(entity), matcher, keeps_uids=Option.RETAIN_UIDS in profile.options)
    rulebook = Rulebook(profile, sop_class_uid, values)
    result = rulebook.deidentified(original)
    if pixels is not None:
        check_result(pixels, result)
    uids = {tag: values.remapped(opened.uid(tag)) for tag in _IDENTITY}
    implicit = opened.output_transfer_syntax == _IMPLICIT
    head = file_head(uids[0x00080016], uids[0x00080018], opened.output_transfer_syntax)
    head += dataset_bytes(result, implicit=implicit)
    Gate(matcher, rulebook.trace).check(head, original, uids)
    return head + (pixel_bytes(pixels, implicit=implicit) if pixels is not None else b"")
