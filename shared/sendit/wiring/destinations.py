"""Where images go on to, by the settings and the command line. Loaded where something is sent."""

from collections.abc import Sequence
from pathlib import Path

from sendit.adapters.archive_destination import archive_destination
from sendit.adapters.folder_output import FolderOutput
from sendit.adapters.store_destination import store_destination
from sendit.address import Address, Kind, parse_addresses
from sendit.destination import Destination
from sendit.errors import Code, TransientError, UsageError
from sendit.ports import OutputStore
from sendit.refs import GcsPlace
from sendit.settings import Settings

_SECONDS_OF_A_DAY = 86_400.0


def addresses_of(settings: Settings, more: Sequence[str] = ()) -> tuple[Address, ...]:
    """The destinations of SENDIT_DESTINATIONS and those typed beside them; of one that is in both, what was typed.

    Raises `UsageError`: bad_setting, or identified_not_allowed where images would go with their identities, unlisted.
    """
    try:
        addresses = {address.name: address for address in parse_addresses(settings.destinations)}
        for text in more:
            address = Address.parse(text)
            addresses[address.name] = address
    except ValueError as error:
        raise UsageError(Code.BAD_SETTING, f"--to: {error}.") from None
    for address in addresses.values():
        settings.check_destination(address.where)
    return tuple(addresses.values())


def folders_of(addresses: Sequence[Address]) -> list[Path]:
    """Those of the destinations that are folders of this machine."""
    return [Path(address.place) for address in addresses if address.kind is Kind.FOLDER]


def check_for_cloud(settings: Settings) -> None:
    """Raise `UsageError` for a destination that no function can send to: a folder is its memory."""
    addresses = addresses_of(settings)
    for address in addresses:
        if address.kind is Kind.FOLDER:
            raise UsageError(Code.BAD_SETTING, f"SENDIT_DESTINATIONS: {address.name} is a folder; use gs://bucket.")
    check_buckets(settings, addresses)


def check_buckets(settings: Settings, addresses: Sequence[Address]) -> None:
    """Raise `UsageError` (folders_overlap) for a place in a bucket that is not apart from staging and output."""
    for address in addresses:
        if address.kind is not Kind.BUCKET:
            continue
        place = GcsPlace.parse(address.place)
        for name, other in (("SENDIT_STAGING", settings.staging), ("SENDIT_OUTPUT", settings.output)):
            around = GcsPlace.parse(other) if other else None
            if around is not None and (place.holds(around) or around.holds(place)):
                raise UsageError(Code.FOLDERS_OVERLAP, f"{address.name} and {name}={other}.")


def destinations_of(settings: Settings, addresses: Sequence[Address]) -> list[Destination]:
    """What sends to these addresses. Raises `UsageError` for options or files that do not fit."""
    return [_destination_of(settings, address) for address in addresses]


def _destination_of(settings: Settings, address: Address) -> Destination:
    if address.kind is Kind.DICOMWEB:
        from sendit.adapters.dicomweb_destination import dicomweb_destination

        return dicomweb_destination(address)
    store = _store_of(settings, address)
    return archive_destination(address, store, settings.study) if address.archive else store_destination(address, store)


def _store_of(settings: Settings, address: Address) -> OutputStore:
    """The store behind a folder, which is made, or a place in a bucket."""
    if address.kind is Kind.FOLDER:
        folder = Path(address.place)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            FolderOutput(folder).sweep(untouched=_SECONDS_OF_A_DAY)  # others may be at work there
        except OSError as error:
            raise UsageError(Code.BAD_SETTING, f"{address.name}: {error.strerror}.") from None
        except TransientError as error:
            raise UsageError(Code.BAD_SETTING, f"{address.name}: it cannot be written.") from error
        return FolderOutput(folder)
    from sendit.adapters.gcs_client import storage_client
    from sendit.adapters.gcs_output import GcsOutput
    from sendit.wiring.cloud import project

    client = storage_client(project(), settings.threads)
    return GcsOutput(client, GcsPlace.parse(address.place), settings.stream_above)
