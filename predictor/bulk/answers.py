"""Last step: probabilities to lines of text, by templates, because a million rows are too many for a document each.

A JSON line is what the web answers for a row of `instances` (a test holds that); a CSV line is the row
with cells added.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import numpy as np
import orjson

from predictor.bulk.chunk import Chunk, Count, RowError, describe
from predictor.bulk.csv_text import to_line
from predictor.errors import InvalidInput
from predictor.models.loader import LoadedModel
from predictor.prediction import Prediction

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Probabilities = NDArray[np.float64]

Text = TypeVar("Text", str, bytes)

_HOLE: Final = b"\0"  # Can stand in no JSON, so it marks where a probability goes.

_ERROR_KEY: Final = b'"error":{"detail":'


class Answers(Protocol):
    """From a chunk and the probabilities of its valid rows to the lines of all its rows."""

    def __call__(self, chunk: Chunk, probabilities: "Probabilities") -> bytes: ...


class JsonAnswers:
    """One JSON document per row; `numbered` puts `"row": N` before what the web answers."""

    def __init__(self, model: LoadedModel, *, numbered: bool) -> None:
        classes = model.manifest.classes
        self._numbered = numbered
        self._templates = []
        hole: Any = orjson.Fragment(_HOLE)
        for name in classes:
            document = orjson.dumps(Prediction(name, hole, dict.fromkeys(classes, hole), model.identity))
            tail = document.replace(b"%", b"%%").replace(_HOLE, b"%b").removeprefix(b"{")
            self._templates.append((b'{"row":%d,' if numbered else b"{") + tail + b"\n")

    def __call__(self, chunk: Chunk, probabilities: "Probabilities") -> bytes:
        best, probability, each = _texts(probabilities)
        cells: Iterable[tuple[Any, ...]] = zip(probability, *each, strict=True)
        if self._numbered:
            numbers = np.delete(np.arange(chunk.first_row, chunk.first_row + chunk.rows), list(chunk.errors)).tolist()
            cells = zip(numbers, probability, *each, strict=True)
        good = list(map(bytes.__mod__, map(self._templates.__getitem__, best), cells))
        bad = {place: self._error(chunk.first_row + place, error) for place, error in chunk.errors.items()}
        return b"".join(_merged(good, bad))

    def _error(self, row: int, error: RowError) -> bytes:
        number = {"row": row} if self._numbered else {}
        violations = error.violations if isinstance(error, InvalidInput) else ()
        return orjson.dumps({**number, "error": {"detail": str(error), "errors": violations}}) + b"\n"


def count_answers(lines: Iterable[bytes]) -> Count:
    """Count what `JsonAnswers` wrote."""
    count = Count()
    for line in lines:
        count.rows += 1
        count.bad += _ERROR_KEY in line  # Nothing else can hold it: in a string its quotes would be escaped.
    return count


class CsvAnswers:
    """The row as it came, with cells for prediction, probability, one probability per class, and error."""

    def __init__(self, model: LoadedModel) -> None:
        classes = model.manifest.classes
        self.added = ("prediction", "probability", *(f"probability_{name}" for name in classes), "error")
        holes = ",%s" * (1 + len(classes))
        self._templates = [f"%s,{to_line([name]).replace('%', '%%')}{holes},\n" for name in classes]
        self._padding = [""] * (len(self.added) - 1)

    def __call__(self, chunk: Chunk, probabilities: "Probabilities") -> bytes:
        best, probability, each = _texts(probabilities)
        texts = [text for place, text in enumerate(chunk.texts) if place not in chunk.errors]
        cells = zip(texts, map(bytes.decode, probability), *(map(bytes.decode, column) for column in each), strict=True)
        good = list(map(str.__mod__, map(self._templates.__getitem__, best), cells))
        bad = {
            place: f"{chunk.texts[place]},{to_line([*self._padding, describe(error)])}\n"
            for place, error in chunk.errors.items()
        }
        return "".join(_merged(good, bad)).encode()


def _texts(probabilities: "Probabilities") -> tuple[list[int], Sequence[bytes], list[list[bytes]]]:
    """The place of each row's most probable class, its probability, and every class's probabilities, as text."""
    if not len(probabilities):
        return [], [], [[] for _ in range(probabilities.shape[1])]
    rows, classes = probabilities.shape
    best = probabilities.argmax(axis=1)
    flat = orjson.dumps(np.ascontiguousarray(probabilities).ravel(), option=orjson.OPT_SERIALIZE_NUMPY)
    texts = flat[1:-1].split(b",")
    probability = list(map(texts.__getitem__, (np.arange(rows) * classes + best).tolist()))
    return best.tolist(), probability, [texts[place::classes] for place in range(classes)]


def _merged(good: Sequence[Text], bad: Mapping[int, Text]) -> Iterator[Text]:
    """All rows in order; `bad` in the order of its places."""
    taken = 0
    for earlier, (place, text) in enumerate(bad.items()):
        yield from good[taken : place - earlier]
        taken = place - earlier
        yield text
    yield from good[taken:]
