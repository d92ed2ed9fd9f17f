from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from predictor.artifacts import ONNX_FILE, Bundle
from predictor.errors import GoldenMismatch, ParityMismatch, PublishRefused
from predictor.schema import MEASUREMENTS, RANGES
from predictor.training.dataset import Dataset
from predictor.training.export import Export, ModelSource, assemble, export
from predictor.training.fitted_model import FittedModel
from predictor.training.parity import prove, random_penguins
from predictor.training.penguin_pipeline import fit
from tests.unit.training.conftest import CREATED, source_of


def test_random_penguins_are_the_same_every_time_and_fill_the_ranges() -> None:
    penguins = random_penguins(RANGES)
    assert penguins == random_penguins(RANGES)
    assert len(set(penguins)) == 10_000
    for name in MEASUREMENTS:
        low, high = RANGES[name]
        measured = [getattr(penguin, name) for penguin in penguins]
        assert min(measured) < low + (high - low) / 100
        assert max(measured) > high - (high - low) / 100


def test_a_graph_of_another_model_is_refused(exported: Export, source: ModelSource, dataset: Dataset) -> None:
    every_second = fit(dataset.penguins[::2], dataset.labels[::2])
    other = export(source_of(every_second), dataset, CREATED).bundle.files[ONNX_FILE]
    contents = {**exported.bundle.files, ONNX_FILE: other}
    with pytest.raises(ParityMismatch) as caught:
        prove(assemble(source, contents, CREATED), source.model, dataset.penguins)
    assert caught.value.difference > caught.value.limit == 1e-5
    assert "bill_length_mm" in caught.value.row


def test_golden_answers_of_another_model_are_refused(exported: Export, source: ModelSource, dataset: Dataset) -> None:
    golden = exported.bundle.files["golden.json"].replace(b"0.99", b"0.01")
    files = MappingProxyType({**exported.bundle.files, "golden.json": golden})
    with pytest.raises(GoldenMismatch):
        prove(Bundle(exported.bundle.manifest, exported.bundle.digest, files), source.model, dataset.penguins)


class Contrary:
    """A classifier whose `predict` is not its most probable class; made of the one that is handed in."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator
        self.classes_ = estimator.classes_

    def predict_proba(self, frame: Any) -> Any:
        return self.estimator.predict_proba(frame)

    def predict(self, frame: Any) -> Any:
        return np.zeros(len(frame), dtype=int)


def test_a_model_whose_answer_is_not_its_most_probable_class_is_refused(model: FittedModel, dataset: Dataset) -> None:
    contrary = FittedModel(Contrary(model.estimator), model.label_encoder, model.columns)
    with pytest.raises(PublishRefused, match="different classes"):
        export(source_of(contrary), dataset, CREATED, only_pickles=True)
