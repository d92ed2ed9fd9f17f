"""Small models, published by hand: what serving needs, without the training package."""

import io
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from onnx import TensorProto, helper
from onnx.numpy_helper import from_array
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import LabelEncoder, StandardScaler

from predictor.artifacts.manifest import FileEntry, Manifest
from predictor.digest import digest_of
from predictor.models.compiled import LinearForm, form_to_bytes
from predictor.models.golden import Golden, GoldenRow
from predictor.penguin import Penguin
from predictor.schema import CATEGORIES, DUMMY_COLUMNS, FEATURES, MEASUREMENTS, RANGES

COLUMNS = (*MEASUREMENTS, *DUMMY_COLUMNS)
CLASSES = ("Adelie", "Chinstrap", "Gentoo")

EXAMPLE: dict[str, Any] = {
    "bill_length_mm": 39.1,
    "bill_depth_mm": 18.7,
    "flipper_length_mm": 181.0,
    "body_mass_g": 3750.0,
    "sex": "male",
    "island": "Torgersen",
}
"""An Adelie: the example of the service that this one replaces."""

# Typical birds of each species: bill length and depth, flipper length, body mass, island.
_TYPICAL = {
    "Adelie": (38.8, 18.3, 190.0, 3700.0, "Torgersen"),
    "Chinstrap": (48.8, 18.4, 196.0, 3730.0, "Dream"),
    "Gentoo": (47.5, 15.0, 217.0, 5080.0, "Biscoe"),
}


@dataclass(frozen=True)
class PublishedBundle:
    """A folder with a complete model, and its pin."""

    folder: Path
    digest: str

    @property
    def env(self) -> dict[str, str]:
        return {"MODEL_URI": str(self.folder), "MODEL_DIGEST": self.digest}


def random_penguins(count: int, seed: int, spread: float = 0.05) -> tuple[list[Penguin], list[str]]:
    """Birds around the typical ones, with their species."""
    rng = np.random.default_rng(seed)
    penguins, species = [], []
    for index in range(count):
        name = CLASSES[index % len(CLASSES)]
        *measures, island = _TYPICAL[name]
        lows, highs = zip(*RANGES.values(), strict=True)
        values = np.clip(np.array(measures) * rng.normal(1.0, spread, 4), lows, highs).round(1).tolist()
        sex = CATEGORIES["sex"][int(rng.integers(2))]
        penguins.append(Penguin(**dict(zip(FEATURES, (*values, sex, island), strict=True))))
        species.append(name)
    return penguins, species


def encode(penguins: list[Penguin]) -> pd.DataFrame:
    """As the replaced service encoded its requests."""
    frame = pd.DataFrame([penguin.model_dump() for penguin in penguins])
    return pd.get_dummies(frame, columns=list(CATEGORIES)).reindex(columns=list(COLUMNS), fill_value=0).astype(float)


def publish_by_hand(
    root: Path,
    *,
    seed: int = 1,
    onnx: bool = True,
    linear: bool = False,
    overrides: dict[str, bytes] | None = None,
    without: tuple[str, ...] = (),
) -> PublishedBundle:
    """Fit, export and lay out a model under `root`; `overrides` replaces files before the manifest is made.

    Files in `without` are left out of both.

    With `linear` it has the compiled form too.
    """
    penguins, species = random_penguins(150, seed)
    label_encoder = LabelEncoder()
    estimator = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    estimator.fit(encode(penguins), label_encoder.fit_transform(species))
    files = {
        "model.pkl": _pickle(estimator),
        "label_encoder.pkl": _pickle(label_encoder),
        "columns.pkl": _pickle(list(COLUMNS)),
        "golden.json": _golden(estimator, penguins[:12]),
        "model_card.md": b"# A model for tests\n",
    }
    if onnx:
        files["model.onnx"] = _onnx(estimator)
    if linear:
        files["compiled.json"] = _compiled(estimator)
    files |= overrides or {}
    files = {name: data for name, data in files.items() if name not in without}
    name = f"20260101-000000-{seed:08d}"
    manifest = Manifest(
        name="penguins",
        version=name,
        created="2026-01-01T00:00:00Z",
        files=tuple(FileEntry.describing(file, data) for file, data in sorted(files.items())),
        python=platform.python_version(),
        libraries={"scikit-learn": version("scikit-learn")},
        classes=CLASSES,
        columns=COLUMNS,
        metrics={"accuracy": 1.0},
        training_data_sha256="0" * 64,
    ).to_bytes()
    folder = root / name
    folder.mkdir(parents=True)
    for file, data in {**files, "manifest.json": manifest}.items():
        (folder / file).write_bytes(data)
    return PublishedBundle(folder, digest_of(manifest))


def _pickle(value: Any) -> bytes:
    stream = io.BytesIO()
    joblib.dump(value, stream)
    return stream.getvalue()


def _onnx(estimator: Pipeline) -> bytes:
    graph = to_onnx(
        estimator,
        initial_types=[("features", FloatTensorType([None, len(COLUMNS)]))],
        options={"zipmap": False},
        name="penguins",
    )
    data: bytes = graph.SerializeToString()
    return data


def _compiled(estimator: Pipeline) -> bytes:
    scaler, regression = (step for _, step in estimator.steps)
    weights = regression.coef_ / scaler.scale_
    intercepts = (regression.intercept_ - weights @ scaler.mean_).tolist()
    rows = tuple(map(tuple, weights.T.tolist()))
    return form_to_bytes(LinearForm(columns=COLUMNS, weights=rows, intercepts=tuple(intercepts)))


def linear_graph(weights: Any, intercepts: Any, axis: int = -1) -> bytes:
    """Cast, MatMul, Add, Softmax, Cast: what this project's publishing makes of a linear model."""
    tensors = [from_array(np.asarray(value), name) for name, value in (("w", weights), ("b", intercepts))]
    nodes = [
        helper.make_node("Cast", ["features"], ["doubles"], to=TensorProto.DOUBLE),
        helper.make_node("MatMul", ["doubles", "w"], ["products"]),
        helper.make_node("Add", ["products", "b"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["shares"], axis=axis),
        helper.make_node("Cast", ["shares"], ["probabilities"], to=TensorProto.FLOAT),
    ]
    columns, classes = np.asarray(weights).shape
    inputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, columns])]
    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, classes])]
    graph = helper.make_graph(nodes, "linear", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    data: bytes = model.SerializeToString()
    return data


def _golden(estimator: Pipeline, penguins: list[Penguin]) -> bytes:
    probabilities = estimator.predict_proba(encode(penguins))
    rows = tuple(
        GoldenRow(penguin=penguin, probabilities=tuple(row))
        for penguin, row in zip(penguins, probabilities.tolist(), strict=True)
    )
    return Golden(classes=CLASSES, tolerance=1e-5, rows=rows).to_bytes()
