"""The jobs API of BigQuery, as far as exports and loads need it, on a free port. It moves real Parquet files.

What a job does it does when it is asked for the second time; before that it is PENDING, then RUNNING.
"""

import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow
from pyarrow.parquet import read_table, write_table

from tests.support.fake_functions_api import PROJECT, service_account_key, token
from tests.support.gcs import GcsServer
from tests.support.json_server import JsonServer, Reply

LOCATION: Final = "europe-west1"
_FILES: Final = 2


@dataclass
class FakeBigQuery:
    """`tables`: the rows of each, by PROJECT.DATASET.TABLE. `refusal`: what the next jobs fail with, if anything.

    `stuck`: no job comes to an end.
    """

    storage: GcsServer
    tables: dict[str, pyarrow.Table] = field(default_factory=dict)
    datasets: set[str] = field(default_factory=set)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    refusal: str | None = None
    stuck: bool = False

    def __post_init__(self) -> None:
        self._client = self.storage.client()
        self._server = JsonServer(self._answer)
        self.url, self.stop = self._server.url, self._server.stop

    def env(self, folder: Path) -> dict[str, str]:
        """Variables for a process that is to meet this server, the object store and no other; `folder` gets a key."""
        key = folder / "key.json"
        key.write_text(json.dumps(service_account_key(f"{self.url}/token")))
        return {
            "BIGQUERY_EMULATOR_HOST": self.url,
            "STORAGE_EMULATOR_HOST": self.storage.url,
            "GOOGLE_APPLICATION_CREDENTIALS": str(key),
            "GOOGLE_CLOUD_PROJECT": PROJECT,
        }

    def done(self, kind: str) -> list[dict[str, Any]]:
        """The jobs of this kind (extract, load) that came to an end."""
        jobs = self.jobs.values()
        return [job for job in jobs if kind in job["configuration"] and job["status"]["state"] == "DONE"]

    def _answer(self, method: str, path: str, body: bytes) -> Reply:
        if path == "/token":
            return 200, token(body)
        parts = path.partition("?")[0].removeprefix("/bigquery/v2/projects/").split("/")
        match method, parts:
            case "POST", [_, "jobs"]:
                return self._insert(json.loads(body))
            case "GET", [_, "jobs", job_id]:
                if job_id not in self.jobs or f"location={LOCATION}" not in path:
                    return _refused(404, f"Not found: Job {job_id}")
                return 200, self._proceed(self.jobs[job_id])
            case "GET", [project, "datasets", dataset]:
                if dataset not in self.datasets:
                    return _refused(404, f"Not found: Dataset {project}:{dataset}")
                return 200, {"datasetReference": {"projectId": project, "datasetId": dataset}, "location": LOCATION}
            case "GET", [project, "datasets", dataset, "tables", table]:
                reference = {"projectId": project, "datasetId": dataset, "tableId": table}
                if _name(reference) not in self.tables:
                    return _refused(404, f"Not found: Table {project}:{dataset}.{table}")
                return 200, {"tableReference": reference, "location": LOCATION}
        return _refused(404, f"Not found: {method} {path}")

    def _insert(self, job: dict[str, Any]) -> Reply:
        job_id = job["jobReference"]["jobId"]
        if job_id in self.jobs:
            return _refused(409, f"Already Exists: Job {job_id}")
        self.jobs[job_id] = {**job, "status": {"state": "PENDING"}, "statistics": {}}
        return 200, self.jobs[job_id]

    def _proceed(self, job: dict[str, Any]) -> dict[str, Any]:
        match job["status"]["state"]:
            case "PENDING":
                job["status"] = {"state": "RUNNING"}
            case "RUNNING" if not self.stuck:
                refusal = self.refusal or self._carry_out(job)
                job["status"] = {"state": "DONE"}
                if refusal is not None:
                    error = {"reason": "invalid", "message": refusal}
                    job["status"] |= {"errorResult": error, "errors": [error]}
        return job

    def _carry_out(self, job: dict[str, Any]) -> str | None:
        """Do what the job says; what is wrong with it, if anything."""
        configuration = job["configuration"]
        if "extract" in configuration:
            extract = configuration["extract"]
            assert (extract["destinationFormat"], extract["compression"]) == ("PARQUET", "SNAPPY")
            (uri,) = extract["destinationUris"]
            table = self.tables[_name(extract["sourceTable"])]
            rows = -(-len(table) // _FILES)
            for number in range(_FILES):
                file = io.BytesIO()
                write_table(table.slice(number * rows, rows), file)
                bucket, _, name = uri.removeprefix("gs://").partition("/")
                self.storage.put(bucket, name.replace("*", f"{number:012d}"), file.getvalue())
            job["statistics"] = {"extract": {"destinationUriFileCounts": [str(_FILES)]}}
            return None
        load = configuration["load"]
        assert (load["sourceFormat"], load["writeDisposition"]) == ("PARQUET", "WRITE_TRUNCATE")
        (uri,) = load["sourceUris"]
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        prefix, _, suffix = name.partition("*")
        blobs = [blob for blob in self._client.list_blobs(bucket, prefix=prefix) if blob.name.endswith(suffix)]
        if not blobs:
            return f"Not found: URI {uri}"
        parts = [read_table(io.BytesIO(blob.download_as_bytes())) for blob in blobs]
        name = _name(load["destinationTable"])
        self.tables[name] = pyarrow.concat_tables(parts)
        job["statistics"] = {"load": {"outputRows": str(len(self.tables[name]))}}
        return None


def _name(reference: dict[str, str]) -> str:
    return f"{reference['projectId']}.{reference['datasetId']}.{reference['tableId']}"


def _refused(status: int, message: str) -> Reply:
    return status, {"error": {"code": status, "message": message, "errors": [{"message": message}]}}
