"""The screen: whether an image may pass at all, and if not, by which rule. Fails closed: what is unknown is rejected.

What de-identification cannot see, names burned into the pixels above all, is kept out here by the kind of the
object. A rejection names the rule and its reason; neither holds a value of the header.

Files of rules are read on first use (PEP 562): attributes are looked up in pydicom's dictionary.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from sendit.screen.rules import Decision, Rule, RuleSet, Screen, Verdict, decision_of_file

if TYPE_CHECKING:
    from sendit.screen.rule_file import default_rules, read_rules

__all__ = ["Decision", "Rule", "RuleSet", "Screen", "Verdict", "decision_of_file", "default_rules", "read_rules"]


def __getattr__(name: str) -> object:
    if name not in {"default_rules", "read_rules"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("sendit.screen.rule_file"), name)
