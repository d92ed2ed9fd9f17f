import numpy as np
import pandas as pd
import pytest

from predictor.batch import PenguinColumns
from predictor.models.features import FeatureEncoder
from predictor.schema import CATEGORIES, DUMMY_COLUMNS, MEASUREMENTS
from tests.support.bundles import random_penguins

USUAL = (*MEASUREMENTS, *DUMMY_COLUMNS)


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param(USUAL, id="as-get_dummies-makes-them"),
        pytest.param(USUAL[::-1], id="another-order"),
        pytest.param(tuple(c for c in USUAL if c not in ("sex_female", "island_Biscoe")), id="drop_first"),
        pytest.param((*USUAL, "year"), id="a-column-that-no-penguin-has"),
        pytest.param(("island_Dream",), id="a-single-column"),
    ],
)
def test_features_are_what_get_dummies_and_reindex_make(columns: tuple[str, ...]) -> None:
    penguins, _ = random_penguins(40, seed=9)
    frame = pd.DataFrame([penguin.model_dump() for penguin in penguins])
    expected = pd.get_dummies(frame, columns=list(CATEGORIES)).reindex(columns=list(columns), fill_value=0)
    encoder = FeatureEncoder(columns)
    matrix = encoder.matrix(PenguinColumns.of(penguins))
    assert matrix.dtype == np.float32
    assert np.array_equal(matrix, expected.to_numpy(dtype=np.float32))
    rows = np.array([encoder.row(penguin) for penguin in penguins], dtype=np.float32)
    assert np.array_equal(rows, matrix)


def test_one_batch_does_not_show_in_the_next() -> None:
    penguins, _ = random_penguins(10, seed=10)
    encoder = FeatureEncoder(USUAL)
    first = encoder.matrix(PenguinColumns.of(penguins))
    kept = first.copy()
    encoder.matrix(PenguinColumns.of(penguins[::-1]))
    assert np.array_equal(first, kept)
