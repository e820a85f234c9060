"""How much of an untrusted object may be held in memory."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that turn a hostile length into a refusal instead of an allocation.

    `max_header_bytes` counts everything that is not pixel data, `max_inflated_bytes` the whole of a deflated
    object, `max_depth` the nesting of sequences. `max_elements` bounds what many tiny elements cost beyond
    their bytes; an item of a sequence counts as eight of them, and each value of a multi-valued text as one.
    """

    max_header_bytes: int = 64 * MIB
    max_inflated_bytes: int = 512 * MIB
    max_elements: int = 1_000_000
    max_depth: int = 32


DEFAULT_LIMITS = Limits()
