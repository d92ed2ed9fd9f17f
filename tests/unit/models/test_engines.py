"""Both engines keep one contract, and give the same answers."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from predictor.artifacts.bundle import Bundle
from predictor.artifacts.local_store import LocalStore
from predictor.artifacts.manifest import Manifest
from predictor.batch import PenguinColumns
from predictor.digest import digest_of
from predictor.errors import GoldenMismatch, LibraryMismatch, UnloadableModel
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


@pytest.fixture(scope="module")
def linear_bundle(tmp_path_factory: pytest.TempPathFactory) -> PublishedBundle:
    """The same model in the form in which this project publishes linear ones."""
    return publish_by_hand(tmp_path_factory.mktemp("linear"), linear=True)


RUNTIMES = {"onnxruntime": "onnx", "linear": "onnx", "scikit-learn": "sklearn"}


@pytest.fixture(scope="module", params=RUNTIMES)
def engine(request: pytest.FixtureRequest, bundle: PublishedBundle, linear_bundle: PublishedBundle) -> Engine:
    source = linear_bundle if request.param == "linear" else bundle
    engine = load(source, RUNTIMES[request.param]).engine  # type: ignore[arg-type]  # Literals in a dict are strings.
    assert engine.runtime == request.param
    return engine


def answers(engine: Engine, penguins: list[Penguin]) -> np.ndarray:
    return engine.batch_probabilities(PenguinColumns.of(penguins))


class TestContract:
    def test_probabilities_have_a_row_per_penguin_and_sum_to_one(self, engine: Engine) -> None:
        penguins, _ = random_penguins(20, seed=3)
        probabilities = answers(engine, penguins)
        assert probabilities.shape == (20, 3)
        assert np.allclose(probabilities.sum(axis=1), 1.0, atol=1e-6)

    def test_no_penguins_give_no_rows(self, engine: Engine) -> None:
        assert engine.rows([]) == []
        assert answers(engine, []).shape == (0, 3)

    @pytest.mark.parametrize("count", [1, 2, 30, 200])
    def test_rows_are_the_numbers_of_the_array(self, engine: Engine, count: int) -> None:
        penguins, _ = random_penguins(count, seed=6, spread=0.3)
        assert np.allclose(engine.rows(penguins), answers(engine, penguins), rtol=0, atol=1e-6)

    def test_one_penguin_gets_the_same_answer_alone_and_in_company(self, engine: Engine) -> None:
        penguins, _ = random_penguins(300, seed=4, spread=0.3)
        alone = np.concatenate([engine.rows([penguin]) for penguin in penguins])
        together = answers(engine, penguins)
        if engine.runtime == "linear":
            assert np.array_equal(alone, together)  # To the last bit: no library orders the sums.
        assert np.allclose(alone, together, rtol=0, atol=1e-6)

    def test_the_predecessors_example_is_an_adelie(self, engine: Engine) -> None:
        (row,) = engine.rows([Penguin(**EXAMPLE)])
        assert row.index(max(row)) == 0

    def test_an_answer_is_not_changed_by_the_next_question(self, engine: Engine) -> None:
        penguins, _ = random_penguins(3, seed=5)
        first, both = engine.rows(penguins[:1]), answers(engine, penguins[:2])
        kept = [list(first[0])], both.copy()
        engine.rows(penguins[1:2])
        answers(engine, penguins[1:])
        assert first == kept[0]
        assert (both == kept[1]).all()

    def test_threads_do_not_disturb_each_other(self, engine: Engine) -> None:
        penguins, _ = random_penguins(60, seed=6)
        expected = [engine.rows([penguin]) for penguin in penguins]
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(lambda p: engine.rows([p]), penguins)) == expected


def test_all_engines_give_the_same_answers(bundle: PublishedBundle, linear_bundle: PublishedBundle) -> None:
    penguins, _ = random_penguins(3000, seed=7, spread=0.3)
    reference = answers(load(bundle, "sklearn").engine, penguins)
    assert np.abs(answers(load(bundle, "onnx").engine, penguins) - reference).max() <= 1e-5
    assert np.abs(answers(load(linear_bundle, "onnx").engine, penguins) - reference).max() <= 1e-6


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
    golden.check(engine, golden.classes, batches=True)
    with pytest.raises(GoldenMismatch) as caught:
        golden.model_copy(update={"rows": tuple(rows)}).check(engine, golden.classes, batches=True)
    assert caught.value.row == 3


def test_the_self_test_knows_its_classes(bundle: PublishedBundle) -> None:
    golden = Golden.from_bytes((bundle.folder / "golden.json").read_bytes())
    with pytest.raises(UnloadableModel, match="classes"):
        golden.check(load(bundle, "onnx").engine, ("a", "b", "c"), batches=True)


def test_a_golden_file_that_is_none_is_unloadable() -> None:
    with pytest.raises(UnloadableModel, match=r"golden\.json"):
        Golden.from_bytes(b"{}")
