"""The crosswalk of the cloud: a Firestore database of its own, in which whoever works on images can only create."""

import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import GoogleAuthError
from google.cloud import firestore
from google.cloud.firestore_v1.bulk_batch import BulkWriteBatch

from sendit.adapters.denied import failure
from sendit.crosswalk import Asked, LookUp, Sealed
from sendit.errors import Code

SECONDS_A_CALL = 10.0
SECONDS_OF_PATIENCE = 15.0

_MAY_PASS = (exceptions.ServerError, exceptions.Aborted, exceptions.TooManyRequests, exceptions.Cancelled)
_AGAIN = Retry(
    predicate=if_exception_type(*_MAY_PASS), initial=0.1, maximum=2.0, multiplier=2.0, timeout=SECONDS_OF_PATIENCE
)
_ONCE = Retry(predicate=if_exception_type(), timeout=SECONDS_A_CALL)

T = TypeVar("T")


class FirestoreCrosswalk:
    """A `CrosswalkStore`: the collections `entries` and `lookups`.

    Besides crosswalk_unavailable, methods raise `TransientError` for crosswalk_forbidden and quota_exceeded. A policy
    of the database takes entries away when they have expired; nobody else does.
    """

    def __init__(self, client: firestore.Client) -> None:
        self._client = client
        self._entries = client.collection("entries")
        self._lookups = client.collection("lookups")

    def keep(self, sealed: Sequence[Sealed]) -> None:
        """See `CrosswalkStore.keep`. Each is created or not for itself, so that one that is there stops no other."""
        left = list(sealed)

        def create() -> None:
            nonlocal left
            writes = BulkWriteBatch(self._client)
            for one in left:
                writes.create(self._entries.document(one.id), _fields(one))
            answered = writes.commit(retry=None, timeout=SECONDS_A_CALL).status
            failures = [_failure_of(status.code) for status in answered]
            left = [one for one, failed in zip(left, failures, strict=True) if failed is not None]
            for failed in failures:
                if failed is not None:
                    raise failed

        if left:
            _answer(create)

    def find(self, subject: str) -> list[Sealed]:
        """See `CrosswalkStore.find`."""
        query = self._entries.order_by("__name__")
        # the character after the hyphen ends it
        for operator, end in ((">", f"{subject}-"), ("<", f"{subject}.")):
            query = query.where(filter=firestore.FieldFilter("__name__", operator, self._entries.document(end)))
        return [_sealed(snapshot) for snapshot in self._all(query)]

    def record(self, lookup: LookUp) -> None:
        """See `CrosswalkStore.record`."""
        document = self._lookups.document(uuid.uuid4().hex)
        fields = {
            "at": lookup.at,
            "user": lookup.user,
            "reason": lookup.reason,
            "asked": lookup.asked.value,
            "subject": lookup.subject,
            "found": lookup.found,
        }

        def create() -> None:
            with suppress(exceptions.AlreadyExists):  # the answer to the first try was lost
                document.create(fields, retry=_ONCE, timeout=SECONDS_A_CALL)

        _answer(create)

    def lookups(self) -> list[LookUp]:
        """See `CrosswalkStore.lookups`."""
        return [
            LookUp(one["at"], one["user"], one["reason"], Asked(one["asked"]), one["subject"], one["found"])
            for one in (snapshot.to_dict() or {} for snapshot in self._all(self._lookups.order_by("at")))
        ]

    def _all(self, query: firestore.Query) -> "list[firestore.DocumentSnapshot[Any]]":
        return _answer(lambda: list(query.stream(retry=_ONCE, timeout=SECONDS_A_CALL)))


def _failure_of(code: int) -> exceptions.GoogleAPICallError | None:
    """What a status of gRPC stands for; nothing for a document that is created, or was before."""
    failed = exceptions.from_grpc_status(code, "") if code else None
    return None if isinstance(failed, exceptions.AlreadyExists) else failed


def _fields(sealed: Sealed) -> dict[str, object]:
    """A document; one that does not expire has no such field, which a policy leaves alone."""
    fields: dict[str, object] = {"key_id": sealed.key_id, "content": sealed.content}
    return fields if sealed.expires_at is None else {**fields, "expires_at": sealed.expires_at}


def _sealed(snapshot: "firestore.DocumentSnapshot[Any]") -> Sealed:
    return Sealed(
        snapshot.id, snapshot.get("key_id"), (snapshot.to_dict() or {}).get("expires_at"), snapshot.get("content")
    )


def _answer(call: Callable[[], T]) -> T:
    """The answer to a call, repeated while that may help."""
    try:
        return _AGAIN(call)()
    except (exceptions.GoogleAPIError, GoogleAuthError) as error:
        raise failure(Code.CROSSWALK_UNAVAILABLE, error) from None
