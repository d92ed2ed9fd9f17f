"""The estimator: a logistic regression on the four measurements and the sex, blind to the island.

Why this one, with the figures: docs/decisions.md, made by `python -m predictor.training.selection`. It takes the
predecessor's columns (`get_dummies` of sex and island), island included, and drops the island: on these birds it gives
the species away, so a model that sees it learns where a species was met instead of what it looks like.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelEncoder, StandardScaler

from predictor.penguin import CATEGORIES, FEATURES, MEASUREMENTS, Penguin

if TYPE_CHECKING:
    from numpy.typing import NDArray

INVERSE_REGULARISATION: Final = 100.0

ENCODED: Final = (*MEASUREMENTS, *(f"{name}_{value}" for name in CATEGORIES for value in sorted(CATEGORIES[name])))
"""Every column that the encoding can give, in the order in which `get_dummies` gives them."""


@dataclass(frozen=True, slots=True)
class FittedModel:
    """What the predecessor kept in three files: estimator, label encoder, expected columns."""

    estimator: Any
    label_encoder: Any
    columns: tuple[str, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the probabilities."""
        return tuple(str(name) for name in self.label_encoder.inverse_transform(self.estimator.classes_))

    def probabilities(self, penguins: Sequence[Penguin]) -> "NDArray[np.float64]":
        """`predict_proba`, shape (len(penguins), classes)."""
        return np.asarray(self.estimator.predict_proba(encode(penguins, self.columns)), dtype=np.float64)

    def predict(self, penguins: Sequence[Penguin]) -> list[str]:
        """The class names that the predecessor answered: integer class from `predict`, name from the encoder."""
        classes = self.estimator.predict(encode(penguins, self.columns))
        return [str(name) for name in self.label_encoder.inverse_transform(np.asarray(classes).ravel())]


def encode(penguins: Sequence[Penguin], columns: Sequence[str] = ENCODED) -> pd.DataFrame:
    """The predecessor's encoding: `get_dummies` on sex and island, then `reindex` on the expected columns."""
    frame = pd.DataFrame([[getattr(p, name) for name in FEATURES] for p in penguins], columns=list(FEATURES))
    return pd.get_dummies(frame, columns=list(CATEGORIES)).reindex(columns=list(columns), fill_value=0)


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
