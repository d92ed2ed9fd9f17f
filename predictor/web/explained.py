"""Batches with an explanation for each valid row: a few at a time, because each takes milliseconds."""

from predictor.answers import explained_batch_json
from predictor.decoding import Rows
from predictor.errors import InvalidInput, Violation
from predictor.models import LoadedModel
from predictor.penguin import NOUN_PLURAL, Penguin
from predictor.prediction import BatchPrediction, Prediction
from predictor.service import explain


def explained_json(
    model: LoadedModel, rows: Rows, answers: BatchPrediction, *, most: int, where: str, member: str = "predictions"
) -> bytes:
    """The answers to `rows`, which were at `where` in the request. Raises `InvalidInput` for more than `most`."""
    if len(rows) > most:
        message = f"At most {most} {NOUN_PLURAL} are explained in one request."
        raise InvalidInput([Violation(where, "too_many", message)])
    explanations = (
        explain(model, row, answer.prediction)
        for row, answer in zip(rows, answers, strict=True)
        if isinstance(row, Penguin) and isinstance(answer, Prediction)
    )
    return explained_batch_json(answers, explanations, member)
