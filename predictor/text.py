"""Small operations on text that several packages need."""

from typing import Final

NUMBER: Final = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?"
"""A regular expression for a number in a table.

Each digit can be matched in one way only: with two, a megabyte of digits and a letter would take hours.
"""
_MAX_LINE: Final = 200


def first_line(error: BaseException) -> str:
    """The first line of an error's message, shortened, without a full stop: the end of a sentence of ours."""
    return str(error).strip().partition("\n")[0][:_MAX_LINE].rstrip(".")


def describe_error(error: BaseException) -> str:
    """An error of another library in one line: its class, and its message where it has one."""
    return ": ".join(filter(None, (type(error).__name__, first_line(error))))


def shortened(text: str, most: int) -> str:
    """The text, or its beginning and an ellipsis, `most` characters together."""
    return text if len(text) <= most else text[: most - 1] + "…"


def replace_surrogates(text: str) -> str:
    """The text with each half of a surrogate pair replaced by `?`.

    JSON can spell such halves (RFC 8259, section 8.2), but they are no Unicode text: no answer could repeat them.
    """
    return text if text.isascii() else text.encode(errors="replace").decode()
