"""The two things to do with an object: look at its header, or de-identify it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sendit.deid.dicom.elements import elements_of
from sendit.deid.dicom.limits import DEFAULT_LIMITS, Limits
from sendit.deid.dicom.pixels import check_result, copy_pixels, plan_pixels
from sendit.deid.dicom.read import PIXEL_TAGS, open_object
from sendit.deid.dicom.sink import Sink, write_all
from sendit.deid.dicom.write import dataset_bytes, file_head, pixel_head
from sendit.deid.errors import DeidError, Refusal
from sendit.deid.gate import check_header
from sendit.deid.identity.evidence import collected
from sendit.deid.identity.matcher import Matcher
from sendit.deid.oracle import Oracle
from sendit.deid.report import Report
from sendit.deid.rules.tables import EDITION

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from pydicom.dataset import Dataset

    from sendit.deid.dicom.header import Header
    from sendit.deid.dicom.read import OpenObject
    from sendit.deid.identity.entity import Entity, Identifiers
    from sendit.deid.identity.keys import Keyring
    from sendit.deid.rules.profile import Profile

_LAST_PIXEL_TAG = max(PIXEL_TAGS)
_IMPLICIT = "1.2.840.10008.1.2"


def inspect(source: BinaryIO, limits: Limits = DEFAULT_LIMITS) -> Header:
    """Reads the header of an object up to its pixel data, which is not touched.

    Its UIDs may be missing or illegal: `Header.check_identity` tells.

    Raises:
        DeidError: the object cannot be read.
    """
    return open_object(source, limits).header


def deidentify(
    source: BinaryIO,
    sink: Sink,
    *,
    profile: Profile,
    keys: Keyring,
    identify: Callable[[Entity], Identifiers],
    limits: Limits = DEFAULT_LIMITS,
) -> Report:
    """Writes the de-identified form of `source`, a seekable stream, to `sink` and reports what was done.

    The whole object is read and checked, and the new header has passed the gate, before the sink receives
    its first byte. Memory is bounded by the limits, whatever the size of the pixel data.

    Raises:
        DeidError: the object was refused; what the sink has received is to be thrown away.
    """
    opened = open_object(source, limits)
    header = opened.header
    header.check_identity()
    plan = plan_pixels(opened)
    trailer = _read_trailer(opened)
    matcher = Matcher(collected(header.dataset))
    oracle = Oracle(profile, keys, header.entity, identify(header.entity), matcher)
    result = oracle.deidentified(header.dataset)
    oracle.removed_whole(trailer)
    if plan is not None:
        check_result(plan, result)

    sop_class_uid = oracle.remapped_uid(header.sop_class_uid)
    uids = {
        0x00080016: sop_class_uid,
        0x00080018: oracle.remapped_uid(header.sop_instance_uid),
        0x0020000D: oracle.remapped_uid(header.study_uid),
        0x0020000E: oracle.remapped_uid(header.series_uid),
    }
    implicit = opened.output_transfer_syntax == _IMPLICIT
    head = file_head(sop_class_uid, uids[0x00080018], opened.output_transfer_syntax)
    head += dataset_bytes(result, implicit=implicit)
    facts = check_header(head, header.dataset, matcher, uids)

    crc32c, pixel_bytes = None, 0
    if plan is not None:
        head += pixel_head(plan, implicit=implicit)
        pixel_bytes = plan.length
    write_all(sink, head)
    if plan is not None:
        crc32c = copy_pixels(opened.stream, plan, sink)
    return Report(
        sop_class_uid=sop_class_uid,
        sop_instance_uid=uids[0x00080018],
        study_uid=uids[0x0020000D],
        series_uid=uids[0x0020000E],
        patient=oracle.identifiers.patient,
        transfer_syntax=opened.output_transfer_syntax,
        profile=profile.name,
        profile_digest=profile.digest,
        edition=EDITION,
        key_id=keys.key_id,
        normalised=header.normalised,
        actions=dict(sorted(oracle.actions.counts.items())),
        attributes=tuple(oracle.actions.changed),
        attributes_omitted=oracle.actions.omitted,
        gate_values_searched=facts.values_searched,
        gate_elements_searched=facts.elements_searched,
        pixel_crc32c=crc32c,
        pixel_bytes=pixel_bytes,
        output_bytes=len(head) + pixel_bytes,
    )


def _read_trailer(opened: OpenObject) -> Dataset:
    """The elements behind the pixel data; they must be in their order, and the object must end with them.

    Every tag that can stand there (Data Set Trailing Padding, Digital Signatures, private ones) is removed.
    """
    trailer = opened.reader.dataset(implicit=opened.implicit)
    if any(tag <= _LAST_PIXEL_TAG for tag, _ in elements_of(trailer)):
        raise DeidError(Refusal.MALFORMED)
    return trailer
