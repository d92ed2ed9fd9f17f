"""What the trust fields cost, in one process: medians of ratios over rounds in which both ways run in turn."""

import time
from collections.abc import Iterator
from dataclasses import replace

import orjson

from benchmarks.paths import MODELS
from benchmarks.sample_penguins import sample_penguins
from benchmarks.timing import Step, compare
from predictor.answers import batch_json, detailed_json
from predictor.artifacts import newest_version, open_store
from predictor.batch_decoding import decode_valid_batch
from predictor.decoding import validate
from predictor.models import LoadedModel, load_model
from predictor.schema import categories_of, measurements_of
from predictor.service import explain, predict, predict_batch


def table() -> Iterator[str]:
    store = newest_version(open_store(str(MODELS)), deadline=time.monotonic() + 10)
    model = load_model(store, pin=None, choice="auto", deadline=time.monotonic() + 10)
    assessor = model.assessor()
    assert assessor is not None, "train a model first: make model"
    plain = replace(model, reference=None)
    rows = sample_penguins(1000)
    bird = validate(rows[0])
    measurements, categories = measurements_of(bird), categories_of(bird)
    probabilities = model.engine.probabilities(bird)
    body = orjson.dumps({"instances": rows})

    def batch(chosen: LoadedModel) -> Step:
        def answer() -> bytes:
            decoded = decode_valid_batch(body, len(rows))
            assert decoded is not None
            return batch_json(predict_batch(chosen, decoded))

        return answer

    yield "| what | compared with | time of it, as a multiple |\n|---|---|---|"
    compared: list[tuple[str, str, Step, Step]] = [
        (
            "assessing one bird",
            "one evaluation of the model",
            lambda: assessor.assess(measurements, categories, probabilities),
            lambda: model.engine.probabilities(bird),
        ),
        (
            "a detailed answer",
            "one without trust",
            lambda: detailed_json(predict(model, bird)),
            lambda: detailed_json(predict(plain, bird)),
        ),
        ("a batch of 1000, from bytes to bytes", "one without trust", batch(model), batch(plain)),
        (
            "an explanation",
            "a detailed answer",
            lambda: explain(model, bird, "Adelie"),
            lambda: detailed_json(predict(model, bird)),
        ),
    ]
    for name, other, one, two in compared:
        yield f"| {name} | {other} | {compare(one, two).ratio.median:.2f} |"
