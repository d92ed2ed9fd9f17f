from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import onnx

from predictor.artifacts import BIGQUERY_FILE, ONNX_FILE
from predictor.digest import digest_of
from predictor.errors import NotCompilable, NotConvertible
from predictor.training.dataset import Dataset
from predictor.training.export import Export, ModelSource, export
from predictor.training.fitted_model import FittedModel
from tests.unit.training.conftest import CREATED, source_of


def test_a_bundle_has_every_file_and_all_forms_agree(exported: Export) -> None:
    assert set(exported.bundle.files) == {
        *(
            "model.pkl",
            "label_encoder.pkl",
            "columns.pkl",
            "compiled.json",
            "model.onnx",
            "bigquery.onnx",
            "golden.json",
            "model_card.md",
            "reference.json",
        )
    }
    assert exported.proof.penguins == 20_333
    assert exported.proof.difference is not None
    assert exported.proof.difference <= 1e-5


def test_only_the_manifest_knows_when_it_was_made(exported: Export, source: ModelSource, dataset: Dataset) -> None:
    later = export(source, dataset, CREATED + timedelta(days=1))
    assert dict(later.bundle.files) == dict(exported.bundle.files)
    assert later.bundle.digest != exported.bundle.digest
    assert later.bundle.manifest.version > exported.bundle.manifest.version


def test_the_version_tells_contents_apart_that_share_a_second(
    source: ModelSource, exported: Export, dataset: Dataset
) -> None:
    other = export(source_of(source.model, "# Another card\n"), dataset, CREATED)
    assert other.bundle.manifest.version != exported.bundle.manifest.version
    assert other.bundle.manifest.version.startswith("20260102-030405-")


def test_without_onnx_only_the_pickles_are_proved(source: ModelSource, dataset: Dataset) -> None:
    exported = export(source, dataset, CREATED, only_pickles=True)
    assert ONNX_FILE not in exported.bundle.files
    assert exported.proof.difference is None


def test_a_model_that_has_no_onnx_form_is_exported_without_one(dataset: Dataset, model: FittedModel) -> None:
    odd = FittedModel(Odd(model.estimator), model.label_encoder, model.columns)
    exported = export(source_of(odd), dataset, CREATED)
    assert ONNX_FILE not in exported.bundle.files
    assert isinstance(exported.not_converted, NotConvertible)
    assert exported.not_converted.estimator == "Odd"
    assert isinstance(exported.not_compiled, NotCompilable)


def test_a_model_whose_onnx_form_bigquery_does_not_take_is_exported_without_that_file(
    dataset: Dataset, model: FittedModel
) -> None:
    exported = export(source_of(TooNew(model.estimator, model.label_encoder, model.columns)), dataset, CREATED)
    assert ONNX_FILE in exported.bundle.files
    assert BIGQUERY_FILE not in exported.bundle.files
    assert "it does not take operators of ai.onnx.ml 3, com.microsoft 1" in str(exported.not_for_bigquery)


class TooNew(FittedModel):
    """Its ONNX form names operators that ONNX Runtime has and BigQuery has not."""

    def onnx_forms(self) -> Iterator[bytes]:
        for form in FittedModel.onnx_forms(self):
            graph = onnx.load_from_string(form)
            graph.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
            yield graph.SerializeToString()


class Odd:
    """A classifier that no converter knows, made of another one."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator
        self.classes_ = estimator.classes_

    def predict_proba(self, frame: Any) -> Any:
        return self.estimator.predict_proba(frame)

    def predict(self, frame: Any) -> Any:
        return self.estimator.predict(frame)


def test_the_manifest_lists_every_file_with_its_digest(exported: Export) -> None:
    manifest = exported.bundle.manifest
    assert {entry.name: entry.digest for entry in manifest.files} == {
        name: digest_of(data) for name, data in exported.bundle.files.items()
    }
    assert exported.bundle.digest == digest_of(manifest.to_bytes())
    assert manifest.created == "2026-01-02T03:04:05Z"
    assert {"scikit-learn", "numpy", "onnx", "skl2onnx"} <= manifest.libraries.keys()
