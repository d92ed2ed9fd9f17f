"""A notification for a file, through the real function and the real fake-gcs-server."""

import json

import httpx

from tests.conftest import StartFunction
from tests.support.bundles import PublishedBundle
from tests.support.events import BAD_ROW, ROW, push_document, raw_push
from tests.support.gcs import GcsServer


def test_a_new_file_is_scored_once_and_a_bad_one_rejected(
    gcs_server: GcsServer, bucket: str, start_function: StartFunction, bundle: PublishedBundle
) -> None:
    gcs_server.create_bucket(f"{bucket}-results")
    gcs_server.put(bucket, "birds.ndjson", ROW + b"\n" + BAD_ROW + b"\n")
    gcs_server.put(bucket, "bad.csv", b"a,b\n1,2\n")
    env = {**bundle.env, "STORAGE_EMULATOR_HOST": gcs_server.url, "RESULTS_BUCKET": f"{bucket}-results"}
    function = start_function(env, target="score")
    store = gcs_server.client().bucket(bucket)
    for name in ("birds.ndjson", "birds.ndjson", "bad.csv"):
        attributes = {
            "eventType": "OBJECT_FINALIZE",
            "bucketId": bucket,
            "objectId": name,
            "objectGeneration": str(store.get_blob(name).generation),
        }
        headers, body = raw_push(push_document(b"{}", message_id=name, attributes=attributes))
        assert httpx.post(function.url, headers=headers, content=body, timeout=60).status_code == 204
    first, again = (line["body"] for line in function.log_lines("result_published"))
    assert first == again
    result = json.loads(first)
    assert (result["rows"], result["rejected_rows"]) == (2, 1)
    assert result["object"]["result_uri"] == f"gs://{bucket}-results/birds.ndjson.scored.ndjson"
    written = gcs_server.client().bucket(f"{bucket}-results").blob("birds.ndjson.scored.ndjson").download_as_bytes()
    assert len(written.splitlines()) == 2
    (reject,) = (json.loads(line["body"]) for line in function.log_lines("reject_published"))
    assert reject["object"]["name"] == "bad.csv"
