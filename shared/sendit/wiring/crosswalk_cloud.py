"""The crosswalk of the cloud: its Firestore database, and its key, which Cloud KMS decrypts when a process starts."""

import google.auth
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import AuthorizedSession
from google.cloud import firestore

from sendit.adapters.denied import failure
from sendit.adapters.emulated import emulator
from sendit.adapters.firestore_crosswalk import FirestoreCrosswalk
from sendit.adapters.home import key_of
from sendit.adapters.kms_key import KmsKey
from sendit.crosswalk import Crosswalk
from sendit.crosswalk_settings import CrosswalkUse
from sendit.errors import Code, UsageError
from sendit.sealing import CrosswalkKey
from sendit.settings import Settings
from sendit.wiring.cloud import project
from sendit.wiring.parts import now

_SCOPE = "https://www.googleapis.com/auth/cloudkms"


def check_crosswalk(settings: Settings) -> None:
    """Raise `UsageError` (not_configured, bad_crosswalk_key) if a crosswalk is to be kept, and cannot be."""
    if settings.crosswalk is CrosswalkUse.ON:
        _wrapped_key(settings)


def cloud_crosswalk(settings: Settings, key_id: str) -> Crosswalk | None:
    """The crosswalk that the worker writes; None if it is off.

    Raises `UsageError` (not_configured, bad_crosswalk_key), `TransientError` if Cloud KMS or an emulator is silent.
    """
    if settings.crosswalk is CrosswalkUse.OFF:
        return None
    return Crosswalk(cloud_store(settings), cloud_key(settings), key_id, now, settings.crosswalk_days)


def cloud_store(settings: Settings) -> FirestoreCrosswalk:
    """The crosswalk's database in the settings' project."""
    emulator("FIRESTORE_EMULATOR_HOST", Code.CROSSWALK_UNAVAILABLE)
    return FirestoreCrosswalk(firestore.Client(project=project(), database=settings.crosswalk_database))


def cloud_key(settings: Settings) -> CrosswalkKey:
    """The crosswalk's key, decrypted. Raises as `cloud_crosswalk` does."""
    wrapped = _wrapped_key(settings)
    try:
        secret = key_of(kms(settings.crosswalk_kms_key).decrypt(wrapped))
    except ValueError:
        hint = "What SENDIT_CROSSWALK_KEY_FILE is decrypted to is not 64 hex digits."
        raise UsageError(Code.BAD_CROSSWALK_KEY, hint) from None
    return CrosswalkKey(secret)


def kms(name: str) -> KmsKey:
    """A key of Cloud KMS, used by whoever this process is run by."""
    try:
        credentials, _ = google.auth.default(scopes=[_SCOPE])
    except GoogleAuthError as error:
        raise failure(Code.CROSSWALK_KEY_UNAVAILABLE, error) from None
    return KmsKey(name, AuthorizedSession(credentials))


def _wrapped_key(settings: Settings) -> bytes:
    if settings.crosswalk_key_file is None:
        raise UsageError(Code.NOT_CONFIGURED, "Set SENDIT_CROSSWALK_KEY_FILE and SENDIT_CROSSWALK_KMS_KEY.")
    try:
        return settings.crosswalk_key_file.read_bytes()
    except OSError as error:
        raise UsageError(Code.BAD_CROSSWALK_KEY, f"SENDIT_CROSSWALK_KEY_FILE: {error.strerror}.") from None
