"""A recipe's text on its way to records: sections, actions, labels and criteria (docs/recipes.md).

The text is a user's own. It is read leniently where its author's meaning is clear, and every line that says
nothing to us is named; only what is no recipe at all is refused.
"""

import re

from sendit.deid import TomlError
from sendit.deid.rules.attribute import nearest, quoted
from sendit.deid.rules.toml_text import text_of
from sendit.recipes.records import Action, Criterion, Label, Recipe, RecipeError, Region, Remark, Test

OPERATORS = ("contains", "notcontains", "equals", "notequals", "missing", "present", "empty")
OF_PRESENCE = frozenset({"missing", "present", "empty"})
VERBS = ("ADD", "BLANK", "JITTER", "KEEP", "REPLACE", "REMOVE")
_OF_GROUPS = ("FIELD", "SPLIT")
_SECTIONS = ("header", "labels", "filter", "values", "fields")
_NAMED_SECTIONS = frozenset({"filter", "values", "fields"})
_TAKES_VALUE = frozenset({"ADD", "REPLACE", "JITTER"})

_MOST_LINES, _LONGEST_LINE, _MOST_LABELS, _MOST_CRITERIA = 10_000, 4_000, 2_000, 500
_MOST_PATTERNS = 500
_WORD = re.compile(r"""(?:[^\s"']+|"[^"]*"|'[^']*'|["'])+""")
"""A word, in which quoted spaces are no end: private creators have them."""
_JOINED = re.compile(rf"(\|\||\+)\s*(?=(?:{'|'.join(OPERATORS)})\s)", re.IGNORECASE)
_COORDINATES = re.compile(r"(ctp)?(keep)?coordinates\b:?\s*(.*)", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,9}")
_JOINTS = {"+": "and", "||": "or"}


def recipe_of(data: bytes) -> Recipe:
    """The recipe that a file holds.

    Raises:
        RecipeError: it holds none.
    """
    try:
        text = text_of(data).replace("\r", "\n")
    except TomlError as error:
        raise RecipeError(error.line, error.reason) from None
    reader = _Reader()
    for number, written in enumerate(text.split("\n"), start=1):
        if number > _MOST_LINES:
            raise RecipeError(number, f"a recipe has at most {_MOST_LINES} lines")
        if len(written) > _LONGEST_LINE:
            raise RecipeError(number, f"a line has at most {_LONGEST_LINE} characters, and this has {len(written)}")
        if any(ord(character) < 0x20 or ord(character) == 0x7F for character in written.replace("\t", " ")):
            raise RecipeError(number, "there is a control character, so that this is no text")
        reader.read(number, " ".join(written.split()))
    return reader.recipe()


class _Reader:
    """A recipe as far as it has been read."""

    def __init__(self) -> None:
        self._section, self._name = "", ""
        self._header: list[Action] = []
        self._groups: dict[str, dict[str, list[Action]]] = {"fields": {}, "values": {}}
        self._labels: list[Label] = []
        self._open: tuple[int, str] | None = None
        self._criteria: list[Criterion] = []
        self._regions: list[Region] = []
        self._remarks: list[Remark] = []
        self._patterns = 0
        self._is_one = False

    def recipe(self) -> Recipe:
        """The whole of it."""
        if not self._is_one:
            raise RecipeError(1, "this is no recipe: it has neither FORMAT dicom nor a section, such as %header")
        self._close_label()
        fields = {name: tuple(actions) for name, actions in self._groups["fields"].items()}
        values = frozenset(self._groups["values"])
        return Recipe(tuple(self._header), fields, values, tuple(self._labels), tuple(self._remarks))

    def read(self, number: int, line: str) -> None:
        """One more line, its spaces made single."""
        if not line or line.startswith("#"):
            return
        if line.startswith("%"):
            self._begin(number, line)
        elif re.match(r"format\b", line, re.IGNORECASE) and self._section != "filter":
            kind = line[len("format") :].split("#")[0].strip().lower()
            if kind != "dicom":
                raise RecipeError(number, f"this is a recipe for {quoted(kind)}; only FORMAT dicom can be read")
            self._is_one = True
        elif self._section == "filter":
            self._filter(number, line)
        elif self._section == "header":
            self._action(number, line, VERBS, self._header)
        elif self._section in self._groups:
            self._action(number, line, _OF_GROUPS, self._groups[self._section][self._name])
        elif self._section == "labels":
            self._say(number, "labels are read by the program around deid alone, and change nothing")
        else:
            self._say(number, f"{quoted(line)} stands before any section, such as %header or %filter")

    def _say(self, number: int, sentence: str, *, carried: bool = False) -> None:
        self._remarks.append(Remark(number, sentence, carried))

    def _begin(self, number: int, line: str) -> None:
        self._close_label()
        section, _, name = line[1:].split("#")[0].strip().partition(" ")
        self._section, self._name = section.lower(), name.strip()
        self._is_one = True
        if self._section not in _SECTIONS:
            near = nearest(self._section, _SECTIONS)
            known = ", ".join(f"%{one}" for one in _SECTIONS)
            raise RecipeError(number, f"there is no section {quoted('%' + section)}{near} (there are {known})")
        if self._section in _NAMED_SECTIONS and not self._name:
            raise RecipeError(number, f"a %{self._section} has a name, as in %{self._section} NAME")
        if self._section in self._groups:
            self._groups[self._section].setdefault(self._name, [])

    def _action(self, number: int, line: str, known: tuple[str, ...], into: list[Action]) -> None:
        verb, *words = _WORD.findall(line)
        if verb.upper() not in known:
            near = nearest(verb, known)
            self._say(number, f"{quoted(verb)} is no action of %{self._section}{near}; deid passes over it, too")
            return
        field = words[0] if words else ""
        value = " ".join(words[1:]).split("#")[0].strip()
        verb = verb.upper()
        if not field or field.startswith("#"):
            self._say(number, f"{verb} names no field")
        elif verb in _TAKES_VALUE and not value:
            self._say(number, f"{verb} {field} has no value")
        else:
            if not line.startswith(verb) and into is self._header:
                self._say(number, f"deid reads {verb} in capitals alone, and passed over this line", carried=True)
            self._patterns += ":" in field
            if self._patterns > _MOST_PATTERNS:
                raise RecipeError(number, f"a recipe chooses attributes by at most {_MOST_PATTERNS} patterns")
            into.append(Action(number, verb, field, value))

    def _filter(self, number: int, line: str) -> None:
        if re.match(r"label\b", line, re.IGNORECASE):
            self._close_label()
            if len(self._labels) == _MOST_LABELS:
                raise RecipeError(number, f"a recipe has at most {_MOST_LABELS} labels")
            self._open = number, line[len("label") :].split("#")[0].strip(" :")
            return
        if self._open is None:
            self._say(number, f"{quoted(line)} stands before the first LABEL of its filter")
            return
        joint, rest = "", line
        for mark, word in _JOINTS.items():
            if line.startswith(mark):
                joint, rest = word, line[len(mark) :].strip()
        if rest.startswith("#"):
            return
        body, hash_, _ = rest.partition(" #")
        coordinates = _COORDINATES.fullmatch(body)
        if coordinates:
            self._region(number, *coordinates.groups())
            return
        if hash_:
            self._say(number, "what follows # is a comment, of which deid made a part of the value", carried=True)
        if body.split(" ")[0].lower() not in OPERATORS:
            self._say(number, f"{quoted(body)} is no criterion; deid passes over it, too")
            return
        if len(self._criteria) == _MOST_CRITERIA:
            raise RecipeError(number, f"a label has at most {_MOST_CRITERIA} lines of criteria")
        self._criteria.append(Criterion(joint, tuple(_tests(number, body))))

    def _region(self, number: int, ctp: str | None, keep: str | None, where: str) -> None:
        where = where.strip()
        words = where.lower()
        if words == "all" or words.startswith("from:"):
            self._regions.append(Region(number, keep is not None, None, where))
            return
        parts = [part.strip() for part in where.split(",") if part.strip()]
        if len(parts) != 4 or not all(_NUMBER.fullmatch(part) for part in parts):
            self._say(number, f"{quoted(where)} is no rectangle: four whole numbers, all, or from:FIELD")
            # that there is something to be cleaned is known all the same
            self._regions.append(Region(number, keep is not None, None, "what cannot be read"))
            return
        x0, y0, x1, y1 = map(int, parts)
        box = (x0, y0, x0 + x1, y0 + y1) if ctp else (x0, y0, x1, y1)
        self._regions.append(Region(number, keep is not None, box))

    def _close_label(self) -> None:
        if self._open is not None:
            line, name = self._open
            self._labels.append(Label(line, self._name, name, tuple(self._criteria), tuple(self._regions)))
        self._open, self._criteria, self._regions = None, [], []


def _tests(number: int, line: str) -> list[tuple[str, Test]]:
    """The tests of one line; + and || between them count where an operator follows: values may hold both."""
    pieces = _JOINED.split(line)
    tests = []
    for joint, piece in zip(["", *pieces[1::2]], pieces[::2], strict=True):
        operator, _, rest = piece.strip().partition(" ")
        field, _, value = rest.strip().partition(" ")
        tests.append((_JOINTS.get(joint, ""), Test(number, operator.lower(), field, value.strip())))
    return tests
