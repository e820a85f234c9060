"""What the pipeline makes of files when nothing is in its way: the same bytes wherever and however often."""

from collections.abc import Mapping
from pathlib import Path

from tests.naming import NOBODY

from sendit.adapters.folder_output import FolderOutput
from sendit.adapters.folder_staging import FolderStaging
from sendit.images import ImagePipeline
from sendit.outcome import Inspected, Planned
from sendit.refs import BatchName
from sendit.settings import Settings
from sendit.wiring.naming import naming_of
from sendit.wiring.parts import keyring, limits_of, now, profile_of, rules_of, screen_of

BATCH = BatchName.parse("undisturbed")


def results_of(files: Mapping[str, bytes], settings: Settings, folder: Path) -> dict[str, bytes]:
    """Each result by its output name; `folder` is an empty one to work in."""
    return dict(outputs_of(files, settings, folder).values())


def outputs_of(files: Mapping[str, bytes], settings: Settings, folder: Path) -> dict[str, tuple[str, bytes]]:
    """What becomes of each file, by its name: the output's name, and its bytes."""
    source, out = folder / str(BATCH), folder / "out"
    source.mkdir()
    out.mkdir()
    for name, data in files.items():
        (source / name).write_bytes(data)
    keys = keyring(settings)
    pipeline = ImagePipeline(
        staging=FolderStaging(folder, folder / "manifests"),
        output=FolderOutput(out),
        keys=keys,
        profile=profile_of(settings),
        screen=screen_of(rules_of(settings), profile_of(settings)),
        limits=limits_of(settings),
        clock=now,
    )
    outputs: dict[str, tuple[str, bytes]] = {}
    for entry in pipeline.staging.list(BATCH):
        inspected = pipeline.inspect(BATCH, entry)
        assert isinstance(inspected, Inspected)
        planned = naming_of(settings, keys, pipeline.output).of_batch(NOBODY)(inspected)
        assert isinstance(planned, Planned)
        outcome = pipeline.store(BATCH, planned)
        assert outcome.code is None
        outputs[entry.name] = outcome.output, (out / outcome.output).read_bytes()
    return outputs
