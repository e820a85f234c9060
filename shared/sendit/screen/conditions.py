"""What a rule asks of a header: conditions on values, joined by all, any and not.

A value is compared as text, without padding and whatever its case; of several values of an attribute, and of those in
several items, one that fits is enough, but for `only`. Nothing here keeps or tells a value.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

LONGEST_MATCHED = 256
"""A longer value is not searched for a regular expression: how long that takes may grow faster than the value."""

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(E[+-]?\d{1,3})?", re.ASCII)


class TooLong(Exception):
    """A value is too long to be searched for a regular expression; whether the condition holds nobody knows."""


class Attributes(Protocol):
    """A header that is asked for its attributes."""

    def found(self, tag: int, path: tuple[int, ...] = (), creator: str = "") -> tuple[str, ...] | None:
        """The values of an attribute, empty ones too; None if it is absent."""


class Operator(StrEnum):
    """How values are compared with what a rule names."""

    EQUALS = "equals"
    IN = "in"
    ONLY = "only"
    CONTAINS = "contains"
    MATCHES = "matches"
    MISSING = "missing"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Subject:
    """An attribute of which a rule speaks; `number` is the one value of it that counts, from 1, 0 for all."""

    tag: int
    path: tuple[int, ...] = ()
    creator: str = ""
    number: int = 0
    is_sequence: bool = False

    def values(self, header: Attributes) -> tuple[str, ...] | None:
        """Its values in a header; None if it is missing there, or that value of it."""
        found = header.found(self.tag, self.path, self.creator)
        if found is None or not self.number:
            return found
        return found[self.number - 1 : self.number] or None


@dataclass(frozen=True, slots=True)
class Comparison:
    """One attribute compared with `operands`: texts in capitals, regular expressions as they are, numbers."""

    subject: Subject
    operator: Operator
    operands: tuple[str | float, ...] = ()

    def holds(self, header: Attributes, options: frozenset[str]) -> bool:
        """Whether it is so of a header.

        Raises:
            TooLong: a value cannot be searched for a regular expression.
        """
        del options
        values = self.subject.values(header)
        if self.operator is Operator.MISSING or values is None:
            return self.operator is Operator.MISSING and values is None
        filled = [value.upper() for value in values if value]
        if self.operator is Operator.EMPTY:
            return not filled
        if self.operator is Operator.ONLY:
            return bool(filled) and all(map(self._fits, filled))
        return any(map(self._fits, filled))

    def _fits(self, value: str) -> bool:
        """Whether a value in capitals is what one of the operands asks for."""
        return any(_fits(value, self.operator, operand) for operand in self.operands)


def _fits(value: str, operator: Operator, operand: str | float) -> bool:
    if not isinstance(operand, str):
        return _NUMBER.fullmatch(value) is not None and float(value) == operand
    if operator is Operator.CONTAINS:
        return operand in value
    if operator is Operator.MATCHES:
        if len(value) > LONGEST_MATCHED:
            raise TooLong
        return re.search(operand, value, re.IGNORECASE) is not None
    return value == operand


@dataclass(frozen=True, slots=True)
class HasOption:
    """The profile has an option of PS3.15 E.3."""

    option: str

    def holds(self, header: Attributes, options: frozenset[str]) -> bool:
        """Whether it has."""
        del header
        return self.option in options


@dataclass(frozen=True, slots=True)
class All:
    """Every one of the parts holds."""

    parts: tuple["Condition", ...]

    def holds(self, header: Attributes, options: frozenset[str]) -> bool:
        """Whether they do."""
        return all(part.holds(header, options) for part in self.parts)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of the parts holds."""

    parts: tuple["Condition", ...]

    def holds(self, header: Attributes, options: frozenset[str]) -> bool:
        """Whether one does."""
        return any(part.holds(header, options) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: "Condition"

    def holds(self, header: Attributes, options: frozenset[str]) -> bool:
        """Whether it does not."""
        return not self.part.holds(header, options)


Condition = Comparison | HasOption | All | AnyOf | Not


def subjects_of(condition: Condition) -> Iterator[Subject]:
    """The attributes of which a condition speaks."""
    if isinstance(condition, Comparison):
        yield condition.subject
    elif isinstance(condition, Not):
        yield from subjects_of(condition.part)
    elif not isinstance(condition, HasOption):
        for part in condition.parts:
            yield from subjects_of(part)
