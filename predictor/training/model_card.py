"""The model card: for people. Every figure in it is handed in, none is typed."""

from collections.abc import Mapping, Sequence
from typing import Any

from predictor.penguin import FEATURES, RANGES
from predictor.training.dataset import Dataset
from predictor.training.evaluation import FOLDS, REPEATS
from predictor.training.figures import Evaluation, Score
from predictor.training.parity import LIMIT, RANDOM_PENGUINS

_DATA = """\
## Data
{birds} complete birds of the Palmer penguins data set ({rows} rows; the {incomplete} incomplete ones are refused),
nesting adults on three islands of the Palmer Archipelago, Antarctica, 2007-2009. CC0.
sha256 `{sha256}`

- Horst AM, Hill AP, Gorman KB (2020). palmerpenguins: Palmer Archipelago (Antarctica) penguin data.
  doi:10.5281/zenodo.3960218
- Gorman KB, Williams TD, Fraser WR (2014). Ecological sexual dimorphism and environmental variability within a
  community of Antarctic penguins (genus Pygoscelis). PLoS ONE 9(3): e90081. doi:10.1371/journal.pone.0090081
"""

_TRAINED = """\
# Penguin species from six measurements
Tells Adelie, Chinstrap and Gentoo penguins apart by {features}.

## Model
Multinomial logistic regression on the four measurements (standardised) and the sex. The island is taken and not used:
on these birds it nearly gives the species away (Chinstraps only on Dream, Gentoos only on Biscoe), so a model that sees
it errs on a bird that is met elsewhere. Parameters: `{parameters}`.

{data}
## Figures
All on birds that the model had not seen. Accuracy, log loss and calibration: {folds}-fold cross-validation, repeated
{repeats} times; mean and standard deviation of the repeats.

| | |
|---|---|
| accuracy | {accuracy.mean:.4f} ± {accuracy.sd:.4f} |
| log loss (nats) | {log_loss.mean:.4f} ± {log_loss.sd:.4f} |
| calibration error | {calibration_error:.4f} |
| the same birds, said to be on another island: accuracy, log loss | {other_accuracy:.4f}, {other_island.log_loss:.4f} |
| fitted on 2007-08, tested on 2009: right, log loss | {later} |
| ... birds of 2009 without a recorded sex, right as male and as female | {unsexed.correct} of {unsexed.birds} |
{islands}

The last rows: fitted on two islands, tested on those birds of the third whose species lives on the two as well.

## Probabilities
Held-out probabilities of all species, birds and repeats: when the model says p, how often is it so?

| probability | count | mean said | came true |
|---|---|---|---|
{reliability}

## Limits
- It knows three species: any other penguin is called one of them.
- It extrapolates: measurements far from the training birds' get a confident answer that nothing supports. The service
  accepts {ranges}.
- The birds are of one archipelago and three years, adults at nest; no chicks.
- With {birds} birds, figures that differ by less than their standard deviation do not differ.

## Forms
`model.pkl`, `label_encoder.pkl`, `columns.pkl` (joblib) and `model.onnx` give the same probabilities to within
{limit:g} over the data set, {random:,} random penguins over the ranges above, and {random:,} more among the
measurements of the training birds.
"""

_PUBLISHED = """\
# Penguin species from six measurements
A `{estimator}` that was published from three pickles made elsewhere.

## Model
`{parameters}`

Columns: {columns}.

{notes}{data}
## Figures
How it was made is not known here, nor on which birds. If it was fitted on the birds above, these figures say that it
was read correctly, and nothing about birds that it has not seen.

{figures}
"""


def trained_card(dataset: Dataset, parameters: str, figures: Evaluation) -> str:
    """The card of the model that `train` makes."""
    other = figures.other_island
    islands = [
        f"| left out {island}: right, log loss | {_right(score)} |" for island, score in figures.left_out_island.items()
    ]
    reliability = [
        f"| {item.low:g} to {item.high:g} | {item.count} | {item.predicted:.4f} | {item.observed:.4f} |"
        for item in figures.reliability
    ]
    return _TRAINED.format(
        features=", ".join(FEATURES),
        parameters=parameters,
        data=_data(dataset),
        birds=len(dataset.birds),
        accuracy=figures.accuracy,
        log_loss=figures.log_loss,
        calibration_error=figures.calibration_error,
        other_accuracy=other.correct / other.birds,
        other_island=other,
        later=_right(figures.later_year),
        unsexed=figures.later_year_unsexed,
        islands="\n".join(islands),
        reliability="\n".join(reliability),
        ranges=", ".join(f"{name} {low:g} to {high:g}" for name, (low, high) in RANGES.items()),
        limit=LIMIT,
        random=RANDOM_PENGUINS,
        folds=FOLDS,
        repeats=REPEATS,
    )


def published_card(
    dataset: Dataset, estimator: Any, *, columns: Sequence[str], notes: Sequence[str], metrics: Mapping[str, float]
) -> str:
    """The card of a model that came as pickles. `notes` are what publishing had to remark."""
    figures = "\n".join(f"- {name}: {value:g}" for name, value in metrics.items())
    return _PUBLISHED.format(
        estimator=type(estimator).__name__,
        parameters=" ".join(repr(estimator).split()),
        columns=", ".join(f"`{name}`" for name in columns),
        notes="".join(f"- {note}\n" for note in notes) + ("\n" if notes else ""),
        data=_data(dataset),
        figures=figures or "None: its classes are not the species of this data set.",
    )


def _data(dataset: Dataset) -> str:
    birds, incomplete = len(dataset.birds), len(dataset.incomplete)
    return _DATA.format(birds=birds, incomplete=incomplete, rows=birds + incomplete, sha256=dataset.sha256)


def _right(score: Score) -> str:
    return f"{score.correct} of {score.birds}, {score.log_loss:.4f}"
