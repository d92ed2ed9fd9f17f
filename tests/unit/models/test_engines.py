"""Both engines keep one contract, and give the same answers."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from predictor.artifacts.bundle import Bundle
from predictor.artifacts.local_store import LocalStore
from predictor.artifacts.manifest import Manifest, digest_of
from predictor.errors import GoldenMismatch, LibraryMismatch, UnloadableModel
from predictor.models.columns import PenguinColumns
from predictor.models.engine import Engine, EngineName
from predictor.models.golden import Golden
from predictor.models.loader import LoadedModel, build_engine, load_model
from predictor.penguin import Penguin
from tests.support.bundles import EXAMPLE, PublishedBundle, publish_by_hand, random_penguins


def load(bundle: PublishedBundle, choice: EngineName) -> LoadedModel:
    return load_model(LocalStore(bundle.folder), pin=bundle.digest, choice=choice, deadline=time.monotonic() + 30)


def read(bundle: PublishedBundle, **changes: object) -> Bundle:
    """The bundle with other fields in its manifest: what verification would refuse, for what comes after it."""
    files = {file.name: file.read_bytes() for file in bundle.folder.iterdir()}
    manifest = Manifest.from_bytes(files["manifest.json"], None).model_copy(update=changes)
    return Bundle(manifest, digest_of(manifest.to_bytes()), MappingProxyType(files))


@pytest.fixture(scope="module", params=["onnx", "sklearn"])
def engine(request: pytest.FixtureRequest, bundle: PublishedBundle) -> Engine:
    return load(bundle, request.param).engine


class TestContract:
    def test_probabilities_have_a_row_per_penguin_and_sum_to_one(self, engine: Engine) -> None:
        penguins, _ = random_penguins(20, seed=3)
        probabilities = engine.probabilities(penguins)
        assert probabilities.shape == (20, 3)
        assert np.allclose(probabilities.sum(axis=1), 1.0, atol=1e-6)

    def test_no_penguins_give_no_rows(self, engine: Engine) -> None:
        assert engine.probabilities([]).shape == (0, 3)
        assert engine.column_probabilities(PenguinColumns.of([])).shape == (0, 3)

    def test_columns_get_the_answers_of_their_penguins(self, engine: Engine) -> None:
        penguins, _ = random_penguins(200, seed=6)
        assert np.array_equal(engine.column_probabilities(PenguinColumns.of(penguins)), engine.probabilities(penguins))

    def test_one_penguin_gets_the_same_answer_alone_and_in_company(self, engine: Engine) -> None:
        penguins, _ = random_penguins(30, seed=4)
        alone = np.concatenate([engine.probabilities([penguin]) for penguin in penguins])
        assert np.allclose(alone, engine.probabilities(penguins), atol=1e-6)

    def test_the_predecessors_example_is_an_adelie(self, engine: Engine) -> None:
        assert engine.probabilities([Penguin(**EXAMPLE)]).argmax() == 0

    def test_an_answer_is_not_changed_by_the_next_question(self, engine: Engine) -> None:
        penguins, _ = random_penguins(3, seed=5)
        first = engine.probabilities(penguins[:1])
        kept = first.copy()
        engine.probabilities(penguins[1:2])
        assert (first == kept).all()

    def test_threads_do_not_disturb_each_other(self, engine: Engine) -> None:
        penguins, _ = random_penguins(60, seed=6)
        expected = [engine.probabilities([penguin]).tolist() for penguin in penguins]
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(lambda p: engine.probabilities([p]).tolist(), penguins)) == expected


def test_both_engines_give_the_same_answers(bundle: PublishedBundle) -> None:
    penguins, _ = random_penguins(3000, seed=7, spread=0.3)
    difference = load(bundle, "onnx").engine.probabilities(penguins) - load(bundle, "sklearn").engine.probabilities(
        penguins
    )
    assert np.abs(difference).max() <= 1e-5


def test_auto_is_onnx_where_the_model_has_that_form(bundle: PublishedBundle, tmp_path: Path) -> None:
    deadline = time.monotonic() + 30
    assert load_model(LocalStore(bundle.folder), pin=None, choice="auto", deadline=deadline).engine.name == "onnx"
    without = publish_by_hand(tmp_path, onnx=False)
    assert load_model(LocalStore(without.folder), pin=None, choice="auto", deadline=deadline).engine.name == "sklearn"


def test_a_graph_that_is_none_is_unloadable(bundle: PublishedBundle) -> None:
    broken = read(bundle)
    files = {**broken.files, "model.onnx": b"no graph"}
    with pytest.raises(UnloadableModel, match=r"model\.onnx"):
        build_engine("onnx", Bundle(broken.manifest, broken.digest, files))


def test_a_graph_with_other_inputs_is_unloadable(bundle: PublishedBundle) -> None:
    with pytest.raises(UnloadableModel, match="inputs"):
        build_engine("onnx", read(bundle, columns=("bill_length_mm",)))


def test_a_pickle_that_is_none_is_unloadable(bundle: PublishedBundle) -> None:
    broken = read(bundle)
    files = {**broken.files, "model.pkl": b"no pickle"}
    with pytest.raises(UnloadableModel, match=r"model\.pkl"):
        build_engine("sklearn", Bundle(broken.manifest, broken.digest, files))


def test_the_sklearn_engine_demands_the_version_that_made_the_model(bundle: PublishedBundle) -> None:
    with pytest.raises(LibraryMismatch) as caught:
        build_engine("sklearn", read(bundle, libraries={"scikit-learn": "0.1"}))
    assert (caught.value.library, caught.value.expected) == ("scikit-learn", "0.1")


def test_pickles_must_fit_the_manifest(bundle: PublishedBundle) -> None:
    with pytest.raises(UnloadableModel, match=r"columns\.pkl"):
        build_engine("sklearn", read(bundle, columns=("bill_length_mm",)))
    with pytest.raises(UnloadableModel, match=r"label_encoder\.pkl"):
        build_engine("sklearn", read(bundle, classes=("a", "b", "c")))


def test_the_self_test_finds_an_engine_that_answers_otherwise(bundle: PublishedBundle) -> None:
    golden = Golden.from_bytes((bundle.folder / "golden.json").read_bytes())
    rows = list(golden.rows)
    rows[3] = rows[3].model_copy(update={"probabilities": (0.2, 0.2, 0.6)})
    engine = load(bundle, "onnx").engine
    golden.check(engine, golden.classes)
    with pytest.raises(GoldenMismatch) as caught:
        golden.model_copy(update={"rows": tuple(rows)}).check(engine, golden.classes)
    assert caught.value.row == 3


def test_the_self_test_knows_its_classes(bundle: PublishedBundle) -> None:
    golden = Golden.from_bytes((bundle.folder / "golden.json").read_bytes())
    with pytest.raises(UnloadableModel, match="classes"):
        golden.check(load(bundle, "onnx").engine, ("a", "b", "c"))


def test_a_golden_file_that_is_none_is_unloadable() -> None:
    with pytest.raises(UnloadableModel, match=r"golden\.json"):
        Golden.from_bytes(b"{}")
