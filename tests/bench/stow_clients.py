"""The other ways to an archive: `python stow_clients.py plain|dicomweb-client URL USER PASSWORD FOLDER`.

Each is a process of its own, and prints the seconds from the first byte it reads of a file to the last answer.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pydicom
import requests

_BETWEEN = b"\r\n--boundary\r\nContent-Type: application/dicom\r\n\r\n"
_HEADERS = {
    "Content-Type": 'multipart/related; type="application/dicom"; boundary=boundary',
    "Accept": "application/dicom+json",
}
_TOGETHER = 100  # it holds in memory what it sends in one call


def plain(url: str, user: str, password: str, files: list[Path]) -> None:
    """One image after the other on one connection, and a look at the status: what a script of ten lines does."""
    with requests.Session() as session:
        session.auth = user, password
        for file in files:
            body = _BETWEEN + file.read_bytes() + b"\r\n--boundary--\r\n"
            session.post(f"{url}/studies", data=body, headers=_HEADERS).raise_for_status()


def dicomweb_client(url: str, user: str, password: str, files: list[Path]) -> None:
    """`store_instances` of dicomweb-client, as its documentation has it."""
    from dicomweb_client.api import DICOMwebClient
    from dicomweb_client.session_utils import create_session_from_user_pass

    client = DICOMwebClient(url, session=create_session_from_user_pass(user, password))
    for start in range(0, len(files), _TOGETHER):
        client.store_instances([pydicom.dcmread(file) for file in files[start : start + _TOGETHER]])


CLIENTS: dict[str, Callable[[str, str, str, list[Path]], None]] = {"plain": plain, "dicomweb-client": dicomweb_client}


def main() -> None:
    """Send, and print the seconds."""
    name, url, user, password, folder = sys.argv[1:]
    files = sorted(Path(folder).rglob("*.dcm"))
    began = time.perf_counter()
    CLIENTS[name](url, user, password, files)
    sys.stdout.write(f"{time.perf_counter() - began:.6f}")


if __name__ == "__main__":
    main()
