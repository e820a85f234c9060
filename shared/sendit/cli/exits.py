"""What the exit status of `sendit` says."""

from enum import IntEnum


class Exit(IntEnum):
    """0 all stored; 3 finished, but not every image was stored; 1 failed; 2 usage; 130 interrupted."""

    STORED = 0
    FAILED = 1
    USAGE = 2
    NOT_ALL_STORED = 3
    INTERRUPTED = 130
