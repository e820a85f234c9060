"""What an output store says about itself: whose key and which profile wrote it, and how."""

import json
from dataclasses import dataclass
from typing import Self

from sendit.errors import BatchError, Code, ImageError, TransientError
from sendit.ports import OutputStore

LABEL = ".sendit.json"
"""The label's name in an output store; no image has it, for theirs begin with no full stop."""

KEYED = "keyed"
"""Where pseudonyms come from unless a label says something else: the project key."""

UNCHANGED = "identified"
"""The profile's name in the label of a store whose images were not de-identified."""


@dataclass(frozen=True, slots=True)
class OutLabel:
    """The key, the profile, whether text was looked for, and where pseudonyms come from.

    Not secret: the key's id is derived one way.
    """

    key_id: str
    profile: str
    profile_digest: str
    text: bool = False
    identifiers: str = KEYED

    def to_json(self) -> bytes:
        """The label's bytes; the same for every run that may write to the same store."""
        fields: dict[str, object] = {
            "key_id": self.key_id,
            "profile": self.profile,
            "profile_digest": self.profile_digest,
        }
        if self.text:  # labels of before there was this field stay as they are
            fields["text"] = True
        if self.identifiers != KEYED:
            fields["identifiers"] = self.identifiers
        return (json.dumps(fields, sort_keys=True) + "\n").encode("ascii")

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """The label back; raises ValueError."""
        try:
            fields = json.loads(data)
            text, identifiers = bool(fields.get("text", False)), fields.get("identifiers", KEYED)
            return cls(fields["key_id"], fields["profile"], fields["profile_digest"], text, identifiers)
        except (KeyError, TypeError):
            raise ValueError("not a label") from None


def claim_output(output: OutputStore, label: OutLabel) -> None:
    """Label an output store, create-only; one that has this label already stays as it is.

    Raises `BatchError` (out_of_another_key, out_of_another_profile, out_of_another_text, out_of_other_identifiers,
    out_unusable) and `TransientError`.
    """
    try:
        with output.create(LABEL) as pending:
            pending.write(label.to_json())
            pending.commit()
    except ImageError as error:
        if error.code is not Code.CONFLICT:
            raise BatchError(Code.OUT_UNUSABLE) from None
        raise BatchError(_difference(output, label)) from None


def _difference(output: OutputStore, label: OutLabel) -> Code:
    try:
        with output.open(LABEL) as stream:
            found = OutLabel.from_json(stream.read())
    except FileNotFoundError:
        raise TransientError(Code.OUTPUT_UNAVAILABLE) from None
    except ValueError:
        return Code.OUT_UNUSABLE
    if found.key_id != label.key_id:
        return Code.OUT_OF_ANOTHER_KEY
    if found.identifiers != label.identifiers:
        return Code.OUT_OF_OTHER_IDENTIFIERS
    return Code.OUT_OF_ANOTHER_TEXT if found.text != label.text else Code.OUT_OF_ANOTHER_PROFILE
