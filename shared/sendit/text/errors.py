"""What is raised of text."""


class TextFound(Exception):
    """An image shows text, and such images are to be rejected."""
