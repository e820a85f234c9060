"""A real Orthanc with its DICOMweb plugin, for tests: on its own port, with a password, and forgotten afterwards."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import HTTPBasicAuthHandler, HTTPPasswordMgrWithDefaultRealm, ProxyHandler, Request, build_opener

from sendit.emulators.part import Launch
from sendit.emulators.ports import free_port

USER, PASSWORD = "sendit", "p:ss@word#1"
IN_URL = "sendit:p%3Ass%40word%231"
_PLUGIN = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"


def orthanc(folder: Path, **settings: object) -> Launch:
    """How it is started; everything it keeps is below the folder."""
    configuration = folder / "orthanc.json"

    def command() -> Sequence[str]:
        text = {
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "storage"),
            "HttpPort": free_port(),
            "DicomServerEnabled": False,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": True,
            "RegisteredUsers": {USER: PASSWORD},
            "Plugins": [_PLUGIN],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
            **settings,
        }
        configuration.write_text(json.dumps(text), "utf-8")
        return ["Orthanc", str(configuration)]

    path = "/usr/local/bin:/usr/bin:/bin:/usr/sbin"  # Debian's Orthanc is in sbin
    ready = re.compile(r"HTTP server listening on port: (?P<port>\d+)")
    return Launch("Orthanc", command, ready, environment={"PATH": path, "LC_ALL": "C.UTF-8"})


@dataclass(frozen=True)
class Archive:
    """The server as tests look at it, past everything that is tested."""

    host: str

    @property
    def address(self) -> str:
        """As a DEST."""
        return f"dicomweb+http://{IN_URL}@{self.host}/dicom-web"

    def store(self, data: bytes) -> None:
        self._ask("/instances", data)

    def files(self, study: str) -> list[bytes]:
        """Every instance of a study, as its file."""
        return [self._ask(f"/instances/{name}/file") for name in self._found("Instance", study)]

    def count(self, study: str) -> int:
        """How many instances of a study there are."""
        return len(self._found("Instance", study))

    def remove(self, sop: str) -> None:
        asked = json.dumps({"Level": "Instance", "Query": {"SOPInstanceUID": sop}}).encode()
        for name in json.loads(self._ask("/tools/find", asked)):
            request = Request(f"http://{self.host}/instances/{name}", method="DELETE")
            with self._opener().open(request):
                pass

    def shown(self, study: str) -> list[dict[str, Any]]:
        """What QIDO-RS says of a study's instances."""
        shown: list[dict[str, Any]] = json.loads(self._ask(f"/dicom-web/studies/{study}/instances"))
        return shown

    def retrieved(self, study: str) -> list[bytes]:
        """What WADO-RS gives of a study."""
        accept = 'multipart/related; type="application/dicom"; transfer-syntax=*'
        request = Request(f"http://{self.host}/dicom-web/studies/{study}", headers={"Accept": accept})
        with self._opener().open(request) as answer:
            boundary = answer.headers["Content-Type"].partition("boundary=")[2].encode()
            _, *parts, _ = answer.read().split(b"--" + boundary)
        return [part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in parts]

    def delete(self, study: str) -> None:
        """All of a study."""
        for name in self._found("Study", study):
            self._ask(f"/studies/{name}", method="DELETE")

    def _found(self, level: str, study: str) -> list[str]:
        asked = json.dumps({"Level": level, "Query": {"StudyInstanceUID": study}}).encode()
        found: list[str] = json.loads(self._ask("/tools/find", asked))
        return found

    def _ask(self, path: str, data: bytes | None = None, method: str | None = None) -> bytes:
        request = Request(f"http://{self.host}{path}", data, method=method)
        with self._opener().open(request) as answer:
            got: bytes = answer.read()
            return got

    def _opener(self) -> Any:
        passwords = HTTPPasswordMgrWithDefaultRealm()
        passwords.add_password(None, f"http://{self.host}/", USER, PASSWORD)
        return build_opener(ProxyHandler({}), HTTPBasicAuthHandler(passwords))
