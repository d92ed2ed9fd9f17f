"""Between the tensors of a request and a batch, and between its predictions and tensors. Importing it imports numpy."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from predictor.batch import Batch, PenguinColumns, in_range
from predictor.batch_decoding import filled
from predictor.bulk import Layout, read_cells
from predictor.decoding import too_many, validate
from predictor.error_limit import MAX_VIOLATIONS
from predictor.errors import InvalidInput, RowFailure, Violation
from predictor.prediction import BatchPrediction
from predictor.record_schema import RecordSchema
from predictor.schema import FEATURES, MEASUREMENTS
from predictor.web.protocols.tensors import Tensor, wrong_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

ALL: Final = "features"
"""The name of the one tensor that has all features as text."""


def batch_of(tensors: Sequence[Tensor], schema: RecordSchema, max_instances: int) -> Batch:
    """The rows of a request. Raises `InvalidInput` where the tensors as such are not what is expected."""
    by_name = {tensor.name: tensor for tensor in tensors}
    if len(by_name) != len(tensors):
        raise InvalidInput([Violation("/inputs", "duplicate_key", "Each tensor must be there once.")])
    as_text = by_name.get(ALL)
    required, possible = (schema.features, FEATURES) if as_text is None else ((ALL,), (ALL,))
    violations = [
        Violation(f"{tensor.where}/name", "unknown_field", f"Must be one of {', '.join((*FEATURES, ALL))}.")
        for tensor in tensors
        if tensor.name not in possible
    ]
    violations += [Violation("/inputs", "missing", f"{name} is required.") for name in required if name not in by_name]
    if violations:
        raise InvalidInput(violations[:MAX_VIOLATIONS], len(violations))
    if as_text is not None:
        return _from_texts(as_text, schema, max_instances)
    rows = _rows_in(tensors[0], max_instances)
    for tensor in tensors:
        if tensor.shape not in ((rows,), (rows, 1)):
            raise wrong_type(f"{tensor.where}/shape", f"Must be [{rows}] or [{rows}, 1], as that of the first tensor.")
    numbers = [by_name[name].numbers() for name in schema.measurements]
    texts = [by_name[name].texts() for name in schema.categories]
    return _from_columns(np.array(numbers).T.reshape(rows, len(numbers)), texts, schema)


def _rows_in(tensor: Tensor, max_instances: int) -> int:
    rows = tensor.shape[0] if tensor.shape else 0
    if rows > max_instances:
        raise InvalidInput([too_many(f"{tensor.where}/shape", max_instances)])
    return rows


def _from_texts(tensor: Tensor, schema: RecordSchema, max_instances: int) -> Batch:
    rows, names = _rows_in(tensor, max_instances), _names(tensor, schema)
    if tensor.shape != (rows, len(names)):
        raise wrong_type(f"{tensor.where}/shape", f"Must be [n, {len(names)}].")
    texts = tensor.texts()
    if not rows:
        return Batch.of(())
    index_of = {name: names.index(name) for name in schema.features}
    layout = Layout(index_of, len(names), schema=schema)
    return read_cells(layout, [texts[start : start + len(names)] for start in range(0, len(texts), len(names))])


def _names(tensor: Tensor, schema: RecordSchema) -> Sequence[str]:
    """What the columns of a tensor of text are: all features, or those that the model takes."""
    return FEATURES if tensor.shape[-1:] == (len(FEATURES),) else schema.features


def _from_columns(
    measurements: "NDArray[np.float64]", categories: Sequence[Sequence[str]], schema: RecordSchema
) -> Batch:
    count = len(measurements)
    rows: Sequence[tuple[str, ...]] = list(zip(*categories, strict=True)) if categories else [()] * count
    combinations = np.fromiter((schema.combination_index.get(row, -1) for row in rows), np.intp, count)
    columns = measurements if schema.measurements == MEASUREMENTS else filled(measurements, schema)
    valid = in_range(columns) & (combinations >= 0)
    errors: dict[int, RowFailure] = {}
    names = (*schema.measurements, *schema.categories)
    for index in np.flatnonzero(~valid).tolist():
        try:
            validate(dict(zip(names, (*measurements[index].tolist(), *rows[index]), strict=True)), schema)
        except InvalidInput as error:
            errors[index] = error.without_frames()
    return Batch(PenguinColumns(columns[valid], combinations[valid]), errors)


def check_rows(tensors: Sequence[Tensor], schema: RecordSchema, errors: "Mapping[int, RowFailure]") -> None:
    """Raises `InvalidInput` with what is wrong with all rows: the protocol has no room for the error of one."""
    by_name = {tensor.name: tensor for tensor in tensors}
    violations = []
    count = 0
    for row, error in errors.items():
        for violation in error.violations if isinstance(error, InvalidInput) else ():
            name = violation.pointer.removeprefix("/")
            tensor = by_name.get(name) or tensors[0]
            cell = f"/{_names(tensor, schema).index(name)}" if ALL in by_name and name in FEATURES else ""
            pointer = f"{tensor.where}/data/{row}{cell}"
            violations.append(replace(violation, pointer=pointer))
        count += error.count if isinstance(error, InvalidInput) else 1
    if count:
        raise InvalidInput(violations[:MAX_VIOLATIONS], count)


def outputs_of(predictions: BatchPrediction) -> "dict[str, NDArray[Any] | list[str]]":
    """What is known of all rows, by the output's name: an array of its shape, or one text per row."""
    probabilities = predictions.probabilities
    best = probabilities.argmax(axis=1)
    outputs: dict[str, NDArray[Any] | list[str]] = {
        "prediction": [predictions.classes[index] for index in best.tolist()],
        "probability": probabilities[np.arange(len(best)), best],
        "probabilities": probabilities,
    }
    if (assessment := predictions.assessment) is not None:
        outputs["in_distribution"] = assessment.in_distribution
        outputs["p_value"] = assessment.p_values
        outputs["abstain"] = assessment.abstain
    return outputs
