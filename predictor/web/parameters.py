"""The query parameters of a prediction."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

from predictor.errors import InvalidInput, Violation

_NAMES: Final = ("details", "coverage", "explain")
_NUMBER: Final = re.compile(r"0?\.[0-9]{1,6}")


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
    given = parse_qs(query.decode("latin-1"), keep_blank_values=True)
    violations = []
    if not given.keys() <= set(_NAMES):
        message = f"No such query parameter; there are only {', '.join(_NAMES)}."
        violations.append(Violation("", "unknown_field", message))
    flags = {}
    for name in ("details", "explain"):
        values = given.get(name, ["false"])
        flags[name] = values == ["true"]
        if len(values) != 1 or values[0] not in ("true", "false"):
            violations.append(Violation("", "unknown_value", f"The query parameter {name} must be true or false."))
    coverage = None
    if "coverage" in given:
        values = given["coverage"]
        if len(values) == 1 and _NUMBER.fullmatch(values[0]):
            coverage = float(values[0])
        else:
            violations.append(Violation("", "wrong_type", "The query parameter coverage must be a number below 1."))
    if violations:
        raise InvalidInput(violations)
    return Parameters(flags["details"] or flags["explain"] or coverage is not None, coverage, flags["explain"])
