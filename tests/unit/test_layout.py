"""Names at destinations: no template and no header leads out of the place, or two images to one name."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sendit.layout import DEFAULT, Layout, OutputName, archive_name, cleaned, member_name
from sendit.refs import output_name

IMAGE = OutputName("P-1", "2.25.1", "2.25.2", "2.25.3")
NAME = "P-1/2.25.1/2.25.2/2.25.3.dcm"
HEADER = {"AccessionNumber": "A/../4711 ", "StudyDate": "20200301", "Modality": "CT"}
SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._=+@,-]*(/[A-Za-z0-9_][A-Za-z0-9._=+@,-]*)*")
FIELDS = st.sampled_from(["patient", "study_uid", "series_uid", "sop_uid", "accession", "study_date", "modality"])
TEMPLATES = st.lists(
    st.one_of(
        FIELDS.map(lambda field: f"{{{field}}}"), st.sampled_from(["/", ".", "..", "{", "}", "a-", " "]), st.text()
    ),
    max_size=8,
).map("".join)
UIDS = st.from_regex(r"2\.25\.(0|[1-9][0-9]{0,38})", fullmatch=True)
IMAGES = st.builds(OutputName, st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,10}", fullmatch=True), UIDS, UIDS, UIDS)


def test_an_output_name_is_taken_apart_as_it_was_made() -> None:
    assert OutputName.parse(NAME) == IMAGE
    assert Layout().name(IMAGE, {}) == NAME


@pytest.mark.parametrize("name", ["", "a.dcm", "a/b/c.dcm", "a/b/c/d", "a/b/c/d/e.dcm", "../b/c/d.dcm", "a//c/d.dcm"])
def test_any_other_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"output (name|store)"):
        OutputName.parse(name)


@pytest.mark.parametrize(
    ("template", "name"),
    [
        (DEFAULT, NAME),
        ("{sop_uid}", "2.25.3"),
        ("flat/{patient}_{sop_uid}.dcm", "flat/P-1_2.25.3.dcm"),
        ("modality={modality}/date={study_date}/{sop_uid}.dcm", "modality=CT/date=20200301/2.25.3.dcm"),
        ("{patient}/{accession}/{sop_uid}.dcm", "P-1/A-..-4711/2.25.3.dcm"),
    ],
)
def test_a_template_says_where_an_image_goes(template: str, name: str) -> None:
    assert Layout.parse(template).name(IMAGE, HEADER) == name


def test_a_template_tells_which_attributes_it_needs() -> None:
    assert Layout().keywords == frozenset()
    assert Layout.parse("{accession}/{study_date}/{sop_uid}").keywords == {"AccessionNumber", "StudyDate"}


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("", "must contain {sop_uid}"),
        ("{patient}/{series_uid}.dcm", "must contain {sop_uid}"),
        ("{sop_uid}/{name}", "the fields of a layout are"),
        ("{sop_uid}/{}", "the fields of a layout are"),
        ("{sop_uid}/{patient.__class__}", "separated by single slashes"),
        ("{sop_uid}/{patient!r}", "separated by single slashes"),
        ("../{sop_uid}", "separated by single slashes"),
        ("a/../{sop_uid}", "separated by single slashes"),
        ("/{sop_uid}", "separated by single slashes"),
        ("a//{sop_uid}", "separated by single slashes"),
        ("{sop_uid}/", "separated by single slashes"),
        (".hidden/{sop_uid}", "separated by single slashes"),
        ("{sop_uid}\n", "separated by single slashes"),
        ("{sop_uid}\0", "separated by single slashes"),
        ("{sop_uid}" * 4, "too long"),
        ("/".join(["{sop_uid}"] * 11), "too long"),
    ],
)
def test_a_template_that_is_not_right_says_so_at_the_start(template: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        Layout.parse(template)


@settings(max_examples=60)
@given(TEMPLATES, IMAGES, st.fixed_dictionaries({keyword: st.text() for keyword in HEADER}))
@example("{accession}/{sop_uid}", IMAGE, {**HEADER, "AccessionNumber": ".."})
def test_whatever_template_and_header_hold_a_name_stays_in_its_place(
    template: str, image: OutputName, header: dict[str, str]
) -> None:
    try:
        layout = Layout.parse(template)
    except ValueError:
        return
    name = layout.name(image, header)
    assert SAFE.fullmatch(name)
    assert len(name) <= 700
    assert image.sop_uid in name


@given(st.text(), st.sampled_from(["none", "nodate"]))
@example("\u202e/..\\", "none")
def test_a_value_becomes_a_part_of_a_name_that_is_never_hidden(value: str, empty: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?", cleaned(value, empty))


def test_an_archive_is_called_as_in_the_original_with_the_end_of_its_study() -> None:
    image = OutputName.parse(output_name("P-1", "2.25.123456", "2.25.2", "2.25.3"))
    header = {"StudyDate": "20200301", "AccessionNumber": "ACC-9"}
    assert archive_name("LUNG", image, header) == "Collection/LUNG/Entity/P-1/P-1_20200301_ACC-9_123456.tar.gz"
    assert archive_name("LUNG", image, {}) == "Collection/LUNG/Entity/P-1/P-1_nodate_noaccession_123456.tar.gz"
    assert member_name(image) == "2.25.2/2.25.3.dcm"
    identified = OutputName("P-1", "1.2.840.1", "1.2", "1.3")
    assert archive_name("LUNG", identified, {}).endswith("_noaccession_1.2.840.1.tar.gz")


@settings(max_examples=50)
@given(IMAGES, IMAGES, st.text(), st.text())
def test_two_studies_never_have_one_archive(one: OutputName, other: OutputName, date: str, accession: str) -> None:
    header = {"StudyDate": date, "AccessionNumber": accession}
    names = {archive_name("S", image, header) for image in (one, other)}
    assert len(names) == len({(image.patient, image.study_uid) for image in (one, other)})
    assert all(SAFE.fullmatch(name) for name in names)
