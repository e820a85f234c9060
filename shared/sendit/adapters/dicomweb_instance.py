"""The instances that a batch's images are: by which UIDs a DICOMweb server knows them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile

from pydicom import dcmread

from sendit.deid.dicom import quiet  # noqa: F401  pydicom's warnings quote values
from sendit.destination import Reading, Sendable
from sendit.errors import Code, ImageError, TransientError
from sendit.ports import OutputStore

_NAME = re.compile(r"[^/]+/([0-9.]{1,64})/([0-9.]{1,64})/([0-9.]{1,64})\.dcm")  # `refs.output_name`
_UID = re.compile(r"[0-9.]{1,64}")
_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")

_IN_MEMORY = 32 * 1024 * 1024

_CHUNK_IMAGES = 256  # from here on a chunk ends with its series
_CHUNK_MOST_IMAGES = 512
_CHUNK_BYTES = 64 * 1024 * 1024  # what is not settled within an attempt is looked at anew in the next


@dataclass(frozen=True, slots=True)
class Instance:
    """An image and its UIDs; `problem` says why it has none."""

    image: Sendable
    study: str = ""
    series: str = ""
    sop: str = ""
    problem: Code | None = None

    @classmethod
    def of(cls, image: Sendable, output: OutputStore) -> "Instance":
        """By the image's name, or where images keep the names of their sources, by its header.

        Raises `TransientError` if the output store cannot be read.
        """
        if found := _NAME.fullmatch(image.output):
            return cls(image, found[1], found[2], found[3])
        with SpooledTemporaryFile(_IN_MEMORY) as file:
            try:
                with Reading(image, output).blocks() as blocks:
                    file.writelines(blocks)
                file.seek(0)
                header = dcmread(file, stop_before_pixels=True, specific_tags=list(_UIDS))
                study, series, sop = (str(header.get(keyword, "")) for keyword in _UIDS)
            except ImageError as error:
                return cls(image, problem=error.code)
            except TransientError:
                raise
            except Exception:  # noqa: BLE001  pydicom's are of every kind, and quote the header
                return cls(image, problem=Code.INSTANCE_REFUSED)
        if not all(_UID.fullmatch(uid) for uid in (study, series, sop)):
            return cls(image, problem=Code.INSTANCE_REFUSED)
        return cls(image, study, series, sop)

    @property
    def series_path(self) -> str:
        """Where its series is, below the server's address."""
        return f"/studies/{self.study}/series/{self.series}"

    @property
    def path(self) -> str:
        """Where it is itself."""
        return f"{self.series_path}/instances/{self.sop}"


def chunks(images: Sequence[Sendable], output: OutputStore) -> Iterator[list[Instance]]:
    """What is looked up, posted and verified together: whole series as far as may be, and no UID twice."""
    chunk: list[Instance] = []
    paths: set[str] = set()
    size = 0
    for image in images:
        instance = Instance.of(image, output)
        ends = (
            len(chunk) >= _CHUNK_MOST_IMAGES
            or size + image.size > _CHUNK_BYTES
            or instance.path in paths
            or (len(chunk) >= _CHUNK_IMAGES and instance.series_path != chunk[-1].series_path)
        )
        if chunk and ends:
            yield chunk
            chunk, paths, size = [], set(), 0
        chunk.append(instance)
        paths.add(instance.path)
        size += image.size
    if chunk:
        yield chunk
