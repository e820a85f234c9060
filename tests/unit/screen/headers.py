"""Headers as they are read, of data sets that say no more than a test needs."""

from __future__ import annotations

import copy
import io
from typing import TYPE_CHECKING

from pydicom.uid import ExplicitVRLittleEndian
from tests.data.encoding import to_bytes

from sendit import deid

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.uid import UID

    from sendit.deid import Header


def header_of(dataset: Dataset, syntax: UID = ExplicitVRLittleEndian) -> Header:
    """Return the header of a data set, which gets an SOP Instance UID if it has none."""
    whole = copy.deepcopy(dataset)
    if "SOPInstanceUID" not in whole:
        whole.SOPInstanceUID = "1.2.826.0.1.3680043.8.498.1"
    named = "SOPClassUID" in whole
    return deid.inspect(io.BytesIO(to_bytes(whole, syntax, preamble=named, file_meta=named)))
