"""What a recipe says, line by line, and what is said of its lines."""

from dataclasses import dataclass


class RecipeError(ValueError):
    """A text that is no recipe: the line, and what is wrong there."""

    def __init__(self, line: int, reason: str) -> None:
        self.line, self.reason = line, reason
        super().__init__(f"line {line}: {reason}")


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence on a line of the recipe: it could not be carried over, wholly or in part, or it was and means more."""

    line: int
    sentence: str
    carried: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """A line of %header, %fields or %values: what is to be done with the attributes of a field expression."""

    line: int
    verb: str
    field: str
    value: str = ""

    @property
    def written(self) -> str:
        """The line without its value."""
        return f"{self.verb} {self.field}"


@dataclass(frozen=True, slots=True)
class Test:
    """One criterion: an operator in small letters, a field, and a value where the operator takes one."""

    line: int
    operator: str
    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Criterion:
    """A line of criteria: how it joins what stands above ('', 'and', 'or'), and its tests, each with its own joint."""

    joint: str
    tests: tuple[tuple[str, Test], ...]


@dataclass(frozen=True, slots=True)
class Region:
    """Pixels that are to be blanked or kept: x0, y0, x1, y1, the last two outside; or words where there are no numbers.

    The words are 'all', or 'from:' and a field of the image.
    """

    line: int
    keep: bool
    box: tuple[int, int, int, int] | None
    words: str = ""

    @property
    def written(self) -> str:
        """As a comment tells it."""
        where = self.words if self.box is None else ",".join(map(str, self.box))
        return f"{'keep' if self.keep else 'clean'} {where}"


@dataclass(frozen=True, slots=True)
class Label:
    """A label of a filter, its criteria and its regions, in the order of the file."""

    line: int
    filter: str
    name: str
    criteria: tuple[Criterion, ...]
    regions: tuple[Region, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """A recipe as it was read; `remarks` are on lines that say nothing that could be carried over."""

    header: tuple[Action, ...]
    fields: dict[str, tuple[Action, ...]]
    values: frozenset[str]
    labels: tuple[Label, ...]
    remarks: tuple[Remark, ...]
