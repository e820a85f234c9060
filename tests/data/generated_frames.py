"""Generated objects whose sequences have many items of few forms, as the frames of an enhanced object are.

Single items differ from the others in values that say whose they are, that are malformed, or of another length.
"""

from __future__ import annotations

from random import Random
from struct import pack
from typing import TYPE_CHECKING

from tests.data import generated
from tests.data.generated import Case
from tests.data.generated_content import Tree, content_item
from tests.data.generated_profiles import PROFILES_TRIED
from tests.data.generated_values import Person, person, value

if TYPE_CHECKING:
    from sendit.deid.rules.profile import Profile

PER_FRAME, SHARED = 0x52009230, 0x52009229
_SEQUENCES = (
    PER_FRAME, PER_FRAME, PER_FRAME, SHARED,
    0x00186011,  # Sequence of Ultrasound Regions
    0x00081140,  # Referenced Image Sequence
    0x00081115,  # Referenced Series Sequence
    0x00209222,  # Dimension Index Sequence
    0x00081032,  # Procedure Code Sequence
    0x00101002,  # Other Patient IDs Sequence
    0x00400275,  # Request Attributes Sequence
    0x00400555,  # Acquisition Context Sequence
    0x0040A730,  # Content Sequence
    0x00191020,  # somebody's own
)  # fmt: skip
_SYNTAXES = (generated.EXPLICIT,) * 6 + (generated.IMPLICIT, generated.DEFLATED)


def frames(random: Random, count: int, profile: Profile | None = None) -> Case:
    """An object with sequences of so many items."""
    one = person(random)
    tree = generated._object(random, one)
    syntax = random.choice(_SYNTAXES)
    explicit = (syntax != generated.IMPLICIT) is not (random.random() < 0.05)
    encoded = {tag: generated._encoded(random, {tag: tree[tag]}, implicit=not explicit) for tag in tree}
    for tag in random.sample(_SEQUENCES, random.choice((1, 1, 2))):
        encoded[tag] = _sequence(random, tag, _items(random, one, count), implicit=not explicit)
    meta = generated._element(0x00020010, "UI", syntax.encode())
    body = b"".join(encoded[tag] for tag in sorted(encoded))
    if 0x00280010 in tree:
        body += generated._element(0x7FE00010, "OW", bytes(range(8)), implicit=not explicit)
    if syntax == generated.DEFLATED:
        body = generated.deflated(body)
    head = bytes(128) + b"DICM" + generated._element(0x00020000, "UL", pack("<L", len(meta))) + meta
    return Case(head + body, profile or random.choice(PROFILES_TRIED), one)


def _items(random: Random, one: Person, count: int) -> list[Tree]:
    forms = [_item(random, one) for _ in range(random.choice((1, 1, 1, 2, 3)))]
    often = random.choice((0.01, 0.03, 0.1, 0.3))
    return [_varied(random, random.choice(forms), one, often) for _ in range(count)]


def _item(random: Random, one: Person) -> Tree:
    tree = generated._elements(random, one, random.randrange(6), depth=1)
    if random.random() < 0.7:
        tree |= _functional_groups(random, one)
    if random.random() < 0.1:
        tree[0x00400555] = ("SQ", [content_item(random, one, 3) for _ in range(2)])
    if random.random() < 0.1:
        tree[0x00080005] = ("CS", random.choice((b"ISO_IR 100", b"ISO_IR 192", b"ISO_IR 144")))
    return tree


def _functional_groups(random: Random, one: Person) -> Tree:
    moment = f"{one.day}101530.123".encode()
    content: Tree = {
        0x00189074: ("DT", moment),
        0x00189151: ("DT", moment),
        0x00189220: ("FD", pack("<d", 500.0)),
        0x00204000: ("LT", b"Frame seen by  " + one.bytes_of(one.physician)),
        0x00209056: ("SH", b"1 "),
        0x00209057: ("UL", pack("<L", 3)),
        0x00209157: ("UL", pack("<LL", 1, 3)),
        0x00209453: ("LO", b"Label of a frame"),
    }
    code: Tree = {0x00080100: ("SH", b"51185008"), 0x00080102: ("SH", b"SCT "), 0x00080104: ("LO", b"Chest of some")}
    groups: Tree = {
        0x00081140: ("SQ", [{0x00081155: ("UI", f"{one.root}.3.17".encode()), 0x0040A170: ("SQ", [code])}] * 2),
        0x00189477: ("SQ", [{0x00083010: ("UI", f"{one.root}.5.17".encode())}]),
        0x00209071: ("SQ", [{0x00082218: ("SQ", [code]), 0x00209072: ("CS", b"U ")}]),
        0x00209111: ("SQ", [content]),
        0x00209113: ("SQ", [{0x00200032: ("DS", b"-179.6\\-171.3\\12.5 ")}]),
        0x00289132: ("SQ", [{0x00281050: ("DS", b"40"), 0x00281051: ("DS", b"400 "), 0x00281055: ("LO", b"ABDOMEN ")}]),
    }
    return {tag: groups[tag] for tag in random.sample(sorted(groups), random.randrange(1, len(groups) + 1))}


def _varied(random: Random, tree: Tree, one: Person, often: float) -> Tree:
    """The same structure with other values, most of them as long as before."""
    result: Tree = {}
    for tag, (vr, before) in tree.items():
        if isinstance(before, list):
            result[tag] = (vr, [_varied(random, item, one, often) for item in before])
        elif random.random() < often:
            result[tag] = (vr, _other(random, vr, before, one))
        else:
            result[tag] = (vr, before)
    if result and random.random() < 0.02:
        del result[random.choice(sorted(result))]
    return result


def _other(random: Random, vr: str, before: bytes, one: Person) -> bytes:
    own = one.name, one.family, one.patient_id, one.birth_day, one.day, f"{one.root}.1", f"0\0{one.name}"
    new = one.bytes_of(random.choice(own)) if random.random() < 0.3 else value(random, vr, one)
    if random.random() < 0.1:
        return new
    length = len(before) + len(before) % 2
    if random.random() < 0.3:
        # hardly another value
        digits = [at for at, byte in enumerate(before) if byte in b"0123456789"]
        at = random.choice(digits) if digits else None
        return before if at is None else before[:at] + b"%d" % random.randrange(10) + before[at + 1 :]
    return new[:length].ljust(length, b"\0" if vr == "UI" else b" ")


def _sequence(random: Random, tag: int, items: list[Tree], *, implicit: bool) -> bytes:
    encoding, undefined, alike = random.random(), random.random() < 0.5, random.random() < 0.9
    parts = []
    for item in items:
        encoder = Random(encoding) if alike else random  # noqa: S311  the same for each
        parts.append(generated._item(generated._encoded(encoder, item, implicit=implicit), encoder))
    return generated._element(tag, "SQ", b"".join(parts), implicit=implicit, undefined=undefined)
