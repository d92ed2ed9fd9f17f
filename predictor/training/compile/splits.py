"""From splits on an estimator's own columns to splits on the features of penguins."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from predictor.schema import DUMMY_COLUMNS, MEASUREMENTS, RANGES
from predictor.training.compile.inputs import Inputs, Source
from predictor.training.compile.thresholds import before
from predictor.training.compile.tree import LEAF, Tree, TreeModel

COLUMNS: Final = (*MEASUREMENTS, *DUMMY_COLUMNS)
"""What the columns of a tree count after `on_features`."""

_DUMMY: Final = 0.5
"""The one threshold between 0 and 1."""

_Split = tuple[int, float]
"""Column and threshold."""


def on_features(model: TreeModel, inputs: Inputs) -> TreeModel:
    """The model, as if it had been fitted on COLUMNS. Raises `Unsupported`."""
    wanted = {
        (tree.columns[node], tree.thresholds[node])
        for tree in model.trees
        for node in range(len(tree.lefts))
        if tree.lefts[node] != LEAF
    }
    sources = inputs.sources
    measured = sorted(split for split in wanted if sources[split[0]].feature in RANGES)
    translated = {
        split: ([column], value) for split, (column, value) in zip(measured, _measured(measured, inputs), strict=True)
    }
    translated |= {split: _chosen(sources[split[0]], split[1]) for split in wanted.difference(translated)}
    return replace(model, trees=[_moved(tree, translated) for tree in model.trees])


def _measured(splits: Sequence[_Split], inputs: Inputs) -> list[_Split]:
    """The same splits in terms of the measurements: steps in front of trees keep the order of values."""
    if not splits:
        return []
    outputs = [column for column, _ in splits]
    features = [str(inputs.sources[column].feature) for column in outputs]
    lowest, highest = np.array([RANGES[name] for name in features]).T.copy()
    thresholds = np.array([threshold for _, threshold in splits])
    found = before(lambda values: inputs.moved(outputs, values, features), thresholds, lowest, highest)
    return [(COLUMNS.index(name), value) for name, value in zip(features, found.tolist(), strict=True)]


def _chosen(source: Source, threshold: float) -> tuple[list[int], float]:
    """A split on a category: the one-hot columns of the values that go right, and their threshold."""
    if source.feature is None:
        return [0], np.inf if source.constant <= threshold else -np.inf
    right = [value for value, number in source.numbers.items() if not number <= threshold]
    if len(right) in (0, len(source.numbers)):
        return [0], -np.inf if right else np.inf
    return [COLUMNS.index(f"{source.feature}_{value}") for value in right], _DUMMY


def _moved(tree: Tree, translated: "dict[_Split, tuple[list[int], float]]") -> Tree:
    columns, thresholds, more = list(tree.columns), list(tree.thresholds), {}
    for node, left in enumerate(tree.lefts):
        if left != LEAF:
            (columns[node], *others), thresholds[node] = translated[tree.columns[node], tree.thresholds[node]]
            if others:
                more[node] = others
    return replace(tree, columns=columns, thresholds=thresholds, more=more)
