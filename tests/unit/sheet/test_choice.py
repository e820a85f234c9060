import random
from dataclasses import replace
from pathlib import Path

import pytest

from sendit.errors import Code
from sendit.sheet.choice import first_middle_last, in_series
from sendit.sheet.found import Found, digest_of


@pytest.mark.parametrize(
    ("number", "places"), [(0, ()), (1, (0,)), (2, (0, 1)), (3, (0, 1, 2)), (4, (0, 2, 3)), (101, (0, 50, 100))]
)
def test_first_middle_and_last_each_once(number: int, places: tuple[int, ...]) -> None:
    assert first_middle_last(number) == places


IMAGES = [
    Found(
        Path(f"{number}"), patient=patient, study="1", series=series, series_number=int(series), image_number=number,
        image=f"2.25.{number}", name=f"{patient}{series}{number}",
    )
    for patient in ("P-A", "P-B")
    for series in ("2", "10")
    for number in (1, 2, 9, 10, 11)
]  # fmt: skip


def test_series_and_images_go_by_number_whatever_the_order_they_were_found_in() -> None:
    mixed = list(IMAGES)
    random.Random(1).shuffle(mixed)  # noqa: S311  no secret
    found = in_series(mixed, every=False)
    assert [image for series in found for image in series.images] == IMAGES
    assert [one.image_number for _, one in found[0].shown] == [1, 9, 11]
    assert [len(series.chosen) for series in in_series(mixed, every=True)] == [5] * 4
    assert digest_of(mixed) == digest_of(IMAGES)


def test_what_cannot_be_shown_is_in_no_series() -> None:
    assert in_series([replace(IMAGES[0], problem=Code.NO_PICTURE)], every=True) == []


@pytest.mark.parametrize("change", [{"crc32c": 1}, {"name": "other"}, {"size": 1}])
def test_the_digest_is_another_one_for_other_images(change: dict[str, int]) -> None:
    assert digest_of([*IMAGES[1:], replace(IMAGES[0], **change)]) != digest_of(IMAGES)  # type: ignore[arg-type]
    assert digest_of(IMAGES[1:]) != digest_of(IMAGES)


def test_the_digest_does_not_depend_on_what_a_file_is_called() -> None:
    assert digest_of([replace(one, path=Path("Doe-John.dcm")) for one in IMAGES]) == digest_of(IMAGES)
