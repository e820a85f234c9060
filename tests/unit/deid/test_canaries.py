"""A value planted anywhere is nowhere in the output, nor in the report, an exception or a warning."""

from __future__ import annotations

import warnings
from struct import pack

import pytest
from tests.data.deid_objects import (
    EXPLICIT,
    IMPLICIT,
    deidentified,
    element,
    instance,
    read_back,
    sequence,
)

from sendit.deid import DeidError

CANARY = b"Kanarienvogel"
ANATOMIC_REGION = 0x00082218


def nested(depth: int, inner: bytes, *, undefined: bool) -> bytes:
    for _ in range(depth):
        inner = sequence(ANATOMIC_REGION, inner, undefined=undefined)
    return inner


PLACES: dict[str, bytes] = {
    "patient's name, all groups": element(0x00100010, "PN", CANARY + b"=" + CANARY + b"=" + CANARY),
    "patient comments": element(0x00104000, "LT", CANARY),
    "nested 5 deep": nested(5, element(0x00104000, "LT", CANARY), undefined=False),
    "nested 5 deep, undefined lengths": nested(5, element(0x00100010, "PN", CANARY), undefined=True),
    "private": element(0x00090010, "LO", "ACME") + element(0x00091001, "LO", CANARY),
    "private creator": element(0x00090010, "LO", CANARY),
    "private sequence": sequence(0x00091002, element(0x00104000, "LT", CANARY)),
    "private inside a public sequence": sequence(ANATOMIC_REGION, element(0x00091001, "UN", CANARY)),
    "UN": element(0x00091001, "UN", CANARY),
    "UN of a public text": element(0x00104000, "UN", CANARY),
    "UN of a public sequence": element(
        0x00082218, "UN", sequence(ANATOMIC_REGION, element(0x00104000, "LT", CANARY, implicit=True))[12:]
    ),
    "UN of a public sequence that is none": element(0x00082218, "UN", CANARY),
    "unknown public element": element(0x00083333, "LO", CANARY),
    "unlisted public text": element(0x00400280, "ST", CANARY),
    "unlisted public person": element(0x00142006, "PN", CANARY),
    "unlisted public date": element(0x00141020, "DA", b"20200229Kanarienvogel"),
    "text in a number": element(0x00180060, "DS", CANARY),
    "text in an integer": element(0x00200012, "IS", CANARY),
    "text in a code string": element(0x00180015, "CS", CANARY),
    "text declared for a number": element(0x00189073, "LO", CANARY),
    "number declared for a text": element(0x00104000, "US", CANARY + b" "),
    "text in a listed date": element(0x00080020, "DA", CANARY),
    "text in a listed time": element(0x00080030, "TM", CANARY),
    "text behind a date-time": element(0x0008002A, "DT", b"20200229101112" + CANARY),
    "text in a UID": element(0x00081155, "UI", CANARY),
    "overlay data": element(0x60003000, "OW", CANARY),
    "overlay comments": element(0x60204000, "LT", CANARY),
    "curve": element(0x50002500, "LO", CANARY),
    "group length with text": element(0x00100000, "LO", CANARY),
    "group 0004": element(0x00041500, "CS", CANARY),
    "group 0002 in the data set": element(0x00080005, "CS", "ISO_IR 100"),
    "command group": element(0x00001000, "UI", CANARY),
    "behind the terminator of a UID": element(0x00200052, "UI", b"1.2.826.0.1.9\0" + CANARY),
    "behind the terminator of a kept text": element(0x00080070, "LO", b"GE\0" + CANARY),
    "behind the terminator of a code string": element(0x00080060, "CS", b"CT\0" + CANARY),
    "behind the terminator of a number": element(0x00180050, "DS", b"1.5\0" + CANARY),
    "icon": sequence(0x00880200, element(0x7FE00010, "OB", CANARY)),
    "pixel data in a sequence": sequence(ANATOMIC_REGION, element(0x7FE00010, "OB", CANARY)),
    "certificate": element(0x04000115, "OB", CANARY),
    "signature": element(0x04000120, "OB", CANARY),
    "encrypted content": element(0x04000520, "OB", CANARY),
    "encapsulated document": element(0x00420011, "OB", CANARY),
    "HPGL document": element(0x00686300, "OB", CANARY),
    "record key": element(0x0008041B, "OB", CANARY),
    "person identification, by code": sequence(
        0x00401101, element(0x00080100, "SH", CANARY) + element(0x00080104, "LO", CANARY)
    ),
    "content sequence": sequence(
        0x0040A730,
        element(0x0040A040, "CS", "PNAME")
        + element(0x0040A123, "PN", CANARY)
        + element(0x0040A160, "UT", CANARY)
        + element(0x0040A30A, "DS", CANARY),
    ),
    "a de-identification method of before": element(0x00120063, "LO", CANARY),
    "a control character in a kept text": element(0x00080070, "LO", b"GE\x07" + CANARY),
    "undecodable kept text": element(0x00080070, "LO", b"\xff" + CANARY),
}


@pytest.mark.parametrize("profile", ["basic", "dated"])
@pytest.mark.parametrize("place", PLACES)
def test_canary_is_left_nowhere(place: str, profile: str) -> None:
    report, output = deidentified(instance(PLACES[place]), profile)
    assert CANARY not in output
    assert CANARY.decode() not in report.to_json_line()


def test_canary_around_the_data_set_is_left_nowhere() -> None:
    report, output = deidentified(
        instance(
            preamble=CANARY.ljust(128, b"\1"),
            meta_extra=(
                element(0x00020013, "SH", CANARY),
                element(0x00020016, "AE", CANARY),
                element(0x00020100, "UI", "1.2.3.4"),
                element(0x00020102, "OB", CANARY),
            ),
            trailer=element(0x7FE10010, "LO", CANARY)
            + sequence(0xFFFAFFFA, element(0x04000120, "OB", CANARY))
            + element(0xFFFCFFFC, "OB", CANARY),
        )
    )
    assert CANARY not in output
    assert output[:132] == bytes(128) + b"DICM"
    assert dict(report.attributes)["DataSetTrailingPadding"] == "remove"
    assert [element.tag.element for element in read_back(output).file_meta] == [0, 1, 2, 3, 0x10, 0x12, 0x13]


@pytest.mark.parametrize("transfer_syntax", [EXPLICIT, IMPLICIT])
def test_unknown_elements_of_either_encoding_go(transfer_syntax: str) -> None:
    implicit = transfer_syntax == IMPLICIT
    data = instance(
        element(0x00091001, "LO", CANARY, implicit=implicit),
        sequence(0x00091002, element(0x00104000, "LT", CANARY, implicit=implicit), implicit=implicit, undefined=True),
        element(0x00083333, "LO", CANARY, implicit=implicit),
        transfer_syntax=transfer_syntax,
    )
    assert CANARY not in deidentified(data)[1]


@pytest.mark.parametrize(
    ("character_set", "name"),
    [
        (b"ISO_IR 100", "Müller^Käthe".encode("latin-1")),
        (b"ISO_IR 192", "Müller^Käthe".encode()),
        (b"ISO_IR 192", "Мамонтов^Дмитрий".encode()),
        (b"GB18030", "王^小东".encode("gb18030")),
        (b"\\ISO 2022 IR 87", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B"),
        (b"\\ISO 2022 IR 149", b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7"),
        (b"ISO_IR 13", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3"),
        (b"NO SUCH SET", b"M\xfcller^K\xe4the"),
        (b"", b"M\xfcller^K\xe4the"),
    ],
)
@pytest.mark.parametrize("tag", [0x00100010, 0x00080090, 0x00104000, 0x00081050])
def test_names_of_every_character_set_go(character_set: bytes, name: bytes, tag: int) -> None:
    vr = "LT" if tag == 0x00104000 else "PN"
    data = instance(
        element(0x00080005, "CS", character_set),
        element(tag, vr, name),
        sequence(ANATOMIC_REGION, element(tag, vr, name)),
    )
    _, output = deidentified(data)
    for part in name.replace(b"=", b"^").split(b"^"):
        assert len(part) < 3 or part not in output


@pytest.mark.parametrize(
    ("character_set", "manufacturer"),
    [
        (b"ISO_IR 100", "Bärenröntgen".encode("latin-1")),
        (b"ISO_IR 192", "Bärenröntgen".encode()),
        (b"\\ISO 2022 IR 87", b"\x1b$B;3ED\x1b(B X"),
        (b"GB18030", "联影".encode("gb18030")),
    ],
)
def test_kept_text_keeps_its_bytes_in_its_character_set(character_set: bytes, manufacturer: bytes) -> None:
    data = instance(element(0x00080005, "CS", character_set), element(0x00080070, "LO", manufacturer))
    assert manufacturer in deidentified(data)[1]


def test_text_outside_its_character_set_goes() -> None:
    output = read_back(
        deidentified(instance(element(0x00080005, "CS", "NO SUCH SET"), element(0x00080070, "LO", b"B\xe4r")))[1]
    )
    assert "Manufacturer" not in output
    assert "SpecificCharacterSet" not in output


def test_marks_of_before_are_replaced_at_every_level() -> None:
    marks = (
        element(0x00120062, "CS", "NO")
        + element(0x00120063, "LO", "Other")
        + sequence(0x00120064)
        + element(0x00280303, "CS", "UNMODIFIED")
    )
    _, output = deidentified(instance(*split(marks), sequence(ANATOMIC_REGION, marks)), "basic")
    dataset = read_back(output)
    assert dataset.PatientIdentityRemoved == "YES"
    assert dataset.DeidentificationMethod == "sendit basic, PS3.15 2026c Annex E"
    assert [item.CodeValue for item in dataset.DeidentificationMethodCodeSequence] == ["113100"]
    assert dataset.LongitudinalTemporalInformationModified == "REMOVED"
    assert len(dataset[ANATOMIC_REGION].value[0]) == 0


def split(elements: bytes) -> list[bytes]:
    """Four encoded elements as a list; lengths are read from the elements themselves."""
    found: list[bytes] = []
    while elements:
        long = elements[4:6] == b"SQ"
        length = 12 + int.from_bytes(elements[8:12], "little") if long else 8 + elements[6]
        found.append(elements[:length])
        elements = elements[length:]
    return found


def test_marks_say_that_dates_were_moved() -> None:
    dataset = read_back(deidentified(instance())[1])
    assert [item.CodeValue for item in dataset.DeidentificationMethodCodeSequence] == ["113100", "113107"]
    assert dataset.LongitudinalTemporalInformationModified == "MODIFIED"


@pytest.mark.parametrize(
    "broken",
    [
        instance(element(0x00100020, "LO", CANARY), without=(0x0020000D,)),
        instance(element(0x00080018, "UI", CANARY)),
        instance(element(0x00100020, "LO", CANARY), pixels=bytes(16)),
        instance(element(0x00100020, "LO", CANARY), pixels=bytes(64)),
        instance(element(0x00100020, "LO", CANARY))[:-9],
        instance(element(0x00280008, "IS", CANARY)),
        instance(element(0x00280010, "US", CANARY)),
        instance(transfer_syntax="1.2.3." + "4" * 9) + CANARY,
        instance(sequence(0x00091001, CANARY)),
    ],
)
def test_refusal_quotes_nothing(broken: bytes) -> None:
    with warnings.catch_warnings(record=True) as caught, pytest.raises(DeidError) as raised:
        warnings.simplefilter("always")
        deidentified(broken)
    assert CANARY.decode() not in str(raised.value) + repr(raised.value) + "".join(str(w.message) for w in caught)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


def test_nothing_is_warned_of_or_logged(caplog: pytest.LogCaptureFixture) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for place in PLACES.values():
            deidentified(instance(place))
    assert not caplog.records


def test_useful_attributes_stay() -> None:
    dataset = read_back(
        deidentified(
            instance(
                element(0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL"),
                element(0x00080070, "LO", "SIEMENS"),
                element(0x00081090, "LO", "Sensation 64"),
                element(0x00180050, "DS", "1.25"),
                element(0x00180060, "DS", "120"),
                element(0x00181210, "SH", "B31f"),
                element(0x00185100, "CS", "HFS"),
                element(0x00200032, "DS", "-1.5\\2e1\\+3.25"),
                element(0x00280030, "DS", "0.48828125\\0.48828125"),
                element(0x00281050, "DS", "40"),
                element(0x00281053, "DS", "1"),
                element(0x00281054, "LO", "HU"),
                element(0x00189306, "FD", pack("<d", 0.6)),
                sequence(0x00082218, element(0x00080100, "SH", "T-D1100") + element(0x00080104, "LO", "Head")),
            )
        )[1]
    )
    assert dataset.Modality == "CT"
    assert list(dataset.ImageType) == ["ORIGINAL", "PRIMARY", "AXIAL"]
    assert (dataset.Manufacturer, dataset.ManufacturerModelName) == ("SIEMENS", "Sensation 64")
    assert (dataset.KVP, dataset.SliceThickness, dataset.ConvolutionKernel) == (120, 1.25, "B31f")
    assert list(dataset.ImagePositionPatient) == [-1.5, 20, 3.25]
    assert (dataset.WindowCenter, dataset.RescaleSlope, dataset.RescaleType) == (40, 1, "HU")
    assert dataset.SingleCollimationWidth == 0.6
    assert dataset.AnatomicRegionSequence[0].CodeMeaning == "Head"
    assert dataset.SOPClassUID == "1.2.840.10008.5.1.4.1.1.2"


@pytest.mark.parametrize("name", ["basic", "research", "strict"])
@pytest.mark.parametrize("nested", [False, True])
def test_a_colour_profile_goes_whatever_stands_in_it(name: str, nested: bool) -> None:
    """Its description, private tags and what lies behind it may name anybody, not only this patient."""
    profile = element(0x00282000, "OB", b"desc of Zacharias, tel 0664 9977")
    _, output = deidentified(instance(sequence(0x00480105, profile) if nested else profile), name)
    assert b"Zacharias" not in output
    assert 0x00282000 not in read_back(output)
