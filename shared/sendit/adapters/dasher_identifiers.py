"""Identifiers from an institution's service: asked for once a batch, for all its patients together, and kept."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sendit.adapters.dasher_client import DasherClient
from sendit.answers import Answer, Answers, Originals, Piece
from sendit.dasher import MOST_ITEMS, Answered, Asked, NotAnAnswer, Pending, answers_of, request_of
from sendit.dasher_settings import ANY_ISSUER
from sendit.deid.identity.entity import Entity, Identifiers
from sendit.deid.identity.keys import Keyring
from sendit.errors import BatchError, Code, ImageError, OutOfTime
from sendit.logs import event
from sendit.patients import Patients, Subject


@dataclass(frozen=True, slots=True)
class Sources:
    """What the service calls a Patient ID, by its issuer ('' for none), and an Accession Number."""

    patients: Mapping[str, str]
    accession: str

    def of(self, issuer: str) -> str | None:
        """The id_source of a Patient ID; None if there is none, for another hospital's id may be another patient."""
        return self.patients.get(issuer) or (self.patients.get(ANY_ISSUER) if issuer else None)


class DasherIdentifiers:
    """An `IdentifierService` over HTTP."""

    def __init__(self, client: DasherClient, keys: Keyring, sources: Sources) -> None:
        self._client = client
        self._keys = keys
        self._sources = sources

    @property
    def name(self) -> str:
        """See `IdentifierService.name`."""
        return "dasher"

    def of_batch(self, patients: Patients) -> Callable[[Entity], Identifiers]:
        """See `IdentifierService.of_batch`."""
        asking = _Asking(self._client, self._keys, self._sources, patients)
        asking.look_through()
        return asking.identified


class _Asking:
    """What is known of one batch, and asking for what is not."""

    def __init__(self, client: DasherClient, keys: Keyring, sources: Sources, patients: Patients) -> None:
        self._client = client
        self._keys = keys
        self._sources = sources
        self._patients = patients
        self._originals = Originals(keys)
        self._answers = Answers(self._originals)
        self._pending = Pending()
        self._named: dict[tuple[str, str, str], Identifiers] = {}
        self._seen = 0

    def look_through(self) -> None:
        """Ask for everybody of whom nothing is known. Raises `OutOfTime` with all of it kept that was reached."""
        self._recall()
        seen = self._seen
        for looked, subjects in self._patients.subjects(seen):
            seen = looked
            for subject in subjects:
                self._want(subject)
            while len(self._pending) >= MOST_ITEMS:
                self._ask(self._seen)
        while self._pending:
            self._ask(seen)
        if seen > self._seen:
            self._keep(seen)
        if seen < len(self._patients.entries):
            raise OutOfTime

    def identified(self, entity: Entity) -> Identifiers:
        """Who it becomes. One that could not be read when all were looked through is asked for now."""
        if not entity.patient_id:
            raise ImageError(Code.NO_PATIENT_ID)
        source = self._sources.of(entity.issuer)
        if source is None:
            raise ImageError(Code.UNKNOWN_ISSUER)
        key = (source, entity.patient_id, entity.accession)
        if key not in self._named:
            self._want(Subject(entity, "", ""))
            while self._pending:
                self._ask(self._seen)
            self._named[key] = self._known(*key)
        return self._named[key]

    def _known(self, source: str, patient_id: str, accession: str) -> Identifiers:
        patient = self._answers.of(self._originals.patient(source, patient_id))
        wanted = self._originals.accession(source, patient_id, accession)
        return Identifiers(patient.suid, self._answers.of(wanted).suid if accession else "", -patient.jitter)

    def _recall(self) -> None:
        """Take in what was answered before; what could not be used of it is asked anew under a new generation.

        What was answered at several times is looked at together: one answer may spoil an earlier one.
        """
        patients, pieces, together = self._patients, list[Piece](), Answers(self._originals)
        for data in patients.kept.answers(patients.batch_id):
            try:
                piece = Piece.opened(data, self._keys, patients.batch_id)
            except ValueError:
                event(
                    logging.WARNING,
                    "An answer of the identifier service that was kept cannot be opened; it is asked anew.",
                    batch_id=patients.batch_id,
                )
                continue
            pieces.append(piece)
            together.add(piece.answers)
        for piece in pieces:
            same = piece.generation == patients.generation
            self._answers.add(one for one in piece.answers if same or together.is_usable(one))
            self._seen = max(self._seen, piece.seen if same else 0)

    def _want(self, subject: Subject) -> None:
        """See to it that the image's patient and accession number are asked for, unless they are known."""
        entity = subject.entity
        source = self._sources.of(entity.issuer)
        if source is None or not entity.patient_id:
            for text in filter(None, (entity.patient_id, entity.accession)):
                self._answers.note(text)
            return
        patient = self._originals.patient(source, entity.patient_id)
        wanted = self._originals.accession(source, entity.patient_id, entity.accession)
        accession = "" if self._answers.knows(wanted) else entity.accession
        if accession or not self._answers.knows(patient):
            self._pending.add((source, entity.patient_id), subject.birth_date, accession, subject.study_date)

    def _ask(self, seen: int) -> None:
        """One request, and its answers kept; `seen` entries are asked for if this was the last."""
        asked = self._pending.take()
        body = self._client.ask(request_of(asked, self._sources.accession), self._patients.deadline)
        try:
            answered = list(answers_of(body, asked, self._sources.accession))
        except NotAnAnswer:
            raise BatchError(Code.BAD_IDENTIFIERS) from None
        answers = [one for answer in answered for one in self._answers_in(answer)]
        self._answers.add(answers)
        self._named.clear()
        self._keep(self._seen if self._pending else seen, answers)

    def _answers_in(self, answered: Answered) -> Sequence[Answer]:
        asked: Asked = answered.asked
        patient = self._originals.patient(asked.source, asked.patient_id, answered.suid, answered.jitter)
        items = answered.items.items()
        return [patient] + [
            self._originals.accession(asked.source, asked.patient_id, accession, suid) for accession, suid in items
        ]

    def _keep(self, seen: int, answers: Iterable[Answer] = ()) -> None:
        piece = Piece(self._patients.generation, seen, tuple(answers))
        self._patients.kept.add_answers(self._patients.batch_id, piece.sealed(self._keys, self._patients.batch_id))
        self._seen = seen
