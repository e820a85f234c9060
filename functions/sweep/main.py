"""sweep: looks after what nobody else does, such as messages that died and batches of which nothing is heard.

Fed by the topics `ticks` and `dead-letters`.
"""

import flask
import functions_framework
from cloudevents.http import CloudEvent

from sendit import push
from sendit.once import Once
from sendit.wiring.sweep import Sweeper, check_sweeper

_settings = push.serve(flask.current_app, check_sweeper)
_sweeper = Once(lambda: Sweeper(_settings))


@functions_framework.cloud_event
def sweep(pushed: CloudEvent) -> None:
    """Follow one tick or one dead letter. What is raised decides the answer: see `sendit.push.answer`."""
    sweeper = _sweeper()
    if push.is_tick(pushed):
        sweeper.tick()
    else:
        sweeper.follow(push.dead_letter_of(pushed, sweeper.place))
