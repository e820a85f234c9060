"""What a batch consists of and what of it is settled: the checkpoint from which every attempt starts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sendit.changes import is_overtaken
from sendit.errors import BatchError, Code, TransientError
from sendit.ids import DocumentIds
from sendit.label import OutLabel
from sendit.manifest import Manifest
from sendit.ports import Staging
from sendit.records import UNSETTLED, Batch, Counts, Image
from sendit.refs import BatchName, Entry
from sendit.tally import counted
from sendit.work import Claims


def frozen_manifest(
    batch: Batch, name: BatchName, *, staging: Staging, ids: DocumentIds, label: OutLabel, version: str
) -> Manifest:
    """The frozen manifest; frozen now if this is the first attempt to come this far.

    Raises `BatchError` (bad_manifest, manifest_of_another_key), `TransientError`.
    """
    data = staging.read_manifest(batch.id, batch.generation)
    if data is None:
        manifest = Manifest.freeze(
            staging.list(name),
            batch=ids.full(name),
            profile_digest=label.profile_digest,
            key_id=label.key_id,
            version=version,
        )
        staging.write_manifest(batch.id, batch.generation, manifest.to_bytes())
        # another worker may have written first: what is kept there is what the batch is
        data = staging.read_manifest(batch.id, batch.generation)
        if data is None:
            raise TransientError(Code.STAGING_UNAVAILABLE)
    manifest = Manifest.from_bytes(data)
    if (manifest.profile_digest, manifest.key_id) != (label.profile_digest, label.key_id):
        raise BatchError(Code.MANIFEST_OF_ANOTHER_KEY)
    return manifest


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a batch stands as an attempt begins. Of what is settled only the ids are kept: batches may be large.

    `fresh` are entries of which no record is written yet, by image id; `unsettled` are records without an outcome;
    `overtaken` is whether the outcome of an image is about another generation than the one that is frozen.
    """

    fresh: Mapping[str, Entry]
    unsettled: Mapping[str, Image]
    counts: Counts
    size_bytes: int
    claims: Claims
    overtaken: bool


def checkpoint_of(entries: Mapping[str, Entry], images: Iterable[Image]) -> Checkpoint:
    """Go through the records there are; `entries` are the manifest's by image id."""
    fresh, unsettled, held = dict(entries), dict[str, Image](), list[tuple[str, str]]()
    counts, size, found, overtaken = Counts(), 0, 0, False
    for image in images:
        found += 1
        size += image.size_bytes
        counts = counted(counts, image.state, duplicate=image.duplicate)
        if image.state in UNSETTLED:
            unsettled[image.id] = image
        entry = fresh.pop(image.id, None)
        if entry is not None:
            overtaken = overtaken or is_overtaken(image, entry.generation)
        if image.output:  # also of one whose source was deleted since
            held.append((image.output, image.id if entry is None else entry.name))
    counts = Counts(found + len(fresh), counts.stored, counts.rejected, counts.errored, counts.duplicates)
    size += sum(entry.size for entry in fresh.values())
    return Checkpoint(fresh, unsettled, counts, size, Claims(held), overtaken)
