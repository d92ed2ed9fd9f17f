"""Between the tensors of a request and a batch, and between its predictions and tensors. Importing it imports numpy."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from predictor.batch import Batch, PenguinColumns, in_range
from predictor.bulk import Layout, read_cells
from predictor.decoding import too_many, validate
from predictor.error_limit import MAX_VIOLATIONS
from predictor.errors import InvalidInput, RowFailure, Violation
from predictor.prediction import BatchPrediction
from predictor.record_schema import RecordSchema
from predictor.schema import EXAMPLE, FEATURES, MEASUREMENTS
from predictor.web.protocols.scorer import order_of
from predictor.web.protocols.tensors import Tensor, wrong_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

ALL: Final = "features"
"""The name of the one tensor that has all features as text."""


def batch_of(tensors: Sequence[Tensor], schema: RecordSchema, max_instances: int) -> Batch:
    """The rows of a request. Raises `InvalidInput` where the tensors as such are not what is expected."""
    by_name = {tensor.name: tensor for tensor in tensors}
    required = (ALL,) if ALL in by_name else schema.features
    known = (ALL,) if ALL in by_name else FEATURES
    unknown = [tensor for tensor in tensors if tensor.name not in known]
    violations = [
        Violation(f"{tensor.where}/name", "unknown_field", f"Must be one of {', '.join((*FEATURES, ALL))}.")
        for tensor in unknown[:MAX_VIOLATIONS]
    ]
    violations += [Violation("/inputs", "missing", f"{name} is required.") for name in required if name not in by_name]
    if violations:
        raise InvalidInput(violations[:MAX_VIOLATIONS], len(violations))
    if len(by_name) != len(tensors):
        raise InvalidInput([Violation("/inputs", "duplicate_key", "Each tensor must be there once.")])
    if required == (ALL,):
        return _from_texts(by_name[ALL], schema, max_instances)
    rows = _rows_in(tensors[0], max_instances)
    for tensor in tensors:
        if tensor.shape not in ((rows,), (rows, 1)):
            raise wrong_type(f"{tensor.where}/shape", f"Must be [{rows}] or [{rows}, 1], as that of the first tensor.")
    return _from_columns(
        schema,
        {name: by_name[name].numbers() for name in schema.measurements},
        {name: by_name[name].texts() for name in schema.categories},
        rows,
    )


def _rows_in(tensor: Tensor, max_instances: int) -> int:
    rows = tensor.shape[0] if tensor.shape else 0
    if rows > max_instances:
        raise InvalidInput([too_many(f"{tensor.where}/shape", max_instances)])
    return rows


def _from_texts(tensor: Tensor, schema: RecordSchema, max_instances: int) -> Batch:
    rows, width = _rows_in(tensor, max_instances), tensor.shape[-1] if tensor.shape else 0
    order = order_of(width, schema)
    if tensor.shape != (rows, len(order)):
        raise wrong_type(f"{tensor.where}/shape", f"Must be [n, {len(order)}].")
    texts = tensor.texts()
    layout = Layout({name: order.index(name) for name in schema.features}, width, schema=schema)
    if not rows:
        return Batch.of(())
    return read_cells(layout, [texts[start : start + width] for start in range(0, len(texts), width)])


def _from_columns(
    schema: RecordSchema,
    numbers: "Mapping[str, NDArray[np.float64]]",
    categories: "Mapping[str, Sequence[str]]",
    count: int,
) -> Batch:
    # What the model does not take is filled in, so that every batch has all columns.
    columns = (numbers[name] if name in numbers else np.full(count, EXAMPLE[name]) for name in MEASUREMENTS)
    measurements = np.column_stack(list(columns))
    rows: Sequence[tuple[str, ...]] = list(zip(*categories.values(), strict=True)) if categories else [()] * count
    combinations = np.fromiter((schema.combination_index.get(row, -1) for row in rows), np.intp, count)
    valid = in_range(measurements) & (combinations >= 0)
    errors: dict[int, RowFailure] = {}
    for index in np.flatnonzero(~valid).tolist():
        try:
            cells = (*(numbers[name][index].item() for name in numbers), *rows[index])
            validate(dict(zip(schema.features, cells, strict=True)), schema)
        except InvalidInput as error:
            errors[index] = error.with_traceback(None)
    return Batch(PenguinColumns(measurements[valid], combinations[valid]), errors)


def check_rows(tensors: Sequence[Tensor], schema: RecordSchema, errors: "Mapping[int, RowFailure]") -> None:
    """Raises `InvalidInput` with what is wrong with all rows: the protocol has no room for the error of one."""
    where = {tensor.name: tensor.where for tensor in tensors}
    order = order_of(tensors[0].shape[-1], schema) if ALL in where else ()
    violations = []
    count = 0
    for row, error in errors.items():
        for violation in error.violations if isinstance(error, InvalidInput) else ():
            name = violation.pointer.removeprefix("/")
            cell = f"/{order.index(name)}" if ALL in where and name in order else ""
            pointer = f"{where.get(name) or tensors[0].where}/data/{row}{cell}"
            violations.append(Violation(pointer, violation.code, violation.message))
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
