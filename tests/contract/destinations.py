"""Every destination, for the suite that runs over them. A new adapter adds a rig and a parameter."""

import itertools
import uuid
from pathlib import Path
from typing import Protocol

import google_crc32c
from tests.data.deid_objects import element, instance
from tests.orthanc import Archive

from sendit.adapters.dicomweb_auth import Password
from sendit.adapters.dicomweb_destination import DicomwebDestination, dicomweb_destination
from sendit.adapters.folder_output import FolderOutput
from sendit.address import Address
from sendit.destination import Destination, Sendable


class Images:
    """An output store with de-identified images of one patient's study, new with each object."""

    def __init__(self, root: Path) -> None:
        root.mkdir()
        self.root = root
        self.output = FolderOutput(root)
        self.patient = f"P-{uuid.uuid4().hex[:8]}"
        self.study = fresh_uid()
        self._series = fresh_uid()
        self._numbers = itertools.count(1)

    def add(self, *, size: int = 32, name: str = "Hidden^Away", series: str = "", sop: str = "") -> Sendable:
        """One more, with so many bytes of pixel data."""
        series = series or self._series
        sop = sop or f"{series}.{next(self._numbers)}"
        data = self.encoded(series, sop, name=name, size=size)
        output = f"{self.patient}/{self.study}/{series}/{sop}.dcm"
        with self.output.create(output) as pending:
            pending.write(data)
            stored = pending.commit()
        return Sendable(output, stored.size, stored.crc32c)

    def some(self, number: int) -> list[Sendable]:
        """In the order of their names."""
        return sorted((self.add() for _ in range(number)), key=lambda image: image.output)

    def other(self, image: Sendable) -> bytes:
        """Another image under the same UIDs."""
        series, sop = image.output.removesuffix(".dcm").split("/")[-2:]
        return self.encoded(series, sop, name="Somebody^Else")

    def encoded(self, series: str, sop: str, *, name: str, size: int = 32) -> bytes:
        return instance(
            element(0x00080018, "UI", sop),
            element(0x00100010, "PN", name),
            element(0x00100020, "LO", self.patient),
            element(0x0020000D, "UI", self.study),
            element(0x0020000E, "UI", series),
            pixels=bytes(range(256)) * (size // 256) + bytes(size % 256),
        )

    def data(self, image: Sendable) -> bytes:
        return (self.root / image.output).read_bytes()

    def damage(self, image: Sendable) -> None:
        """Other bytes, as many as before."""
        data = bytearray(self.data(image))
        data[-1] ^= 1
        (self.root / image.output).write_bytes(data)

    def remove(self, image: Sendable) -> None:
        (self.root / image.output).unlink()


def fresh_uid() -> str:
    return f"2.25.{uuid.uuid4().int}"


def sum_of(data: bytes) -> tuple[int, int]:
    return len(data), google_crc32c.value(data)


class Rig(Protocol):
    """A destination with nothing of the images in it. `images` are to be sent there."""

    images: Images
    destination: Destination

    def held(self) -> list[bytes]:
        """Every image of theirs that it holds, in any order, also what is there twice."""

    def plant(self, image: Sendable, data: bytes) -> None:
        """Put this there, where the image belongs."""

    def remove(self, image: Sendable) -> None:
        """Take an image away there."""

    def cut_off(self) -> None:
        """Let it be out of reach, and let nobody wait long for it."""


class DicomwebRig:
    def __init__(self, archive: Archive, folder: Path) -> None:
        self._archive = archive
        self.images = Images(folder / "out")
        self.destination: Destination = dicomweb_destination(Address.parse(archive.address))

    def held(self) -> list[bytes]:
        return self._archive.files(self.images.study)

    def plant(self, image: Sendable, data: bytes) -> None:
        self._archive.store(data)

    def remove(self, image: Sendable) -> None:
        self._archive.remove(Path(image.output).stem)

    def cut_off(self) -> None:
        self.destination = DicomwebDestination("http://127.0.0.1:1", "nobody", Password("a", "b"), pauses=(0.0, 0.0))
