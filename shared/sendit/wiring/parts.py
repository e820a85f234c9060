"""What local and cloud wiring share: clock, key, profile, rules, label, limits."""

import os
from datetime import UTC, datetime
from pathlib import Path

from sendit import deid, screen, text
from sendit.adapters.home import Home, read_key
from sendit.errors import Code, UsageError
from sendit.label import UNCHANGED, OutLabel
from sendit.screen import RuleSet, Screen
from sendit.settings import BurnedInText, Settings


def now() -> datetime:
    """The clock of the real world."""
    return datetime.now(UTC)


def key_path(settings: Settings) -> Path:
    """Where the project key lies."""
    return settings.key_file or Home(settings.home).key_path


def keyring(settings: Settings) -> "deid.Keyring":
    """The keys, of the study if there is one, from a key that exists. Raises `UsageError` (bad_key); none is made."""
    keys = deid.Keyring(read_key(settings.key_file) if settings.key_file else Home(settings.home).key())
    return keys.of_study(settings.study) if settings.study else keys


def profile_of(settings: Settings) -> "deid.Profile | None":
    """The profile that the settings name; None if images stay unchanged.

    Raises `UsageError` (bad_setting) with the nearest name, or with the line of the file and what is wrong there.
    """
    return profile_file(settings.profile).profile if settings.deidentify else None


def profile_file(name: str) -> "deid.ProfileFile":
    """A built-in profile by its name, or the profile of a TOML file by its path, with the lines of its overrides.

    A path ends in .toml or holds a separator. Raises `UsageError` (bad_setting).
    """
    try:
        if not _is_path(name):
            return deid.ProfileFile(deid.profile_named(name), ())
        return deid.read_profile(_text_of(Path(name).expanduser()))
    except OSError as error:
        raise UsageError(Code.BAD_SETTING, f"Profile {name}: {error.strerror}.") from None
    except ValueError as error:
        place = f"Profile {name}, " if _is_path(name) else ""
        raise UsageError(Code.BAD_SETTING, f"{place}{error}") from None


def rules_of(settings: Settings) -> RuleSet:
    """The rules that the settings name. Raises `UsageError` (bad_setting) with the line and what is wrong there."""
    name = settings.rules
    try:
        return screen.read_rules(_text_of(Path(name).expanduser())) if name else screen.default_rules()
    except OSError as error:
        raise UsageError(Code.BAD_SETTING, f"Rules {name}: {error.strerror}.") from None
    except ValueError as error:
        raise UsageError(Code.BAD_SETTING, f"Rules {name}, {error}") from None


def screen_of(rules: RuleSet, profile: "deid.Profile | None") -> Screen:
    """The rules under a profile, in a process of their own."""
    return Screen(rules, profile.options if profile is not None else ())


def check_text(settings: Settings) -> None:
    """Raise `UsageError` (bad_setting) if text is to be looked for where it cannot be, or must not be blanked."""
    if settings.text is BurnedInText.OFF:
        return
    if not settings.deidentify:
        raise UsageError(Code.BAD_SETTING, "SENDIT_TEXT: images stay unchanged under SENDIT_DEIDENTIFY=false.")
    if not text.is_installed():
        raise UsageError(
            Code.BAD_SETTING, "SENDIT_TEXT, --text: what finds text is not installed: pip install 'sendit[ocr]'."
        )
    if not rules_of(settings).looks:
        raise UsageError(Code.BAD_SETTING, "SENDIT_TEXT, --text: the rules have no [look.NAME], so nowhere.")


def _is_path(name: str) -> bool:
    return name.endswith(".toml") or any(separator in name for separator in (os.sep, os.altsep) if separator)


def _text_of(path: Path) -> bytes:
    """The bytes of a file: one more than it may have, at most, whatever the path leads to."""
    if path.exists() and not path.is_file():
        raise ValueError("line 1: this is no file")
    with path.open("rb") as stream:
        return stream.read(deid.LARGEST_FILE + 1)


def label_of(keys: "deid.Keyring", profile: "deid.Profile | None", settings: Settings) -> OutLabel:
    """What an output store written with these says of itself."""
    name, digest = (UNCHANGED, UNCHANGED) if profile is None else (profile.name, profile.digest)
    return OutLabel(keys.key_id, name, digest, settings.text is not BurnedInText.OFF, settings.identifiers)


def limits_of(settings: Settings) -> "deid.Limits":
    """What an image may grow to before it is refused."""
    return deid.Limits(
        max_header_bytes=settings.max_header_bytes,
        max_inflated_bytes=settings.max_inflated_bytes,
    )
