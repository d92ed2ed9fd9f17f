"""vetiver, as its documentation has it: a `VetiverModel` with prototype data, served by `VetiverAPI` under uvicorn."""

import os
from pathlib import Path

import joblib
import pandas as pd
from vetiver import VetiverAPI, VetiverModel

prototype = pd.DataFrame(
    [
        {
            "bill_length_mm": 39.1,
            "bill_depth_mm": 18.7,
            "flipper_length_mm": 181.0,
            "body_mass_g": 3750.0,
            "sex": "male",
            "island": "Torgersen",
        }
    ]
)
pipeline = joblib.load(Path(os.environ["MODEL_FOLDER"]) / "pipeline.joblib")
app = VetiverAPI(VetiverModel(pipeline, "penguins", prototype_data=prototype)).app
