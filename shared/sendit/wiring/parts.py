"""What local and cloud wiring share: clock, key, profile, label, limits."""

from datetime import UTC, datetime
from pathlib import Path

from sendit import deid
from sendit.adapters.home import Home, read_key
from sendit.errors import Code, UsageError
from sendit.label import UNCHANGED, OutLabel
from sendit.settings import Settings


def now() -> datetime:
    """The clock of the real world."""
    return datetime.now(UTC)


def key_path(settings: Settings) -> Path:
    """Where the project key lies."""
    return settings.key_file or Home(settings.home).key_path


def keyring(settings: Settings) -> "deid.Keyring":
    """The keys, from a key that exists. Raises `UsageError` (bad_key); no key is ever made here."""
    key = read_key(settings.key_file) if settings.key_file else Home(settings.home).key()
    return deid.Keyring(key)


def profile_of(settings: Settings) -> "deid.Profile | None":
    """The profile that the settings name; None if images stay unchanged.

    Raises `UsageError` (bad_setting) with the nearest name.
    """
    if not settings.deidentify:
        return None
    try:
        return deid.profile_named(settings.profile)
    except ValueError as error:
        raise UsageError(Code.BAD_SETTING, f"{error}") from None


def label_of(keys: "deid.Keyring", profile: "deid.Profile | None") -> OutLabel:
    """What an output store written with these says of itself."""
    if profile is None:
        return OutLabel(keys.key_id, UNCHANGED, UNCHANGED)
    return OutLabel(keys.key_id, profile.name, profile.digest)


def limits_of(settings: Settings) -> "deid.Limits":
    """What an image may grow to before it is refused."""
    return deid.Limits(
        max_header_bytes=settings.max_header_bytes,
        max_inflated_bytes=settings.max_inflated_bytes,
    )
