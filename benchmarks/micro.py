"""Compare single steps of a prediction with another way to do the same.

Each line is a ratio, the microseconds of both ways, and what was compared. Smaller ratios are better for the way that
is used. Both ways run in turns in one process, in CPU time of the thread, and the ratio is the median over the rounds.
Within a whole request a step finds the processor's caches filled by other steps: `python -m benchmarks` measures that.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import numpy as np
import onnx.parser
import onnxruntime
import orjson
import pandas as pd
import uvloop
from starlette.requests import Request

from benchmarks.event_files import make_csv
from benchmarks.paths import MODELS
from benchmarks.sample_penguins import CATEGORIES, FEATURES, MEASUREMENTS, Row, sample_penguins
from benchmarks.timing import ROUNDS, Step, compare
from predictor.answers import batch_json, detailed_json
from predictor.artifacts import ONNX_FILE, newest_version, open_store
from predictor.batch import Batch, PenguinColumns
from predictor.batch_decoding import decode_valid_batch
from predictor.bulk.cells import read_cells
from predictor.bulk.chunk import Layout
from predictor.bulk.csv_fast_path import read_lines
from predictor.decoding import decode, parse, validate
from predictor.errors import PredictorError
from predictor.models import LoadedModel, load_model
from predictor.models.features import FeatureEncoder
from predictor.models.onnx_engine import OnnxEngine
from predictor.models.onnx_signature import INPUT, OUTPUT
from predictor.penguin import Penguin
from predictor.prediction import Prediction
from predictor.service import predict_batch
from predictor.web.body import BODY_TIMEOUT_S, _receive_all, read_body
from predictor.web.compression import LEVEL, STATIC_LEVEL, compressed
from predictor.web.protocols.tensors import binary_of
from predictor.web.protocols.v2 import infer

ROWS: Final = 1000
CSV_ROWS: Final = 2600  # About as many as in one block of a file.


def comparisons() -> dict[str, tuple[Step, Step]]:
    """For each title the way that is used, and the other one. Raises `PredictorError` without a published model."""
    deadline = time.monotonic() + 30
    store = newest_version(open_store(str(MODELS)), deadline=deadline)
    model = load_model(store, pin=None, choice="onnx", deadline=deadline)
    graph = store.read(store.list_files(deadline=deadline)[ONNX_FILE], deadline=deadline)
    runtime, session, encoder = (
        OnnxEngine(graph, model.manifest),
        _session(graph),
        FeatureEncoder(model.manifest.columns),
    )
    smallest = _session(_smallest_graph(len(model.manifest.columns), len(model.manifest.classes)))
    one_body, body = orjson.dumps(sample_penguins(1)[0]), orjson.dumps({"instances": sample_penguins(ROWS)})
    one, penguins = _penguins(decode(one_body, max_instances=1)), _penguins(decode(body, max_instances=ROWS))
    columns, one_row = PenguinColumns.of(penguins), PenguinColumns.of(one)
    batch, features = Batch(columns), encoder.matrix(one_row)
    answers = batch_json(predict_batch(model, batch))
    header, _, text = make_csv(CSV_ROWS).partition(b"\n")
    cells = header.decode().split(",")
    layout = Layout({name: cells.index(name) for name in FEATURES}, len(cells))
    in_json, in_binary = v2_bodies(sample_penguins(ROWS))
    return {
        "a linear model on one penguin, over ONNX Runtime": (
            lambda: model.engine.probabilities(one[0]),
            lambda: runtime.probabilities(one[0]),
        ),
        f"a linear model on {ROWS} penguins, over ONNX Runtime": (
            lambda: model.engine.batch_probabilities(columns),
            lambda: runtime.batch_probabilities(columns),
        ),
        "one penguin through bound buffers, over session.run": (
            lambda: runtime.probabilities(one[0]),
            lambda: session.run([OUTPUT], {INPUT: encoder.matrix(PenguinColumns.of(one))}),
        ),
        f"the model on {ROWS} penguins at once, over one by one": (
            lambda: session.run([OUTPUT], {INPUT: np.repeat(features, ROWS, axis=0)}),
            lambda: [session.run([OUTPUT], {INPUT: features}) for _ in range(ROWS)],
        ),
        "the published graph on one penguin, over Cast, Gemm, Softmax, Cast": (
            lambda: session.run([OUTPUT], {INPUT: features}),
            lambda: smallest.run([OUTPUT], {INPUT: features}),
        ),
        "features of one penguin by hand, over an array": (
            lambda: encoder.row(one[0]),
            lambda: encoder.matrix(PenguinColumns.of(one)),
        ),
        f"features of {ROWS} penguins, over pandas get_dummies and reindex": (
            lambda: encoder.matrix(PenguinColumns.of(penguins)),
            lambda: _get_dummies(penguins, model.manifest.columns),
        ),
        f"features of {ROWS} penguins from columns, over a tuple per penguin": (
            lambda: encoder.matrix(PenguinColumns.of(penguins)),
            lambda: np.array([encoder.row(each) for each in penguins], dtype=np.float32),
        ),
        "one penguin from bytes, over json.loads and validation": (
            lambda: decode(one_body, max_instances=1),
            lambda: validate(parse(one_body)),
        ),
        f"{ROWS} penguins from bytes to columns, over an object each": (
            lambda: decode_valid_batch(body, ROWS),
            lambda: PenguinColumns.of(_penguins(decode(body, max_instances=ROWS))),
        ),
        f"{ROWS} answers in pieces, over a dictionary each": (
            lambda: batch_json(predict_batch(model, batch)),
            lambda: _dictionaries(model, batch),
        ),
        f"{ROWS} answers in pieces, over orjson of a value each": (
            lambda: batch_json(predict_batch(model, batch)),
            lambda: [detailed_json(each) for each in predict_batch(model, batch) if isinstance(each, Prediction)],
        ),
        f"{ROWS} answers compressed with zstd, over gzip": (
            lambda: compressed(answers, b"zstd", LEVEL),
            lambda: compressed(answers, b"gzip", LEVEL),
        ),
        f"{ROWS} answers compressed with gzip at level {LEVEL}, over level {STATIC_LEVEL}": (
            lambda: compressed(answers, b"gzip", LEVEL),
            lambda: compressed(answers, b"gzip", STATIC_LEVEL),
        ),
        f"{CSV_ROWS} rows of CSV to columns in the fast path, over split lines": (
            lambda: read_lines(layout, text),
            lambda: read_cells(layout, [line.split(",") for line in text.decode().splitlines()]),
        ),
        f"{ROWS} penguins over V2 in binary tensors, over V2 in JSON": (
            lambda: infer(model, *in_binary, ROWS),
            lambda: infer(model, in_json, None, ROWS),
        ),
        f"{ROWS} penguins over V2 in binary tensors, over POST /predict": (
            lambda: infer(model, *in_binary, ROWS),
            lambda: batch_json(predict_batch(model, _valid_batch(body))),
        ),
        f"reading {ROWS} bodies that have arrived, over the same under asyncio.timeout": (
            lambda: _LOOP.run_until_complete(_read_bodies(read_body)),
            lambda: _LOOP.run_until_complete(_read_bodies(_read_under_timeout)),
        ),
    }


_LOOP: Final = uvloop.new_event_loop()


async def _read_bodies(read: Callable[[Request, int], Awaitable[bytes]]) -> None:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    request = Request({"type": "http"}, receive)
    for _ in range(ROWS):
        await read(request, ROWS)


async def _read_under_timeout(request: Request, limit_bytes: int) -> bytes:
    async with asyncio.timeout(BODY_TIMEOUT_S):
        return await _receive_all(request, limit_bytes, None)


def v2_bodies(rows: Sequence[Row]) -> tuple[bytes, tuple[bytes, bytes]]:
    """A request of the Open Inference Protocol as JSON, and in the binary extension with the length of its JSON."""
    inputs, described, parts = [], [], []
    for name in FEATURES:
        values = [row[name] for row in rows]
        is_number = name in MEASUREMENTS
        tensor = {"name": name, "shape": [len(rows)], "datatype": "FP64" if is_number else "BYTES"}
        parts.append(binary_of(np.array(values) if is_number else list(map(str, values))))
        inputs.append({**tensor, "data": values})
        described.append({**tensor, "parameters": {"binary_data_size": len(parts[-1])}})
    header = orjson.dumps({"inputs": described, "parameters": {"binary_data_output": True}})
    return orjson.dumps({"inputs": inputs}), (b"".join((header, *parts)), b"%d" % len(header))


def _valid_batch(body: bytes) -> Batch:
    batch = decode_valid_batch(body, ROWS)
    assert batch is not None
    return batch


def _penguins(decoded: Penguin | Sequence[object]) -> list[Penguin]:
    rows = [decoded] if isinstance(decoded, Penguin) else decoded
    return [row for row in rows if isinstance(row, Penguin)]


def _get_dummies(penguins: Sequence[Penguin], columns: Sequence[str]) -> object:
    frame = pd.get_dummies(pd.DataFrame([each.model_dump() for each in penguins]), columns=list(CATEGORIES))
    return frame.reindex(columns=list(columns), fill_value=0).to_numpy(np.float32)


def _dictionaries(model: LoadedModel, batch: Batch) -> bytes:
    found = predict_batch(model, batch)
    answers = [
        {
            "prediction": found.classes[row.index(max(row))],
            "probability": max(row),
            "probabilities": dict(zip(found.classes, row, strict=True)),
            "model": found.model,
        }
        for row in found.probabilities.tolist()
    ]
    return orjson.dumps({"predictions": answers})


def _smallest_graph(columns: int, classes: int) -> bytes:
    """The least that a linear classifier in double precision needs: scaling is in its weights, which are zero here."""
    made: bytes = onnx.parser.parse_model(f"""
        <ir_version: 9, opset_import: ["" : 18]>
        smallest (float[N, {columns}] {INPUT}) => (float[N, {classes}] {OUTPUT})
        <double[{columns}, {classes}] weights = {{{", ".join(["0"] * columns * classes)}}},
         double[{classes}] intercepts = {{{", ".join(["0"] * classes)}}}> {{
            doubles = Cast<to = 11>({INPUT})
            scores = Gemm(doubles, weights, intercepts)
            shares = Softmax(scores)
            {OUTPUT} = Cast<to = 1>(shares)
        }}""").SerializeToString()
    return made


def _session(graph: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.micro", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="default: %(default)s")
    options = parser.parse_args()
    try:
        chosen = comparisons()
    except PredictorError as error:
        print(error, file=sys.stderr)
        return 2
    for title, (used, other) in chosen.items():
        found = compare(used, other, options.rounds)
        print(f"{found.ratio!s:>22} {found.one_us:>10,.1f} {found.other_us:>10,.1f} us  {title}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
