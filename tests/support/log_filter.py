"""Cloud Logging's and Monitoring's filter language, as much of it as `ops/` and the runbook use.

`AND`, `OR`, `NOT`, parentheses, `field="value"`, `field=~"pattern"`, `field>=value`, `field=("a" OR "b")`; anything
else is refused. As in Cloud Logging, text is compared without regard to case, and a comparison with a field that is
not there is false.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Entry = Mapping[str, Any]
Predicate = Callable[[Entry], bool]

SEVERITIES = ("DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<operator>>=|=~|[=()])|(?P<word>[A-Za-z0-9_][A-Za-z0-9_.\-]*))""",
    re.VERBOSE,
)
_KEYWORDS = ("AND", "OR", "NOT")


class FilterError(ValueError):
    """A filter that this parser, or Cloud Logging, does not understand."""


@dataclass(frozen=True)
class Filter:
    """A parsed filter."""

    matches: Predicate
    fields: frozenset[str]
    """Every field that it looks at."""


def parse(text: str) -> Filter:
    """Raises `FilterError`."""
    parser = _Parser(_tokens(text))
    matches = parser.disjunction()
    if parser.left:
        raise FilterError(f"{parser.left[0][1]!r} is one too many in {text!r}")
    return Filter(matches, frozenset(parser.fields))


def lookup(entry: Entry, field: str) -> Any:
    """The value of a dotted field, None where there is none."""
    value: Any = entry
    for name in field.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    return value


def _tokens(text: str) -> list[tuple[str, str]]:
    found, position = [], 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise FilterError(f"cannot read {text[position:]!r}")
        found.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.left = tokens
        self.fields: set[str] = set()

    def disjunction(self) -> Predicate:
        # Cloud Logging binds OR tighter than AND, unlike everybody else: mixed without parentheses is refused here.
        first = self.negation()
        parts, joined_by = [first], None
        while self.left and self.left[0][1] in ("AND", "OR"):
            word = self._take()[1]
            if joined_by not in (None, word):
                raise FilterError("AND and OR are mixed without parentheses")
            joined_by = word
            parts.append(self.negation())
        if joined_by == "OR":
            return lambda entry: any(part(entry) for part in parts)
        return lambda entry: all(part(entry) for part in parts)

    def negation(self) -> Predicate:
        if self.left and self.left[0][1] == "NOT":
            self._take()
            inner = self.negation()
            return lambda entry: not inner(entry)
        if self.left and self.left[0][1] == "(":
            self._take()
            inner = self.disjunction()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Predicate:
        kind, field = self._take()
        if kind != "word" or field in _KEYWORDS:
            raise FilterError(f"{field!r} is no field")
        self.fields.add(field)
        _, operator = self._take()
        if operator not in ("=", ">=", "=~"):
            raise FilterError(f"{operator!r} is no comparison that is used here")
        if operator == "=" and self.left and self.left[0][1] == "(":
            values = self._alternatives()
            return lambda entry: any(_equal(lookup(entry, field), value) for value in values)
        value = self._value()
        if operator == "=~":  # Logging uses RE2; what is used here means the same to Python.
            return lambda entry: re.search(value, str(lookup(entry, field) or "")) is not None
        if operator == "=":
            return lambda entry: _equal(lookup(entry, field), value)
        return lambda entry: _at_least(field, lookup(entry, field), value)

    def _alternatives(self) -> list[str]:
        self._expect("(")
        values = [self._value()]
        while self.left and self.left[0][1] == "OR":
            self._take()
            values.append(self._value())
        self._expect(")")
        return values

    def _value(self) -> str:
        kind, text = self._take()
        if kind == "string":
            return re.sub(r"\\(.)", r"\1", text[1:-1])
        if kind == "word" and text not in _KEYWORDS:
            return text
        raise FilterError(f"{text!r} is no value")

    def _take(self) -> tuple[str, str]:
        if not self.left:
            raise FilterError("it breaks off")
        return self.left.pop(0)

    def _expect(self, text: str) -> None:
        if self._take()[1] != text:
            raise FilterError(f"{text!r} is missing")


def _equal(actual: Any, wanted: str) -> bool:
    if actual is None:
        return False
    if isinstance(actual, int | float) and not isinstance(actual, bool):
        return _number(wanted) == actual
    return str(actual).lower() == wanted.lower()


def _at_least(field: str, actual: Any, wanted: str) -> bool:
    if field == "severity":
        if wanted not in SEVERITIES:
            raise FilterError(f"{wanted!r} is no severity")
        return SEVERITIES.index(actual or "DEFAULT") >= SEVERITIES.index(wanted)
    limit = _number(wanted)
    if limit is None:
        raise FilterError(f"{wanted!r} is no number")
    return isinstance(actual, int | float) and actual >= limit


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
