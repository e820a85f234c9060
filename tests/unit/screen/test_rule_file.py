"""Files of rules: what they may hold, and that every mistake is refused with its line and the way out."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from tests.unit.screen.headers import header_of

from sendit.deid import TomlError
from sendit.screen import Rule, Screen, Verdict, default_rules, read_rules

CT = '{ attribute = "Modality", equals = "CT" }'


def ct(**values: object) -> Dataset:
    dataset = Dataset()
    given_values = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "Modality": "CT", "ImageType": ["ORIGINAL", "PRIMARY"]}
    for keyword, value in {**given_values, **values}.items():
        setattr(dataset, keyword, value)
    return dataset


def rule_for(text: str, dataset: Dataset) -> tuple[Verdict, str]:
    decision = Screen(read_rules(text.encode())).decide(header_of(dataset))
    return decision.verdict, decision.rule


def test_an_empty_file_is_the_shipped_rules() -> None:
    assert read_rules(b"") == default_rules()
    assert read_rules(b'from = "default"').digest == default_rules().digest


def test_own_rules_stand_before_the_shipped_ones() -> None:
    text = f'[rule.no-ct]\nreject = "No CT."\nwhen = {CT}'
    assert rule_for(text, ct()) == (Verdict.REJECT, "no-ct")
    assert rule_for(text, ct(BurnedInAnnotation="YES")) == (Verdict.REJECT, "no-ct")
    assert rule_for(text, ct(Modality="MR")) == (Verdict.REJECT, "not-accepted")


def test_an_accepting_rule_lets_nothing_pass_that_another_rejects() -> None:
    text = f'[rule.all-ct]\naccept = "CT."\nwhen = {CT}'
    assert rule_for(text, ct(BurnedInAnnotation="YES")) == (Verdict.REJECT, "burned-in-annotation")


def test_unless_it_overrides_that_one_by_name() -> None:
    text = f'[rule.all-ct]\naccept = "CT."\noverrides = ["burned-in-annotation"]\nwhen = {CT}'
    assert rule_for(text, ct(BurnedInAnnotation="YES")) == (Verdict.ACCEPT, "all-ct")
    assert rule_for(text, ct(BurnedInAnnotation="YES", SeriesDescription="Screen Save")) == (
        Verdict.REJECT,
        "screen-save",
    )


def test_a_shipped_rule_can_be_left_out_and_replaced() -> None:
    picture = ct(PhotometricInterpretation="RGB")
    assert rule_for('without = ["colour"]', picture) == (Verdict.ACCEPT, "ct")
    text = f'without = ["colour"]\n[rule.colour]\nreject = "Other words."\nwhen = {CT}'
    assert rule_for(text, picture) == (Verdict.REJECT, "colour")


def test_rules_may_start_from_nothing_and_then_accept_nothing_else() -> None:
    text = f'from = "nothing"\n[rule.ct]\naccept = "CT."\nwhen = {CT}'
    assert rule_for(text, ct(BurnedInAnnotation="YES")) == (Verdict.ACCEPT, "ct")
    assert rule_for(text, ct(Modality="MR")) == (Verdict.REJECT, "not-accepted")
    assert rule_for('from = "nothing"', ct()) == (Verdict.REJECT, "not-accepted")


WHEN = '[rule.a]\nreject = "x"\nwhen = '
CLEAN = f'[rule.a]\nclean = "x"\nwhen = {CT}\n'
MISTAKES = [
    (CLEAN, "line 1: a rule that cleans says what: blank = [[…]], keep = [[…]] or keep = "),
    (CLEAN + "blank = []", "line 1: a rule that cleans says what"),
    (CLEAN + "blank = 5", "line 4: blank is a list of rectangles"),
    (CLEAN + "blank = [5]", "line 4: a rectangle is four numbers of pixels"),
    (CLEAN + "blank = [[0, 0, 5]]", "line 4: a rectangle is four numbers of pixels"),
    (CLEAN + "blank = [[0, 0, 5, true]]", "line 4: a rectangle is four numbers of pixels"),
    (CLEAN + "blank = [[0, -1, 5, 5]]", "line 4: a rectangle is four numbers of pixels"),
    (CLEAN + "keep = [[5, 0, 5, 5]]", "line 4: a rectangle is 0 <= left < right"),
    (CLEAN + 'keep = "ultrasound-region"', "line 4: keep is a list of rectangles"),
    (CLEAN + 'keep = "ultrasound-regions"\nmargin = -1', "line 5: margin is a number of pixels"),
    (CLEAN + "blank = [[0, 0, 5, 5]]\nmargin = 1", "line 5: a margin is one of what is kept"),
    (CLEAN + 'keep = "ultrasound-regions"\nblank = [[0, 0, 5, 5]]', "line 5: beside the regions of an ultrasound"),
    (f'[rule.a]\nreject = "x"\nblank = [[0, 0, 5, 5]]\nwhen = {CT}', "line 3: blank belongs to a rule that cleans"),
    ("x = 1", "line 1: rules have no 'x'"),
    ("rules = 1", "line 1: rules have no 'rules'; nearest is 'rule'"),
    ('from = "defualt"', 'line 1: rules start from the shipped ones, or from none: from = "default" or "nothing"'),
    ('\nwithout = ["color"]', "line 2: no shipped rule is called 'color'; nearest is 'colour'"),
    ('without = "colour"', "line 1: without is a list of names of rules"),
    ("rule = 1", "line 1: a rule is a table: [rule.NAME]"),
    ("[rule]\nx = 1", "line 2: a rule is a table: [rule.NAME]"),
    (f'[rule."A b"]\nreject = "x"\nwhen = {CT}', "line 1: 'A b' is no name"),
    (f'[rule.not-accepted]\nreject = "x"\nwhen = {CT}', "line 1: 'not-accepted' is a name that sendit keeps"),
    (f'[rule.colour]\nreject = "x"\nwhen = {CT}', "line 1: 'colour' ships with sendit: to replace it, name it in"),
    (f'[rule.a]\nrejects = "x"\nwhen = {CT}', "line 2: a rule has no 'rejects'; nearest is 'reject'"),
    (f"[rule.a]\nwhen = {CT}", "line 1: a rule has one verdict and its reason"),
    (f'[rule.a]\naccept = "x"\nreject = "x"\nwhen = {CT}', "line 1: a rule has one verdict and its reason"),
    (f"[rule.a]\naccept = true\nwhen = {CT}", "line 1: the reason is a sentence in quotes"),
    (f'[rule.a]\naccept = ""\nwhen = {CT}', "line 1: the reason is a sentence in quotes"),
    (f'[rule.a]\naccept = "a\\nb"\nwhen = {CT}', "line 1: the reason is a sentence in quotes"),
    ('[rule.a]\nreject = "x"', "line 1: a rule says when it applies"),
    (WHEN + '"always"', "line 3: a condition is a table"),
    (WHEN + "{}", "line 3: a condition has one of all, any, not, option, attribute"),
    (
        '[rule.a]\nreject = "x"\nwhen = { al = [] }',
        "line 3: a condition has one of all, any, not, option, attribute; near",
    ),
    (WHEN + "{ all = [] }", "line 3: all is a list of conditions"),
    (f"{WHEN}{{ all = [{CT}], any = [{CT}] }}", "line 3: a condition has one of"),
    (f'{WHEN}{{ not = {CT}, equals = "x" }}', "line 3: beside not stands nothing else"),
    (
        f'{WHEN}{{ all = [\n  {CT},\n  {{ attribute = "Modalty", equals = "CT" }},\n] }}',
        "line 5: there is no attribute 'Modalty'; nearest is 'Modality'",
    ),
    (WHEN + '{ attribute = 1, equals = "x" }', "line 3: attribute is a keyword, a tag"),
    (WHEN + '{ attribute = "Modality" }', "line 3: 'Modality' needs one comparison of equals,"),
    (
        '[rule.a]\nreject = "x"\nwhen = { attribute = "Modality", equls = "CT" }',
        "line 3: 'Modality' needs one comparison",
    ),
    (WHEN + '{ attribute = "Modality", equals = ["CT"] }', "line 3: equals has one value"),
    (WHEN + '{ attribute = "Modality", in = "CT" }', "line 3: in is a list"),
    (WHEN + '{ attribute = "Modality", only = [] }', "line 3: only has 1 to 1000 values"),
    (
        '[rule.a]\nreject = "x"\nwhen = { attribute = "Modality", equals = " " }',
        "line 3: equals compares with texts in",
    ),
    (WHEN + '{ attribute = "Modality", equals = true }', "line 3: equals compares with texts"),
    (
        '[rule.a]\nreject = "x"\nwhen = { attribute = "Rows", contains = 5 }',
        "line 3: contains compares with texts in quot",
    ),
    (
        '[rule.a]\nreject = "x"\nwhen = { attribute = "Modality", missing = false }',
        "line 3: missing is true, or stands in",
    ),
    (
        '[rule.a]\nreject = "x"\nwhen = { attribute = "Modality", matches = "(" }',
        "line 3: '(' is no regular expression",
    ),
    (WHEN + '{ attribute = "PixelData", equals = "x" }', "line 3: 'PixelData' is OB or OW"),
    (WHEN + '{ attribute = "Modality.X", equals = "x" }', "line 3: "),
    (
        '[rule.a]\nreject = "x"\nwhen = { attribute = "SOPClassUID", equals = "CTStorage" }',
        "line 3: there is no storage SOP",
    ),
    (
        '[rule.a]\nreject = "x"\nwhen = { option = "clean-graphic" }',
        "line 3: there is no option 'clean-graphic' of PS3.15",
    ),
    (
        f'{WHEN}{CT}\noverrides = ["color"]',
        "line 1: there is no rule 'color' to override; nearest",
    ),
    (f'{WHEN}{CT}\noverrides = ["a"]', "line 1: rules override each other in a circle"),
    (
        f'{WHEN}{CT}\noverrides = ["b"]\n[rule.b]\nreject = "x"\nwhen = {CT}\noverrides = ["a"]',
        "line ",
    ),
    ("[rule.a", "line 1: this is not TOML"),
    (
        '[rule.a]\nreject = "x"\nwhen = ' + "{ not = " * 30 + CT + " }" * 30,
        "line 3: conditions are nested 20 deep at most",
    ),
]


@pytest.mark.parametrize(("text", "message"), MISTAKES)
def test_every_mistake_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(TomlError) as error:
        read_rules(text.encode())
    assert str(error.value).startswith(message)
    assert len(str(error.value)) < 400


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        rules = read_rules(data)
    except TomlError:
        return
    assert rules.rules


def test_rules_travel_to_worker_processes() -> None:
    assert pickle.loads(pickle.dumps(default_rules())) == default_rules()  # noqa: S301


def test_shipped_rules_have_names_and_sentences() -> None:
    for rule in default_rules().rules:
        assert isinstance(rule, Rule)
        assert rule.reason.endswith(".")
        assert bool(rule.overrides) is (rule.verdict is Verdict.CLEAN)


BLANK = """
[rule.scanner]
clean = "A corner."
blank = [[600, 0, 800, 40]]
overrides = ["burned-in-annotation"]
when = { attribute = "Modality", equals = "CT" }
"""


def test_a_rule_that_would_blank_nothing_in_smaller_frames_rejects() -> None:
    large, small = (ct(BurnedInAnnotation="YES", Rows=512, Columns=side) for side in (1024, 512))
    screen = Screen(read_rules(BLANK.encode()))
    verdicts = [screen.decide(header_of(dataset)).verdict for dataset in (large, small, large)]
    assert verdicts == [Verdict.CLEAN, Verdict.REJECT, Verdict.CLEAN]
    assert rule_for(BLANK.replace("blank = [[600, 0, 800, 40]]", "keep = [[0, 0, 1024, 512]]"), large) == (
        Verdict.REJECT,
        "scanner",
    )


def test_what_is_remembered_knows_sequences_that_are_asked_for_by_themselves() -> None:
    text = '[rule.a]\nreject = "x"\nwhen = { attribute = "ReferencedImageSequence", empty = true }'
    screen = Screen(read_rules(text.encode()))
    full, empty = ct(ReferencedImageSequence=[Dataset()]), ct(ReferencedImageSequence=[])
    assert [screen.decide(header_of(one)).rule for one in (full, empty, full)] == ["ct", "a", "ct"]


def test_what_is_remembered_knows_how_text_is_read() -> None:
    text = '[rule.a]\nreject = "x"\nwhen = { attribute = "Manufacturer", equals = "Müller" }'
    screen = Screen(read_rules(text.encode()))
    latin, cyrillic = ct(SpecificCharacterSet="ISO_IR 100"), ct(SpecificCharacterSet="ISO_IR 144")
    for dataset in (latin, cyrillic):
        dataset.add_new("Manufacturer", "LO", "Müller".encode("latin-1"))
    assert [screen.decide(header_of(one)).rule for one in (cyrillic, latin, cyrillic)] == ["ct", "a", "ct"]


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(a+)+$", "repeats what has"),
        ("(a|aa)+$", "repeats what has"),
        ("((a?)b)*", "repeats what has"),
        ("(?:x(?:a{1,3}))*?", "repeats what has"),
        ("(?=(a+)+$)", "repeats what has"),
        ("(a*){9}$", "repeats what has"),
        (".*.*.*.*x", "more than 3 repetitions"),
        ("a+b+?c{2,}d{1,9}", "more than 3 repetitions"),
    ],
)
def test_expressions_that_could_be_searched_for_ever_are_refused(pattern: str, reason: str) -> None:
    text = f"[rule.a]\nreject = 'x'\nwhen = {{ attribute = 'ImageComments', matches = '{pattern}' }}"
    with pytest.raises(TomlError, match=reason):
        read_rules(text.encode())


@pytest.mark.parametrize(
    "pattern", ["^GE.*(MED|SYS)(X|$)", "a?b?c?d?e?", "(ab)+c", "[ab|]*x+", "a{3}b{3}c{3}d{3}", "(ab){2,3}"]
)
def test_expressions_that_end_are_taken(pattern: str) -> None:
    text = f"[rule.a]\nreject = 'x'\nwhen = {{ attribute = 'ImageComments', matches = '{pattern}' }}"
    assert read_rules(text.encode()).rules[0].name == "a"


def test_no_more_is_remembered_than_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sendit.screen.rules._MOST_REMEMBERED", 3)
    screen = Screen(default_rules())
    for number in range(20):
        screen.decide(header_of(ct(SeriesDescription=f"number {number}")))
    assert len(screen._known) <= 3


LOOK = f"[look.mine]\nwhen = {CT}\n"


def is_looked_at(text: str, dataset: Dataset) -> bool:
    return Screen(read_rules(text.encode())).decide(header_of(dataset)).looked_at


def test_a_look_says_where_text_is_looked_for_and_gives_no_verdict() -> None:
    assert not is_looked_at("", ct())
    assert is_looked_at(LOOK, ct())
    assert rule_for(LOOK, ct()) == (Verdict.ACCEPT, "ct")
    assert rule_for(f'from = "nothing"\n{LOOK}', ct()) == (Verdict.REJECT, "not-accepted")
    assert read_rules(LOOK.encode()).digest != default_rules().digest


def test_a_rejected_image_is_not_looked_at() -> None:
    assert not is_looked_at(LOOK, ct(BurnedInAnnotation="YES"))


def test_looks_that_ship_can_be_left_out() -> None:
    radiograph = ct(SOPClassUID="1.2.840.10008.5.1.4.1.1.1", Modality="CR")
    assert is_looked_at("", radiograph)
    assert not is_looked_at('without = ["text"]', radiograph)
    assert not is_looked_at(f'without = ["text"]\n[look.text]\nwhen = {CT}', radiograph)


def test_a_captured_or_marked_ct_that_a_rule_lets_pass_is_looked_at() -> None:
    text = (
        '[rule.all]\naccept = "All CT."\noverrides = ["burned-in-annotation", "not-original", "secondary-capture"]\n'
        f"when = {CT}"
    )
    assert not is_looked_at(text, ct())
    assert is_looked_at(text, ct(BurnedInAnnotation="YES"))
    assert is_looked_at(text, ct(ImageType=["DERIVED", "SECONDARY"]))
    assert is_looked_at(text, ct(SOPClassUID="1.2.840.10008.5.1.4.1.1.7"))


def test_what_is_remembered_of_a_verdict_knows_what_looks_ask_for() -> None:
    screen = Screen(read_rules(b'[look.one]\nwhen = { attribute = "StationName", equals = "US-1" }'))
    for name, looked_at in (("US-2", False), ("US-1", True), ("US-2", False)):
        assert screen.decide(header_of(ct(StationName=name))).looked_at is looked_at


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"[look.a]\nwhen = {CT}\nblank = []", 3),
        ("[look.a]", 1),
        ("look = 1", 1),
        ("look.a = 1", 1),
        (f"[look.text]\nwhen = {CT}", 1),
        (f"[look.A]\nwhen = {CT}", 1),
        ('[look.a]\nwhen = { attribute = "Nothing", equals = "CT" }', 2),
    ],
)
def test_a_mistake_in_a_look_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(TomlError, match=f"line {line}"):
        read_rules(text.encode())
