"""What a service of Google Cloud failed with is to us: out of reach, not ours to use, or over its quota."""

from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.auth.exceptions import GoogleAuthError, TransportError

from sendit.errors import Code, TransientError

_FORBIDDEN = {
    Code.STAGING_UNAVAILABLE: Code.STAGING_FORBIDDEN,
    Code.OUTPUT_UNAVAILABLE: Code.OUTPUT_FORBIDDEN,
    Code.STATUS_UNAVAILABLE: Code.STATUS_FORBIDDEN,
    Code.CROSSWALK_UNAVAILABLE: Code.CROSSWALK_FORBIDDEN,
    Code.CROSSWALK_KEY_UNAVAILABLE: Code.CROSSWALK_KEY_FORBIDDEN,
    Code.QUEUE_UNAVAILABLE: Code.QUEUE_FORBIDDEN,
}
_NOT_LET_IN = frozenset({401, 403})
_TOO_MUCH = 429


def failure(unavailable: Code, error: BaseException | None) -> TransientError:
    """What a call failed with, for the caller to raise `from None`: nothing of its text is in it."""
    if isinstance(error, RetryError):  # the last failure is what the retries were about
        error = error.cause
    if isinstance(error, GoogleAuthError) and not isinstance(error, TransportError) and not error.retryable:
        return failure_of(unavailable, 401)
    return failure_of(unavailable, error.code if isinstance(error, GoogleAPICallError) else None)


def failure_of(unavailable: Code, status: int | None) -> TransientError:
    """The same, of an HTTP status or the one that stands for a status of gRPC; None if no answer came."""
    if status in _NOT_LET_IN:
        return TransientError(_FORBIDDEN[unavailable])
    return TransientError(Code.QUOTA_EXCEEDED if status == _TOO_MUCH else unavailable)
