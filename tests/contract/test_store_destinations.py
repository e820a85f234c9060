"""Folders, buckets and archives as destinations: what each `Destination` over an `OutputStore` must do."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import threading
import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, replace
from math import inf
from pathlib import Path
from typing import BinaryIO

import google_crc32c
import pytest
from tests.contract.buckets import TestBucket, unreachable_client
from tests.data.deid_objects import element, instance

from sendit.adapters.archive_destination import archive_destination
from sendit.adapters.folder_output import FolderOutput
from sendit.adapters.gcs_client import storage_client
from sendit.adapters.gcs_output import GcsOutput
from sendit.adapters.store_destination import StoreDestination, store_destination
from sendit.address import Address
from sendit.deadline import Deadline
from sendit.destination import Destination, Receipt, Sendable
from sendit.errors import Code, DestinationError, ImageError, TransientError, UsageError
from sendit.layout import Layout
from sendit.ports import OutputStore, PendingOutput, Stat, Stored
from sendit.refs import GcsPlace

MIB = 1024 * 1024
A1, A2, A3 = (f"P-1/2.25.10/2.25.{series}/2.25.{image}.dcm" for series, image in ((20, 31), (20, 32), (21, 33)))
B1 = "P-1/2.25.11/2.25.22/2.25.34.dcm"  # another study of the patient, on the same day
C1 = "P-2/2.25.12/2.25.23/2.25.35.dcm"
NAMES = [A1, A2, A3, B1, C1]
ARCHIVES = {
    "Collection/LUNG/Entity/P-1/P-1_20200301_ACC-9_10.tar.gz": [A1, A2, A3],
    "Collection/LUNG/Entity/P-1/P-1_20200301_ACC-9_11.tar.gz": [B1],
    "Collection/LUNG/Entity/P-2/P-2_20200301_ACC-9_12.tar.gz": [C1],
}


def image(name: str, date: str = "20200301", accession: str = "ACC-9", more: int = 0) -> bytes:
    return instance(
        element(0x00080020, "DA", date), element(0x00080050, "SH", accession), pixels=name.encode() * 2 + bytes(more)
    )


class Source:
    """An output store with images in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        self.store = FolderOutput(root)

    def put(self, name: str, data: bytes | None = None) -> Sendable:
        data = image(name) if data is None else data
        with self.store.create(name) as pending:
            pending.write(data)
            pending.commit()
        return Sendable(name, len(data), google_crc32c.value(data))

    def damage(self, name: str) -> None:
        path = self.root / name
        path.write_bytes(path.read_bytes()[:-1] + b"?")

    def remove(self, name: str) -> None:
        (self.root / name).unlink()


class FolderPlace:
    """A folder that destinations get."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self.root: Path = request.getfixturevalue("tmp_path") / "to"
        self.root.mkdir()
        self.store: OutputStore = FolderOutput(self.root)
        self.address = str(self.root)

    def objects(self) -> dict[str, bytes]:
        paths = [path for path in self.root.rglob("*") if path.is_file()]
        return {path.relative_to(self.root).as_posix(): path.read_bytes() for path in paths}

    def remove(self, name: str) -> None:
        (self.root / name).unlink()

    def cut_off(self) -> None:
        self.root.rename(self.root.with_name("elsewhere"))


class BucketPlace:
    """A place in a bucket of the local Cloud Storage."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self.made = TestBucket.make(request)
        self.store: OutputStore = GcsOutput(self.made.client, self.made.place)
        self.address = str(self.made.place)

    def objects(self) -> dict[str, bytes]:
        return {name: self.made.get(name) for name in self.made.names()}

    def remove(self, name: str) -> None:
        self.made.remove(name)

    def cut_off(self) -> None:
        self.store = GcsOutput(unreachable_client(), self.made.place)


Place = FolderPlace | BucketPlace


@dataclass
class Rig:
    """One kind of destination at one place."""

    place: Place
    archive: bool

    def destination(self, store: OutputStore | None = None, option: str = "") -> Destination:
        store = self.place.store if store is None else store
        if self.archive:
            return archive_destination(Address.parse(f"archive+{self.place.address}{option}"), store, "LUNG")
        return store_destination(Address.parse(f"{self.place.address}{option}"), store)

    def images(self) -> dict[str, bytes]:
        """What is there, by the images' names in the output store."""
        if not self.archive:
            return self.place.objects()
        found: dict[str, bytes] = {}
        for name, data in self.place.objects().items():
            with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                for info in tar:
                    stream = tar.extractfile(info)
                    assert stream is not None
                    (output,) = [output for output in NAMES if output.endswith(info.name)]
                    assert name in ARCHIVES
                    assert output in ARCHIVES[name]
                    found[output] = stream.read()
        return found


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest) -> Place:
    return FolderPlace(request) if request.param == "folder" else BucketPlace(request)


@pytest.fixture(params=["images", "archive"])
def rig(request: pytest.FixtureRequest, place: Place) -> Rig:
    return Rig(place, request.param == "archive")


@pytest.fixture
def folder_rig(request: pytest.FixtureRequest) -> Rig:
    return Rig(FolderPlace(request), archive=False)


@pytest.fixture
def archives(place: Place) -> Rig:
    return Rig(place, archive=True)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path / "out")


def sent(destination: Destination, images: Sequence[Sendable], source: Source) -> list[Code | None]:
    receipts = list(destination.send(images, source.store))
    assert [receipt.image for receipt in receipts] == list(images)
    return [receipt.code for receipt in receipts]


@contextmanager
def raised(kind: type[TransientError | DestinationError], code: Code) -> Iterator[None]:
    with pytest.raises(kind) as error:
        yield
    assert error.value.code is code
    assert error.value.__suppress_context__ or error.value.__context__ is None


def test_every_image_is_brought_once_with_a_receipt_in_the_order_given(rig: Rig, source: Source) -> None:
    images = [source.put(name) for name in NAMES]
    assert sent(rig.destination(), images, source) == [None] * 5
    assert rig.images() == {name: image(name) for name in NAMES}
    before = rig.place.objects()
    assert sent(rig.destination(), images, source) == [None] * 5
    assert sent(rig.destination(), images[1:], source) == [None] * 4
    assert rig.place.objects() == before


def test_what_was_taken_away_there_is_lost(rig: Rig, source: Source) -> None:
    images = [source.put(name) for name in NAMES]
    destination = rig.destination()
    sent(destination, images, source)
    assert destination.lost(images, source.store) is None
    (of_b1,) = [name for name, held in ARCHIVES.items() if B1 in held]
    rig.place.remove(of_b1 if rig.archive else B1)
    assert destination.lost(images, source.store) == images[NAMES.index(B1)]
    assert destination.lost(images, source.store, Deadline.after(0.0)) is None
    assert destination.lost(images[:3], source.store) is None


def test_its_name_is_the_address(rig: Rig) -> None:
    assert rig.destination().name == f"{'archive+' if rig.archive else ''}{rig.place.address}"


def test_archives_lie_where_the_original_had_them_and_two_studies_of_a_day_are_two(
    archives: Rig, source: Source
) -> None:
    sent(archives.destination(), [source.put(name) for name in NAMES], source)
    assert set(archives.place.objects()) == set(ARCHIVES)
    sent(archives.destination(option="#collection=HEART"), [source.put(C1)], source)
    assert "Collection/HEART/Entity/P-2/P-2_20200301_ACC-9_12.tar.gz" in archives.place.objects()


def test_what_the_header_does_not_say_is_said_of_the_archive(folder_rig: Rig, source: Source) -> None:
    archives = replace(folder_rig, archive=True)
    assert sent(archives.destination(), [source.put(C1, image(C1, "", ""))], source) == [None]
    assert list(archives.place.objects()) == ["Collection/LUNG/Entity/P-2/P-2_nodate_noaccession_12.tar.gz"]


def test_an_archive_has_the_same_bytes_wherever_it_is_made(archives: Rig, source: Source) -> None:
    images = [source.put(name) for name in NAMES]
    sent(archives.destination(), images, source)
    before = archives.place.objects()
    for name in ARCHIVES:
        archives.place.remove(name)
    # in whatever order they are given
    sent(archives.destination(), images[::-1], source)
    assert archives.place.objects() == before


def test_an_archive_is_called_after_its_first_image_by_name(folder_rig: Rig, source: Source) -> None:
    archives = replace(folder_rig, archive=True)
    images = [source.put(A1), source.put(A2, image(A2, "20200302", "OTHER"))]
    for given in (images, images[::-1]):
        assert sent(archives.destination(), given, source) == [None, None]
    assert list(archives.place.objects()) == [next(iter(ARCHIVES))]


def test_a_layout_says_what_images_are_called(place: Place, source: Source) -> None:
    hostile = image(C1, accession="../../etc")
    images = [source.put(A1), source.put(C1, hostile)]
    address = Address.parse(f"{place.address}#layout={{modality}}/{{accession}}/{{study_date}}-{{sop_uid}}.dcm")
    for _ in range(2):
        assert sent(store_destination(address, place.store), images, source) == [None, None]
        assert place.objects() == {
            "CT/ACC-9/20200301-2.25.31.dcm": image(A1),
            "CT/etc/20200301-2.25.35.dcm": hostile,
        }


@pytest.mark.parametrize("data", [b"no DICOM", b"", instance()[:150], instance()[:300]])
def test_a_header_that_says_nothing_is_none(folder_rig: Rig, source: Source, data: bytes) -> None:
    destination = folder_rig.destination(option="#layout={accession}/{sop_uid}")
    assert sent(destination, [source.put(C1, data)], source) == [None]
    assert folder_rig.place.objects() == {"none/2.25.35": data}


def test_one_name_for_two_images_is_a_conflict(folder_rig: Rig, source: Source) -> None:
    one, other = "P-1/2.25.10/2.25.20/2.25.31.dcm", "P-1/2.25.10/2.25.21/2.25.31.dcm"
    destination = StoreDestination(folder_rig.place.store, "x", Layout.parse("{sop_uid}"), at_once=1)
    assert sent(destination, [source.put(one), source.put(other)], source) == [None, Code.CONFLICT]
    assert folder_rig.place.objects() == {"2.25.31": image(one)}


def test_objects_of_cloud_storage_tell_whose_they_are(request: pytest.FixtureRequest, source: Source) -> None:
    place = BucketPlace(request)
    large = image(C1, more=9 * MIB)  # in several requests
    images = [source.put(A1), source.put(C1, large)]
    for archive in (False, True):
        assert sent(Rig(place, archive).destination(), images, source) == [None, None]
    blobs = {blob.name.removeprefix("some/prefix/"): blob for blob in place.made.client.list_blobs(place.made.bucket)}
    patient = {"PatientID": "P-2", "StudyInstanceUID": "2.25.12"}
    assert blobs[C1].metadata == {**patient, "SeriesInstanceUID": "2.25.23", "SOPInstanceUID": "2.25.35"}
    assert blobs[A1].metadata["SOPInstanceUID"] == "2.25.31"
    assert (blobs[A1].content_type, blobs[C1].content_type) == ("application/dicom",) * 2
    archive_blob = blobs["Collection/LUNG/Entity/P-2/P-2_20200301_ACC-9_12.tar.gz"]
    assert archive_blob.metadata == patient
    assert (archive_blob.content_type, archive_blob.content_encoding) == ("application/gzip", None)


def test_other_content_there_is_told_of_the_image_or_its_study_and_stays(rig: Rig, source: Source) -> None:
    images = [source.put(name) for name in NAMES]
    assert sent(rig.destination(), [images[1], images[4]], source) == [None, None]
    before = rig.place.objects()
    source.remove(A2)
    images[1] = source.put(A2, image(A2, more=2))
    codes = sent(rig.destination(), images, source)
    if rig.archive:
        assert codes == [Code.ARCHIVE_DIFFERS] * 3 + [None, None]
    else:
        assert codes == [None, Code.CONFLICT, None, None, None]
    assert before.items() <= rig.place.objects().items()


@pytest.mark.parametrize("there", [b"", b"no archive", "cut", "fewer"])
def test_an_archive_that_does_not_hold_all_images_is_not_taken_for_theirs(
    folder_rig: Rig, source: Source, there: bytes | str
) -> None:
    archives = replace(folder_rig, archive=True)
    images = [source.put(name) for name in (A1, A2)]
    assert sent(archives.destination(), images, source) == [None, None]
    ((name, data),) = archives.place.objects().items()
    if there == "fewer":
        images.append(source.put(A3))
    else:
        archives.place.remove(name)
        assert isinstance(archives.place, FolderPlace)
        (archives.place.root / name).write_bytes(data[:-4] if there == "cut" else bytes(there))  # type: ignore[arg-type]
    assert set(sent(archives.destination(), images, source)) == {Code.ARCHIVE_DIFFERS}


def test_an_archive_that_another_zlib_made_is_known_by_what_it_holds(folder_rig: Rig, source: Source) -> None:
    archives = replace(folder_rig, archive=True)
    assert isinstance(archives.place, FolderPlace)
    images = [source.put(name) for name in (A1, A2)]
    path = archives.place.root / next(iter(ARCHIVES))
    path.parent.mkdir(parents=True)
    with tarfile.open(path, "w:gz", compresslevel=9) as tar:
        for name in (A1, A2):
            tar.add(source.root / name, name.split("/", 2)[2])
    before = path.read_bytes()
    assert sent(archives.destination(), images, source) == [None, None]
    assert path.read_bytes() == before


def test_of_two_who_make_an_archive_at_one_time_the_second_looks_at_that_of_the_first(
    folder_rig: Rig, source: Source
) -> None:
    archives = replace(folder_rig, archive=True)
    assert isinstance(archives.place, FolderPlace)

    class Late(FolderOutput):
        def stat(self, name: str) -> Stat | None:
            return None  # it comes to be there after this look

    images = [source.put(name) for name in (A1, A2)]
    assert sent(archives.destination(), images, source) == [None, None]
    second = archives.destination(Late(archives.place.root))
    assert sent(second, images, source) == [None, None]
    assert sent(second, [*images, source.put(A3)], source) == [Code.ARCHIVE_DIFFERS] * 3


@pytest.mark.parametrize("broken", ["removed", "damaged"])
def test_an_output_that_cannot_be_read_is_never_brought(rig: Rig, source: Source, broken: str) -> None:
    images = [source.put(name) for name in NAMES]
    source.remove(A2) if broken == "removed" else source.damage(A2)
    codes = sent(rig.destination(), images, source)
    others = Code.ARCHIVE_INCOMPLETE if rig.archive else None
    why = Code.OUTPUT_MISSING if broken == "removed" else Code.OUTPUT_DAMAGED
    assert codes == [others, why, others, None, None]
    assert set(rig.images()) == ({B1, C1} if rig.archive else {A1, A3, B1, C1})
    if broken == "removed":
        source.put(A2)
        assert sent(rig.destination(), images, source) == [None] * 5


def test_a_study_whose_first_image_is_gone_has_no_archive(folder_rig: Rig, source: Source) -> None:
    archives = replace(folder_rig, archive=True)
    images = [source.put(name) for name in NAMES]
    source.remove(A1)
    codes = [Code.OUTPUT_MISSING, Code.ARCHIVE_INCOMPLETE, Code.ARCHIVE_INCOMPLETE, None, None]
    assert sent(archives.destination(), images, source) == codes


class Looks(Deadline):
    """Near after so many looks."""

    @property
    def near(self) -> bool:
        object.__setattr__(self, "budget", self.budget - 1)
        return self.budget < 0


def test_when_the_deadline_is_near_nothing_further_is_begun(rig: Rig, source: Source) -> None:
    images = [source.put(name) for name in NAMES]
    receipts = list(rig.destination().send(images, source.store, Looks(2, 0)))
    begun = NAMES[:4] if rig.archive else NAMES[:2]
    assert receipts == [Receipt(one) for one in images if one.output in begun]
    assert set(rig.images()) == set(begun)
    assert list(rig.destination().send(images, source.store, Looks(inf, 0))) == [Receipt(one) for one in images]
    assert set(rig.images()) == set(NAMES)


def test_no_more_is_begun_ahead_than_goes_at_one_time(folder_rig: Rig, source: Source) -> None:
    images = [source.put(name) for name in NAMES]
    looks = Looks(100, 0)
    sending = StoreDestination(folder_rig.place.store, "x", Layout(), at_once=2).send(images, source.store, looks)
    assert next(sending) == Receipt(images[0])
    assert looks.budget == 98
    assert list(sending) == [Receipt(one) for one in images[1:]]


class Killed(BaseException):
    """As a signal ends a process."""


class Breaking(FolderOutput):
    """An output store whose reader dies in the middle of one image."""

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        if name != A3:
            with super().open(name) as stream:
                yield stream
            return

        class Half(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                data = super().read(100 if size == MIB else size)
                if size == MIB and self.tell() > 100:
                    raise Killed
                return data

        yield Half(image(A3))


def test_what_is_broken_off_is_not_there_and_comes_whole_the_next_time(rig: Rig, source: Source) -> None:
    images = [source.put(name) for name in NAMES]
    destination = rig.destination()
    receipts: list[Receipt] = []
    with pytest.raises(Killed):
        receipts += destination.send(images, Breaking(source.root))
    assert not rig.images().keys() & ({A1, A2, A3} if rig.archive else {A3})
    assert sent(destination, images, source) == [None] * 5
    assert rig.images() == {name: image(name) for name in NAMES}


_STUCK = """
import json, sys
from pathlib import Path
from tests.contract.test_store_destinations import Sendable, Stuck, store_at
from sendit.adapters.archive_destination import ArchiveDestination
output, place, images = sys.argv[1:]
destination = ArchiveDestination(store_at(place), "x", "LUNG")
list(destination.send([Sendable(*image) for image in json.loads(images)], Stuck(Path(output))))
"""


def store_at(place: str) -> OutputStore:
    if place.startswith("gs://"):
        return GcsOutput(storage_client("test-project"), GcsPlace.parse(place))
    return FolderOutput(Path(place))


class Stuck(FolderOutput):
    """An output store that says so when the last image is to be read, and waits for ever."""

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        if name == A3:
            os.write(1, b"!")
            threading.Event().wait()
        with super().open(name) as stream:
            yield stream


def test_a_process_killed_in_the_middle_leaves_no_archive_and_the_next_makes_the_same_bytes(
    archives: Rig, source: Source, tmp_path: Path
) -> None:
    large = image(A2) + os.urandom(9 * MIB)  # so much that a part of it is in the bucket's hands already
    images = [source.put(A1), source.put(A2, large), source.put(A3)]
    told = json.dumps([astuple(one) for one in images])
    command = [sys.executable, "-c", _STUCK, str(source.root), archives.place.address, told]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.read(1) == b"!"
        process.send_signal(signal.SIGKILL)
    assert not [name for name in archives.place.objects() if not name.startswith(".sendit-tmp/")]
    assert sent(archives.destination(), images, source) == [None] * 3
    (tmp_path / "other").mkdir()
    assert sent(archives.destination(FolderOutput(tmp_path / "other")), images, source) == [None] * 3
    name = next(iter(ARCHIVES))
    assert (tmp_path / "other" / name).read_bytes() == archives.place.objects()[name]


class Failing:
    """A folder that fails in one way at one step, as a disk or a service does."""

    def __init__(self, root: Path, step: str, error: Exception) -> None:
        self._folder = FolderOutput(root)
        self._step = step
        self._error = error

    def fail(self, step: str) -> None:
        if step == self._step:
            raise self._error

    @contextmanager
    def create(self, name: str, metadata: Mapping[str, str] | None = None) -> Iterator[PendingOutput]:
        self.fail("create")
        with self._folder.create(name, metadata) as pending:
            yield FailingPending(self, pending)

    def stat(self, name: str) -> Stat | None:
        self.fail("stat")
        return self._folder.stat(name)

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        self.fail("open")
        with self._folder.open(name) as stream:
            yield stream


class FailingPending:
    def __init__(self, store: Failing, inner: PendingOutput) -> None:
        self._store = store
        self._inner = inner

    def write(self, data: bytes, /) -> int:
        self._store.fail("write")
        return self._inner.write(data)

    def commit(self) -> Stored:
        self._store.fail("commit")
        return self._inner.commit()


UNAVAILABLE = TransientError(Code.OUTPUT_UNAVAILABLE)


@pytest.mark.parametrize("archive", [False, True])
@pytest.mark.parametrize("step", ["stat", "create", "write", "commit"])
@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (UNAVAILABLE, TransientError, Code.DESTINATION_UNAVAILABLE),
        (TransientError(Code.NO_SPACE), TransientError, Code.DESTINATION_FULL),
        (TransientError(Code.QUOTA_EXCEEDED), TransientError, Code.QUOTA_EXCEEDED),
        (TransientError(Code.OUTPUT_FORBIDDEN), DestinationError, Code.DESTINATION_REFUSED),
        (PermissionError("DOE^JOHN"), DestinationError, Code.DESTINATION_REFUSED),
        (OSError("DOE^JOHN"), TransientError, Code.DESTINATION_UNAVAILABLE),
    ],
)
def test_what_a_store_says_of_itself_is_said_of_the_destination(
    folder_rig: Rig,
    source: Source,
    archive: bool,
    step: str,
    error: Exception,
    kind: type[TransientError | DestinationError],
    code: Code,
) -> None:
    rig = replace(folder_rig, archive=archive)
    assert isinstance(rig.place, FolderPlace)
    images = [source.put(name) for name in NAMES]
    with raised(kind, code):
        list(rig.destination(Failing(rig.place.root, step, error)).send(images, source.store))
    assert rig.place.objects() == {}
    assert sent(rig.destination(), images, source) == [None] * 5


@pytest.mark.parametrize("archive", [False, True])
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TransientError(Code.OUTPUT_NOT_VERIFIED), Code.DESTINATION_NOT_VERIFIED),
        (ImageError(Code.PLACE_TAKEN), Code.PLACE_TAKEN),
        (IsADirectoryError(), Code.PLACE_TAKEN),
    ],
)
def test_what_a_store_says_of_an_object_is_said_of_the_image(
    folder_rig: Rig, source: Source, archive: bool, error: Exception, code: Code
) -> None:
    rig = replace(folder_rig, archive=archive)
    assert isinstance(rig.place, FolderPlace)
    images = [source.put(name) for name in (A1, C1)]
    destination = rig.destination(Failing(rig.place.root, "commit", error))
    assert sent(destination, images, source) == [code, code]


def test_an_archive_that_cannot_be_read_back_proves_nothing(folder_rig: Rig, source: Source) -> None:
    archives = replace(folder_rig, archive=True)
    assert isinstance(archives.place, FolderPlace)
    images = [source.put(A1)]
    assert sent(archives.destination(), images, source) == [None]
    with raised(TransientError, Code.DESTINATION_UNAVAILABLE):
        sent(archives.destination(Failing(archives.place.root, "open", OSError())), images, source)
    (path,) = (path for path in archives.place.root.rglob("*.tar.gz"))
    path.unlink()
    path.mkdir()
    assert sent(archives.destination(), images, source) == [Code.PLACE_TAKEN]


@pytest.mark.parametrize("archive", [False, True])
def test_what_is_there_is_not_written_again(folder_rig: Rig, source: Source, archive: bool) -> None:
    rig = replace(folder_rig, archive=archive)
    assert isinstance(rig.place, FolderPlace)
    images = [source.put(name) for name in NAMES]
    assert sent(rig.destination(), images, source) == [None] * 5
    assert sent(rig.destination(Failing(rig.place.root, "create", AssertionError())), images, source) == [None] * 5


@pytest.mark.parametrize("data", [b"shorter", image(A1)[::-1], image(A1) + b"longer"])
def test_what_is_there_otherwise_is_a_conflict_whatever_its_size(folder_rig: Rig, source: Source, data: bytes) -> None:
    assert isinstance(folder_rig.place, FolderPlace)
    path = folder_rig.place.root / A1
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    assert sent(folder_rig.destination(), [source.put(A1)], source) == [Code.CONFLICT]
    assert path.read_bytes() == data


@pytest.mark.parametrize("archive", [False, True])
def test_what_the_output_store_fails_with_is_not_the_destinations(
    folder_rig: Rig, source: Source, archive: bool
) -> None:
    rig = replace(folder_rig, archive=archive)
    with raised(TransientError, Code.OUTPUT_UNAVAILABLE):
        list(rig.destination().send([source.put(A1)], Failing(source.root, "open", UNAVAILABLE)))
    assert rig.place.objects() == {}


def test_a_place_out_of_reach_is_waited_for(rig: Rig, source: Source) -> None:
    rig.place.cut_off()
    with raised(TransientError, Code.DESTINATION_UNAVAILABLE):
        sent(rig.destination(), [source.put(A1)], source)


def test_what_was_brought_before_a_failure_has_its_receipts(folder_rig: Rig, source: Source) -> None:
    assert isinstance(folder_rig.place, FolderPlace)
    root, images = folder_rig.place.root, [source.put(name) for name in NAMES]

    class FullAfterThree(Failing):
        def fail(self, step: str) -> None:
            if len(folder_rig.place.objects()) == 3:
                super().fail(step)

    store = FullAfterThree(root, "create", TransientError(Code.NO_SPACE))
    receipts = []
    with raised(TransientError, Code.DESTINATION_FULL):
        for receipt in StoreDestination(store, "x", Layout(), at_once=1).send(images, source.store):
            receipts.append(receipt)  # noqa: PERF402  it raises
    assert receipts == [Receipt(one) for one in images[:3]]


def test_what_is_under_way_at_one_time_is_bounded_in_number_and_bytes(folder_rig: Rig, source: Source) -> None:
    lock = threading.Lock()
    now: list[int] = []
    seen: list[tuple[int, int]] = []

    class Counting(FolderOutput):
        @contextmanager
        def open(self, name: str) -> Iterator[BinaryIO]:
            size = (source.root / name).stat().st_size
            with lock:
                now.append(size)
                seen.append((len(now), sum(now)))
            with super().open(name) as stream:
                yield stream
            with lock:
                now.remove(size)

    names = [f"P-1/2.25.1/2.25.2/2.25.{number}.dcm" for number in range(100, 130)]
    images = [source.put(name, bytes(4000 if number % 10 else 9000)) for number, name in enumerate(names)]
    destination = StoreDestination(folder_rig.place.store, "x", Layout(), at_once=4, in_flight_bytes=8000)
    receipts = list(destination.send(images, Counting(source.root)))
    assert receipts == [Receipt(one) for one in images]
    assert all(number <= 2 and (total <= 8000 or number == 1) for number, total in seen)


def test_memory_does_not_grow_with_a_study(archives: Rig, source: Source) -> None:
    data = os.urandom(MIB)

    def peak(study: int, images: int) -> int:
        outputs = [source.put(f"P-1/2.25.{study}/2.25.2/2.25.{number}.dcm", data) for number in range(images)]
        tracemalloc.start()
        assert sent(archives.destination(), outputs, source) == [None] * images
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    # on its way to a bucket up to two pieces of 8 MiB are held, whatever the size
    assert peak(3, 64) < 1.3 * peak(2, 20)


def test_what_the_documents_show_can_be_sent_to(place: Place, source: Source) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs/destinations.md").read_text("utf-8")
    blocks = "\n".join(re.findall(r"```\w*\n(.+?)```", text, re.DOTALL))
    shown = re.findall(r"^(archive\+)?(/|gs://)\S+?(#\S+)$", blocks, re.MULTILINE)
    assert len(shown) == 4
    images = [source.put(name) for name in NAMES]
    for archive, start, option in shown:
        if (start == "gs://") == isinstance(place, BucketPlace):
            assert sent(Rig(place, bool(archive)).destination(option=option), images, source) == [None] * 5
    names = set(place.objects())
    assert {"Collection/LUNG-2026/Entity/P-2/P-2_20200301_ACC-9_12.tar.gz"} < names
    assert {"modality=CT/2.25.35.dcm", "P-2/20200301_ACC-9/2.25.35.dcm"} & names


def test_a_study_is_named_or_else_there_is_no_archive(folder_rig: Rig) -> None:
    store = folder_rig.place.store
    for address in ("archive+/x", "archive+/x#collection=", "archive+/x#collection=..", "archive+/x#collection=a/b"):
        with pytest.raises(UsageError) as error:
            archive_destination(Address.parse(address), store)
        assert error.value.code is Code.BAD_SETTING
        assert "SENDIT_STUDY" in error.value.sentence
    with pytest.raises(UsageError) as error:
        store_destination(Address.parse("/x#layout={patient}"), store)
    assert (error.value.code, "{sop_uid}" in error.value.sentence) == (Code.BAD_SETTING, True)
