"""MLflow's client, in an environment of its own: reads columns as JSON, prints what it was answered as JSON."""

import json
import sys
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
from mlflow.pyfunc.scoring_server.client import ScoringServerClient


def main() -> None:
    parts, columns = urlsplit(sys.argv[1]), json.load(sys.stdin)
    client = ScoringServerClient(parts.hostname, parts.port)
    client.wait_server_ready()
    frame = pd.DataFrame(columns)
    forms: dict[str, Any] = {
        "data frame": frame,
        "array": frame.to_numpy(),
        "rows": frame.to_dict("records"),
    }
    answers = {}
    for name, data in forms.items():
        table = client.invoke(data).get_predictions()
        answers[name] = {
            "prediction": table["prediction"].tolist(),
            "probabilities": [list(row.values()) for row in table["probabilities"]],
        }
    plain = client.invoke(frame, params={"details": False}).get_predictions("ndarray").tolist()
    try:
        client.invoke([{}] * 1001)
    except Exception as error:  # noqa: BLE001  The client raises nothing more exact.
        refusal = str(error)
    print(json.dumps({"answers": answers, "plain": plain, "version": client.get_version(), "refusal": refusal}))


main()
