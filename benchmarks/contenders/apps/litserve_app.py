"""LitServe: the four methods of a `LitAPI`, one worker."""

import os
import sys
from pathlib import Path
from typing import Any

import joblib
import litserve
import pandas as pd


class Penguins(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.pipeline = joblib.load(Path(os.environ["MODEL_FOLDER"]) / "pipeline.joblib")

    def decode_request(self, request: dict[str, Any]) -> pd.DataFrame:
        return pd.DataFrame([request])

    def predict(self, frame: pd.DataFrame) -> str:
        return str(self.pipeline.predict(frame)[0])

    def encode_response(self, species: str) -> dict[str, str]:
        return {"prediction": species}


if __name__ == "__main__":
    server = litserve.LitServer(Penguins(), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="error")
