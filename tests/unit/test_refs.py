import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendit.errors import Code, Refused
from sendit.refs import BatchMessage, BatchName, is_unfinished, output_name, printable


@pytest.mark.parametrize("text", ["ST-000001", "1_6/ST-000001", "..name", "a b", "naïve", "new\nline", "$(x)"])
def test_names_of_folders_are_batch_names(text: str) -> None:
    assert str(BatchName.parse(text)) == text


@pytest.mark.parametrize("text", ["", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a\0b", "x" * 1025, "ä" * 513])
def test_names_that_could_leave_the_staging_area_or_overflow_are_refused(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        BatchName.parse(text)
    assert refusal.value.code is Code.BAD_NAME


@given(st.text())
def test_any_text_is_a_batch_name_or_refused_as_one(text: str) -> None:
    try:
        name = BatchName.parse(text)
    except Refused:
        return
    assert ".." not in name.parts
    assert str(name) == text


@pytest.mark.parametrize("component", ["ST-000001.tmp2343", "a.tmp", "a.TMP1", ".tmp"])
def test_an_extension_that_starts_with_tmp_means_unfinished(component: str) -> None:
    assert is_unfinished(component)
    assert BatchName.parse(f"1_6/{component}/x").unfinished


@pytest.mark.parametrize("component", ["ST-000001", "tmp", "tmp2343", "a.tmp1.done", "a.tem", "a tmp"])
def test_other_names_are_finished(component: str) -> None:
    assert not is_unfinished(component)


@pytest.mark.parametrize(
    ("text", "test"), [("test1", True), ("1/TEST_x", True), ("test/ST-1", False), ("atest", False)]
)
def test_a_last_component_that_starts_with_test_is_a_test_batch(text: str, test: bool) -> None:
    assert BatchName.parse(text).test is test


def test_ancestors_are_the_folders_around() -> None:
    assert [str(name) for name in BatchName.parse("a/b/c").ancestors()] == ["a", "a/b"]


@given(st.from_regex(r"[a-z0-9]{1,64}", fullmatch=True), st.text(st.characters(codec=None)), st.integers(0, 10**18 - 1))
def test_messages_come_back_as_they_were(batch_id: str, name: str, generation: int) -> None:
    message = BatchMessage(batch_id, name, generation)
    assert BatchMessage.from_json(message.to_json()) == message


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"7",
        b"{}",
        b"\xff\xfe",
        b'{"batch": 1, "name": "a", "generation": 1}',
        b'{"batch": "x", "name": "a", "generation": true}',
        b'{"batch": "x", "name": "a", "generation": "1"}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_message_is_refused_without_a_quote_of_it(data: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        BatchMessage.from_json(data)
    assert refusal.value.code is Code.MALFORMED_MESSAGE
    assert refusal.value.__cause__ is None


@given(st.binary(max_size=200))
def test_no_bytes_break_the_message_parser(data: bytes) -> None:
    try:
        BatchMessage.from_json(data)
    except Refused as refusal:
        assert refusal.code is Code.MALFORMED_MESSAGE


def test_an_output_name_has_the_four_levels() -> None:
    assert output_name("P-1", "2.25.1", "2.25.2", "2.25.3") == "P-1/2.25.1/2.25.2/2.25.3.dcm"


@pytest.mark.parametrize("patient", ["..", "a/../..", "", ".hidden", "a\nb", "Ä"])
def test_an_output_name_that_could_leave_the_store_is_refused(patient: str) -> None:
    with pytest.raises(ValueError, match="pseudonyms"):
        output_name(patient, "2.25.1", "2.25.2", "2.25.3")


def test_names_are_shown_without_control_and_direction_characters() -> None:
    assert printable("a\nb\x1b[31m\u202ec\udcff") == "a\\nb\\x1b[31m\\u202ec\\udcff"
