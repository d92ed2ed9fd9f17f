"""A structured CloudEvent as JSON, where the SDK loses something; `predictor.events.envelopes` calls it."""

import json
import re
from typing import Final

JSON: Final = json.JSONDecoder(parse_int=float)  # Python refuses to convert very long integers.
_SPACE: Final = re.compile(r"[ \t\n\r]*")


def take_data_out(body: bytes) -> tuple[bytes, str | None]:
    """A structured event without its `data`, and the text of that as it was sent.

    The SDK would parse it and write it anew: without duplicate keys, which are refused in every other shape.
    """
    text = body.decode()

    def after_space(place: int) -> int:
        return _SPACE.match(text, place).end()  # type: ignore[union-attr]  # It matches anywhere.

    rest: list[str] = []
    data = None
    place = after_space(0)
    while text[place] == ("," if rest or data is not None else "{"):
        name, end = JSON.raw_decode(text, after_space(place + 1))
        colon = after_space(end)
        start = after_space(colon + 1)
        _, end = JSON.raw_decode(text, start)
        if not isinstance(name, str) or text[colon] != ":":
            break
        if name == "data":
            data = text[start:end]
        else:
            rest.append(f"{json.dumps(name)}:{text[start:end]}")
        place = after_space(end)
    if text[place:].strip() != "}":
        raise ValueError("not a JSON object")
    return f"{{{','.join(rest)}}}".encode(), data
