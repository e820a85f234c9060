"""How verbs show what is at which destination."""

from collections.abc import Sequence

from sendit.cli.console import show_table
from sendit.deliveries import Delivery, DeliveryState
from sendit.errors import SENTENCES, Code
from sendit.records import Batch


def show_deliveries(batches: Sequence[Batch]) -> None:
    """A line for each batch and destination; nothing if there are no destinations."""
    rows: list[list[str | int]] = [
        [
            batch.id,
            one.destination,
            one.state,
            one.sent,
            one.failed,
            "" if one.code is None or one.state is DeliveryState.DONE else SENTENCES[one.code],
        ]
        for batch in batches
        for one in batch.deliveries
    ]
    if rows:
        show_table(["batch", "destination", "state", "sent", "refused", "why"], rows)


def deliveries_as_json(batch: Batch | None) -> list[dict[str, object]]:
    """The same of one batch, for scripts."""
    return [
        {
            "destination": one.destination,
            "state": one.state,
            "sent": one.sent,
            "refused": one.failed,
            "code": one.code,
        }
        for one in (batch.deliveries if batch else ())
    ]


def troubles_of(delivery: Delivery) -> list[tuple[Code, str]]:
    """What keeps a batch from a destination: codes, each with the id of the image that it is about, or without."""
    if delivery.code is None or delivery.state is DeliveryState.DONE:
        return []
    if delivery.failures:
        return [(failure.code, failure.image_id) for failure in delivery.failures]
    return [(delivery.code, "")]
