"""Which form an estimator has: linear, trees, or none."""

import warnings
from collections.abc import Sequence
from typing import Any

from sklearn.pipeline import Pipeline

from predictor.artifacts import InputColumn
from predictor.errors import NotCompilable
from predictor.models.compiled import Form
from predictor.text import describe_error
from predictor.training.compile.ensemble import tree_models
from predictor.training.compile.inputs import Inputs
from predictor.training.compile.layout import form_of
from predictor.training.compile.linear import LINEAR, linear_form
from predictor.training.compile.tree import Unsupported


def compile_estimator(estimator: Any, columns: Sequence[InputColumn]) -> Form:
    """`columns` are the estimator's own input. Raises `NotCompilable` with the reason where it has no form."""
    named = getattr(estimator, "feature_names_in_", None) is not None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Of the libraries; parity measures whether the result is right.
            return _form(estimator, Inputs.of(columns, named=named))
    except Unsupported as error:
        raise NotCompilable(type(estimator).__name__, str(error)) from error
    except Exception as error:
        # Another version of a library keeps its model elsewhere. Parity would find wrong answers; this finds none.
        raise NotCompilable(type(estimator).__name__, f"it cannot be read: {describe_error(error)}") from error


def _form(estimator: Any, inputs: Inputs) -> Form:
    last = getattr(estimator, "best_estimator_", estimator)
    before = inputs
    while isinstance(last, Pipeline):
        before = before.after(last[:-1]) if len(last.steps) > 1 else before
        last = last.steps[-1][1]
    # Not the subclasses of others: they may compute something else.
    if isinstance(last, LINEAR) and type(last).__module__.startswith("sklearn."):
        return linear_form(last, before)
    return form_of(tree_models(estimator, inputs))
