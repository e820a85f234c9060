"""The three kinds of upload: media, multipart and resumable (storage/docs/uploads-downloads)."""

import re
import secrets
import threading
from dataclasses import dataclass, field
from urllib.parse import urlencode

from sendit.emulators.gcs.blob import Content, Digests, check_name, merged, writable
from sendit.emulators.gcs.conditions import Conditions
from sendit.emulators.gcs.messages import Answer, Json, Refused, Request, invalid, json_object
from sendit.emulators.gcs.multipart import two_parts
from sendit.emulators.gcs.store import Store

_STEP = 256 * 1024  # what is persisted of an unfinished upload is a multiple of it
_RANGE = re.compile(r"bytes (?:(\d+)-(?:\d+|\*)|\*)/(\d+|\*)")


@dataclass(slots=True)
class Session:
    """A resumable upload: what it was begun with, and what has arrived."""

    bucket: str
    name: str
    fields: Json
    digests: Digests
    conditions: Conditions
    total: int | None
    data: bytes | bytearray = b""
    done: Json | None = None  # what was answered, not the object: deleted bytes are to be freed
    ended: Refused | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Uploads:
    """Uploads into a store; resumable ones in any number of requests."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sessions: dict[str, Session] = {}

    def insert(self, request: Request, bucket: str) -> Answer:
        """`objects.insert`: an upload in one request, the start of a resumable one, or a step of it."""
        query = request.query
        if "upload_id" in query:
            return self.resume(request, bucket)
        kind = query.get("uploadType")
        if kind == "resumable":
            return self._begin(request, bucket)
        if kind == "media":
            metadata: Json = {}
            headers, data = request.headers, request.body
            sent_type = request.headers.get("content-type")
        elif kind == "multipart":
            (_, described), (headers, data) = two_parts(request.headers.get("content-type", ""), request.body)
            metadata, sent_type = json_object(described), headers.get("content-type")
        else:
            raise invalid("Upload requests must include an uploadType URL parameter.")
        name, fields = _described(query, metadata, sent_type)
        conditions = Conditions.from_query(query)
        self._store.check(bucket, name, conditions)
        content = Content.of(data)
        content.check(Digests().updated({}, headers).updated(metadata, request.headers))
        return Answer.of(self._store.put(bucket, name, content, fields, conditions).resource(request.base_url))

    def resume(self, request: Request, bucket: str) -> Answer:
        """Take a step of a resumable upload, say how far it is, or finish it; 308 while it is unfinished."""
        session = self._session(request, bucket)
        with session.lock:
            if session.ended is not None:
                raise session.ended
            if session.done is not None:
                return Answer.of(session.done)
            start, total = _content_range(request)
            if None not in {total, session.total} and total != session.total:
                raise invalid("The upload's size is not the one it was begun with.")
            if start is not None and start > len(session.data):
                raise Refused(503, "backendError", "The upload offset exceeds the already uploaded size.")
            new = b"" if start is None else request.body[len(session.data) - start :]
            arrived = len(session.data) + len(new)
            if total is not None and arrived > total:
                raise invalid("The upload is larger than its Content-Range says.")
            if total is None or arrived < total:
                _extend(session, new[: arrived // _STEP * _STEP - len(session.data)])
                return _unfinished(session)
            _extend(session, new)
            session.digests = session.digests.updated({}, _goog_hash(request))
            return Answer.of(self._finish(session, request.base_url))

    def cancel(self, request: Request, bucket: str) -> Answer:
        """End a resumable upload: 499, and 410 from then on."""
        session = self._session(request, bucket)
        with session.lock:
            session.ended = Refused(410, "gone", "The upload was cancelled.")
            session.data = b""
        return Answer(499)

    def _begin(self, request: Request, bucket: str) -> Answer:
        headers = request.headers
        metadata = request.json()
        name, fields = _described(request.query, metadata, headers.get("x-upload-content-type"))
        length = headers.get("x-upload-content-length", "")
        conditions = Conditions.from_query(request.query)
        self._store.check(bucket, name, conditions)
        digests = Digests().updated(metadata, _goog_hash(request))
        total = int(length) if length.isdigit() else None
        number = secrets.token_urlsafe(24)
        self._sessions[number] = Session(bucket, name, fields, digests, conditions, total)
        location = f"{request.base_url}{request.target}&{urlencode({'upload_id': number})}"
        return Answer(200, {"Location": location, "X-GUploader-UploadID": number})

    def _session(self, request: Request, bucket: str) -> Session:
        session = self._sessions.get(request.query.get("upload_id", ""))
        if session is None or session.bucket != bucket:
            raise Refused(404, "notFound", "No such upload.")
        return session

    def _finish(self, session: Session, base_url: str) -> Json:
        """The checks of the beginning are made again: much may have happened since."""
        try:
            content = Content.of(session.data)
            content.check(session.digests)
            blob = self._store.put(session.bucket, session.name, content, session.fields, session.conditions)
            session.done = blob.resource(base_url)
        except Refused as refused:
            session.ended = refused
            raise
        finally:
            session.data = b""
        return session.done


def _described(query: dict[str, str], metadata: Json, sent_type: str | None) -> tuple[str, Json]:
    name = check_name(query.get("name") or str(metadata.get("name") or ""))
    fields = writable(metadata)
    if sent_type is not None:
        fields.setdefault("contentType", sent_type)
    if "contentEncoding" in query:
        fields = merged(fields, {"contentEncoding": query["contentEncoding"]})
    return name, fields


def _content_range(request: Request) -> tuple[int | None, int | None]:
    """Where the body begins, None for a question about progress; and the size of the whole, None while unknown."""
    text = request.headers.get("content-range")
    if text is None:
        return 0, None if request.cut_short else len(request.body)
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        raise invalid("Invalid Content-Range header.")
    return int(match[1]) if match[1] is not None else None, int(match[2]) if match[2] != "*" else None


def _goog_hash(request: Request) -> dict[str, str]:
    """The one header about the whole object: Content-MD5 is about the one request."""
    return {"x-goog-hash": request.headers.get("x-goog-hash", "")}


def _extend(session: Session, new: bytes) -> None:
    if not session.data:
        session.data = new
        return
    if isinstance(session.data, bytes):
        session.data = bytearray(session.data)
    session.data += new


def _unfinished(session: Session) -> Answer:
    return Answer(308, {"Range": f"bytes=0-{len(session.data) - 1}"} if session.data else {})
