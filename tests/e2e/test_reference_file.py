"""`publish --reference` with a file that has only what the model takes."""

from pathlib import Path

import joblib
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from predictor.training.dataset import DATA_FILE
from tests.support.cli import run


def test_a_reference_file_needs_only_the_features_of_the_model(tmp_path: Path) -> None:
    names = ["bill_length_mm", "bill_depth_mm"]
    birds = pd.read_csv(DATA_FILE)[[*names, "species"]].dropna()
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(birds[names], birds["species"])
    joblib.dump(model, tmp_path / "model.joblib")
    birds.to_csv(tmp_path / "birds.csv", index=False)
    files = [str(tmp_path / "model.joblib"), "--reference", str(tmp_path / "birds.csv")]
    done = run("publish", *files, "--to", str(tmp_path / "models"))
    assert done.exit_code == 0, done.stderr
    assert f"of {len(birds)} labelled rows right" in done.stderr
