"""What can be published: any classifier that answers for penguins; and the kind that the replaced service kept."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import pandas as pd

from predictor.artifacts import InputColumn, one_hot_input
from predictor.models.compiled import Form
from predictor.penguin import Penguin
from predictor.schema import CATEGORIES, FEATURES, MEASUREMENTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENCODED: Final = (*MEASUREMENTS, *(f"{name}_{value}" for name in CATEGORIES for value in sorted(CATEGORIES[name])))
"""Every column that the encoding can give, in the order in which `get_dummies` gives them."""


class PublishableModel(Protocol):
    """A classifier, in this process or in another one."""

    @property
    def name(self) -> str:
        """The class of the estimator."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the probabilities."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The features of the compiled forms, in order."""

    @property
    def input(self) -> tuple[InputColumn, ...] | None:
        """The estimator's own input; None where it is one-hot encoded under the names of `columns`."""

    def libraries(self, *, compiled: bool) -> Mapping[str, str]:
        """Distribution name -> version that the model was made with, and that compiled it."""

    def probabilities(self, penguins: Sequence[Penguin]) -> "NDArray[np.float64]":
        """`predict_proba`, shape (len(penguins), classes)."""

    def predict(self, penguins: Sequence[Penguin]) -> list[str]:
        """The class names that `predict` answers."""

    def onnx_forms(self) -> Iterator[bytes]:
        """Every ONNX form, best first. Raises `NotConvertible` when there is none."""

    def compiled_form(self) -> Form:
        """The content of `compiled.json`. Raises `NotCompilable` when there is none."""

    def out_of_fold(
        self, penguins: Sequence[Penguin], classes: Sequence[int], folds: Sequence[int]
    ) -> "NDArray[np.float64]":
        """Probabilities by clones that were fitted without the penguin's fold, shape (len(penguins), classes).

        `classes`: each penguin's index in `classes` of the model. Raises `NotRefittable`.
        """


@dataclass(frozen=True, slots=True)
class FittedModel:
    """What the replaced service kept in three files."""

    estimator: Any
    label_encoder: Any
    columns: tuple[str, ...]
    input: None = None

    @property
    def name(self) -> str:
        return type(self.estimator).__name__

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

    def out_of_fold(
        self, penguins: Sequence[Penguin], classes: Sequence[int], folds: Sequence[int]
    ) -> "NDArray[np.float64]":
        from predictor.training.refitting import refit

        return refit(self.estimator, encode(penguins, self.columns), classes, folds)

    def libraries(self, *, compiled: bool) -> Mapping[str, str]:
        from predictor.training.libraries import versions

        return versions(self.estimator, compiled=compiled)

    def onnx_forms(self) -> Iterator[bytes]:
        from predictor.training.onnx_form import forms  # Imports the converters.

        return forms(self.estimator, self.columns, len(self.classes))

    def compiled_form(self) -> Form:
        from predictor.training.compile import compile_estimator

        return compile_estimator(self.estimator, one_hot_input(self.columns))


def encode(penguins: Sequence[Penguin], columns: Sequence[str] = ENCODED) -> pd.DataFrame:
    """The replaced service's encoding: `get_dummies` on the categories, then `reindex` on the expected columns."""
    frame = pd.DataFrame([[getattr(p, name) for name in FEATURES] for p in penguins], columns=list(FEATURES))
    return pd.get_dummies(frame, columns=list(CATEGORIES)).reindex(columns=list(columns), fill_value=0)
