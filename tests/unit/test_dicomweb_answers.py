"""Whatever a server answers, an image counts as taken only where the answer says so."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tampering import Answered, Tampering, tampering

from sendit.adapters.dicomweb_auth import Nobody
from sendit.adapters.dicomweb_link import Link, Setback
from sendit.adapters.dicomweb_listing import listed, number_listed
from sendit.adapters.dicomweb_store import Said, _said
from sendit.deadline import ENDLESS
from sendit.errors import DestinationError

TAGS = st.sampled_from(["00081199", "00081198", "00081155", "00081197", "Value", "vr", "00080018"])
LEAVES = st.none() | st.booleans() | st.integers() | st.sampled_from(["1.2.3", "2.25.4", "", "SQ"])
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TAGS, inner, max_size=4), max_leaves=12
)


def items(*uids: str, reason: int | None = None) -> dict[str, Any]:
    more = {} if reason is None else {"00081197": {"vr": "US", "Value": [reason]}}
    return {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": [uid]}} | more for uid in uids]}


@given(JSON)
def test_an_answer_of_any_shape_is_understood_or_a_setback(answer: Any) -> None:
    try:
        said = _said(answer)
    except Setback:
        return
    taken = {uid for uid, word in said.items() if word is Said.TAKEN}
    assert taken <= {
        one for one in ("1.2.3", "2.25.4", "", "SQ") if json.dumps(one) in json.dumps(answer.get("00081199"))
    }


def test_each_instance_has_its_own_word_and_failing_is_the_last() -> None:
    answer = {"00081199": items("1", "2"), "00081198": items("2", "3", reason=0xA700)}
    assert _said(answer) == {"1": Said.TAKEN, "2": Said.REFUSED, "3": Said.REFUSED}
    assert _said({"00081198": items("4", reason=0x0111)}) == {"4": Said.THERE}


@contextmanager
def answering(data: object, status: int = 200) -> Iterator[tuple[Link, Tampering]]:
    """A link to a server that always answers the same."""
    with tampering("127.0.0.1:1") as server:
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        server.tamper = lambda *_: Answered(status, body, {"Content-Type": "application/dicom+json"})
        with Link(f"http://{server.host}", Nobody(), ENDLESS, (), 1) as link:
            yield link, server


def test_a_server_that_always_shows_the_same_is_not_asked_for_ever() -> None:
    with answering([{"00080018": {"vr": "UI", "Value": ["1.2"]}}]) as (link, server):
        assert listed(link, "/studies/1/series/2") == {"1.2"}
        assert len(server.asked) == 2


@pytest.mark.parametrize("answer", [{}, [1], [{}], [{"00080018": {}}], b"[", b"", b"[" * 100_000])
def test_a_list_of_another_shape_is_a_setback_and_no_empty_list(answer: object) -> None:
    with answering(answer) as (link, _), pytest.raises(Setback):
        listed(link, "/studies/1/series/2")


def test_404_of_everything_is_no_server() -> None:
    with answering(b"", 404) as (link, _), pytest.raises(DestinationError):
        listed(link, "/studies/1/series/2")


@pytest.mark.parametrize("value", [["x"], [None], [], "7", {"a": 1}])
def test_a_number_that_is_none_is_zero(value: object) -> None:
    item = {"0020000E": {"vr": "UI", "Value": ["2"]}, "00201209": {"vr": "IS", "Value": value}}
    with answering([item]) as (link, _):
        assert number_listed(link, "1", "2") in {0, 7}


def test_the_number_is_that_of_the_series() -> None:
    two = [{"0020000E": {"Value": [uid]}, "00201209": {"Value": [number]}} for uid, number in (("2", "11"), ("3", 500))]
    with answering(two) as (link, _):
        assert number_listed(link, "1", "2") == 11
