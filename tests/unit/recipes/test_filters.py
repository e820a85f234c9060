"""%filter: criteria and how they are joined, beside a naive model of what a recipe means; labels, kinds, regions."""

import re
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from tests.unit.screen.headers import header_of

from sendit.deid import Header
from sendit.pixels import Cleaning, Rectangle
from sendit.recipes import Imported, RecipeError, imported
from sendit.screen import RuleSet, Verdict, read_rules
from sendit.screen.regions import OutsideRegions

NOBODY: frozenset[str] = frozenset()


def of(text: str) -> Imported:
    return imported(text.encode(), "deid.site")


def rules_of(found: Imported) -> RuleSet:
    """The rules of the recipe alone."""
    return read_rules(found.rules.replace('from = "default"', 'from = "nothing"').encode())


def header(**values: object) -> Header:
    dataset = Dataset()
    for keyword, value in {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", **values}.items():
        setattr(dataset, keyword, value)
    return header_of(dataset)


IMAGE = header(
    Modality="CT",
    Manufacturer="GE MEDICAL",
    ManufacturerModelName="LightSpeed VCT",
    ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"],
    StationName="",
    Rows=512,
    SliceThickness="2.50",
)


def flags(criteria: str, image: Header = IMAGE) -> bool:
    """Whether a label with these lines rejects an image."""
    rules = rules_of(of(f"%filter blacklist\nLABEL x\n{criteria}\n")).rules
    return any(rule.when.holds(image, NOBODY) for rule in rules)


@pytest.mark.parametrize(
    ("criterion", "holds"),
    [
        ("contains Modality ct", True),
        ("contains Modality CT|MR", True),
        ("contains Modality MR | ct", True),
        ("contains Modality MR||CT", True),
        ("contains Modality MR", False),
        ("contains ImageType SAVE", True),
        ("contains ImageType screen.save", True),
        ("contains ManufacturerModelName Light Speed|LightSpeed VCT", True),
        ("contains ManufacturerModelName VCT+", True),
        ("contains ManufacturerModelName ^VCT", False),
        ("contains ManufacturerModelName \\S+ VCT", True),
        ("notcontains Modality MR", True),
        ("notcontains BodyPartExamined HEAD", True),
        ("notcontains Modality C", False),
        ("equals Rows 512", True),
        ("equals Rows 51", False),
        ("equals Rows 600|512", True),
        ("equals ImageType SECONDARY", True),
        ("equals 0x00080060 CT", True),
        ("equals (0008,0060) CT", True),
        ("notequals Rows 512", False),
        ("notequals BodyPartExamined HEAD", True),
        ("missing BodyPartExamined", True),
        ("missing StationName", False),
        ("present StationName", True),
        ("present BodyPartExamined", False),
        ("empty StationName", True),
        ("empty BodyPartExamined", False),
        ("empty Modality", False),
        ("CONTAINS Modality CT", True),
        ("contains Modality CT # (somebody)", True),
    ],
)
def test_a_criterion_holds_as_in_deid(criterion: str, holds: bool) -> None:
    assert flags(criterion) is holds


YES, NO = "equals Rows 512", "equals Rows 1"


@pytest.mark.parametrize(
    ("criteria", "holds"),
    [
        (f"{YES}\n+ {NO}", False),
        (f"{YES}\n|| {NO}", True),
        (f"{NO}\n|| {YES}", True),
        (f"{NO}\n{YES}", True),
        (f"{NO}\n+ {YES}\n{YES}", True),
        (f"{YES}\n+ {NO}\n|| {YES}", True),
        (f"{YES}\n|| {YES}\n+ {NO}", False),
        (f"{YES}\n+ {NO} || {YES}", True),
        (f"{NO}\n+ {NO} || {YES}", False),
        (f"{YES} + {NO}", False),
        (f"{YES} || {YES} + {NO}", False),
        (f"+ {YES}", True),
        (f"# a comment\n{YES}\n# another\n+ {YES}", True),
        (f"{YES}\n+ # {NO}", True),
        (f"{YES}\ncoordinates 0,0,1,1\n+ {NO}", False),
    ],
)
def test_lines_are_joined_as_they_are_meant(criteria: str, holds: bool) -> None:
    assert flags(criteria) is holds


LEAVES = {
    "contains Modality CT": True,
    "contains Modality MR|US": False,
    "notcontains ImageType SAVE": False,
    "equals Rows 512": True,
    "notequals Rows 512": False,
    "missing StationName": False,
    "empty StationName": True,
    "present Manufacturer": True,
    "contains Manfacturer GE": False,
    "missing Manfacturer": True,
}
JOINTS = {"+": lambda left, right: left and right, "||": lambda left, right: left or right}
LINES = st.lists(st.tuples(st.sampled_from(["+", "||"]), st.sampled_from(sorted(LEAVES))), min_size=1, max_size=4)


def naively(lines: list[tuple[str, list[tuple[str, str]]]]) -> bool:
    """What a label means, from its text alone: each line from left to right, then the lines from above."""
    found = [False]
    for joint, tests in lines:
        value = LEAVES[tests[0][1]]
        for inner, leaf in tests[1:]:
            value = JOINTS[inner](value, LEAVES[leaf])
        if joint and len(found) > 1:
            found[-1] = JOINTS[joint](found[-1], value)
        else:
            found.append(value)
    return any(found)


@given(
    st.lists(st.tuples(st.sampled_from(["", "+", "||"]), LINES), min_size=1, max_size=6),
    st.sampled_from(["whitelist", "blacklist", "graylist"]),
)
def test_and_and_or_mean_what_they_say(lines: list[tuple[str, list[tuple[str, str]]]], kind: str) -> None:
    text = [f"%filter {kind}", "LABEL Any"]
    for joint, tests in lines:
        text.append(" ".join([joint, tests[0][1], *(word for pair in tests[1:] for word in pair)]).strip())
    found = of("\n".join(text))
    rules = rules_of(found).rules
    holds = any(rule.when.holds(IMAGE, NOBODY) for rule in rules)
    always = "would accept every image" in "".join(remark.sentence for remark in found.remarks)
    assert holds is (naively(lines) and not always)
    assert {rule.verdict for rule in rules} <= {Verdict.ACCEPT if kind == "whitelist" else Verdict.REJECT}


RECIPE = """\
FORMAT dicom
%filter whitelist
LABEL Angiography of ours # (somebody)
  contains Modality XA
  + contains Manufacturer GE|SIEMENS
%filter graylist
LABEL Dose Series # (CTP)
  contains Modality CT
  + contains ImageType SCREEN SAVE || contains SeriesDescription Dose
  ctpcoordinates 10,20,30,40
  coordinates 0, 0, 512,121
LABEL Mixed
  contains Modality Nothing
  coordinates 10,20,30,40
  keepcoordinates 0, 0, 5,6
LABEL Flag only
  missing Manufacturer || empty Manufacturer
%filter blacklist
LABEL Colour
  contains PhotometricInterpretation RGB
LABEL Colour
  contains SeriesDescription rainbow
%filter Dangerous Cookies
LABEL
  equals OperatorsName bold bread
"""


def test_labels_become_rules_by_the_kind_of_their_filter() -> None:
    found = of(RECIPE)
    rules = {rule.name: rule for rule in rules_of(found).rules}
    assert {name: rule.verdict for name, rule in rules.items()} == {
        "angiography-of-ours": Verdict.ACCEPT,
        "dose-series": Verdict.CLEAN,
        "mixed": Verdict.REJECT,
        "flag-only": Verdict.REJECT,
        "colour-2": Verdict.REJECT,
        "colour-3": Verdict.REJECT,
        "dangerous-cookies": Verdict.REJECT,
    }
    assert rules["dose-series"].reason == "Recipe, graylist: Dose Series."
    assert rules["dose-series"].cleaning == Cleaning((Rectangle(10, 20, 40, 60), Rectangle(0, 0, 512, 121)), ())
    assert rules["mixed"].reason == "Recipe, graylist: Mixed; its regions cannot be carried over."
    assert "# region x0,y0,x1,y1: clean 10,20,30,40\n# region x0,y0,x1,y1: keep 0,0,5,6\n" in found.rules
    assert rules["dangerous-cookies"].reason == "Recipe, Dangerous Cookies, line 24."
    assert [remark.line for remark in found.left] == [14, 15]
    assert [remark.line for remark in found.remarks if "taken for one that rejects" in remark.sentence] == [24]
    assert "from" in tomllib.loads(found.rules)


@pytest.mark.parametrize(
    ("values", "verdict", "rule"),
    [
        ({"Modality": "XA", "Manufacturer": "Siemens"}, Verdict.ACCEPT, "angiography-of-ours"),
        ({"Modality": "XA", "Manufacturer": "Philips"}, Verdict.REJECT, "not-accepted"),
        ({"Modality": "XA", "Manufacturer": "GE", "PhotometricInterpretation": "RGB"}, Verdict.REJECT, "colour-2"),
        (
            {"Modality": "CT", "SeriesDescription": "Dose", "Manufacturer": "x", "Rows": 512, "Columns": 512},
            Verdict.CLEAN,
            "dose-series",
        ),
        ({"Modality": "CT"}, Verdict.REJECT, "flag-only"),
    ],
)
def test_what_rejects_goes_before_what_accepts(values: dict[str, object], verdict: Verdict, rule: str) -> None:
    decision = rules_of(of(RECIPE)).decide(header(**values), NOBODY)
    assert (decision.verdict, decision.rule) == (verdict, rule)


@pytest.mark.parametrize(
    ("regions", "cleaning"),
    [
        ("coordinates 0,0,9,8", Cleaning((Rectangle(0, 0, 9, 8),), ())),
        ("+ ctpcoordinates 1,2,9,8 # here", Cleaning((Rectangle(1, 2, 10, 10),), ())),
        ("coordinates all\nkeepcoordinates 0,0,9,8", Cleaning((), (Rectangle(0, 0, 9, 8),))),
        ("coordinates all\nctpkeepcoordinates 1,2,9,8", Cleaning((), (Rectangle(1, 2, 10, 10),))),
        ("coordinates all\nkeepcoordinates from:SequenceOfUltrasoundRegions", OutsideRegions(0)),
        ("coordinates all", None),
        ("coordinates 9,9,9,8", None),
        ("coordinates 0,0,9", None),
        ("keepcoordinates 0,0,9,8", None),
        ("keepcoordinates 0,0,9,8\ncoordinates all", None),
        ("coordinates from:SequenceOfUltrasoundRegions", None),
    ],
)
@pytest.mark.parametrize("kind", ["whitelist", "graylist"])
def test_regions_are_cleaned_where_they_say_so_in_pixels(regions: str, cleaning: object, kind: str) -> None:
    found = of(f"%filter {kind}\nLABEL x\n{YES}\n{regions}\n")
    (rule,) = rules_of(found).rules
    assert rule.cleaning == cleaning
    assert rule.verdict is (Verdict.REJECT if cleaning is None else Verdict.CLEAN)
    assert bool(found.left) is (cleaning is None and regions != "coordinates all")


def test_what_is_not_wholly_understood_is_not_cleaned_and_let_pass() -> None:
    lines = f"{YES}\n+ contains Modality (a\ncoordinates 0,0,9,8"
    (rule,) = rules_of(of(f"%filter graylist\nLABEL x\n{lines}\n")).rules
    assert rule.verdict is Verdict.REJECT


def test_a_blacklist_cleans_nothing() -> None:
    (rule,) = rules_of(of(f"%filter blacklist\nLABEL x\n{YES}\ncoordinates 0,0,9,8\n")).rules
    assert rule.verdict is Verdict.REJECT


def test_all_but_the_regions_of_an_ultrasound_in_two_labels() -> None:
    found = of(
        "%filter graylist\nLABEL Blank\n contains Modality US|CT\n coordinates all\n"
        "LABEL Show\n present SequenceOfUltrasoundRegions\n keepcoordinates from:SequenceOfUltrasoundRegions\n"
    )
    assert found.left == ()
    region = Dataset()
    region.RegionSpatialFormat = region.RegionDataType = 1
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 10, 10
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 90, 90
    shows = {"SequenceOfUltrasoundRegions": [region], "Rows": 100, "Columns": 100}
    rules = rules_of(found)
    decided = [
        (decision.verdict, decision.rule)
        for decision in (
            rules.decide(header(Modality="US", **shows), NOBODY),
            rules.decide(header(Modality="CT"), NOBODY),
            rules.decide(header(Modality="MR", **shows), NOBODY),
        )
    ]
    assert decided == [(Verdict.CLEAN, "show"), (Verdict.REJECT, "blank"), (Verdict.REJECT, "not-accepted")]


def test_regions_without_criteria_are_those_of_every_image() -> None:
    found = of("%filter graylist\nLABEL Blank\n coordinates from:SequenceOfUltrasoundRegions\n")
    (rule,) = rules_of(found).rules
    assert rule.when.holds(IMAGE, NOBODY)
    assert "# region x0,y0,x1,y1: clean from:SequenceOfUltrasoundRegions" in found.rules
    assert "it applies to every image" in "".join(remark.sentence for remark in found.remarks)


@pytest.mark.parametrize(
    ("criterion", "words"),
    [
        ("contains Manfacturer GE", "nearest is 'Manufacturer'; for deid, too, it is missing everywhere"),
        ("contains 0x00191023 X", "needs its creator, and xx for the block, as in .*; (it never holds|the rule goes)"),
        ("contains ImplementationVersionName X", "do not see File Meta"),
        ("contains Modality", "it has no value"),
        ("contains Modality |", "1 to 1000 values"),
        ("contains Modality (a", "regular expression that cannot be used"),
        ("contains Modality [[a]", "regular expression that cannot be used"),
        ("contains Modality a{99999999999}", "regular expression that cannot be used"),
        ("contains Modality .*", "fits everything"),
        ("contains PixelData x", "whether it is missing or empty"),
        ("equals SOPClassUID CTImage", "nearest is 'CTImageStorage'"),
        ("missing Modality CT", "nothing follows the field"),
        ("missing", "is no criterion|names no field"),
        ("contains Modality " + "." * 101, "more than 100 dots"),
        ("matches Modality CT", "is no criterion"),
        ("coordinates 1,2,3", "is no rectangle"),
        ("coordinates 1,2,-3,4", "is no rectangle"),
        ("contains ImageType DERIVED+SECONDARY", "is no and"),
    ],
)
@pytest.mark.parametrize("kind", ["whitelist", "blacklist"])
def test_a_line_that_cannot_be_carried_over_is_named(criterion: str, words: str, kind: str) -> None:
    found = of(f"%filter {kind}\nLABEL x\n{YES}\n+ {criterion}\n")
    sentences = [remark.sentence for remark in found.left if remark.line == 4]
    assert re.search(words, "".join(sentences))


def test_a_criterion_that_cannot_be_asked_never_accepts_more() -> None:
    lines = f"LABEL x\n{YES}\n+ contains Modality (a\n"
    assert rules_of(of(f"%filter whitelist\n{lines}")).rules == ()
    assert flags(f"{YES}\n+ contains Modality (a")
    assert not flags(f"{NO}\n|| contains Modality (a")
    assert rules_of(of(f"%filter whitelist\n{lines}|| {YES}\n")).rules != ()


def test_a_label_that_says_nothing_is_named() -> None:
    found = of("%filter whitelist\nLABEL Nothing\nLABEL All\nmissing Nonsense\n")
    assert rules_of(found).rules == ()
    sentences = {remark.line: remark.sentence for remark in found.left if "label" in remark.sentence}
    assert "has no criteria" in sentences[2]
    assert "would accept every image" in sentences[3]


def test_alternatives_in_a_whitelist_are_said() -> None:
    found = of(f"%filter whitelist\nLABEL x\n{YES}\n|| {NO}\n")
    assert [remark.line for remark in found.remarks] == [2]
    assert "deid's code asked for all of them" in found.remarks[0].sentence


def test_what_is_nested_too_deep_is_left_out_and_named() -> None:
    found = of("%filter blacklist\nLABEL Deep\n" + f"+ {YES}\n|| {NO}\n" * 240)
    assert rules_of(found).rules == ()
    assert "take turns" in found.left[0].sentence


def test_names_of_rules_are_legal_whatever_the_label() -> None:
    labels = ["ct", "CT", "not-accepted", "Größe 5 µm", "🫀", "x" * 300, 'a "quoted" \\ name', "\u202eevil", "--"]
    found = of("%filter blacklist\n" + "".join(f"LABEL {label}\n{YES}\n" for label in labels))
    assert len(read_rules(found.rules.encode()).rules) >= len(labels)
    assert [rule.name for rule in rules_of(found).rules][:5] == ["ct-2", "ct-3", "not-accepted-2", "groe-5-m", "label"]


LETTERS = st.text(
    st.characters(codec="utf-8", exclude_characters="\n") | st.sampled_from('+| #%"\\.,:()[]{}$^'), max_size=30
)
WORDS = st.sampled_from(
    ["LABEL", "contains", "notequals", "+", "||", "Modality", "ImageType", "%filter x", "%header", "%fields y", "FIELD",
     "coordinates", "ctpcoordinates 1,2,3,4", "REMOVE", "REPLACE", "ADD", "KEEP", "ALL", "endswith:Time", "fields:y",
     "values:y", "func:x", "StationName", "(0019,\"A B\",10)", "FORMAT dicom"]
)  # fmt: skip


@given(st.lists(st.lists(WORDS | LETTERS, max_size=5).map(" ".join), max_size=12))
def test_whatever_is_written_gives_texts_that_are_accepted_or_an_error_with_its_line(lines: list[str]) -> None:
    text = "\n".join(lines)
    last = text.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
    try:
        found = of(text)
    except RecipeError as error:
        assert 1 <= error.line <= last
        assert "what was made of the recipe" not in error.reason
    else:
        assert all(1 <= remark.line <= last for remark in found.remarks)
