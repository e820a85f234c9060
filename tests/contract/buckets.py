"""A bucket for one test, on the emulator of the whole run."""

import uuid
from dataclasses import dataclass
from typing import Any

import google.cloud.storage as storage
import pytest
from google.api_core.exceptions import Forbidden
from google.auth.credentials import AnonymousCredentials

from sendit.adapters.gcs_client import storage_client
from sendit.refs import GcsPlace

CLOSED = "http://127.0.0.1:1"


@dataclass(frozen=True)
class TestBucket:
    """A bucket of its own, and the place in it that adapters get."""

    __test__ = False

    client: storage.Client
    bucket: storage.Bucket
    place: GcsPlace

    @classmethod
    def make(cls, request: pytest.FixtureRequest) -> "TestBucket":
        host: str = request.getfixturevalue("gcs_emulator")
        request.getfixturevalue("monkeypatch").setenv("STORAGE_EMULATOR_HOST", f"http://{host}")
        client = storage_client("test-project", threads=16)
        request.addfinalizer(client.close)
        bucket = client.create_bucket(f"bucket-{uuid.uuid4().hex}")
        return cls(client, bucket, GcsPlace(bucket.name, "some/prefix"))

    def put(self, path: str, data: bytes) -> None:
        self.bucket.blob(self.place.name_of(path)).upload_from_string(data, content_type="application/octet-stream")

    def get(self, path: str) -> bytes:
        data: bytes = self.bucket.blob(self.place.name_of(path)).download_as_bytes()
        return data

    def remove(self, path: str) -> None:
        self.bucket.blob(self.place.name_of(path)).delete()

    def names(self) -> set[str]:
        start = self.place.name_of("")
        return {blob.name.removeprefix(start) for blob in self.client.list_blobs(self.bucket)}


def may_not_be_deleted(monkeypatch: pytest.MonkeyPatch, *ends: str) -> None:
    """Let Cloud Storage refuse to delete objects whose names end so, as it does with those that are held."""
    real = storage.Blob.delete

    def delete(blob: storage.Blob, **given: Any) -> None:
        if blob.name.endswith(ends):
            raise Forbidden("held")
        real(blob, **given)

    monkeypatch.setattr(storage.Blob, "delete", delete)


def unreachable_client() -> storage.Client:
    """A client of a port where nobody listens."""
    nobody = AnonymousCredentials()
    return storage.Client(project="test-project", credentials=nobody, client_options={"api_endpoint": CLOSED})
