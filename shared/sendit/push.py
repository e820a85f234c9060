"""What a function does with a push of Pub/Sub: unpack it, and answer it by the class of what was raised.

A push subscription takes 2xx alone for an answer; everything else is delivered again, with backoff. So whatever a
retry would not change is answered with 204, malformed pushes included, and only what may pass is a 5xx.
"""

import base64
import json
import logging
import os
import re
from collections.abc import Callable
from http import HTTPStatus

import flask
from cloudevents.exceptions import GenericException as NoCloudEvent
from cloudevents.http import CloudEvent
from werkzeug.exceptions import (
    BadRequest,
    ClientDisconnected,
    HTTPException,
    RequestEntityTooLarge,
    UnsupportedMediaType,
)

from sendit import logs
from sendit.errors import SENTENCES, Busy, Code, LeaseHeld, Refused, SenditError, TransientError, UsageError
from sendit.logs import event
from sendit.refs import BatchMessage, GcsPlace, Marker, dead_letter
from sendit.settings import LogFormat, LogLevel, Settings

Answer = tuple[str, HTTPStatus]

_TRACE = re.compile(r"[0-9a-f]{32}")
_MALFORMED = (NoCloudEvent, BadRequest, UnsupportedMediaType, RequestEntityTooLarge)


def serve(app: flask.Flask, check: Callable[[Settings], object]) -> Settings:
    """Make this process a function: its settings read, its log set up, its errors answered, its requests traced.

    Raises `UsageError` for settings that do not fit, or not to what `check` asks of them, after a log line that
    names them: it must not start.
    """
    logs.setup(LogFormat.AUTO, LogLevel.AUTO)
    try:
        settings = Settings.load()
        check(settings)
    except UsageError as error:
        event(logging.CRITICAL, SENTENCES[error.code], code=error.code, setting=error.hint)
        raise
    logs.setup(settings.log_format, settings.log_level)
    app.register_error_handler(Exception, answer)
    app.before_request(_trace)
    app.before_request(_check_envelope)
    return settings


def marker_of(pushed: CloudEvent, staging: GcsPlace) -> Marker:
    """The finalize marker that a notification of Cloud Storage is about.

    Raises `Refused`: malformed_message, or not_a_marker for any other event of any other object.
    """
    marker = Marker.from_notification(_message(pushed).get("attributes"), staging)
    _tell_of_content(_message(pushed))
    return marker


def batch_message_of(pushed: CloudEvent) -> BatchMessage:
    """The message of one batch. Raises `Refused` (malformed_message)."""
    return BatchMessage.from_json(_data(pushed))


def is_tick(pushed: CloudEvent) -> bool:
    """Whether this is what the scheduler says, `{"tick": …}`: a push to a service does not tell the topic."""
    try:
        said = json.loads(_data(pushed))
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and said.keys() == {"tick"}


def dead_letter_of(pushed: CloudEvent, staging: GcsPlace) -> Marker | BatchMessage:
    """What a message was that died. Raises `Refused` (malformed_message, not_a_marker)."""
    return dead_letter(_data(pushed), _message(pushed).get("attributes"), staging)


def answer(error: Exception) -> Answer | HTTPException:
    """What Pub/Sub is told after this exception; one log line says why. Never a text of the exception."""
    if isinstance(error, _MALFORMED):
        return answer(Refused(Code.MALFORMED_MESSAGE))
    if isinstance(error, HTTPException):  # not a push at all: a wrong method or address
        return error
    if isinstance(error, Refused):
        event(logging.WARNING, error.sentence, code=error.code)
        return "", HTTPStatus.NO_CONTENT
    if isinstance(error, TransientError):
        event(logging.INFO if isinstance(error, Busy | LeaseHeld) else logging.WARNING, error.sentence, code=error.code)
        return "", HTTPStatus.SERVICE_UNAVAILABLE
    if isinstance(error, UsageError):
        event(logging.CRITICAL, SENTENCES[error.code], code=error.code, setting=error.hint)
    elif isinstance(error, SenditError):
        event(logging.ERROR, error.sentence, code=error.code)
    else:
        event(
            logging.ERROR,
            "A defect in sendit stopped this message; it comes again.",
            code=Code.INTERNAL_ERROR,
            place=logs.place_of(error),
        )
    return "", HTTPStatus.INTERNAL_SERVER_ERROR


def _tell_of_content(message: dict[str, object]) -> None:
    """A manifest in the marker is not compared yet: nobody may believe that it was."""
    try:
        resource = json.loads(base64.b64decode(str(message.get("data", "")), validate=True))
        size = int(resource["size"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return
    if size:
        event(logging.WARNING, "The marker has content; it is not compared with what was uploaded.")


def _data(pushed: CloudEvent) -> bytes:
    data = _message(pushed).get("data", "")
    try:
        return base64.b64decode(data, validate=True) if isinstance(data, str) else b""
    except ValueError:
        return b""


def _message(pushed: CloudEvent) -> dict[str, object]:
    data = pushed.data
    message = data.get("message") if isinstance(data, dict) else None
    if not isinstance(message, dict):
        raise Refused(Code.MALFORMED_MESSAGE)
    return message


def _check_envelope() -> None:
    """Raise `Refused` (malformed_message) for a body at which the framework would stumble, not refuse."""
    if flask.request.method != "POST":
        return
    data = _whole_body()
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        raise Refused(Code.MALFORMED_MESSAGE) from None
    if not isinstance(body, dict) or not isinstance(body.get("message"), dict):
        raise Refused(Code.MALFORMED_MESSAGE)


def _whole_body() -> bytes:
    """The body of this request. Raises `TransientError` (push_cut_short): half a message is no malformed one."""
    try:
        data = flask.request.get_data()
    except (OSError, ClientDisconnected):
        raise TransientError(Code.PUSH_CUT_SHORT) from None
    if len(data) < (flask.request.content_length or 0):  # gunicorn lets a body end early
        raise TransientError(Code.PUSH_CUT_SHORT)
    return data


def _trace() -> None:
    """Let the log lines of this request carry its trace (X-Cloud-Trace-Context: TRACE/SPAN;o=…)."""
    given = flask.request.headers.get("X-Cloud-Trace-Context", "").partition("/")[0]
    project = os.environ.get("GOOGLE_CLOUD_PROJECT", "")
    logs.trace.set(f"projects/{project}/traces/{given}" if _TRACE.fullmatch(given) else "")
