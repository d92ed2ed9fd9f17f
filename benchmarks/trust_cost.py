"""What the trust fields cost, in one process: medians of ratios over rounds in which both ways run in turn."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import count
from statistics import median, quantiles
from typing import Final

import httpx
import orjson

from benchmarks.contenders.ours import OursForest
from benchmarks.paths import MODELS
from benchmarks.sample_penguins import sample_penguins
from benchmarks.server import serving
from benchmarks.timing import Step, compare
from predictor.answers import batch_json, detailed_json
from predictor.artifacts import newest_version, open_store
from predictor.batch_decoding import decode_valid_batch
from predictor.decoding import validate
from predictor.models import LoadedModel, load_model
from predictor.schema import categories_of, measurements_of
from predictor.service import explain, predict, predict_batch

PLAIN_PER_S: Final = 100
_JSON: Final = {"Content-Type": "application/json"}


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
    middle, slowest_tenth = explanations_beside_traffic()
    yield ""
    yield f"Explanations by a forest of 100 trees, asked for over HTTP beside {PLAIN_PER_S} plain requests per second:"
    yield f"half of them take up to {middle:.1f} ms, nine in ten up to {slowest_tenth:.1f} ms."


def explanations_beside_traffic() -> tuple[float, float]:
    """The median and the ninth decile, in ms, of explanations that are asked for one after the other."""
    bodies = [orjson.dumps(row) for row in sample_penguins(100)]
    ended = threading.Event()

    def plain(url: str) -> None:
        with httpx.Client() as client:
            for turn in count():
                if ended.wait(1 / PLAIN_PER_S):
                    return
                client.post(f"{url}/predict", content=bodies[turn % 100], headers=_JSON).raise_for_status()

    taken_ms = []
    with serving(partial(OursForest, here=True)) as server, ThreadPoolExecutor() as pool, httpx.Client() as client:
        traffic = pool.submit(plain, server.url)
        try:
            for body in bodies * 2:
                time.sleep(0.02)
                started = time.perf_counter()
                answer = client.post(f"{server.url}/predict?explain=true", content=body, headers=_JSON)
                taken_ms.append((time.perf_counter() - started) * 1000)
                assert answer.json()["explanation"]["contributions"], answer.text
        finally:
            ended.set()
        traffic.result()
    return median(taken_ms), quantiles(taken_ms, n=10)[-1]
