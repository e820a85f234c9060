"""What the profile `strict` lets pass of what Table E.1-1 does not name.

That is: what describes the pixels; what the IOD of the object's SOP class asks for at that place (Type 1, 1C, 2
or 2C, by the immediate parent sequence); and a reviewed list of attributes that say how the image was made, which
IODs leave to the maker of the device. Of an unknown SOP class nothing is known to be asked for.
"""

from __future__ import annotations

from functools import lru_cache

from sendit.deid.rules.describing import DESCRIBING
from sendit.deid.rules.tables import strict_list, table
from sendit.deid.rules.types import iod_of


@lru_cache(maxsize=4096)
def _asked_for(iod: str, parent: int) -> frozenset[int]:
    content = table("modules.json")
    spelled = f"{parent:08X}" if parent else ""
    places = (content["modules"][module].get(spelled) for module in content["iods"][iod])
    return frozenset(int(tag, 16) for at in places if at is not None for tag in content["lists"][at].split())


def allowed(sop_class_uid: str, path: tuple[int, ...], tag: int) -> bool:
    """Whether an attribute outside Table E.1-1 may stay inside the sequences of `path`."""
    if tag in DESCRIBING or tag in strict_list():
        return True
    iod = iod_of(sop_class_uid)
    return iod is not None and tag in _asked_for(iod, path[-1] if path else 0)
