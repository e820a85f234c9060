"""From the files below OUT to the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sendit.errors import Code, ImageError, SenditError
from sendit.sheet import page
from sendit.sheet.blanked import blanked_in
from sendit.sheet.choice import first_middle_last
from sendit.sheet.picture import Pictures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sendit.sheet.blanked import Records
    from sendit.sheet.choice import Series
    from sendit.sheet.found import Found


def body(series: Sequence[Series], tally: page.Tally, records: Records, observe: Callable[[], None]) -> Iterator[str]:
    """The part of the page with the pictures; the tally is whole when it ends. `observe` is told of every image."""
    before: Found | None = None
    for group in series:
        tally.series += 1
        tally.patients += before is None or before.patient != group.first.patient
        tally.studies += before is None or (before.patient, before.study) != (group.first.patient, group.first.study)
        tally.left_out += len(group.images) - len(group.chosen)
        yield from page.headings(before, group.first)
        yield from page.series_top(group)
        for place, one in group.shown:
            yield from _image(one, place, len(group.images), tally, records)
            observe()
        yield page.series_bottom()
        before = group.first


def _image(one: Found, place: int, images: int, tally: page.Tally, records: Records) -> Iterator[str]:
    frames, blanked = first_middle_last(one.frames), blanked_in(one, records)
    try:
        with one.path.open("rb") as source:
            pictures = Pictures(source)
            for frame in frames:
                made = pictures.of_frame(frame)
                small = page.Small(made.data, made.width, made.height, made.by.value, frame)
                yield from page.picture(small, one, place, images, blanked)
                tally.pictures += 1
    except SenditError as error:
        tally.fail(error.code)
        yield page.not_shown(error.code, one, place, images)
    except (OSError, MemoryError) as error:
        failure = ImageError(Code.UNREADABLE if isinstance(error, OSError) else Code.FRAME_TOO_LARGE)
        tally.fail(failure.code)
        yield page.not_shown(failure.code, one, place, images)
    else:
        tally.shown += 1
        tally.blanked += blanked is not None and bool(blanked.edges)
        tally.blanked_unknown += blanked is None
        tally.frames_unseen += one.frames - len(frames)
