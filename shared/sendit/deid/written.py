"""What was written, read again: by a reader of the gate's own, so that one mistake does not hide another.

Every length in it is defined, and nothing may be left over.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from sendit.deid.errors import DeidError, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sendit.deid.look import Written

_LONG = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
_SHORT = {
    name.encode("ascii"): name
    for name in (
        "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM",
        "UI", "UL", "US",
    )
}  # fmt: skip
NEVER_SHORT = _LONG | {""}
HEAD = 8
_ITEM = [0xFFFE, 0xE000]
_EXPLICIT, _IMPLICIT, _LENGTH = Struct("<HH2sH").unpack_from, Struct("<HHL").unpack_from, Struct("<L").unpack_from
_LONG_HEAD = 12


def elements_in(encoded: bytes | memoryview, *, implicit: bool) -> list[Written]:
    """The elements of one level.

    Raises:
        DeidError: `gate_unreadable`.
    """
    found: list[Written] = []
    at, size = 0, len(encoded)
    while at < size:
        if not implicit and size - at >= HEAD:
            group, number, name, length = _EXPLICIT(encoded, at)
            start = at + HEAD
            end = start + length
            if name in _SHORT and end <= size:  # what most are
                found.append((group << 16 | number, _SHORT[name], encoded[start:end], end))
                at = end
                continue
        written = element_at(at, encoded, implicit=implicit)
        found.append(written)
        at = written[3]
    return found


def element_at(at: int, encoded: bytes | memoryview, *, implicit: bool) -> Written:
    """The element at a position, and where it ends.

    Raises:
        DeidError: `gate_unreadable`.
    """
    size = len(encoded)
    if size - at < HEAD:
        raise DeidError(Refusal.GATE_UNREADABLE)
    if implicit:
        group, number, length = _IMPLICIT(encoded, at)
        vr, start = "", at + HEAD
    else:
        group, number, name, length = _EXPLICIT(encoded, at)
        vr, start = name.decode("latin-1"), at + HEAD
        if vr in _LONG:
            if size - at < _LONG_HEAD:
                raise DeidError(Refusal.GATE_UNREADABLE)
            length, start = _LENGTH(encoded, start)[0], at + _LONG_HEAD
    end = start + length
    if end > size:
        raise DeidError(Refusal.GATE_UNREADABLE)
    return group << 16 | number, vr, encoded[start:end], end


def items_in(encoded: bytes | memoryview) -> Iterator[bytes | memoryview]:
    """The items of a sequence.

    Raises:
        DeidError: `gate_unreadable`.
    """
    at = 0
    while at < len(encoded):
        if len(encoded) - at < HEAD:
            raise DeidError(Refusal.GATE_UNREADABLE)
        *tag, length = _IMPLICIT(encoded, at)
        start = at + HEAD
        at = start + length
        if tag != _ITEM:
            raise DeidError(Refusal.GATE_UNREADABLE)
        if at > len(encoded):
            raise DeidError(Refusal.GATE_UNREADABLE)
        yield encoded[start:at]
