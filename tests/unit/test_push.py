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
from sendit.errors import BatchError, Code, ImageError, LeaseHeld, LeaseLost, Refused, TransientError, UsageError
from sendit.refs import BatchMessage, GcsPlace, Marker
from sendit.settings import LogFormat, LogLevel

CANARY = "DOE^JANE-CANARY"
STAGING = GcsPlace.parse("gs://staging-bucket/below")
MESSAGE = BatchMessage("id", "new\nline \udcff ü", 7)
FUNCTION = """
import flask, functions_framework
from sendit import push
settings = push.serve(flask.current_app)
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
    ],
)
def test_an_event_about_anything_else_is_answered_and_not_followed(
    app: flask.Flask, client: FlaskClient, log: io.StringIO, changes: dict[str, str], code: Code
) -> None:
    assert followed(app, client, notification(**changes)) == []
    assert [line["code"] for line in lines(log)] == [code]


def test_log_lines_of_a_request_carry_its_trace(
    app: flask.Flask, client: FlaskClient, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "a-project")
    trace = "0123456789abcdef0123456789abcdef"
    client.post("/", json={}, headers={"X-Cloud-Trace-Context": f"{trace}/1;o=1"})
    client.post("/", json={}, headers={"X-Cloud-Trace-Context": f"{CANARY}/1"})
    traces = [line.get("logging.googleapis.com/trace") for line in lines(log)]
    assert traces == [f"projects/a-project/traces/{trace}", None]


def test_settings_that_do_not_fit_stop_a_function_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENDIT_STAGING", "s3://elsewhere")
    source = tmp_path / "main.py"
    source.write_text(FUNCTION, "utf-8")
    with pytest.raises(UsageError) as error:
        functions_framework.create_app("function", str(source), "cloudevent")
    assert error.value.code is Code.BAD_SETTING
    assert "SENDIT_STAGING" in error.value.hint
