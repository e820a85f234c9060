"""The page says what it shows, needs nothing else, and lets no header become markup."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sendit.errors import Code, UsageError
from sendit.records import Image, ImageState
from sendit.sheet import page
from sendit.sheet.blanked import Blanked, records_of
from sendit.sheet.choice import Series, in_series
from sendit.sheet.found import Found
from sendit.sheet.sign_off import SignOff

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style></title><svg/onload=alert(1)>",
    "\u202egnp.exe\x00\x1b[2J",
    "&lt;script&gt;<!-- ]]>",
]
ALLOWED = {
    "html": {"lang"}, "head": set(), "meta": {"charset", "http-equiv", "content", "name"}, "title": set(),
    "style": set(), "body": set(), "main": set(), "h1": set(), "h2": set(), "h3": set(), "h4": set(), "p": {"class"},
    "table": set(), "caption": set(), "tr": set(), "th": {"scope"}, "td": set(), "code": set(), "strong": set(),
    "section": set(), "ul": set(), "li": set(), "figure": set(), "div": {"class", "style"},
    "svg": {"viewbox", "preserveaspectratio", "aria-hidden"}, "path": {"class", "d"},
    "img": {"src", "width", "height", "alt"}, "figcaption": set(), "br": set(), "span": {"class"},
}  # fmt: skip


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def written(one: Found, blanked: Blanked | None = None, *signed: SignOff) -> str:
    tally = page.Tally(7, "d1gest", patients=1, studies=1, series=1, left_out=3, shown=2, frames_unseen=4)
    tally.fail(Code.NO_PICTURE)
    tally.fail(Code.NOT_DICOM)
    (series,) = in_series([one], every=True)
    return "".join(
        [
            *page.top(tally, signed),
            *page.headings(None, one),
            *page.series_top(series),
            *page.picture(page.Small(b"\xff\xd8", 10, 20, "window", 1), one, 0, 1, blanked),
            page.not_shown(Code.FRAME_NOT_DECODABLE, one, 0, 1),
            page.series_bottom(),
            page.bottom(),
        ]
    )


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    return reader


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_headers_stay_text(hostile: str) -> None:
    one = Found(
        Path("/src/Doe-John.dcm"), patient=hostile, study=hostile, study_date=hostile, study_description=hostile,
        series=hostile, modality=hostile, series_description=hostile, image=hostile, frames=3, rows=4, columns=4,
    )  # fmt: skip
    plain = Found(
        one.path, patient="P", study="P", study_date="P", study_description="P", series="P", modality="P",
        series_description="P", image="P", frames=3, rows=4,
        columns=4,
    )  # fmt: skip
    blanked = Blanked((0, 0, 1, 1), hostile)
    reader = read(written(one, blanked))
    assert reader.tags == read(written(plain, blanked)).tags
    for tag, attributes in reader.tags:
        assert attributes.keys() <= ALLOWED[tag], tag
    for character in "\u202e\x00\x1b":
        assert character not in written(one, blanked)
    if hostile.isprintable():
        assert reader.text.count(hostile) == 10


def test_nothing_is_asked_of_elsewhere_and_nothing_runs() -> None:
    text = written(Found(Path("/src/Doe-John.dcm"), patient="P-1", series_description="Axial"))
    assert not re.search(r"https?:|//|url\(|@import|<script|<link|<iframe|javascript:|\bon\w+=", text)
    assert [a["src"] for tag, a in read(text).tags if tag == "img"] == ["data:image/jpeg;base64,/9g="]
    assert "default-src 'none'" in text
    assert "Doe" not in text


def test_alternative_texts_tell_which_picture_it_is_and_no_header() -> None:
    one = Found(Path("a"), patient="P-1", study="2.25.1", series="2.25.2", image="2.25.3", modality="CT", frames=9)
    (alternative,) = [a["alt"] for tag, a in read(written(one)).tags if tag == "img"]
    assert alternative == "Image 1 of 1, frame 2 of 9"


def test_the_page_says_what_became_of_each_file_and_what_nobody_has_seen() -> None:
    text = read(written(Found(Path("a")))).text
    assert "7 files below OUT" in text
    for said in ("shown2", "left out3", "no_picture1", "not_dicom1", "files7"):
        assert said in text, said
    assert "3 files left out; 2 files that could not be shown; 4 frames of multi-frame images" in text
    assert "Digest of these files: d1gest" in text


def test_a_series_says_how_many_of_its_images_are_shown() -> None:
    images = tuple(Found(Path(str(number))) for number in range(5))
    assert "3 of 5 images" in "".join(page.series_top(Series(images, (0, 2, 4))))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_whoever_signs_cannot_write_markup(hostile: str) -> None:
    if not hostile.isprintable():
        with pytest.raises(UsageError):
            SignOff(hostile, NOON, "d", 7, 0, every=True, version="1")
        return
    signed = [SignOff(name, NOON, "d", 7, 2, every=True, version="1", note=name) for name in (hostile, "P")]
    reader, plain = (read(written(Found(Path("a")), None, one)) for one in signed)
    assert reader.tags == plain.tags
    assert reader.text.count(hostile) == 2
    assert "2026-01-02 12:00:00Z7 files, all, 2 files not shown" in plain.text


@pytest.mark.parametrize(
    ("name", "note"), [("", ""), (" A", ""), ("A" * 65, ""), ("A\n", ""), ("A", "\x1b"), ("A", "b" * 501)]
)
def test_a_name_or_a_note_that_cannot_be_shown_is_refused_and_not_quoted(name: str, note: str) -> None:
    with pytest.raises(UsageError) as refusal:
        SignOff(name, NOON, "d", 7, 0, every=True, version="1", note=note)
    assert "AAA" not in refusal.value.sentence
    assert "bbb" not in refusal.value.sentence


@pytest.mark.parametrize(
    ("blanked", "said"),
    [
        (None, "not known what was blanked"),
        (Blanked(()), "nothing blanked"),
        (Blanked((0, 0, 100, 31, 0, 31, 50, 93), "ultrasound"), "blanked: 62 % of the frame by rule ultrasound"),
        (Blanked((0, 0, 1, 1)), "blanked: 1 % of the frame"),
        (Blanked((0, 0, 100, 99)), "blanked: 99 % of the frame"),
        (Blanked((0, 0, 100, 99, 0, 99, 99, 100)), "blanked: 99 % of the frame"),
        (Blanked((0, 0, 100, 100)), "blanked: 100 % of the frame"),
    ],
)
def test_a_picture_says_what_was_blanked_or_that_it_is_not_known(blanked: Blanked | None, said: str) -> None:
    reader = read(written(Found(Path("a"), rows=100, columns=100), blanked))
    assert said in reader.text
    paths = [a["d"] for tag, a in reader.tags if tag == "path"]
    assert len(paths) == (2 if blanked and blanked.edges else 0)
    if blanked and blanked.edges:
        assert str(paths[0]).count("M") == len(blanked.edges) // 4


def record(blanked: tuple[int, ...] | None, *, crc32c: int = 7, number: int = 0) -> Image:
    times = ((ImageState.NEW, NOON),)
    return Image(
        f"i{number}", "b", ImageState.DONEPROCESSING, times, rule="us", output="o", output_bytes=5,
        output_crc32c=crc32c, blanked=blanked,
    )  # fmt: skip


def test_what_records_do_not_say_or_contradict_each_other_in_is_not_known() -> None:
    said = (0, 0, 1, 1)
    assert records_of([record(said)]) == {("o", 5, 7): Blanked(said, "us")}
    assert records_of([record(said), record(said, number=1)]).keys() == {("o", 5, 7)}
    assert records_of([record(None)]) == {}
    assert records_of([record(said), record((), number=1)]) == {}
    assert records_of([record(said), record(None, number=1)]) == {}
