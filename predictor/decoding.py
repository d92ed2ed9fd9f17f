"""From bytes to penguins: one penguin or `{"instances": [...]}`, every violation at once.

First step of the flow, shared by HTTP, events and the command line. Two paths give the same verdict. The fast one
lets pydantic parse and validate the raw bytes in one go and accepts what it can vouch for. Whatever it does not accept
goes down the careful one, which parses with the standard library, sees duplicate keys, and names everything wrong.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, FailFast, ValidationError

from predictor.errors import InvalidInput, MalformedJson, Violation, ViolationCode
from predictor.penguin import FEATURES, RANGES, Penguin

MAX_VIOLATIONS: Final = 100
_MAX_POINTER: Final = 200

_CODES: Final[dict[str, ViolationCode]] = {
    "missing": "missing",
    "extra_forbidden": "unknown_field",
    "finite_number": "not_finite",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
    "literal_error": "unknown_value",
    "string_unicode": "unknown_value",  # Half a surrogate pair.
}


class Instances(BaseModel):
    """Several penguins in one request."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # The fast path only asks whether all is well: collecting an error per row would take 900 MB for a body of 1 MiB.
    instances: Annotated[list[Penguin], FailFast()]


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of one request in order: a penguin, or what is wrong with that row."""

    rows: Sequence[Penguin | InvalidInput]


def decode(body: bytes, *, max_instances: int) -> Penguin | Batch:
    """One penguin, or a batch in which a bad row stands as the error it is.

    Raises `MalformedJson`, `InvalidInput` (with pointers into the document).
    """
    fast = _fast_batch(body, max_instances) if b'"instances"' in body else _fast_penguin(body)
    if fast is not None:
        return fast
    document = parse(body)
    if isinstance(document, dict) and "instances" in document:
        return _decode_batch(document, max_instances)
    return validate(document)


def decode_penguin(body: bytes) -> Penguin:
    """Exactly one penguin. Raises `MalformedJson` or `InvalidInput`."""
    return _fast_penguin(body) or validate(parse(body))


# pydantic's own validators, without the methods around them: half the time for one penguin.
_validate_penguin: Final[Callable[[bytes], Penguin]] = Penguin.__pydantic_validator__.validate_json
_validate_instances: Final[Callable[[bytes], Instances]] = Instances.__pydantic_validator__.validate_json


# pydantic keeps the last of two equal keys. In a valid penguin no key and no value contains a colon, so each colon
# belongs to one key: more colons than fields mean that a key came twice. They are counted first, because pydantic would
# make an error of every field that is too much, and a body of 1 MiB has room for 100,000.


def _fast_penguin(body: bytes) -> Penguin | None:
    if body.count(b":") != len(FEATURES):
        return None
    try:
        return _validate_penguin(body)
    except ValidationError:
        return None


def _fast_batch(body: bytes, max_instances: int) -> Batch | None:
    colons = body.count(b":")  # Of the fields, and one behind "instances".
    if colons > max_instances * len(FEATURES) + 1:
        return None
    try:
        instances = _validate_instances(body).instances
    except ValidationError:
        return None
    return Batch(instances) if colons == len(instances) * len(FEATURES) + 1 else None


def _decode_batch(document: dict[str, Any], max_instances: int) -> Batch:
    violations = _duplicates(document)
    violations += [
        Violation(pointer(key), "unknown_field", "No such field beside instances.")
        for key in islice((key for key in document if key != "instances"), MAX_VIOLATIONS)
    ]
    instances = document["instances"]
    if not isinstance(instances, list):
        violations.append(Violation("/instances", "wrong_type", "Must be an array of penguins."))
    elif len(instances) > max_instances:
        message = f"At most {max_instances} penguins are scored in one request."
        violations.append(Violation("/instances", "too_many", message))
    if violations:
        raise InvalidInput(violations[:MAX_VIOLATIONS])
    return Batch([_row(item) for item in instances])


def _row(item: Any) -> Penguin | InvalidInput:
    try:
        return validate(item)
    except InvalidInput as error:
        return error.with_traceback(None)  # It would keep the frame of `validate`, and all that it saw, alive.


# --- the careful path -----------------------------------------------------------------------------------------------


class _Object(dict[str, Any]):
    """A JSON object that remembers which of its keys came more than once."""

    repeated: tuple[str, ...] = ()


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    result = _Object((_encodable(key), value) for key, value in pairs)
    if len(result) != len(pairs):
        counts = Counter(_encodable(key) for key, _ in pairs)
        result.repeated = tuple(key for key, count in counts.items() if count > 1)
    return result


def _encodable(key: str) -> str:
    """JSON can spell half a surrogate pair (RFC 8259, section 8.2), which is no Unicode and no field of ours."""
    return key if key.isascii() else key.encode(errors="replace").decode()


def parse(body: bytes) -> Any:
    """Parse JSON; NaN and infinity pass, to be refused where they stand. Raises `MalformedJson`."""
    try:
        return json.loads(body.decode(), object_pairs_hook=_object, parse_int=_number)
    except UnicodeDecodeError as error:
        raise MalformedJson(f"byte {error.start} is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise MalformedJson(f"{error.msg.removesuffix(' at')} at line {error.lineno} column {error.colno}") from error
    except RecursionError as error:
        raise MalformedJson("it is nested too deeply") from error


def _number(digits: str) -> float:
    # Python refuses to convert very long integers; as a float such a one is merely out of range.
    return float(digits)


def validate(document: Any) -> Penguin:
    """The penguin that a parsed document describes. Raises `InvalidInput` with every violation at once."""
    if not isinstance(document, dict):
        raise InvalidInput([Violation("", "wrong_type", "Must be a JSON object that describes one penguin.")])
    violations = _duplicates(document)
    try:
        penguin = Penguin.model_validate(_bounded(document))
    except ValidationError as error:
        violations += [
            _violation(detail["loc"], detail["type"]) for detail in error.errors(include_url=False, include_input=False)
        ]
    if violations:
        raise InvalidInput(violations[:MAX_VIOLATIONS])
    return penguin


def _bounded(document: dict[str, Any]) -> dict[str, Any]:
    """The document without the unknown fields that no answer has room for: pydantic would describe every one."""
    if len(document) <= len(FEATURES) + MAX_VIOLATIONS:
        return document
    known = {name: document[name] for name in FEATURES if name in document}
    return known | dict(islice(((key, value) for key, value in document.items() if key not in known), MAX_VIOLATIONS))


def _duplicates(document: dict[str, Any]) -> list[Violation]:
    return [
        Violation(pointer(key), "duplicate_key", "Must not be given more than once.")
        for key in getattr(document, "repeated", ())[:MAX_VIOLATIONS]
    ]


def _violation(location: Sequence[int | str], kind: str) -> Violation:
    field = str(location[0])
    code = _CODES.get(kind, "wrong_type")
    return Violation(pointer(field), code, _message(field, code))


def _message(field: str, code: ViolationCode) -> str:
    """A sentence that says what is allowed. Written here, so that no caller's value can come back in it."""
    if code == "missing":
        return "Is required."
    if code == "unknown_field":
        return f"No such field; a penguin has {', '.join(FEATURES)}."
    if field in RANGES:
        low, high = RANGES[field]
        unit = field.rpartition("_")[2]
        return f"Must be a number from {low:g} to {high:g} {unit}."
    allowed = Penguin.model_fields[field].annotation
    return f"Must be one of {', '.join(getattr(allowed, '__args__', ()))}."


def pointer(key: str) -> str:
    """A JSON pointer (RFC 6901) to a top-level key; a caller's key is shortened."""
    return "/" + key[:_MAX_POINTER].replace("~", "~0").replace("/", "~1")
