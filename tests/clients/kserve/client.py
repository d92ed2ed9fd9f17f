"""KServe's client, in an environment of its own: reads columns as JSON, prints what it was answered as JSON."""

import asyncio
import json
import sys
from typing import Any

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

MODEL = "penguin"


def request_of(columns: dict[str, list[Any]], *, binary: bool) -> Any:
    inputs = []
    for name, values in columns.items():
        array = np.array(values, dtype=object if isinstance(values[0], str) else np.float64)
        inputs.append(InferInput(name, list(array.shape), "BYTES" if array.dtype == object else "FP64"))
        inputs[-1].set_data_from_numpy(array, binary_data=binary)
    parameters = {"binary_data_output": binary}
    return InferRequest(model_name=MODEL, infer_inputs=inputs, request_id="7", parameters=parameters)


async def main() -> None:
    url, columns = sys.argv[1], json.load(sys.stdin)
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    v1, v2 = (InferenceRESTClient(RESTConfig(protocol=protocol)) for protocol in ("v1", "v2"))
    answer = await v1.infer(url, {"instances": rows}, model_name=MODEL)
    predictions = answer["predictions"]
    answers = {
        "v1": {
            "prediction": [row["prediction"] for row in predictions],
            "probabilities": [list(row["probabilities"].values()) for row in predictions],
        }
    }
    for name, binary in (("v2 json", False), ("v2 binary", True)):
        result = await v2.infer(url, request_of(columns, binary=binary), model_name=MODEL)
        outputs = {output.name: output.as_numpy() for output in result.outputs}
        answers[name] = {
            "prediction": [text.decode() if isinstance(text, bytes) else text for text in outputs["prediction"]],
            "probabilities": outputs["probabilities"].tolist(),
        }
    refusals = {}
    for name, client, data in (("v1", v1, {"instances": 3}), ("v2", v2, {"inputs": 3})):
        try:
            await client.infer(url, data, model_name=MODEL)
        except httpx.HTTPStatusError as error:
            refusals[name] = str(error)
    ready = [await v1.is_model_ready(url, MODEL), await v2.is_model_ready(url, MODEL), await v2.is_server_ready(url)]
    report = {"answers": answers, "live": await v2.is_server_live(url), "ready": all(ready), "refusals": refusals}
    print(json.dumps(report))


asyncio.run(main())
