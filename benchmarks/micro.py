"""`python -m benchmarks.micro`: what single steps cost, as ratios: the figures behind the hot path's decisions.

In one process, in turns, in CPU time of the thread, so that other processes disturb little. A figure is the median over
the rounds of one way's time over the other's. Of whole requests `python -m benchmarks` tells the truth: there each step
finds its memory pushed out of the processor's caches by the ones before it.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import onnxruntime
import orjson
import pandas as pd
from onnx import TensorProto, helper
from onnx.numpy_helper import from_array

from benchmarks.contenders.contender import MODELS
from benchmarks.figures import Spread
from benchmarks.flock import birds
from benchmarks.table import spread
from predictor.artifacts.location import newest_version, open_store
from predictor.artifacts.manifest import ONNX_FILE
from predictor.decoding import Batch, decode, parse, validate
from predictor.errors import PredictorError
from predictor.models.columns import PenguinColumns
from predictor.models.encoding import Encoder
from predictor.models.loader import LoadedModel, load_model
from predictor.models.onnx_engine import OnnxEngine
from predictor.models.onnx_engine import INPUT, OUTPUT
from predictor.penguin import CATEGORIES, Penguin
from predictor.service import predict
from predictor.web.encoding import columns_body, detailed_body
from predictor.web.instances import read_instances

ROWS: Final = 1000
Step = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two ways to the same end."""

    title: str
    kept: Step
    other: Step
    times: int
    """How often each runs in a turn."""


def comparisons() -> list[Comparison]:
    """Raises `PredictorError` without a model in artifacts/."""
    deadline = time.monotonic() + 30
    store = newest_version(open_store(str(MODELS)), deadline=deadline)
    model = load_model(store, pin=None, choice="onnx", deadline=deadline)
    file = store.list_files(deadline=deadline)[ONNX_FILE]
    graph = store.read(file, deadline=deadline)
    session, runtime = _session(graph), OnnxEngine(graph, model.manifest)
    one, many = orjson.dumps(birds(1)[0]), orjson.dumps({"instances": birds(ROWS)})
    penguin = Penguin.model_validate(birds(1)[0])
    penguins = _penguins(decode(many, max_instances=ROWS))
    by_column = PenguinColumns.of(penguins)
    encoder = Encoder(model.manifest.columns)
    features = encoder.encode([penguin])
    columns = list(model.manifest.columns)
    folded = _session(_smallest_graph(len(columns), len(model.manifest.classes)))
    return [
        Comparison(
            "a linear model's answer for one bird, over ONNX Runtime's",
            lambda: model.engine.rows((penguin,)),
            lambda: runtime.rows((penguin,)),
            500,
        ),
        Comparison(
            f"a linear model's answers for {ROWS} birds, over ONNX Runtime's",
            lambda: model.engine.column_probabilities(by_column),
            lambda: runtime.column_probabilities(by_column),
            20,
        ),
        Comparison(
            "one bird through bound buffers, over session.run",
            lambda: runtime.rows((penguin,)),
            lambda: session.run([OUTPUT], {INPUT: encoder.encode((penguin,))}),
            500,
        ),
        Comparison(
            "features of one bird by hand, over an array per bird",
            lambda: encoder.row(penguin),
            lambda: encoder.encode((penguin,)),
            1000,
        ),
        Comparison(
            f"features of {ROWS} birds, over pandas get_dummies and reindex",
            lambda: encoder.encode(penguins),
            lambda: _get_dummies(penguins, columns),
            5,
        ),
        Comparison(
            f"features of {ROWS} birds from columns, over a tuple per bird",
            lambda: encoder.encode(penguins),
            lambda: np.array([encoder.row(each) for each in penguins], dtype=np.float32),
            5,
        ),
        Comparison(
            "one bird from bytes, over json.loads and validation",
            lambda: decode(one, max_instances=1),
            lambda: validate(parse(one)),
            1000,
        ),
        Comparison(
            f"{ROWS} birds from bytes, over json.loads and validation",
            lambda: decode(many, max_instances=ROWS),
            lambda: [validate(item) for item in parse(many)["instances"]],
            3,
        ),
        Comparison(
            f"{ROWS} birds from bytes to columns, over an object each",
            lambda: read_instances(many, ROWS),
            lambda: PenguinColumns.of(_penguins(decode(many, max_instances=ROWS))),
            10,
        ),
        Comparison(
            f"{ROWS} answers in pieces, over a dictionary each",
            lambda: columns_body(model, by_column),
            lambda: _by_dictionaries(model, penguins),
            5,
        ),
        Comparison(
            f"{ROWS} answers in pieces, over orjson of a value each",
            lambda: columns_body(model, by_column),
            lambda: [detailed_body(prediction) for prediction in predict(model, penguins)],
            5,
        ),
        Comparison(
            f"the model on {ROWS} birds at once, over one by one",
            lambda: session.run([OUTPUT], {INPUT: np.repeat(features, ROWS, axis=0)}),
            lambda: [session.run([OUTPUT], {INPUT: features}) for _ in range(ROWS)],
            3,
        ),
        Comparison(
            "the published graph on one bird, over Cast, Gemm, Softmax, Cast",
            lambda: session.run([OUTPUT], {INPUT: features}),
            lambda: folded.run([OUTPUT], {INPUT: features}),
            500,
        ),
        Comparison(
            "awaiting what is there already, over the same under asyncio.timeout",
            lambda: _run(_awaits()),
            lambda: _run(_awaits_in_time()),
            2000,
        ),
    ]


def measure(comparison: Comparison, rounds: int) -> Spread | None:
    ratios = []
    for _ in range(rounds):
        kept, other = _cpu_ns(comparison.kept, comparison.times), _cpu_ns(comparison.other, comparison.times)
        ratios.append(kept / other)
    return Spread.of(ratios)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.micro", description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args(arguments)
    try:
        chosen = comparisons()
    except PredictorError as error:
        print(error, file=sys.stderr)
        return 2
    for comparison in chosen:
        print(f"{spread(measure(comparison, options.rounds)):>22}  {comparison.title}", flush=True)
    return 0


def _cpu_ns(step: Step, times: int) -> int:
    step()
    started = time.thread_time_ns()
    for _ in range(times):
        step()
    return max(1, time.thread_time_ns() - started)


def _session(onnx_bytes: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(onnx_bytes, options, providers=["CPUExecutionProvider"])


def _smallest_graph(columns: int, classes: int) -> bytes:
    """What a linear classifier in double comes down to when scaling is folded into its weights; these are all zero."""
    weights = [
        from_array(np.zeros((columns, classes)), "weights"),
        from_array(np.zeros(classes), "intercepts"),
    ]
    nodes = [
        helper.make_node("Cast", [INPUT], ["double"], to=TensorProto.DOUBLE),
        helper.make_node("Gemm", ["double", "weights", "intercepts"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["shares"]),
        helper.make_node("Cast", ["shares"], [OUTPUT], to=TensorProto.FLOAT),
    ]
    inputs = [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, columns])]
    outputs = [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, classes])]
    graph = helper.make_graph(nodes, "smallest", inputs, outputs, weights)
    made: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9
    ).SerializeToString()
    return made


def _penguins(decoded: Penguin | Batch) -> list[Penguin]:
    assert isinstance(decoded, Batch)
    return [row for row in decoded.rows if isinstance(row, Penguin)]


def _get_dummies(penguins: Sequence[Penguin], columns: list[str]) -> object:
    frame = pd.DataFrame([penguin.model_dump() for penguin in penguins])
    return pd.get_dummies(frame, columns=list(CATEGORIES)).reindex(columns=columns, fill_value=0).to_numpy(np.float32)


def _by_dictionaries(model: LoadedModel, penguins: Sequence[Penguin]) -> bytes:
    predictions = predict(model, penguins)
    identity = orjson.Fragment(orjson.dumps(predictions.model))
    rows = []
    for row in predictions.probabilities:
        probability = max(row)
        rows.append(
            {
                "prediction": predictions.classes[row.index(probability)],
                "probability": probability,
                "probabilities": dict(zip(predictions.classes, row, strict=True)),
                "model": identity,
            }
        )
    return orjson.dumps({"predictions": rows})


_loop: Final = asyncio.new_event_loop()


async def _awaits() -> None:
    await _there()


async def _awaits_in_time() -> None:
    async with asyncio.timeout(30):
        await _there()


async def _there() -> None:
    return None


def _run(step: Coroutine[Any, Any, None]) -> None:
    _loop.run_until_complete(step)


if __name__ == "__main__":
    sys.exit(main())
