"""Good images under names that are hard to carry, and entries of a folder that are no plain files."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from tests.data import objects
from tests.data.hostile_labels import Label, Written

NAMES: tuple[bytes, ...] = (
    b"new\nline.dcm",
    b"carriage\rreturn.dcm",
    b"tab\tand\x1b[31mred.dcm",
    "Ünïcödé-名前.dcm".encode(),
    "u\u0308 decomposed.dcm".encode(),
    "\U0001f9ea emoji.dcm".encode(),
    "right\u202eto\u200fleft.dcm".encode(),
    "zero\u200bwidth.dcm".encode(),
    b"-rf",
    b"--help",
    b"trailing space ",
    b" leading space",
    b"quotes'\"`.dcm",
    b"$(touch x)",
    b"; touch y #",
    b"star*and?[a-z].dcm",
    b"invalid \xff\xfe utf-8.dcm",
    b"..name",
    b"...",
    b".hidden.dcm",
    b"back\\slash\\..\\x.dcm",
    b"percent%2e%2e%2fcode.dcm",
    b"format %s %n {0}.dcm",
    b"<script>alert(1)<!--.dcm",
    b"C:drive|pipe.dcm",
    b"NUL",
    b"L" * 251 + b".dcm",
    "名".encode() * 85,
)
"""File names of at most 255 bytes, the limit of a Linux file system."""

FOLDERS: tuple[bytes, ...] = (
    b"folder\nname",
    b"-folder",
    "папка \U0001f4c1".encode(),
    b"bytes\xfe",
    b"..folder",
    b"$(touch z)",
    b"folder ",
)


def _slice(instance: int) -> bytes:
    return objects.to_bytes(objects.ct(instance, rows=16, columns=16))


def hostile_names(folder: Path) -> Written:
    """Write good slices under each of NAMES, in each of FOLDERS, and at a path of 1,023 bytes."""
    paths = [folder / os.fsdecode(name) for name in NAMES]
    paths += [folder / os.fsdecode(name) / "image.dcm" for name in FOLDERS]
    paths.append(folder / ("a" * 255) / ("b" * 255) / ("c" * 255) / ("d" * 251 + ".dcm"))
    written: Written = {}
    for number, path in enumerate(paths, start=1000):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_slice(number))
        written[path] = Label.HOSTILE_NAME
    return written


def links(folder: Path) -> Written:
    """Write links to a file, to a folder, to nowhere, in a loop, and to the folder that holds them.

    The link to a file and the link to a folder lead outside `folder`/links, to `folder`/linked.
    """
    target = folder / "linked"
    target.mkdir(parents=True, exist_ok=True)
    image = target / "image.dcm"
    image.write_bytes(_slice(1100))
    place = folder / "links"
    place.mkdir(exist_ok=True)
    targets = {
        "to_file.dcm": (Path("..") / "linked" / "image.dcm", Label.LINK_TO_FILE),
        "to_folder": (Path("..") / "linked", Label.LINK_TO_FOLDER),
        "to_parent": (Path(".."), Label.LINK_LOOP),
        "loop_a.dcm": (Path("loop_b.dcm"), Label.LINK_LOOP),
        "loop_b.dcm": (Path("loop_a.dcm"), Label.LINK_LOOP),
        "dangling.dcm": (Path("nowhere.dcm"), Label.DANGLING_LINK),
    }
    written: Written = {image: Label.ACCEPTED}
    for name, (leads_to, label) in targets.items():
        (place / name).symlink_to(leads_to)
        written[place / name] = label
    return written


def special_files(folder: Path) -> Written:
    """Write a named pipe, on which a reader would wait for ever, and a socket."""
    folder.mkdir(parents=True, exist_ok=True)
    pipe, socket = folder / "pipe.dcm", folder / "socket.dcm"
    os.mkfifo(pipe)
    os.mknod(socket, stat.S_IFSOCK | 0o600)
    return {pipe: Label.FIFO, socket: Label.SOCKET}


def unreadable(folder: Path) -> Written:
    """Write a file and a folder with an image, both of mode 0. Root reads them all the same."""
    file, closed = folder / "unreadable.dcm", folder / "closed"
    closed.mkdir(parents=True)
    file.write_bytes(_slice(1101))
    (closed / "image.dcm").write_bytes(_slice(1102))
    file.chmod(0)
    closed.chmod(0)
    return {file: Label.UNREADABLE_FILE, closed: Label.UNREADABLE_FOLDER}


def duplicate(folder: Path) -> Written:
    """Write the same bytes under two names: one image."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "one.dcm", folder / "two.dcm"
    for path in paths:
        path.write_bytes(_slice(1103))
    return dict.fromkeys(paths, Label.DUPLICATE)


def conflict(folder: Path) -> Written:
    """Write one SOP Instance UID with two contents: nobody can say which is the image."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "one.dcm", folder / "other.dcm"
    for path, kvp in zip(paths, ("120", "80"), strict=True):
        ds = objects.ct(1104, rows=16, columns=16)
        ds.KVP = kvp
        path.write_bytes(objects.to_bytes(ds))
    return dict.fromkeys(paths, Label.CONFLICT)
