"""Bringing instances to a DICOMweb server: look, post what is not there, look again, compare."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from sendit.adapters.dicomweb_content import Contents
from sendit.adapters.dicomweb_instance import Instance
from sendit.adapters.dicomweb_link import Link, Setback
from sendit.adapters.dicomweb_listing import listed, number_listed
from sendit.adapters.dicomweb_store import Posted, Said, batches, post
from sendit.destination import Receipt
from sendit.errors import Code, DestinationError, TransientError
from sendit.ports import OutputStore


@dataclass
class _Round:
    """One time that what is pending is posted. The first failure ends it: no request is begun after that."""

    said: dict[Instance, Said] = field(default_factory=dict)
    setback: Setback | None = None
    ended: threading.Event = field(default_factory=threading.Event)


class Sending:
    """Images of one batch on their way to one server, some of which may be there already."""

    def __init__(self, link: Link, output: OutputStore, threads: ThreadPoolExecutor, *, by_content: bool) -> None:
        self._link = link
        self._output = output
        self._threads = threads
        self._by_content = by_content
        self._contents = Contents(link, output, threads)
        self._shown: dict[str, set[str]] = {}
        """What the server showed last of the series in hand, by path."""

    def receipts(self, chunk: Sequence[Instance]) -> Iterator[Receipt]:
        """A receipt for each, in their order, but for those that were not begun when the deadline came near.

        Raises as `Destination.send` does, after the receipts of those that are settled by then.
        """
        codes: dict[Instance, Code | None] = {}
        failure: TransientError | DestinationError | None = None
        try:
            self._settle(chunk, codes)
        except (TransientError, DestinationError) as error:
            failure = error
        for instance in chunk:
            if instance in codes:
                yield Receipt(instance.image, codes[instance])
        if failure is not None:
            raise failure

    def _settle(self, chunk: Sequence[Instance], codes: dict[Instance, Code | None]) -> None:
        codes.update({instance: instance.problem for instance in chunk if instance.problem})
        pending = [instance for instance in chunk if instance not in codes]
        self._look_first(pending)
        codes.update(self._compared([instance for instance in pending if self._shows(instance)]))
        silent: set[Instance] = set()
        pauses = iter(self._link.pauses)
        while pending := [instance for instance in pending if instance not in codes]:
            if self._link.deadline.near:
                return
            done = self._posted(pending, silent)
            settled = len(codes)
            self._judge(done, silent, codes)
            if len(codes) > settled:
                pauses = iter(self._link.pauses)
            if done.setback is not None and any(instance not in codes for instance in pending):
                pause = next(pauses, None)
                if pause is None:
                    raise done.setback
                self._link.wait(pause, done.setback)

    def _posted(self, pending: Sequence[Instance], silent: set[Instance]) -> _Round:
        """Post what is pending; of those that nothing was said of, each alone."""
        done = _Round()

        def one(batch: Sequence[Instance]) -> Posted | None:
            if done.ended.is_set() or self._link.deadline.near:
                return None
            try:
                posted = post(self._link, batch, self._output)
            except BaseException:
                done.ended.set()
                raise
            if posted.setback is not None:
                done.ended.set()
            return posted

        together = batches([instance for instance in pending if instance not in silent])
        alone = ([instance] for instance in pending if instance in silent)
        for posted in self._threads.map(one, [*together, *alone]):
            if posted is not None:
                done.said.update(posted.said)
                done.setback = posted.setback or done.setback
        return done

    def _judge(self, done: _Round, silent: set[Instance], codes: dict[Instance, Code | None]) -> None:
        """Settle what was posted by what the server shows now, and by its content."""
        said = done.said
        codes.update({one: self._unread(one) for one, word in said.items() if word is Said.UNREAD})
        posted = [one for one in said if one not in codes]
        proven = self._proven(posted) if self._by_content else set[Instance]()
        self._look_for([one for one in posted if one not in proven], said)
        shown = [one for one in posted if self._shows(one)]
        if not self._by_content:
            proven.update(one for one in shown if said[one] is Said.TAKEN)
        compared = self._compared([one for one in shown if one not in proven])
        for one, code in {**dict.fromkeys(proven), **compared}.items():
            refused = code is None and said[one] is Said.REFUSED
            codes[one] = Code.INSTANCE_REFUSED if refused else code
        for one in posted:
            if one in codes or said[one] is Said.UNSURE:
                continue
            if said[one] in {Said.REFUSED, Said.THERE}:
                codes[one] = Code.INSTANCE_REFUSED
            elif said[one] is Said.TAKEN or one in silent:
                codes[one] = Code.DESTINATION_NOT_VERIFIED
            else:
                silent.add(one)

    def _proven(self, posted: Sequence[Instance]) -> set[Instance]:
        """Those that the server gives byte for byte, of series of which it shows as many instances as there must be.

        Some servers read a file for each instance that they list; they give the whole series in less time.
        """
        equal = self._contents.equal_in_series(posted, self._counts(posted))
        by_series: dict[tuple[str, str, str], set[str]] = {}
        for one in equal:
            by_series.setdefault((one.series_path, one.study, one.series), set()).add(one.sop)
        numbers = self._threads.map(lambda key: number_listed(self._link, *key[1:]), by_series)
        for ((path, *_), sops), number in zip(by_series.items(), numbers, strict=True):
            if number >= len(self._shown[path] | sops):
                self._shown[path] |= sops
        return {one for one in equal if self._shows(one)}

    def _look_for(self, posted: Sequence[Instance], said: Mapping[Instance, Said]) -> None:
        """Look what the server shows of what was posted; what it has taken may take a moment."""
        self._look(posted)
        for pause in self._link.pauses:
            late = [one for one in posted if said[one] is Said.TAKEN and not self._shows(one)]
            if not late:
                break
            self._link.wait(pause, Setback())
            self._look(late)

    def _unread(self, instance: Instance) -> Code:
        gone = self._output.stat(instance.image.output) is None
        return Code.OUTPUT_MISSING if gone else Code.OUTPUT_DAMAGED

    def _look_first(self, instances: Sequence[Instance]) -> None:
        """Look at series that were not looked at yet, to their end; the last one goes on from the chunk before."""
        series = {instance.series_path for instance in instances}
        self._shown = {path: shown for path, shown in self._shown.items() if path in series}
        new = [path for path in series if path not in self._shown]
        self._shown.update(zip(new, self._threads.map(partial(listed, self._link), new), strict=True))

    def _look(self, instances: Sequence[Instance]) -> None:
        wanted: dict[str, set[str]] = {}
        for instance in instances:
            wanted.setdefault(instance.series_path, set()).add(instance.sop)
        looks = self._threads.map(lambda path: listed(self._link, path, wanted[path]), wanted)
        for path, shown in zip(wanted, looks, strict=True):
            self._shown[path] |= shown

    def _shows(self, instance: Instance) -> bool:
        return instance.sop in self._shown[instance.series_path]

    def _compared(self, instances: Sequence[Instance]) -> dict[Instance, Code | None]:
        return self._contents.codes(instances, self._counts(()))

    def _counts(self, more: Sequence[Instance]) -> dict[str, int]:
        """How many instances of a series there are, by path, with these that may be new."""
        new = Counter(instance.series_path for instance in more)
        return {path: len(shown) + new[path] for path, shown in self._shown.items()}
