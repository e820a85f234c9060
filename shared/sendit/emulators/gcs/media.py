"""Downloads: the bytes of an object, whole or a range of them."""

import gzip
import re

from sendit.emulators.gcs.blob import Blob
from sendit.emulators.gcs.messages import Answer, Refused, Request

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def media(request: Request, blob: Blob) -> Answer:
    """The object's bytes; 206 for a range of them, 416 for one outside."""
    headers = {
        "Content-Type": str(blob.fields.get("contentType", "application/octet-stream")),
        "ETag": blob.etag,
        "X-Goog-Generation": str(blob.generation),
        "X-Goog-Metageneration": str(blob.metageneration),
        "X-Goog-Hash": blob.hash_header,
        "X-Goog-Storage-Class": str(blob.fields.get("storageClass", "STANDARD")),
        "X-Goog-Stored-Content-Encoding": str(blob.fields.get("contentEncoding", "identity")),
        "X-Goog-Stored-Content-Length": str(blob.size),
        "Cache-Control": str(blob.fields.get("cacheControl", "no-cache, no-store, max-age=0, must-revalidate")),
        "Accept-Ranges": "bytes",
    }
    for header, name in (("Content-Disposition", "contentDisposition"), ("Content-Language", "contentLanguage")):
        if name in blob.fields:
            headers[header] = str(blob.fields[name])
    encoding = blob.fields.get("contentEncoding")
    if encoding == "gzip" and "gzip" not in request.headers.get("accept-encoding", ""):
        # decompressive transcoding (storage/docs/transcoding), of the whole object whatever range is asked for
        return Answer(200, headers | {"Warning": "214 UploadServer gunzipped"}, gzip.decompress(blob.content.data))
    if encoding is not None:
        headers["Content-Encoding"] = str(encoding)
    view = memoryview(blob.content.data)
    wanted = _RANGE.fullmatch(request.headers.get("range", "").strip())
    if wanted is None or not (wanted[1] or wanted[2]):
        return Answer(200, headers, view)
    if wanted[1]:
        start, end = int(wanted[1]), min(int(wanted[2] or blob.size - 1), blob.size - 1)
    else:
        start, end = max(blob.size - int(wanted[2]), 0), blob.size - 1
    if start > end:
        message = "The requested range cannot be satisfied."
        raise Refused(416, "requestedRangeNotSatisfiable", message, {"Content-Range": f"bytes */{blob.size}"})
    return Answer(206, headers | {"Content-Range": f"bytes {start}-{end}/{blob.size}"}, view[start : end + 1])
