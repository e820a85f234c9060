"""STOW-RS: images are posted, and the answer says of each what became of it (PS3.18 10.5)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from sendit.adapters.dicomweb_body import Multipart, Streamed
from sendit.adapters.dicomweb_instance import Instance
from sendit.adapters.dicomweb_link import JSON, Link, Setback
from sendit.destination import Reading
from sendit.errors import ImageError
from sendit.ports import OutputStore

BATCH_BYTES = 4 * 1024 * 1024
BATCH_IMAGES = 32

_OF_INSTANCES = frozenset({400, 409, 413, 422})  # speak of what was posted, with or without saying more of it
_REFERENCED, _FAILED = "00081199", "00081198"
_UID, _REASON = "00081155", "00081197"
_DUPLICATE = 0x0111  # PS3.4 B.2.3: it has an instance of this UID


class Said(Enum):
    """What a server says of an image that was posted."""

    TAKEN = auto()
    REFUSED = auto()
    THERE = auto()  # refused, because it has one of this UID
    NOTHING = auto()
    UNSURE = auto()  # no answer that could be understood
    UNREAD = auto()  # not posted: it is not in the output store as it was stored


@dataclass(frozen=True, slots=True)
class Posted:
    """What was said of each image of a request, and what came in between, if anything."""

    said: Mapping[Instance, Said]
    setback: Setback | None = None


def batches(instances: Sequence[Instance]) -> Iterator[Sequence[Instance]]:
    """What is posted together; an image that is larger than `BATCH_BYTES` goes alone."""
    batch: list[Instance] = []
    size = 0
    for instance in instances:
        if batch and (len(batch) == BATCH_IMAGES or size + instance.image.size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(instance)
        size += instance.image.size
    if batch:
        yield batch


def post(link: Link, instances: Sequence[Instance], output: OutputStore) -> Posted:
    """Post instances in one request. Raises `DestinationError`, and `TransientError` of the output store."""
    multipart = Multipart()
    said = dict.fromkeys(instances, Said.UNREAD)
    body: bytes | Streamed
    if len(instances) == 1 and instances[0].image.size > BATCH_BYTES:
        body = Streamed(multipart, instances[0].image, output, link.deadline)
        posted = list(instances)
    else:
        read = _read(instances, output)
        body, posted = multipart.whole(list(read.values())), list(read)
    if not posted:
        return Posted(said)
    try:
        answer = _answered(link, multipart, body)
    except ImageError:
        return Posted(said)
    except Setback as setback:
        return Posted({**said, **dict.fromkeys(posted, Said.UNSURE)}, setback)
    unsaid = Said.REFUSED if answer is None and len(posted) == 1 else Said.NOTHING
    return Posted({**said, **{one: (answer or {}).get(one.sop, unsaid) for one in posted}})


def _read(instances: Sequence[Instance], output: OutputStore) -> dict[Instance, bytes]:
    """The bytes of those that are in the output store as they were stored."""
    read: dict[Instance, bytes] = {}
    for instance in instances:
        with suppress(ImageError):
            read[instance] = Reading(instance.image, output).whole()
    return read


def _answered(link: Link, multipart: Multipart, body: bytes | Streamed) -> dict[str, Said] | None:
    """What was said by SOP Instance UID; None if the request was refused without a word of the instances.

    Raises `Setback`, `DestinationError`, and `ImageError` of the body.
    """
    headers = {"Content-Type": multipart.content_type, "Accept": JSON}
    with link.asked("POST", "/studies", headers, body=body, also=_OF_INSTANCES) as response:
        try:
            return _said(link.parsed(response))
        except Setback:
            if response.status_code in _OF_INSTANCES:
                return None
            raise


def _said(module: Any) -> dict[str, Said]:
    """The Store Instances Response Module (PS3.18 10.5.3.1.1) by SOP Instance UID. Raises `Setback` if it is none."""
    if not isinstance(module, dict) or not {_REFERENCED, _FAILED} & module.keys():
        raise Setback
    said = {uid: Said.TAKEN for uid, _ in _items(module, _REFERENCED)}
    for uid, item in _items(module, _FAILED):  # said to be both, it is not taken
        said[uid] = Said.THERE if _value(item, _REASON) == _DUPLICATE else Said.REFUSED
    return said


def _items(module: dict[str, Any], tag: str) -> Iterator[tuple[str, dict[str, Any]]]:
    sequence = module.get(tag)
    items = sequence.get("Value") if isinstance(sequence, dict) else None
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict) and isinstance(uid := _value(item, _UID), str):
            yield uid, item


def _value(item: dict[str, Any], tag: str) -> object:
    element = item.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return values[0] if isinstance(values, list) and values else None
