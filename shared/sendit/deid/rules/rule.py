"""What happens to one attribute, and what says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sendit.deid.rules.actions import Action


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens to an attribute.

    `fallback` is done where the action cannot be carried out on a value: `clean` on what is no text, `shift` on
    what is no single day. `clause` says where the standard, or whose profile, asks for it. `value` is the text of
    `replace`. `vr` is the VR that Table E.3.10-1 gives a private attribute, spelled as in PS3.6 ("OB or OW"); empty
    where it gives none.
    """

    action: Action
    fallback: Action
    clause: str
    value: str = ""
    vr: str = ""
