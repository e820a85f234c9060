"""A few values of the header of an image in the output store, read from its first bytes."""

import io
from collections.abc import Collection

from pydicom.filereader import read_partial
from pydicom.tag import BaseTag, Tag

from sendit.deid.dicom import quiet  # noqa: F401  pydicom must be quiet before it reads anything
from sendit.destination import reading
from sendit.ports import OutputStore

_HEAD = 64 * 1024  # bytes; group 0008 is near the beginning, and what identifies has been taken out of it
_LAST = 0x00080060  # Modality; Study Date and Accession Number come before it


def header_of(name: str, output: OutputStore, keywords: Collection[str]) -> dict[str, str]:
    """The values of these attributes, up to Modality (0008,0060), as text; empty where there is none to be read.

    Raises `ImageError` (output_missing), `TransientError`.
    """
    if not keywords:
        return {}
    with reading(), output.open(name) as stream:
        head = stream.read(_HEAD)
    try:
        tags: list[BaseTag | int] = [Tag(keyword) for keyword in ("SpecificCharacterSet", *keywords)]
        dataset = read_partial(io.BytesIO(head), lambda tag, vr, length: tag > _LAST, specific_tags=tags)
        return {keyword: str(dataset.get(keyword) or "") for keyword in keywords}
    except Exception:  # noqa: BLE001  pydicom says of a header in many ways that it cannot be read, quoting its values
        return dict.fromkeys(keywords, "")
