"""Conditions: each comparison on headers as they are read, and and/or/not beside a naive evaluator."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, Sequence
from tests.unit.screen.headers import header_of

from sendit.deid import Header
from sendit.pixels import Cleaning, Rectangle
from sendit.screen import RuleSet, Screen, Verdict, read_rules
from sendit.screen.condition_text import condition_of
from sendit.screen.conditions import All, AnyOf, Comparison, Condition, HasOption, Not
from sendit.screen.rules import Rule

NOBODY: frozenset[str] = frozenset()


def header(**values: object) -> Header:
    dataset = Dataset()
    for keyword, value in {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.6.1", **values}.items():
        setattr(dataset, keyword, value)
    return header_of(dataset)


def region(kind: int) -> Dataset:
    inner = Dataset()
    inner.RegionDataType = kind
    return inner


IMAGE = header(
    Modality="US",
    Manufacturer="Maker & Söhne",
    SpecificCharacterSet="ISO_IR 100",
    ImageType=["ORIGINAL", "PRIMARY", "", "0001"],
    StationName="",
    StudyID="7A",
    Rows=512,
    SliceThickness="2.50",
    RepetitionTime="1e3",
    Columns=512,
    SequenceOfUltrasoundRegions=Sequence([region(1), region(2)]),
    ReferencedImageSequence=Sequence([]),
)


@pytest.mark.parametrize(
    ("written", "holds"),
    [
        ({"attribute": "Modality", "equals": "us"}, True),
        ({"attribute": "(0008,0060)", "equals": "US "}, True),
        ({"attribute": "Modality", "equals": "USX"}, False),
        ({"attribute": "Modality", "in": ["CT", "US"]}, True),
        ({"attribute": "Modality", "in": ["CT", "MR"]}, False),
        ({"attribute": "Manufacturer", "contains": "söhne"}, True),
        ({"attribute": "Manufacturer", "contains": ["GE", "MAKER"]}, True),
        ({"attribute": "Manufacturer", "contains": "GE"}, False),
        ({"attribute": "Manufacturer", "matches": "^maker.*NE$"}, True),
        ({"attribute": "Manufacturer", "matches": "^öhne"}, False),
        ({"attribute": "ImageType", "equals": "PRIMARY"}, True),
        ({"attribute": "ImageType[2]", "equals": "PRIMARY"}, True),
        ({"attribute": "ImageType[1]", "equals": "PRIMARY"}, False),
        ({"attribute": "ImageType[4]", "equals": "0001"}, True),
        ({"attribute": "ImageType[4]", "equals": 1}, True),
        ({"attribute": "ImageType[3]", "empty": True}, True),
        ({"attribute": "ImageType[3]", "missing": True}, False),
        ({"attribute": "ImageType[5]", "missing": True}, True),
        ({"attribute": "ImageType", "empty": True}, False),
        ({"attribute": "ImageType", "only": ["ORIGINAL", "PRIMARY", "0001"]}, True),
        ({"attribute": "ImageType", "only": ["ORIGINAL", "PRIMARY"]}, False),
        ({"attribute": "StationName", "empty": True}, True),
        ({"attribute": "StationName", "missing": True}, False),
        ({"attribute": "StationName", "only": ["X"]}, False),
        ({"attribute": "StationName", "equals": "X"}, False),
        ({"attribute": "BurnedInAnnotation", "missing": True}, True),
        ({"attribute": "BurnedInAnnotation", "empty": True}, False),
        ({"attribute": "BurnedInAnnotation", "only": ["NO"]}, False),
        ({"attribute": "BurnedInAnnotation", "equals": "NO"}, False),
        ({"attribute": "Rows", "equals": 512}, True),
        ({"attribute": "Rows", "equals": "512"}, True),
        ({"attribute": "Rows", "in": [1, 2, 512.0]}, True),
        ({"attribute": "SliceThickness", "equals": 2.5}, True),
        ({"attribute": "SliceThickness", "equals": "2.5"}, False),
        ({"attribute": "RepetitionTime", "equals": 1000}, True),
        ({"attribute": "Modality", "equals": 1}, False),
        ({"attribute": "StudyID", "equals": 7}, False),
        ({"attribute": "SequenceOfUltrasoundRegions.RegionDataType", "equals": 2}, True),
        ({"attribute": "SequenceOfUltrasoundRegions.RegionDataType", "only": [1]}, False),
        ({"attribute": "SequenceOfUltrasoundRegions.RegionDataType", "missing": True}, False),
        ({"attribute": "SequenceOfUltrasoundRegions.RegionFlags", "missing": True}, True),
        ({"attribute": "SequenceOfUltrasoundRegions", "missing": True}, False),
        ({"attribute": "SequenceOfUltrasoundRegions", "empty": True}, False),
        ({"attribute": "ReferencedImageSequence", "empty": True}, True),
        ({"attribute": "ReferencedImageSequence.ReferencedSOPInstanceUID", "missing": True}, True),
        ({"attribute": "RegionDataType", "missing": True}, True),
        ({"attribute": "SOPClassUID", "equals": "UltrasoundImageStorage"}, True),
        ({"not": {"attribute": "Modality", "equals": "US"}}, False),
        ({"option": "clean-structured-content"}, False),
    ],
)
def test_what_holds_of_a_header(written: dict[str, object], holds: bool) -> None:
    assert condition_of(written).holds(IMAGE, NOBODY) is holds


def test_a_private_attribute_is_found_in_whatever_block_its_creator_has() -> None:
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    for offset, value in ((0x10, "MAKER ONE"), (0x11, "MAKER TWO")):
        dataset.add_new(0x00190000 | offset, "LO", value)
    dataset.add_new(0x00191123, "SH", "burned")
    found = header_of(dataset)
    two = condition_of({"attribute": "MAKER TWO (0019,xx23)", "equals": "BURNED"})
    one = condition_of({"attribute": "MAKER ONE (0019,xx23)", "missing": True})
    assert two.holds(found, NOBODY)
    assert one.holds(found, NOBODY)


def test_a_private_attribute_is_seen_in_every_block_of_its_creator() -> None:
    dataset = Dataset()
    for offset in (0x10, 0x11, 0x13):
        dataset.add_new(0x00190000 | offset, "LO", "ACME")
    dataset.add_new(0x00191023, "SH", "fine")
    dataset.add_new(0x00191123, "SH", "burned")
    found = header_of(dataset)
    assert condition_of({"attribute": "ACME (0019,xx23)", "equals": "BURNED"}).holds(found, NOBODY)
    assert not condition_of({"attribute": "ACME (0019,xx23)", "only": ["FINE"]}).holds(found, NOBODY)
    del dataset[0x00191023]
    assert condition_of({"attribute": "ACME (0019,xx23)", "only": ["BURNED"]}).holds(header_of(dataset), NOBODY)
    assert condition_of({"attribute": "ACME (0019,xx24)", "missing": True}).holds(found, NOBODY)


def test_what_differs_inside_a_sequence_is_told_apart() -> None:
    rules = read_rules(
        b'from = "nothing"\n[rule.region]\naccept = "Tissue."\n'
        b'when = { attribute = "SequenceOfUltrasoundRegions.RegionDataType", equals = 1 }'
    )
    screen = Screen(rules)
    kinds = [screen.decide(header(SequenceOfUltrasoundRegions=Sequence([region(kind)]))).rule for kind in (1, 2, 1)]
    assert kinds == ["region", "not-accepted", "region"]


def test_what_differs_in_a_private_block_is_told_apart() -> None:
    screen = Screen(
        read_rules(
            b'from = "nothing"\n[rule.flag]\naccept = "Flagged."\n'
            b'when = { attribute = "MAKER (0019,xx01)", equals = "Y" }'
        )
    )
    rules = []
    for maker, value in (("MAKER", "Y"), ("OTHER", "Y"), ("MAKER", "N")):
        dataset = Dataset()
        dataset.add_new(0x00190010, "LO", maker)
        dataset.add_new(0x00191001, "CS", value)
        rules.append(screen.decide(header_of(dataset)).rule)
    assert rules == ["flag", "not-accepted", "not-accepted"]


LEAVES = st.sampled_from(
    [
        {"attribute": "Modality", "equals": "US"},
        {"attribute": "Modality", "equals": "CT"},
        {"attribute": "Rows", "equals": 512},
        {"attribute": "StationName", "empty": True},
        {"attribute": "PatientAge", "missing": True},
        {"attribute": "ImageType[2]", "in": ["SECONDARY"]},
        {"option": "clean-graphics"},
    ]
)
TREES = st.recursive(
    LEAVES,
    lambda parts: st.one_of(
        st.lists(parts, min_size=1, max_size=4).map(lambda inner: {"all": inner}),
        st.lists(parts, min_size=1, max_size=4).map(lambda inner: {"any": inner}),
        parts.map(lambda inner: {"not": inner}),
    ),
    max_leaves=12,
)


def naively(written: dict[str, object], options: frozenset[str]) -> bool:
    """And, or and not of Python, over what each leaf is known to say of IMAGE."""
    (key, content), *_ = written.items()
    if key == "all":
        return False not in [naively(part, options) for part in content]  # type: ignore[attr-defined]
    if key == "any":
        return True in [naively(part, options) for part in content]  # type: ignore[attr-defined]
    if key == "not":
        return naively(content, options) is False  # type: ignore[arg-type]
    if key == "option":
        return content in options
    known = {"Modality": written.get("equals") == "US", "ImageType[2]": False}
    return known.get(str(content), True)


@given(TREES, st.booleans())
def test_and_or_and_not_are_those_of_logic(written: dict[str, object], graphics: bool) -> None:
    options = frozenset({"clean-graphics"}) if graphics else NOBODY
    assert condition_of(written).holds(IMAGE, options) is naively(written, options)


@pytest.mark.parametrize("verdict", ["accept", "reject"])
@pytest.mark.parametrize("negated", [False, True])
@pytest.mark.parametrize("length", [256, 257, 5000])
def test_a_value_that_is_too_long_to_be_searched_never_passes(verdict: str, negated: bool, length: int) -> None:
    leaf = """{ attribute = "ImageComments", matches = 'BURNED$' }"""
    when = f"{{ not = {leaf} }}" if negated else leaf
    more = """[rule.all]\naccept = "All."\nwhen = { attribute = "Modality", equals = "US" }""" * (verdict == "reject")
    text = f"""from = "nothing"\n[rule.one]\n{verdict} = "One."\nwhen = {when}\n{more}"""
    screen = Screen(read_rules(text.encode()))
    decision = screen.decide(header(Modality="US", ImageComments="x" * (length - 6) + "BURNED"))
    if length <= 256:
        holds = not negated
        assert (decision.verdict is Verdict.REJECT) == (holds == (verdict == "reject"))
        assert decision.rule != "value-too-long"
    else:
        assert (decision.verdict, decision.rule) == (Verdict.REJECT, "value-too-long")


def test_a_value_that_is_too_long_to_be_searched_by_a_look_never_passes() -> None:
    rules = """from = "nothing"\n[rule.all]\naccept = "All."\nwhen = { attribute = "Modality", equals = "US" }
[look.one]\nwhen = { attribute = "ImageComments", matches = 'BURNED$' }"""
    screen = Screen(read_rules(rules.encode()))
    assert screen.decide(header(Modality="US", ImageComments="BURNED")).looked_at
    decision = screen.decide(header(Modality="US", ImageComments="x" * 300 + "BURNED"))
    assert (decision.verdict, decision.rule) == (Verdict.REJECT, "value-too-long")


def test_a_search_that_is_not_needed_rejects_nothing() -> None:
    long = header(Modality="CT", ImageComments="x" * 300)
    searched = {"attribute": "ImageComments", "matches": "y"}
    assert not condition_of({"all": [{"attribute": "Modality", "equals": "US"}, searched]}).holds(long, NOBODY)


def always(holds: bool) -> Condition:
    leaf = condition_of({"attribute": "Modality", "equals": "US"})
    return leaf if holds else Not(leaf)


NAMES = ["a", "b", "c", "d", "e"]


@given(st.data())
def test_precedence_is_that_of_the_words(data: st.DataObject) -> None:
    """A rule has a say if it applies and none that has a say overrides it; then reject goes before clean and accept."""
    rules = []
    for at, name in enumerate(NAMES):
        verdict = data.draw(st.sampled_from(list(Verdict)))
        overrides = tuple(data.draw(st.lists(st.sampled_from(NAMES[at + 1 :]), unique=True))) if NAMES[at + 1 :] else ()
        cleaning = Cleaning((Rectangle(0, 0, 1, 1 + at),)) if verdict is Verdict.CLEAN else None
        holds = always(data.draw(st.booleans()))
        rules.append(Rule(name, verdict, f"Because of {name}.", holds, overrides, cleaning))
    shuffled = data.draw(st.permutations(rules))
    say: dict[str, bool] = {}
    for rule in rules:  # each comes before what it overrides
        applies = rule.when.holds(IMAGE, NOBODY)
        say[rule.name] = applies and not any(
            say[one.name] for one in rules if rule.name in one.overrides and one.name in say
        )
    having = [rule for rule in shuffled if say[rule.name]]
    rejecting = [rule for rule in having if rule.verdict is Verdict.REJECT]
    cleaning_ones = [rule for rule in having if rule.verdict is Verdict.CLEAN]
    first = (rejecting or cleaning_ones or having)[:1]
    decision = RuleSet(tuple(shuffled)).decide(IMAGE, NOBODY)
    expected = (first[0].verdict, first[0].name) if first else (Verdict.REJECT, "not-accepted")
    assert (decision.verdict, decision.rule) == expected
    cleanings = tuple(rule.cleaning for rule in cleaning_ones) if decision.verdict is Verdict.CLEAN else ()
    assert decision.cleanings == cleanings


def test_conditions_compare_by_what_they_say() -> None:
    one = condition_of({"all": [{"attribute": "Modality", "in": ["CT"]}, {"any": [{"option": "clean-graphics"}]}]})
    assert isinstance(one, All)
    assert isinstance(one.parts[0], Comparison)
    assert one.parts[1] == AnyOf((HasOption("clean-graphics"),))
    assert RuleSet((Rule("x", Verdict.ACCEPT, "y", one),)).digest != RuleSet(()).digest
