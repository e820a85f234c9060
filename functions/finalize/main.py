"""finalize: a finalize marker was written → the batch is registered and ONE message is published.

Fed by the notification of the staging bucket for `finalize/`, through the topic `finalized`.
"""

import flask
import functions_framework
from cloudevents.http import CloudEvent

from sendit import push
from sendit.once import Once
from sendit.wiring.cloud import Finalizer, check_finalizer

_settings = push.serve(flask.current_app, check_finalizer)
_finalizer = Once(lambda: Finalizer.of(_settings))


@functions_framework.cloud_event
def finalize(pushed: CloudEvent) -> None:
    """Follow one marker. What is raised decides the answer: see `sendit.push.answer`."""
    finalizer = _finalizer()
    finalizer.follow(push.marker_of(pushed, finalizer.staging))
