"""Which column of a file is which feature: names in any case and spelling, synonyms, units, ids.

Files come as their publishers give them: `bill_length_mm`, `Culmen Length (mm)`, `bill.length.cm`. A name is compared
by its words, without case and punctuation; the last word is the unit. A known unit is converted. A feature whose unit
is missing or unknown is not found, and what is said about that names its column: a unit is never guessed.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Final

from predictor.errors import UnusableFile
from predictor.record_schema import ALL_FEATURES, RecordSchema
from predictor.schema import FEATURES, IDS, SYNONYMS, UNITS
from predictor.units import factors_to, units_like

_PUNCTUATION: Final = re.compile(r"[\s_.,()\[\]/-]+")
_SAME: Final = Decimal(1)
_MAX_SHOWN: Final = 20
_MAX_NAME: Final = 60
_MAX_COMPARED: Final = 100  # Comparing spellings takes long, and a line may name 100,000 columns.


def _words(name: str) -> str:
    return _PUNCTUATION.sub("_", name.casefold()).strip("_")


def _unit_word(feature: str) -> str:
    """The unit as it stands in names of columns; nothing where the feature has none."""
    return re.sub(r"\W", "", UNITS.get(feature) or "").casefold()


def _bases(feature: str) -> list[str]:
    """The feature's names without their unit; empty where its name does not end with one."""
    end = f"_{unit}" if (unit := _unit_word(feature)) else None
    names = [_words(name) for name in (feature, *SYNONYMS.get(feature, ()))]
    return [name.removesuffix(end) for name in names if end is not None and name.endswith(end)]


def _meanings() -> dict[str, tuple[str, Decimal]]:
    """Every name of a column, by its words: the feature that it means, and what brings it to the feature's unit."""
    meanings: dict[str, tuple[str, Decimal]] = {}
    for feature in FEATURES:
        for base in _bases(feature):
            for unit, factor in factors_to(_unit_word(feature)).items():
                meanings[f"{base}_{unit}"] = meanings[f"{base}_in_{unit}"] = (feature, factor)
    for feature in FEATURES:
        for name in (feature, *SYNONYMS.get(feature, ())):
            meanings[_words(name)] = (feature, _SAME)
    return meanings


_MEANINGS: Final = _meanings()


@dataclass(frozen=True, slots=True)
class Columns:
    """What was understood of the names of a file's columns.

    `index_of`: the index of each feature's column. `factors`: what the values of a column in another unit are
    multiplied by. `id_index`: the index of the column with the row's own id. `repeated`: the columns of a feature that
    has several; it is in none of the above.
    """

    schema: RecordSchema
    names: tuple[str, ...]
    index_of: Mapping[str, int]
    factors: Mapping[str, Decimal]
    id_index: int | None
    repeated: Mapping[str, tuple[str, ...]]

    @property
    def missing(self) -> list[str]:
        return [name for name in self.schema.features if name not in self.index_of and name not in self.repeated]

    @property
    def others(self) -> list[str]:
        """The columns that mean nothing here."""
        used = {*self.index_of.values(), self.id_index}
        return [name for index, name in enumerate(self.names) if index not in used]

    def near_misses(self) -> Iterator[tuple[str, str]]:
        """Columns that may have been meant for a missing feature, each with what is wrong with it and what to do."""
        others = {name: _words(name) for name in self.others[:_MAX_COMPARED] if len(name) <= _MAX_NAME}
        for feature in self.missing:
            bases = _bases(feature)
            for name, words in others.items():
                if any(f"{words}_".startswith(f"{base}_") for base in bases):
                    units = [unit for unit in units_like(_unit_word(feature)) if unit != _unit_word(feature)]
                    also = f", or give its unit as one of {', '.join(units)}" if units else ""
                    yield name, f"names no unit that is known; call it {feature}{also}"
                    break
            else:
                similar = difflib.get_close_matches(_words(feature), others.values(), 1)
                yield from (
                    (name, f"is unknown; did you mean {feature}?") for name in others if [others[name]] == similar
                )


def understand(names: Sequence[str], schema: RecordSchema = ALL_FEATURES) -> Columns:
    """What the names mean. A name that is a feature's, letter by letter, is that feature, whatever else there is.

    A feature that `schema` does not need means nothing.
    """
    found: dict[str, list[int]] = {}
    factors: dict[str, Decimal] = {}
    ids: dict[str, int] = {}
    for index, name in enumerate(names):
        words = _words(name)
        feature, factor = (name, _SAME) if name in FEATURES else _MEANINGS.get(words, (None, _SAME))
        if feature in schema.features:
            found.setdefault(feature, []).append(index)
            if factor != _SAME:
                factors[feature] = factor
        elif words in IDS:
            ids.setdefault(words, index)
    repeated = {feature: tuple(names[index] for index in indexes) for feature, indexes in found.items() if indexes[1:]}
    return Columns(
        schema=schema,
        names=tuple(names),
        index_of={
            feature: found[feature][0] for feature in schema.features if feature in found and feature not in repeated
        },
        factors={feature: factor for feature, factor in factors.items() if feature not in repeated},
        id_index=next((ids[name] for name in IDS if name in ids), None),
        repeated=repeated,
    )


def check(columns: Columns) -> None:
    """Raises `UnusableFile` unless the header names each feature once."""
    if columns.missing:
        misses = [f"; {name!r} {advice}" for name, advice in columns.near_misses()]
        reason = "".join(misses) or f"; it has: {_listed(map(repr, columns.names))}"
        raise UnusableFile("bad_header", f"the header lacks {', '.join(columns.missing)}{reason}")
    if columns.repeated:
        given = [name for names in columns.repeated.values() for name in names]
        reason = f"names {', '.join(columns.repeated)} more than once, as {_listed(map(repr, given))}; keep one of each"
        raise UnusableFile("bad_header", f"the header {reason}")


def description(columns: Columns) -> str:
    """What was understood, for people: names that differ, the id, and what is ignored. Empty if there is none of it."""
    renamed = [
        f"{shown(columns.names[index])} -> {feature}"
        + (f" (x {columns.factors[feature].normalize():f})" if feature in columns.factors else "")
        for feature, index in columns.index_of.items()
        if columns.names[index] != feature
    ]
    parts = [", ".join(renamed)] if renamed else []
    if columns.id_index is not None:
        parts.append(f"id: {shown(columns.names[columns.id_index])}")
    if columns.others:
        parts.append(f"ignored: {_listed(map(shown, columns.others))}")
    return "; ".join(parts)


def shown(name: str) -> str:
    """A column's name in a sentence: in quotes unless it is a plain word, and not too long."""
    short = name if len(name) <= _MAX_NAME else f"{name[:_MAX_NAME]}..."
    return short if re.fullmatch(r"\w+", short) else repr(short)


def _listed(names: Iterable[str]) -> str:
    first, more = list(islice(names := iter(names), _MAX_SHOWN)), sum(1 for _ in names)
    return ", ".join(first) + (f", and {more} more" if more else "")
