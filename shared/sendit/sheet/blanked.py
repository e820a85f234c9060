"""What was blanked in an image, as its record says it, and as the page shows it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sendit.records import Image
from sendit.sheet.found import Found


@dataclass(frozen=True, slots=True)
class Blanked:
    """Rectangles that are blanked in every frame, flat as in `sendit.records.Image`, and by which rule."""

    edges: tuple[int, ...]
    rule: str = ""

    def rectangles(self) -> Iterator[tuple[int, int, int, int]]:
        """Left, top, right and bottom of each."""
        edges = iter(self.edges)
        return zip(edges, edges, edges, edges, strict=True)

    def percent(self, rows: int, columns: int) -> int:
        """How much of a frame: 0 and 100 mean nothing and all of it, whatever rounding says."""
        area, whole = (
            sum((right - left) * (bottom - top) for left, top, right, bottom in self.rectangles()),
            rows * columns,
        )
        if area in {0, whole}:
            return 100 * area // whole
        return min(99, max(1, round(100 * area / whole)))


Records = Mapping[tuple[str, int, int], Blanked]
"""What was blanked in images, by name, size and checksum of what was stored."""


def records_of(images: Iterable[Image]) -> Records:
    """What the records of images say. Left out is what one does not say, and where two of the same bytes disagree."""
    said: dict[tuple[str, int, int], set[Blanked | None]] = {}
    for image in images:
        if image.output:
            one = None if image.blanked is None else Blanked(image.blanked, image.rule)
            said.setdefault((image.output, image.output_bytes, image.output_crc32c), set()).add(one)
    return {key: one for key, (one, *more) in said.items() if one is not None and not more}


def blanked_in(one: Found, records: Records) -> Blanked | None:
    """What was blanked in a file below OUT; None where that is not known of exactly this file."""
    return records.get((one.name, one.size, one.crc32c))
