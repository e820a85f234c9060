"""Which method answers which request, and with which parameters: whatever is not in the table is refused with 501."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from sendit.emulators.gcs.buckets import Buckets
from sendit.emulators.gcs.conditions import ABOUT_BUCKET, ABOUT_OBJECT, ABOUT_SOURCE, refuse_headers
from sendit.emulators.gcs.messages import Answer, Refused, Request, invalid, unimplemented
from sendit.emulators.gcs.multipart import headers_of, parts
from sendit.emulators.gcs.objects import Objects
from sendit.emulators.gcs.store import Store
from sendit.emulators.gcs.uploads import Uploads
from sendit.logs import event, place_of

Handler = Callable[..., Answer]

# these change how an answer looks, or who pays for it; the emulator shows everything to everyone
_TOLERATED = frozenset(
    {
        "$.xgafv", "access_token", "alt", "fields", "key", "oauth_token", "predefinedAcl", "prettyPrint", "projection",
        "provisionalUserProject", "quotaUser", "uploadType", "userIp", "userProject",
    }
)  # fmt: skip
_ONE = ABOUT_OBJECT | {"generation"}
_SOFT = _ONE | {"softDeleted"}
_COPY = ABOUT_OBJECT | ABOUT_SOURCE | {"sourceGeneration", "destinationPredefinedAcl"}
_LIST = frozenset(
    {
        "prefix", "delimiter", "pageToken", "maxResults", "startOffset", "endOffset", "includeTrailingDelimiter",
        "matchGlob", "versions", "softDeleted", "includeFoldersAsPrefixes",
    }
)  # fmt: skip
_INSERT = ABOUT_OBJECT | {"name", "contentEncoding", "upload_id"}
_NONE: frozenset[str] = frozenset()

_WORDS = frozenset(
    {
        "acl", "b", "batch", "compose", "copyTo", "defaultObjectAcl", "download", "folders", "iam", "moveTo",
        "notificationConfigs", "o", "projects", "restore", "resumable", "rewriteTo", "storage", "upload", "v1",
    }
)  # fmt: skip
_MOST_CALLS = 100


@dataclass(frozen=True, slots=True)
class _Route:
    method: str
    template: tuple[str, ...]
    handler: Handler
    parameters: frozenset[str]

    def names(self, path: tuple[str, ...]) -> list[str] | None:
        """What stands at the template's gaps, or None if the path is another."""
        if len(path) != len(self.template) or any(
            word != "{}" and word != segment for word, segment in zip(self.template, path, strict=True)
        ):
            return None
        return [segment for word, segment in zip(self.template, path, strict=True) if word == "{}"]


class Api:
    """The JSON API over a store."""

    def __init__(self, store: Store) -> None:
        self.buckets = Buckets(store)
        objects, uploads, buckets = Objects(store), Uploads(store), self.buckets
        table: list[tuple[str, str, Handler, frozenset[str]]] = [
            ("GET", "storage/v1/b", buckets.list, frozenset({"project", "prefix", "maxResults"})),
            ("POST", "storage/v1/b", buckets.insert, frozenset({"project", "predefinedDefaultObjectAcl"})),
            ("GET", "storage/v1/b/{}", buckets.get, ABOUT_BUCKET),
            ("PATCH", "storage/v1/b/{}", buckets.patch, ABOUT_BUCKET),
            ("DELETE", "storage/v1/b/{}", buckets.delete, ABOUT_BUCKET),
            ("GET", "storage/v1/b/{}/storageLayout", buckets.layout, frozenset({"prefix"})),
            ("GET", "storage/v1/b/{}/managedFolders", buckets.managed_folders, frozenset({"prefix", "pageSize"})),
            ("GET", "storage/v1/b/{}/iam/testPermissions", buckets.permissions, frozenset({"permissions"})),
            ("GET", "storage/v1/projects/{}/serviceAccount", buckets.service_account, _NONE),
            ("GET", "storage/v1/b/{}/notificationConfigs", buckets.notifications, _NONE),
            ("POST", "storage/v1/b/{}/notificationConfigs", buckets.add_notification, _NONE),
            ("GET", "storage/v1/b/{}/notificationConfigs/{}", buckets.notification, _NONE),
            ("DELETE", "storage/v1/b/{}/notificationConfigs/{}", buckets.remove_notification, _NONE),
            ("GET", "storage/v1/b/{}/o", objects.list, _LIST),
            ("GET", "storage/v1/b/{}/o/{}", objects.get, _SOFT),
            ("GET", "download/storage/v1/b/{}/o/{}", objects.download, _SOFT),
            ("PATCH", "storage/v1/b/{}/o/{}", objects.patch, _ONE),
            ("PUT", "storage/v1/b/{}/o/{}", objects.update, _ONE),
            ("DELETE", "storage/v1/b/{}/o/{}", objects.delete, _ONE),
            ("POST", "storage/v1/b/{}/o/{}/copyTo/b/{}/o/{}", objects.copy, _COPY),
            ("POST", "storage/v1/b/{}/o/{}/rewriteTo/b/{}/o/{}", objects.rewrite,
             _COPY | {"maxBytesRewrittenPerCall", "rewriteToken"}),
            ("POST", "storage/v1/b/{}/o/{}/compose", objects.compose, ABOUT_OBJECT | {"destinationPredefinedAcl"}),
            ("POST", "storage/v1/b/{}/o/{}/restore", objects.restore, _ONE | {"copySourceAcl"}),
            ("POST", "batch/storage/v1", self._batch, _NONE),
        ]  # fmt: skip
        for prefix in ("upload", "resumable/upload"):
            template = f"{prefix}/storage/v1/b/{{}}/o"
            table.append(("POST", template, uploads.insert, _INSERT))
            table.append(("PUT", template, uploads.resume, _INSERT))
            table.append(("DELETE", template, uploads.cancel, _INSERT))
        self._routes = [
            _Route(method, tuple(template.split("/")), handler, parameters | _TOLERATED)
            for method, template, handler, parameters in table
        ]

    def answer(self, request: Request) -> Answer:
        """Answer one request. Never fails: what is not expected is a 500 that says nothing of the request."""
        try:
            return self._dispatch(request)
        except Refused as refused:
            return Answer.refusing(refused)
        except Exception as error:  # noqa: BLE001 - a server answers
            event(logging.ERROR, "The Cloud Storage emulator failed to answer a request.", place=place_of(error))
            return Answer.refusing(Refused(500, "internalError", "Internal error."))

    def _dispatch(self, request: Request) -> Answer:
        method = "GET" if request.method == "HEAD" else request.headers.get("x-http-method-override", request.method)
        for route in self._routes:
            names = route.names(request.path) if route.method == method else None
            if names is not None:
                break
        else:
            raise unimplemented(f"{method} /{_template(request.path)}")
        for parameter, value in request.parameters:
            # gcloud sends switches that are off
            if parameter not in route.parameters and value.lower() != "false":
                raise unimplemented(f"the parameter {parameter} of {method} /{'/'.join(route.template)}")
        if not request.query.get("alt", "json").startswith(("json", "media")):
            raise unimplemented("this value of alt")
        if request.headers.get("content-encoding", "identity") != "identity":
            raise unimplemented("a request with a Content-Encoding")
        refuse_headers(request.headers)
        if request.cut_short and "upload_id" not in request.query:
            raise invalid("The request ended before its body did.")
        return route.handler(request, *names)

    def _batch(self, request: Request) -> Answer:
        """Up to 100 calls in one request, each answered by itself (json_api/v1/how-tos/batch)."""
        calls = parts(request.headers.get("content-type", ""), request.body)
        if len(calls) > _MOST_CALLS:
            raise invalid("The batch has more than 100 calls.")
        boundary = "batch_of_answers"
        lines: list[bytes] = []
        for outer, call in calls:
            answer = self._call(call, request.base_url)
            identity = outer.get("content-id", "").removeprefix("<")
            head = f"--{boundary}\r\nContent-Type: application/http\r\n"
            head += f"Content-ID: <response-{identity}\r\n" if identity else ""
            head += f"\r\nHTTP/1.1 {answer.head}Content-Length: {len(answer.body)}\r\n\r\n"
            lines += [head.encode("latin-1"), bytes(answer.body), b"\r\n"]
        lines.append(f"--{boundary}--\r\n".encode())
        return Answer(200, {"Content-Type": f"multipart/mixed; boundary={boundary}"}, b"".join(lines))

    def _call(self, call: bytes, base_url: str) -> Answer:
        newline = b"\r\n" if b"\r\n" in call else b"\n"
        head, _, body = call.partition(newline * 2)
        line, _, block = head.partition(newline)
        words = line.decode("latin-1").split(" ")
        if len(words) < 2:
            return Answer.refusing(invalid("Malformed call in a batch."))
        try:
            # the line break before the next delimiter has been cut off; some clients write more of them
            request = Request.parse(words[0], words[1], headers_of(block), body.strip(), base_url)
            if request.path[0] != "storage" or request.query.get("alt") == "media":
                raise invalid("Uploads and downloads cannot be part of a batch.")
            return self.answer(request)
        except Refused as refused:
            return Answer.refusing(refused)


def _template(path: tuple[str, ...]) -> str:
    return "/".join(segment if segment in _WORDS else "{}" for segment in path)
