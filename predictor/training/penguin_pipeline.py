"""This project's own estimator: a logistic regression on the four measurements and the sex, not on the island.

docs/explanation/decisions.md says why, with the figures of `python -m predictor.training.penguin_selection`. It takes
the replaced service's columns (`get_dummies` of sex and island) and drops the island: in this data the island nearly
determines the species, so a model that uses it learns where a species was seen instead of what it looks like.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelEncoder, StandardScaler

from predictor.penguin import Penguin
from predictor.schema import MEASUREMENTS
from predictor.training.fitted_model import ENCODED, FittedModel, encode

INVERSE_REGULARISATION: Final = 100.0


def build() -> Pipeline:
    """The unfitted pipeline. It takes the columns `ENCODED`, in that order, by position."""
    # Positions, not names: then one tensor of features is enough for the ONNX form.
    measurements = [ENCODED.index(name) for name in MEASUREMENTS]
    sexes = [index for index, name in enumerate(ENCODED) if name.startswith("sex_")]
    features = ColumnTransformer(
        [("measurements", StandardScaler(), measurements), ("sex", "passthrough", sexes)], remainder="drop"
    )
    # Newton's method reaches the optimum to the last digits; lbfgs stops on the way, where depends on the BLAS kernel.
    classifier = LogisticRegression(C=INVERSE_REGULARISATION, solver="newton-cholesky", tol=1e-10, max_iter=1000)
    return Pipeline([("features", features), ("classifier", classifier)])


def fit(penguins: Sequence[Penguin], species: Sequence[str]) -> FittedModel:
    """Fit on penguins and their species. The parameters are float32 values (see `_round`)."""
    label_encoder = LabelEncoder()
    estimator = build().fit(encode(penguins), label_encoder.fit_transform(list(species)))
    _round(estimator)
    return FittedModel(estimator, label_encoder, ENCODED)


def _round(estimator: Pipeline) -> None:
    """Round every fitted parameter to the nearest float32, in place.

    BLAS kernels differ between processors and give sums that differ in their last bits (1e-16); rounding at 6e-8
    makes the same model of them everywhere, and so the same digests. It changes no probability by more than 1e-6.
    """
    scaler = estimator.named_steps["features"].named_transformers_["measurements"]
    classifier = estimator.named_steps["classifier"]
    for part, names in ((scaler, ("mean_", "var_", "scale_")), (classifier, ("coef_", "intercept_"))):
        for name in names:
            setattr(part, name, np.asarray(getattr(part, name), dtype=np.float32).astype(np.float64))
