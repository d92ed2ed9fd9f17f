import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, StandardScaler

from predictor.artifacts import Bundle, FileEntry
from predictor.artifacts.local_store import LocalStore
from predictor.digest import digest_of
from predictor.errors import ParityMismatch, PublishRefused
from predictor.models import build_engine
from predictor.publishing.publish_sources import export_sources
from predictor.publishing.source_model import Options
from predictor.schema import CATEGORIES, FEATURES
from predictor.training.dataset import Dataset
from predictor.training.export import Export
from predictor.training.publish import publish, write
from tests.support.bundles import linear_graph
from tests.unit.publishing.conftest import raw_frame

CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def exported(*paths: Path, dataset: Dataset, said: list[str] | None = None, **options: Any) -> Export:
    return export_sources(
        paths,
        lambda _: dataset,
        CREATED,
        Options(**{key: value for key, value in options.items() if key in ("columns", "classes")}),
        accept_accuracy=options.get("accept_accuracy", False),
        only_pickles=options.get("only_pickles", False),
        tell=(said if said is not None else []).append,
    )


@dataclass(frozen=True)
class Published:
    """What publishing made of `pipeline.joblib`, and what it said."""

    export: Export
    said: list[str]

    @property
    def bundle(self) -> Bundle:
        return self.export.bundle


def _published(files: Path, dataset: Dataset, *, only_pickles: bool = False) -> Published:
    said: list[str] = []
    return Published(exported(files / "pipeline.joblib", dataset=dataset, only_pickles=only_pickles, said=said), said)


@pytest.fixture(scope="module")
def published(files: Path, dataset: Dataset) -> Published:
    return _published(files, dataset)


@pytest.fixture(scope="module")
def only_pickle(files: Path, dataset: Dataset) -> Published:
    return _published(files, dataset, only_pickles=True)


def test_a_pipeline_becomes_a_bundle_that_says_what_it_takes(published: Published) -> None:
    manifest = published.bundle.manifest
    assert set(manifest.file_names) >= {"pipeline.pkl", "compiled.json", "model.onnx", "golden.json", "model_card.md"}
    assert [column.name for column in manifest.input or ()] == list(FEATURES)
    assert manifest.schema_version == 2
    assert json.loads(manifest.to_bytes())["metrics"]["data_set_rows"] == 333
    assert any(line.endswith("of 333 labelled rows right") for line in published.said)
    difference = published.export.proof.difference
    assert difference is not None
    assert difference < 1e-5


@pytest.mark.parametrize("forms", ["published", "only_pickle"])
def test_it_moves_from_folder_to_folder(
    forms: str, request: pytest.FixtureRequest, dataset: Dataset, tmp_path: Path
) -> None:
    bundle = request.getfixturevalue(forms).bundle
    first = write(bundle, bundle.manifest.to_bytes(), LocalStore(tmp_path / "first"))
    second, proof = publish(LocalStore(first.uri), LocalStore(tmp_path / "second"), dataset)
    assert second.digest == first.digest
    assert proof.penguins > 20_000


def test_forms_that_differ_do_not_move(published: Published, dataset: Dataset, tmp_path: Path) -> None:
    bundle = published.bundle
    other = linear_graph(np.zeros((6, 3)), np.zeros(3))
    contents = {**bundle.files, "model.onnx": other}
    entries = tuple(FileEntry.describing(name, contents[name]) for name in sorted(contents))
    manifest = bundle.manifest.model_copy(update={"files": entries})
    changed = Bundle(manifest, digest_of(manifest.to_bytes()), MappingProxyType(contents))
    first = write(changed, manifest.to_bytes(), LocalStore(tmp_path / "first"))
    with pytest.raises(ParityMismatch):
        publish(LocalStore(first.uri), LocalStore(tmp_path / "second"), dataset)


def test_all_forms_of_it_give_the_same_answers(published: Published, dataset: Dataset) -> None:
    engines = [build_engine(name, published.bundle) for name in ("compiled", "onnx", "sklearn")]
    for penguin in dataset.penguins[:20]:
        first, second, third = (engine.probabilities(penguin) for engine in engines)
        assert first == pytest.approx(third, abs=1e-6)
        assert second == pytest.approx(third, abs=1e-5)


def test_a_model_that_is_mostly_wrong_is_refused_unless_that_is_accepted(dataset: Dataset, tmp_path: Path) -> None:
    frame = pd.get_dummies(raw_frame(dataset), columns=list(CATEGORIES)).astype(float)
    numbers = LabelEncoder().fit_transform(dataset.labels)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame.to_numpy(), numbers)
    joblib.dump(model, tmp_path / "model.pkl")
    exchanged = tuple(reversed(frame.columns))
    options: dict[str, Any] = {"columns": exchanged, "classes": ("Adelie", "Chinstrap", "Gentoo"), "dataset": dataset}
    with pytest.raises(PublishRefused, match="labelled penguins correctly; are its columns and classes in the order"):
        exported(tmp_path / "model.pkl", **options)
    accepted = exported(tmp_path / "model.pkl", accept_accuracy=True, only_pickles=True, **options)
    assert accepted.proof.penguins == 20_333


def test_without_onnx_it_says_what_serves_the_pickle(only_pickle: Published) -> None:
    assert "model.onnx" not in only_pickle.bundle.manifest.file_names
    assert "scikit-learn==" in only_pickle.said[-1]
