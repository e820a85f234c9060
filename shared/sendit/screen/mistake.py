"""What is wrong with a part of a rule."""


class Mistake(Exception):
    """A part of a rule that cannot be read; `where` is a word or a key of it by which its line is found."""

    def __init__(self, reason: str, where: str | None = None) -> None:
        super().__init__(reason)
        self.where = where
