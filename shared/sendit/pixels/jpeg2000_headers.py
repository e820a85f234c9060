"""The headers of JPEG 2000 codestreams: each segment once, and as long as what it holds (ISO/IEC 15444-1 Annex A)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sendit.pixels.errors import PixelError, PixelRefusal
from sendit.pixels.jpeg import malformed
from sendit.pixels.jpeg2000 import CAP, COC, COD, EOC, QCC, QCD, SOD, SOT, TLM, TO_READ_BY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sendit.pixels.jpeg2000 import Segment

_HIGH_THROUGHPUT = b"\0\2\0\0"
"""Of the parts of the standard whose capabilities are needed, Part 15 alone."""
_SIZ_LENGTH, _CAP_LENGTH, _COD_LENGTH, _COC_LENGTH, _SOT_LENGTH = 40, 10, 14, 10, 12
_MANY_COMPONENTS = 257
_DEFAULT = -1
"""In place of a component: all that are not named."""


def check_headers(data: bytes, segments: Sequence[Segment]) -> None:
    """Refuses headers by which something may stand in a codestream that no sample is decoded by.

    Raises:
        PixelError: `codestream_malformed`, or `hidden_data_left` for segments that images of DICOM have no need of.
    """
    siz = segments[0]
    _check_size(data, siz)
    wide = 2 if _number(data, siz.at + 38, 2) >= _MANY_COMPONENTS else 1
    tiles = _tiles(data, siz)
    parts: Counter[int] = Counter()
    lengths: list[tuple[int, int]] = []
    header: list[Segment] = []
    main: dict[int, int] = {}
    tile = start = -1
    for segment in segments[1:]:
        marker, at, end = segment
        if marker not in {SOT, SOD, EOC}:
            header.append(segment)
            continue
        if marker == SOT:
            if tile >= 0:
                raise malformed()
            if not lengths:
                main = _levels(data, header, {}, wide)
            elif header:
                raise malformed()
            tile, start = _number(data, at + 4, 2), at
            part, all_parts = data[at + 10 : at + 12].ljust(2, b"\0")
            # of all parts some encoders say one too few
            if end - at != _SOT_LENGTH or tile >= tiles or part != parts[tile] or 0 < all_parts < part:
                raise malformed()
            parts[tile] += 1
        elif marker == SOD:
            if tile < 0 or (parts[tile] > 1 and any(one.marker in TO_READ_BY for one in header)):
                raise malformed()
            _levels(data, header, main, wide)
            lengths.append((tile, end - start))
            tile = -1
        header = []
    _check_lengths(data, [one for one in segments if one.marker == TLM], lengths)


def _check_size(data: bytes, siz: Segment) -> None:
    """Refuses an image that does not begin at its grid's origin, and a size that is not that of its components."""
    _, at, end = siz
    if end - at < _SIZ_LENGTH or end - at != _SIZ_LENGTH + 3 * _number(data, at + 38, 2):
        raise malformed()
    if any(data[at + 14 : at + 22]) or any(data[at + 30 : at + 38]):
        raise PixelError(PixelRefusal.HIDDEN_DATA_LEFT)


def _tiles(data: bytes, siz: Segment) -> int:
    right, bottom, width, height = (_number(data, siz.at + place, 4) for place in (6, 10, 22, 26))
    if not width or not height:
        raise malformed()
    return -(-right // width) * -(-bottom // height)


def _levels(data: bytes, header: Sequence[Segment], inherited: dict[int, int], wide: int) -> dict[int, int]:
    """How often the components are decomposed by a header, whose segments are looked at."""
    levels = dict(inherited)
    seen: set[tuple[int, int]] = set()
    for marker, at, end in header:
        if marker not in TO_READ_BY:
            continue
        component = _number(data, at + 4, wide) if marker in {COC, QCC} else _DEFAULT
        if (marker, component) in seen:
            raise malformed()
        seen.add((marker, component))
        if marker == CAP:
            if inherited or end - at != _CAP_LENGTH or data[at + 4 : at + 8] != _HIGH_THROUGHPUT:
                raise malformed()
        elif marker in {COD, COC}:
            length, before = (_COD_LENGTH, 9) if marker == COD else (_COC_LENGTH + wide, 5 + wide)
            style = data[at + 4 if marker == COD else at + 4 + wide]
            levels[component] = data[at + before]
            if end - at != length + (levels[component] + 1 if style & 1 else 0):
                raise malformed()
        elif marker not in {QCD, QCC}:
            raise PixelError(PixelRefusal.HIDDEN_DATA_LEFT)
    allowed = {3 * number + 1 for number in levels.values()}
    for marker, at, end in header:
        if marker in {QCD, QCC}:
            _check_steps(data[at + 4 + (wide if marker == QCC else 0) : end], allowed)
    return levels


def _check_steps(quantization: bytes, allowed: set[int]) -> None:
    """Refuses as many quantization steps as no component has (A.6.4)."""
    style, length = quantization[:1], len(quantization) - 1
    kind = style[0] & 31 if style else 3
    if not ((kind == 0 and length in allowed) or (kind == 1 and length == 2) or (kind == 2 and length / 2 in allowed)):
        raise malformed()


def _check_lengths(data: bytes, tables: Sequence[Segment], lengths: list[tuple[int, int]]) -> None:
    """Refuses lengths of tile-parts (A.7.1) that are not theirs."""
    said: list[tuple[int, int]] = []
    for number, (_, at, end) in enumerate(tables):
        index, sizes = data[at + 4 : at + 6].ljust(2, b"\0")
        tile_bytes, length_bytes = sizes >> 4 & 3, 4 if sizes >> 6 & 1 else 2
        entry = tile_bytes + length_bytes
        if index != number or sizes & 0x8F or tile_bytes > 2 or (end - at - 6) % entry:
            raise malformed()
        for place in range(at + 6, end, entry):
            tile = _number(data, place, tile_bytes) if tile_bytes else len(said)
            said.append((tile, _number(data, place + tile_bytes, length_bytes)))
    if tables and said != lengths:
        raise malformed()


def _number(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(data[at : at + length], "big")
