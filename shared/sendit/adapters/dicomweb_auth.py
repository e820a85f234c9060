"""How a DICOMweb server is told who asks: not at all, by password, by a token in a file, or as Google wants it."""

import threading
from pathlib import Path

import google.auth
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError, TransportError
from google.auth.transport.requests import Request
from requests import PreparedRequest, Session
from requests.auth import AuthBase, HTTPBasicAuth

from sendit.address import Address
from sendit.errors import Code, DestinationError, TransientError, UsageError

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/cloud-healthcare")
_LONGEST_SECRET = 64 * 1024


class Nobody(AuthBase):
    """No credentials, also none that a .netrc would have for the host."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Put what there is into the header of a request."""
        return request

    def renew(self) -> bool:
        """Fetch newer credentials after they were refused; False if there are none to be had.

        Raises `TransientError` (destination_unavailable) or `DestinationError` (destination_refused).
        """
        return False


class Password(Nobody):
    """User and password, RFC 7617, in UTF-8."""

    def __init__(self, user: str, password: str) -> None:
        self._basic = HTTPBasicAuth(user.encode(), password.encode())

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """See `Nobody`."""
        return self._basic(request)


class TokenFile(Nobody):
    """A bearer token, RFC 6750, that somebody else keeps fresh in a file."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._token = _secret(path, "token-file")

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """See `Nobody`."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def renew(self) -> bool:
        """See `Nobody.renew`."""
        try:
            self._token = _secret(self._path, "token-file")
        except UsageError:
            raise DestinationError(Code.DESTINATION_REFUSED) from None
        return True


class GoogleToken(Nobody):
    """Google's application default credentials, shared by threads."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._lock = threading.Lock()

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """See `Nobody`. Raises as `renew` does."""
        with self._lock:
            if not self._credentials.valid:
                self._refresh()
            self._credentials.apply(request.headers)
        return request

    def renew(self) -> bool:
        """See `Nobody.renew`."""
        with self._lock:
            self._refresh()
        return True

    def _refresh(self) -> None:
        try:
            with Session() as session:
                self._credentials.refresh(Request(session))
        except GoogleAuthError as error:
            if isinstance(error, TransportError) or error.retryable:
                raise TransientError(Code.DESTINATION_UNAVAILABLE) from None
            raise DestinationError(Code.DESTINATION_REFUSED) from None


def authentication(address: Address) -> Nobody:
    """What the address says of it.

    Raises `UsageError` (bad_setting, not_configured): it says two things, or what it names cannot be read.
    """
    options = address.options
    if options.get("auth", "google") != "google":
        raise UsageError(Code.BAD_SETTING, "#auth= of a DICOMweb destination is google, or left out.")
    if [bool(address.user), "token-file" in options, "auth" in options].count(True) > 1:
        raise UsageError(
            Code.BAD_SETTING, "A DICOMweb destination has a user, #token-file= or #auth=google: one of them."
        )
    if "password-file" in options and (not address.user or address.password):
        raise UsageError(Code.BAD_SETTING, "#password-file= goes with a user in the address, and no password there.")
    if address.user:
        path = options.get("password-file")
        return Password(address.user, _secret(path, "password-file") if path is not None else address.password)
    if "token-file" in options:
        return TokenFile(options["token-file"])
    if "auth" in options:
        try:
            credentials, _ = google.auth.default(scopes=_SCOPES)
        except (GoogleAuthError, OSError, ValueError):
            hint = "#auth=google finds no credentials: gcloud auth application-default login."
            raise UsageError(Code.NOT_CONFIGURED, hint) from None
        return GoogleToken(credentials)
    return Nobody()


def _secret(path: str, option: str) -> str:
    try:
        with Path(path).expanduser().open("rb") as stream:
            secret = stream.read(_LONGEST_SECRET + 1).decode().strip("\r\n")
    except (OSError, ValueError):
        raise UsageError(Code.BAD_SETTING, f"The file of #{option}= cannot be read.") from None
    if not secret or len(secret) > _LONGEST_SECRET or not secret.isprintable():
        raise UsageError(Code.BAD_SETTING, f"The file of #{option}= holds one line, the secret, and nothing else.")
    return secret
