"""A user's profile: a TOML text that starts from a built-in profile and overrides it (docs/profiles.md).

Every mistake is refused with its line: a profile that is not understood to the last word is not used. The
errors quote the text, which is the user's own and holds nothing of any patient.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sendit.deid.rules.actions import Action
from sendit.deid.rules.attribute import BadAttribute, Place, nearest, parse_place, parse_private, quoted
from sendit.deid.rules.options import Option
from sendit.deid.rules.override_checks import ACTIONS, refusal
from sendit.deid.rules.profile import PROFILES, Override, Profile
from sendit.deid.rules.toml_lines import Lines
from sendit.deid.rules.toml_text import TomlError, content_of, text_of

_NAME = re.compile(r"[a-z0-9-]{1,40}")
_RESERVED_NAMES = frozenset({*PROFILES, "identified"})
_KEYS = ("name", "from", "add", "without", "allow_identifiers", "attributes", "private")
_KEYS_OF_AN_ACTION = ("action", "value")
_DATES = frozenset({Option.RETAIN_FULL_DATES, Option.RETAIN_MODIFIED_DATES})


@dataclass(frozen=True, slots=True)
class ProfileFile:
    """A profile and the line of each of its overrides."""

    profile: Profile
    lines: tuple[tuple[Override, int], ...]

    def line_of(self, override: Override) -> int:
        """The line on which an override stands."""
        return dict(self.lines)[override]


def read_profile(data: bytes) -> ProfileFile:
    """The profile that a TOML text describes, with its lines.

    Raises:
        TomlError: the text has a mistake.
    """
    text = text_of(data)
    return _Reader(text, content_of(text)).profile_file()


class _Reader:
    """One text on its way to a profile."""

    def __init__(self, text: str, content: dict[str, Any]) -> None:
        self._text = text
        self._content = content
        self._lines: Lines | None = None

    def profile_file(self) -> ProfileFile:
        """The whole of it, part by part in the order in which a reader would look."""
        for key in self._content:
            if key not in _KEYS:
                raise self._error(f"a profile has no {quoted(key)}{nearest(key, _KEYS)}", key)
        name, base = self._name(), self._base()
        options = self._options(base)
        allow_identifiers = self._content.get("allow_identifiers", False)
        if not isinstance(allow_identifiers, bool):
            raise self._error("allow_identifiers is true or false", "allow_identifiers")
        seen: dict[Place, str] = {}
        found: list[tuple[Override, tuple[str, ...]]] = []
        for keys, place, wanted in self._places():
            if place in seen:
                raise self._error(f"{place.name} is here a second time; first as {quoted(seen[place])}", *keys)
            seen[place] = keys[-1]
            found.append((self._override(keys, place, wanted, allow_identifiers=allow_identifiers), keys))
        profile = Profile(name, options, tuple(one for one, _ in found), base.allow_list)
        return ProfileFile(profile, tuple((one, self._line(*keys)) for one, keys in found))

    def _name(self) -> str:
        name = self._text_of("name", 'a profile needs a name = "…"')
        if not _NAME.fullmatch(name):
            raise self._error(f"{quoted(name)} is no name: 1 to 40 of a-z, 0-9 and -", "name")
        if name in _RESERVED_NAMES:
            raise self._error(f"{quoted(name)} is the name of a built-in profile", "name")
        return name

    def _base(self) -> Profile:
        known = ", ".join(PROFILES)
        base = self._text_of("from", f'a profile starts from a built-in one: from = "…" ({known})')
        if base not in PROFILES:
            raise self._error(
                f"there is no built-in profile {quoted(base)}{nearest(base, PROFILES)} (there are {known})", "from"
            )
        return PROFILES[base]

    def _options(self, base: Profile) -> tuple[Option, ...]:
        options = set(base.options)
        for option in self._option_list("without"):
            if option not in options:
                raise self._error(f"{base.name} is without {option} already", "without", value=option)
            options.remove(option)
        for option in self._option_list("add"):
            if option in base.options:
                raise self._error(f"{base.name} has {option} already", "add", value=option)
            options.add(option)
        if options >= _DATES:
            raise self._error(
                "dates are either moved or kept in full: name the other option in without", "add", value="dates"
            )
        return tuple(option for option in Option if option in options)

    def _option_list(self, key: str) -> list[Option]:
        names = self._content.get(key, [])
        if not isinstance(names, list):
            raise self._error(f'{key} is a list of options: {key} = ["…"]', key)
        found: list[Option] = []
        for name in names:
            if not isinstance(name, str):
                raise self._error(f"{key} is a list of options in quotes", key)
            if name not in set(Option):
                raise self._error(f"there is no option {quoted(name)}{nearest(name, list(Option))}", key, value=name)
            if Option(name) in found:
                raise self._error(f"{name} is here a second time", key, value=name)
            found.append(Option(name))
        return found

    def _places(self) -> list[tuple[tuple[str, ...], Place, object]]:
        """Every attribute that is spoken of, with the keys under which it stands and what is wanted of it."""
        found: list[tuple[tuple[str, ...], Place, object]] = []
        for key, wanted in self._table("attributes").items():
            found.append((("attributes", key), self._place("attributes", key), wanted))
        for creator, attributes in self._table("private").items():
            if not isinstance(attributes, dict):
                raise self._error(
                    'private attributes stand below their creator: [private."CREATOR"]', "private", creator
                )
            for key, wanted in attributes.items():
                found.append((("private", creator, key), self._place("private", creator, key), wanted))
        return found

    def _place(self, *keys: str) -> Place:
        try:
            return parse_place(keys[1]) if keys[0] == "attributes" else parse_private(keys[1], keys[2])
        except BadAttribute as error:
            raise self._error(str(error), *keys) from None

    def _override(self, keys: tuple[str, ...], place: Place, wanted: object, *, allow_identifiers: bool) -> Override:
        action, value = wanted, None
        if isinstance(wanted, dict):
            for key in wanted:
                if key not in _KEYS_OF_AN_ACTION:
                    hint = nearest(key, _KEYS_OF_AN_ACTION, cutoff=0.75) or "; a path of sequences is spelled in quotes"
                    raise self._error(f"an action has no {quoted(key)}{hint}", *keys)
            action, value = wanted.get("action"), wanted.get("value")
        names = ", ".join(ACTIONS)
        if not isinstance(action, str):
            raise self._error(f"{place.name} needs an action in quotes: {names}", *keys)
        if action not in ACTIONS:
            near = nearest(action, ACTIONS)
            raise self._error(f"there is no action {quoted(action)}{near} (there are {names})", *keys)
        if value is not None and not isinstance(value, str):
            raise self._error("the value of replace is a text in quotes", *keys)
        reason = refusal(place, Action(action), value, allow_identifiers=allow_identifiers)
        if reason is not None:
            raise self._error(reason, *keys)
        return Override(place.tag, Action(action), place.path, place.creator, value or "")

    def _table(self, key: str) -> dict[str, Any]:
        content = self._content.get(key, {})
        if not isinstance(content, dict):
            raise self._error(f"{key} is a table: [{key}]", key)
        return content

    def _text_of(self, key: str, missing: str) -> str:
        value = self._content.get(key)
        if not isinstance(value, str):
            raise self._error(missing if value is None else f"{key} is a text in quotes", key)
        return value

    def _line(self, *keys: str, value: str | None = None) -> int:
        if self._lines is None:
            self._lines = Lines(self._text)
        return self._lines.line(*keys, value=value)

    def _error(self, reason: str, *keys: str, value: str | None = None) -> TomlError:
        return TomlError(self._line(*keys, value=value), reason)
