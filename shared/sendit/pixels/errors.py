"""Why pixel data was refused: one stable code and one fixed sentence each, never a value of the object."""

from __future__ import annotations

from enum import StrEnum


class PixelRefusal(StrEnum):
    """The stable code of a refusal; codes are kept for ever, sentences may be improved."""

    NO_PIXELS_TO_CLEAN = "no_pixels_to_clean"
    PIXEL_FORMAT_UNSUPPORTED = "pixel_format_unsupported"
    PALETTE_UNUSABLE = "palette_unusable"


SENTENCES: dict[PixelRefusal, str] = {
    PixelRefusal.NO_PIXELS_TO_CLEAN: "The object holds no pixel data, so there is nothing to clean; "
    "ask for no cleaning of such objects.",
    PixelRefusal.PIXEL_FORMAT_UNSUPPORTED: "Pixel data described like this cannot be cleaned; "
    "export the object as MONOCHROME, RGB, YBR_FULL or PALETTE COLOR of 8, 16 or 32 bits.",
    PixelRefusal.PALETTE_UNUSABLE: "The palette is missing, segmented or of another size than it says, so that nobody "
    "knows which of its colours is black; export the object in RGB.",
}


class PixelError(Exception):
    """Pixel data was refused. Its text is the code's fixed sentence and quotes nothing of the object."""

    def __init__(self, code: PixelRefusal) -> None:
        super().__init__(SENTENCES[code])
        self.code = code

    def __reduce__(self) -> tuple[type[PixelError], tuple[PixelRefusal]]:
        return type(self), (self.code,)
