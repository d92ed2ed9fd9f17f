"""The design of the service that this function replaces: FastAPI, three joblib files, `get_dummies` and a forest."""

import os
from pathlib import Path
from typing import Literal

import joblib
import pandas as pd
from fastapi import FastAPI
from pydantic import BaseModel, Field

FOLDER = Path(os.environ["MODEL_FOLDER"])
model = joblib.load(FOLDER / "model.pkl")
label_encoder = joblib.load(FOLDER / "label_encoder.pkl")
expected_columns = joblib.load(FOLDER / "columns.pkl")
app = FastAPI()


class PenguinFeatures(BaseModel):
    bill_length_mm: float = Field(ge=20, le=160)
    bill_depth_mm: float = Field(ge=5, le=50)
    flipper_length_mm: float = Field(ge=80, le=450)
    body_mass_g: float = Field(ge=500, le=50_000)
    sex: Literal["male", "female"]
    island: Literal["Torgersen", "Biscoe", "Dream"]


@app.post("/predict")
async def predict(features: PenguinFeatures) -> dict[str, str]:
    frame = pd.DataFrame([features.model_dump()])
    frame = pd.get_dummies(frame, columns=["sex", "island"]).reindex(columns=expected_columns, fill_value=0)
    return {"prediction": str(label_encoder.inverse_transform(model.predict(frame))[0])}
