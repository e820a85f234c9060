"""In which order the sheet shows images, and which of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from sendit.sheet.found import Found


@dataclass(frozen=True, slots=True)
class Series:
    """The images of a series that have a picture, in order, and which of them are shown."""

    images: tuple[Found, ...]
    chosen: tuple[int, ...]

    @property
    def first(self) -> Found:
        """The image that speaks for the series."""
        return self.images[0]

    @property
    def shown(self) -> Iterator[tuple[int, Found]]:
        """The chosen images, each with its place among all."""
        return ((place, self.images[place]) for place in self.chosen)


def first_middle_last(number: int) -> tuple[int, ...]:
    """The places of the first, the middle and the last of so many, each once."""
    return tuple(sorted({0, number // 2, number - 1})) if number > 0 else ()


def in_series(images: Iterable[Found], *, every: bool) -> list[Series]:
    """Images that have a picture, by patient, study and series: the same order for the same images.

    Patients go by their pseudonym, studies by date, series and images by number, and all then by their UIDs.
    """
    ordered = sorted((one for one in images if one.problem is None), key=_place)
    return [_series(tuple(group), every=every) for _, group in groupby(ordered, key=lambda one: _place(one)[:5])]


def _series(images: Sequence[Found], *, every: bool) -> Series:
    return Series(tuple(images), tuple(range(len(images))) if every else first_middle_last(len(images)))


def _place(one: Found) -> tuple[str, str, str, int, str, int, str, int]:
    return (
        one.patient,
        one.study_date,
        one.study,
        one.series_number,
        one.series,
        one.image_number,
        one.image,
        one.crc32c,
    )
