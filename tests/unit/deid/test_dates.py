from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.deid_objects import KEYS, deidentified, element, instance, read_back, result, sequence

from sendit.deid.values.dates import moved

DAYS = read_back(deidentified(instance())[1]).StudyDate
SHIFT = (date(2020, 2, 29) - date(int(DAYS[:4]), int(DAYS[4:6]), int(DAYS[6:]))).days


def test_shift_is_the_one_of_the_patient() -> None:
    from sendit.deid import Entity

    entity = Entity("", "PAT-4711", "1.2.826.0.1.222.1", "ACC4711")
    assert KEYS.identifiers(entity).shift_days == SHIFT


@given(st.dates(date(1980, 1, 2), date(2099, 12, 31)), st.integers(-365, 365))
def test_date_moves_by_whole_days(day: date, days: int) -> None:
    text = f"{day.year:04d}{day.month:02d}{day.day:02d}"
    earlier = day - timedelta(days=days)
    assert moved("DA", [text], days) == [f"{earlier.year:04d}{earlier.month:02d}{earlier.day:02d}"]
    assert moved("DT", [text + "101112.123456+0130"], days) == [
        f"{earlier.year:04d}{earlier.month:02d}{earlier.day:02d}101112.123456+0130"
    ]


@pytest.mark.parametrize(
    ("vr", "value"),
    [
        ("DA", "2020"), ("DA", "202002"), ("DA", "20200230"), ("DA", "2020.02.29"), ("DA", "20200101-20200201"),
        ("DA", "00010101"), ("DA", "18581117"), ("DA", "19000101"), ("DA", "19700101"), ("DA", "99991231"),
        ("DT", "19000101000000"), ("DA", "2020010٣"), ("DA", "x"), ("DT", "2020"), ("DT", "202002"),
        ("DT", "2020022925"),
        ("DT", "20200229101112.1234567"), ("DT", "20200229+9999"), ("TM", "25"), ("TM", "10:11:12"),
        ("TM", "1011-1012"), ("TM", "1"), ("TM", "101161"), ("LO", "20200229"),
    ],
)  # fmt: skip
def test_what_is_not_one_exact_moment_is_not_moved(vr: str, value: str) -> None:
    assert moved(vr, [value], 3) is None
    assert moved(vr, ["", value], 3) is None


@pytest.mark.parametrize("value", ["10", "1011", "101112", "101112.1", "235960", "000000.000000"])
def test_time_of_day_stays(value: str) -> None:
    assert moved("TM", [value, ""], 3) == [value, ""]


def test_several_values_move_each() -> None:
    dataset = result(element(0x0008_0022, "DA", "20200229\\\\20200101"))
    first, empty, second = dataset.AcquisitionDate
    assert empty == ""
    assert date(*parts(first)) - date(*parts(second)) == timedelta(days=59)


def parts(text: str) -> tuple[int, int, int]:
    return int(text[:4]), int(text[4:6]), int(text[6:])


def test_intervals_within_a_patient_stay_as_they_were() -> None:
    dataset = result(
        element(0x00080021, "DA", "20200301"),
        element(0x0008002A, "DT", "20200302235959.5-0500"),
        sequence(0x00540016, element(0x00181078, "DT", "20200229080000")),
    )
    assert dataset.AcquisitionDateTime.endswith("235959.5-0500")
    assert date(*parts(dataset.SeriesDate)) - date(*parts(dataset.StudyDate)) == timedelta(days=1)
    nested = dataset.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartDateTime
    assert nested[:8] == dataset.StudyDate


def test_date_that_cannot_be_moved_gets_the_basic_action() -> None:
    dataset = result(
        element(0x00080020, "DA", "202002"),
        element(0x00080012, "DA", "202002"),
        element(0x00181200, "DA", "202002"),
    )
    assert dataset.StudyDate == ""
    assert "InstanceCreationDate" not in dataset  # of Type 3 in a CT
    assert "DateOfLastCalibration" not in dataset


def test_birth_date_is_emptied_with_either_profile() -> None:
    assert result().PatientBirthDate == ""
    assert result(profile="basic").PatientBirthDate == ""


def test_basic_profile_keeps_no_date_and_no_time() -> None:
    dataset = result(element(0x00080030, "TM", "101112"), element(0x00080021, "DA", "20200301"), profile="basic")
    assert (dataset.StudyDate, dataset.StudyTime) == ("", "")
    assert "SeriesDate" not in dataset


def test_public_constants_that_look_like_dates_do_not_disclose_the_shift() -> None:
    dataset = result(
        element(0x00080201, "SH", "+0100"),
        sequence(
            0x00082218,
            element(0x00080100, "SH", "T-D1100")
            + element(0x00080106, "DT", "20020904")
            + element(0x00080107, "DT", "20020904")
            + element(0x0040DB06, "DT", "20020904"),
        ),
    )
    item = dataset.AnatomicRegionSequence[0]
    assert item.ContextGroupVersion == item.ContextGroupLocalVersion == "19000101000000"
    assert "TemplateVersion" not in item
    assert "TimezoneOffsetFromUTC" not in dataset


def test_date_outside_the_table_is_neither_kept_nor_moved() -> None:
    assert "ExpiryDate" not in result(element(0x00141020, "DA", "20200229"))
