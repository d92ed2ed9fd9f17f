from dataclasses import replace

from predictor.training.dataset import Dataset
from predictor.training.penguin_card import trained_card
from predictor.training.penguin_metrics import Evaluation, MeanAndSd, ReliabilityBin, Score
from predictor.training.penguin_trust import SetFigures, TrustFigures

EVALUATION = Evaluation(
    accuracy=MeanAndSd(0.9123, 0.0045),
    log_loss=MeanAndSd(0.0678, 0.0009),
    other_island=Score(birds=40, correct=30, log_loss=0.1357),
    later_year=Score(birds=117, correct=116, log_loss=0.0246),
    later_year_unsexed=Score(birds=2, correct=1, log_loss=0.1),
    left_out_island={"Biscoe": Score(10, 9, 0.2222)},
    reliability=(ReliabilityBin(0.2, 0.5, 7, 0.3333, 0.4286),),
    calibration_error=0.0043,
)


OF_A_SPLIT = SetFigures(
    birds=200, covered={0.8: 190, 0.99: 199}, sizes={0.8: 201, 0.99: 220}, flagged=5, answered=181, wrong=2
)
TRUST = TrustFigures(
    random_splits=OF_A_SPLIT,
    years={"2007": replace(OF_A_SPLIT, answered=150)},
    species={"Gentoo": (119, 118)},
    hybrids_sure=387,
    hybrids_flagged=28,
)


def test_every_figure_of_the_evaluation_is_in_the_card(dataset: Dataset) -> None:
    card = trained_card(dataset, "LogisticRegression(C=7)", EVALUATION, TRUST)
    for line in (
        "| accuracy | 0.9123 ± 0.0045 |",
        "| log loss (nats) | 0.0678 ± 0.0009 |",
        "| calibration error | 0.0043 |",
        "accuracy, log loss | 0.7500, 0.1357 |",
        "log loss | 116 of 117, 0.0246 |",
        "right as male and as female | 1 of 2 |",
        "| left out Biscoe: right, log loss | 9 of 10, 0.2222 |",
        "| 0.2 to 0.5 | 7 | 0.3333 | 0.4286 |",
        "Parameters: `LogisticRegression(C=7)`.",
        "333 complete birds of the Palmer penguins data set (344 rows; the 11 incomplete ones are refused)",
        "body_mass_g 500 to 50000",
        "| at random | 200 | 97.5% | 90.5% | 2 |",
        "| 2007 left out | 200 | 97.5% | 75.0% | 2 |",
        "| 80% | 95.0% | 1.005 |\n| 99% | 99.5% | 1.100 |",
        "| Gentoo | 119 | 99.2% |",
        "2.5% of the held-out birds were flagged",
        "is hardly ever flagged: of 500 simulated birds",
        "387 got a probability above 0.9, and 28 were flagged. No real one was tested.",
        "one more mistake lowers the accuracy by 0.0030",
    ):
        assert line in card
    assert "{" not in card
