"""Where pseudonyms come from, by the settings. Apart from the other parts: it stands on all that works on images."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from sendit import deid, mapping
from sendit.adapters.dasher_client import BearerToken, DasherClient
from sendit.adapters.dasher_identifiers import DasherIdentifiers, Sources
from sendit.adapters.keyed_identifiers import KeyedIdentifiers
from sendit.adapters.mapping_identifiers import MappingIdentifiers
from sendit.dasher_settings import issuer_sources
from sendit.errors import Code, TransientError, UsageError
from sendit.holders import Holders
from sendit.naming import Naming
from sendit.ports import OutputStore
from sendit.settings import IdentifierSource, Settings
from sendit.wiring.parts import now


def naming_of(
    settings: Settings,
    keys: "deid.Keyring",
    output: OutputStore,
    read_mapping: Callable[[], bytes] | None = None,
    *,
    keep_paths: bool = False,
) -> Naming:
    """Who becomes whom: by the key, a service, or the table, which `read_mapping` reads if it is no file of ours."""
    holders = None if settings.identifiers is IdentifierSource.KEYED else Holders(output, keys)
    service: KeyedIdentifiers | MappingIdentifiers | DasherIdentifiers
    match settings.identifiers:
        case IdentifierSource.KEYED:
            service = KeyedIdentifiers(keys)
        case IdentifierSource.MAPPING:
            service = MappingIdentifiers(read_mapping or partial(_mapping_of, settings), keys)
        case IdentifierSource.DASHER:
            service = _dasher(settings, keys)
    return Naming(service, keys.uid, now, holders, keep_paths)


def check_identifiers(settings: Settings) -> None:
    """Raise `UsageError` (bad_setting) if the table cannot be used, with its line, or if there is no token."""
    if settings.identifiers is IdentifierSource.MAPPING:
        try:
            mapping.read_mapping(_mapping_of(settings))
        except (TransientError, ValueError) as error:
            raise UsageError(Code.BAD_SETTING, f"SENDIT_MAPPING: {error}.") from None
    elif settings.identifiers is IdentifierSource.DASHER:
        try:
            _token(settings).current()
        except TransientError:
            raise UsageError(Code.BAD_SETTING, "SENDIT_DASHER_TOKEN_FILE: there is no token in it.") from None


def _dasher(settings: Settings, keys: "deid.Keyring") -> DasherIdentifiers:
    address = f"{settings.dasher_url}/{settings.study}"
    client = DasherClient(address, _token(settings), settings.dasher_timeout)
    patients = {**issuer_sources(settings.dasher_issuers), "": settings.dasher_patient_source}
    return DasherIdentifiers(client, keys, Sources(patients, settings.dasher_accession_source))


def _token(settings: Settings) -> BearerToken:
    return BearerToken(
        settings.dasher_token_file or Path(),
        settings.dasher_refresh_token_file,
        settings.dasher_token_url,
        settings.dasher_timeout,
    )


def _mapping_of(settings: Settings) -> bytes:
    try:
        with Path(settings.mapping).expanduser().open("rb") as stream:
            return stream.read(mapping.LARGEST + 1)
    except OSError:
        raise TransientError(Code.MAPPING_UNAVAILABLE) from None
