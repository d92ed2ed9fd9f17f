"""The content of `compiled.json`: a model as the few numbers that it takes to evaluate it.

Publishing writes it (`predictor.training.compile`), and the engines beside this module read it. Two forms exist. Every
value in a file is checked, but not that they make sense together: the file was verified, and parity has proved it.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Final, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from predictor.artifacts import COMPILED_FILE
from predictor.errors import UnloadableModel
from predictor.schema import DUMMY_COLUMNS, MEASUREMENTS

MAX_LEAVES: Final = 64
"""Of one tree: each leaf is one bit, and a tree has up to eight bytes."""

Link = Literal["none", "softmax", "sigmoid", "shares", "normalized"]
"""From scores to probabilities: as they are; softmax; one score to two classes; a sigmoid of each, over their sum; each
over their sum, and one score p to 1 - p and p."""

Count = Annotated[int, Field(ge=0)]
Line = tuple[float, float]
"""Slope and intercept."""
Curve = Annotated[tuple[tuple[float, float], ...], Field(min_length=1)]
"""The points of a function that is linear between them, and constant outside."""
Split = tuple[Count, Count, Count]
"""One node: the number of its tree, and the first leaf and the end of those leaves that are reached at its left."""


class _Frozen(BaseModel):
    # Built when they are first used: a linear model needs a quarter of them.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)


class LinearForm(_Frozen):
    """softmax(features @ weights + intercepts): `weights` has a row per column, each with a number per class.

    Columns are measurements and one-hot columns (`predictor.schema.DUMMY_COLUMNS`).
    """

    schema_version: Literal[1] = 1
    form: Literal["linear"] = "linear"
    columns: Annotated[tuple[str, ...], Field(min_length=1)]
    weights: tuple[tuple[float, ...], ...]
    intercepts: Annotated[tuple[float, ...], Field(min_length=2)]

    @model_validator(mode="after")
    def _rows_have_a_number_per_class(self) -> Self:
        if len(self.weights) != len(self.columns):
            raise ValueError("there is not one row of weights per column")
        if any(len(row) != len(self.intercepts) for row in self.weights):
            raise ValueError("a row of weights has not one number per class")
        _check_columns(self.columns)
        return self

    def fits(self, classes: int) -> bool:
        return len(self.intercepts) == classes


class ColumnSplits(_Frozen):
    """Every split on one column. A penguin whose value is over a threshold goes right at the splits of that threshold.

    `thresholds` rise strictly; `splits` has as many entries, each with all splits of one threshold.
    """

    column: str
    thresholds: tuple[float, ...]
    splits: tuple[Annotated[tuple[Split, ...], Field(min_length=1)], ...]

    @model_validator(mode="after")
    def _thresholds_rise(self) -> Self:
        if len(self.splits) != len(self.thresholds):
            raise ValueError("there is not one entry of splits per threshold")
        if any(low >= high for low, high in zip(self.thresholds, self.thresholds[1:], strict=False)):
            raise ValueError("the thresholds do not rise")
        return self


class Member(_Frozen):
    """One model of the ensemble: a weight, and trees that add to its scores.

    `trees` has an entry per tree: its leaves from left to right, each with what it adds. With `separate` scores, a
    leaf is one number, which is added to one score; equally many trees in a row belong to each score, in their order.
    Without, a leaf has a number per score. `calibration` has a line per score, or a curve per score, applied after
    `link` and followed by `calibration_link`. A single curve takes the last score.
    """

    weight: float
    base: Annotated[tuple[float, ...], Field(min_length=1)]
    link: Link
    calibration: tuple[Line, ...] | tuple[Curve, ...] = ()
    calibration_link: Link = "none"
    separate: bool
    trees: tuple[Annotated[tuple[tuple[float, ...], ...], Field(min_length=1, max_length=MAX_LEAVES)], ...]

    @model_validator(mode="after")
    def _leaves_add_to_the_scores(self) -> Self:
        scores = len(self.base)
        if self.separate and len(self.trees) % scores:
            raise ValueError(f"{len(self.trees)} trees cannot be shared by {scores} scores")
        width = 1 if self.separate else scores
        if any(len(leaf) != width for tree in self.trees for leaf in tree):
            raise ValueError(f"a leaf has not {width} numbers")
        if any(low >= high for curve in self.curves for (low, _), (high, _) in pairwise(curve)):
            raise ValueError("the points of a curve do not rise")
        return self

    @property
    def lines(self) -> tuple[Line, ...]:
        """`calibration`, if it has lines."""
        return () if self.curves else cast("tuple[Line, ...]", self.calibration)

    @property
    def curves(self) -> tuple[Curve, ...]:
        """`calibration`, if it has curves."""
        curved = self.calibration and isinstance(self.calibration[0][0], tuple)
        return cast("tuple[Curve, ...]", self.calibration) if curved else ()

    @property
    def classes(self) -> int:
        """How many probabilities it gives; 0 where link and calibration do not fit its scores."""
        count = _outputs(self.link, len(self.base))
        if self.calibration:
            size = len(self.calibration)
            fits = size == count or (size == 1 and self.curves)
            count = _outputs(self.calibration_link, size) if fits else 0
        return count


def _outputs(link: Link, scores: int) -> int:
    if link == "sigmoid":
        return 2 if scores == 1 else 0
    return 2 if link == "normalized" and scores == 1 else scores


class TreesForm(_Frozen):
    """Trees for QuickScorer (`predictor.models.compiled.trees`), numbered through all members in their order.

    The probabilities are the sum over `members`, each times its weight.
    """

    schema_version: Literal[1] = 1
    form: Literal["trees"] = "trees"
    columns: tuple[ColumnSplits, ...]
    members: Annotated[tuple[Member, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _splits_are_of_its_trees(self) -> Self:
        leaves = self.leaves
        for column in self.columns:
            for splits in column.splits:
                if any(tree >= len(leaves) or not first < end < leaves[tree] for tree, first, end in splits):
                    raise ValueError(f"a split on {column.column!r} is of no tree or of no leaves")
        _check_columns([column.column for column in self.columns])
        return self

    @property
    def leaves(self) -> tuple[int, ...]:
        """How many leaves each tree has."""
        return tuple(len(tree) for member in self.members for tree in member.trees)

    def fits(self, classes: int) -> bool:
        return all(member.classes == classes for member in self.members)


def _check_columns(names: Sequence[str]) -> None:
    if len(set(names)) != len(names):
        raise ValueError("a column is listed twice")
    unknown = sorted(set(names) - set(MEASUREMENTS) - set(DUMMY_COLUMNS))
    if unknown:
        raise ValueError(f"no feature is called {unknown[0]!r}")


Form = LinearForm | TreesForm
_FORMS: Final[dict[bytes, type[Form]]] = {b"linear": LinearForm, b"trees": TreesForm}
_NAME: Final = re.compile(rb'\{.{0,100}?"form"\s*:\s*"(\w+)"', re.DOTALL)


def form_to_bytes(form: Form) -> bytes:
    return (form.model_dump_json() + "\n").encode()


def form_from_bytes(data: bytes, classes: int) -> Form:
    """Parse verified bytes. Raises `UnloadableModel` for anything but a form with so many classes."""
    named = _NAME.match(data)
    if named is None:
        raise UnloadableModel(COMPILED_FILE, "it is no JSON document that begins with a form")
    if named[1] not in _FORMS:
        raise UnloadableModel(COMPILED_FILE, f"its form is {named[1].decode()}, which is unknown here")
    try:
        form = _FORMS[named[1]].model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise UnloadableModel(COMPILED_FILE, f"{where}: {first['msg']}") from error
    if not form.fits(classes):
        raise UnloadableModel(COMPILED_FILE, f"it does not give a probability for each of the {classes} classes")
    return form
