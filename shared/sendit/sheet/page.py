"""The page: one HTML file that needs nothing else and asks for nothing else.

It holds what DESIGN allows on a page: pseudonyms, new UIDs and kept headers, each of them escaped and without control
characters. Alternative texts of pictures hold none of these.
"""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape

from sendit.errors import SENTENCES, Code
from sendit.refs import printable
from sendit.sheet.blanked import Blanked
from sendit.sheet.choice import Series
from sendit.sheet.found import Found
from sendit.sheet.sign_off import SignOff
from sendit.sheet.style import STYLE

MAGIC = "<!doctype html>\n<!-- sendit contact-sheet -->\n"
"""How every page begins, so that none is written over another file."""


@dataclass(frozen=True, slots=True)
class Small:
    """A picture for the page: JPEG, its size on the page, and a word on how it was made."""

    data: bytes
    width: int
    height: int
    how: str
    frame: int


@dataclass(slots=True)
class Tally:
    """How many files there are and what the page makes of them: `found = shown + left out + failed`."""

    found: int
    digest: str
    patients: int = 0
    studies: int = 0
    series: int = 0
    left_out: int = 0
    shown: int = 0
    pictures: int = 0
    frames_unseen: int = 0
    blanked: int = 0
    blanked_unknown: int = 0
    failed: dict[Code, int] = field(default_factory=dict)

    def fail(self, code: Code) -> None:
        """Count a file that cannot be shown."""
        self.failed[code] = self.failed.get(code, 0) + 1


def top(tally: Tally, sign_offs: Sequence[SignOff]) -> Iterator[str]:
    """The page up to its pictures: what there is, what is shown, what nobody has looked at, and who signed it off."""
    yield MAGIC
    yield '<html lang="en"><head><meta charset="utf-8">\n'
    yield '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:;'
    yield " style-src 'unsafe-inline'\">\n"
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield '<meta name="referrer" content="no-referrer"><meta name="color-scheme" content="light dark">\n'
    yield f"<title>Contact sheet</title><style>{STYLE}</style></head>\n<body><main>\n<h1>Contact sheet</h1>\n"
    yield f"<p>{_number(tally.found, 'file')} below OUT: {_number(tally.patients, 'patient')},"
    yield f" {_number(tally.studies, 'study', 'studies')}, {tally.series} series."
    yield f" {_number(tally.pictures, 'picture')}.</p>\n"
    yield from _counts(tally)
    yield from _unseen(tally)
    yield from _outlines(tally)
    yield f"<p>Digest of these files: <code>{tally.digest}</code></p>\n"
    yield from _signed(sign_offs)


def bottom() -> str:
    """The end of the page."""
    return "</main></body></html>\n"


def headings(before: Found | None, one: Found) -> Iterator[str]:
    """The headings that a series needs after another one: a new patient, a new study."""
    if before is None or before.patient != one.patient:
        yield f"<h2>Patient {_text(one.patient) or '(none)'}</h2>\n"
    if before is None or (before.patient, before.study) != (one.patient, one.study):
        said = " · ".join(_text(value) for value in (one.study_date, one.study_description) if value)
        yield f"<h3>Study {said}</h3>\n<p class=uid>{_text(one.study)}</p>\n"


def series_top(series: Series) -> Iterator[str]:
    """The head of a series."""
    one = series.first
    said = " · ".join(_text(value) for value in (one.modality, one.series_description) if value)
    yield f"<section><h4>Series {one.series_number} {said}</h4>\n<p class=uid>{_text(one.series)}</p>\n"
    yield f"<p>{len(series.chosen)} of {_number(len(series.images), 'image')}</p>\n<ul>\n"


def series_bottom() -> str:
    """The end of a series."""
    return "</ul></section>\n"


def picture(small: Small, one: Found, place: int, images: int, blanked: Blanked | None) -> Iterator[str]:
    """One picture of a series, with what was blanked outlined; `blanked` is None where that is not known."""
    which = f"Image {place + 1} of {images}"
    if one.frames > 1:
        which += f", frame {small.frame + 1} of {one.frames}"
    data = base64.b64encode(small.data).decode("ascii")
    yield f'<li><figure><div class=picture style="width:{small.width}px">'
    yield f'<img src="data:image/jpeg;base64,{data}" width={small.width} height={small.height} alt="{which}">'
    if blanked is not None and blanked.edges:
        yield _outline(blanked, one)
    yield "</div>\n"
    yield f"<figcaption>{which}<br>{one.columns} × {one.rows}, by {small.how}<br>{_said(blanked, one)}"
    yield f"<br><span class=uid>{_text(one.image)}</span></figcaption></figure></li>\n"


def not_shown(code: Code, one: Found, place: int, images: int) -> str:
    """What stands where a picture could not be made."""
    return (
        f"<li><p class=failed>Image {place + 1} of {images} could not be shown: <code>{code}</code>"
        f"<br><span class=uid>{_text(one.image)}</span></p></li>\n"
    )


def _counts(tally: Tally) -> Iterator[str]:
    yield "<table><caption>What became of each file</caption>\n"
    yield f"<tr><th scope=row>shown</th><td>{tally.shown}</td><td></td></tr>\n"
    yield f"<tr><th scope=row>left out</th><td>{tally.left_out}</td>"
    yield "<td>Of a series the first, the middle and the last image are shown; --all shows every one.</td></tr>\n"
    for code, number in sorted(tally.failed.items()):
        yield f"<tr><th scope=row><code>{code}</code></th><td>{number}</td><td>{escape(SENTENCES[code])}</td></tr>\n"
    yield f"<tr><th scope=row>files</th><td>{tally.found}</td><td></td></tr></table>\n"


def _unseen(tally: Tally) -> Iterator[str]:
    """What nobody can have looked at on this page."""
    failed = sum(tally.failed.values())
    parts: Sequence[tuple[int, str]] = (
        (tally.left_out, "left out"),
        (failed, "that could not be shown"),
    )
    said = [f"{_number(number, 'file')} {which}" for number, which in parts if number]
    if tally.frames_unseen:
        said.append(f"{_number(tally.frames_unseen, 'frame')} of multi-frame images that are shown in part")
    said.append("the headers, of which this page shows what stands here alone")
    yield f"<p class=unseen><strong>Nobody has looked at</strong> {'; '.join(said)}."
    yield " Pictures are small: fine print may be lost in them.</p>\n"


def _signed(sign_offs: Sequence[SignOff]) -> Iterator[str]:
    """Who has signed these files off before."""
    if not sign_offs:
        yield "<p>Nobody has signed these files off yet.</p>\n"
        return
    yield "<table><caption>Signed off</caption>\n"
    for one in sign_offs:
        unshown = f", {_number(one.not_shown, 'file')} not shown" if one.not_shown else ""
        yield f"<tr><th scope=row>{_text(one.name)}</th><td>{one.at:%Y-%m-%d %H:%M:%S}Z</td>"
        yield f"<td>{_number(one.files, 'file')}, {one.scope}{unshown}</td><td>{_text(one.note)}</td></tr>\n"
    yield "</table>\n"


def _outlines(tally: Tally) -> Iterator[str]:
    """What outlines are, and of how many images it is not known whether they should have any."""
    yield "<p>What sendit blanked is outlined in black and yellow"
    yield f": in {_number(tally.blanked, 'image')} of those shown."
    if tally.blanked_unknown:
        yield f" <strong>Of {_number(tally.blanked_unknown, 'image')} it is not known what was blanked</strong>:"
        yield " SENDIT_HOME holds no record of it for exactly these files."
    yield "</p>\n"


def _outline(blanked: Blanked, one: Found) -> str:
    """The outlines, in pixels of the frame and stretched as the picture is."""
    edges = "".join(f"M{left} {top}H{right}V{bottom}H{left}Z" for left, top, right, bottom in blanked.rectangles())
    return (
        f'<svg viewBox="0 0 {one.columns} {one.rows}" preserveAspectRatio="none" aria-hidden="true">'
        f'<path class=under d="{edges}"/><path class=over d="{edges}"/></svg>'
    )


def _said(blanked: Blanked | None, one: Found) -> str:
    if blanked is None:
        return "not known what was blanked"
    if not blanked.edges:
        return "nothing blanked"
    by = f" by rule {_text(blanked.rule)}" if blanked.rule else ""
    return f"blanked: {blanked.percent(one.rows, one.columns)} % of the frame{by}"


def _number(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _text(value: str) -> str:
    """A value of a header for the page."""
    return escape(printable(value), quote=True)
