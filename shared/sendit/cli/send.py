"""`sendit send`: an earlier batch to one more destination."""

from typing import Annotated

import typer

from sendit.cli.choice import chosen, sendable
from sendit.cli.console import say, say_json, watching
from sendit.cli.deliveries import deliveries_as_json, show_deliveries
from sendit.cli.exits import Exit
from sendit.cli.options import Json, OutOption, To, settings_with
from sendit.deliveries import DeliveryState
from sendit.errors import Code, UsageError
from sendit.records import SENDABLE
from sendit.send import send as send_on
from sendit.wiring.destinations import addresses_of


def send(
    batch: Annotated[str, typer.Argument(metavar="BATCH", help="The batch's name or id.")],
    to: To = None,
    out: OutOption = None,
    as_json: Json = False,
) -> None:
    """Send what is stored of an earlier batch on to a destination, as far as it is not there.

    Images come from the output store, OUT or the cloud's; nothing is de-identified anew. What is there already with
    the same content is not sent again; other content under the same name is an error, and stays. Where it stands is
    kept with the batch: see sendit status BATCH. The destination is looked through for every image, also where it had
    them all before. Run the same command again to go on after an interruption.

    Exit status: 0 all is there; 1 it is not; 2 usage.
    """
    settings = settings_with()
    addresses = addresses_of(settings, to or ())
    if not addresses:
        raise UsageError(Code.NOT_CONFIGURED, "Say where: --to DEST, or set SENDIT_DESTINATIONS.")
    with sendable(settings, out, addresses) as world, watching(stored="sent") as watch:
        known = chosen(world, batch)[0]
        if known.state not in SENDABLE or not known.counts.stored:
            raise UsageError(Code.NOTHING_TO_SEND, f"It is {known.state}, with {known.counts.stored} images stored.")
        label = known.name or known.id
        sent = send_on(known.id, world.sending, observe=lambda deliveries: watch.sending(label, deliveries))
    names = {address.name for address in addresses}
    if as_json:
        say_json([one for one in deliveries_as_json(sent.batch) if one["destination"] in names])
    else:
        show_deliveries([sent.batch])
    if any(one.state is not DeliveryState.DONE for one in sent.batch.deliveries if one.destination in names):
        if not as_json:
            say("Not everything is there; run the same command again when the cause is gone.")
        raise typer.Exit(Exit.FAILED)
