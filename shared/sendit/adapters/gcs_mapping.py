"""The table of pseudonyms as an object of Cloud Storage."""

import google.cloud.storage as storage

from sendit.adapters.gcs_client import FAILURES, TIMEOUT, retry_of
from sendit.errors import Code, TransientError
from sendit.mapping import LARGEST
from sendit.refs import GcsPlace


def read_mapping_object(client: storage.Client, place: GcsPlace) -> bytes:
    """The object's bytes: one more than a table may have, at most. Raises `TransientError` (mapping_unavailable)."""
    try:
        blob = client.bucket(place.bucket).blob(place.prefix)
        data: bytes = blob.download_as_bytes(end=LARGEST, timeout=TIMEOUT, retry=retry_of(client))
    except FAILURES:
        raise TransientError(Code.MAPPING_UNAVAILABLE) from None
    return data
