"""Predictions as JSON: the one writer for HTTP, files and the command line.

A row of a batch is the same document everywhere: a detailed prediction, or `{"error": {...}}`. It begins with the row's
own id, where it has one. Lines of a scored file also carry the row's number, before that.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import compress, repeat
from typing import Any, Final

import orjson

from predictor.errors import InvalidInput, RowFailure
from predictor.prediction import AnswerWarning, BatchPrediction, Prediction

_ERROR_KEY: Final = b'"error":{"detail":'


@lru_cache(maxsize=64)
def plain_json(predicted: str) -> bytes:
    """Exactly `{"prediction":"Adelie"}`. There are as many answers as classes, so each is made once."""
    return orjson.dumps({"prediction": predicted})


def detailed_json(prediction: Prediction, explanation: Mapping[str, Any] | None = None) -> bytes:
    return orjson.dumps(_detailed_document(prediction, explanation))


def _detailed_document(prediction: Prediction, explanation: Mapping[str, Any] | None) -> dict[str, Any]:
    """The members of a detailed answer, in their order."""
    document: dict[str, Any] = {
        "prediction": prediction.prediction,
        "probability": prediction.probability,
        "probabilities": prediction.probabilities,
    }
    assessment = prediction.assessment
    if assessment is not None:
        document["in_distribution"] = assessment.in_distribution
        document["p_value"] = assessment.p_value
        if assessment.prediction_set is not None:
            document["prediction_set"] = assessment.prediction_set
            document["coverage"] = assessment.coverage
        document["abstain"] = assessment.abstain
        document["warnings"] = assessment.warnings
    if explanation is not None:
        document["explanation"] = explanation
    document["model"] = prediction.model
    return document


def explained_batch_json(
    predictions: BatchPrediction, explanations: Iterable[Mapping[str, Any]], member: str = "predictions"
) -> bytes:
    """As `batch_json`, with the explanations of the valid rows, in order."""
    of_valid = iter(explanations)
    ids = repeat(None) if predictions.ids is None else predictions.ids
    rows = []
    for own_id, row in zip(ids, predictions, strict=False):
        document = _detailed_document(row, next(of_valid)) if isinstance(row, Prediction) else error_document(row)
        rows.append(document if own_id is None else {"id": own_id, **document})
    return orjson.dumps({member: rows})


def batch_json(predictions: BatchPrediction, member: str = "predictions") -> bytes:
    """`{"predictions": [...]}`, one entry per row, in order; `member` is its name."""
    rows = _rows(predictions, b",", None)
    if not rows:
        return b'{"%b":[]}' % member.encode()
    # Joined once: an answer for a thousand birds has a quarter of a megabyte, and each copy of it shows.
    return b"".join((b'{"%b":[' % member.encode(), *rows[:-1], rows[-1][:-1], b"]}"))  # Without the last comma.


def plain_batch_json(predictions: BatchPrediction, member: str = "predictions", *, errors: bool = True) -> bytes:
    """As `batch_json`, with the class alone for each valid row; without `errors`, null for the others."""
    best = iter(predictions.probabilities.argmax(axis=1).tolist())
    invalid = {index: error_document(error) if errors else None for index, error in predictions.errors.items()}
    rows = [
        invalid[index] if index in invalid else predictions.classes[next(best)] for index in range(len(predictions))
    ]
    return orjson.dumps({member: rows})


def json_lines(predictions: BatchPrediction, first_row: int | None) -> bytes:
    """One line per row. With `first_row`, each line begins with `"row": N`, counted from there."""
    return b"".join(_rows(predictions, b"\n", first_row))


def is_error_line(line: bytes) -> bool:
    """Whether a line that `json_lines` wrote is a row's error."""
    return _ERROR_KEY in line  # A prediction cannot hold it: in a string its quotes would be escaped.


def _rows(predictions: BatchPrediction, end: bytes, first_row: int | None) -> list[bytes]:
    """The document of each row with `end` behind it, in pieces; the last piece ends with the last document."""
    pieces, per_row = _valid_rows(predictions, end, first_row)
    if not predictions.errors:
        return pieces
    rows: list[bytes] = []
    taken = 0
    for earlier, (index, error) in enumerate(predictions.errors.items()):
        rows += pieces[taken * per_row : (index - earlier) * per_row]
        taken = index - earlier
        document = error_document(error)
        if predictions.ids is not None and (own_id := predictions.ids[index]) is not None:
            document = {"id": own_id, **document}
        if first_row is not None:
            document = {"row": first_row + index, **document}
        rows.append(orjson.dumps(document) + end)
    return rows + pieces[taken * per_row :]


def error_document(error: RowFailure) -> dict[str, Any]:
    violations = error.violations if isinstance(error, InvalidInput) else ()
    return {"error": {"detail": str(error), "errors": violations}}


def _valid_rows(predictions: BatchPrediction, end: bytes, first_row: int | None) -> tuple[list[bytes], int]:
    """The documents of the valid rows, in pieces, and how many pieces make one document.

    Only the class and the probabilities differ between two birds. The numbers are written all at once, and every step
    goes along the birds: half the time of a template filled per bird (docs/explanation/performance.md).
    """
    count, classes = predictions.probabilities.shape
    if not count:
        return [], 1
    numbers = number_texts(predictions)
    best = predictions.probabilities.argmax(axis=1).tolist()
    heads, names, tail = _template(predictions, end)
    assessed = _assessed(predictions, tail)
    per_row = 3 + 2 * classes + (len(assessed) - 1)
    openings = _openings(predictions, first_row)
    start = len(openings)
    if openings:
        per_row += start
        heads = [head.removeprefix(b"{") for head in heads]
    pieces = [b""] * (count * per_row)
    for index, opening in enumerate(openings):
        pieces[index::per_row] = opening
    pieces[start::per_row] = [heads[index] for index in best]
    pieces[start + 1 :: per_row] = [numbers[row * classes + index] for row, index in enumerate(best)]
    for index, name in enumerate(names):
        pieces[start + 2 + 2 * index :: per_row] = [name] * count
        pieces[start + 3 + 2 * index :: per_row] = numbers[index::classes]
    for index, column in enumerate(assessed, start=start + 2 + 2 * classes):
        pieces[index::per_row] = column
    return pieces, per_row


def _assessed(predictions: BatchPrediction, tail: bytes) -> list[list[bytes]]:
    """What follows the probabilities of each valid row, in parts, each for all rows; `tail` stands at its end."""
    assessment = predictions.assessment
    count = len(predictions.probabilities)
    if assessment is None:
        return [[b"}" + tail] * count]
    known = [b'},"in_distribution":false,"p_value":', b'},"in_distribution":true,"p_value":']
    p_values = orjson.dumps(assessment.p_values, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")
    # Rows without warnings differ in their set only, and have one class in it, or else they would have a warning.
    best = predictions.probabilities.argmax(axis=1).tolist()
    sets = assessment.members is not None
    usual = [
        _ending([name] if sets else None, assessment.coverage, (), abstain=False) + tail for name in predictions.classes
    ]
    endings = [usual[index] for index in best]
    for index, warnings in assessment.warnings.items():
        names = None if assessment.members is None else list(compress(predictions.classes, assessment.members[index]))
        endings[index] = _ending(names, assessment.coverage, warnings, abstain=True) + tail
    return [[known[index] for index in assessment.in_distribution.tolist()], p_values, endings]


def _ending(
    names: list[str] | None, coverage: float | None, warnings: Sequence[AnswerWarning], *, abstain: bool
) -> bytes:
    sets = {} if names is None else {"prediction_set": names, "coverage": coverage}
    return b"," + orjson.dumps({**sets, "abstain": abstain, "warnings": warnings})[1:-1]


def _openings(predictions: BatchPrediction, first_row: int | None) -> list[list[bytes]]:
    """What stands before the prediction of each valid row, in parts, each for all rows; nothing for a bare answer."""
    count = len(predictions.probabilities)
    openings: list[list[bytes]] = []
    if first_row is not None:
        openings = [[b'{"row":'] * count, [b"%d," % number for number in _row_numbers(predictions, first_row)]]
    if predictions.ids is not None:
        valid = [own_id for index, own_id in enumerate(predictions.ids) if index not in predictions.errors]
        ids = [b"" if own_id is None else b'"id":%b,' % orjson.dumps(own_id) for own_id in valid]
        openings += [ids] if openings else [[b"{"] * count, ids]
    return openings


def number_texts(predictions: BatchPrediction) -> list[bytes]:
    """Every probability as JSON spells it, row by row."""
    flat = predictions.probabilities.reshape(-1)
    return orjson.dumps(flat, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")


def _row_numbers(predictions: BatchPrediction, first_row: int) -> Sequence[int]:
    numbers = range(first_row, first_row + len(predictions))
    if not predictions.errors:
        return numbers
    return [number for index, number in enumerate(numbers) if index not in predictions.errors]


def _template(predictions: BatchPrediction, end: bytes) -> tuple[list[bytes], list[bytes], bytes]:
    """What stands before the probability, per class; before that of each class, in order; and behind the last one."""
    names = [orjson.dumps(name) for name in predictions.classes]
    heads = [b'{"prediction":' + name + b',"probability":' for name in names]
    opening = [b',"probabilities":{', *[b","] * (len(names) - 1)]
    tail = b',"model":' + orjson.dumps(predictions.model) + b"}" + end
    return heads, [before + name + b":" for before, name in zip(opening, names, strict=True)], tail
