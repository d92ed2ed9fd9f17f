"""The metrics of an evaluation, which the manifest, the model card and the table of candidates show.

`predictor.training.penguin_evaluation` rounds them, so that last-bit differences between processors do not change a
digest.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MeanAndSd:
    """A metric over repeated cross-validation: mean, and standard deviation between the repeats."""

    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class Score:
    """One test set: birds, how many were classified correctly, mean log loss (nats)."""

    birds: int
    correct: int
    log_loss: float


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Probabilities in [low, high): how many there were, their mean, and how often they came true."""

    low: float
    high: float
    count: int
    predicted: float
    observed: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Every metric that the choice of the model is based on."""

    accuracy: MeanAndSd
    log_loss: MeanAndSd
    other_island: Score
    """The held-out birds of all repeats, each said to be on the two islands where it was not."""
    later_year: Score
    later_year_unsexed: Score
    """Birds of that year without a recorded sex; right only if right as a male and as a female."""
    left_out_island: dict[str, Score]
    """Fitted on the two other islands, tested on the birds of this one whose species lives there too."""
    reliability: tuple[ReliabilityBin, ...]
    calibration_error: float
    """Mean distance of predicted and observed, weighted by the bins' counts."""

    def metrics(self) -> dict[str, float]:
        """The metrics by their names in a manifest."""
        left_out = self.left_out_island.values()
        return {
            "cv_accuracy": self.accuracy.mean,
            "cv_accuracy_sd": self.accuracy.sd,
            "cv_log_loss": self.log_loss.mean,
            "cv_log_loss_sd": self.log_loss.sd,
            "cv_calibration_error": self.calibration_error,
            "other_island_accuracy": round(self.other_island.correct / self.other_island.birds, 4),
            "other_island_log_loss": self.other_island.log_loss,
            "test_2009_birds": float(self.later_year.birds),
            "test_2009_correct": float(self.later_year.correct),
            "test_2009_log_loss": self.later_year.log_loss,
            "test_2009_unsexed_birds": float(self.later_year_unsexed.birds),
            "test_2009_unsexed_correct": float(self.later_year_unsexed.correct),
            "left_out_island_birds": float(sum(score.birds for score in left_out)),
            "left_out_island_correct": float(sum(score.correct for score in left_out)),
        }
