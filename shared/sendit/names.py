"""Which folder a batch is, where the status store does not show it."""

import logging
from collections.abc import Callable, Collection, Iterable

from sendit.errors import BatchError, Refused
from sendit.ids import DocumentIds
from sendit.logs import event
from sendit.manifest import Manifest
from sendit.ports import Staging
from sendit.records import Batch
from sendit.refs import BatchName, Marker


def name_of(batch: Batch, staging: Callable[[], Staging]) -> BatchName | None:
    """A batch's name from its record, or from its frozen manifest; None if it was never frozen."""
    if batch.name is not None:
        return BatchName.parse(batch.name)
    for data in staging().manifests(batch.id):
        try:
            return BatchName.parse(Manifest.from_bytes(data).batch)
        except (BatchError, Refused) as error:
            event(logging.WARNING, error.sentence, code=error.code, batch_id=batch.id)
    return None


def named_by(markers: Iterable[Marker], ids: DocumentIds, wanted: Collection[str]) -> dict[str, BatchName]:
    """The names of the batches with these ids, as far as there are markers of them."""
    found: dict[str, BatchName] = {}
    for marker in markers:
        try:
            name = BatchName.parse(marker.name)
        except Refused:
            continue  # whoever follows the markers says so
        if (batch_id := ids.batch(name)) in wanted:
            found[batch_id] = name
            if len(found) == len(wanted):
                break
    return found
