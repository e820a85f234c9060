"""Arguments and options that several verbs share."""

from pathlib import Path
from typing import Annotated

import typer

from sendit import logs
from sendit.settings import BurnedInText, Settings

Source = Annotated[Path, typer.Argument(metavar="SRC", help="Folder of DICOM images. Never changed.")]
Out = Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the results: new, empty, or of an earlier run.")]
Profile = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE.toml",
        help="De-identification profile: research, basic, strict, or a file of your own; see sendit profile --help."
        " [default: SENDIT_PROFILE]",
    ),
]
Rules = Annotated[
    str | None,
    typer.Option(
        metavar="FILE.toml",
        help="Rules by which images are screened, on top of those shipped; see sendit screen --help."
        " [default: SENDIT_RULES]",
    ),
]
Text = Annotated[
    BurnedInText | None,
    typer.Option(
        help="Look for burned-in text: blank it, or reject the image. Needs sendit[ocr]. [default: SENDIT_TEXT]",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, max=256, help="Worker processes. [default: SENDIT_WORKERS, one per processor]"),
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out", help="The OUT of a local run. [default: the cloud of SENDIT_STAGING, or the only OUT there is]"
    ),
]
To = Annotated[
    list[str] | None,
    typer.Option(
        "--to",
        metavar="DEST",
        help="Where stored images go on to: a folder, gs://bucket/prefix, archive+ and one of these, "
        "dicomweb+https://host/path, or projects/…/dicomStores/…; several times for several places. See "
        "docs/destinations.md. [default: SENDIT_DESTINATIONS]",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


def settings_with(
    profile: str | None = None,
    workers: int | None = None,
    rules: str | None = None,
    text: BurnedInText | None = None,
) -> Settings:
    """The settings, with what the command line says on top; the log is set up by them."""
    settings = Settings.load()
    given = {"profile": profile, "workers": workers, "rules": rules, "text": text}
    settings = settings.model_copy(update={name: value for name, value in given.items() if value is not None})
    logs.setup(settings.log_format, settings.log_level)
    return settings
