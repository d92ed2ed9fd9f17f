"""From trees to the form that QuickScorer evaluates: leaves numbered from left to right, splits sorted by threshold."""

from collections.abc import Sequence
from typing import Final

from predictor.models.compiled import MAX_LEAVES, ColumnSplits, Member, Split, TreesForm
from predictor.models.compiled.cells import width_of
from predictor.schema import RANGES
from predictor.training.compile.splits import COLUMNS
from predictor.training.compile.tree import LEAF, Tree, TreeModel, Unsupported

MAX_MASK_BYTES: Final = 16 * 1024 * 1024
"""Of the masks in memory. Making so many takes about half of what importing ONNX Runtime takes, in time and memory."""


def form_of(models: Sequence[TreeModel]) -> TreesForm:
    """Raises `Unsupported` where a tree has too many leaves, or the masks would be too large."""
    splits: dict[str, dict[float, list[Split]]] = {name: {} for name in COLUMNS}
    members, number = [], 0
    for model in models:
        trees = []
        for tree in model.trees:
            leaves = leaves_of(tree, number, splits)
            trees.append(tuple(tree.values[leaf] for leaf in leaves))
            number += 1
        members.append(
            Member(
                weight=model.weight,
                base=model.base,
                link=model.link,
                calibration=model.calibration,
                calibration_link=model.calibration_link,
                separate=model.separate,
                trees=tuple(trees),
            )
        )
    listed = tuple(
        ColumnSplits(column=name, thresholds=tuple(sorted(found)), splits=tuple(tuple(found[t]) for t in sorted(found)))
        for name, found in splits.items()
        if found
    )
    form = TreesForm(columns=listed, members=tuple(members))
    size = sum(len(column.thresholds) + 1 for column in listed) * sum(map(width_of, form.leaves))
    if size > MAX_MASK_BYTES:
        raise Unsupported(f"its masks would take {size / 2**20:.0f} MiB, at most {MAX_MASK_BYTES / 2**20:.0f} are made")
    return form


def leaves_of(tree: Tree, number: int, splits: dict[str, dict[float, list[Split]]]) -> list[int]:
    """The nodes that are the tree's leaves, from left to right. Its splits are added to `splits`.

    Branches that no valid penguin takes are left out.
    """
    leaves: list[int] = []
    # Without recursion: a tree can be as deep as it has leaves. A split is known when all at its left is done.
    waiting: list[tuple[int, int | None]] = [(0, None)]
    opening: list[tuple[list[str], float, int]] = []
    ends: list[int] = []
    while waiting:
        node, opened = waiting.pop()
        if opened is not None:
            ends[opened] = len(leaves)
            continue
        if tree.lefts[node] == LEAF:
            leaves.append(node)
            if len(leaves) > MAX_LEAVES:
                raise Unsupported(f"a tree has more than {MAX_LEAVES} leaves")
            continue
        name, threshold = COLUMNS[tree.columns[node]], tree.thresholds[node]
        lowest, highest = RANGES.get(name, (0.0, 1.0))
        if threshold >= highest:
            waiting.append((tree.lefts[node], None))
        elif threshold < lowest:
            waiting.append((tree.rights[node], None))
        else:
            # A split under several columns: each of them makes the leaves at its left unreachable.
            names = [name, *(COLUMNS[column] for column in tree.more.get(node, ()))]
            opening.append((names, threshold, len(leaves)))
            ends.append(0)
            waiting += [(tree.rights[node], None), (node, len(ends) - 1), (tree.lefts[node], None)]
    for (names, threshold, first), end in zip(opening, ends, strict=True):
        for name in names:
            splits[name].setdefault(threshold, []).append((number, first, end))
    return leaves
