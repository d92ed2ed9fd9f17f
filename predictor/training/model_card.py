"""The model card of a model that was made elsewhere."""

from collections.abc import Mapping, Sequence

from predictor.training.dataset import Dataset
from predictor.trust.reference import Reference

_PUBLISHED = """\
# {estimator}
A `{estimator}` that was made elsewhere.

## Model
`{parameters}`

Columns: {columns}.

## Figures
Publishing knows neither how the model was made nor on which rows. It was compared with {rows} labelled rows (sha256
`{sha256}`). If the model was fitted on these rows, the figures show that it was read correctly, and say nothing about
rows that it has not seen.

{metrics}

## Trust
`reference.json` was made from the same {rows} rows. Distances and p-values are about them: a bird is flagged if it is
unlike these rows, whatever the model was trained on. Unlike does not mean wrong. {sets}
"""


def published_card(
    dataset: Dataset,
    estimator: str,
    parameters: str,
    *,
    columns: Sequence[str],
    metrics: Mapping[str, float],
    reference: Reference,
) -> str:
    """The card of an estimator (the name of its class), with its `repr` as `parameters`."""
    listed = "\n".join(f"- {name}: {value:g}" for name, value in metrics.items())
    return _PUBLISHED.format(
        estimator=estimator,
        parameters=parameters,
        columns=", ".join(f"`{name}`" for name in columns),
        rows=len(dataset.rows),
        sha256=dataset.sha256,
        metrics=listed,
        sets=_sets(reference),
    )


def _sets(reference: Reference) -> str:
    if reference.sets is None:
        return f"There are no prediction sets: {reference.without_sets}."
    return (
        f"Prediction sets come from clones of the estimator, fitted on these rows in {reference.sets.folds}-fold"
        " cross-validation. Their coverage is an average over rows like these, not for each class or row. It was taken"
        " from such clones; of the served model it is an estimate."
    )
