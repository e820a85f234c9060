"""One line per event: JSON in Cloud Logging's structure, or text for a person.

An event is a fixed sentence, a severity, and fields out of a closed list: ids, codes, counts. There is no way to
log free text, so no value of a header, no file name and no batch name can pass. Warnings and log records of
the libraries quote raw values (pydicom's above all): only their category and place in the code get through.
"""

import json
import logging
import sys
import threading
import traceback
import warnings
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from sendit.errors import Code
from sendit.settings import LogFormat, LogLevel

_FIELDS = frozenset(
    {
        "batch_id", "image_id", "code", "rule", "verdict", "state", "attempt", "generation", "found", "stored",
        "rejected", "errored", "duplicates", "category", "place", "setting",
    }
)  # fmt: skip

trace: ContextVar[str] = ContextVar("trace", default="")
_logger = logging.getLogger("sendit")


def event(severity: int, sentence: str, **fields: str | int | float) -> None:
    """Log one event. `sentence` is a constant of the code; `fields` are of the closed list above."""
    unknown = fields.keys() - _FIELDS
    if unknown:
        raise TypeError(f"not a field of a log line: {', '.join(sorted(unknown))}")
    _logger.log(severity, "%s", sentence, extra={"event_fields": fields})


def place_of(error: BaseException) -> str:
    """Where an unexpected exception came from: its class and the innermost lines, never its message."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    lines = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
    return f"{type(error).__name__} at {lines}" if lines else type(error).__name__


class _JsonFormatter(logging.Formatter):
    """Cloud Logging's structured payload: severity, time, message, trace, and the event's fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "severity": record.levelname,
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "message": record.getMessage(),
            **getattr(record, "event_fields", {}),
        }
        if trace.get():
            line["logging.googleapis.com/trace"] = trace.get()
        return json.dumps(line)


class _TextFormatter(logging.Formatter):
    """One line for a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{key}={value}" for key, value in getattr(record, "event_fields", {}).items())
        return f"{record.levelname} {record.getMessage()} {fields}".rstrip()


class _ForeignFilter(logging.Filter):
    """Replaces what a library logged by where it logged it."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == "sendit":
            return True
        record.event_fields = {"category": record.name, "place": f"{record.filename}:{record.lineno}"}
        record.msg, record.args = "A library logged something; its text is withheld.", None
        record.exc_info = record.exc_text = record.stack_info = None
        return True


def _route_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    del message, file, line
    place = f"{Path(filename).name}:{lineno}"
    event(logging.DEBUG, "A library warned; its text is withheld.", category=category.__name__, place=place)


def _report_uncaught(kind: type[BaseException], error: BaseException, _: object) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    event(
        logging.CRITICAL,
        "A defect in sendit ended this thread or program.",
        code=Code.INTERNAL_ERROR,
        place=place_of(error),
    )


def _report_uncaught_elsewhere(what: "threading.ExceptHookArgs | sys.UnraisableHookArgs") -> None:
    if what.exc_value is not None:
        _report_uncaught(what.exc_type, what.exc_value, None)


def setup(form: LogFormat, level: LogLevel, stream: TextIO | None = None) -> None:
    """Send every log line, warning and uncaught exception of this process through the rules above."""
    stream = stream or sys.stderr
    as_text = form is LogFormat.TEXT or (form is LogFormat.AUTO and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_TextFormatter() if as_text else _JsonFormatter())
    handler.addFilter(_ForeignFilter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    if level is LogLevel.AUTO:
        level = LogLevel.ERROR if as_text else LogLevel.INFO
    _logger.setLevel(level.name)
    for name in ("pydicom", "py.warnings"):
        foreign = logging.getLogger(name)
        foreign.handlers, foreign.propagate = [], True
    warnings.showwarning = _route_warning
    sys.excepthook = _report_uncaught
    threading.excepthook = _report_uncaught_elsewhere
    sys.unraisablehook = _report_uncaught_elsewhere
