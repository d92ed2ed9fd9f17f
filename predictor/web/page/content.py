"""What the page knows of the domain and of the loaded model: fields, examples, plots, reference rows.

Everything follows from `predictor.schema` and the reference, so another domain gets its own page.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any, Final

import orjson

from predictor import penguin as _domain
from predictor.models import LoadedModel
from predictor.penguin import EXAMPLES, LABEL, NOUN, NOUN_PLURAL, Penguin
from predictor.schema import CATEGORIES, FEATURES, MEASUREMENTS, RANGES, UNITS, make_penguin
from predictor.service import MAX_EXPLAINED_FEATURES
from predictor.trust.unit_slips import corrections

if TYPE_CHECKING:
    from predictor.trust.assessment import Assessor
    from predictor.trust.reference import Bird, Reference

_MAX_DECIMALS: Final = 3
_SLIDER_STEPS: Final = 200
"""About as many steps has a slider, so that the arrow keys get somewhere."""
_HALVINGS: Final = 20

DOMAIN_EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = getattr(_domain, "PAGE_EXAMPLES", {})


@dataclass(frozen=True, slots=True)
class Field:
    """One input. A measurement has `low` and `high`, which the API accepts, and a slider, whose range is what is usual.

    A category has `values`.
    """

    name: str
    label: str
    description: str
    unit: str = ""
    low: float = 0.0
    high: float = 0.0
    slider: tuple[float, float, float] = (0.0, 0.0, 1.0)  # lowest, highest, step
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """Of the page for one model."""

    fields: tuple[Field, ...]
    examples: tuple[tuple[str, Mapping[str, Any]], ...]
    plots: tuple[tuple[str, str], ...]
    reference: bytes | None
    """The rows that the plots show, as JSON; None for a model without."""

    def for_scripts(self, model: LoadedModel, *, max_rows: int, tag: str) -> dict[str, Any]:
        """What the scripts need, for the page's data block."""
        return {
            "noun": NOUN,
            "nouns": NOUN_PLURAL,
            "label": words(LABEL),
            "labelName": LABEL,
            "classes": model.manifest.classes,
            "version": model.identity.version,
            "corrections": {unit or "": corrections(unit) for unit in dict.fromkeys(UNITS.values())},
            "fields": [_for_scripts(field) for field in self.fields],
            "examples": [
                {name: values[name] for name in model.schema.features if name in values} for _, values in self.examples
            ],
            "plots": self.plots,
            "reference": None if self.reference is None else f"page/{tag}/reference.json",
            "explains": self.reference is not None and len(FEATURES) <= MAX_EXPLAINED_FEATURES,
            "maxRows": max_rows,
        }


def page_content(model: LoadedModel) -> Content:
    """Takes some milliseconds; once per model."""
    assessor = model.assessor()
    reference = None if assessor is None else assessor.reference
    schema = model.schema  # What its model does not take is not asked for.
    numbers = tuple(_measurement(name, reference) for name in schema.measurements)
    categories = tuple(
        Field(name, words(name), _description(name, words(name)), values=CATEGORIES[name]) for name in schema.categories
    )
    examples = list(_from_reference(assessor, model)) if assessor is not None else _from_domain()
    plots = _plots(schema.measurements) if reference is not None else ()
    rows = None if reference is None else _rows(reference, plots)
    return Content((*numbers, *categories), (*examples, *DOMAIN_EXAMPLES.items()), plots, rows)


def words(name: str) -> str:
    """A name of the code as people write it."""
    return name.replace("_", " ")


def _for_scripts(field: Field) -> dict[str, Any]:
    if field.values:
        return {"name": field.name, "label": field.label, "values": field.values}
    return {"name": field.name, "label": field.label, "unit": field.unit}


def _measurement(name: str, reference: "Reference | None") -> Field:
    unit = UNITS[name] or ""
    low, high = RANGES[name]
    start, end, decimals = low, high, _MAX_DECIMALS
    if reference is not None:
        item = next(item for item in reference.measurements if item.name == name)
        margin = (item.highest - item.lowest) / 2
        start, end = max(low, item.lowest - margin), min(high, item.highest + margin)
        decimals = _decimals(reference, MEASUREMENTS.index(name))
    step = max(10.0**-decimals, 10.0 ** math.floor(math.log10((end - start) / _SLIDER_STEPS)))
    slider = (round(math.floor(start / step) * step, 6), round(math.ceil(end / step) * step, 6), round(step, 6))
    # The unit stands beside the number, so a name that ends in it is shown without.
    label = words(name.removesuffix("_" + re.sub(r"\W", "", unit).lower()))
    return Field(name, label, _description(name, label, unit), unit, low, high, slider)


def _description(name: str, label: str, unit: str = "") -> str:
    """What the domain says of a field beyond its label and its unit; empty if that is nothing."""
    text = (Penguin.model_fields[name].description or "").rstrip(".").removesuffix(f", {unit}")
    return "" if text.casefold() == label.casefold() or not text else f"{text}."


def _decimals(reference: "Reference", index: int) -> int:
    """With how many decimals the reference rows give a measurement."""
    values = [bird.measurements[index] for bird in reference.birds]
    return next((n for n in range(_MAX_DECIMALS) if all(round(v, n) == v for v in values)), _MAX_DECIMALS)


def _plots(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The first two pairs of measurements, as x and y."""
    pairs = list(pairwise(names))
    return tuple(pairs[:2] if len(names) == 3 else pairs[0:3:2])


def _rows(reference: "Reference", plots: tuple[tuple[str, str], ...]) -> bytes:
    """For each class the plotted measurements of its rows, column by column.

    The rows are in the order of their values, which compresses better than any other.
    """
    places = sorted({MEASUREMENTS.index(name) for plot in plots for name in plot})
    columns = {}
    for label in reference.labels:
        birds = (bird.measurements for bird in reference.birds if bird.label == label)
        rows = sorted([_whole(bird[place]) for place in places] for bird in birds)
        columns[label] = dict(zip([MEASUREMENTS[place] for place in places], zip(*rows, strict=True), strict=False))
    return orjson.dumps(columns)


def _whole(value: float) -> float:
    """The same number, but whole ones without decimals in JSON."""
    return int(value) if value.is_integer() else value


def _from_domain() -> list[tuple[str, Mapping[str, Any]]]:
    return [(f"Example {number}", example) for number, example in enumerate(EXAMPLES, start=1)]


def _from_reference(assessor: "Assessor", model: LoadedModel) -> list[tuple[str, Mapping[str, Any]]]:
    """A typical row of each class, and one halfway between the two classes that are most alike."""
    reference = assessor.reference
    typical = {label: _typical(assessor, label) for label in reference.labels if label in model.manifest.classes}
    found: list[tuple[str, Mapping[str, Any]]] = [
        (label, _values(bird.measurements, bird.categories)) for label, bird in typical.items()
    ]
    points = {label: _point(assessor, bird) for label, bird in typical.items()}
    if len(points) > 1:
        pair = min(combinations(points, 2), key=lambda two: math.dist(points[two[0]], points[two[1]]))
        between = _between(model, reference, typical[pair[0]], typical[pair[1]])
        found.append((f"{pair[0]} or {pair[1]}?", between))
    return found


def _typical(assessor: "Assessor", label: str) -> "Bird":
    """The row nearest to the mean of its own group."""
    reference = assessor.reference
    place = reference.labels.index(label)
    means = assessor.distance.means
    birds = [bird for bird in reference.birds if bird.label == label]
    return min(birds, key=lambda bird: math.dist(_point(assessor, bird), means[bird.categories][place]))


def _point(assessor: "Assessor", bird: "Bird") -> tuple[float, ...]:
    return assessor.distance.coordinates(assessor.reference.transform(bird.measurements))


def _between(model: LoadedModel, reference: "Reference", first: "Bird", second: "Bird") -> Mapping[str, Any]:
    """The row on the way from `first` to `second` at which the model finds both classes equally probable."""
    classes = model.manifest.classes
    one, other = classes.index(first.label), classes.index(second.label)
    places = [_decimals(reference, index) for index in range(len(MEASUREMENTS))]
    low, high = 0.0, 1.0
    measurements = first.measurements
    for _ in range(_HALVINGS):
        share = (low + high) / 2
        pairs = zip(first.measurements, second.measurements, places, strict=True)
        measurements = tuple(round(a + (b - a) * share, digits) for a, b, digits in pairs)
        probabilities = model.engine.probabilities(make_penguin(measurements, first.categories))
        low, high = (share, high) if probabilities[one] > probabilities[other] else (low, share)
    return _values(measurements, first.categories)


def _values(measurements: tuple[float, ...], categories: tuple[str, ...]) -> dict[str, Any]:
    return dict(zip(FEATURES, (*measurements, *categories), strict=True))
