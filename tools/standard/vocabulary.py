"""Derives the words of PS3.16 for the vocabulary of cleaned text, and takes common names of persons out of all of it.

    python tools/standard/vocabulary.py                   says whether the data file is what this makes
    python tools/standard/vocabulary.py --write           makes it anew, from the context groups that pydicom ships
    python tools/standard/vocabulary.py --names FILE      first adds to its list of common names: one to a line

The groups of words that are marked `hand` are reviewed and edited in the file itself; so are the names of persons that
stay because they are terms of imaging first. A name is remembered only if some group of words holds it.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import unicodedata
from pathlib import Path
from typing import Any

from pydicom.sr._cid_dict import name_for_cid
from pydicom.sr._concepts_dict import concepts

DATA = Path(__file__).resolve().parents[2] / "shared" / "sendit" / "deid" / "data" / "descriptors.json"
STANDARD = "PS3.16"
CONCEPTS: dict[str, dict[str, dict[str, tuple[str, list[int]]]]] = concepts  # type: ignore[assignment]
SCHEMES = ("DCM", "SCT", "NCIt", "RADLEX", "FMA", "UMLS")
MEANT = re.compile(
    r"""anatom|region|modalit|contrast|view|projection|orient|lateral|imaging|scan|acqui|phase|sequence|arter|vein|venous
    |vessel|vascul|radiophar|isotope|nuclide|segment|breast|mammo|^ct|^mr|pet|organ|brain|abdom|chest|pelvi|cardi|heart
    |bone|joint|spine|extrem|tissue|device|cath|angio|ultrasound|doppler|echo|posit|plane|filter|derivation|fetal|tooth
    |route|finding|nodule|implant|structure|location|measurement|radiograph|tomograph|procedure|technique|method|tracer
    |stress|rest|lesion|protocol""",
    re.IGNORECASE | re.VERBOSE,
)
NOT_MEANT = re.compile(
    r"""animal|anesth|sterili|observer|audit|role|title|reagent|stain|specimen|drug|medication|virus|toxin|cytokine
    |genetic|scheme|occupation|relationship|equation|table|ecg|electroph|waveform|eeg|emg|sleep|hospital|person|subject
    |intraocular|ophthalm|refract|visual|cornea|lens|hemodynamic|insurance|security|document|report|log|note|assessment
    |assertion|strain|diet|preclin|gene|history|substance|consum""",
    re.IGNORECASE | re.VERBOSE,
)
_WORD = re.compile(r"(?<![a-z0-9])[a-z]{3,}(?![a-z0-9])")


def words_of_the_standard() -> set[str]:
    """Every word of the meanings of the codes of the context groups about bodies, images and how they are made."""
    groups = {number for number, name in name_for_cid.items() if MEANT.search(name) and not NOT_MEANT.search(name)}
    return {
        word
        for scheme in SCHEMES
        for codes in CONCEPTS[scheme].values()
        for meaning, members in codes.values()
        if groups.intersection(members)
        for word in _WORD.findall(plain(meaning))
    }


def plain(text: str) -> str:
    """A text without case and accents."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(part for part in parts if not unicodedata.combining(part))


def made_anew(content: dict[str, Any], more_names: set[str]) -> dict[str, Any]:
    """The content of the data file as it should be."""
    groups = content["descriptors"]
    standard = words_of_the_standard()
    candidates = standard.union(*(group["words"].split() for group in groups.values()))
    terms = set(content["names"]["terms of imaging"]["words"].split())
    dropped = set(content["names"]["dropped"]["words"].split()) | (more_names & candidates)
    dropped -= terms
    groups[STANDARD]["words"] = " ".join(sorted(standard - dropped))
    for group in groups.values():
        group["words"] = " ".join(word for word in dict.fromkeys(group["words"].split()) if word not in dropped)
    content["names"]["dropped"]["words"] = " ".join(sorted(dropped))
    return content


def spelled(content: dict[str, Any]) -> str:
    """The content as it is written to the file."""
    return json.dumps(content, ensure_ascii=True, indent=1) + "\n"


def main() -> int:
    """Compares or writes; 1 if the file is not what it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--names", type=Path)
    asked = parser.parse_args()
    before = DATA.read_text("ascii")
    names = set(plain(asked.names.read_text("utf-8")).split()) if asked.names else set()
    after = spelled(made_anew(json.loads(before), names))
    if asked.write:
        DATA.write_text(after, "ascii")
    elif before != after:
        sys.stderr.write(f"{DATA.name} is not what pydicom's context groups and its own names make of it\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
