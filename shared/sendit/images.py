"""One image: read → screen → de-identify → gate → store → verify. What a worker process does, and all it does."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from math import inf
from typing import TYPE_CHECKING, BinaryIO

from sendit import deid, pixels, text
from sendit.deadline import ENDLESS, Deadline
from sendit.errors import Code, ImageError
from sendit.outcome import Inspected, Outcome, Planned, guarded
from sendit.pixels import Hidden, HiddenFound
from sendit.ports import Clock, OutputStore, PendingOutput, Staging
from sendit.records import ImageState
from sendit.refs import BatchName, Entry, output_name
from sendit.screen import Decision, Screen, Verdict, decision_of_file
from sendit.settings import BurnedInText

if TYPE_CHECKING:
    from sendit.deid import Entity, Header, Identifiers, Keyring, Limits, Profile, Report
    from sendit.text import FoundText

_BLOCK = 1024 * 1024
_BIRTH_DATE, _STUDY_DATE = 0x00100030, 0x00080020
_DAY = re.compile(rb"[0-9]{8}")
_BURNED_IN_TEXT = "burned-in-text"
_REASON_BURNED_IN_TEXT = "Text was found in its pixels, and such images are to be rejected."
_NOT_CLEANED = "Its pixels would have to be cleaned, and with SENDIT_DEIDENTIFY=false nothing is changed."


@dataclass(frozen=True, slots=True)
class ImagePipeline:
    """The steps of one image over the ports that they need.

    `computing` is held while the processor is what an image needs: threads that wait for the network then do not
    fight with it for the interpreter.
    """

    staging: Staging
    output: OutputStore
    keys: "Keyring"
    profile: "Profile | None"  # None: images are stored unchanged
    screen: Screen
    limits: "Limits"
    clock: Clock
    with_report: bool = False
    text: BurnedInText = BurnedInText.OFF
    computing: AbstractContextManager[object] = field(default_factory=nullcontext)
    max_image_bytes: float = inf

    def inspect(self, batch: BatchName, entry: Entry) -> Inspected | Outcome:
        """Read the header and screen it."""
        started = self.clock()

        def steps() -> "Inspected | Outcome":
            check_size(entry, self.max_image_bytes)
            with self.staging.open(batch, entry) as source, self.computing:
                header, decision = screened(source, self.screen, self.limits, cleans=self.profile is not None)
            if decision.verdict is Verdict.REJECT:
                return self._rejected(entry, started, decision.rule, decision.reason)
            uids = (header.study_uid, header.series_uid, header.sop_instance_uid)
            days = (_day(header, _BIRTH_DATE), _day(header, _STUDY_DATE))
            if self.profile is None:
                return Inspected(entry, header.entity, uids, days=days)
            with _translated():
                frames = pixels.frames_of(header)
            by = decision if decision.verdict is Verdict.CLEAN else None
            looked_at = decision.looked_at and self.text is not BurnedInText.OFF
            return Inspected(entry, header.entity, uids, frames, by, looked_at, days)

        return guarded(entry, self.clock, started, steps)

    def store(self, batch: BatchName, planned: Planned) -> Outcome:
        """De-identify, gate, store and verify; nothing is left of an image that fails on the way."""
        entry, started = planned.entry, self.clock()

        def steps() -> Outcome:
            frames = planned.inspected.frames
            compressed = frames is not None and frames.compressed
            try:
                return self._stored(batch, planned, started, bare=compressed or planned.inspected.looked_at)
            except HiddenFound:
                return self._stored(batch, planned, started, bare=True)
            except text.TextFound:
                return self._rejected(entry, started, _BURNED_IN_TEXT, _REASON_BURNED_IN_TEXT)

        return guarded(entry, self.clock, started, steps)

    def _stored(self, batch: BatchName, planned: Planned, started: datetime, *, bare: bool) -> Outcome:
        """One image stored; with `bare`, what hides beside its samples is looked for first and taken out.

        Raises:
            HiddenFound: something hides in it, and it was not to be bare.
            TextFound: it shows text, and such images are rejected.
        """
        entry, looked_at, frames = planned.entry, planned.inspected.looked_at, planned.inspected.frames
        by, taken_out = planned.inspected.cleaned_by, frozenset[Hidden]()
        cleanings = by.cleanings if by else ()
        shows: FoundText | None = None
        with self.output.create(planned.output) as sink:
            with self.staging.open(batch, entry) as source, self.computing, _translated():
                if bare:
                    taken_out = pixels.hidden_in(source, self.limits)
                clean = pixels.without_hidden(source, self.limits) if taken_out else source
                for cleaning in cleanings:
                    clean = pixels.cleaned(clean, cleaning, self.limits)
                if looked_at:
                    reject = self.text is BurnedInText.REJECT
                    clean, shows = text.without_text(clean, self.limits, reject=reject)
                    cleanings += shows.cleanings
                if bare and cleanings:  # the unused bits of compressed frames are seen once they are decoded
                    left = pixels.hidden_in(clean, self.limits)
                    clean = pixels.without_hidden(clean, self.limits) if left else clean
                    taken_out |= left
                watch = frames.watch() if frames is not None and not bare else None
                # what PS3.15 E.3.1 asks for: the known places, and whatever text there is beside them
                both = by is not None and looked_at and self.text is BurnedInText.BLANK
                report = self._write(clean, sink, planned, watch, pixels_cleaned=both)
            if report is not None and _named(report) != planned.identity:
                raise ImageError(Code.CHANGED_DURING_PROCESSING)
            stored = sink.commit()
        return Outcome(
            entry,
            ImageState.DONEPROCESSING,
            started,
            self.clock(),
            output=stored.name,
            output_bytes=stored.size,
            output_crc32c=stored.crc32c,
            created=stored.created,
            report=_report_line(report, by, taken_out, shows) if self.with_report and report else "",
            rule=by.rule if by else "",
            sentence=by.reason if by else "",
            blanked=pixels.blanked_by(cleanings, frames.rows, frames.columns) if frames else (),
        )

    def _write(
        self,
        source: BinaryIO,
        sink: PendingOutput,
        planned: Planned,
        watch: Callable[[bytes], None] | None,
        *,
        pixels_cleaned: bool,
    ) -> "Report | None":
        """De-identify into the sink; without a profile the bytes go as they are."""
        if self.profile is None:
            while block := source.read(_BLOCK):
                sink.write(block)
            return None
        return deid.deidentify(
            source,
            sink,
            profile=self.profile.of_clean_pixels if pixels_cleaned else self.profile,
            keys=self.keys,
            identify=partial(_as_planned, planned),
            limits=self.limits,
            watch=watch,
        )

    def _rejected(self, entry: Entry, started: datetime, rule: str, reason: str) -> Outcome:
        return Outcome(entry, ImageState.REJECTED, started, self.clock(), sentence=reason, rule=rule)


def check_size(entry: Entry, max_image_bytes: float) -> None:
    """Raise `ImageError` (too_large) for a file that is not even to be read."""
    if entry.size > max_image_bytes:
        raise ImageError(Code.TOO_LARGE)


def screened(source: BinaryIO, screen: Screen, limits: "Limits", *, cleans: bool) -> tuple["Header", Decision]:
    """The header of an image, and what becomes of it by the screen. Raises `ImageError`: it cannot be read, or is none.

    What would have to be cleaned is rejected unless somebody `cleans` it.
    """
    with _translated():
        header = deid.inspect(source, limits)
        decision = decision_of_file(header.media_storage_sop_class_uid, header.sop_class_uid)
        if decision is None:
            header.check_identity()
            decision = screen.decide(header)
        if decision.verdict is Verdict.CLEAN and not cleans:
            decision = Decision(Verdict.REJECT, decision.rule, _NOT_CLEANED)
        return header, decision


def _day(header: "Header", tag: int) -> str:
    value = header.values.get(tag, b"").strip(b" \0")
    return value.decode("ascii") if _DAY.fullmatch(value) else ""


@contextmanager
def _translated() -> Iterator[None]:
    """The engine's refusals, and read errors of the source, as image errors, with no text of theirs."""
    try:
        yield
    except (deid.DeidError, pixels.PixelError) as error:
        raise ImageError(Code(error.code.value)) from None
    except OSError:
        # the output's own errors are TransientErrors by now, so this one came from reading
        raise ImageError(Code.UNREADABLE) from None


def _report_line(report: "Report", by: Decision | None, taken_out: frozenset[Hidden], shows: "FoundText | None") -> str:
    """The engine's report, and what was done to the pixels before, if anything was."""
    if by is None and not taken_out and shows is None:
        return report.to_json_line()
    record = json.loads(report.to_json_line())
    record["pixels"] = {"cleaned_by": by.rule if by else None, "taken_out": sorted(taken_out)}
    if shows is not None:
        record["pixels"]["text"] = shows.as_record()
    return json.dumps(record, separators=(",", ":")) + "\n"


def _as_planned(planned: Planned, entity: "Entity") -> "Identifiers":
    """Who the image will be, if it is still of the patient that it was inspected as."""
    if entity != planned.inspected.entity:
        raise ImageError(Code.CHANGED_DURING_PROCESSING)
    return planned.who


def _named(report: "Report") -> str:
    return output_name(report.patient, report.study_uid, report.series_uid, report.sop_instance_uid)


@dataclass(frozen=True, slots=True)
class InlineWorkers:
    """Works on one image after the other, in the calling thread; none is ever left unfinished."""

    pipeline: ImagePipeline

    def inspect(
        self, batch: BatchName, entries: Iterable[Entry], deadline: Deadline = ENDLESS
    ) -> Iterator[Inspected | Outcome]:
        """As the protocol says, in order."""
        return (self.pipeline.inspect(batch, entry) for entry in entries if not deadline.near)

    def store(self, batch: BatchName, planned: Iterable[Planned], deadline: Deadline = ENDLESS) -> Iterator[Outcome]:
        """As the protocol says, in order."""
        return (self.pipeline.store(batch, plan) for plan in planned if not deadline.near)
