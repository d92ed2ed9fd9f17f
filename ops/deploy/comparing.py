"""Whether a resource is as it is wanted. Google's answers have more fields, and leave out those with their default."""

import json
import re
from typing import Final

from ops.deploy.documents import Json


def covers(current: Json, wanted: Json, name: str = "") -> bool:
    """Whether `current` has every value of `wanted`; `name` is the field that holds them."""
    if isinstance(wanted, dict):
        held = current if isinstance(current, dict) else {}
        return (current is not None or _is_default(wanted)) and all(
            covers(held.get(k), v, k) for k, v in wanted.items()
        )
    if isinstance(wanted, list):
        items = current or []
        if len(items) != len(wanted):
            return False
        if name in _SETS:
            return all(any(covers(c, w) for c in items) for w in wanted)
        return all(covers(c, w) for c, w in zip(items, wanted, strict=True))
    if current is None:
        return _is_default(wanted, name)
    return _plain(current) == _plain(wanted)


_SETS: Final = ("labels", "notificationChannels")
"""Lists that Google answers in an order of its own."""
_DEFAULT_WORDS: Final = {"valueType": "STRING"}
"""The first word of an enumeration is its default: a label's type is left out of answers when it is a string."""


def _is_default(value: Json, name: str = "") -> bool:
    """Whether Google leaves this value out of its answers."""
    if isinstance(value, dict):
        return all(_is_default(part, key) for key, part in value.items())
    return value in (None, False, 0, "", []) or _DEFAULT_WORDS.get(name) == value


def _plain(value: Json) -> str:
    """The value as comparable text: 64-bit numbers arrive as strings, and 60.0s equals 60s."""
    text = json.dumps(value) if isinstance(value, bool) else str(value)
    if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?s?", text):
        return f"{float(text.rstrip('s')):.9g}" + ("s" if text.endswith("s") else "")
    return text
