"""Document ids: keyed, so that whoever reads the status store cannot try out folder and file names."""

import re
from typing import TYPE_CHECKING

from sendit.refs import BatchName

if TYPE_CHECKING:
    from sendit.deid.identity.keys import Keyring

_LENGTH = 20
_ID = re.compile(rf"[0-9a-f]{{{_LENGTH}}}")


class DocumentIds:
    """Ids of batches and images.

    `scope` tells batches of the same name apart that come from several places: on one machine the folder
    around them; in the cloud nothing, for there is one staging area.
    """

    def __init__(self, keys: "Keyring", scope: str = "") -> None:
        self._keys = keys
        self._scope = scope

    @staticmethod
    def is_one(text: str) -> bool:
        """Whether a text has the form of an id."""
        return _ID.fullmatch(text) is not None

    @property
    def key_id(self) -> str:
        """Which key the ids come from; not secret."""
        return self._keys.key_id

    def batch(self, name: BatchName) -> str:
        """The id of a batch."""
        return self._token("batch", self.full(name))

    def ancestors(self, name: BatchName) -> tuple[str, ...]:
        """The ids that batches of the folders around this one would have, the scope's own folders included."""
        parts = self.full(name).split("/")
        return tuple(self._token("batch", "/".join(parts[:end])) for end in range(1, len(parts)) if parts[end - 1])

    def image(self, batch: BatchName, entry_name: str) -> str:
        """The id of an image: of its object's whole name."""
        return self.image_below(self.full(batch), entry_name)

    def image_below(self, full_name: str, entry_name: str) -> str:
        """The same, from a batch's whole name as its manifest has it."""
        return self._token("image", f"{full_name}/{entry_name}")

    def full(self, name: BatchName) -> str:
        """A batch's whole name, the scope included."""
        return f"{self._scope}{name}"

    def _token(self, purpose: str, text: str) -> str:
        return self._keys.token(purpose, text.encode("utf-8", "surrogateescape"), _LENGTH)
