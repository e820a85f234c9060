"""Tasks that do not depend on each other: what one of them fails with does not keep the next from its turn."""

from collections.abc import Iterator
from contextlib import contextmanager

from sendit.errors import SenditError

_TOO_MANY = 3  # then it is not one name or object that is in the way: a service is out of reach


class Setbacks:
    """What tasks have failed with."""

    def __init__(self) -> None:
        self._errors: list[SenditError] = []

    @property
    def too_many(self) -> bool:
        """Whether it is in vain to try more of the same."""
        return len(self._errors) >= _TOO_MANY

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Let a task fail, for now."""
        try:
            yield
        except SenditError as error:
            self._errors.append(error)

    def raise_first(self) -> None:
        """Raise what the first of them failed with, if one has."""
        if self._errors:
            raise self._errors[0]
