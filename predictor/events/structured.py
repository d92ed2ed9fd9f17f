"""The size of an envelope, and a structured CloudEvent in parts, found without parsing what may be large.

`predictor.events.envelopes` calls it. An event has up to 16 MB. Parsing so much at once may take seconds, in which no
other request is answered, and hundreds of megabytes. But only data may be large, and data is parsed only when it is
known to be within its own limit. Everything else is measured first, then parsed.
"""

import json
import re
from array import array
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from predictor.errors import NotAnEvent

JSON: Final = json.JSONDecoder(parse_int=float)  # Python refuses to convert very long integers.

MAX_ATTRIBUTES: Final = 200
"""Of one CloudEvent. Pub/Sub takes 100, and the CloudEvents SDK is quadratic in their number."""
MAX_ENVELOPE_BYTES: Final = 1024 * 1024
"""Of everything but the data, as JSON spells it: six bytes for each of the 160 KiB that are allowed."""
_MAX_QUOTES: Final = 200_000
"""More quotation marks than JSON of MAX_ENVELOPE_BYTES needs, unless it is made to have many."""
_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=\\"
"""With the backslash that JSON may put before a slash."""

_SPACE: Final = re.compile(rb"[ \t\n\r]*")
# In pieces: the interpreter does not let another thread go on while an expression is matched.
_STRING_PIECE: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+){0,10000}+', re.DOTALL)
_QUOTE_OR_BRACKET: Final = re.compile(rb'["\[\]{}]')
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_WHOLE: Final = re.compile(rb'(?:[^"]++|%b)*+' % _STRING.pattern, re.DOTALL)
"""Whole strings, and what is between them."""
_BLOCK_BYTES: Final = 16 * 1024
"""The interpreter does not let another thread go on while one is read."""
_STEPS: Final = bytes.maketrans(b"[{]}", array("b", [1, 1, -1, -1]).tobytes())
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[{]}"))
_SCALAR: Final = re.compile(rb"[-+.0-9A-Za-z]+")


def check_envelope(document: bytes) -> None:
    """Raise `NotAnEvent` if a push is large for another reason than its data, one long string of base64."""
    if len(document) <= MAX_ENVELOPE_BYTES:
        return
    if document.count(b'"') <= _MAX_QUOTES:
        longest = max(document.split(b'"'), key=len)
        if len(document) - len(longest) <= MAX_ENVELOPE_BYTES and not longest.translate(None, _BASE64):
            return
    raise NotAnEvent(f"apart from its data it has more than {MAX_ENVELOPE_BYTES} bytes")


def take_data_out(body: bytes) -> tuple[bytes, bytes | None]:
    """A structured event without its `data`, and the text of that as it was sent.

    The SDK would parse it and write it anew: without duplicate keys, which are refused in every other shape. Raises
    `ValueError` for what is not a JSON object, `NotAnEvent` for too much beside the data.
    """
    rest: list[bytes] = []
    rest_bytes = 0
    data = None
    for count, (name, value) in enumerate(_members(body)):
        if name == b'"data"':
            data = value
        else:
            rest.append(name + b":" + value)
            rest_bytes += len(rest[-1])
        if len(rest) > MAX_ATTRIBUTES or rest_bytes > MAX_ENVELOPE_BYTES or count > MAX_ATTRIBUTES:
            raise NotAnEvent(
                f"it has more than {MAX_ATTRIBUTES} attributes, or {MAX_ENVELOPE_BYTES} bytes apart from its data"
            )
    return b"{" + b",".join(rest) + b"}", data


def _members(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and value of each member of a JSON object, as they are spelled. Values are not parsed."""
    position = _after_space(body, 0)
    opened = b"{"
    while body[position : position + 1] == opened:
        start = _after_space(body, position + 1)
        if opened == b"{" and body[start : start + 1] == b"}":
            position = start
            break
        name_end = _end_of_string(body, start)
        colon = _after_space(body, name_end)
        if body[colon : colon + 1] != b":":
            break
        value_start = _after_space(body, colon + 1)
        value_end = _end_of_value(body, value_start)
        yield body[start:name_end], body[value_start:value_end]
        position = _after_space(body, value_end)
        opened = b","
    if body[position:].strip(b" \t\n\r") != b"}":
        raise ValueError("not a JSON object")


def _end_of_value(body: bytes, start: int) -> int:
    first = body[start : start + 1]
    if first == b'"':
        return _end_of_string(body, start)
    if first not in (b"{", b"["):
        return _end_of(_SCALAR.match(body, start))
    position, depth = _before_the_end(body, start)
    while token := _QUOTE_OR_BRACKET.search(body, position):
        position = token.end()
        if token[0] == b'"':
            position = _end_of_string(body, token.start())
        elif token[0] in b"[{":
            depth += 1
        else:
            depth -= 1
            if not depth:
                return position
    raise ValueError("a bracket without its counterpart")


def _before_the_end(body: bytes, start: int) -> tuple[int, int]:
    """A position in an object or array, close before its end, and how many brackets are open there.

    Millions of brackets, one after the other, would take many seconds. So this counts them block by block.
    """
    position, depth = start, 0
    while len(body) - position > _BLOCK_BYTES:
        end = _end_of(_WHOLE.match(body, position, position + _BLOCK_BYTES))
        if end == position:
            position = _end_of_string(body, position)
            continue
        brackets = _STRING.sub(b"", body[position:end]).translate(_STEPS, _NO_BRACKETS)
        depths = list(accumulate(array("b", brackets), initial=depth))
        if 0 in depths[position == start :]:
            break
        position, depth = end, depths[-1]
    return position, depth


def _end_of_string(body: bytes, start: int) -> int:
    if body[start : start + 1] != b'"':
        raise ValueError("not a string")
    position = start + 1
    while (end := _end_of(_STRING_PIECE.match(body, position))) > position or body[end : end + 1] == b'"':
        if body[end : end + 1] == b'"':
            return end + 1
        position = end
    raise ValueError("a string without an end")


def _end_of(match: re.Match[bytes] | None) -> int:
    if match is None:
        raise ValueError("not JSON")
    return match.end()


def _after_space(body: bytes, position: int) -> int:
    return _end_of(_SPACE.match(body, position))
