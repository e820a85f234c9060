from __future__ import annotations

import io
import pickle
import random
import zlib
from struct import pack

import pydicom
import pytest
from pydicom.data import get_testdata_file
from tests.data.deid_objects import (
    CT_STORAGE,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    KEYS,
    deidentified,
    element,
    file_meta,
    instance,
    read_back,
    sequence,
    tag_bytes,
)

from sendit.deid import DeidError, Limits, Refusal, inspect
from sendit.deid.dicom.read import read_object
from sendit.deid.dicom.stream import BoundedReader
from sendit.deid.errors import SENTENCES

ANATOMIC_REGION = 0x00082218


def read_file(name: str) -> bytes:
    path = get_testdata_file(name)
    assert path is not None
    with open(str(path), "rb") as file:  # noqa: PTH123
        return file.read()


def refusal(data: bytes, limits: Limits | None = None) -> Refusal:
    with pytest.raises(DeidError) as raised:
        if limits is None:
            deidentified(data)
        else:
            inspect(io.BytesIO(data), limits)
    assert str(raised.value) == SENTENCES[raised.value.code]
    return raised.value.code


def test_every_refusal_has_a_sentence_and_survives_pickling() -> None:
    assert set(SENTENCES) == set(Refusal)
    error = pickle.loads(pickle.dumps(DeidError(Refusal.TRUNCATED)))  # noqa: S301
    assert error.code is Refusal.TRUNCATED


@pytest.mark.parametrize(
    "data",
    [
        b"Read me first, please. " * 20,
        b'{"00080005": {"vr": "CS"}}' * 10,
        b"\x1f\x8b\x08\x00" + bytes(200),
        random.Random(1).randbytes(1000),  # noqa: S311
        bytes(1000),
        b"D",
        b"\x08\x00",
        b"%PDF-1.7" + bytes(500),
    ],
)
def test_what_is_not_dicom_is_called_so(data: bytes) -> None:
    assert refusal(data) == "not_dicom"


def test_empty_file_is_called_so() -> None:
    assert refusal(b"") == "empty_file"


@pytest.mark.parametrize("tag", [0x00080016, 0x00080018, 0x0020000D, 0x0020000E])
def test_missing_or_illegal_uid_is_refused(tag: int) -> None:
    assert refusal(instance(without=(tag,))) == "missing_uid"
    assert refusal(instance(element(tag, "UI", ""))) == "missing_uid"
    assert refusal(instance(element(tag, "UI", "../../etc/passwd"))) == "invalid_uid"
    assert refusal(instance(element(tag, "UI", "1.2.3\\1.2.4"))) == "invalid_uid"
    assert refusal(instance(element(tag, "UI", "1." + "2" * 70))) == "invalid_uid"


@pytest.mark.parametrize(
    "uid", ["1.2.840.113619.5.2", "1.2.3", "1.2.840.10008.1.2.4.94", CT_STORAGE, "1.2.840.10008.1.2.7.1"]
)
def test_transfer_syntax_that_is_private_or_has_no_pixels_is_refused(uid: str) -> None:
    assert refusal(instance(transfer_syntax=uid)) == "unsupported_transfer_syntax"


def test_big_endian_twin_gives_the_same_pixels() -> None:
    little, big = read_file("MR_small.dcm"), read_file("MR_small_bigendian.dcm")
    report, output = deidentified(big)
    assert read_back(output).PixelData == read_back(deidentified(little)[1]).PixelData
    assert report.normalised == ("big-endian",)
    assert report.transfer_syntax == EXPLICIT
    assert read_back(output).Rows == 64


def test_big_endian_32_bit_cells_turn_as_a_whole() -> None:
    big, little = deidentified(read_file("rtdose_expb.dcm"))[1], deidentified(read_file("rtdose.dcm"))[1]
    assert read_back(big).PixelData == read_back(little).PixelData


def big_endian(little: bytes) -> bytes:
    """A flat Explicit VR Little Endian data set in big endian, by pydicom."""
    dataset = pydicom.dcmread(io.BytesIO(little))
    buffer = io.BytesIO()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRBigEndian
    pydicom.dcmwrite(buffer, dataset, implicit_vr=False, little_endian=False, force_encoding=True)
    return buffer.getvalue()


def test_big_endian_numbers_and_sequences_are_turned() -> None:
    source = instance(
        element(0x00189306, "FD", pack("<d", 0.625)),
        element(0x00280009, "AT", tag_bytes(0x00181063)),
        element(0x00189073, "FD", pack("<dd", 1.0, 2.0)),
        sequence(ANATOMIC_REGION, element(0x00280106, "US", pack("<H", 513)), undefined=True),
        element(0x00281201, "OW", b"\1\2\3\4"),
    )
    turned = bytearray(big_endian(source))
    # pydicom leaves the words of OW values as they are when it changes the byte order
    at = turned.index(b"\1\2\3\4")
    turned[at : at + 4] = b"\2\1\4\3"
    at = turned.index(bytes(range(32)))
    turned[at : at + 32] = bytes(n ^ 1 for n in range(32))
    one, other = (read_back(deidentified(data)[1]) for data in (source, bytes(turned)))
    assert one == other


def test_deflated_object_is_inflated() -> None:
    plain = instance()
    start = plain.index(element(0x00080016, "UI", CT_STORAGE))
    squeeze = zlib.compressobj(wbits=-15)
    body = squeeze.compress(plain[start:]) + squeeze.flush()
    data = bytes(128) + b"DICM" + file_meta(DEFLATED) + body
    report, output = deidentified(data)
    assert output == deidentified(plain)[1]
    assert report.normalised == ("deflated",)
    for cut in range(1, len(body)):
        assert refusal(data[:-cut]) in {"truncated", "malformed"}


def test_deflate_bomb_is_refused() -> None:
    squeeze = zlib.compressobj(9, wbits=-15)
    body = squeeze.compress(bytes(5_000_000)) + squeeze.flush()
    data = bytes(128) + b"DICM" + file_meta(DEFLATED) + body
    assert refusal(data, Limits(max_inflated_bytes=1_000_000)) == "inflated_too_large"


def test_object_without_preamble_or_file_meta_is_read() -> None:
    plain = instance()
    reference = deidentified(plain)[1]
    start = plain.index(element(0x00080016, "UI", CT_STORAGE))
    for data, note in [
        (plain[128:], ("no-preamble",)),
        (plain[132:], ("no-preamble",)),
        (plain[start:], ("no-preamble", "no-file-meta", "transfer-syntax-guessed")),
        (plain[:132] + plain[start:], ("no-file-meta", "transfer-syntax-guessed")),
    ]:
        report, output = deidentified(data)
        assert output == reference
        assert report.normalised == note


def test_implicit_object_without_file_meta_stays_implicit() -> None:
    plain = instance(transfer_syntax=IMPLICIT)
    start = plain.index(element(0x00080016, "UI", CT_STORAGE, implicit=True))
    report, output = deidentified(plain[start:])
    assert report.transfer_syntax == IMPLICIT
    assert output == deidentified(plain)[1]


def test_wrong_group_length_of_file_meta_is_read_over() -> None:
    plain = instance()
    assert deidentified(plain.replace(plain[132:144], plain[132:140] + b"\x07\0\0\0"))[1] == deidentified(plain)[1]


def test_sop_instance_uid_of_the_data_set_wins() -> None:
    data = instance(element(0x00080018, "UI", "1.2.826.0.1.999"))
    report, output = deidentified(data)
    dataset = read_back(output)
    assert dataset.SOPInstanceUID == dataset.file_meta.MediaStorageSOPInstanceUID == KEYS.uid("1.2.826.0.1.999")
    assert report.sop_instance_uid == dataset.SOPInstanceUID


def test_padding_makes_no_other_patient() -> None:
    one = inspect(io.BytesIO(instance(element(0x00100020, "LO", "PAT-1"), element(0x00100021, "LO", "X "))))
    other = inspect(io.BytesIO(instance(element(0x00100020, "LO", b" PAT-1\0\0"), element(0x00100021, "LO", b"X\0"))))
    assert one.entity == other.entity
    assert (one.entity.patient_id, one.entity.issuer) == ("PAT-1", "X")


def test_inspect_tells_whose_it_is() -> None:
    header = inspect(io.BytesIO(instance()))
    assert header.found(0x00080060) == ("CT",)
    assert header.found(0x00100010) == ("Wunderlich^Hedwig",)
    assert header.found(0x00204000) is None
    assert header.sop_class_uid == CT_STORAGE
    assert (header.study_uid, header.series_uid) == ("1.2.826.0.1.222.1", "1.2.826.0.1.333.1")
    assert header.entity.accession == "ACC4711"
    assert "Wunderlich" not in repr(header)


def test_nested_text_inherits_the_character_set() -> None:
    data = instance(
        element(0x00080005, "CS", "ISO_IR 192"),
        sequence(ANATOMIC_REGION, element(0x00100010, "PN", "Müller".encode())),
    )
    kept = sequence(ANATOMIC_REGION, element(0x00080104, "LO", "für Müller".encode()))
    for nested in (
        data,
        instance(element(0x00080005, "CS", "ISO_IR 192"), element(0x00100010, "PN", "Müller".encode()), kept),
    ):
        assert "Müller".encode() not in deidentified(nested)[1]


@pytest.mark.parametrize("undefined", [True, False])
def test_endless_nesting_is_malformed(undefined: bool) -> None:
    inner = b""
    for _ in range(1000):
        inner = sequence(ANATOMIC_REGION, inner, undefined=undefined)
        if len(inner) > 60_000:
            break
    assert refusal(instance(inner)) == "malformed"


def test_nesting_inside_un_is_bounded() -> None:
    inner = element(0x00104000, "LT", "x", implicit=True)
    for _ in range(200):
        inner = sequence(ANATOMIC_REGION, inner, implicit=True)
    _, output = deidentified(instance(element(ANATOMIC_REGION, "UN", inner[8:])))
    assert "AnatomicRegionSequence" not in read_back(output)


@pytest.mark.parametrize(
    "broken",
    [
        element(0x00104000, "LT", "twice") + element(0x00104000, "LT", "twice"),
        tag_bytes(0x00104000) + b"xx\x04\x00abcd",
        tag_bytes(0x00104000) + b"QQ\x04\x00abcd",
        sequence(ANATOMIC_REGION, element(0x00104000, "LT", "abcd")[:-2]),
        element(ANATOMIC_REGION, "SQ", b"abcdefgh"),
        element(ANATOMIC_REGION, "SQ", b"\xfe\xff\x00\xe0\xff\x00\x00\x00"),
        element(0x00104000, "UT", "abcd", undefined=True),
        tag_bytes(0xFFFEE00D) + bytes(4),
    ],
)
def test_contradicting_lengths_tags_and_vrs_are_malformed(broken: bytes) -> None:
    assert refusal(instance(broken)) == "malformed"


def test_elements_behind_the_pixel_data_that_belong_before_it_are_malformed() -> None:
    assert refusal(instance(trailer=element(0x00100010, "PN", "Late"))) == "malformed"


def test_header_is_bounded_before_anything_is_allocated() -> None:
    data = instance(element(0x00283006, "OW", bytes(100_000)))
    assert refusal(data, Limits(max_header_bytes=50_000)) == "header_too_large"
    hostile = tag_bytes(0x00104000) + b"UT\0\0\xfe\xff\xff\xff" + b"only this"
    assert refusal(instance(hostile, pixels=None)) == "truncated"


def test_many_tiny_elements_and_items_are_bounded() -> None:
    items = sequence(ANATOMIC_REGION, *[b""] * 5_000)
    assert refusal(instance(items), Limits(max_elements=40_000)) == "header_too_large"
    assert refusal(instance(items), Limits(max_header_bytes=40_000)) == "header_too_large"
    inspect(io.BytesIO(instance(items)), Limits(max_elements=41_000))


def test_sequences_in_un_share_the_budget_of_the_object() -> None:
    inner = sequence(ANATOMIC_REGION, element(0x00104000, "LT", bytes(1_000), implicit=True), implicit=True)[8:]
    data = instance(element(ANATOMIC_REGION, "UN", inner))
    assert refusal(data, Limits(max_header_bytes=2_000)) == "header_too_large"
    opened = read_object(BoundedReader(io.BytesIO(data), 1 << 20), Limits(max_header_bytes=3_000))
    found = next(one for one in opened.elements if one.tag == ANATOMIC_REGION)
    assert [[one.tag for one in item] for item in found.items or []] == [[0x00104000]]


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "rtplan.dcm",
        "rtstruct.dcm",
        "image_dfl.dcm",
        "JPEG2000.dcm",
        "MR_small_implicit.dcm",
        "MR_small_bigendian.dcm",
    ],
)
def test_no_cut_of_a_file_passes_with_less_than_it_had(name: str) -> None:
    data = read_file(name)
    whole = deidentified(data)[0]
    chance = random.Random(name)  # noqa: S311
    cuts = {len(data) - 1, len(data) - 2, len(data) - 8, len(data) - 9, 1, 127, 128, 131, 132, 133, 140}
    cuts |= {chance.randrange(len(data)) for _ in range(60)}
    for cut in sorted(cuts):
        try:
            report, _ = deidentified(data[:cut])
        except DeidError as error:
            assert error.code in {"not_dicom", "truncated", "missing_uid", "no_pixel_data", "malformed"}
        else:
            # only the pad byte behind a deflated stream may be missing
            assert report.pixel_bytes == whole.pixel_bytes
            assert report.pixel_crc32c == whole.pixel_crc32c
            assert report.sop_instance_uid == whole.sop_instance_uid


def test_every_cut_of_a_small_image_is_refused() -> None:
    data = instance(sequence(ANATOMIC_REGION, element(0x00104000, "LT", "abcd"), undefined=True))
    for cut in range(1, len(data)):
        assert refusal(data[:cut]) in {
            "not_dicom",
            "truncated",
            "missing_uid",
            "no_pixel_data",
            "malformed",
            "unsupported_transfer_syntax",
        }
