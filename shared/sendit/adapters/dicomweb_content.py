"""WADO-RS: whether a server holds what we have, byte for byte or element for element (PS3.18 10.4)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from tempfile import SpooledTemporaryFile
from typing import IO

import google_crc32c

from sendit.adapters.dicomweb_instance import Instance
from sendit.adapters.dicomweb_link import Link, Setback
from sendit.adapters.dicomweb_parts import parts
from sendit.adapters.dicomweb_same import difference
from sendit.destination import Reading
from sendit.errors import Code, ImageError
from sendit.ports import OutputStore

_HEADERS = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
_GONE = (404, 410)
_SMALL = 1024 * 1024  # bytes on average: a request for each would take longer than to get them
_WORTH_SMALL, _WORTH_LARGE = 3.0, 1.25  # a whole series is got if it has no more than so many times what is wanted
_IN_MEMORY = 32 * 1024 * 1024

Sum = tuple[int, int]
"""Size in bytes and crc32c."""


class Contents:
    """Compares what a server holds with the output store."""

    def __init__(self, link: Link, output: OutputStore, threads: ThreadPoolExecutor) -> None:
        self._link = link
        self._output = output
        self._threads = threads
        self._rewrites = False  # whether the server seems to give other bytes than it got

    def equal_in_series(self, instances: Sequence[Instance], shown: Mapping[str, int]) -> set[Instance]:
        """Those that the server gives byte for byte as they are here, when their series are got as a whole.

        That is done where it is less work than to get each; `shown` says how many instances the server shows of a
        series, by path. Raises `Setback` and `DestinationError`.
        """
        by_series: dict[str, list[Instance]] = defaultdict(list)
        for instance in instances:
            by_series[instance.series_path].append(instance)
        whole = [some for path, some in by_series.items() if self._worth_whole(some, shown.get(path, 0))]
        equal = {instance for some in self._threads.map(self._of_series, whole) for instance in some}
        if whole and not equal:
            self._rewrites = True
        return equal

    def codes(self, instances: Sequence[Instance], shown: Mapping[str, int]) -> dict[Instance, Code | None]:
        """For each instance, all of which the server shows: None if it holds the same content.

        Else conflict; destination_not_verified if it gives nothing, or has it in another transfer syntax, which proves
        nothing; or output_missing or output_damaged if ours cannot be read. Raises `Setback` and `DestinationError`.
        """
        equal = self.equal_in_series(instances, shown)
        rest = [instance for instance in instances if instance not in equal]
        others = self._threads.map(self._of_instance, rest)
        return {**dict.fromkeys(equal), **dict(zip(rest, others, strict=True))}

    def _worth_whole(self, some: Sequence[Instance], shown: int) -> bool:
        size = sum(instance.image.size for instance in some)
        most = (_WORTH_SMALL if size <= _SMALL * len(some) else _WORTH_LARGE) * len(some)
        return not self._rewrites and len(some) > 1 and shown <= most

    def _of_series(self, some: Sequence[Instance]) -> Iterable[Instance]:
        """Those of a series that the server gives byte for byte as they are here."""
        return self._link.patiently(partial(self._once_of_series, some))

    def _once_of_series(self, some: Sequence[Instance]) -> Iterable[Instance]:
        wanted: dict[Sum, list[Instance]] = defaultdict(list)
        for instance in some:
            wanted[instance.image.size, instance.image.crc32c].append(instance)
        equal: list[Instance] = []
        with self._link.asked("GET", some[0].series_path, _HEADERS, also=_GONE) as response:
            if response.status_code not in _GONE:
                there = parts(response.headers.get("Content-Type", ""), self._link.blocks(response))
                equal.extend(same.pop() for part in there if (same := wanted.get(_sum(part))))
        return equal

    def _of_instance(self, instance: Instance) -> Code | None:
        return self._link.patiently(partial(self._once_of_instance, instance))

    def _once_of_instance(self, instance: Instance) -> Code | None:
        found = self._got(instance)
        if found is None:
            return Code.DESTINATION_NOT_VERIFIED
        if found == (instance.image.size, instance.image.crc32c):
            return None
        with (
            SpooledTemporaryFile(_IN_MEMORY) as mine,
            SpooledTemporaryFile(_IN_MEMORY) as theirs,
        ):
            try:
                with Reading(instance.image, self._output).blocks() as blocks:
                    mine.writelines(blocks)
            except ImageError as error:
                return error.code
            self._got(instance, theirs)
            return difference(mine, theirs)

    def _got(self, instance: Instance, sink: IO[bytes] | None = None) -> Sum | None:
        """What the server holds of an instance, also written to a sink; None if it gives nothing."""
        with self._link.asked("GET", instance.path, _HEADERS, also=_GONE) as response:
            if response.status_code in _GONE:
                return None
            found: list[Sum] = []
            for part in parts(response.headers.get("Content-Type", ""), self._link.blocks(response)):
                found.append(_sum(part, sink if not found else None))
            if not found:
                raise Setback
            return found[0]


def _sum(blocks: Iterable[bytes], sink: IO[bytes] | None = None) -> Sum:
    crc, size = google_crc32c.Checksum(), 0
    for block in blocks:
        crc.update(block)
        size += len(block)
        if sink is not None:
            sink.write(block)
    return size, int.from_bytes(crc.digest(), "big")
