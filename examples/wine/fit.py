"""Fit a classifier on scikit-learn's wine data, as any data scientist would: `python examples/wine/fit.py FOLDER`.

Writes the three files that `publish --from-pickles` takes, and `wine.csv`, the labelled rows for `--reference`.
"""

import sys
from pathlib import Path

import joblib
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, StandardScaler


def main(folder: Path) -> None:
    wine = load_wine(as_frame=True)
    features = wine.data.rename(columns={"od280/od315_of_diluted_wines": "od280_od315_of_diluted_wines"})
    cultivars = wine.target.map(dict(enumerate(wine.target_names)))

    encoder = LabelEncoder()
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(features, encoder.fit_transform(cultivars))

    folder.mkdir(parents=True, exist_ok=True)
    joblib.dump(model, folder / "model.pkl")
    joblib.dump(encoder, folder / "label_encoder.pkl")
    joblib.dump(list(features.columns), folder / "columns.pkl")
    features.assign(cultivar=cultivars).to_csv(folder / "wine.csv", index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
