"""Request preconditions, pure (cloud.google.com/storage/docs/request-preconditions)."""

from collections.abc import Mapping
from dataclasses import dataclass

from sendit.emulators.gcs.messages import Refused, invalid, unimplemented

PARAMETERS = ("GenerationMatch", "GenerationNotMatch", "MetagenerationMatch", "MetagenerationNotMatch")
ABOUT_OBJECT = frozenset(f"if{name}" for name in PARAMETERS)
ABOUT_SOURCE = frozenset(f"ifSource{name}" for name in PARAMETERS)
ABOUT_BUCKET = frozenset({"ifMetagenerationMatch", "ifMetagenerationNotMatch"})

# conditions that other interfaces put into headers; passed over in silence they would be false answers
_HEADERS = frozenset({"if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range"})
_HEADER_PREFIXES = ("x-goog-if-", "x-goog-copy-source-if-", "x-goog-encryption-", "x-goog-copy-source-encryption-")


@dataclass(frozen=True, slots=True)
class Conditions:
    """What must hold of an object, or of a bucket, for a request to proceed. Generation 0 means: there is none."""

    generation_match: int | None = None
    generation_not_match: int | None = None
    metageneration_match: int | None = None
    metageneration_not_match: int | None = None

    @classmethod
    def from_query(cls, query: Mapping[str, object], prefix: str = "if") -> "Conditions":
        """Read `ifGenerationMatch` and its like, or `ifSourceGenerationMatch` by another prefix; 400 for no number."""
        return cls(*(whole_number(query, f"{prefix}{name}") for name in PARAMETERS))

    def check(self, generation: int, metageneration: int | None, *, reading: bool = False) -> None:
        """Refuse with 412 where a condition does not hold; with 304 where a read's `NotMatch` does not."""
        if self.generation_match not in {None, generation} or self.metageneration_match not in {None, metageneration}:
            raise _failed(412)
        same_generation = self.generation_not_match is not None and self.generation_not_match == generation
        same_metageneration = (
            self.metageneration_not_match is not None and self.metageneration_not_match == metageneration
        )
        if same_generation or same_metageneration:
            raise _failed(304 if reading else 412)


def whole_number(query: Mapping[str, object], name: str) -> int | None:
    """The value of a parameter that is an int64; None where it is absent, 400 where it is no number."""
    value = query.get(name)
    if value is None:
        return None
    text = str(value)
    if not text.isascii() or not text.removeprefix("-").isdigit():
        raise invalid(f"Invalid value for parameter {name}.")
    return int(text)


def refuse_headers(headers: Mapping[str, str]) -> None:
    """Refuse with 501 the conditions and keys of other interfaces."""
    for name in headers:
        if name in _HEADERS or name.startswith(_HEADER_PREFIXES):
            raise unimplemented(f"the header {name}")


def _failed(status: int) -> Refused:
    return Refused(status, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")
