"""The contract of `predictor.models.engine`: one suite for every runtime, and all give the same answers."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from predictor.artifacts.local_store import LocalStore
from predictor.batch import PenguinColumns
from predictor.models import Engine, LoadedModel, load_model
from predictor.penguin import Penguin
from predictor.prediction import EngineName
from tests.support.bundles import EXAMPLE, PublishedBundle, random_penguins

RUNTIMES: dict[str, EngineName] = {"onnxruntime": "onnx", "linear": "compiled", "scikit-learn": "sklearn"}


def load(bundle: PublishedBundle, choice: EngineName) -> LoadedModel:
    return load_model(LocalStore(bundle.folder), pin=bundle.digest, choice=choice, deadline=time.monotonic() + 30)


@pytest.fixture(scope="module", params=RUNTIMES)
def engine(request: pytest.FixtureRequest, bundle: PublishedBundle, linear_bundle: PublishedBundle) -> Engine:
    source = linear_bundle if request.param == "linear" else bundle
    engine = load(source, RUNTIMES[request.param]).engine
    assert (engine.name, engine.runtime) == (RUNTIMES[request.param], request.param)
    return engine


def answers(engine: Engine, penguins: list[Penguin]) -> np.ndarray:
    return engine.batch_probabilities(PenguinColumns.of(penguins))


class TestContract:
    def test_a_batch_gives_a_row_per_penguin_and_each_sums_to_one(self, engine: Engine) -> None:
        penguins, _ = random_penguins(20, seed=3)
        probabilities = answers(engine, penguins)
        assert probabilities.shape == (20, 3)
        assert np.allclose(probabilities.sum(axis=1), 1.0, atol=1e-6)

    def test_no_penguins_give_no_rows(self, engine: Engine) -> None:
        assert answers(engine, []).shape == (0, 3)

    @pytest.mark.parametrize("count", [1, 2, 30, 200])
    def test_single_answers_are_the_rows_of_a_batch(self, engine: Engine, count: int) -> None:
        penguins, _ = random_penguins(count, seed=6, spread=0.3)
        alone = [engine.probabilities(penguin) for penguin in penguins]
        together = answers(engine, penguins)
        if engine.runtime == "linear":
            assert np.array_equal(alone, together)  # To the last bit: no library orders the sums.
        assert np.allclose(alone, together, rtol=0, atol=1e-6)

    def test_one_penguin_gets_the_same_answer_alone_and_among_others(self, engine: Engine) -> None:
        penguins, _ = random_penguins(300, seed=4, spread=0.3)
        alone = np.concatenate([answers(engine, [penguin]) for penguin in penguins])
        together = answers(engine, penguins)
        if engine.runtime == "linear":
            assert np.array_equal(alone, together)
        assert np.allclose(alone, together, rtol=0, atol=1e-6)

    def test_the_example_is_an_adelie(self, engine: Engine) -> None:
        row = engine.probabilities(Penguin(**EXAMPLE))
        assert row.index(max(row)) == 0

    def test_the_class_is_the_one_of_the_highest_probability(self, engine: Engine) -> None:
        penguins, _ = random_penguins(300, seed=7, spread=0.3)
        rows = [engine.probabilities(penguin) for penguin in penguins]
        assert [engine.class_index(penguin) for penguin in penguins] == [row.index(max(row)) for row in rows]

    def test_a_single_answer_is_plain_floats(self, engine: Engine) -> None:
        row = engine.probabilities(Penguin(**EXAMPLE))
        assert [type(value) for value in row] == [float] * 3

    def test_an_answer_is_not_changed_by_the_next_question(self, engine: Engine) -> None:
        penguins, _ = random_penguins(3, seed=5)
        first, both = engine.probabilities(penguins[0]), answers(engine, penguins[:2])
        kept = list(first), both.copy()
        engine.probabilities(penguins[1])
        answers(engine, penguins[1:])
        assert first == kept[0]
        assert (both == kept[1]).all()

    def test_threads_do_not_disturb_each_other(self, engine: Engine) -> None:
        penguins, _ = random_penguins(60, seed=6)
        expected = [engine.probabilities(penguin) for penguin in penguins]
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(engine.probabilities, penguins)) == expected

    def test_columns_are_not_changed(self, engine: Engine) -> None:
        columns = PenguinColumns.of(random_penguins(20, seed=7)[0])
        before = columns.measurements.copy(), columns.combinations.copy()
        engine.batch_probabilities(columns)
        assert np.array_equal(columns.measurements, before[0])
        assert np.array_equal(columns.combinations, before[1])


def test_all_engines_give_the_same_answers(bundle: PublishedBundle, linear_bundle: PublishedBundle) -> None:
    penguins, _ = random_penguins(3000, seed=7, spread=0.3)
    reference = answers(load(bundle, "sklearn").engine, penguins)
    assert np.abs(answers(load(bundle, "onnx").engine, penguins) - reference).max() <= 1e-5
    assert np.abs(answers(load(linear_bundle, "compiled").engine, penguins) - reference).max() <= 1e-6


def test_only_an_engine_that_takes_milliseconds_is_blocking(
    bundle: PublishedBundle, linear_bundle: PublishedBundle
) -> None:
    assert not load(bundle, "onnx").engine.blocking
    assert not load(linear_bundle, "compiled").engine.blocking
    assert load(bundle, "sklearn").engine.blocking
