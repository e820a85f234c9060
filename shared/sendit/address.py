"""How a destination is written down: a folder, or an address in Cloud Storage, of DICOMweb, of the Healthcare API."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

from sendit.refs import GcsPlace, printable

_ARCHIVE = "archive+"
_DICOMWEB = "dicomweb+"
_HEALTHCARE = re.compile(r"projects/[\w:.-]+/locations/[\w-]+/datasets/[\w.-]+/dicomStores/[\w.-]+")
_HEALTHCARE_API = "https://healthcare.googleapis.com/v1/"
_NO_FOLDER = re.compile(r".*(://|:.*@|/dicomStores)|[^/.~].*@", re.DOTALL)
"""What is rather a mistyped address, which may hold a password: no folder is to be called so."""


class Kind(StrEnum):
    """What is at an address."""

    FOLDER = "folder"
    BUCKET = "bucket"
    DICOMWEB = "dicomweb"


_OPTIONS = {
    "images": frozenset({"layout"}),
    "archive": frozenset({"collection"}),
    "dicomweb": frozenset({"auth", "password-file", "token-file", "verify"}),
}


@dataclass(frozen=True, slots=True)
class Address:
    """One destination. `place` is an absolute path, a gs:// or an http(s):// address, without credentials.

    `options` are what stands behind a # at its end, as in `#verify=content&auth=google`.
    """

    kind: Kind
    place: str
    name: str  # as records, logs and pages call it: without credentials, with the options that say where things lie
    archive: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The address; raises ValueError that says what a DEST looks like, and quotes no credentials."""
        body, _, fragment = text.strip().partition("#")
        if _HEALTHCARE.fullmatch(body := body.rstrip("/") or body):
            options = {"auth": "google", **_options(fragment, "dicomweb")}
            return cls(Kind.DICOMWEB, f"{_HEALTHCARE_API}{body}/dicomWeb", body, options=options)
        if body.startswith(_DICOMWEB):
            return cls._dicomweb(body.removeprefix(_DICOMWEB), _options(fragment, "dicomweb"))
        archive = body.startswith(_ARCHIVE)
        options = _options(fragment, "archive" if archive else "images")
        body = body.removeprefix(_ARCHIVE)
        if body.startswith("gs://"):
            kind, place = Kind.BUCKET, str(GcsPlace.parse(body))
        elif not body or _NO_FOLDER.match(body) or "\0" in body:
            raise ValueError(
                "a destination is a folder, gs://bucket/prefix, archive+ and one of these,"
                " dicomweb+https://host/path or projects/…/dicomStores/…; a folder with an @ is written ./folder"
            )
        else:
            path = os.path.expanduser(body)  # noqa: PTH111  ~nobody is a folder, and no error
            kind, place = Kind.FOLDER, os.path.abspath(path)  # noqa: PTH100  links stay
        said = f"#{'&'.join(f'{option}={value}' for option, value in sorted(options.items()))}" if options else ""
        return cls(kind, place, f"{_ARCHIVE if archive else ''}{place}{said}", archive, options)

    @property
    def where(self) -> str:
        """Its address without options, by which it may be named as one that gets identified images."""
        return self.name.partition("#")[0]

    @classmethod
    def _dicomweb(cls, url: str, options: Mapping[str, str]) -> Self:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ValueError("dicomweb+https://host:port/path: this is no address") from None
        odd = parts.query or not url.isprintable() or any(sign in parts.path for sign in "@;")
        if parts.scheme not in {"http", "https"} or not parts.hostname or odd:
            raise ValueError("must look like dicomweb+https://[user:password@]host[:port]/path")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        place = f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(Kind.DICOMWEB, place, f"{_DICOMWEB}{place}", options=options, user=user, password=password)


def parse_addresses(text: str) -> tuple[Address, ...]:
    """Addresses separated by commas or line ends; raises ValueError also if one place is there twice."""
    addresses = tuple(Address.parse(item) for item in re.split(r"[,\n]", text) if item.strip())
    names = [address.name for address in addresses]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{printable(name)} is there twice")
    return addresses


def _options(fragment: str, kind: str) -> dict[str, str]:
    if not fragment:
        return {}
    try:
        options = dict(parse_qsl(fragment, keep_blank_values=True, strict_parsing=True))
    except ValueError:
        raise ValueError("options are written as #name=value&name=value") from None
    known = _OPTIONS[kind]
    if options.keys() - known:  # not quoted: a # in a password has to be written as %23
        raise ValueError(f"the options behind a # of such a destination are {', '.join(sorted(known))}")
    return options
