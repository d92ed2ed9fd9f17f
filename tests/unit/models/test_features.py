import numpy as np
import pandas as pd
import pytest

from predictor.batch import PenguinColumns
from predictor.models.features import DUMMY_COLUMNS, Encoder
from predictor.schema import CATEGORIES, MEASUREMENTS
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
    encoder = Encoder(columns)
    assert np.array_equal(encoder.encode(penguins), expected.to_numpy(dtype=np.float32))
    rows = np.array([encoder.row(penguin) for penguin in penguins], dtype=np.float32)
    assert np.array_equal(rows, encoder.encode(penguins))
    assert np.array_equal(encoder.encode_columns(PenguinColumns.of(penguins)), encoder.encode(penguins))
