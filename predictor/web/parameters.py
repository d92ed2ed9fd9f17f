"""The parameters of a prediction: in a query string, or as members of a document."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qs

from predictor.errors import InvalidInput, Violation

_NAMES: Final = ("details", "coverage", "explain")
_NUMBER: Final = re.compile(r"0?\.[0-9]{1,6}")
_KEPT_BYTES: Final = 128
"""Of a query that is kept. One of 64 KiB can be valid, but is nobody's usual one."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """What is asked for beside the class; `coverage` None: what the model's reference says."""

    details: bool = False
    coverage: float | None = None
    explain: bool = False


PLAIN: Final = Parameters()


def read_parameters(query: bytes) -> Parameters:
    """The parameters in a query string. Raises `InvalidInput` for unknown ones and for bad values.

    Whoever asks for a coverage or an explanation asks for details. Which coverage there is depends on the model.
    """
    if not query:
        return PLAIN
    return _kept(query) if len(query) <= _KEPT_BYTES else _parsed(query)


@lru_cache(maxsize=64)  # A caller sends the same query with every row.
def _kept(query: bytes) -> Parameters:
    return _parsed(query)


def _parsed(query: bytes) -> Parameters:
    return _read(parse_qs(query.decode("latin-1"), keep_blank_values=True), "query parameter", details="false")


def parameters_in(document: Any, where: str) -> Parameters:
    """The parameters in an object of a body, at the pointer `where`, or None; details unless they are declined.

    Values are JSON's own or their text. Raises `InvalidInput`.
    """
    if document is None:
        document = {}
    if not isinstance(document, dict):
        raise InvalidInput([Violation(where, "wrong_type", "Must be an object.")])
    return _read({name: [_text(value)] for name, value in document.items()}, "parameter", details="true", where=where)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)


def _read(given: Mapping[str, Sequence[str]], kind: str, *, details: str, where: str = "") -> Parameters:
    violations = []
    if not given.keys() <= set(_NAMES):
        message = f"No such {kind}; there are only {', '.join(_NAMES)}."
        violations.append(Violation(where, "unknown_field", message))
    flags = {}
    for name, default in (("details", details), ("explain", "false")):
        values = given.get(name, [default])
        flags[name] = list(values) == ["true"]
        if len(values) != 1 or values[0] not in ("true", "false"):
            violations.append(Violation(where, "unknown_value", f"The {kind} {name} must be true or false."))
    coverage = None
    if "coverage" in given:
        values = given["coverage"]
        if len(values) == 1 and _NUMBER.fullmatch(values[0]):
            coverage = float(values[0])
        else:
            violations.append(Violation(where, "wrong_type", f"The {kind} coverage must be a number below 1."))
    if violations:
        raise InvalidInput(violations)
    return Parameters(flags["details"] or flags["explain"] or coverage is not None, coverage, flags["explain"])
