"""BentoML: a service class with one API method, one worker, no access log."""

import os
from pathlib import Path

import bentoml
import joblib
import pandas as pd


@bentoml.service(workers=1, logging={"access": {"enabled": False}})
class Penguins:
    def __init__(self) -> None:
        self.pipeline = joblib.load(Path(os.environ["MODEL_FOLDER"]) / "pipeline.joblib")

    @bentoml.api
    def predict(  # noqa: PLR0917  The framework makes the fields of the request of these.
        self,
        bill_length_mm: float,
        bill_depth_mm: float,
        flipper_length_mm: float,
        body_mass_g: float,
        sex: str,
        island: str,
    ) -> dict[str, str]:
        measurements = [bill_length_mm, bill_depth_mm, flipper_length_mm, body_mass_g]
        frame = pd.DataFrame([[*measurements, sex, island]], columns=self.pipeline.feature_names_in_)
        return {"prediction": str(self.pipeline.predict(frame)[0])}
