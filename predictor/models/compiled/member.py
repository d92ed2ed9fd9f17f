"""One member of an ensemble of trees: from what its leaves add up to, to probabilities."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from predictor.models.compiled import links
from predictor.models.compiled.form import Member
from predictor.models.compiled.sums import sums_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class EnsembleMember:
    """Evaluates a `Member`: link, calibration and weight."""

    def __init__(self, member: Member, first: int) -> None:
        """`first` is the place of its first sum among those of all members."""
        self.sums = sums_of(member)
        self.first = first
        self._weight, self._link = member.weight, member.link
        self._calibrators = links.calibrators(member)
        self._calibration_link = member.calibration_link

    def probabilities(self, totals: Sequence[int]) -> Sequence[float]:
        if len(self.sums) == 1:
            scores = self.sums[0].scores(totals[self.first])
        else:
            own = totals[self.first : self.first + len(self.sums)]
            scores = [total * part.unit + part.offset for part, total in zip(self.sums, own, strict=True)]
        shares = links.probabilities(self._link, scores)
        if calibrators := self._calibrators:
            scores = [of(share) for share, of in zip(shares[-len(calibrators) :], calibrators, strict=True)]
            shares = links.probabilities(self._calibration_link, scores)
        weight = self._weight
        return shares if weight == 1.0 else [weight * share for share in shares]

    def batch_probabilities(self, totals: "Sequence[Sequence[NDArray[np.int64]]]") -> "NDArray[np.float64]":
        """The same for many penguins: totals are arrays, one per word; the result has a row per class."""
        import numpy as np

        own = totals[self.first : self.first + len(self.sums)]
        scores = [score for part, total in zip(self.sums, own, strict=True) for score in part.batch_scores(total)]
        shares = links.batch_probabilities(self._link, np.array(scores))
        if calibrators := self._calibrators:
            rows = zip(shares[-len(calibrators) :], calibrators, strict=True)
            calibrated = np.array([calibrator.of_batch(row) for row, calibrator in rows])
            shares = links.batch_probabilities(self._calibration_link, calibrated)
        return self._weight * shares
