"""Triton's client, in an environment of its own: reads columns as JSON, prints what it was answered as JSON."""

import json
import sys
from typing import Any

import numpy as np
from tritonclient import http as triton
from tritonclient.utils import InferenceServerException

MODEL = "penguin"


def inputs_of(columns: dict[str, list[Any]], *, binary: bool) -> list[Any]:
    inputs = []
    for name, values in columns.items():
        array = np.array(values, dtype=object if isinstance(values[0], str) else np.float64)
        inputs.append(triton.InferInput(name, array.shape, "BYTES" if array.dtype == object else "FP64"))
        inputs[-1].set_data_from_numpy(array, binary_data=binary)
    return inputs


def refusal(client: Any, model: str, columns: dict[str, list[Any]]) -> dict[str, str]:
    try:
        client.infer(model, inputs_of(columns, binary=True))
    except InferenceServerException as error:
        return {"status": error.status(), "message": error.message()}
    raise AssertionError("it was not refused")


def main() -> None:
    url, columns = sys.argv[1].removeprefix("http://"), json.load(sys.stdin)
    client = triton.InferenceServerClient(url)
    version = client.get_model_metadata(MODEL)["versions"][0]
    answers = {}
    for name, binary, wanted in (("binary", True, None), ("json", False, ("prediction", "probabilities"))):
        outputs = wanted and [triton.InferRequestedOutput(output, binary_data=False) for output in wanted]
        result = client.infer(MODEL, inputs_of(columns, binary=binary), version, outputs, request_id="7")
        answers[name] = {
            "prediction": [
                text.decode() if isinstance(text, bytes) else text for text in result.as_numpy("prediction")
            ],
            "probabilities": result.as_numpy("probabilities").tolist(),
            "id": result.get_response()["id"],
        }
    report = {
        "answers": answers,
        "live": client.is_server_live(),
        "ready": client.is_server_ready() and client.is_model_ready(MODEL) and client.is_model_ready(MODEL, version),
        "extensions": client.get_server_metadata()["extensions"],
        "unknown_model": refusal(client, "ostrich", columns),
        "bad_row": refusal(client, MODEL, {**columns, "sex": ["?", *columns["sex"][1:]]}),
    }
    print(json.dumps(report))


main()
