"""What the tests do to the local cloud: upload, finalize, wait, and look at everything that it holds."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import google.cloud.storage as storage
from google.auth.credentials import AnonymousCredentials

from sendit.deid.identity.keys import Keyring
from sendit.ids import DocumentIds
from sendit.refs import BatchName

AT_REST = ("DONEPROCESSING", "DONE", "EMPTY", "ERROR")
SENDIT = Path(sys.executable).with_name("sendit")
PATIENCE_SECONDS = 90.0

Document = dict[str, Any]


@dataclass(frozen=True)
class Cloud:
    """The local cloud through its public faces: Cloud Storage, Firestore's REST API, push addresses, log lines."""

    environment: Mapping[str, str]
    lines: list[str]
    client: storage.Client = field(init=False)
    ids: DocumentIds = field(init=False)

    def __post_init__(self) -> None:
        client = storage.Client(
            project=self.environment["GOOGLE_CLOUD_PROJECT"],
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": self.environment["STORAGE_EMULATOR_HOST"]},
        )
        object.__setattr__(self, "client", client)
        key = bytes.fromhex(Path(self.environment["SENDIT_KEY_FILE"]).read_text("ascii").strip())
        object.__setattr__(self, "ids", DocumentIds(Keyring(key)))

    @property
    def staging(self) -> storage.Bucket:
        return self.client.bucket("sendit-staging")

    @property
    def output(self) -> storage.Bucket:
        return self.client.bucket("sendit-output")

    def id_of(self, batch: str) -> str:
        return self.ids.batch(BatchName.parse(batch))

    def put(self, batch: str, files: Mapping[str, bytes]) -> None:
        for name, data in files.items():
            self.staging.blob(f"incoming/{batch}/{name}").upload_from_string(data)

    def mark(self, batch: str, content: bytes = b"") -> int:
        """Write a marker; its generation."""
        blob = self.staging.blob(f"finalize/{batch}")
        blob.upload_from_string(content)
        return int(blob.generation)

    def document(self, path: str) -> Document | None:
        """A document of Firestore by its REST API, as plain values; times stay text."""
        answer = self.rest(path)
        return None if answer is None else plain({"mapValue": {"fields": answer.get("fields", {})}})

    def rest(self, path: str) -> Document | None:
        try:
            with urllib.request.urlopen(f"{self._documents()}/{path}", timeout=10) as answer:  # noqa: S310  loopback
                found: Document = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def batch(self, batch: str) -> Document | None:
        return self.document(f"batches/{self.id_of(batch)}")

    def images(self, batch: str) -> dict[str, Document]:
        """All images of a batch by id."""
        found: dict[str, Document] = {}
        token = ""
        while True:
            page = self.rest(f"batches/{self.id_of(batch)}/images?pageSize=300&pageToken={token}") or {}
            for one in page.get("documents", []):
                found[one["name"].rpartition("/")[2]] = plain({"mapValue": {"fields": one["fields"]}})
            token = page.get("nextPageToken", "")
            if not token:
                return found

    def all_of_firestore(self, database: str = "(default)") -> str:
        """Every document there is, as the REST API prints it."""
        request = urllib.request.Request(  # noqa: S310  loopback
            f"{self._documents(database)}:runQuery",
            data=json.dumps({"structuredQuery": {"from": [{"allDescendants": True}]}}).encode(),
            headers={"Authorization": "Bearer owner", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  loopback
            return answer.read().decode()  # type: ignore[no-any-return]

    def rested(self, batch: str, states: Iterable[str] = AT_REST, seconds: float = PATIENCE_SECONDS) -> Document:
        """The batch's document as soon as it is in one of the states."""

        def found() -> Document | None:
            document = self.batch(batch)
            return document if document and document["status"] in set(states) else None

        document: Document = self.until(found, seconds)
        return document

    def until(self, look: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
        """What `look` returns as soon as it is true."""
        deadline = time.monotonic() + seconds
        while not (seen := look()):
            if time.monotonic() > deadline:
                raise AssertionError("it did not come to that in time; the last lines: " + "\n".join(self.lines[-30:]))
            time.sleep(0.1)
        return seen

    def outputs(self, batch: str) -> dict[str, bytes]:
        """What the output bucket holds of a batch's images, by name."""
        return self.outputs_below("", batch)

    def outputs_below(self, prefix: str, batch: str) -> dict[str, bytes]:
        """The same below a prefix, by the name below it."""
        names = {image["output"] for image in self.images(batch).values() if "output" in image}
        return {name: self.output.blob(f"{prefix}/{name}".lstrip("/")).download_as_bytes() for name in names}

    def said(self, batch: str, verdict: str) -> list[Document]:
        """The log lines with this verdict on a batch."""
        return [
            line
            for line in self.logged()
            if line.get("verdict") == verdict and line.get("batch_id") == self.id_of(batch)
        ]

    def logged(self) -> list[Document]:
        """Every structured log line of the functions."""
        texts = (line.partition(": ")[2] for line in list(self.lines))
        return [json.loads(text) for text in texts if text.startswith("{")]

    def run(self, *command: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        """A program with the variables that `sendit emulate` exports."""
        return subprocess.run(
            [str(word) for word in command],
            env={**clean(os.environ), **self.environment, **more},
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    def _documents(self, database: str = "(default)") -> str:
        project = self.environment["GOOGLE_CLOUD_PROJECT"]
        host = self.environment["FIRESTORE_EMULATOR_HOST"]
        return f"http://{host}/v1/projects/{project}/databases/{database}/documents"


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without settings of sendit but its home."""
    return {
        name: value for name, value in environment.items() if not name.startswith("SENDIT_") or name == "SENDIT_HOME"
    }


def plain(value: Document) -> Any:
    """A value of Firestore's REST API as Python has it; a timestamp stays the text it is."""
    ((kind, content),) = value.items()
    match kind:
        case "mapValue":
            return {name: plain(one) for name, one in content.get("fields", {}).items()}
        case "arrayValue":
            return [plain(one) for one in content.get("values", [])]
        case "integerValue":
            return int(content)
        case "nullValue":
            return None
    return content


def is_time(text: object) -> bool:
    return isinstance(text, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", text) is not None
