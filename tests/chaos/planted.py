"""What is planted into a function and its worker processes: uploads of results, counted and slowed."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

_PLANTED = """
import os, time
from sendit.adapters import gcs_media

inner = gcs_media.Media.upload

def upload(self, resource, blocks):
    name = resource["name"]
    with open({counted!r}, "ab", buffering=0) as stream:
        stream.write(name.encode() + b"\\n")
    time.sleep({seconds!r})
    if os.path.exists({endless!r}) and open({endless!r}).read() in name:
        time.sleep(600)
    return inner(self, resource, blocks)

gcs_media.Media.upload = upload
"""


@dataclass(frozen=True)
class Uploads:
    """Python runs `sitecustomize` as it starts, in a spawned worker process as well: `environment` leads it there."""

    folder: Path

    @classmethod
    def planted(cls, folder: Path, seconds: float) -> "Uploads":
        """Every upload of a result is written down, and takes so many seconds more."""
        made = cls(folder)
        text = _PLANTED.format(counted=str(made._counted), endless=str(made._endless), seconds=seconds)
        (folder / "sitecustomize.py").write_text(text, "utf-8")
        return made

    @property
    def environment(self) -> dict[str, str]:
        return {"PYTHONPATH": str(self.folder)}

    def never_end(self, part_of_name: str) -> None:
        """From now on, uploads of results whose name holds this do not come to their end."""
        self._endless.write_text(part_of_name, "utf-8")

    def counted(self) -> Counter[str]:
        """How often each result was uploaded."""
        lines = self._counted.read_text("utf-8").splitlines() if self._counted.exists() else []
        return Counter(line for line in lines if line.endswith(".dcm"))

    @property
    def _counted(self) -> Path:
        return self.folder / "uploads"

    @property
    def _endless(self) -> Path:
        return self.folder / "endless"
