"""Switches pydicom's value checks off, once, for the process.

They report by quoting the raw value in a warning or a log record, where no header value may appear
(DESIGN §8). Every value that this package lets pass is checked by this package's own rules instead.
"""

from __future__ import annotations

from pydicom import config

config.settings.reading_validation_mode = config.IGNORE
config.settings.writing_validation_mode = config.IGNORE
