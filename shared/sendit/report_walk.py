"""Reports of what is not there any more: a folder that had no marker, or a marker that was not followed."""

import logging

from sendit.errors import Refused
from sendit.logs import event
from sendit.refs import BatchName
from sendit.staging_area import Report
from sendit.walking import Walking, walk

REPORTS_A_RUN = 50


def drop_reports(world: Walking) -> int:
    """Remove a piece of the reports that are about nothing, and say how many went. See `walk` for errors.

    A report of a batch goes with the batch. One that lies under an id tells no name, and stays until its batch rests.
    """
    return walk("reports", world, world.area.reports, REPORTS_A_RUN, lambda report: _dropped(report, world))


def _dropped(report: Report, world: Walking) -> bool:
    text = report.name.removesuffix(".err")
    try:
        name = BatchName.parse(text)
    except Refused:
        return False
    batch_id = world.ids.batch(name)
    if world.ids.is_one(text) or world.store.batch(batch_id) is not None or _is_there(name, world):
        return False
    if not world.area.delete_report(report):
        return False
    event(logging.INFO, "A folder or marker that was reported is gone; so is the report.", batch_id=batch_id)
    return True


def _is_there(name: BatchName, world: Walking) -> bool:
    """Whether there is a marker of this name, something staged below it, or a loose object."""
    if world.area.marker(name) is not None or any(True for _ in world.staging.list(name)):
        return True
    loose = next(world.area.staged(str(name)), None)
    return loose is not None and loose.path == str(name)
