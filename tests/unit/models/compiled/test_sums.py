"""Sums in whole numbers: close to those of floats, and shares of a whole stay shares of it."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictor.models.compiled.form import Member
from predictor.models.compiled.sums import Sum, sums_of

VALUES = st.floats(-8, 8)


def member(trees: Sequence[Sequence[Sequence[float]]], scores: int) -> Member:
    leaves = tuple(tuple(map(tuple, tree)) for tree in trees)
    return Member(weight=1.0, base=(0.25,) * scores, link="softmax", separate=False, trees=leaves)


def total(part: Sum, chosen: Sequence[int]) -> int:
    return sum(tree[leaf] for tree, leaf in zip(part.values, chosen, strict=True))


@given(st.data(), st.integers(1, 5), st.integers(1, 40))
def test_scores_are_the_sums_of_the_leaves(data: st.DataObject, scores: int, count: int) -> None:
    leaf = st.lists(VALUES, min_size=scores, max_size=scores)
    trees = data.draw(st.lists(st.lists(leaf, min_size=1, max_size=4), min_size=count, max_size=count))
    chosen = [data.draw(st.integers(0, len(tree) - 1)) for tree in trees]
    (part,) = sums_of(member(trees, scores))
    expected = [
        math.fsum([0.25, *(tree[leaf][score] for tree, leaf in zip(trees, chosen, strict=True))])
        for score in range(scores)
    ]
    assert part.scores(total(part, chosen)) == pytest.approx(expected, abs=1e-5)


@given(st.integers(2, 6), st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_shares_stay_shares(classes: int, count: int, seed: int) -> None:
    """Nothing is negative, a share of 0 stays 0, and the sum is that of the whole."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet([0.3] * classes, (count, 3))
    shares[:, :, 0] = 0
    shares = shares / shares.sum(axis=2, keepdims=True) / count
    leaves = tuple(tuple(map(tuple, tree)) for tree in shares.tolist())
    (part,) = sums_of(Member(weight=1.0, base=(0.0,) * classes, link="none", separate=False, trees=leaves))
    chosen = rng.integers(3, size=count).tolist()
    scores = part.scores(total(part, chosen))
    assert scores[0] == 0
    assert min(scores) >= 0
    assert sum(scores) == pytest.approx(1, abs=1e-9 + count * 2.0**-30)
    assert scores == pytest.approx(shares[np.arange(count), chosen].sum(axis=0), abs=1e-7)
