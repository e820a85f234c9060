"""The methods of the JSON API on objects, uploads and downloads aside (json_api/v1/objects)."""

from collections.abc import Callable
from dataclasses import replace

from sendit.emulators.gcs.blob import Blob, Content, check_name, merged, writable
from sendit.emulators.gcs.conditions import Conditions, whole_number
from sendit.emulators.gcs.listing import Question
from sendit.emulators.gcs.media import media
from sendit.emulators.gcs.messages import Answer, Json, Request, invalid, unimplemented
from sendit.emulators.gcs.store import Store

_MOST_SOURCES = 32


class Objects:
    """What can be asked about, and done to, the objects of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def list(self, request: Request, bucket: str) -> Answer:
        """`objects.list`: one page."""
        softly = request.flag("softDeleted")
        if softly and request.flag("versions"):
            raise invalid("softDeleted and versions exclude each other.")
        blobs, page = self._store.page(bucket, Question.from_query(request.query), softly_deleted=softly)
        value: Json = {"kind": "storage#objects"}
        if page.prefixes:
            value["prefixes"] = page.prefixes
        if blobs:
            value["items"] = [blob.resource(request.base_url) for blob in blobs]
        if page.next_token:
            value["nextPageToken"] = page.next_token
        return Answer.of(value)

    def get(self, request: Request, bucket: str, name: str) -> Answer:
        """`objects.get`: the resource, or with alt=media the bytes."""
        query = request.query
        generation, conditions = whole_number(query, "generation"), Conditions.from_query(query)
        if request.flag("softDeleted"):
            if generation is None:
                raise invalid("A soft-deleted object is named by its generation.")
            if query.get("alt") == "media":
                raise invalid("A soft-deleted object cannot be read before it is restored.")
            blob = self._store.soft_deleted(bucket, name, generation)
            conditions.check(blob.generation, blob.metageneration, reading=True)
        else:
            blob = self._store.get(bucket, name, generation, conditions)
        if query.get("alt") == "media":
            return media(request, blob)
        return Answer.of(blob.resource(request.base_url), headers={"ETag": blob.etag})

    def download(self, request: Request, bucket: str, name: str) -> Answer:
        """The bytes, where /download/ says alt=media."""
        parameters = (*request.parameters, ("alt", "media"))
        return self.get(replace(request, parameters=parameters), bucket, name)

    def patch(self, request: Request, bucket: str, name: str) -> Answer:
        """`objects.patch`: what the body names is changed."""
        change = request.json()
        return self._changed(request, bucket, name, lambda fields: merged(fields, change))

    def update(self, request: Request, bucket: str, name: str) -> Answer:
        """`objects.update`: what the body does not name is taken away."""
        fields = writable(request.json())
        return self._changed(request, bucket, name, lambda _: fields)

    def _changed(self, request: Request, bucket: str, name: str, change: Callable[[Json], Json]) -> Answer:
        query = request.query
        blob = self._store.patch(bucket, name, change, whole_number(query, "generation"), Conditions.from_query(query))
        return Answer.of(blob.resource(request.base_url))

    def delete(self, request: Request, bucket: str, name: str) -> Answer:
        """`objects.delete`: 204, and the generation is gone."""
        query = request.query
        self._store.delete(bucket, name, whole_number(query, "generation"), Conditions.from_query(query))
        return Answer(204)

    def copy(self, request: Request, bucket: str, name: str, to_bucket: str, to_name: str) -> Answer:
        """`objects.copy`."""
        return Answer.of(self._copied(request, bucket, name, to_bucket, to_name).resource(request.base_url))

    def rewrite(self, request: Request, bucket: str, name: str, to_bucket: str, to_name: str) -> Answer:
        """`objects.rewrite`: always done in one call, so that there is no token to go on with."""
        if request.query.get("rewriteToken"):
            raise invalid("Invalid rewrite token.")
        blob = self._copied(request, bucket, name, to_bucket, to_name)
        value: Json = {
            "kind": "storage#rewriteResponse",
            "totalBytesRewritten": str(blob.size),
            "objectSize": str(blob.size),
            "done": True,
            "resource": blob.resource(request.base_url),
        }
        return Answer.of(value)

    def _copied(self, request: Request, bucket: str, name: str, to_bucket: str, to_name: str) -> Blob:
        """A copy takes the source's metadata unless the request brings any; the bytes are shared."""
        query = request.query
        generation = whole_number(query, "sourceGeneration")
        source = self._store.get(bucket, name, generation, Conditions.from_query(query, "ifSource"), reading=False)
        # the client library always names the object in the body, which is no metadata
        fields = writable(request.json()) or source.fields
        return self._store.put(to_bucket, to_name, source.content, fields, Conditions.from_query(query))

    def compose(self, request: Request, bucket: str, name: str) -> Answer:
        """`objects.compose`: up to 32 objects of the bucket, one after the other; the result has no MD5.

        Digests in `destination` are passed over as Cloud Storage does: gcloud sends those of the first component.
        """
        body = request.json()
        sources, destination = body.get("sourceObjects"), body.get("destination") or {}
        if body.get("deleteSourceObjects"):
            raise unimplemented("the field deleteSourceObjects")
        if not isinstance(sources, list) or not isinstance(destination, dict) or not 0 < len(sources) <= _MOST_SOURCES:
            raise invalid("The number of source components must be from 1 to 32.")
        fields, conditions = writable(destination), Conditions.from_query(request.query)
        self._store.check(bucket, check_name(name), conditions)
        blobs = [self._source(bucket, source) for source in sources]
        components = sum(blob.content.components or 1 for blob in blobs)
        content = Content.of(b"".join(blob.content.data for blob in blobs), components)
        return Answer.of(self._store.put(bucket, name, content, fields, conditions).resource(request.base_url))

    def _source(self, bucket: str, source: object) -> Blob:
        if not isinstance(source, dict):
            raise invalid("Invalid source object.")
        required = source.get("objectPreconditions") or {}
        return self._store.get(
            bucket,
            str(source.get("name", "")),
            whole_number(source, "generation"),
            Conditions.from_query(required),
            reading=False,
        )

    def restore(self, request: Request, bucket: str, name: str) -> Answer:
        """`objects.restore`: a soft-deleted generation becomes a new live one."""
        query = request.query
        generation = whole_number(query, "generation")
        if generation is None:
            raise invalid("Required parameter: generation")
        blob = self._store.restore(bucket, name, generation, Conditions.from_query(query))
        return Answer.of(blob.resource(request.base_url))
