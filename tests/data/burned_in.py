"""Synthetic ultrasounds: a fan of speckle, and text of a size and grey inside of it or beside it."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

ROWS, COLUMNS = 768, 1024
CANARY = "MUELLER^ANNA"
_WORDS = (
    CANARY,
    "DOE^JOHN",
    "1961-04-23",
    "ID:4711083",
    "SMITH",
    "JANE",
    "12345678",
    "GENERAL",
    "HOSPITAL",
    "O'Brien,K",
)

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def fan(seed: int, rows: int = ROWS, columns: int = COLUMNS) -> tuple[Picture, Mask]:
    """A picture without text, and where its fan is. The speckle is multiplied with the tissue."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:rows, 0:columns]
    along, down = x - columns / 2, y - rows * 0.08
    radius, angle = np.hypot(along, down), np.arctan2(along, down)
    inside = (radius > rows * 0.08) & (radius < rows * 0.85) & (np.abs(angle) < 0.7)
    tissue = 42 + 24 * np.sin(radius / 37 + 3 * angle) + 16 * np.cos(angle * 9 + radius / 90)
    noise = rng.rayleigh(0.8, (rows, columns))
    speckle = (noise + np.roll(noise, 1, 1) + np.roll(noise, -1, 1)) / 3
    picture = np.where(inside, np.clip(tissue, 6, None) * speckle, 0)
    return np.clip(picture, 0, 255).astype(np.uint8), inside


def in_colours(grey: Picture) -> Picture:
    """Red, green and blue of a grey picture."""
    return np.broadcast_to(grey[:, :, None], (*grey.shape, 3))


def with_text(seed: int, size: int, grey: int, *, inside: bool, lines: int = 3) -> tuple[Picture, Mask]:
    """A picture with lines of text wholly inside of its fan or wholly beside it, and where their glyphs are."""
    picture, where = fan(seed)
    rng = np.random.default_rng(seed + 1)
    font = ImageFont.load_default(size)
    glyphs = Image.new("L", (COLUMNS, ROWS))
    draw = ImageDraw.Draw(glyphs)
    drawn = 0
    while drawn < lines:
        words = " ".join(rng.choice(_WORDS, 2))
        width = int(draw.textlength(words, font=font)) + 1
        left, top = int(rng.integers(4, COLUMNS - width - 4)), int(rng.integers(4, ROWS - 2 * size))
        place = where[top : top + size + 6, left : left + width]
        taken = np.asarray(glyphs)[max(0, top - 30) : top + size + 30, max(0, left - 20) : left + width + 20]
        if place.all() == inside and place.any() == inside and not taken.any():
            draw.text((left, top), words, font=font, fill=255)
            drawn += 1
    opaque = np.asarray(glyphs) / 255
    return (picture * (1 - opaque) + grey * opaque).astype(np.uint8), np.asarray(glyphs) > 127
