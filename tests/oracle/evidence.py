"""The original's own identifying values, collected at every level but where a rule keeps them.

Under Retain UIDs no UID is evidence. Under Retain Full Dates a date is evidence only if a rule takes it away, as that
of the birth date does: the birth date may not be left in a text because the study's date may.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.oracle.content import concept_rule, holds_content, value_rule
from tests.oracle.model import DataSet, Items
from tests.oracle.private import private_rule
from tests.oracle.read import codecs_of

from sendit.deid.dicom.dictionary import dictionary_vr
from sendit.deid.dicom.text import decoded
from sendit.deid.dicom.uids import REGISTERED, uid_values
from sendit.deid.errors import DeidError, Refusal
from sendit.deid.identity.evidence import Evidence
from sendit.deid.identity.identifying import IDENTIFYING, telling_parts
from sendit.deid.rules.actions import Action
from sendit.deid.rules.options import Option

if TYPE_CHECKING:
    from sendit.deid.rules.compiled import Level, Rule, Rules

_VALUE = re.compile(r"[^\\]+")
_MOST_BYTES = 1024 * 1024
_DESIGNATION = re.compile(rb"\x1b[$()\-]{1,2}[@-Z]")
_MULTI_BYTE = frozenset({"euc_kr", "gb2312", "iso_ir_58", "gbk", "gb18030"})
_DATES = frozenset({"DA", "DT"})


def collected(dataset: DataSet, rules: Rules) -> Evidence:
    """The identifying values of a data set at every level.

    Raises:
        DeidError: `malformed`, more of them than a real object holds.
    """
    evidence = Evidence()
    _collect(dataset, ("ascii",), rules.top, rules, evidence, in_content=False)
    return evidence


def _collect(
    dataset: DataSet, inherited: tuple[str, ...], level: Level, rules: Rules, evidence: Evidence, *, in_content: bool
) -> None:
    codecs = codecs_of(dataset, inherited)
    options = rules.profile.options
    concept = concept_rule(dataset, rules) if in_content else None
    for tag, element in dataset.items():
        if isinstance(element, Items):
            inside = holds_content(tag, options)
            child = level.child(tag & 0xFFFF00FF if tag >> 16 & 1 else tag)
            for item in element.items:
                _collect(item, codecs, child, rules, evidence, in_content=inside)
            continue
        if tag >> 16 & 1:
            rule = private_rule(tag, dataset, level)
        else:
            rule = (value_rule(tag, concept, level, options) if in_content else None) or level.rule(tag)
        # the attribute identifies, whatever VR a writer chose for it
        vrs = {element.vr, dictionary_vr(tag)}
        if _is_kept(rule):
            continue
        if "PN" in vrs or tag in IDENTIFYING:
            _collect_texts(tag, element.value, "PN" in vrs, codecs, evidence)
        if "UI" in vrs and Option.RETAIN_UIDS not in options:
            evidence.uids.update(uid for uid in uid_values(element.value) if uid and uid not in REGISTERED)
        if not vrs.isdisjoint(_DATES) and (rule is not None or Option.RETAIN_FULL_DATES not in options):
            evidence.add_dates(element.value)


def _is_kept(rule: Rule | None) -> bool:
    return rule is not None and rule.action is Action.KEEP


def _collect_texts(tag: int, value: bytes, name: bool, codecs: tuple[str, ...], evidence: Evidence) -> None:
    """A name group by group, anything else value by value, in every likely reading of its bytes."""
    if len(value) > _MOST_BYTES:
        raise DeidError(Refusal.MALFORMED)
    for reading in _readings(value, codecs):
        for found in _VALUE.finditer(reading):
            part = found.group()
            evidence.add(part)
            for word in telling_parts(tag, part):
                evidence.add(word)
            if name:
                for group in part.split("="):
                    evidence.add_name(group)


def _readings(value: bytes, codecs: tuple[str, ...]) -> list[str]:
    """The text in its declared character sets, and as what is written where they are declared wrongly.

    A NUL separates: what stands behind it does not go into the output, but may be in it elsewhere.
    """
    raw = value.replace(b"\0", b"\\").rstrip(b" \\")
    text = decoded(raw, "LO", codecs)
    if text is not None and raw.isascii():
        return [text]
    found = [raw.decode("latin-1"), raw.decode("utf-8", "ignore")]
    # some writers do not switch back to a character set behind a delimiter, as PS3.5 6.1.2.5.3 asks
    plain = _DESIGNATION.sub(b"", raw)
    found += [plain.decode(codec, "ignore") for codec in codecs if codec in _MULTI_BYTE]
    return found if text is None or text in found else [text, *found]
