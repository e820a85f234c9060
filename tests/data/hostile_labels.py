"""What a file or folder of the bad input is."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path


class Label(StrEnum):
    """What a file or folder is."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_DICOM = "not_dicom"
    EMPTY = "empty"
    TRUNCATED_HEADER = "truncated_header"
    TRUNCATED_PIXELS = "truncated_pixels"
    NO_PREAMBLE = "no_preamble"
    NO_FILE_META = "no_file_meta"
    WRONG_VR = "wrong_vr"
    BAD_LENGTH = "bad_length"
    DEFLATED = "deflated"
    DEFLATED_BOMB = "deflated_bomb"
    BIG_ENDIAN = "big_endian"
    HUGE = "huge"
    UNKNOWN_SOP_CLASS = "unknown_sop_class"
    BURNED_IN = "burned_in"
    DEEP_NESTING = "deep_nesting"
    HOSTILE_NAME = "hostile_name"
    LINK_TO_FILE = "link_to_file"
    LINK_TO_FOLDER = "link_to_folder"
    LINK_LOOP = "link_loop"
    DANGLING_LINK = "dangling_link"
    FIFO = "fifo"
    SOCKET = "socket"
    UNREADABLE_FILE = "unreadable_file"
    UNREADABLE_FOLDER = "unreadable_folder"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


Written = dict[Path, Label]
"""What a writer wrote."""
