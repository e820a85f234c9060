"""A DICOMweb server as a destination: Orthanc, dcm4chee, the Cloud Healthcare API.

What the server shows and gives afterwards decides; what it says of a request explains what it does not show.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from sendit.adapters.dicomweb_auth import Nobody, authentication
from sendit.adapters.dicomweb_instance import chunks
from sendit.adapters.dicomweb_link import Link
from sendit.adapters.dicomweb_listing import listed
from sendit.adapters.dicomweb_sending import Sending
from sendit.address import Address
from sendit.deadline import ENDLESS, Deadline
from sendit.destination import Receipt, Sendable
from sendit.errors import Code, UsageError
from sendit.ports import OutputStore

_THREADS = 4
_PAUSES = (0.5, 1.0, 2.0, 4.0)  # seconds between tries
_VERIFY = ("content", "listed")


class DicomwebDestination:
    """A `Destination` at `place`, an http(s) address. Nothing is posted that the server shows already.

    With `by_content` what was posted is retrieved and compared; else it is enough that the server took it and shows it.
    What was there before is compared always.
    """

    def __init__(
        self, place: str, name: str, auth: Nobody, *, by_content: bool = True, pauses: Sequence[float] = _PAUSES
    ) -> None:
        self._place = place
        self._name = name
        self._auth = auth
        self._by_content = by_content
        self._pauses = pauses

    @property
    def name(self) -> str:
        """See `Destination.name`."""
        return self._name

    @property
    def whole_studies(self) -> bool:
        """See `Destination.whole_studies`."""
        return False

    def lost(self, images: Sequence[Sendable], output: OutputStore, deadline: Deadline = ENDLESS) -> Sendable | None:
        """See `Destination.lost`: by QIDO-RS."""
        with Link(self._place, self._auth, deadline, self._pauses, _THREADS) as link:
            shown: dict[str, set[str]] = {}
            for chunk in chunks(images, output):
                paths = {instance.series_path for instance in chunk}
                for path in paths - shown.keys():
                    if deadline.near:
                        return None
                    shown[path] = listed(link, path)
                for instance in chunk:
                    if instance.problem or instance.sop not in shown[instance.series_path]:
                        return instance.image
                shown = {path: uids for path, uids in shown.items() if path in paths}
        return None

    def send(self, images: Sequence[Sendable], output: OutputStore, deadline: Deadline = ENDLESS) -> Iterator[Receipt]:
        """See `Destination.send`."""
        with Link(self._place, self._auth, deadline, self._pauses, _THREADS) as link, _threads() as threads:
            sending = Sending(link, output, threads, by_content=self._by_content)
            for chunk in chunks(images, output):
                if deadline.near:
                    return
                yield from sending.receipts(chunk)


def dicomweb_destination(address: Address) -> DicomwebDestination:
    """The destination at an address of its kind.

    Raises `UsageError` (bad_setting, not_configured): an option has a value that is none, or a file cannot be read.
    """
    verify = address.options.get("verify", _VERIFY[0])
    if verify not in _VERIFY:
        raise UsageError(Code.BAD_SETTING, f"#verify= of a DICOMweb destination is {' or '.join(_VERIFY)}.")
    return DicomwebDestination(address.place, address.name, authentication(address), by_content=verify == _VERIFY[0])


@contextmanager
def _threads() -> Iterator[ThreadPoolExecutor]:
    threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="dicomweb")
    try:
        yield threads
    finally:
        threads.shutdown(cancel_futures=True)
