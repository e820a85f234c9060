"""Strings as DICOM writes them: character sets decoded strictly, padding and terminators understood.

Strict, because a value that cannot be decoded cannot be searched for identifiers either.
"""

from __future__ import annotations

import re
from struct import Struct
from typing import TYPE_CHECKING

from pydicom.charset import CODES_TO_ENCODINGS, STAND_ALONE_ENCODINGS, python_encoding

from sendit.deid.dicom.vrs import STRING_VRS, TEXT_VRS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sendit.deid.dicom.element import Element

_ESCAPE = re.compile(rb"(?=\x1b)")
_BACKSLASHES_MATTER = frozenset({"LT", "ST", "UR", "UT"})
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
_DESIGNATION = re.compile(rb"\x1b[$()\-]{1,2}[@-Z]")
_MULTI_BYTE = frozenset({"euc_kr", "gb2312", "iso_ir_58", "gbk", "gb18030"})
_SPECIFIC_CHARACTER_SET = 0x00080005
_NUMBERS = {
    vr: Struct(f"<{code}")
    for vr, code in zip(("AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"), ("HH", *"dflhqLHQ"), strict=True)
}
_OWN_ESCAPES = frozenset({"iso2022_jp", "iso2022_jp_2"})
"""Python's codecs for these want the escape sequence left in."""


def known_codecs(value: bytes) -> list[str]:
    """Python's codecs for a Specific Character Set (PS3.3 C.12.1.1.2); empty if a term is unknown."""
    terms = [term.strip(b" \0").decode("latin-1") for term in value.split(b"\\")]
    if any(term not in python_encoding for term in terms):
        return []
    if len(terms) > 1 and any(term in STAND_ALONE_ENCODINGS for term in terms):
        return []
    return [python_encoding[term] if term not in {"", "ISO_IR 6", "ISO 2022 IR 6"} else "ascii" for term in terms]


def codecs_of(elements: Sequence[Element], inherited: tuple[str, ...]) -> tuple[str, ...]:
    """The codecs of a data set's text; of an unknown character set only the ASCII part is understood."""
    for element in elements:
        if element.tag == _SPECIFIC_CHARACTER_SET:
            return tuple(known_codecs(element.value)) or ("ascii",)
        if element.tag > _SPECIFIC_CHARACTER_SET:
            break
    return inherited


def decoded(value: bytes, vr: str, codecs: tuple[str, ...]) -> str | None:
    """A string value without its padding, None if it is not legal text in the character sets of its object.

    A NUL ends the value: what stands behind it is no part of it (PS3.5 6.2 pads UI only, many writers all).
    """
    raw = unpadded(value)
    try:
        text = _decoded_parts(raw, codecs) if vr in TEXT_VRS else raw.decode("ascii")
    except (UnicodeDecodeError, LookupError):
        return None
    return None if _CONTROL.search(text) else text


def identity_text(value: bytes, codecs: tuple[str, ...]) -> str:
    """A value that tells entities apart: only its padding is stripped, so that no two become one.

    What cannot be decoded still tells, byte by byte as Latin-1.
    """
    raw = value.rstrip(b" \0")
    try:
        return _decoded_parts(raw, codecs).strip()
    except (UnicodeDecodeError, LookupError):
        return raw.decode("latin-1").strip()


def readings(value: bytes, codecs: tuple[str, ...]) -> list[str]:
    """The text in its declared character sets, and as what is written where they are declared wrongly.

    A NUL separates: what stands behind it does not go into the output, but may be in it elsewhere.
    """
    raw = value.replace(b"\0", b"\\").rstrip(b" \\")
    text = decoded(raw, "LO", codecs)
    if text is not None and raw.isascii():
        return [text]
    found = [raw.decode("latin-1"), raw.decode("utf-8", "ignore")]
    # some writers do not switch back to a character set behind a delimiter, as PS3.5 6.1.2.5.3 asks
    plain = _DESIGNATION.sub(b"", raw)
    found += [plain.decode(codec, "ignore") for codec in codecs if codec in _MULTI_BYTE]
    return found if text is None or text in found else [text, *found]


def unpadded(value: bytes) -> bytes:
    """The value up to its terminator, without padding at its end."""
    return (value.split(b"\0", 1)[0] if b"\0" in value else value).rstrip(b" ")


def needs_bytes_searched(value: bytes) -> bool:
    """Whether the bytes of a string are not those of its text: other readers may read something else there."""
    return not value.isascii() or b"\x1b" in value


def components(text: str, vr: str) -> list[str]:
    """The values of a multi-valued string, each without padding."""
    return [text.strip()] if vr in _BACKSLASHES_MATTER else [part.strip() for part in text.split("\\")]


def texts(value: bytes, vr: str, codecs: tuple[str, ...]) -> tuple[str, ...]:
    """The values of any VR but SQ as texts without padding, to be looked at; of bulk data its length."""
    if vr in _NUMBERS:
        number = _NUMBERS[vr]
        whole = value[: len(value) // number.size * number.size]
        return tuple(_number(one) for one in number.iter_unpack(whole))
    if vr not in STRING_VRS:
        return (str(len(value)),) if value else ()
    # what stands behind a NUL is no part of the value, but other readers may show it
    text = identity_text(value.rstrip(b" \0").replace(b"\0", b"\\"), codecs)
    return tuple(components(text, vr)) if text else ()


def _number(parts: tuple[float, ...]) -> str:
    """A number as text; of an attribute tag both of its numbers, as (gggg,eeee)."""
    return str(parts[0]) if len(parts) == 1 else f"({int(parts[0]):04X},{int(parts[1]):04X})"


def _decoded_parts(raw: bytes, codecs: tuple[str, ...]) -> str:
    """Text with ISO 2022 escapes: every escape switches the codec, a delimiter switches back to the first."""
    if b"\x1b" not in raw:
        return raw.decode(codecs[0])
    return "".join(_decoded_fragment(part, codecs) for part in _ESCAPE.split(raw) if part)


def _decoded_fragment(part: bytes, codecs: tuple[str, ...]) -> str:
    if not part.startswith(b"\x1b"):
        return part.decode(codecs[0])
    for length in (3, 4):
        codec = CODES_TO_ENCODINGS.get(part[:length])
        if codec is not None:
            break
    else:
        raise LookupError
    if codec == "iso8859":
        return part[length:].decode("ascii")
    if codec not in codecs:
        raise LookupError
    if codec in _OWN_ESCAPES:
        return part.decode(codec)
    body = part[length:]
    found = re.search(rb"[\\^=\r\n\f\t]", body)
    cut = found.start() if found and codec not in {"shift_jis"} else len(body)
    return body[:cut].decode("gb2312" if codec == "iso_ir_58" else codec) + body[cut:].decode(codecs[0])
