"""Cloud Storage's JSON API on this machine, in memory, exact about all that freezing and cleaning up rest on.

What the emulator does not implement it refuses with 501: it never passes over a condition in silence.
"""

from sendit.emulators.gcs.server import GcsEmulator

__all__ = ["GcsEmulator"]
