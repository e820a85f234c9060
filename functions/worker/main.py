"""worker: one message, one batch → imported, screened, de-identified, stored, every image accounted for.

Fed by the topic `batches`.
"""

from functools import cache

import flask
import functions_framework
from cloudevents.http import CloudEvent

from sendit import push
from sendit.wiring.worker import CloudWorker, check_worker

_settings = push.serve(flask.current_app, check_worker)
_worker = cache(CloudWorker)


@functions_framework.cloud_event
def worker(pushed: CloudEvent) -> None:
    """Do what one batch still needs. What is raised decides the answer: see `sendit.push.answer`."""
    _worker(_settings).follow(push.batch_message_of(pushed))
