"""A model, its reference, and what they make of simulated birds: as the functions do, without the requests."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.drift_population import Birds, Indexes, Numbers
from predictor.batch import PenguinColumns, in_range
from predictor.drift.baseline import Baseline
from predictor.drift.summaries import Counts
from predictor.errors import InvalidInput, Violation
from predictor.models.features import FeatureEncoder
from predictor.penguin import SPECIES
from predictor.schema import COMBINATIONS
from predictor.training.fitted_model import ENCODED
from predictor.training.penguin_pipeline import fit
from predictor.training.reference import make_reference
from predictor.trust.assessment import Assessor
from predictor.trust.residuals import LIMIT, SCALE, Residuals
from predictor.trust.traffic_counts import TrafficCounts

_REFUSED = InvalidInput([Violation("", "out_of_range", "Out of range.")])


class Service:
    """A model that was fitted to birds, with them as its reference."""

    def __init__(self, birds: Birds) -> None:
        dataset = birds.dataset()
        reference = make_reference(dataset, "not needed here")
        fitted = fit(dataset.penguins, dataset.labels)
        self.assessor = Assessor(reference, fitted.classes)
        self.baseline = Baseline.of(reference)
        self._encoder = FeatureEncoder(ENCODED)
        self._estimator = fitted.estimator
        self._furthest = reference.scores[self.assessor.distance.known_below - 1]
        self._residuals = Residuals(reference)

    def predict(self, columns: PenguinColumns) -> Indexes:
        """The indexes of the predicted classes."""
        features = pd.DataFrame(self._encoder.matrix(columns), columns=list(ENCODED))
        best: Indexes = self._estimator.predict_proba(features).argmax(axis=1)
        return best

    def in_distribution(self, columns: PenguinColumns, predicted: Indexes) -> NDArray[np.bool_]:
        """What a detailed answer calls so."""
        seen = np.array(
            [[not self.assessor.unseen(label, values) for values in COMBINATIONS] for label in self.assessor.classes]
        )
        near = self.assessor.for_batches.distances(columns) <= self._furthest
        known: NDArray[np.bool_] = near & seen[predicted, columns.combinations]
        return known

    def count(self, birds: Birds) -> Counts:
        """Traffic of these birds, as a summary has it."""
        valid = in_range(birds.measurements)
        columns = PenguinColumns(birds.measurements[valid], birds.combinations[valid])
        predicted = self.predict(columns)
        counts = TrafficCounts(self.assessor)
        counts.add_columns(columns, predicted, self.in_distribution(columns, predicted))
        for _ in range(np.count_nonzero(~valid)):
            counts.add_refused(_REFUSED)
        fields = counts.fields()
        return Counts.model_validate({name: fields[name] for name in Counts.model_fields})

    def group(self, label: str, values: tuple[str, ...]) -> tuple[str, str]:
        """The baseline's key of the group of such birds."""
        found = self.assessor.reference.group_of(label, values)
        return found.label, found.value or ""

    def residuals(self, columns: PenguinColumns, predicted: Indexes) -> Numbers:
        """In standard deviations, as they are counted: shape (rows, measurements)."""
        offsets = np.array([self._residuals.offsets[label, values] for label in SPECIES for values in COMBINATIONS])
        own = offsets[predicted * len(COMBINATIONS) + columns.combinations]
        exact = np.log(columns.measurements) * np.array(self._residuals.factors) - own
        found: Numbers = np.clip(np.rint(exact), -LIMIT, LIMIT) / SCALE
        return found
