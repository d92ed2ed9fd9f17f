"""Units of length and mass that values may be in, and exact conversion between them.

In decimal arithmetic, because 3.91 cm must be the very number that 39.1 mm is, and 3.91 * 10 is not.
"""

from collections.abc import Mapping
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from typing import Final

# Of each kind: its units, in the first one. The inch and the pound are exact by definition (1959).
_KINDS: Final[tuple[Mapping[str, Decimal], ...]] = (
    {"mm": Decimal(1), "cm": Decimal(10), "m": Decimal(1000), "in": Decimal("25.4")},
    {"g": Decimal(1), "kg": Decimal(1000), "lb": Decimal("453.59237"), "oz": Decimal("28.349523125")},
)
_SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "mm": ("millimeter", "millimeters", "millimetre", "millimetres"),
    "cm": ("centimeter", "centimeters", "centimetre", "centimetres"),
    "m": ("meter", "meters", "metre", "metres"),
    "in": ("inch", "inches"),
    "g": ("gram", "grams"),
    "kg": ("kilogram", "kilograms"),
    "lb": ("lbs", "pound", "pounds"),
    "oz": ("ounce", "ounces"),
}
NAMES: Final[Mapping[str, str]] = {
    "mm": "millimetres",
    "cm": "centimetres",
    "m": "metres",
    "in": "inches",
    "g": "grams",
    "kg": "kilograms",
    "lb": "pounds",
    "oz": "ounces",
}
"""What sentences call the units."""
_EXACT: Final = Context(prec=60, Emax=MAX_EMAX, Emin=MIN_EMIN)


def factors_to(unit: str) -> dict[str, Decimal]:
    """What values are multiplied by to be in `unit`, by the unit that they are in, in every spelling."""
    kind = next((units for units in _KINDS if unit in units), {unit: Decimal(1)})
    factors = {name: _EXACT.divide(size, kind[unit]) for name, size in kind.items()}
    return {spelling: factor for name, factor in factors.items() for spelling in (name, *_SPELLINGS.get(name, ()))}


def sizes_of_units_like(unit: str) -> dict[str, float]:
    """The other units that can be converted to `unit`, each with its size in it."""
    return {name: float(factors_to(unit)[name]) for name in units_like(unit) if name != unit}


def units_like(unit: str) -> tuple[str, ...]:
    """The units that can be converted to `unit`, and `unit` itself."""
    return next((tuple(units) for units in _KINDS if unit in units), (unit,))


def converted(number: str, factor: Decimal) -> float:
    """A decimal number times a factor, as the nearest float."""
    return float(_EXACT.multiply(Decimal(number), factor))
