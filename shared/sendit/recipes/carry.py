"""A recipe becomes a profile and rules, and every line that could not be carried over is named."""

from dataclasses import dataclass

from sendit.deid import ProfileFile, TomlError, read_profile, weaker_overrides
from sendit.recipes.filters import carried_filters
from sendit.recipes.header import Entry, carried_header
from sendit.recipes.names import profile_name
from sendit.recipes.parse import recipe_of
from sendit.recipes.records import Action, RecipeError, Remark
from sendit.recipes.writing import profile_text, rules_text
from sendit.screen import read_rules


@dataclass(frozen=True, slots=True)
class Imported:
    """Two TOML texts that were read again and accepted, and what is to be said of the recipe's lines, in order."""

    name: str
    profile: str
    rules: str
    remarks: tuple[Remark, ...]

    @property
    def left(self) -> tuple[Remark, ...]:
        """What could not be carried over, or not wholly."""
        return tuple(remark for remark in self.remarks if not remark.carried)


def imported(data: bytes, file_name: str) -> Imported:
    """Our profile and rules for a recipe of pydicom/deid; the profile is named after the file.

    Raises:
        RecipeError: the text is no recipe, or its profile or rules would be too large.
    """
    recipe = recipe_of(data)
    name = profile_name(file_name)
    base, entries, of_header = carried_header(recipe)
    rules, of_filters = carried_filters(recipe.labels)
    profile = profile_text(name, file_name, base, entries)
    rule_file = rules_text(file_name, rules)
    try:
        read = read_profile(profile.encode())
        read_rules(rule_file.encode())
    except TomlError as error:
        raise RecipeError(1, f"what was made of the recipe is refused: {error.reason}") from None
    remarks = {*recipe.remarks, *of_header, *of_filters, *_weaker(read, entries)}
    return Imported(name, profile, rule_file, tuple(sorted(remarks, key=lambda one: (one.line, one.sentence))))


def _weaker(read: ProfileFile, entries: tuple[Entry, ...]) -> list[Remark]:
    """What the recipe lets pass and PS3.15 does not, by the line that asks for it."""
    by_place = {(entry.place.tag, entry.place.path, entry.place.creator): entry for entry in entries}
    by_action: dict[Action, list[str]] = {}
    for override in weaker_overrides(read.profile):
        entry = by_place[override.tag, override.path, override.creator]
        by_action.setdefault(entry.by, []).append(entry.place.name)
    return [
        Remark(
            by.line,
            f"{by.written}: more of {', '.join(names)} passes than PS3.15 lets; every image will say that its"
            " profile is weaker than PS3.15",
            carried=True,
        )
        for by, names in by_action.items()
    ]
