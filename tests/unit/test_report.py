"""The report of a batch that went wrong: what it says, when it is there, and what stands in no case in it."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sendit import report
from sendit.adapters.folder_reports import FolderReports
from sendit.adapters.folder_staging import FolderStaging
from sendit.adapters.sqlite_status import SqliteStatusStore
from sendit.deid.identity.keys import Keyring
from sendit.errors import SENTENCES, Code, TransientError
from sendit.ids import DocumentIds
from sendit.manifest import Manifest
from sendit.records import Batch, BatchState, Counts, ErrorEntry, Image, ImageState, Lease
from sendit.refs import BatchName, Entry

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
IDS = DocumentIds(Keyring(bytes(32)))
NAME = BatchName.parse("1_6/ST-1")
LEASE = Lease("one", NOON)


class World:
    """A batch with images in error, and where its report lies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = SqliteStatusStore(folder / "status.sqlite3")
        self.staging = FolderStaging(folder, folder / "manifests")
        self.reports = FolderReports(folder / "reports", IDS.batch)
        self.batch_id = IDS.batch(NAME)
        self.store.register(Batch(self.batch_id, str(NAME), BatchState.QUEUE, 7, NOON, NOON))
        self.store.claim(self.batch_id, LEASE, NOON)

    def rest(
        self,
        failed: dict[str, Code],
        state: BatchState = BatchState.DONEPROCESSING,
        error: ErrorEntry | None = None,
        manifest: bytes | None = None,
    ) -> Batch:
        """Let it rest with these files failed, and three more images stored."""
        frozen = Manifest.freeze(
            [Entry(name, 1, 1) for name in failed],
            batch=str(NAME), profile_digest="p", key_id="k", version="1",
        )  # fmt: skip
        self.staging.write_manifest(self.batch_id, 7, frozen.to_bytes() if manifest is None else manifest)
        fresh = [self._image(name) for name in failed]
        self.store.add_images(self.batch_id, LEASE, fresh, NOON)
        images = [
            replace(one, state=ImageState.ERROR, code=code, sentence=SENTENCES[code])
            for one, code in zip(fresh, failed.values(), strict=True)
        ]
        errors = [ErrorEntry(one.code, one.sentence, NOON, one.id) for one in images if one.code]
        counts = Counts(found=len(failed) + 3, stored=3, errored=len(failed), duplicates=1)
        self.store.save_outcomes(self.batch_id, LEASE, images, counts, errors, NOON)
        return self.store.finish(self.batch_id, LEASE, state, [error] if error else [], NOON)

    def tell(self, batch: Batch) -> str | None:
        """What the report says, if there is one."""
        report.report_on(batch, NAME, reports=self.reports, store=self.store, staging=self.staging, ids=IDS)
        path = self.reports.path_of(NAME)
        return path.read_text("utf-8") if path.exists() else None

    def _image(self, name: str) -> Image:
        return Image(IDS.image(NAME, name), self.batch_id, ImageState.NEW, ((ImageState.NEW, NOON),))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    with closing(made.store):
        yield made


def test_it_says_which_files_failed_why_and_what_can_be_done(world: World) -> None:
    batch = world.rest({"b": Code.TRUNCATED, "deep/a": Code.TRUNCATED, "c": Code.LINK})
    text = world.tell(batch)
    assert text is not None
    assert "Batch 1_6/ST-1\n" in text
    assert batch.id in text
    assert "6 found: 3 stored (1 of them duplicates), 0 rejected, 3 failed" in text
    assert f"2 × truncated: {SENTENCES[Code.TRUNCATED]}\n    b\n    deep/a\n" in text
    assert f"1 × link: {SENTENCES[Code.LINK]}\n    c\n" in text
    assert f"sendit retry {batch.id} --failed" in text
    assert "at rest 2026-01-02 12:00:00Z" in text
    assert text.index("truncated") < text.index("link")


def test_a_batch_that_failed_as_a_whole_says_so(world: World) -> None:
    error = ErrorEntry(Code.NO_FILES, SENTENCES[Code.NO_FILES], NOON)
    text = world.tell(world.rest({}, BatchState.ERROR, error))
    assert text is not None
    assert f"The batch as a whole, no_files: {SENTENCES[Code.NO_FILES]}" in text
    assert "state     ERROR\n" in text


def test_it_goes_when_the_batch_rests_without_an_error(world: World) -> None:
    batch = world.rest({"a": Code.TRUNCATED})
    assert world.tell(batch)
    assert world.tell(replace(batch, errors=(), error_count=0)) is None


def test_of_many_files_the_first_are_listed_and_the_rest_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "FILES_LISTED", 5)
    batch = world.rest({**{f"a{n}": Code.TRUNCATED for n in range(7)}, "z": Code.LINK})
    text = world.tell(batch)
    assert text is not None
    assert f"    a4\n    and 2 more: sendit errors {batch.id} --names\n" in text
    assert f"and 1 more: sendit errors {batch.id} --names" in text
    assert "a5" not in text


def test_names_are_printed_as_one_line_each_whatever_they_are(world: World) -> None:
    names = ["new\nline", "\x1b[31mred", "half\udcff", "‮turned"]
    text = world.tell(world.rest(dict.fromkeys(names, Code.TRUNCATED)))
    assert text is not None
    for written in (r"    new\nline", r"    \x1b[31mred", r"    half\udcff", r"    \u202eturned"):
        assert f"{written}\n" in text


def test_without_a_readable_manifest_files_are_shown_by_their_ids(world: World) -> None:
    text = world.tell(world.rest({"a": Code.TRUNCATED}, manifest=b"no manifest"))
    assert text is not None
    assert f"    {IDS.image(NAME, 'a')}\n" in text


def test_a_report_that_cannot_be_written_is_told_and_stops_nothing(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    class Full(FolderReports):
        def write(self, *_: object) -> None:
            raise TransientError(Code.NO_SPACE)

    world.reports = Full(world.folder / "reports", IDS.batch)
    assert world.tell(world.rest({"a": Code.TRUNCATED})) is None
    (record,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert record.event_fields["code"] is Code.NO_SPACE  # type: ignore[attr-defined]
    assert "ST-1" not in caplog.text
