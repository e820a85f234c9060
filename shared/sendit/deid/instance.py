"""The two things to do with an object: look at its header, or de-identify it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sendit.deid.dicom.limits import DEFAULT_LIMITS, Limits
from sendit.deid.dicom.pixels import copy_pixels
from sendit.deid.dicom.sink import Sink, write_all
from sendit.deid.dicom.stream import BoundedReader
from sendit.deid.dicom.write import file_head, pixel_head
from sendit.deid.gate import check_file_head
from sendit.deid.memory import header_by_memory, prepared_by_memory
from sendit.deid.report import Report
from sendit.deid.rules.tables import EDITION

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from sendit.deid.dicom.header import Header
    from sendit.deid.identity.entity import Entity, Identifiers
    from sendit.deid.identity.keys import Keyring
    from sendit.deid.rules.profile import Profile


def inspect(source: BinaryIO, limits: Limits = DEFAULT_LIMITS) -> Header:
    """Reads the header of an object up to its pixel data, which is not touched.

    Its UIDs may be missing or illegal: `Header.check_identity` tells.

    Raises:
        DeidError: the object cannot be read.
    """
    return header_by_memory(BoundedReader(source, limits.max_header_bytes), limits)


def deidentify(
    source: BinaryIO,
    sink: Sink,
    *,
    profile: Profile,
    keys: Keyring,
    identify: Callable[[Entity], Identifiers],
    limits: Limits = DEFAULT_LIMITS,
    watch: Callable[[bytes], None] | None = None,
) -> Report:
    """Writes the de-identified form of `source`, a seekable stream, to `sink` and reports what was done.

    The whole object is read and checked, and the new header has passed the gate, before the sink receives
    its first byte. Memory is bounded by the limits, whatever the size of the pixel data. `watch` is shown the pixel
    data piece by piece, as it goes to the sink; what it raises ends the work.

    Raises:
        DeidError: the object was refused; what the sink has received is to be thrown away.
    """
    stream = BoundedReader(source, limits.max_header_bytes)
    ready = prepared_by_memory(stream, limits, profile, keys, identify)
    sop_class_uid, sop_instance_uid, study_uid, series_uid = ready.new_uids
    plan, context = ready.plan, ready.context
    parts = [file_head(sop_class_uid, sop_instance_uid, ready.transfer_syntax)]
    check_file_head(parts[0], sop_class_uid, sop_instance_uid)
    parts += [one.encoded for one in ready.judged]
    if plan is not None:
        parts.append(pixel_head(plan, implicit=context.kind.implicit))
    head = b"".join(parts)
    write_all(sink, head)
    crc32c = None if plan is None else copy_pixels(ready.stream, plan, sink, watch)
    return Report(
        sop_class_uid=sop_class_uid,
        sop_instance_uid=sop_instance_uid,
        study_uid=study_uid,
        series_uid=series_uid,
        patient=context.identifiers.patient,
        transfer_syntax=ready.transfer_syntax,
        profile=profile.name,
        profile_digest=profile.digest,
        edition=EDITION,
        key_id=keys.key_id,
        normalised=ready.normalised,
        done=(*(one.done for one in ready.judged), ready.trailer),
        gate_values_searched=context.values_searched,
        pixel_crc32c=crc32c,
        pixel_bytes=plan.length if plan is not None else 0,
        output_bytes=len(head) + (plan.length if plan is not None else 0),
    )
