import struct
from typing import Any

import numpy as np
import orjson
import pytest

from tests.support.asgi import Client
from tests.support.bundles import CLASSES, EXAMPLE, PublishedBundle

INFER = "/v2/models/penguin/infer"
GENTOO = {**EXAMPLE, "bill_depth_mm": 14.5, "flipper_length_mm": 220.0, "body_mass_g": 5500.0, "island": "Biscoe"}


def tensors(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    """Six named tensors as JSON."""
    datatypes = {float: "FP64", str: "BYTES"}
    return [
        {
            "name": name,
            "datatype": datatypes[type(value)],
            "shape": [len(rows)],
            "data": [row[name] for row in rows],
        }
        for name, value in EXAMPLE.items()
    ]


def binary(inputs: list[dict[str, Any]], **number_types: str) -> tuple[list[dict[str, Any]], bytes]:
    """The same in the binary extension; `number_types`: the data types of numbers that are not FP64."""
    dtypes = {"FP32": "<f4", "FP64": "<f8", "INT32": "<i4"}
    described, parts = [], []
    for tensor in inputs:
        datatype = number_types.get(tensor["name"], tensor["datatype"])
        if datatype == "BYTES":
            data = b"".join(struct.pack("<I", len(text)) + text.encode() for text in tensor["data"])
        else:
            data = np.array(tensor["data"]).astype(dtypes[datatype]).tobytes()
        parts.append(data)
        parameters = {"binary_data_size": len(data)}
        described.append(
            {"name": tensor["name"], "datatype": datatype, "shape": tensor["shape"], "parameters": parameters}
        )
    return described, b"".join(parts)


def post_binary(client: Client, document: bytes, data: bytes) -> Any:
    headers = {"Inference-Header-Content-Length": str(len(document))}
    return client.post(INFER, content=document + data, headers=headers)


def test_six_tensors_give_the_answers_of_a_batch(client: Client, bundle: PublishedBundle) -> None:
    answer = client.post(INFER, json={"id": "7", "inputs": tensors(EXAMPLE, GENTOO)}).json()
    rows = client.post("/predict", json={"instances": [EXAMPLE, GENTOO]}).json()["predictions"]
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("penguin", bundle.folder.name, "7")
    assert answer["parameters"] == {"classes": ",".join(CLASSES), "model_digest": bundle.digest}
    outputs = {output["name"]: (output["datatype"], output["shape"], output["data"]) for output in answer["outputs"]}
    assert outputs == {
        "prediction": ("BYTES", [2], ["Adelie", "Gentoo"]),
        "probability": ("FP64", [2], [row["probability"] for row in rows]),
        "probabilities": ("FP64", [2, 3], [row["probabilities"][name] for row in rows for name in CLASSES]),
    }


def test_one_tensor_of_text_is_read_as_a_row_of_a_file_is(client: Client) -> None:
    rows = [[str(value) for value in row.values()] for row in (EXAMPLE, GENTOO)]
    rows[0][4] = "MALE"
    for data in (rows, [cell for row in rows for cell in row]):
        tensor = {"name": "features", "datatype": "BYTES", "shape": [2, 6], "data": data}
        answer = client.post(INFER, json={"inputs": [tensor], "outputs": [{"name": "prediction"}]}).json()
        assert [(output["name"], output["data"]) for output in answer["outputs"]] == [
            ("prediction", ["Adelie", "Gentoo"])
        ]


def test_binary_tensors_give_binary_tensors(client: Client) -> None:
    inputs, data = binary(tensors(EXAMPLE, GENTOO), bill_length_mm="FP32", body_mass_g="INT32")
    document = {"inputs": inputs, "parameters": {"binary_data_output": True}}
    response = post_binary(client, orjson.dumps(document), data)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/octet-stream")
    length = int(response.headers["Inference-Header-Content-Length"])
    names = orjson.loads(response.content[:length])["outputs"]
    rest, found = response.content[length:], {}
    for output in names:
        size = output["parameters"]["binary_data_size"]
        found[output["name"]], rest = rest[:size], rest[size:]
    assert rest == b""
    assert found["prediction"] == b"\x06\0\0\0Adelie\x06\0\0\0Gentoo"
    expected = client.post(INFER, json={"inputs": tensors(EXAMPLE, GENTOO)}).json()["outputs"][2]["data"]
    assert np.abs(np.frombuffer(found["probabilities"], "<f8") - expected).max() < 1e-5


def test_each_output_can_be_binary_or_not(client: Client) -> None:
    wanted = [{"name": "prediction"}, {"name": "probability", "parameters": {"binary_data": True}}]
    response = client.post(INFER, json={"inputs": tensors(EXAMPLE), "outputs": wanted})
    assert b'"data":["Adelie"]' in response.content
    assert response.content.count(b"binary_data_size") == 1


@pytest.mark.parametrize(
    "inputs", [tensors(), [{"name": "features", "datatype": "BYTES", "shape": [0, 6], "data": []}]]
)
def test_no_rows_give_no_rows(client: Client, inputs: list[dict[str, Any]]) -> None:
    answer = client.post(INFER, json={"inputs": inputs}).json()
    assert [output["shape"] for output in answer["outputs"]] == [[0], [0], [0, 3]]


def test_what_is_wrong_with_rows_is_named_by_its_place_in_the_tensors(client: Client) -> None:
    bad = {**EXAMPLE, "body_mass_g": 1.0, "sex": "?"}
    response = client.post(INFER, json={"inputs": tensors(EXAMPLE, bad)})
    assert response.status_code == 422
    assert [(found["pointer"], found["code"]) for found in response.json()["errors"]] == [
        ("/inputs/3/data/1", "out_of_range"),
        ("/inputs/4/data/1", "unknown_value"),
    ]
    assert "/inputs/4/data/1: Must be one of male, female." in response.json()["error"]
    texts = {"name": "features", "datatype": "BYTES", "shape": [1, 6], "data": [str(value) for value in bad.values()]}
    errors = client.post(INFER, json={"inputs": [texts]}).json()["errors"]
    assert [found["pointer"] for found in errors] == ["/inputs/0/data/0/3", "/inputs/0/data/0/4"]


def wanting(name: str, **parameters: Any) -> dict[str, Any]:
    return {"inputs": tensors(EXAMPLE), "outputs": [{"name": name, "parameters": parameters}]}


def changed(**changes: Any) -> dict[str, Any]:
    """A request whose first tensor is another."""
    inputs = tensors(EXAMPLE)
    inputs[0] |= changes
    return {"inputs": inputs}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/inputs"),
        ({"inputs": [3]}, "/inputs/0"),
        ({"inputs": tensors(EXAMPLE)[1:]}, "/inputs"),
        ({"inputs": [*tensors(EXAMPLE), tensors(EXAMPLE)[0]]}, "/inputs"),
        ({"inputs": [*tensors(EXAMPLE), changed(name="wing_mm")["inputs"][0]]}, "/inputs/6/name"),
        (changed(name=3), "/inputs/0/name"),
        (changed(datatype="BYTES"), "/inputs/0/datatype"),
        (changed(datatype="FP128"), "/inputs/0/datatype"),
        (changed(shape=[2]), "/inputs/0/data"),
        (changed(shape=[1, 1, 1]), "/inputs/0/shape"),
        (changed(shape=[-1]), "/inputs/0/shape"),
        (changed(shape=[True]), "/inputs/0/shape"),
        (changed(shape="1"), "/inputs/0/shape"),
        (changed(data=["39.1"]), "/inputs/0/data"),
        (changed(data=[True]), "/inputs/0/data"),
        (changed(data=None), "/inputs/0/data"),
        (changed(data=[[39.1], 1]), "/inputs/0/data"),
        (changed(parameters={"binary_data_size": 8}), "/inputs"),
        (changed(parameters={"binary_data_size": -8}), "/inputs/0/parameters/binary_data_size"),
        (changed(parameters=[]), "/inputs/0/parameters"),
        (changed(parameters={"shared_memory_region": "r"}), "/inputs/0/parameters"),
        (wanting("species"), "/outputs/0"),
        (wanting("probability", classification=1), "/outputs/0/parameters"),
        (wanting("probability", binary_data=1), "/outputs/0/parameters"),
        (changed() | {"parameters": []}, "/parameters"),
    ],
)
def test_a_request_that_is_not_what_it_says_is_refused(client: Client, body: Any, pointer: str) -> None:
    response = client.post(INFER, json=body)
    assert (response.status_code, response.headers["content-type"]) == (422, "application/json")
    assert {found["pointer"] for found in response.json()["errors"]} == {pointer}


def test_the_sizes_of_a_long_shape_are_not_multiplied(client: Client) -> None:
    """Fifty thousand of them, which fit into a body, took twelve seconds in one step."""
    response = client.post(INFER, json=changed(shape=[2**62] * 1000))
    assert [found["pointer"] for found in response.json()["errors"]] == ["/inputs/0/shape"]


@pytest.mark.parametrize("data", [b"", b"\x04\0\0\0male", b"\x04\0\0\0mal\xff", b"\xff\xff\xff\xffmale", b"\x01"])
def test_binary_text_that_breaks_off_is_refused(client: Client, data: bytes) -> None:
    inputs = tensors(EXAMPLE)
    inputs[4] = {"name": "sex", "datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": len(data)}}
    inputs = [
        tensor | {"shape": [2], "data": tensor.get("data", []) * 2} if "data" in tensor else tensor for tensor in inputs
    ]
    response = post_binary(client, orjson.dumps({"inputs": inputs}), data)
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/inputs/4"


@pytest.mark.parametrize("length", ["-1", "x", "9" * 20, "100000"])
def test_a_header_length_that_cannot_be_is_refused(client: Client, length: str) -> None:
    response = client.post(INFER, json={"inputs": []}, headers={"Inference-Header-Content-Length": length})
    assert response.status_code == 400
    assert "Inference-Header-Content-Length" in response.json()["error"]


def test_the_model_is_described(client: Client, bundle: PublishedBundle) -> None:
    assert client.get("/v2").json()["extensions"] == ["binary_tensor_data"]
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    described = client.get("/v2/models/penguin").json()
    assert described["versions"] == [bundle.folder.name]
    assert [tensor["name"] for tensor in described["inputs"]] == list(EXAMPLE)
    assert [tensor["name"] for tensor in described["outputs"]] == ["prediction", "probability", "probabilities"]


def test_the_one_version_can_be_named_and_no_other(client: Client, bundle: PublishedBundle) -> None:
    for path in ("", "/ready"):
        one = f"/v2/models/penguin/versions/{bundle.folder.name}{path}"
        assert client.get(one).json() == client.get(f"/v2/models/penguin{path}").json()
        assert client.get(f"/v2/models/penguin/versions/7{path}").status_code == 404
    body = {"inputs": tensors(EXAMPLE)}
    assert client.post(f"/v2/models/penguin/versions/{bundle.folder.name}/infer", json=body).status_code == 200
    refused = client.post("/v2/models/penguin/versions/7/infer", json=body)
    assert (refused.status_code, refused.json()["error"]) == (404, f"There is only version {bundle.folder.name}.")
