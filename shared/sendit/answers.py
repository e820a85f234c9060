"""What an identifier service answered for a batch, and how it is kept: sealed, and with tokens in the place of ids.

Whoever opens a piece finds pseudonyms and date shifts, and for each original only what the project key makes of it.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from sendit.errors import Code, ImageError

if TYPE_CHECKING:
    from sendit.deid.identity.keys import Keyring

_PURPOSE = "answers"
_TOKEN = 24


class KeptAnswers(Protocol):
    """What an identifier service answered for a batch, sealed, piece by piece; pieces of two workers lie side by side.

    Both raise `TransientError` (staging_unavailable).
    """

    def add_answers(self, batch_id: str, data: bytes) -> None:
        """Keep one more piece."""

    def answers(self, batch_id: str) -> Iterator[bytes]:
        """Every piece there is, in any order."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one original becomes: tokens of whose it is, of the original, and of its text; the pseudonym; the jitter.

    `suid` is '' where what the service said cannot be used. `jitter` is 0 but for a patient.
    """

    key: str
    original: str
    text: str
    suid: str
    jitter: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """Answers of one request; under `generation` the first `seen` entries of the batch are asked for with it."""

    generation: int
    seen: int
    answers: tuple[Answer, ...] = ()

    def sealed(self, keys: "Keyring", batch_id: str) -> bytes:
        """The bytes that are kept."""
        rows = [[one.key, one.original, one.text, one.suid, one.jitter] for one in self.answers]
        text = json.dumps({"generation": self.generation, "seen": self.seen, "answers": rows})
        return keys.sealed(_PURPOSE, text.encode("ascii"), batch_id)

    @classmethod
    def opened(cls, data: bytes, keys: "Keyring", batch_id: str) -> "Piece":
        """The piece back. Raises ValueError: it is damaged, or of another batch or key."""
        piece: Any = json.loads(keys.unsealed(_PURPOSE, data, batch_id))
        return cls(piece["generation"], piece["seen"], tuple(Answer(*row) for row in piece["answers"]))


class Originals:
    """Tokens of originals, under the project key."""

    def __init__(self, keys: "Keyring") -> None:
        self._keys = keys

    def patient(self, source: str, patient_id: str, suid: str = "", jitter: int = 0) -> Answer:
        """What a patient becomes."""
        key = self._token("patient", source, patient_id)
        return Answer(key, key, self.text(patient_id), suid, jitter)

    def accession(self, source: str, patient_id: str, accession: str, suid: str = "") -> Answer:
        """What an accession number of a patient becomes. Two patients that share it share the original."""
        key = self._token("accession of", source, patient_id, accession)
        return Answer(key, self._token("accession", accession), self.text(accession), suid)

    def text(self, text: str) -> str:
        """The token of an id as it is written, in letters of either case."""
        return self._token("text", text.casefold())

    def _token(self, *parts: str) -> str:
        return self._keys.token(_PURPOSE, json.dumps(parts).encode("ascii"), _TOKEN)


@dataclass
class Answers:
    """All that is known of a batch."""

    originals: Originals
    _known: dict[str, Answer] = field(default_factory=dict)
    _contradicted: set[str] = field(default_factory=set)
    _texts: set[str] = field(default_factory=set)
    _holders: dict[str, set[str]] = field(default_factory=dict)

    def add(self, answers: Iterable[Answer]) -> None:
        """Take in what was answered; an answer that contradicts one of before makes both unusable."""
        for one in answers:
            if self._known.setdefault(one.key, one) != one:
                self._contradicted.add(one.key)
            self._texts.add(one.text)
            if one.suid:
                self._holders.setdefault(one.suid.casefold(), set()).add(one.original)

    def note(self, text: str) -> None:
        """Take in the text of an original of which nothing is asked: no pseudonym may equal it."""
        self._texts.add(self.originals.text(text))

    def knows(self, one: Answer) -> bool:
        """Whether there is an answer, be it of use or not."""
        return one.key in self._known

    def of(self, one: Answer) -> Answer:
        """What this original becomes. Raises `ImageError` (bad_pseudonym).

        A pseudonym has one original, and is, in letters of either case, the text of none.
        """
        if not self._is_usable(one.key):
            raise ImageError(Code.BAD_PSEUDONYM)
        return self._known[one.key]

    def is_usable(self, one: Answer) -> bool:
        """Whether it is known what this original becomes."""
        return self.knows(one) and self._is_usable(one.key)

    def _is_usable(self, key: str) -> bool:
        suid = self._known[key].suid.casefold()
        return (
            bool(suid)
            and key not in self._contradicted
            and len(self._holders[suid]) == 1
            and self.originals.text(suid) not in self._texts
        )
