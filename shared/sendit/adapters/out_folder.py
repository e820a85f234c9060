"""OUT as a whole: whose key and profile wrote it, and that only one run at a time does."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sendit.adapters.folder_output import TEMPORARY
from sendit.errors import Code, UsageError
from sendit.files import read_or_none
from sendit.label import LABEL, OutLabel


def read_label(out: Path) -> OutLabel | None:
    """OUT's label, or None if it has none. Raises `UsageError` (out_unusable) for a damaged one."""
    try:
        data = read_or_none(out / LABEL)
        return OutLabel.from_json(data) if data else None
    except (OSError, ValueError):
        raise UsageError(Code.OUT_UNUSABLE, f"{out / LABEL} is damaged; use another OUT.") from None


def check_apart(out: Path, home: Path, source: Path | None = None, destinations: Sequence[Path] = ()) -> None:
    """Raise `UsageError` (folders_overlap) unless all of these lie apart, links resolved."""
    real = {"OUT": _real(out), "SENDIT_HOME": _real(home)}
    if source is not None:
        real["SRC"] = _real(source)
    real |= {f"DEST {destination}": _real(destination) for destination in destinations}
    for outer, around in real.items():
        for inner, inside in real.items():
            if inner != outer and (inside == around or around in inside.parents):
                raise UsageError(Code.FOLDERS_OVERLAP, f"{inner} ({inside}) lies in {outer} ({around}).")


def check_ours(out: Path, label: OutLabel) -> None:
    """Raise `UsageError` unless OUT is absent, empty, or was written with this key and profile, and in this way."""
    if out.exists() and not out.is_dir():
        raise UsageError(Code.OUT_UNUSABLE, f"{out} is not a folder.")
    if (out / TEMPORARY).is_symlink():
        raise UsageError(Code.OUT_UNUSABLE, f"{out / TEMPORARY} is a link; remove it.")
    found = read_label(out)
    if found is None:
        if out.exists() and any(item.name != LABEL for item in out.iterdir()):
            raise UsageError(Code.OUT_NOT_EMPTY, f"Use an empty folder instead of {out}, or a new one.")
    elif found.key_id != label.key_id:
        raise UsageError(
            Code.OUT_OF_ANOTHER_KEY,
            f"Key {found.key_id} wrote {out}, and this is key {label.key_id}: use that SENDIT_HOME, or another OUT.",
        )
    elif found.profile_digest != label.profile_digest:
        raise UsageError(
            Code.OUT_OF_ANOTHER_PROFILE,
            f"{out} was written with {found.profile} ({found.profile_digest}), and this is {label.profile}"
            f" ({label.profile_digest}): use another OUT.",
        )
    elif found.identifiers != label.identifiers:
        raise UsageError(
            Code.OUT_OF_OTHER_IDENTIFIERS,
            f"{out} was written with SENDIT_IDENTIFIERS={found.identifiers}, and this is {label.identifiers}:"
            " use another OUT.",
        )
    elif found.text != label.text:
        before, now = ("blank or reject", "off") if found.text else ("off", "blank or reject")
        raise UsageError(
            Code.OUT_OF_ANOTHER_TEXT,
            f"{out} was written with SENDIT_TEXT, --text {before}, and this is {now}: use another OUT.",
        )


@contextmanager
def held(out: Path, label: OutLabel) -> Iterator[None]:
    """Hold OUT for this run alone, labelled. Raises `UsageError` (run_in_progress, out_unusable, and as above)."""
    check_ours(out, label)
    try:
        out.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(out / LABEL, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        raise UsageError(Code.OUT_UNUSABLE, f"{out}: {error.strerror}.") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(Code.RUN_IN_PROGRESS, f"Wait until it is done: {out}") from None
        check_ours(out, label)  # another run may have labelled it a moment ago
        if read_label(out) is None:
            os.write(descriptor, label.to_json())
            os.fsync(descriptor)
        yield
    finally:
        os.close(descriptor)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
