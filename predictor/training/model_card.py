"""The model card of a model that was made elsewhere."""

from collections.abc import Mapping, Sequence
from typing import Any

from predictor.training.dataset import Dataset

_PUBLISHED = """\
# {estimator}
A `{estimator}` that was published from three pickles made elsewhere.

## Model
`{parameters}`

Columns: {columns}.

{notes}## Figures
Publishing knows neither how the model was made nor on which rows. It was compared with {rows} labelled rows (sha256
`{sha256}`). If the model was fitted on these rows, the figures show that it was read correctly, and say nothing about
rows that it has not seen.

{metrics}
"""


def published_card(
    dataset: Dataset, estimator: Any, *, columns: Sequence[str], notes: Sequence[str], metrics: Mapping[str, float]
) -> str:
    """The card. `notes` are what publishing found worth mentioning."""
    listed = "\n".join(f"- {name}: {value:g}" for name, value in metrics.items())
    return _PUBLISHED.format(
        estimator=type(estimator).__name__,
        parameters=" ".join(repr(estimator).split()),
        columns=", ".join(f"`{name}`" for name in columns),
        notes="".join(f"- {note}\n" for note in notes) + ("\n" if notes else ""),
        rows=len(dataset.rows),
        sha256=dataset.sha256,
        metrics=listed or "None: its classes are not those of the labelled rows.",
    )
