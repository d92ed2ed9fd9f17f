import numpy as np
import pytest

from predictor.batch import PenguinColumns
from predictor.errors import UnloadableModel
from predictor.models.onnx_engine import OnnxEngine
from predictor.penguin import Penguin
from tests.support.bundles import CLASSES, COLUMNS, EXAMPLE, PublishedBundle, linear_graph
from tests.unit.models.conftest import read_bundle


def graph(bundle: PublishedBundle) -> bytes:
    return (bundle.folder / "model.onnx").read_bytes()


def test_bytes_that_are_no_graph_are_unloadable(bundle: PublishedBundle) -> None:
    with pytest.raises(UnloadableModel, match=r"model\.onnx cannot be loaded: ONNX Runtime refused it"):
        OnnxEngine(b"no graph", read_bundle(bundle).manifest)


def test_a_graph_with_other_inputs_is_unloadable(bundle: PublishedBundle) -> None:
    with pytest.raises(UnloadableModel, match="inputs"):
        OnnxEngine(graph(bundle), read_bundle(bundle, columns=("bill_length_mm",)).manifest)


def test_a_graph_without_probabilities_is_unloadable(bundle: PublishedBundle) -> None:
    renamed = graph(bundle).replace(b"probabilities", b"probabilitiez")
    with pytest.raises(UnloadableModel, match="no output 'probabilities'"):
        OnnxEngine(renamed, read_bundle(bundle).manifest)


def test_it_evaluates_linear_graphs_too(bundle: PublishedBundle) -> None:
    """Parity compares the linear engine with it."""
    weights = np.zeros((len(COLUMNS), len(CLASSES)))
    weights[COLUMNS.index("sex_male")] = (0.0, np.log(3.0), 0.0)
    engine = OnnxEngine(linear_graph(weights, np.zeros(3)), read_bundle(bundle).manifest)
    male, female = Penguin(**EXAMPLE), Penguin(**{**EXAMPLE, "sex": "female"})
    assert engine.probabilities(male) == pytest.approx([0.2, 0.6, 0.2])
    assert np.allclose(engine.batch_probabilities(PenguinColumns.of([female, male]))[:, 1], [1 / 3, 0.6])
