"""`python fit.py DATA FOLDER [forest|xgboost]`, run in a contender's own environment: fits what it may serve.

A model is fitted where it is served, so that each contender can have the version of scikit-learn that it needs. The
results are `pipeline.joblib`, this project's pipeline as one object that takes a frame of six columns, and the three
files of the replaced service: a forest of 100 trees (or an XGBoost model of 300) on `get_dummies` columns, its label
encoder, its columns.
"""

import sys
from pathlib import Path

import joblib
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, OneHotEncoder, StandardScaler

MEASUREMENTS = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
CATEGORIES = ["sex", "island"]


def main(data: Path, folder: Path, kind: str = "forest") -> None:
    penguins = pd.read_csv(data).dropna()
    features = penguins[MEASUREMENTS + CATEGORIES].astype(dict.fromkeys(MEASUREMENTS, float))
    species = penguins["species"]

    columns = make_column_transformer((StandardScaler(), MEASUREMENTS), (OneHotEncoder(), CATEGORIES))
    pipeline = make_pipeline(columns, LogisticRegression(C=100.0, max_iter=1000))
    joblib.dump(pipeline.fit(features, species), folder / "pipeline.joblib")

    dummies = pd.get_dummies(features, columns=CATEGORIES)
    labels = LabelEncoder()
    if kind == "forest":
        trees = RandomForestClassifier(n_estimators=100, random_state=0)
    else:
        from xgboost import XGBClassifier  # Only this project's environment has it.

        trees = XGBClassifier(n_estimators=100, max_depth=3, n_jobs=1)
    joblib.dump(trees.fit(dummies, labels.fit_transform(species)), folder / "model.pkl")
    joblib.dump(labels, folder / "label_encoder.pkl")
    joblib.dump(list(dummies.columns), folder / "columns.pkl")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
