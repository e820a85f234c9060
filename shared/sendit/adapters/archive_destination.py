"""Archives as a destination: one tar.gz for each study, in a folder or a bucket."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby

from sendit.adapters.destination_store import DestinationStore
from sendit.address import Address
from sendit.archive import TarGz, members
from sendit.deadline import ENDLESS, Deadline
from sendit.destination import Reading, Receipt, Sendable
from sendit.errors import Code, ImageError, UsageError
from sendit.layout import OutputName, archive_name, member_name
from sendit.output_header import header_of
from sendit.ports import OutputStore

_COLLECTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_OF_THE_NAME = ("StudyDate", "AccessionNumber")


class ArchiveDestination:
    """A `Destination` that puts a study's images into one archive, which appears at once and whole.

    It needs all of a study's images together: an archive that is there is left as it is, and a study whose archive
    does not hold each of them, as it is, is archive_differs.
    """

    def __init__(self, store: OutputStore, name: str, collection: str) -> None:
        self._store = DestinationStore(store)
        self._name = name
        self._collection = collection

    @property
    def name(self) -> str:
        """See `Destination.name`."""
        return self._name

    @property
    def whole_studies(self) -> bool:
        """See `Destination.whole_studies`."""
        return True

    def lost(self, images: Sequence[Sendable], output: OutputStore, deadline: Deadline = ENDLESS) -> Sendable | None:
        """See `Destination.lost`: an archive by its name."""
        for _, study in groupby(images, key=lambda image: image.output.split("/")[:2]):
            if deadline.near:
                return None
            first = min(study, key=lambda image: image.output)
            try:
                there = self._store.stat(self._name_of(first, output))
            except ImageError:
                return first
            if there is None:
                return first
        return None

    def send(self, images: Sequence[Sendable], output: OutputStore, deadline: Deadline = ENDLESS) -> Iterator[Receipt]:
        """See `Destination.send`. A study's receipts come together, once its archive is there and verified."""
        for _, study in groupby(images, key=lambda image: image.output.split("/")[:2]):
            if deadline.near:
                return
            yield from self._archived(list(study), output)

    def _archived(self, images: Sequence[Sendable], output: OutputStore) -> list[Receipt]:
        """The receipts of a study."""
        first = min(images, key=lambda image: image.output)
        identity = OutputName.parse(first.output)
        contents = {member_name(OutputName.parse(image.output)): image for image in images}
        try:
            with _reading(first):
                name = self._name_of(first, output)
            there = self._store.stat(name) is not None or not self._written(name, identity, contents, output)
            code = Code.ARCHIVE_DIFFERS if there and not self._holds(name, contents) else None
        except _Unread as unread:
            others = Code.ARCHIVE_INCOMPLETE
            return [Receipt(image, unread.code if image is unread.image else others) for image in images]
        except ImageError as error:
            code = error.code
        return [Receipt(image, code) for image in images]

    def _name_of(self, first: Sendable, output: OutputStore) -> str:
        """The name of a study's archive, by its first image."""
        header = header_of(first.output, output, _OF_THE_NAME)
        return archive_name(self._collection, OutputName.parse(first.output), header)

    def _written(self, name: str, identity: OutputName, contents: Mapping[str, Sendable], output: OutputStore) -> bool:
        """Make the archive; False if one has come to be there meanwhile."""
        metadata = {keyword: identity.metadata[keyword] for keyword in ("PatientID", "StudyInstanceUID")}
        with self._store.create(name, metadata) as pending:
            archive = TarGz(pending.write)
            for member, image in sorted(contents.items()):
                with _reading(image), Reading(image, output).blocks() as blocks:
                    archive.add(member, image.size, blocks)
            archive.close()
            try:
                pending.commit()
            except ImageError as error:
                if error.code is not Code.CONFLICT:
                    raise
                return False
        return True

    def _holds(self, name: str, contents: Mapping[str, Sendable]) -> bool:
        """Whether the archive that is there can be read to its end and holds all of these images as they are."""
        wanted = {member: (image.size, image.crc32c) for member, image in contents.items()}
        held: dict[str, tuple[int, int]] = {}
        try:
            for found in members(self._store.blocks(name)):
                if found.name in wanted:
                    held[found.name] = (found.size, found.crc32c)
        except ValueError:
            return False
        return held == wanted


class _Unread(Exception):
    """One image of a study that cannot be read, or not be put into an archive."""

    def __init__(self, image: Sendable, code: Code) -> None:
        super().__init__()
        self.image = image
        self.code = code


@contextmanager
def _reading(image: Sendable) -> Iterator[None]:
    try:
        yield
    except ImageError as error:
        raise _Unread(image, error.code) from None


def archive_destination(address: Address, store: OutputStore, study: str = "") -> ArchiveDestination:
    """The destination that an address names, in the store that is there; `study` is SENDIT_STUDY.

    Raises `UsageError` (bad_setting).
    """
    collection = address.options.get("collection", study)
    if not _COLLECTION.fullmatch(collection):
        raise UsageError(
            Code.BAD_SETTING,
            f"{address.name}: archives lie below the name of a study: set SENDIT_STUDY, or end the address in"
            " #collection=NAME, of letters, digits and . _ -.",
        )
    return ArchiveDestination(store, address.name, collection)
