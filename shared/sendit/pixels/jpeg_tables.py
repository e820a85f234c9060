"""Tables of JPEG and JPEG-LS codestreams, and which of them scans use (ISO/IEC 10918-1 B.2.4, 14495-1 C.2.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sendit.pixels.errors import PixelError, PixelRefusal
from sendit.pixels.jpeg import DHT, DQT, DRI, FRAME_HEADERS, LSE, SOF3, SOF55, SOS, TABLES, malformed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sendit.pixels.jpeg import Segment

_LARGEST_DIFFERENCE = 16
"""So many bits the difference of two samples or DC coefficients has at most (H.1.2.2)."""
_PRESET_PARAMETERS, _PRESET_LENGTH, _LEAST_RESET = 1, 11, 3


class Table(NamedTuple):
    """A table by marker, class and number, and where it begins and ends; a later one of the same name replaces it."""

    name: tuple[int, int, int]
    start: int
    end: int


def tables_of(data: bytes, segment: Segment) -> Iterator[Table]:
    """The tables of a segment, which have to fill it.

    Raises:
        PixelError: `codestream_malformed`, or `hidden_data_left` if it is none that images of DICOM have.
    """
    marker, at, end = segment
    if marker in {DRI, LSE}:
        _check_parameters(marker, data[at:end])
        yield Table((marker, 0, 0), at, end)
        return
    if at == end:
        raise malformed()
    while at < end:
        kind, number = data[at] >> 4, data[at] & 15
        if marker == DQT:
            length = 129 if kind else 65
        else:
            length = 17 + sum(data[at + 1 : at + 17])
            symbols = data[at + 17 : at + length]
            if len(set(symbols)) != len(symbols) or (not kind and max(symbols, default=0) > _LARGEST_DIFFERENCE):
                raise malformed()
        if at + length > end or kind > 1:
            raise malformed()
        yield Table((marker, kind if marker == DHT else 0, number), at, at + length)
        at += length


def used_tables(data: bytes, segments: Iterable[Segment]) -> frozenset[int]:
    """Where the tables begin by which the scans are decoded.

    Raises:
        PixelError: `codestream_malformed` if there is not one frame, or not one scan of each of its components.
    """
    latest: dict[tuple[int, int, int], int] = {}
    used: set[int] = set()
    frame_marker, quantized = 0, dict[int, int]()
    left: set[int] = set()
    for segment in segments:
        marker, start, end = segment
        if marker in TABLES:
            latest |= {table.name: table.start for table in tables_of(data, segment)}
        elif marker in FRAME_HEADERS:
            if frame_marker or end - start < 6 or end - start != 6 + 3 * data[start + 5]:
                raise malformed()
            frame_marker = marker
            quantized = dict(zip(data[start + 6 : end : 3], data[start + 8 : end : 3], strict=True))
            left = set(quantized)
            if not left or len(left) != data[start + 5]:
                raise malformed()
        elif marker == SOS:
            if end - start < 4 or end - start != 4 + 2 * data[start]:
                raise malformed()
            components = dict(zip(data[start + 1 : end - 3 : 2], data[start + 2 : end - 3 : 2], strict=True))
            if not components or len(components) != data[start] or not left.issuperset(components):
                raise malformed()
            left.difference_update(components)
            names = {(DRI, 0, 0), (LSE, 0, 0)}
            for component, selected in components.items():
                names |= _names(frame_marker, quantized[component], selected)
            used |= {latest[name] for name in names if name in latest}
    if left or not frame_marker:
        raise malformed()
    return frozenset(used)


def _names(frame_marker: int, quantization: int, selected: int) -> set[tuple[int, int, int]]:
    """The tables by which a component of a scan is decoded."""
    if frame_marker == SOF55:
        if selected:  # a table that maps samples to others
            raise PixelError(PixelRefusal.HIDDEN_DATA_LEFT)
        return set()
    differences = (DHT, 0, selected >> 4)
    if frame_marker == SOF3:
        return {differences}
    return {differences, (DHT, 1, selected & 15), (DQT, 0, quantization)}


def _check_parameters(marker: int, content: bytes) -> None:
    """Refuses a restart interval that is none, and of JPEG-LS what is not its thresholds, or not in their order."""
    if marker == DRI:
        if len(content) != 2:
            raise malformed()
        return
    if content[:1] != bytes((_PRESET_PARAMETERS,)):
        raise PixelError(PixelRefusal.HIDDEN_DATA_LEFT)
    if len(content) != _PRESET_LENGTH:
        raise malformed()
    largest, *thresholds, reset = (int.from_bytes(content[at : at + 2], "big") for at in range(1, len(content), 2))
    given = [one for one in thresholds if one]  # zero is the default
    if given != sorted(given) or (given and largest and given[-1] > largest) or 0 < reset < _LEAST_RESET:
        raise malformed()
