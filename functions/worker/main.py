"""worker: one message, one batch → imported, screened, de-identified, stored, every image accounted for.

Fed by the topic `batches`.
"""

import flask
import functions_framework
from cloudevents.http import CloudEvent

from sendit import push
from sendit.once import Once
from sendit.turns import Turns
from sendit.wiring.worker import CloudWorker, check_worker

_settings = push.serve(flask.current_app, check_worker)
_worker = Once(lambda: CloudWorker(_settings))
_turns = Turns(_settings.batches_at_once)


@functions_framework.cloud_event
def worker(pushed: CloudEvent) -> None:
    """Do what one batch still needs. What is raised decides the answer: see `sendit.push.answer`."""
    message = push.batch_message_of(pushed)
    with _turns.taken():
        _worker().follow(message)
