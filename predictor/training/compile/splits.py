"""From splits on an estimator's own columns to splits on the features of penguins."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from predictor.schema import CATEGORIES, DUMMY_COLUMNS, MEASUREMENTS, RANGES
from predictor.training.compile.inputs import Inputs, Source
from predictor.training.compile.thresholds import before
from predictor.training.compile.tree import LEAF, Tree, TreeModel, Unsupported

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
    translated = {split: (found, False) for split, found in zip(measured, _measured(measured, inputs), strict=True)}
    for split in wanted.difference(translated):
        translated[split] = _chosen(sources[split[0]], split[1])
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


def _chosen(source: Source, threshold: float) -> tuple[_Split, bool]:
    """A split on a category's values, and whether its branches change places."""
    if source.feature is None:
        return (0, np.inf if source.constant <= threshold else -np.inf), False
    left = [value for value, number in source.numbers.items() if number <= threshold]
    right = [value for value in CATEGORIES[source.feature] if value not in left]
    if not left or not right:
        return (0, -np.inf if right else np.inf), False
    for values, exchanged in ((right, False), (left, True)):
        if len(values) == 1:
            return (COLUMNS.index(f"{source.feature}_{values[0]}"), _DUMMY), exchanged
    raise Unsupported(f"a split has several values of {source.feature} on both sides")


def _moved(tree: Tree, translated: "dict[_Split, tuple[_Split, bool]]") -> Tree:
    columns, thresholds = list(tree.columns), list(tree.thresholds)
    lefts, rights = list(tree.lefts), list(tree.rights)
    for node, left in enumerate(tree.lefts):
        if left == LEAF:
            continue
        (columns[node], thresholds[node]), exchanged = translated[tree.columns[node], tree.thresholds[node]]
        if exchanged:
            lefts[node], rights[node] = rights[node], left
    return Tree(columns, thresholds, lefts, rights, tree.values)
