"""Multipart bodies, taken apart byte for byte: uploads (multipart/related) and batches (multipart/mixed)."""

import re

from sendit.emulators.gcs.messages import invalid

_BOUNDARY = re.compile(r"""boundary\s*=\s*(?:"([^"]*)"|'([^']*)'|([^;\s]+))""", re.IGNORECASE)

Part = tuple[dict[str, str], bytes]  # headers, their names in lower case, and content


def two_parts(content_type: str, body: bytes) -> tuple[Part, Part]:
    """The metadata and the media of an upload; 400 if it is not of two parts.

    The end of the media is looked for from the end of the body: the bytes in between may be any.
    """
    delimiter, newline = _delimiter(content_type, body)
    start = body.find(delimiter) + len(delimiter) + len(newline)
    middle = body.find(newline + delimiter, start)
    end = body.rfind(newline + delimiter + b"--")
    if middle < 0 or end <= middle:
        raise invalid("Malformed multipart body.")
    media = middle + len(newline) + len(delimiter) + len(newline)
    return _part(body, start, middle, newline), _part(body, media, end, newline)


def parts(content_type: str, body: bytes) -> list[Part]:
    """The parts of a batch; 400 if it is not well formed."""
    delimiter, newline = _delimiter(content_type, body)
    pieces = (newline + body).split(newline + delimiter)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise invalid("Malformed multipart body.")
    return [_part(piece, len(newline), len(piece), newline) for piece in pieces[1:-1]]


def headers_of(block: bytes) -> dict[str, str]:
    """Header lines, their names in lower case."""
    lines = [line.partition(":") for line in block.decode("utf-8", "replace").splitlines()]
    return {name.strip().lower(): value.strip() for name, found, value in lines if found}


def _delimiter(content_type: str, body: bytes) -> tuple[bytes, bytes]:
    """What parts a body, and how its lines end: gsutil ends them with a bare LF."""
    match = _BOUNDARY.search(content_type)
    if match is None:
        raise invalid("Missing multipart boundary.")
    bare = next(text for text in match.groups() if text is not None)
    # RFC 2046 lets ' be part of a boundary; gsutil and gcloud mean it as a quote
    spellings = [f"--'{bare}'", f"--{bare}"] if match[2] is not None else [f"--{bare}"]
    delimiter = next((one for one in (text.encode("latin-1", "replace") for text in spellings) if one in body), b"")
    position = body.find(delimiter) if delimiter else -1
    if position < 0:
        raise invalid("Malformed multipart body.")
    after = body[position + len(delimiter) : position + len(delimiter) + 2]
    return delimiter, b"\r\n" if after == b"\r\n" else b"\n"


def _part(body: bytes, start: int, end: int, newline: bytes) -> Part:
    if body.startswith(newline, start):  # a part without headers
        return {}, body[start + len(newline) : end]
    blank = body.find(newline * 2, start, end)
    if blank < 0:
        # an empty content may end where its blank line would
        return headers_of(body[start:end]), b""
    return headers_of(body[start:blank]), body[blank + 2 * len(newline) : end]
