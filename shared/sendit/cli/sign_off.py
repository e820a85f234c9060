"""`sendit contact-sheet --sign-off` and `--sign-offs`: who has looked at which files."""

from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path

import typer

from sendit import __version__
from sendit.cli.console import say, say_json, show_table
from sendit.cli.exits import Exit
from sendit.cli.looking import found_below, pictured, tally_of
from sendit.errors import Code, UsageError
from sendit.label import OutLabel
from sendit.settings import Settings
from sendit.sheet.sign_off import SignOff, check_words
from sendit.wiring.parts import now
from sendit.wiring.sheet import sign_offs_of_out, signing


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line says of a sign-off. Raises `UsageError` (bad_setting) for what does not go together."""

    name: str | None
    digest: str | None
    note: str
    despite_not_shown: bool

    def __post_init__(self) -> None:
        if self.name is None and (self.digest is not None or self.note or self.despite_not_shown):
            raise UsageError(Code.BAD_SETTING, "--digest, --note and --despite-not-shown belong to --sign-off.")
        if self.name is not None:
            check_words(self.name, self.note)
            if self.digest is None:
                raise UsageError(Code.BAD_SETTING, "--sign-off needs --digest: the one on the page that was looked at.")


def record(settings: Settings, out: Path, label: OutLabel, wish: Wish, *, every: bool, as_json: bool) -> None:
    """Record that a person looked at the files that are below OUT now; pictures are made again to count what fails.

    Raises `UsageError`: digest_differs, not_all_shown.
    """
    found = found_below(out)
    tally = tally_of(found)
    if wish.digest != tally.digest:
        raise UsageError(Code.DIGEST_DIFFERS, f"Given: {wish.digest}. Of the files as they are now: {tally.digest}.")
    if not found:
        say("There is no file below OUT; nothing was recorded.")
        raise typer.Exit(Exit.FAILED)
    deque(pictured(found, {}, tally, every=every), maxlen=0)
    unshown = sum(tally.failed.values())
    if unshown and not wish.despite_not_shown:
        raise UsageError(
            Code.NOT_ALL_SHOWN, f"Files: {unshown}. Look at them otherwise, and say so with --despite-not-shown."
        )
    signed = SignOff(wish.name or "", now(), tally.digest, tally.found, unshown, every, __version__, wish.note)
    with signing(settings, out, label) as sign_offs:
        sign_offs.add(signed)
    if as_json:
        say_json(fields_of(signed))
        return
    say(f"Signed off by {signed.name}: {signed.files} files ({signed.scope}), {signed.not_shown} of them not shown.")
    say(f"Digest: {signed.digest}")


def list_sign_offs(settings: Settings, out: Path, label: OutLabel, *, as_json: bool) -> None:
    """Every sign-off of OUT, and whether it is of the files as they are now."""
    sign_offs = sign_offs_of_out(settings, out, label)
    digest = tally_of(found_below(out)).digest
    if as_json:
        say_json([{**fields_of(one), "current": one.digest == digest} for one in sign_offs])
    elif not sign_offs:
        say("Nobody has signed OUT off.")
    else:
        show_table(
            ["name", "when", "files", "not shown", "looked at", "digest", "is of", "sendit", "note"],
            [
                [
                    one.name, f"{one.at:%Y-%m-%d %H:%M:%S}Z", one.files, one.not_shown, one.scope, one.digest,
                    "current" if one.digest == digest else "files changed since", one.version, one.note,
                ]
                for one in sign_offs
            ],
        )  # fmt: skip


def fields_of(one: SignOff) -> dict[str, object]:
    """A sign-off for scripts."""
    return {**asdict(one), "at": one.at.isoformat()}
