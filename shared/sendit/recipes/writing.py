"""Profile and rules as TOML: what `sendit.deid.read_profile` and `sendit.screen.read_rules` read again."""

import json
import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from sendit.deid.rules.actions import Action as Does
from sendit.recipes.cleaning import Blanking, CarriedRule
from sendit.recipes.header import Entry
from sendit.screen import Verdict

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_INDENT = "    "


def profile_text(name: str, recipe: str, base: str, entries: Sequence[Entry]) -> str:
    """A profile; what each line of the recipe asks for stands below it."""
    lines = [
        f"# From the recipe {_shown(recipe)} by sendit profile import.",
        "",
        f"name = {_quoted(name)}",
        f"from = {_quoted(base)}",
    ]
    public = [entry for entry in entries if not entry.place.creator]
    if public:
        lines += ["", "[attributes]", *_entries(public)]
    private = sorted((entry for entry in entries if entry.place.creator), key=lambda entry: entry.place.creator)
    for creator, of_creator in groupby(private, key=lambda entry: entry.place.creator):
        lines += ["", f"[private.{_quoted(creator)}]", *_entries(of_creator)]
    return _joined(lines)


def _entries(entries: Iterable[Entry]) -> list[str]:
    lines = []
    for by, of_line in groupby(sorted(entries, key=lambda entry: entry.by.line), key=lambda entry: entry.by):
        lines.append(f"# line {by.line}: {_shown(by.written)}")
        lines += [f"{_key(entry)} = {_action(entry)}" for entry in of_line]
    return lines


def _key(entry: Entry) -> str:
    place = entry.place
    name = place.name.removeprefix(f"{place.creator} ") if place.creator else place.name
    return name if _BARE.fullmatch(name) else _quoted(name)


def _action(entry: Entry) -> str:
    if entry.does is not Does.REPLACE:
        return _quoted(entry.does)
    return f"{{ action = {_quoted(entry.does)}, value = {_quoted(entry.value)} }}"


def rules_text(recipe: str, rules: Sequence[CarriedRule]) -> str:
    """Rules on top of those that ship; regions that are not blanked stand in comments below the label."""
    lines = [
        f"# From the recipe {_shown(recipe)} by sendit profile import. One rule a label; a rule that rejects",
        "# goes before one that accepts, and the rules that ship are asked, too: docs/recipes.md.",
        "",
        'from = "default"',
    ]
    for rule in rules:
        lines += ["", f"[rule.{rule.name}]", f"# line {rule.label.line}: LABEL {_shown(rule.label.name)}"]
        if rule.verdict is not Verdict.CLEAN:
            lines += [f"# region x0,y0,x1,y1: {_shown(region.written)}" for region in rule.label.regions]
        lines.append(f"{rule.verdict} = {_quoted(rule.reason)}")
        if rule.verdict is Verdict.CLEAN and rule.blanking is not None:
            lines += _blanking(rule.blanking)
        lines.append(f"when = {_condition(rule.when, '')}")
    return _joined(lines)


def _blanking(blanking: Blanking) -> list[str]:
    """What is blanked, or what alone is kept: left, top, right, bottom."""
    said = {"blank": blanking.blank, "keep": blanking.keep}
    return [
        f"{key} = {_quoted(content) if isinstance(content, str) else [list(box) for box in content]}"
        for key, content in said.items()
        if content
    ]


def _condition(condition: object, indent: str) -> str:
    """An inline table, each part of a list on a line of its own."""
    if not isinstance(condition, dict):
        return _value(condition)
    return f"{{ {', '.join(f'{key} = {_content(content, indent)}' for key, content in condition.items())} }}"


def _content(content: object, indent: str) -> str:
    if not isinstance(content, list):
        return _condition(content, indent)
    if not any(isinstance(part, dict) for part in content):
        return f"[{', '.join(map(_value, content))}]"
    deeper = indent + _INDENT
    return "[\n" + "".join(f"{deeper}{_condition(part, deeper)},\n" for part in content) + f"{indent}]"


def _value(value: object) -> str:
    return "true" if value is True else _quoted(str(value))


def _quoted(text: str) -> str:
    """A basic string: what JSON escapes, TOML escapes alike."""
    return json.dumps(text, ensure_ascii=False)


def _shown(text: str) -> str:
    """A text for a comment."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line.rstrip()}\n" for line in lines)
