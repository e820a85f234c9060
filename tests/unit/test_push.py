"""What a function answers to a push of Pub/Sub, through the real functions-framework in this process."""

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flask
import functions_framework
import pytest
from cloudevents.http import CloudEvent
from flask.testing import FlaskClient

from sendit import logs, push
from sendit.errors import BatchError, Busy, Code, ImageError, LeaseHeld, LeaseLost, Refused, TransientError, UsageError
from sendit.finalize import Verdict, finalize
from sendit.process import process
from sendit.refs import BatchMessage, GcsPlace, Marker
from sendit.settings import LogFormat, LogLevel

CANARY = "DOE^JANE-CANARY"
STAGING = GcsPlace.parse("gs://staging-bucket/below")
MESSAGE = BatchMessage("id", "new\nline \udcff ü", 7)
FUNCTION = """
import flask, functions_framework
from sendit import push
settings = push.serve(flask.current_app, lambda settings: None)
@functions_framework.cloud_event
def function(pushed):
    flask.current_app.config["handle"](pushed)
"""


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def app(tmp_path: Path, log: io.StringIO) -> Iterator[flask.Flask]:
    source = tmp_path / "main.py"
    source.write_text(FUNCTION, "utf-8")
    made = functions_framework.create_app("function", str(source), "cloudevent")
    logs.setup(LogFormat.JSON, LogLevel.DEBUG, log)
    made.config["handle"] = lambda pushed: None
    yield made
    logs.trace.set("")


@pytest.fixture
def client(app: flask.Flask) -> FlaskClient:
    return app.test_client()


def pushed(data: bytes = b"", **attributes: str) -> dict[str, Any]:
    message = {"data": base64.b64encode(data).decode(), "attributes": attributes, "messageId": "1"}
    return {"message": message, "subscription": "projects/p/subscriptions/s"}


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("error", "status", "severity"),
    [
        (Refused(Code.OVERLAP), 204, "WARNING"),
        (Refused(Code.MALFORMED_MESSAGE), 204, "WARNING"),
        (LeaseHeld(), 503, "INFO"),
        (Busy(), 503, "INFO"),
        (LeaseLost(), 503, "WARNING"),
        (TransientError(Code.STATUS_UNAVAILABLE), 503, "WARNING"),
        (UsageError(Code.NOT_CONFIGURED, "Set SENDIT_STAGING=gs://bucket."), 500, "CRITICAL"),
        (BatchError(Code.NO_FILES), 500, "ERROR"),
        (ImageError(Code.TRUNCATED), 500, "ERROR"),
        (ValueError(CANARY), 500, "ERROR"),
        (KeyError(CANARY), 500, "ERROR"),
    ],
)
def test_the_class_of_an_exception_decides_the_answer_and_no_text_of_it_is_told(
    app: flask.Flask, client: FlaskClient, log: io.StringIO, error: Exception, status: int, severity: str
) -> None:
    def fail(_: CloudEvent) -> None:
        raise error

    app.config["handle"] = fail
    answer = client.post("/", json=pushed(b"data"))
    assert (answer.status_code, answer.data) == (status, b"")
    assert [line["severity"] for line in lines(log)] == [severity]
    assert CANARY not in log.getvalue()


def test_what_is_done_is_answered_with_2xx(client: FlaskClient, log: io.StringIO) -> None:
    assert client.post("/projects/p/topics/t", json=pushed(b"data")).status_code == 200
    assert log.getvalue() == ""


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/json"),
        (b"not json", "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"[]", "application/json"),
        (b"null", "application/json"),
        (b'"text"', "application/json"),
        (b"3", "application/json"),
        (b"{}", "application/json"),
        (b'{"message": null}', "application/json"),
        (b'{"message": []}', "application/json"),
        (b'{"message": {}}', "application/json"),
        (b'{"message": {"messageId": "1"}, "subscription": "s"}', "application/json"),
        (b'{"message": {"data": "aGk="}, "subscription": "s"}', "application/json"),
        (b'{"message": {"data": "aGk=", "messageId": 1}, "subscription": 7}', "application/json"),
        (b'{"specversion": "1.0"}', "application/cloudevents+json"),
        (b"not json", "application/cloudevents+json"),
        (b"hello", "text/plain"),
        (b"[" * 100_000, "application/json"),
    ],
)
def test_a_malformed_push_is_answered_and_logged_and_never_comes_again(
    app: flask.Flask, client: FlaskClient, log: io.StringIO, body: bytes, kind: str
) -> None:
    app.config["handle"] = push.batch_message_of
    answer = client.post("/", data=body, content_type=kind)
    assert answer.status_code == 204
    assert [line["code"] for line in lines(log)] == [Code.MALFORMED_MESSAGE]


def test_a_push_whose_envelope_is_right_and_whose_message_is_not_sendits_is_malformed(
    app: flask.Flask, client: FlaskClient, log: io.StringIO
) -> None:
    app.config["handle"] = push.batch_message_of
    for data in (b"", b"hello", b"{}", b'{"batch": 1, "name": "n", "generation": 1}', b"\x00\xff"):
        assert client.post("/", json=pushed(data)).status_code == 204
    broken = pushed()
    broken["message"]["data"] = f"*{CANARY}*"
    assert client.post("/", json=broken).status_code == 204
    assert {line["code"] for line in lines(log)} == {Code.MALFORMED_MESSAGE}
    assert CANARY not in log.getvalue()


class Broken(io.BytesIO):
    """A body whose connection is reset when it is read."""

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        raise ConnectionResetError(CANARY)


@pytest.mark.parametrize("terminated", [True, False])
@pytest.mark.parametrize("body", [Broken(), io.BytesIO(b'{"mess'), io.BytesIO()], ids=["reset", "half", "none"])
def test_a_push_that_is_cut_short_comes_again(
    client: FlaskClient, log: io.StringIO, body: io.BytesIO, terminated: bool
) -> None:
    # gunicorn says that it ends the body itself; the server of functions-framework for other systems does not
    cut = {"wsgi.input": body, "CONTENT_LENGTH": "100", "wsgi.input_terminated": terminated}
    answer = client.post("/", content_type="application/json", environ_overrides=cut)
    assert answer.status_code == 503
    assert [(line["severity"], line["code"]) for line in lines(log)] == [("WARNING", "push_cut_short")]
    assert CANARY not in log.getvalue()


def test_a_batch_message_arrives_as_it_was_published(app: flask.Flask, client: FlaskClient) -> None:
    received: list[BatchMessage] = []
    app.config["handle"] = lambda event: received.append(push.batch_message_of(event))
    assert client.post("/", json=pushed(MESSAGE.to_json())).status_code == 200
    assert received == [MESSAGE]


def notification(**changes: str) -> dict[str, str]:
    return {
        "bucketId": "staging-bucket",
        "objectId": "below/finalize/1_6/ST-000001",
        "objectGeneration": "1700000000000001",
        "eventType": "OBJECT_FINALIZE",
        **changes,
    }


def followed(app: flask.Flask, client: FlaskClient, attributes: dict[str, str]) -> list[Marker]:
    received: list[Marker] = []
    app.config["handle"] = lambda event: received.append(push.marker_of(event, STAGING))
    assert client.post("/", json=pushed(b"{}", **attributes)).status_code in {200, 204}
    return received


def test_a_notification_about_a_marker_is_that_marker(app: flask.Flask, client: FlaskClient) -> None:
    assert followed(app, client, notification()) == [Marker("1_6/ST-000001", 1700000000000001)]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"eventType": "OBJECT_DELETE"}, Code.NOT_A_MARKER),
        ({"bucketId": "another"}, Code.NOT_A_MARKER),
        ({"objectId": "below/incoming/ST-1/a.dcm"}, Code.NOT_A_MARKER),
        ({"objectId": "finalize/ST-1"}, Code.NOT_A_MARKER),
        ({"objectGeneration": "-1"}, Code.MALFORMED_MESSAGE),
        ({"objectGeneration": "²"}, Code.MALFORMED_MESSAGE),
        ({"objectGeneration": ""}, Code.MALFORMED_MESSAGE),
        ({"objectGeneration": "1" * 5000}, Code.MALFORMED_MESSAGE),
        ({"objectGeneration": f"{2**63}"}, Code.MALFORMED_MESSAGE),
    ],
)
def test_an_event_about_anything_else_is_answered_and_not_followed(
    app: flask.Flask, client: FlaskClient, log: io.StringIO, changes: dict[str, str], code: Code
) -> None:
    assert followed(app, client, notification(**changes)) == []
    assert [line["code"] for line in lines(log)] == [code]


@pytest.mark.parametrize(
    "fields",
    [
        {"batch": ""},
        {"batch": "a/b"},
        {"batch": ".."},
        {"batch": "__x__"},
        {"batch": "\ud800"},
        {"batch": "é"},
        {"batch": "a" * 65},
        {"batch": None},
        {"generation": 2**63},
        {"generation": -1},
        {"generation": 10**4000},
        {"generation": True},
        {"generation": 7.0},
        {"name": ["n"]},
    ],
)
def test_a_message_that_no_batch_can_have_is_malformed_before_any_store_is_asked(
    app: flask.Flask, client: FlaskClient, log: io.StringIO, fields: dict[str, object]
) -> None:
    app.config["handle"] = push.batch_message_of
    data = json.dumps({"batch": "0123456789abcdef0123", "name": "ST-1", "generation": 7} | fields).encode("ascii")
    assert client.post("/", json=pushed(data)).status_code == 204
    assert [line["code"] for line in lines(log)] == [Code.MALFORMED_MESSAGE]


@pytest.mark.parametrize("digits", [5000, 100_000])
def test_a_message_with_a_number_that_python_will_not_read_is_malformed(
    app: flask.Flask, client: FlaskClient, log: io.StringIO, digits: int
) -> None:
    app.config["handle"] = push.batch_message_of
    number = b"1" * digits
    data = b'{"batch": "0123456789abcdef0123", "name": "ST-1", "generation": %s}' % number
    assert client.post("/", json=pushed(data)).status_code == 204
    body = b'{"message": {"messageId": "1", "data": "", "number": %s}}' % number
    assert client.post("/", data=body, content_type="application/json").status_code == 204
    assert [line["code"] for line in lines(log)] == [Code.MALFORMED_MESSAGE] * 2


@pytest.mark.parametrize("data", ["é", "aGk", "aGk=é", "\ud800", 7, None, ["aGk="], {"aGk=": 1}])
def test_data_that_is_no_base64_is_malformed(
    app: flask.Flask, client: FlaskClient, log: io.StringIO, data: object
) -> None:
    app.config["handle"] = push.batch_message_of
    body = pushed()
    body["message"]["data"] = data
    assert client.post("/", json=body).status_code == 204
    assert [line["code"] for line in lines(log)] == [Code.MALFORMED_MESSAGE]


@pytest.mark.parametrize("name", ["\ud800", "a/\udfff", "a\0b", "", "..", "x" * 1025])
def test_a_batch_name_that_no_folder_can_have_is_answered_by_both_functions_with_one_line(
    app: flask.Flask, client: FlaskClient, log: io.StringIO, name: str
) -> None:
    nobody: Any = None  # neither store nor queue may be asked
    app.config["handle"] = lambda event: process(push.batch_message_of(event), nobody)
    message = BatchMessage("0123456789abcdef0123", name, 7)
    assert client.post("/", json=pushed(message.to_json())).status_code == 204
    assert [line["code"] for line in lines(log)] == [Code.BAD_NAME]
    (marker,) = followed(app, client, notification(objectId=f"below/finalize/{name}"))
    assert finalize(marker, store=nobody, queue=nobody, ids=nobody, clock=nobody).verdict is Verdict.BAD_NAME
    assert [line.get("verdict") for line in lines(log)[1:]] == [Verdict.BAD_NAME]


def test_a_marker_whose_name_is_no_utf_8_is_refused_with_one_line(
    app: flask.Flask, client: FlaskClient, log: io.StringIO
) -> None:
    assert followed(app, client, notification(objectId="below/finalize/a\udcff")) == []
    assert [line["code"] for line in lines(log)] == [Code.BAD_NAME]


@pytest.mark.parametrize(
    ("data", "tick"),
    [
        (b'{"tick": "2026-11-27T12:00:00Z"}', True),
        (b'{"tick": null}', True),
        (b'{"tick": 1, "batch": "b"}', False),
        (b'"tick"', False),
        (b"[" * 100_000, False),
        (b"\xff", False),
        (b"", False),
        (MESSAGE.to_json(), False),
    ],
)
def test_a_tick_is_known_by_what_it_says(app: flask.Flask, client: FlaskClient, data: bytes, tick: bool) -> None:
    received: list[bool] = []
    app.config["handle"] = lambda event: received.append(push.is_tick(event))
    assert client.post("/", json=pushed(data)).status_code == 200
    assert received == [tick]


def test_a_dead_letter_is_what_it_was_before_it_died(app: flask.Flask, client: FlaskClient) -> None:
    received: list[Marker | BatchMessage] = []
    app.config["handle"] = lambda event: received.append(push.dead_letter_of(event, STAGING))
    source = {"CloudPubSubDeadLetterSourceSubscription": "batches-push"}  # what Pub/Sub adds
    assert client.post("/", json=pushed(MESSAGE.to_json(), **source)).status_code == 200
    assert client.post("/", json=pushed(b"{}", **notification(), **source)).status_code == 200
    assert received == [MESSAGE, Marker("1_6/ST-000001", 1700000000000001)]


def test_log_lines_of_a_request_carry_its_trace(
    app: flask.Flask, client: FlaskClient, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "a-project")
    trace = "0123456789abcdef0123456789abcdef"
    client.post("/", json={}, headers={"X-Cloud-Trace-Context": f"{trace}/1;o=1"})
    client.post("/", json={}, headers={"X-Cloud-Trace-Context": f"{CANARY}/1"})
    traces = [line.get("logging.googleapis.com/trace") for line in lines(log)]
    assert traces == [f"projects/a-project/traces/{trace}", None]


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("SENDIT_STAGING", "s3://elsewhere", "SENDIT_STAGING"),
        ("SENDIT_LEASE_TTL", "1.25e1", "SENDIT_LEASE_HEARTBEAT"),
        ("SENDIT_STAGNIG", "gs://bucket", "SENDIT_STAGNIG"),
    ],
)
def test_settings_that_do_not_fit_stop_a_function_from_starting_and_its_stderr_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    variable: str, value: str, named: str,
) -> None:  # fmt: skip
    monkeypatch.setenv(variable, value)
    source = tmp_path / "main.py"
    source.write_text(FUNCTION, "utf-8")
    with pytest.raises(UsageError) as error:
        functions_framework.create_app("function", str(source), "cloudevent")
    assert error.value.code in {Code.BAD_SETTING, Code.UNKNOWN_SETTING}
    (line,) = capfd.readouterr().err.splitlines()
    told = json.loads(line)
    assert (told["severity"], told["code"]) == ("CRITICAL", error.value.code)
    assert named in told["setting"]
    assert value not in line
