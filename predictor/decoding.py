"""From bytes to penguins: one penguin or `{"instances": [...]}`, with every violation at once.

HTTP, events and the command line share this step. There are two paths with the same result. On the fast path pydantic
parses and validates the raw bytes of one penguin in one go. On the slow path the standard library parses the body, so
that repeated keys are seen and every violation is listed. Valid batches have a fast path of their own,
`predictor.batch_decoding`.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Final

from pydantic import ValidationError

from predictor.error_limit import MAX_VIOLATIONS, ErrorLimit
from predictor.errors import InvalidInput, MalformedJson, Refused, RowFailure, Violation, ViolationCode
from predictor.penguin import NOUN, NOUN_PLURAL, Penguin
from predictor.prediction import MAX_ID_CHARS, Id, is_id
from predictor.record_schema import ALL_FEATURES, RecordSchema
from predictor.schema import CATEGORIES, FEATURES, IDS, MEASUREMENTS, RANGES, UNITS
from predictor.text import replace_surrogates

_MAX_POINTER: Final = 200

Row = Penguin | RowFailure
"""One row of a batch: a penguin, or what is wrong with it."""


class Rows(list[Row]):
    """The rows of a batch, and their own ids."""

    ids: Sequence[Id] = ()


_UNKNOWN_FIELD: Final = f"No such field; a {NOUN} has {', '.join(FEATURES)}."  # One text for thousands of violations.
_CODES: Final[dict[str, ViolationCode]] = {
    "missing": "missing",
    "extra_forbidden": "unknown_field",
    "finite_number": "not_finite",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
    "literal_error": "unknown_value",
    "string_unicode": "unknown_value",  # Half a surrogate pair.
}


def decode(body: bytes, schema: RecordSchema = ALL_FEATURES, *, max_instances: int) -> Penguin | Rows:
    """One penguin, or the rows of a batch, of which an invalid one stands as the error it is.

    Raises `MalformedJson`, `InvalidInput` (with pointers into the document).
    """
    penguin = decode_valid(body, schema)
    if penguin is not None:
        return penguin
    document = parse(body)
    if isinstance(document, dict) and "instances" in document:
        return _rows(document, schema, max_instances, len(body))
    return validate(document, schema)


def decode_penguin(body: bytes, schema: RecordSchema = ALL_FEATURES) -> Penguin:
    """Exactly one penguin. Raises `MalformedJson` or `InvalidInput`."""
    return decode_valid(body, schema) or validate(parse(body), schema)


def decode_row(body: bytes, limit: ErrorLimit, schema: RecordSchema = ALL_FEATURES) -> tuple[Row, Id]:
    """One penguin, or what is wrong with it, and its id. Raises `MalformedJson`."""
    penguin = decode_valid(body, schema)
    if penguin is not None:
        return penguin, None
    document = parse(body)
    return _row(document, schema, limit), id_in(document)


def id_of(body: bytes, schema: RecordSchema = ALL_FEATURES) -> Id:
    """The id of the one penguin in a body that `decode` accepts."""
    return None if body.count(b":") == len(schema.features) else id_in(parse(body))


def may_be_batch(body: bytes) -> bool:
    return b'"instances"' in body


def decode_valid(body: bytes, schema: RecordSchema = ALL_FEATURES) -> Penguin | None:
    """The fast path: the penguin in a body with nothing but features, all valid; None for anything else."""
    # pydantic keeps the last of two equal keys. Each key has a colon behind it, so with as many colons as fields no key
    # can be repeated. Counted first, because pydantic would describe every unknown field, and a body of 1 MiB may hold
    # 100,000.
    colons = body.count(b":")
    if not len(schema.features) <= colons <= len(FEATURES):
        return None
    try:
        penguin = schema.validate_json(body)
    except ValidationError:
        return None
    return penguin if colons == len(schema.features) or colons == len(penguin.model_fields_set) else None


# --- the slow path --------------------------------------------------------------------------------------------------


class _Object(dict[str, Any]):
    """A JSON object that remembers which of its keys came more than once."""

    repeated: tuple[str, ...] = ()


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    result = _Object((replace_surrogates(key), value) for key, value in pairs)
    if len(result) != len(pairs):
        counts = Counter(replace_surrogates(key) for key, _ in pairs)
        result.repeated = tuple(key for key, count in counts.items() if count > 1)
    return result


def parse(body: bytes) -> Any:
    """Parse JSON. NaN and infinity pass: validation refuses them where they stand. Raises `MalformedJson`."""
    try:
        return json.loads(body.decode(), object_pairs_hook=_object, parse_int=_whole_number)
    except UnicodeDecodeError as error:
        raise MalformedJson(f"byte {error.start} is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise MalformedJson(f"{error.msg.removesuffix(' at')} at line {error.lineno} column {error.colno}") from error
    except RecursionError as error:
        raise MalformedJson("it is nested too deeply") from error


def _whole_number(text: str) -> int | float:
    # An id comes back as it is. Python refuses very long integers, and a very large float is merely out of range.
    return int(text) if len(text) <= 20 else float(text)


def _rows(document: Mapping[str, Any], schema: RecordSchema, max_instances: int, body_bytes: int) -> Rows:
    violations, count = _duplicates(document, MAX_VIOLATIONS)
    unknown = [key for key in document if key != "instances"]
    violations += [
        Violation(pointer(key), "unknown_field", "No such field beside instances.") for key in unknown[:MAX_VIOLATIONS]
    ]
    count += len(unknown)
    instances = document["instances"]
    if not isinstance(instances, list):
        violations.append(Violation("/instances", "wrong_type", f"Must be an array of {NOUN_PLURAL}."))
        count += 1
    elif len(instances) > max_instances:
        violations.append(too_many("/instances", max_instances))
        count += 1
    if violations:
        raise InvalidInput(violations[:MAX_VIOLATIONS], count)
    return rows_of(instances, schema, body_bytes)


def too_many(where: str, max_instances: int) -> Violation:
    return Violation(where, "too_many", f"At most {max_instances} {NOUN_PLURAL} are scored in one request.")


def rows_of(documents: Sequence[Any], schema: RecordSchema, body_bytes: int) -> Rows:
    """The rows that parsed documents describe. Their errors share the limit of an answer to so many bytes."""
    limit = ErrorLimit(body_bytes, len(documents))
    rows = Rows(_row(document, schema, limit) for document in documents)
    rows.ids = list(map(id_in, documents))
    return rows


def _row(item: Any, schema: RecordSchema, limit: ErrorLimit) -> Row:
    try:
        return validate(item, schema, limit.violations)
    except InvalidInput as error:
        return limit.fit(error).without_frames()


def validate(document: Any, schema: RecordSchema = ALL_FEATURES, most: int = MAX_VIOLATIONS) -> Penguin:
    """The penguin that a parsed document describes. Raises `InvalidInput` with the first `most` violations."""
    if not isinstance(document, dict):
        error = Violation("", "wrong_type", f"Must be a JSON object that describes one {NOUN}.")
        raise InvalidInput([error][:most], 1)
    violations, count = _duplicates(document, most)
    if not schema.accepted.isdisjoint(document):
        wrong = [name for name in IDS if not is_id(document.get(name))]
        message = f"An id is a text of up to {MAX_ID_CHARS} characters or a number."
        violations += [Violation(pointer(name), "unknown_field", message) for name in wrong]
        count += len(wrong)
        document = {name: value for name, value in document.items() if name not in schema.accepted}
    bounded = _bounded(document, most)
    count += len(document) - len(bounded)
    try:
        penguin = Penguin.model_validate({**schema.filled, **bounded})
    except ValidationError as error:
        count += error.error_count()
        details = error.errors(include_url=False, include_input=False) if most else []
        violations += [_violation(detail["loc"], detail["type"]) for detail in details]
    if count:
        raise InvalidInput(violations[:most], count, _refused({**schema.filled, **document}, violations))
    return penguin


def _refused(document: Mapping[str, Any], violations: Sequence[Violation]) -> Refused | None:
    """The values of a document in which nothing is wrong but ranges."""
    if not violations or any(violation.code != "out_of_range" for violation in violations):
        return None
    measurements = tuple([float(document[name]) for name in MEASUREMENTS])
    return measurements, tuple([document[name] for name in CATEGORIES])


def id_in(document: Any) -> Id:
    """The row's own id, in a parsed document; None where it has none that can come back."""
    if isinstance(document, dict):
        for name in IDS:
            if name in document:
                return document[name] if is_id(document[name]) else None
    return None


def _bounded(document: dict[str, Any], most: int) -> dict[str, Any]:
    """The document without the unknown fields that no answer can list: pydantic would describe every one."""
    if len(document) <= len(FEATURES) + most:
        return document
    known = {name: document[name] for name in FEATURES if name in document}
    return known | dict(islice(((key, value) for key, value in document.items() if key not in known), most))


def _duplicates(document: Mapping[str, Any], most: int) -> tuple[list[Violation], int]:
    """Keys that came more than once, the first `most` of them, and how many there are."""
    keys: tuple[str, ...] = getattr(document, "repeated", ())
    sentence = "Must not be given more than once."
    return [Violation(pointer(key), "duplicate_key", sentence) for key in keys[:most]], len(keys)


def _violation(location: Sequence[int | str], kind: str) -> Violation:
    name = str(location[0])
    code = _CODES.get(kind, "wrong_type")
    return Violation(pointer(name), code, _message(name, code))


def _message(name: str, code: ViolationCode) -> str:
    """A sentence that says what is allowed. Written here, so that no caller's value can come back in it."""
    if code == "missing":
        return "Is required."
    if code == "unknown_field":
        return _UNKNOWN_FIELD
    if name in RANGES:
        low, high = RANGES[name]
        unit = f" {UNITS[name]}" if UNITS[name] else ""
        return f"Must be a number from {low:g} to {high:g}{unit}."
    return f"Must be one of {', '.join(CATEGORIES[name])}."


def pointer(key: str) -> str:
    """A JSON pointer (RFC 6901) to a top-level key; a caller's key is shortened."""
    return "/" + key[:_MAX_POINTER].replace("~", "~0").replace("/", "~1")
