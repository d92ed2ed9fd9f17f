"""`python fit.py DATA FOLDER`, run in a contender's own environment: fits the models that the contender may serve.

A model is fitted where it is served, so that each contender can have the version of scikit-learn that it needs. The
results are `pipeline.joblib`, this project's pipeline as one object that takes a frame of six columns, and the three
files of the replaced service: a forest of 100 trees on `get_dummies` columns, its label encoder, its columns.
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


def main(data: Path, folder: Path) -> None:
    penguins = pd.read_csv(data).dropna()
    features = penguins[MEASUREMENTS + CATEGORIES].astype(dict.fromkeys(MEASUREMENTS, float))
    species = penguins["species"]

    columns = make_column_transformer((StandardScaler(), MEASUREMENTS), (OneHotEncoder(), CATEGORIES))
    pipeline = make_pipeline(columns, LogisticRegression(C=100.0, max_iter=1000))
    joblib.dump(pipeline.fit(features, species), folder / "pipeline.joblib")

    dummies = pd.get_dummies(features, columns=CATEGORIES)
    labels = LabelEncoder()
    forest = RandomForestClassifier(n_estimators=100, random_state=0).fit(dummies, labels.fit_transform(species))
    joblib.dump(forest, folder / "model.pkl")
    joblib.dump(labels, folder / "label_encoder.pkl")
    joblib.dump(list(dummies.columns), folder / "columns.pkl")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
