"""The report of a batch of which something went wrong: readable text, with the names of the files.

It lies where those names may lie: in the staging area, or in SENDIT_HOME. No header value stands in it.
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

from sendit.deliveries import DeliveryState
from sendit.errors import SENTENCES, BatchError, Code, SenditError
from sendit.ids import DocumentIds
from sendit.logs import event
from sendit.manifest import Manifest
from sendit.ports import Staging, StatusStore
from sendit.records import Batch, BatchState, ImageState
from sendit.refs import BatchName, printable
from sendit.staging_area import Reports

FILES_LISTED = 1000

_WHAT_NOW = """\
What can be done
    Images as they are, once the cause is gone:   sendit retry {id} --failed
    Files that were mended and uploaded again:    sendit retry {id} --new
    Both, and what was rejected:                  sendit retry {id} --all
    To destinations where it is not:              sendit retry {id}
    Of a local run:                               run the same command again with --retry failed, new or all
"""
_KEPT = "What is not stored keeps its source; what is stored stays stored, and is not done again."


def report_on(
    batch: Batch, name: BatchName, *, reports: Reports, store: StatusStore, staging: Staging, ids: DocumentIds
) -> None:
    """Write the report of a batch at rest, or remove an earlier one if nothing went wrong this time.

    A report that cannot be written is told in the log, and stops nothing: the status store says the same.
    """
    try:
        if batch.has_error:
            reports.write(name, "\n".join(_lines(batch, name, store, staging, ids)) + "\n")
        else:
            reports.remove(name)
    except SenditError as error:
        event(logging.WARNING, "The report of the batch was not written.", code=error.code, batch_id=batch.id)


def unmarked(name: BatchName, objects: int, newest: datetime) -> str:
    """What is said of a folder in the staging area that no batch covers and no marker names."""
    return (
        f"{printable(str(name))}\n\n"
        f"Objects were uploaded here, the last of them at {_at(newest)}, and no marker says that they are complete.\n"
        f"Seen: {objects}. Nothing was processed, and nothing will be by itself.\n\n"
        "What can be done\n"
        "    If this folder is a whole batch, write its marker:  gcloud storage cp /dev/null"
        " gs://STAGING/finalize/FOLDER\n"
        "    If it is a part of a batch, write the marker of that one; if it is not wanted, delete it.\n"
    )


def overlapping(name: BatchName) -> str:
    """What is said of a marker whose folder lies inside a known batch or around one."""
    return (
        f"{printable(str(name))}\n\n{Code.OVERLAP}: {SENTENCES[Code.OVERLAP]}\n\n"
        "What can be done\n"
        "    Upload the folder beside the other batch under a name of its own, and delete this marker.\n"
    )


def _lines(batch: Batch, name: BatchName, store: StatusStore, staging: Staging, ids: DocumentIds) -> Iterator[str]:
    counts = batch.counts
    yield f"Batch {printable(str(name))}"
    yield f"    id        {batch.id}"
    yield f"    state     {batch.state}{'' if batch.state is BatchState.ERROR else ', with errors'}"
    yield (
        f"    images    {counts.found} found: {counts.stored} stored ({counts.duplicates} of them duplicates),"
        f" {counts.rejected} rejected, {counts.errored} failed"
    )
    yield f"    times     registered {_at(batch.created_at)}, at rest {_at(batch.finished_at or batch.updated_at)}"
    yield f"    attempts  {batch.attempt}"
    if batch.last_failure is not None:
        yield f"    said last {batch.last_failure.sentence}"
    yield ""
    for entry in batch.errors:
        if entry.image_id is None:
            yield f"The batch as a whole, {entry.code}: {entry.sentence}"
            yield ""
    for delivery in batch.deliveries:
        if delivery.code is not None and delivery.state is not DeliveryState.DONE:
            yield f"Not at {printable(delivery.destination)}, {delivery.code}: {SENTENCES[delivery.code]}"
            yield f"    {delivery.sent} images are there, {delivery.failed} were refused"
            yield ""
    failed = defaultdict[tuple[str, str], list[str]](list)
    for image in store.images(batch.id):
        if image.state is ImageState.ERROR and image.code is not None:
            failed[image.code, image.sentence].append(image.id)
    files = _files(batch, {image_id for some in failed.values() for image_id in some}, staging, ids)
    listed = 0
    for (code, sentence), images in sorted(failed.items(), key=lambda item: (-len(item[1]), item[0])):
        yield f"{len(images)} × {code}: {sentence}"
        shown = sorted(printable(files.get(image_id, image_id)) for image_id in images)[: FILES_LISTED - listed]
        yield from (f"    {file}" for file in shown)
        if len(shown) < len(images):
            yield f"    and {len(images) - len(shown)} more: sendit errors {batch.id} --names"
        listed += len(shown)
        yield ""
    yield _WHAT_NOW.format(id=batch.id)
    yield _KEPT


def _files(batch: Batch, wanted: Collection[str], staging: Staging, ids: DocumentIds) -> Mapping[str, str]:
    """Paths below the batch's folder by the ids of the images that are wanted."""
    found: dict[str, str] = {}
    for data in staging.manifests(batch.id) if wanted else ():
        try:
            manifest = Manifest.from_bytes(data)
        except BatchError as error:
            event(logging.WARNING, error.sentence, code=error.code, batch_id=batch.id)
            continue
        for entry in manifest.entries:
            image_id = ids.image_below(manifest.batch, entry.name)
            if image_id in wanted:
                found[image_id] = entry.name
    return found


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}Z"
