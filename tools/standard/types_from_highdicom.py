"""Extracts the Types of attributes in IODs from the PyPI package highdicom into the package's data.

Run by a maintainer, in a virtual environment that has highdicom:

    python tools/standard/types_from_highdicom.py shared/sendit/deid/data

It writes `types.json` (the attributes of Table E.1-1 with compound actions) and `modules.json` (the attributes
that an IOD requires, for the profile `strict`). highdicom ships what it has read of PS3.3: which IOD a SOP class
has, which modules an IOD has, which attributes a module has. After a change of either file its checksum in
`tests/unit/deid/test_tables.py` changes too: look at the difference first.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydicom.datadict import tag_for_keyword

EDITION = "not stated by the source"
STRICTEST_FIRST = ("1", "1C", "2", "2C")
"""Type 3 is not written: for the rules it is the same as not being in the IOD."""

Tags = dict[int, str]
Places = dict[str, Tags]
"""Types by tag, for each immediate parent sequence; the top level is the parent ''."""


def spelled(tag: int) -> str:
    """A tag as eight hexadecimal digits."""
    return f"{tag:08X}"


def standard(name: str) -> Any:
    """One of the data files of highdicom."""
    return json.loads(files("highdicom").joinpath("_standard", name).read_bytes())


def places_of(module: list[dict[str, Any]]) -> Places:
    """The required attributes of a module by immediate parent, each with its strictest Type there."""
    places: Places = defaultdict(dict)
    for attribute in module:
        tag, kind, path = tag_for_keyword(attribute["keyword"]), attribute["type"], attribute["path"]
        parent = tag_for_keyword(path[-1]) if path else 0
        if tag is None or parent is None or kind not in STRICTEST_FIRST:
            continue  # a repeating group, which is no part of any rule by Type; or not required
        here = places[spelled(parent) if parent else ""]
        here[tag] = min(here.get(tag, kind), kind, key=STRICTEST_FIRST.index)
    return places


def merged(several: list[Places]) -> Places:
    """The places of several modules as one, with the strictest Type of each attribute."""
    result: Places = defaultdict(dict)
    for places in several:
        for parent, tags in places.items():
            for tag, kind in tags.items():
                result[parent][tag] = min(result[parent].get(tag, kind), kind, key=STRICTEST_FIRST.index)
    return result


def compound_tags(data: Path) -> set[int]:
    """The tags of Table E.1-1 whose action leaves a choice."""
    table = json.loads((data / "table_e1_1.json").read_text(encoding="utf-8"))
    action = table["columns"].index("Basic Prof.")
    return {int(row[1].strip("()").replace(",", ""), 16) for row in table["rows"] if "/" in row[action]}


def types(sop_classes: dict[str, str], iods: dict[str, list[Places]], data: Path) -> dict[str, Any]:
    """Types of the attributes with compound actions, by IOD and immediate parent."""
    wanted = compound_tags(data)
    result: dict[str, dict[str, dict[str, str]]] = {}
    for iod in sorted(set(sop_classes.values())):
        result[iod] = {
            parent: {spelled(tag): kind for tag, kind in sorted(tags.items()) if tag in wanted}
            for parent, tags in sorted(merged(iods[iod]).items())
            if wanted & set(tags)
        }
    return {"sop_classes": sop_classes, "iods": result}


def modules(names: dict[str, list[str]], places: dict[str, Places]) -> dict[str, Any]:
    """The required attributes by module and immediate parent; equal lists of them are written once."""
    lists: dict[tuple[str, ...], int] = {}
    result: dict[str, dict[str, int]] = {}
    for module in sorted({name for several in names.values() for name in several}):
        result[module] = {
            parent: lists.setdefault(tuple(sorted(map(spelled, tags))), len(lists))
            for parent, tags in sorted(places[module].items())
        }
    return {"iods": names, "modules": result, "lists": [" ".join(tags) for tags in lists]}


def write(path: Path, content: dict[str, Any]) -> None:
    """Writes a data file with one line for each entry of its large parts."""
    head = {
        "edition": EDITION,
        "source": f"DICOM PS3.3 as the package data of highdicom {version('highdicom')} gives it",
        "highdicom": version("highdicom"),
    }
    lines = [f'"{key}":{json.dumps(value)}' for key, value in head.items()]
    for key, value in content.items():
        if isinstance(value, dict):
            rows = (f"{json.dumps(name)}:{json.dumps(one, separators=(',', ':'))}" for name, one in value.items())
            lines.append(f'"{key}":{{\n' + ",\n".join(rows) + "\n}")
        else:
            lines.append(f'"{key}":[\n' + ",\n".join(map(json.dumps, value)) + "\n]")
    path.write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")


def main(data: Path) -> None:
    """Writes both files into a folder of data."""
    sop_classes: dict[str, str] = dict(sorted(standard("sop_class_iod_map.json").items()))
    known = standard("module_attribute_map.json")
    names: dict[str, list[str]] = {}
    incomplete = []
    for iod, usages in sorted(standard("iod_module_map.json").items()):
        if iod not in sop_classes.values():
            continue
        names[iod] = sorted({usage["key"] for usage in usages if usage["key"] in known})
        if len(names[iod]) < len({usage["key"] for usage in usages}):
            incomplete.append(iod)
    places = {name: places_of(known[name]) for several in names.values() for name in several}
    content = types(sop_classes, {iod: [places[name] for name in several] for iod, several in names.items()}, data)
    write(data / "types.json", {**content, "incomplete": incomplete})
    write(data / "modules.json", modules(names, places))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
