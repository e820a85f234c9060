"""The collection `bookmarks` of Firestore: where long walks went on to."""

from typing import TYPE_CHECKING

from sendit.adapters.firestore_commits import ONCE, SECONDS_A_CALL, answer

if TYPE_CHECKING:
    from google.cloud import firestore


class Bookmarks:
    """One document a walk. Raises `TransientError` (status_unavailable) if Firestore cannot be reached."""

    def __init__(self, client: "firestore.Client") -> None:
        self._bookmarks = client.collection("bookmarks")

    def read(self, name: str) -> str:
        """See `UpkeepStore.bookmark`."""
        document = self._bookmarks.document(name)
        found = answer(lambda: document.get(retry=ONCE, timeout=SECONDS_A_CALL).to_dict())
        return "" if found is None else found["value"].decode("utf-8", "surrogateescape")

    def write(self, name: str, value: str) -> None:
        """See `UpkeepStore.set_bookmark`. Bytes, for what is staged need not be Unicode."""
        document, fields = self._bookmarks.document(name), {"value": value.encode("utf-8", "surrogateescape")}
        answer(lambda: document.set(fields, retry=ONCE, timeout=SECONDS_A_CALL))
