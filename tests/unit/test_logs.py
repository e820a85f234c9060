import io
import json
import logging
import sys
import warnings
from collections.abc import Iterator

import pytest

from sendit import logs
from sendit.settings import LogFormat, LogLevel

CANARY = "DOE^JOHN"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    stream = io.StringIO()
    logs.setup(LogFormat.JSON, LogLevel.DEBUG, stream)
    yield stream
    stream.close()


def last(lines: io.StringIO) -> dict[str, object]:
    line: dict[str, object] = json.loads(lines.getvalue().splitlines()[-1])
    return line


def test_an_event_is_one_json_line_in_cloud_loggings_structure(lines: io.StringIO) -> None:
    token = logs.trace.set("projects/p/traces/1")
    logs.event(logging.WARNING, "Something happened.", batch_id="b", image_id="i", code="truncated")
    logs.trace.reset(token)
    line = last(lines)
    assert line.pop("time")
    assert line == {
        "severity": "WARNING",
        "message": "Something happened.",
        "batch_id": "b",
        "image_id": "i",
        "code": "truncated",
        "logging.googleapis.com/trace": "projects/p/traces/1",
    }


def test_a_field_outside_the_closed_list_cannot_be_logged() -> None:
    with pytest.raises(TypeError):
        logs.event(logging.INFO, "Something happened.", patient_name=CANARY)


def test_what_a_library_logs_is_replaced_by_where_it_did(lines: io.StringIO) -> None:
    try:
        raise ValueError(CANARY)
    except ValueError:
        logging.getLogger("pydicom").warning("Invalid value %s", CANARY, exc_info=True)
    assert CANARY not in lines.getvalue()
    assert last(lines)["category"] == "pydicom"
    assert str(last(lines)["place"]).startswith("test_logs.py:")


def test_a_warning_is_routed_without_its_text(lines: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        # catch_warnings put pytest's own back
        warnings.showwarning = logs._route_warning
        warnings.warn(f"The value {CANARY} is odd", UserWarning, stacklevel=1)
    assert CANARY not in lines.getvalue()
    assert last(lines)["category"] == "UserWarning"


def test_an_uncaught_exception_is_reported_by_place_alone(lines: io.StringIO) -> None:
    try:
        raise ValueError(CANARY)
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)
    assert CANARY not in lines.getvalue()
    assert str(last(lines)["place"]).startswith("ValueError at test_logs.py:")


def test_people_get_text_and_no_json() -> None:
    stream = io.StringIO()
    logs.setup(LogFormat.TEXT, LogLevel.INFO, stream)
    logs.event(logging.INFO, "The batch rests.", batch_id="b", found=3)
    assert stream.getvalue() == "INFO The batch rests. batch_id=b found=3\n"


def test_less_severe_events_than_asked_for_are_left_out() -> None:
    stream = io.StringIO()
    logs.setup(LogFormat.JSON, LogLevel.WARNING, stream)
    logs.event(logging.INFO, "Not this one.")
    logs.event(logging.ERROR, "This one.")
    assert json.loads(stream.getvalue())["message"] == "This one."
