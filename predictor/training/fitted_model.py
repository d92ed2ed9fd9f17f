"""A fitted classifier as the replaced service kept it: estimator, label encoder, columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from predictor.penguin import Penguin
from predictor.schema import CATEGORIES, FEATURES, MEASUREMENTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENCODED: Final = (*MEASUREMENTS, *(f"{name}_{value}" for name in CATEGORIES for value in sorted(CATEGORIES[name])))
"""Every column that the encoding can give, in the order in which `get_dummies` gives them."""


@dataclass(frozen=True, slots=True)
class FittedModel:
    """What the replaced service kept in three files."""

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
        """The class names that the replaced service answered: integers from `predict`, names from the encoder."""
        classes = self.estimator.predict(encode(penguins, self.columns))
        return [str(name) for name in self.label_encoder.inverse_transform(np.asarray(classes).ravel())]


def encode(penguins: Sequence[Penguin], columns: Sequence[str] = ENCODED) -> pd.DataFrame:
    """The replaced service's encoding: `get_dummies` on the categories, then `reindex` on the expected columns."""
    frame = pd.DataFrame([[getattr(p, name) for name in FEATURES] for p in penguins], columns=list(FEATURES))
    return pd.get_dummies(frame, columns=list(CATEGORIES)).reindex(columns=list(columns), fill_value=0)
