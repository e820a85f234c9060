"""Clean Pixel Data (PS3.15 E.3.1): layers of streams that stand before the de-identification engine.

Each takes a seekable stream of a DICOM object and gives one of the same object, cleaner, which is read as lazily as it
is asked for: memory is bounded by the header and a frame, whatever the number of frames. What cannot be cleaned
safely is refused with a `PixelError`, or with the engine's `DeidError` if the object cannot even be read; both may
come from reading as well as from opening, and what was read until then is to be thrown away.

Names are resolved on first use (PEP 562), and decoders are imported when a compressed frame is decoded.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sendit.pixels.clean import cleaned
    from sendit.pixels.errors import PixelError, PixelRefusal
    from sendit.pixels.hidden import hidden_in, without_hidden
    from sendit.pixels.kinds import Hidden
    from sendit.pixels.looking import decoded_frames
    from sendit.pixels.passing import HiddenFound, PassingFrames, frames_of
    from sendit.pixels.rectangles import Cleaning, Rectangle, blanked_by
    from sendit.pixels.ultrasound import ultrasound_regions

__all__ = [
    "Cleaning",
    "Hidden",
    "HiddenFound",
    "PassingFrames",
    "PixelError",
    "PixelRefusal",
    "Rectangle",
    "blanked_by",
    "cleaned",
    "decoded_frames",
    "frames_of",
    "hidden_in",
    "ultrasound_regions",
    "without_hidden",
]

_HOMES = {
    "Cleaning": "rectangles",
    "Hidden": "kinds",
    "HiddenFound": "passing",
    "PassingFrames": "passing",
    "PixelError": "errors",
    "PixelRefusal": "errors",
    "Rectangle": "rectangles",
    "blanked_by": "rectangles",
    "cleaned": "clean",
    "decoded_frames": "looking",
    "frames_of": "passing",
    "hidden_in": "hidden",
    "ultrasound_regions": "ultrasound",
    "without_hidden": "hidden",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
