"""The model card of this project's own model. Every figure in it is passed in, none is typed."""

from predictor.schema import FEATURES, RANGES
from predictor.training.dataset import Dataset
from predictor.training.parity import LIMIT, RANDOM_PENGUINS
from predictor.training.penguin_evaluation import FOLDS, REPEATS
from predictor.training.penguin_metrics import Evaluation, Score
from predictor.training.penguin_trust import HYBRIDS, SPLITS, TrustFigures

_DATA = """\
## Data
{birds} complete birds of the Palmer penguins data set ({rows} rows; the {incomplete} incomplete ones are refused),
nesting adults on three islands of the Palmer Archipelago near Palmer Station, Antarctica, 2007-2009. CC0.
sha256 `{sha256}`

The birds are not independent of each other: most are the two adults of one nest, all are of three years. The file does
not name the nests, so a bird is often tested with its mate among the birds that were fitted.

- Horst AM, Hill AP, Gorman KB (2020). palmerpenguins: Palmer Archipelago (Antarctica) penguin data.
  doi:10.5281/zenodo.3960218
- Gorman KB, Williams TD, Fraser WR (2014). Ecological sexual dimorphism and environmental variability within a
  community of Antarctic penguins (genus Pygoscelis). PLoS ONE 9(3): e90081. doi:10.1371/journal.pone.0090081
"""

_TRAINED = """\
# Penguin species from six measurements
Predicts whether a penguin is an Adelie, a Chinstrap or a Gentoo from {features}.

## Model
Multinomial logistic regression on the four measurements (standardised) and the sex. The island is part of the input
and is not used: in this data no island has all three species (Chinstraps only on Dream, Gentoos only on Biscoe), and
models that used it were wrong more often about birds said to be elsewhere. Parameters: `{parameters}`.

{data}
## Figures
All on birds that were not used in the fit; the model in this folder is fitted on all {birds}. Accuracy, log loss and
calibration: {folds}-fold cross-validation, repeated {repeats} times; mean ± standard deviation of the repeats. The
repeats divide the same birds in other ways: ± is how much that changes the figure, not how much other birds would. The
kind of model, its inputs and its parameters were chosen by these figures, those of 2009 and of the islands among them,
so they may be a little too good.

| | |
|---|---|
| accuracy | {accuracy.mean:.4f} ± {accuracy.sd:.4f} |
| log loss (nats) | {log_loss.mean:.4f} ± {log_loss.sd:.4f} |
| calibration error | {calibration_error:.4f} |
| the same birds, said to be on another island: accuracy, log loss | {other_accuracy:.4f}, {other_island.log_loss:.4f} |
| fitted on 2007-08, tested on 2009: right, log loss | {later} |
| ... birds of 2009 without a recorded sex, right as male and as female | {unsexed.correct} of {unsexed.birds} |
{islands}

The last rows: fitted on two islands, tested on those birds of the third whose species lives on the two as well. These
are all Adelies; without Biscoe no Gentoo was fitted, without Dream no Chinstrap. Saying another island changes nothing,
because the island is not used.

## Probabilities
Held-out probabilities of all species, birds and repeats: of the predictions with probability p, how many were right?
Each bird counts {repeats} times for each species. The rows in the middle are a few birds each, too few to say whether
such probabilities are right. The calibration error is the mean difference between the last two columns, weighted by the
count, so it is mostly about probabilities near 0 and 1. The model was not calibrated afterwards.

| probability | count | mean predicted | observed |
|---|---|---|---|
{reliability}

## Trust
What a detailed answer says beside the probability, measured on birds that neither the model nor its reference had seen:
{splits} random splits, a fifth of each species held out each time; and each year left out in turn. {birds} birds cannot
show differences of less than about a percentage point, nor does a 0 mean never. The splits overlap, so they are not
{splits} independent experiments.

| birds that were held out | count | `in_distribution` by their measurements | answered | wrong among the answered |
|---|---|---|---|---|
{held_out}

| stated coverage | sets with the true species | mean size of a set |
|---|---|---|
{coverage}

Sets at a low coverage have more than the stated share, because the most probable species always belongs to them. The
share is of all these birds together. It may be lower for one species or island, and is not the chance for one bird.

| species left out of the reference | birds | flagged as unlike the others |
|---|---|---|
{left_out}

- All of this holds for birds like these: same species, islands and years, measured the same way. In another year more
  birds may be flagged; the years above say how many were here. The coverage may be lower there; this card does not have
  it by year. For another species it means nothing.
- A flag says unlike, not wrong: {false_flags} of the held-out birds were flagged, and all of these were of the three
  species. A bird without a flag may still be of another species, as the last table shows, or the answer wrong.
- A cross between an Adelie and a Chinstrap is hardly ever flagged: of {hybrids} simulated birds about halfway between
  the two, {hybrids_sure} got a probability above 0.9, and {hybrids_flagged} were flagged. No real one was tested.

## Limits
- It knows three species: any other penguin is called one of them. Of each of the three, most birds were flagged when
  their species was left out, see above. No real birds of other species were tested.
- It extrapolates: measurements far from those of the training birds get a confident answer without support in the
  data. The service accepts {ranges}.
- The birds are nesting adults of one archipelago and three years. Nothing was measured on chicks, on moulting or sick
  birds, or on birds of other places.
- {birds} birds are few: one more mistake lowers the accuracy by {one_bird:.4f}. Differences larger than ± can still be
  chance.

## Forms
`model.pkl`, `label_encoder.pkl`, `columns.pkl` (joblib) and `model.onnx` give the same probabilities to within
{limit:g} over the data set, {random:,} random penguins over the ranges above, and {random:,} more among the
measurements of the training birds.
"""


def trained_card(dataset: Dataset, parameters: str, evaluation: Evaluation, trust: TrustFigures) -> str:
    """The card of the model that `train` makes."""
    other = evaluation.other_island
    islands = [
        f"| left out {island}: right, log loss | {_right(score)} |"
        for island, score in evaluation.left_out_island.items()
    ]
    reliability = [
        f"| {item.low:g} to {item.high:g} | {item.count} | {item.predicted:.4f} | {item.observed:.4f} |"
        for item in evaluation.reliability
    ]
    return _TRAINED.format(
        **_trust(trust),
        features=", ".join(FEATURES),
        parameters=parameters,
        data=_data(dataset),
        birds=len(dataset.rows),
        one_bird=1 / len(dataset.rows),
        accuracy=evaluation.accuracy,
        log_loss=evaluation.log_loss,
        calibration_error=evaluation.calibration_error,
        other_accuracy=other.correct / other.birds,
        other_island=other,
        later=_right(evaluation.later_year),
        unsexed=evaluation.later_year_unsexed,
        islands="\n".join(islands),
        reliability="\n".join(reliability),
        ranges=", ".join(f"{name} {low:g} to {high:g}" for name, (low, high) in RANGES.items()),
        limit=LIMIT,
        random=RANDOM_PENGUINS,
        folds=FOLDS,
        repeats=REPEATS,
    )


def _trust(trust: TrustFigures) -> dict[str, object]:
    splits = trust.random_splits
    held_out = {"at random": splits, **{f"{year} left out": figures for year, figures in trust.years.items()}}
    return {
        "splits": SPLITS,
        "held_out": "\n".join(
            f"| {name} | {of.birds} | {1 - of.flagged / of.birds:.1%} | {of.answered / of.birds:.1%} | {of.wrong} |"
            for name, of in held_out.items()
        ),
        "coverage": "\n".join(
            f"| {stated:.0%} | {splits.covered[stated] / splits.birds:.1%} | {size / splits.birds:.3f} |"
            for stated, size in splits.sizes.items()
        ),
        "left_out": "\n".join(
            f"| {name} | {birds} | {flagged / birds:.1%} |" for name, (birds, flagged) in trust.species.items()
        ),
        "false_flags": f"{splits.flagged / splits.birds:.1%}",
        "hybrids": HYBRIDS,
        "hybrids_sure": trust.hybrids_sure,
        "hybrids_flagged": trust.hybrids_flagged,
    }


def _data(dataset: Dataset) -> str:
    birds, incomplete = len(dataset.rows), len(dataset.incomplete)
    return _DATA.format(birds=birds, incomplete=incomplete, rows=birds + incomplete, sha256=dataset.sha256)


def _right(score: Score) -> str:
    return f"{score.correct} of {score.birds}, {score.log_loss:.4f}"
