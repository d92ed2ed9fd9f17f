"""How the service that this project replaces trained and predicted: a script that imports nothing of this project.

    python tests/support/replaced_service.py KIND CSV FOLDER

writes model.pkl, label_encoder.pkl and columns.pkl to FOLDER, and predictions.json: what that service's own
code answers for every complete bird of the CSV file, one request at a time.
"""

import json
import sys
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, StandardScaler
from sklearn.svm import LinearSVC

FEATURES = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g", "sex", "island"]


def make(kind: str) -> Any:
    """An unfitted estimator of a kind."""
    if kind == "xgboost":
        from xgboost import XGBClassifier

        return XGBClassifier(n_estimators=60, max_depth=3, learning_rate=0.2, subsample=0.8, random_state=42)
    if kind == "xgboost-softmax":
        from xgboost import XGBClassifier

        return XGBClassifier(n_estimators=20, objective="multi:softmax", random_state=42)
    if kind == "xgboost-scaled":
        from xgboost import XGBClassifier

        return make_pipeline(StandardScaler(), XGBClassifier(n_estimators=60, random_state=42))
    if kind == "lightgbm":
        from lightgbm import LGBMClassifier

        return LGBMClassifier(n_estimators=40, random_state=42, verbose=-1)
    kinds = {
        "forest": lambda: RandomForestClassifier(n_estimators=20, random_state=42),
        "columns-by-name": lambda: make_pipeline(
            make_column_transformer((StandardScaler(), FEATURES[:4]), remainder="passthrough"),
            LogisticRegression(max_iter=1000),
        ),
        "histogram-boosting": lambda: HistGradientBoostingClassifier(max_iter=20, random_state=42),
        "no-probabilities": lambda: LinearSVC(random_state=42),
    }
    return kinds[kind]()


def main(kind: str, csv: Path, folder: Path) -> None:
    birds = pd.read_csv(csv).dropna().reset_index(drop=True)
    features = pd.get_dummies(birds[FEATURES], columns=["sex", "island"])
    label_encoder = LabelEncoder()
    model = make(kind).fit(features, label_encoder.fit_transform(birds["species"]))
    folder.mkdir(parents=True, exist_ok=True)
    joblib.dump(model, folder / "model.pkl")
    joblib.dump(label_encoder, folder / "label_encoder.pkl")
    joblib.dump(features.columns.tolist(), folder / "columns.pkl")
    predictions = [predict(folder, {str(k): v for k, v in row.items()}) for row in birds[FEATURES].to_dict("records")]
    (folder / "predictions.json").write_text(json.dumps(predictions))


_loaded: dict[Path, tuple[Any, Any, list[str]]] = {}


def predict(folder: Path, request: dict[str, Any]) -> str:
    """Its `/predict`: one request, encoded by itself, to the species' name."""
    if folder not in _loaded:
        _loaded[folder] = (
            joblib.load(folder / "model.pkl"),
            joblib.load(folder / "label_encoder.pkl"),
            joblib.load(folder / "columns.pkl"),
        )
    model, label_encoder, columns = _loaded[folder]
    frame = pd.get_dummies(pd.DataFrame([request]), columns=["sex", "island"])
    frame = frame.reindex(columns=columns, fill_value=0)
    name: str = label_encoder.inverse_transform(model.predict(frame))[0]
    return name


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
