"""Linear models: weights and intercepts, behind a softmax."""

from typing import Any

from predictor.models.compiled import LinearForm
from predictor.training.folding import LINEAR, fold


def linear_form(estimator: Any, columns: tuple[str, ...]) -> LinearForm | None:
    """The form of a linear model on these columns, alone or behind a scaler; None for anything else.

    Where there are two classes, the first has weights of 0: softmax(0, s) is the sigmoid of s.
    """
    folded = fold(estimator, columns)
    # Not their subclasses, except one of scikit-learn's own: they may compute something else.
    if not isinstance(folded, LINEAR) or not type(folded).__module__.startswith("sklearn."):
        return None
    weights, intercepts = folded.coef_.tolist(), folded.intercept_.tolist()
    if getattr(folded, "multi_class", "auto") == "ovr" and len(weights) > 1:
        return None  # Sigmoids over their sum: scikit-learn before 1.8.
    if len(weights) == 1:
        weights, intercepts = [[0.0] * len(columns), *weights], [0.0, *intercepts]
    if len(weights[0]) != len(columns):
        return None
    return LinearForm(weights=tuple(zip(*weights, strict=True)), intercepts=tuple(intercepts))
