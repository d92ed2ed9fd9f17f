"""Scored rows as CSV: each row as it came, with cells for the prediction, the probabilities and the error."""

from collections.abc import Iterator
from typing import Final

from predictor.answers import number_texts
from predictor.bulk.chunk import Chunk, describe
from predictor.bulk.csv_text import to_line
from predictor.models import LoadedModel
from predictor.prediction import Assessment, BatchPrediction

_ASSESSED: Final = ("in_distribution", "p_value", "prediction_set", "coverage", "abstain", "warnings")
_BETWEEN: Final = "|"
"""Stands between the classes of a prediction set."""


class CsvAnswers:
    """Adds the same cells to each row: prediction, probability, one probability per class, error.

    For a model with a reference also what an assessment has, before the error.
    """

    def __init__(self, model: LoadedModel, separator: str = ",") -> None:
        classes = model.manifest.classes
        self._separator = separator
        probabilities = [f"probability_{name}" for name in classes]
        assessed = () if model.assessor() is None else _ASSESSED
        self.added = ("prediction", "probability", *probabilities, *assessed, "error")
        self._names = [to_line([name], separator) for name in classes]
        self._padding = [""] * (len(self.added) - 1)

    def lines(self, chunk: Chunk, predictions: BatchPrediction) -> bytes:
        valid = self._valid_cells(predictions)
        separator = self._separator
        lines = []
        for index, text in enumerate(chunk.texts):
            error = predictions.errors.get(index)
            added = next(valid) if error is None else to_line([*self._padding, describe(error)], separator)
            lines.append(f"{text}{separator}{added}\n")
        return "".join(lines).encode()

    def _valid_cells(self, predictions: BatchPrediction) -> Iterator[str]:
        """The added cells of each valid row."""
        if not len(predictions.probabilities):
            return
        classes = len(predictions.classes)
        separator = self._separator
        assessed = self._assessed_cells(predictions)
        numbers = b",".join(number_texts(predictions)).decode().split(",")
        for row, best in enumerate(predictions.probabilities.argmax(axis=1).tolist()):
            first = row * classes
            each = separator.join(numbers[first : first + classes])
            added = f"{self._names[best]}{separator}{numbers[first + best]}{separator}{each}{separator}"
            yield added if assessed is None else added + next(assessed)

    def _assessed_cells(self, predictions: BatchPrediction) -> Iterator[str] | None:
        """The cells of each valid row that come from its assessment, with a separator at the end."""
        if predictions.assessment is None:
            return None
        return map(self._cells_of, predictions.assessment.rows(predictions.classes))

    def _cells_of(self, assessment: Assessment) -> str:
        warnings = "; ".join([f"{warning.code}: {warning.message}" for warning in assessment.warnings])
        cells = [
            "true" if assessment.in_distribution else "false",
            str(assessment.p_value),
            _BETWEEN.join(assessment.prediction_set or ()),
            "" if assessment.coverage is None else str(assessment.coverage),
            "true" if assessment.abstain else "false",
        ]
        return self._separator.join([*cells, to_line([warnings], self._separator) if warnings else "", ""])
