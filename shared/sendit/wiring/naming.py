"""Where pseudonyms come from, by the settings. Apart from the other parts: it stands on all that works on images."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from sendit import deid, mapping
from sendit.adapters.keyed_identifiers import KeyedIdentifiers
from sendit.adapters.mapping_identifiers import MappingIdentifiers
from sendit.errors import Code, TransientError, UsageError
from sendit.naming import Naming
from sendit.settings import IdentifierSource, Settings
from sendit.wiring.parts import now


def naming_of(
    settings: Settings,
    keys: "deid.Keyring",
    read_mapping: Callable[[], bytes] | None = None,
    *,
    keep_paths: bool = False,
) -> Naming:
    """Who becomes whom: by the key, or by the table, which `read_mapping` reads where it is no file of this machine."""
    if settings.identifiers is IdentifierSource.KEYED:
        return Naming(KeyedIdentifiers(keys), keys.uid, now, keep_paths)
    read = read_mapping or partial(_mapping_of, settings)
    return Naming(MappingIdentifiers(read, keys), keys.uid, now, keep_paths)


def check_mapping(settings: Settings) -> None:
    """Raise `UsageError` (bad_setting), with the line and what is wrong there, if the table cannot be used."""
    if settings.identifiers is not IdentifierSource.MAPPING:
        return
    try:
        mapping.read_mapping(_mapping_of(settings))
    except (TransientError, ValueError) as error:
        raise UsageError(Code.BAD_SETTING, f"SENDIT_MAPPING: {error}.") from None


def _mapping_of(settings: Settings) -> bytes:
    try:
        with Path(settings.mapping).expanduser().open("rb") as stream:
            return stream.read(mapping.LARGEST + 1)
    except OSError:
        raise TransientError(Code.MAPPING_UNAVAILABLE) from None
