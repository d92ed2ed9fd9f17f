"""Steps before the trees that only choose columns or scale them: taken into the thresholds, exactly."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from predictor.training.compile.layout import range_of
from predictor.training.compile.thresholds import before
from predictor.training.compile.tree import LEAF, Tree, TreeModel, Unsupported

_SCALERS: Final = (StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler)
"""They subtract and divide by positive numbers, each column by itself: the order of values stays."""


def through(steps: Any, models: Sequence[TreeModel], columns: tuple[str, ...]) -> list[TreeModel]:
    """The models, as if they were asked for `columns` themselves. `steps` is the pipeline in front of them."""
    sources = list(range(len(columns)))
    names: Sequence[str] = columns
    for _, step in steps.steps:
        chosen = _chosen(step, names)
        sources = [sources[place] for place in chosen]
        names = [names[place] for place in chosen]
    return [replace(model, trees=_moved(model.trees, steps, sources, columns)) for model in models]


def _chosen(step: Any, names: Sequence[str]) -> list[int]:
    """For each column that comes out of a step, the one that went in."""
    if not isinstance(step, ColumnTransformer):
        if not _keeps_order(step):
            raise Unsupported(f"a {type(step).__name__} in front of the trees does more than scale")
        return list(range(len(names)))
    chosen: list[int] = []
    for _, transformer, part in step.transformers_:
        if isinstance(transformer, str) and transformer == "drop":
            continue
        if not isinstance(part, list | np.ndarray) or not _keeps_order(transformer):
            raise Unsupported(f"a ColumnTransformer with {type(transformer).__name__} in front of the trees")
        if any(not isinstance(name, str | int | np.integer) or isinstance(name, bool) for name in part):
            raise Unsupported("a ColumnTransformer with a mask in front of the trees")
        chosen += [names.index(name) if isinstance(name, str) else int(name) for name in part]
    return chosen


def _keeps_order(step: Any) -> bool:
    if isinstance(step, str):
        return step == "passthrough"
    return step is None or type(step) in _SCALERS or (type(step) is FunctionTransformer and step.func is None)


def _moved(trees: Sequence[Tree], steps: Any, sources: Sequence[int], columns: tuple[str, ...]) -> list[Tree]:
    wanted = sorted({
        (tree.columns[node], tree.thresholds[node])
        for tree in trees
        for node in range(len(tree.lefts))
        if tree.lefts[node] != LEAF
    })  # fmt: skip
    if not wanted:
        return list(trees)
    outputs = np.array([column for column, _ in wanted])
    inputs = np.array([sources[column] for column, _ in wanted])
    rows = np.arange(len(wanted))

    def transform(values: Any) -> Any:
        matrix = np.zeros((len(wanted), len(columns)))
        matrix[rows, inputs] = values
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Fitted without names, asked with them, as the service does.
            scaled = steps.transform(pd.DataFrame(matrix, columns=list(columns)))
        return np.asarray(scaled)[rows, outputs]

    lowest, highest = np.array([range_of(columns[place]) for place in inputs]).T.copy()
    found = before(transform, np.array([threshold for _, threshold in wanted]), lowest, highest)
    moved = dict(zip(wanted, found.tolist(), strict=True))
    return [
        replace(
            tree,
            columns=[sources[c] if left != LEAF else 0 for c, left in zip(tree.columns, tree.lefts, strict=True)],
            thresholds=[moved.get(pair, 0.0) for pair in zip(tree.columns, tree.thresholds, strict=True)],
        )
        for tree in trees
    ]
