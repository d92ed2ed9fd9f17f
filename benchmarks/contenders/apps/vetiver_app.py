"""vetiver as documented: a `VetiverModel` with an example of its input, served by `VetiverAPI` under uvicorn."""

import os
from pathlib import Path

import joblib
import pandas as pd
from vetiver import VetiverAPI, VetiverModel

numbers = {"bill_length_mm": 39.1, "bill_depth_mm": 18.7, "flipper_length_mm": 181.0, "body_mass_g": 3750.0}
prototype = pd.DataFrame([{**numbers, "sex": "male", "island": "Torgersen"}])
pipeline = joblib.load(Path(os.environ["MODEL_FOLDER"]) / "pipeline.joblib")
app = VetiverAPI(VetiverModel(pipeline, "penguins", prototype_data=prototype)).app
