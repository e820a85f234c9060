"""What comes in and what goes out: one request, its answer, and the refusals of the JSON API as it words them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl, quote, unquote, urlsplit

Json = dict[str, object]
Bytes = bytes | bytearray | memoryview

BATCH_ID = "content-id"


class Refused(Exception):
    """An answer other than success: the HTTP status, the API's reason and a constant sentence, never a name."""

    def __init__(self, status: int, reason: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.headers = dict(headers or {})


def not_found(what: str = "No such object.") -> Refused:
    """404."""
    return Refused(404, "notFound", what)


def invalid(message: str) -> Refused:
    """400."""
    return Refused(400, "invalid", message)


def unimplemented(message: str) -> Refused:
    """501: better than an answer that is not Cloud Storage's."""
    return Refused(501, "notImplemented", f"The emulator does not implement this: {message}")


@dataclass(frozen=True, slots=True)
class Request:
    """One request: the segments of its path decoded one by one, so that %2F in a name is not a separator."""

    method: str
    path: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case
    body: bytes = b""
    base_url: str = ""
    target: str = ""
    cut_short: bool = False  # the connection ended before the body did

    @classmethod
    def parse(
        cls, method: str, target: str, headers: Mapping[str, str], body: bytes, base_url: str, cut_short: bool = False
    ) -> "Request":
        """Take the target apart; 400 for what is not UTF-8."""
        parts = urlsplit(target) if target.startswith("http") else urlsplit(f"//emulator{target}")
        try:
            path = tuple(unquote(segment, errors="strict") for segment in parts.path.split("/")[1:])
            parameters = tuple(parse_qsl(parts.query, keep_blank_values=True, errors="strict"))
        except ValueError:
            raise invalid("The request's address is not percent-encoded UTF-8.") from None
        return cls(method, path, parameters, headers, body, base_url, target, cut_short)

    @property
    def query(self) -> dict[str, str]:
        """The parameters by name; the last of several wins."""
        return dict(self.parameters)

    def flag(self, name: str) -> bool:
        """Whether a boolean parameter is set."""
        return self.query.get(name, "").lower() in {"true", "1"}

    def json(self) -> Json:
        """The body as a JSON object, empty where there is none; 400 for anything else."""
        return json_object(self.body)


def json_object(body: Bytes) -> Json:
    """Parse a JSON object, empty for no bytes; 400 for anything else."""
    if not body:
        return {}
    try:
        value = json.loads(bytes(body))
    except ValueError:
        raise invalid("Parse Error") from None
    if not isinstance(value, dict):
        raise invalid("Parse Error")
    return value


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: status, headers, and bytes that may be a view of a stored object."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Bytes = b""

    @classmethod
    def of(cls, value: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> "Answer":
        """A JSON answer."""
        content = {"Content-Type": "application/json; charset=UTF-8"}
        return cls(status, content | dict(headers or {}), json.dumps(value).encode())

    @classmethod
    def refusing(cls, refused: Refused) -> "Answer":
        """A refusal in the form of the JSON API's errors; 304 and 308 have no body."""
        if refused.status < 400:
            return cls(refused.status, refused.headers)
        detail = {"message": refused.message, "domain": "global", "reason": refused.reason}
        error = {"code": refused.status, "message": refused.message, "errors": [detail]}
        return cls.of({"error": error}, refused.status, refused.headers)

    @property
    def head(self) -> str:
        """The status line's end and the headers, as HTTP writes them."""
        try:
            phrase = HTTPStatus(self.status).phrase
        except ValueError:
            phrase = "Client Closed Request"
        lines = [f"{self.status} {phrase}", *(f"{name}: {_on_one_line(value)}" for name, value in self.headers.items())]
        return "\r\n".join(lines) + "\r\n"


def _on_one_line(value: str) -> str:
    return value.replace("\r", " ").replace("\n", " ").encode("latin-1", "replace").decode("latin-1")


def quoted(name: str) -> str:
    """An object's name as one segment of a path."""
    return quote(name, safe="")
