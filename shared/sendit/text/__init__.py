"""Burned-in text: where in its frames an image shows some. What it says is never read: there is no recognition.

Needs the extra `sendit[ocr]`, of which nothing is imported before the first frame is looked at (PEP 562).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sendit.text.boxes import Box
    from sendit.text.errors import TextFound
    from sendit.text.found import FoundText, text_in, without_text
    from sendit.text.model import is_installed

__all__ = ["Box", "FoundText", "TextFound", "is_installed", "text_in", "without_text"]

_HOMES = {
    "Box": "boxes",
    "FoundText": "found",
    "TextFound": "errors",
    "is_installed": "model",
    "text_in": "found",
    "without_text": "found",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
