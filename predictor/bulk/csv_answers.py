"""Scored rows as CSV: each row as it came, with cells for the prediction, the probabilities and the error."""

from collections.abc import Iterator

from predictor.answers import number_texts
from predictor.bulk.chunk import Chunk, describe
from predictor.bulk.csv_text import to_line
from predictor.models import LoadedModel
from predictor.prediction import BatchPrediction


class CsvAnswers:
    """Adds the same cells to each row: prediction, probability, one probability per class, error."""

    def __init__(self, model: LoadedModel, separator: str = ",") -> None:
        classes = model.manifest.classes
        self._separator = separator
        self.added = ("prediction", "probability", *(f"probability_{name}" for name in classes), "error")
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
        numbers = b",".join(number_texts(predictions)).decode().split(",")
        for row, best in enumerate(predictions.probabilities.argmax(axis=1).tolist()):
            first = row * classes
            each = separator.join(numbers[first : first + classes])
            yield f"{self._names[best]}{separator}{numbers[first + best]}{separator}{each}{separator}"
