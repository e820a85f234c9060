"""Uploaders who go on while a batch is at work: what was frozen is processed, and what else came is told by image."""

import random
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from google.api_core.exceptions import NotFound
from tests.chaos.figures import Figures
from tests.chaos.planted import Uploads
from tests.chaos.test_disturbed import pushed_to
from tests.data import objects
from tests.emulator.cloud import AT_REST, Cloud, Document
from tests.emulator.functions import Function, function
from tests.emulator.killing import TERMS, cleaned, staged
from tests.emulator.test_deliveries import marker_event, slices, study_of
from tests.emulator.undisturbed import outputs_of

from sendit.manifest import Manifest
from sendit.refs import BatchName
from sendit.settings import Settings

SLICES = 120
SECONDS_AN_UPLOAD = 0.1
"""By two processes of four threads: some seconds of work for a batch, in which uploaders go on for certain."""
LEAST_CHANGES = 5
LEAST_CHANGED_DURING_PROCESSING = 3


@dataclass
class Uploader:
    """Overwrites, adds, removes and finalizes again at random; remembers the bytes of every generation there was."""

    cloud: Cloud
    batch: str
    chance: random.Random
    figures: Figures
    written: dict[tuple[str, int], bytes] = field(default_factory=dict)
    now: dict[str, int] = field(default_factory=dict)  # the generation that an object has, if it is there
    number: int = SLICES
    marked: int = 0  # the generation of the marker

    def put(self, name: str, data: bytes) -> None:
        blob = self.cloud.staging.blob(f"incoming/{self.batch}/{name}")
        blob.upload_from_string(data)
        self.now[name] = int(blob.generation)
        self.written[name, self.now[name]] = data

    def act(self) -> None:
        """One thing of those that uploaders do."""
        act = self.chance.choice([self.overwrite, self.overwrite, self.write_again, self.add, self.remove, self.mark])
        act()
        self.figures.count(act.__name__)

    def overwrite(self) -> None:
        """Another image under the name of one, or the same one with other pixels."""
        name = self.some()
        if self.chance.random() < 0.5:
            self.put(name, self.another())
            return
        changed = study_of(self.batch, int(name.partition(".")[0]))
        changed.PixelData = changed.PixelData[::-1]
        self.put(name, objects.to_bytes(changed))

    def write_again(self) -> None:
        """The same bytes once more."""
        name = self.some()
        self.put(name, self.written[name, self.now[name]])

    def add(self) -> None:
        data = self.another()
        self.put(f"{self.number}.dcm", data)

    def remove(self) -> None:
        name = self.some()
        with suppress(NotFound):  # cleaned up
            self.cloud.staging.blob(f"incoming/{self.batch}/{name}").delete()
        del self.now[name]

    def mark(self) -> None:
        """A newer marker, or the event of the one there is once more."""
        if self.chance.random() < 0.5:
            self.marked = self.cloud.mark(self.batch)
        else:
            marker_event(self.cloud, self.batch, self.marked)

    def another(self) -> bytes:
        self.number += 1
        return objects.to_bytes(study_of(self.batch, self.number))

    def some(self) -> str:
        return self.chance.choice(sorted(self.now))


def test_exactly_what_was_frozen_is_processed_whatever_uploaders_do_meanwhile(
    cloud: Cloud, chance: random.Random, long: bool, figures: Figures, tmp_path: Path
) -> None:
    settings = Settings.load(dict(cloud.environment))
    slow = TERMS | {"SENDIT_THREADS": "4"} | Uploads.planted(tmp_path, SECONDS_AN_UPLOAD).environment
    with function(cloud, "worker", tmp_path, None, **slow) as worker, pushed_to(cloud, "batches", host_of(worker)):
        for number in range(10 if long else 1):
            uploader = Uploader(cloud, f"changing/{number}", chance, figures)
            for name, data in slices(SLICES, uploader.batch).items():
                uploader.put(name, data)
            uploader.marked = cloud.mark(uploader.batch)
            during = _disturbed(uploader)
            document = cleaned(cloud, uploader.batch)
            (tmp_path / f"{number}").mkdir()
            figures.count("batches")
            figures.count("images", document["counts"]["found"])
            figures.count("written while at work", during)
            figures.count("changed during processing", document["counts"]["errored"])
            _check(uploader, document, settings, tmp_path / f"{number}")
            assert during >= LEAST_CHANGES
            assert document["counts"]["errored"] >= LEAST_CHANGED_DURING_PROCESSING
            assert document["has_new_arrivals"]
    figures.conclude()


def host_of(worker: Function) -> str:
    return worker.address.rpartition("/")[2]


def _disturbed(uploader: Uploader) -> int:
    """Act until the batch rests; how much was written after the freeze and before the end of the work."""
    cloud, batch, chance = uploader.cloud, uploader.batch, uploader.chance
    written = 0
    while not (document := cloud.batch(batch)) or document["status"] not in AT_REST:
        there = dict(uploader.now)
        uploader.act()
        Event().wait(chance.uniform(0.0, 0.05))
        after = cloud.batch(batch)
        at_work = document is not None and document["frozen"] and after is not None and _unsettled(after)
        written += bool(at_work and uploader.now.items() - there.items())
    return written


def _unsettled(document: Document) -> bool:
    counts = document["counts"]
    return bool(counts["found"] > counts["stored"] + counts["rejected"] + counts["errored"])


def _check(uploader: Uploader, document: Document, settings: Settings, folder: Path) -> None:
    """Image by image: the outcome is that of the frozen generation, or says that it was gone before it was read."""
    cloud, batch = uploader.cloud, uploader.batch
    manifests = cloud.client.list_blobs(cloud.staging, prefix=f"manifests/{cloud.id_of(batch)}/")
    (manifest,) = [Manifest.from_bytes(blob.download_as_bytes()) for blob in manifests]
    frozen = {entry.name: entry.generation for entry in manifest.entries}
    images = cloud.images(batch)
    by_name = {name: images.pop(cloud.ids.image(BatchName.parse(batch), name)) for name in frozen}
    assert not images, "nothing but what was frozen is an image"
    data = {name: uploader.written[name, generation] for name, generation in frozen.items()}
    wanted = outputs_of(data, settings, folder)
    stored: dict[str, bytes] = {}
    for name, image in by_name.items():
        assert image["generation"] == frozen[name]
        if image["status"] == "DONEPROCESSING":
            output, result = wanted[name]
            assert image["output"] == output
            stored[output] = result
        else:
            assert (image["status"], image["code"]) == ("ERROR", "changed_during_processing")
            assert uploader.now.get(name) != frozen[name], "only what has changed is said to have"
    assert cloud.outputs(batch) == stored
    gone = {name for name, image in by_name.items() if image["status"] == "DONEPROCESSING"}
    left = {name: at for name, at in uploader.now.items() if name not in gone or at != frozen[name]}
    assert staged(cloud, batch) == left, "the sources of what is stored are deleted, and nothing else is"
    errors = {error["image_id"] for error in document["errors"]}
    assert errors == {
        cloud.ids.image(BatchName.parse(batch), name) for name, image in by_name.items() if image["status"] == "ERROR"
    }
    counts = {"found": len(frozen), "stored": len(stored), "rejected": 0, "errored": len(errors), "duplicates": 0}
    assert document["counts"] == counts
    assert document["has_error"] == bool(errors)
