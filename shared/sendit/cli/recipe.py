"""`sendit profile import`: a recipe of pydicom/deid as a profile and rules."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sendit.cli.console import complain, say, say_json
from sendit.cli.exits import Exit
from sendit.cli.options import Json, settings_with
from sendit.deid import LARGEST_FILE
from sendit.errors import Code, UsageError
from sendit.refs import printable

if TYPE_CHECKING:
    from sendit.recipes import Imported, Remark


def import_recipe(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True, help="A recipe of pydicom/deid."),
    ],
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", file_okay=False, help="Write NAME.profile.toml and NAME.rules.toml there."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="With --to, write over files that are there.")] = False,
    as_json: Json = False,
) -> None:
    """Turn a recipe of pydicom/deid into a profile and rules, and name every line that could not be carried over.

    For example, deid.site with

    \b
        FORMAT dicom
        %filter blacklist
        LABEL Screen saves
          contains ImageType SAVE || contains SeriesDescription SAVE
        %header
        REMOVE PatientComments
        JITTER endswith:Date 31

    \b
        sendit profile import deid.site --to rules
        sendit screen SRC --rules rules/deid-site.rules.toml
        sendit profile show rules/deid-site.profile.toml
        sendit run SRC OUT --profile rules/deid-site.profile.toml --rules rules/deid-site.rules.toml

    Without --to both are printed. The recipe's filters are asked on top of the rules that ship, and what its header
    does not speak of is done as research says. docs/recipes.md tells what is carried over, and how + and || are read.

    Exit status: 0 all is carried over; 3 some lines are not; 1 FILE is no recipe; 2 usage.
    """  # noqa: D301  a backspace keeps typer from wrapping lines
    from sendit.recipes import RecipeError, imported

    settings_with()
    try:
        with file.open("rb") as stream:
            found = imported(stream.read(LARGEST_FILE + 1), file.name)
    except RecipeError as error:
        complain(UsageError(Code.BAD_RECIPE, f"{file}, {error}."))
        raise typer.Exit(Exit.FAILED) from None
    except OSError as error:
        complain(UsageError(Code.BAD_RECIPE, f"{file}: {error.strerror}."))
        raise typer.Exit(Exit.FAILED) from None
    texts = {f"{found.name}.profile.toml": found.profile, f"{found.name}.rules.toml": found.rules}
    written = [] if to is None else _written(to, texts, force=force)
    if as_json:
        say_json(_as_json(found, written))
    else:
        _show(found, written, {} if written else texts)
    raise typer.Exit(Exit.NOT_ALL_STORED if found.left else Exit.STORED)


def _written(folder: Path, texts: dict[str, str], *, force: bool) -> list[Path]:
    """The files, written; none is if one of them is there."""
    paths = {folder / name: text for name, text in texts.items()}
    there = [path for path in paths if path.exists() or path.is_symlink()]
    if there and not force:
        raise typer.BadParameter(f"{there[0]} is there; --force writes over it", param_hint="--to")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in paths.items():
            with path.open("w" if force else "x", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
    except OSError as error:
        raise typer.BadParameter(f"{folder}: {error.strerror}", param_hint="--to") from None
    return list(paths)


def _show(found: "Imported", written: list[Path], texts: dict[str, str]) -> None:
    for name, text in texts.items():
        say(f"# {name}")
        for line in text.split("\n"):
            say(printable(line))
    for path in written:
        say(f"Written: {printable(str(path))}")
    notes = tuple(remark for remark in found.remarks if remark.carried)
    for heading, remarks in (("Carried over, but:", notes), ("Not carried over, or not wholly:", found.left)):
        if remarks:
            say(heading)
        for remark in remarks:
            say(f"  line {remark.line}: {printable(remark.sentence)}")
    if not found.left:
        say("Every line is carried over.")


def _as_json(found: "Imported", written: list[Path]) -> dict[str, object]:
    def lines(remarks: "tuple[Remark, ...]") -> list[dict[str, object]]:
        return [{"line": one.line, "carried": one.carried, "sentence": one.sentence} for one in remarks]

    return {
        "name": found.name,
        "profile": found.profile,
        "rules": found.rules,
        "written": [str(path) for path in written],
        "remarks": lines(found.remarks),
    }
