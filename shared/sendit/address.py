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
_CREDENTIALS = re.compile(r"[^/]*:[^/]*@")  # of an address without its scheme: no folder is to be called like that
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


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
    name: str  # as records, logs and pages call it: without credentials and options
    archive: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The address; raises ValueError that says what a DEST looks like, and quotes no credentials."""
        body, _, fragment = text.strip().partition("#")
        if _HEALTHCARE.fullmatch(body):
            options = {"auth": "google", **_options(fragment, "dicomweb")}
            return cls(Kind.DICOMWEB, f"{_HEALTHCARE_API}{body}/dicomWeb", body, options=options)
        if body.startswith(_DICOMWEB):
            return cls._dicomweb(body.removeprefix(_DICOMWEB), _options(fragment, "dicomweb"))
        archive = body.startswith(_ARCHIVE)
        options = _options(fragment, "archive" if archive else "images")
        body = body.removeprefix(_ARCHIVE)
        if body.startswith("gs://"):
            kind, place = Kind.BUCKET, str(GcsPlace.parse(body))
        elif not body or _SCHEME.match(body) or _CREDENTIALS.match(body) or "\0" in body:
            raise ValueError(
                "a destination is a folder, gs://bucket/prefix, archive+ and one of these,"
                " dicomweb+https://host/path or projects/…/dicomStores/…"
            )
        else:
            kind, place = Kind.FOLDER, os.path.abspath(os.path.expanduser(body))  # noqa: PTH100, PTH111  links stay; a ~nobody is a folder
        return cls(kind, place, f"{_ARCHIVE if archive else ''}{place}", archive, options)

    @classmethod
    def _dicomweb(cls, url: str, options: Mapping[str, str]) -> Self:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ValueError("dicomweb+https://host:port/path: this is no address") from None
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or not url.isprintable():
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
