"""BigQuery: datasets, remote functions, imported models; and the connections, each with an account of its own."""

import re
from typing import TYPE_CHECKING

from tests.support.gcp.request import Json, Recorded, Refused, not_found

if TYPE_CHECKING:
    from tests.support.gcp.cloud import FakeCloud

_IMPORT = re.compile(
    r"CREATE OR REPLACE MODEL `([^`.]+)\.([^`.]+)\.([^`.]+)`"
    r" OPTIONS\(model_type = 'ONNX', model_path = '(gs://[^']+\.onnx)'\)"
)


def answer(cloud: "FakeCloud", request: Recorded) -> Json:
    """Everything is kept under its path; what is created must lie in something that exists."""
    path = request.path.removeprefix("bigquery/v2/")
    if path == f"projects/{cloud.project}/queries":
        return _query(cloud, request.body)
    if request.method == "POST":
        collection = path.rpartition("/")[2]
        parent = path.rpartition("/")[0]
        if collection != "datasets" and parent not in cloud.bigquery:
            raise not_found(parent)
        name = request.body[f"{collection[:-1]}Reference"][f"{collection[:-1]}Id"]
        connection = request.body.get("remoteFunctionOptions", {}).get("connection")
        if connection is not None and connection not in cloud.bigquery:
            raise Refused(400, f"Not found: Connection {connection}")
        path = f"{path}/{name}"
        if path in cloud.bigquery:
            raise Refused(409, f"Already Exists: {path}")
        cloud.bigquery[path] = request.body
    elif path not in cloud.bigquery:
        raise not_found(path)
    elif request.method == "PUT":
        cloud.bigquery[path] = request.body
    elif request.method == "PATCH":
        cloud.bigquery[path] |= request.body
    return cloud.bigquery[path]


def _query(cloud: "FakeCloud", body: Json) -> Json:
    match = _IMPORT.fullmatch(body["query"])
    if match is None or body["useLegacySql"]:
        raise Refused(400, f"Syntax error: {body['query']}")
    project, dataset, model, path = match.groups()
    parent = f"projects/{project}/datasets/{dataset}"
    if parent not in cloud.bigquery or cloud.bigquery[parent]["location"] != body["location"]:
        raise Refused(404, f"Not found: Dataset {project}:{dataset} was not found in location {body['location']}")
    cloud.bigquery[f"{parent}/models/{model}"] = {"modelType": "ONNX", "importedFrom": path}
    return {"jobComplete": True, "jobReference": {"jobId": "1"}}


def connections(cloud: "FakeCloud", request: Recorded) -> Json:
    path = request.path.removeprefix("v1/")
    if request.method == "POST":
        path = f"{path}/{request.query['connectionId']}"
        account = f"bqcx-{cloud.number}-abcd@gcp-sa-bigquery-condel.iam.gserviceaccount.com"
        cloud.agents.add(account)
        cloud.bigquery[path] = {**request.body, "name": path, "cloudResource": {"serviceAccountId": account}}
    if path not in cloud.bigquery:
        raise not_found(path)
    return cloud.bigquery[path]
