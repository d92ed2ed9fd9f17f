"""The compiled engines: the answers of a penguin alone and in a batch, and what they import."""

import pickle
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, StandardScaler

from predictor.artifacts import COLUMNS_FILE, LABEL_ENCODER_FILE, MODEL_FILE, Bundle, open_store
from predictor.batch import PenguinColumns
from predictor.errors import ArtifactMissing, GoldenMismatch, UnloadableModel
from predictor.models import Engine, build_engine, load_model
from predictor.models.compiled import ColumnSplits, LinearEngine, LinearForm, Link, Member, TreesForm
from predictor.models.compiled.trees import TreesEngine
from predictor.models.verification import verify
from predictor.penguin import Penguin
from predictor.prediction import EngineChoice
from predictor.schema import RANGES
from predictor.training.dataset import Dataset, load_penguins
from predictor.training.export import ModelSource, assemble, export
from predictor.training.fitted_model import ENCODED, FittedModel, encode
from predictor.training.publish import write
from predictor.training.random_penguins import random_columns, to_penguins
from predictor.training.reference import make_reference

CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ESTIMATORS: dict[str, Any] = {
    "linear": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    "trees": RandomForestClassifier(n_estimators=30, random_state=1),
}


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load_penguins()


def source_of(estimator: Any, dataset: Dataset) -> ModelSource:
    encoder = LabelEncoder().fit(dataset.labels)
    model = FittedModel(estimator.fit(encode(dataset.penguins), encoder.transform(dataset.labels)), encoder, ENCODED)
    reference = make_reference(dataset, "not tried")
    # Not `pickles_of`: a forest gives other bytes each time it is saved.
    parts = {MODEL_FILE: model.estimator, LABEL_ENCODER_FILE: encoder, COLUMNS_FILE: list(ENCODED)}
    pickles = {name: pickle.dumps(value) for name, value in parts.items()}
    return ModelSource(model, pickles, metrics={}, card="# A card\n", reference=reference, training_data_sha256=None)


@pytest.fixture(scope="module")
def sources(dataset: Dataset) -> dict[str, ModelSource]:
    return {runtime: source_of(estimator, dataset) for runtime, estimator in ESTIMATORS.items()}


@pytest.fixture(scope="module")
def bundles(sources: dict[str, ModelSource], dataset: Dataset) -> dict[str, Bundle]:
    return {runtime: export(source, dataset, CREATED).bundle for runtime, source in sources.items()}


@pytest.fixture(scope="module", params=ESTIMATORS)
def runtime(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def bundle(runtime: str, bundles: dict[str, Bundle]) -> Bundle:
    return bundles[runtime]


@pytest.fixture(scope="module")
def engine(bundle: Bundle) -> Engine:
    return build_engine("compiled", bundle)


def birds(count: int, seed: int = 1) -> list[Penguin]:
    return to_penguins(random_columns(np.random.default_rng(seed), RANGES, count, decimals=1))


def written(bundle: Bundle, folder: Path) -> tuple[str, str]:
    published = write(bundle, bundle.manifest.to_bytes(), open_store(str(folder)))
    return published.uri, published.digest


class TestContract:
    def test_it_says_what_evaluates_it(self, engine: Engine, runtime: str) -> None:
        assert (engine.name, engine.runtime, engine.blocking) == ("compiled", runtime, False)

    def test_a_penguin_gets_the_same_bits_alone_and_in_a_batch(self, engine: Engine) -> None:
        penguins = birds(700)
        alone = np.array([engine.probabilities(penguin) for penguin in penguins], np.float32)
        together = engine.batch_probabilities(PenguinColumns.of(penguins))
        assert together.flags.c_contiguous
        assert np.array_equal(alone, together)

    def test_its_answers_are_the_models_own(
        self, engine: Engine, sources: dict[str, ModelSource], runtime: str
    ) -> None:
        penguins = birds(2000)
        expected = sources[runtime].model.probabilities(penguins)
        assert np.abs(engine.batch_probabilities(PenguinColumns.of(penguins)) - expected).max() <= 1.2e-7

    def test_no_penguins_give_no_rows(self, engine: Engine) -> None:
        assert engine.batch_probabilities(PenguinColumns.of(())).shape == (0, 3)

    def test_probabilities_are_probabilities(self, engine: Engine) -> None:
        probabilities = engine.batch_probabilities(PenguinColumns.of(birds(2000)))
        assert probabilities.min() >= 0
        assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-6)

    def test_threads_do_not_disturb_each_other(self, engine: Engine) -> None:
        penguins = birds(60)
        expected = [engine.probabilities(penguin) for penguin in penguins]
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(engine.probabilities, penguins)) == expected


def test_a_prediction_imports_no_numpy_and_no_learning_library(bundle: Bundle, tmp_path: Path) -> None:
    uri, digest = written(bundle, tmp_path)
    program = f"""
import sys, time
from predictor.artifacts import open_store
from predictor.models import load_model
from predictor.penguin import Penguin
from predictor.schema import EXAMPLE
model = load_model(open_store({uri!r}), pin={digest!r}, choice="auto", deadline=time.monotonic() + 30, batches=False)
assert len(model.engine.probabilities(Penguin.model_validate(EXAMPLE))) == 3
print(*sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    assert not {"numpy", "onnxruntime", "sklearn", "pandas", "xgboost", "scipy"} & set(ran.stdout.split())


@pytest.mark.parametrize("choice", ["auto", "compiled", "onnx", "sklearn"])
def test_every_engine_of_a_bundle_can_be_chosen(bundle: Bundle, tmp_path: Path, choice: EngineChoice) -> None:
    uri, digest = written(bundle, tmp_path)
    model = load_model(open_store(uri), pin=digest, choice=choice, deadline=time.monotonic() + 30)
    assert model.engine.name == ("compiled" if choice == "auto" else choice)
    assert model.manifest.schema_version == 2
    assert verify(open_store(uri), digest)[1] == []


def test_a_bundle_of_the_first_version_is_served_by_onnx_runtime(
    bundle: Bundle, sources: dict[str, ModelSource], runtime: str, tmp_path: Path
) -> None:
    files = {name: data for name, data in bundle.files.items() if name != "compiled.json"}
    first = assemble(sources[runtime], files, CREATED)
    manifest = first.manifest.model_copy(update={"schema_version": 1})
    published = write(
        Bundle(manifest, _digest(manifest.to_bytes()), MappingProxyType(files)),
        manifest.to_bytes(),
        open_store(str(tmp_path)),
    )
    load = {"pin": published.digest, "deadline": time.monotonic() + 30}
    model = load_model(open_store(published.uri), choice="auto", **load)  # type: ignore[arg-type]
    assert (model.engine.name, model.engine.runtime) == ("onnx", "onnxruntime")
    assert verify(open_store(published.uri), published.digest)[1] == []
    with pytest.raises(ArtifactMissing, match=r"compiled\.json"):
        load_model(open_store(published.uri), choice="compiled", **load)  # type: ignore[arg-type]


def _digest(data: bytes) -> str:
    from predictor.digest import digest_of

    return digest_of(data)


def test_a_damaged_file_is_told_by_its_name(bundle: Bundle) -> None:
    damaged = {**bundle.files, "compiled.json": bundle.files["compiled.json"][:-30]}
    with pytest.raises(UnloadableModel, match=r"compiled\.json"):
        build_engine("compiled", Bundle(bundle.manifest, bundle.digest, damaged))


def test_a_form_of_another_model_does_not_pass_the_self_test(
    bundle: Bundle, bundles: dict[str, Bundle], runtime: str, sources: dict[str, ModelSource], tmp_path: Path
) -> None:
    other = next(found for name, found in bundles.items() if name != runtime)
    files = {**bundle.files, "compiled.json": other.files["compiled.json"]}
    uri, digest = written(assemble(sources[runtime], files, CREATED), tmp_path)
    with pytest.raises(GoldenMismatch):
        load_model(open_store(uri), pin=digest, choice="auto", deadline=time.monotonic() + 30)
    assert [type(finding) for finding in verify(open_store(uri), digest)[1]] == [GoldenMismatch]


def test_categories_may_decide_alone() -> None:
    """A tree on the island and the sex only, and one of a single leaf."""
    splits = (
        ColumnSplits(column="sex_male", thresholds=(0.5,), splits=(((0, 1, 2),),)),
        ColumnSplits(column="island_Dream", thresholds=(0.5,), splits=(((0, 0, 1),),)),
    )
    leaves = (((1.0, 0.0), (0.0, 1.0), (0.25, 0.75)), ((0.5, 0.5),))
    member = Member(weight=0.5, base=(0.0, 0.0), link="none", separate=False, trees=leaves)
    engine = TreesEngine(TreesForm(columns=splits, members=(member,)))
    for penguin in birds(100):
        expected = 0 if penguin.island != "Dream" else 1 if penguin.sex != "male" else 2
        assert engine.leaves(penguin) == [expected, 0]
        assert engine.probabilities(penguin)[0] == leaves[0][expected][0] / 2 + 0.25


@st.composite
def ensembles(draw: st.DrawFn) -> list[list[int]]:
    """How many leaves each tree of each of one to three sums has: of every width, alone and with others."""
    size = draw(st.integers(0, 7))
    count = draw(st.integers(1, 3))
    return [draw(st.lists(st.integers(1, 64), min_size=size, max_size=size)) for _ in range(count)]


@settings(max_examples=60, deadline=None)
@given(ensembles(), st.integers(0, 2**32 - 1))
def test_trees_of_any_size_find_the_leaf_that_a_walk_finds(sizes: list[list[int]], seed: int) -> None:
    """Random trees on one measurement and the sex: a walk from threshold to threshold is the specification."""
    rng = np.random.default_rng(seed)
    low, high = RANGES["bill_length_mm"]
    numbers = iter(range(10**6))
    found: dict[float, list[tuple[int, int, int]]] = {}
    thresholds: list[list[float]] = []
    for leaves in (count for group in sizes for count in group):
        number = next(numbers)
        cuts = sorted(set(rng.uniform(low, high, leaves - 1).round(1)))
        while len(cuts) < leaves - 1:
            cuts = sorted({*cuts, float(rng.uniform(low, high))})
        thresholds.append(cuts)
        # A tree that always goes on at its right: each leaf alone at the left of its node.
        for leaf, cut in enumerate(cuts):
            found.setdefault(float(cut), []).append((number, leaf, leaf + 1))
    column = ColumnSplits(
        column="bill_length_mm", thresholds=tuple(sorted(found)), splits=tuple(tuple(found[t]) for t in sorted(found))
    )
    values = [[rng.normal(size=count).tolist() for count in group] for group in sizes]
    trees = tuple(tuple((value,) for value in tree) for group in values for tree in group)
    base = tuple(rng.normal(size=len(sizes)).tolist())
    link: Link = "sigmoid" if len(base) == 1 else "softmax"
    form = TreesForm(
        columns=(column,) if found else (),
        members=(Member(weight=1.0, base=base, link=link, separate=True, trees=trees),),
    )
    engine = TreesEngine(form)
    near = [value for cut in list(found)[:30] for value in (cut, np.nextafter(cut, 0), np.nextafter(cut, 99))]
    lengths = [float(np.clip(value, low, high)) for value in (*near, low, high, 44.4)]
    penguins = [birds(1)[0].model_copy(update={"bill_length_mm": length}) for length in lengths]
    for penguin, length in zip(penguins, lengths, strict=True):
        expected = [sum(cut < length for cut in cuts) for cuts in thresholds]
        assert engine.leaves(penguin) == expected
        reached = iter(expected)
        scores = [start + sum(tree[next(reached)] for tree in group) for start, group in zip(base, values, strict=True)]
        scores = [0.0, *scores] if len(scores) == 1 else scores
        powers = np.exp(np.array(scores) - max(scores))
        assert np.allclose(engine.probabilities(penguin), powers / powers.sum(), rtol=0, atol=1e-6)
    alone = np.array([engine.probabilities(penguin) for penguin in penguins], np.float32)
    assert np.allclose(engine.batch_probabilities(PenguinColumns.of(penguins)), alone, rtol=0, atol=1e-7)


@given(st.lists(st.floats(-1e-4, 1e-4) | st.sampled_from([0.0, 1e-8, 1e-7, 1e-6, 1e-5]), min_size=2, max_size=6))
def test_a_linear_model_says_the_class_of_the_highest_probability_among_near_equals(intercepts: list[float]) -> None:
    """Also where two probabilities are one number in float32: then it is the first of them."""
    engine = LinearEngine(
        LinearForm(columns=("bill_length_mm",), weights=((0.0,) * len(intercepts),), intercepts=tuple(intercepts))
    )
    penguin = birds(1)[0]
    row = engine.probabilities(penguin)
    assert engine.class_index(penguin) == row.index(max(row))
