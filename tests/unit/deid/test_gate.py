"""The gate refuses what the rules have missed: here they are made to miss it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.data.deid_objects import KEYS, deidentified, element, instance, read_back, sequence

from sendit.deid import DeidError, Keyring
from sendit.deid import instance as instance_module
from sendit.deid.dicom.write import file_head
from sendit.deid.rules.actions import Action
from sendit.deid.rules.compiled import Level, rules_for
from sendit.deid.rules.rule import Rule
from sendit.deid.treatment import Treatment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sendit.deid.identity.evidence import Evidence

CANARIES = {
    0x00080080: ("LO", "Kreisspital Nord"),
    0x00081010: ("SH", "CTNORD01"),
    0x00081030: ("LO", "Knie Wunderlich"),
    0x00081050: ("PN", "Operateur^Olga"),
    0x00100010: ("PN", "Wunderlich^Hedwig"),
    0x00101000: ("LO", "OTHER4711"),
    0x00104000: ("LT", "seen with PAT-4711, again"),
    0x00181000: ("LO", "SN99881"),
    0x00200010: ("SH", "ST88"),
    0x00204000: ("LT", "from 20200229"),
}


KEPT = Rule(Action.KEEP, Action.KEEP, "by mistake")


def unremembered(data: bytes) -> bytes:
    """The output, with nothing known from earlier objects: the rules were changed since."""
    return deidentified(data, keys=Keyring(b"k" * 32))[1]


@pytest.fixture
def blind_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules that do not see an echo, so that only the gate can."""
    monkeypatch.setattr(Treatment, "_echoes", lambda *_: False)


@pytest.fixture(autouse=True)
def rules_of_each_test() -> Iterator[None]:
    """What a test has changed ends with it."""
    yield
    rules_for.cache_clear()


def keep(tag: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules that let one attribute pass."""
    rule = Level.rule
    monkeypatch.setattr(Level, "rule", lambda level, asked: KEPT if asked == tag else rule(level, asked))
    rules_for.cache_clear()


@pytest.mark.parametrize("tag", sorted(CANARIES))
def test_switching_off_a_rule_makes_the_gate_refuse(tag: int, monkeypatch: pytest.MonkeyPatch) -> None:
    vr, value = CANARIES[tag]
    data = instance(element(tag, vr, value))
    unremembered(data)
    keep(tag, monkeypatch)
    monkeypatch.setattr(Treatment, "_echoes", lambda *_: False)
    if tag == 0x00100010:
        # the top-level name is always written anew; a nested one shows the rule
        data = instance(sequence(0x00082218, element(tag, vr, value)))
        monkeypatch.setattr(Treatment, "pseudonym", lambda self, tag, value, codecs: (Action.KEEP, "PN", value))
    with pytest.raises(DeidError) as raised:
        unremembered(data)
    assert raised.value.code == "gate_identifier_left"


def test_date_that_was_not_moved_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    keep(0x00080020, monkeypatch)
    monkeypatch.setattr(Treatment, "_echoes", lambda *_: False)
    with pytest.raises(DeidError) as raised:
        unremembered(instance())
    assert raised.value.code == "gate_identifier_left"


def test_uid_that_was_not_replaced_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Keyring, "uid", lambda self, uid: uid)
    with pytest.raises(DeidError) as raised:
        unremembered(instance())
    assert raised.value.code == "gate_identifier_left"


def test_uids_that_disagree_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instance_module, "file_head", lambda a, b, c: file_head(a, b + "1", c))
    with pytest.raises(DeidError) as raised:
        deidentified(instance())
    assert raised.value.code == "gate_uid_mismatch"


@pytest.mark.usefixtures("blind_rules")
@pytest.mark.parametrize(
    "echo",
    [
        element(0x00080070, "LO", "Wunderlich"),
        element(0x00080070, "LO", "made for WUNDERLICH, Ltd"),
        element(0x00181020, "LO", "1.0\\PAT-4711"),
        element(0x00181210, "SH", "ACC4711"),
        element(0x00181020, "LO", "of 20200229"),
        element(0x00180015, "CS", "HEDWIG"),
        element(0x00283006, "OW", b"\0\1\2Wunderlich\3\0\0"),
        sequence(0x00082218, element(0x00080104, "LO", "Hedwig")),
        sequence(0x00082218, element(0x00080100, "SH", "PAT-4711") + element(0x00080102, "SH", "99LOCAL")),
    ],
)
def test_gate_finds_an_echo_in_what_stays(echo: bytes) -> None:
    with pytest.raises(DeidError) as raised:
        unremembered(instance(echo))
    assert raised.value.code == "gate_identifier_left"


def test_rules_put_a_dummy_for_a_kept_text_that_echoes_the_patient() -> None:
    dataset = read_back(
        deidentified(instance(element(0x00080070, "LO", "Wunderlich"), element(0x00180015, "CS", "HEDWIG")))[1]
    )
    assert (dataset.Manufacturer, dataset.BodyPartExamined) == ("REMOVED", "REMOVED")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("HEAD^JOHN", element(0x00180015, "CS", "HEAD")),
        ("PHILIPS^ANN", element(0x00080070, "LO", "Philips Medical Systems")),
        ("SIEMENS^WERNER", element(0x00080070, "LO", "SIEMENS")),
        ("CHEST^A", element(0x00180015, "CS", "CHEST")),
        ("ORIGINAL^PRIMARY", element(0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL")),
        ("Li^Xu", element(0x00080070, "LO", "Limited Li-Ming Makers")),
        ("Pat", element(0x00080070, "LO", "Patterson")),
        ("Ander^B", element(0x00080070, "LO", "Anderson")),
    ],
)
def test_patient_named_like_a_word_of_the_vocabulary_passes(name: str, kept: bytes) -> None:
    _, output = deidentified(instance(element(0x00100010, "PN", name), kept))
    assert kept[8:].rstrip(b" ") in output


def test_short_name_is_compared_as_a_whole() -> None:
    dataset = read_back(deidentified(instance(element(0x00100010, "PN", "Li"), element(0x00080070, "LO", "LI")))[1])
    assert dataset.Manufacturer == "REMOVED"


def test_moved_date_that_equals_another_original_date_passes() -> None:
    shifted = read_back(deidentified(instance())[1]).StudyDate
    output = read_back(deidentified(instance(element(0x00080021, "DA", shifted)))[1])
    assert output.StudyDate == shifted


def test_pseudonym_that_is_the_original_id_is_refused() -> None:
    pseudonym = read_back(deidentified(instance())[1]).PatientID
    import io

    from sendit.deid import PROFILES, Identifiers, deidentify

    with pytest.raises(DeidError) as raised:
        deidentify(
            io.BytesIO(instance()),
            io.BytesIO(),
            profile=PROFILES["basic"],
            keys=KEYS,
            identify=lambda _: Identifiers("PAT-4711", "", 1),
        )
    assert raised.value.code == "gate_identifier_left"
    assert pseudonym != "PAT-4711"


def test_gate_says_how_much_it_looked_for() -> None:
    report, _ = deidentified(instance())
    assert report.gate_values_searched >= 7
    assert report.gate_elements_searched >= 15


def test_evidence_is_collected_at_every_level() -> None:
    import io

    from sendit.deid import DEFAULT_LIMITS, PROFILES
    from sendit.deid.dicom.read import read_object
    from sendit.deid.dicom.stream import BoundedReader
    from sendit.deid.identity.collector import collected
    from sendit.deid.rules.compiled import rules_for

    data = instance(
        sequence(
            0x00400275,
            element(0x00401001, "SH", "REQ-77") + sequence(0x00082218, element(0x00080090, "PN", "Doktor^Dora")),
        )
    )
    opened = read_object(BoundedReader(io.BytesIO(data), 1 << 20), DEFAULT_LIMITS)
    rules = rules_for(PROFILES["basic"], opened.header.sop_class_uid)
    evidence: Evidence = collected(opened.elements, rules, opened.codecs, {})
    assert {"req-77", "doktor", "dora", "wunderlich", "pat-4711", "acc4711"} <= evidence.searched
    assert {"20200229", "19540314"} <= evidence.dates
    assert "1.2.826.0.1.111.1" in evidence.uids
