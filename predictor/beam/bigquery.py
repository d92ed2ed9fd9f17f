"""BigQuery tables before and after the pipeline: an extract job writes one to files, a load job reads the answers.

Both are BigQuery's own jobs, and the files are Parquet in a bucket, so the pipeline itself sees nothing but files.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, Final
from uuid import uuid4

from predictor.errors import BigQueryFailed
from predictor.text import describe_error

TABLE_NAME: Final = r"[\w.:-]+\.\w+\.[^.`\s]+"
"""PROJECT.DATASET.TABLE, as BigQuery writes it."""
JOB_TIMEOUT_S: Final = 6 * 3600.0
"""BigQuery itself ends such a job after six hours (its quotas and limits)."""
REQUEST_TIMEOUT_S: Final = 60.0
_LONGEST_PAUSE_S: Final = 10.0

CountFiles = Callable[[str], int]
"""How many files a pattern matches."""


class BigQuery:
    """Runs jobs, and waits for them. Each method raises `BigQueryFailed`."""

    def __init__(self, project: str | None, *, timeout_s: float = JOB_TIMEOUT_S) -> None:
        """`project` is billed for the jobs; None: that of the environment. `timeout_s`: for each job."""
        from google.cloud.bigquery import Client

        self._timeout_s = timeout_s
        with _explained("BigQuery cannot be used"):
            self._client = Client(project=project)

    def export(self, table: str, folder: str, purpose: str, count_files: CountFiles) -> str:
        """Write `table` to Parquet files in a folder of its own below `folder`; the pattern that matches them.

        The job's id follows from the table and from `purpose`, so the same command finds the job of the first time,
        and its files. BigQuery orders and cuts rows anew in each export: answers to two exports do not fit together.
        Only if that job failed, or its files are gone, there is another one.
        """
        from google.cloud.bigquery import ExtractJobConfig, TableReference

        source = TableReference.from_string(table)
        config = ExtractJobConfig(destination_format="PARQUET", compression="SNAPPY")
        name = sha256(f"{table}\n{folder}\n{purpose}".encode()).hexdigest()[:16]
        with _explained(f"BigQuery cannot export {table}"):
            location = self._client.get_table(source, timeout=REQUEST_TIMEOUT_S).location
            attempt = 1
            while True:
                job_id = f"penguin-export-{name}-{attempt}"
                pattern = f"{folder}/{job_id}/rows-*"

                def begin(job_id: str = job_id, pattern: str = pattern) -> Any:
                    return self._client.extract_table(
                        source, pattern, job_id=job_id, location=location, job_config=config, timeout=REQUEST_TIMEOUT_S
                    )

                job, is_new = self._begun(begin, job_id, location)
                self._wait(job)
                if job.error_result is None and (
                    is_new or count_files(pattern) == sum(job.destination_uri_file_counts or ())
                ):
                    return pattern
                if is_new:
                    raise BigQueryFailed(f"BigQuery cannot export {table}: {job.error_result['message']}")
                attempt += 1

    def load(self, folder: str, table: str, rows: int) -> None:
        """Replace what is in `table` by the `rows` rows of the Parquet files below `folder`, all at once."""
        from google.cloud.bigquery import LoadJobConfig, ParquetOptions, TableReference

        target = TableReference.from_string(table)
        parquet = ParquetOptions()
        parquet.enable_list_inference = True  # A list is an array, not a record with a list in it.
        config = LoadJobConfig(
            source_format="PARQUET",
            write_disposition="WRITE_TRUNCATE",
            column_name_character_map="V2",  # `Culmen Length (mm)` becomes Culmen_Length__mm_.
            parquet_options=parquet,
        )
        uri = f"{folder}/*.parquet"
        job_id = f"penguin-load-{uuid4().hex}"
        with _explained(f"BigQuery cannot load {uri} into {table}"):
            dataset = self._client.get_dataset(f"{target.project}.{target.dataset_id}", timeout=REQUEST_TIMEOUT_S)

            def begin() -> Any:
                return self._client.load_table_from_uri(
                    uri, target, job_id=job_id, location=dataset.location, job_config=config, timeout=REQUEST_TIMEOUT_S
                )

            job, _ = self._begun(begin, job_id, dataset.location)
            self._wait(job)
        if job.error_result is not None:
            raise BigQueryFailed(f"BigQuery cannot load {uri} into {table}: {job.error_result['message']}")
        if job.output_rows != rows:
            reason = f"{folder} has answers of another run; give another folder"
            raise BigQueryFailed(f"{table} now has {job.output_rows} rows, but {rows} were scored: {reason}")

    def _begun(self, begin: Callable[[], Any], job_id: str, location: str) -> tuple[Any, bool]:
        """The job, and whether it is new."""
        from google.api_core.exceptions import Conflict

        try:
            return begin(), True
        except Conflict:
            return self._client.get_job(job_id, location=location, timeout=REQUEST_TIMEOUT_S), False

    def _wait(self, job: Any) -> None:
        deadline = time.monotonic() + self._timeout_s
        pause_s = 0.5
        while not job.done(timeout=REQUEST_TIMEOUT_S):
            if time.monotonic() > deadline:
                reason = f"it is not done after {self._timeout_s:.0f} s; give the same command again later"
                raise BigQueryFailed(f"BigQuery's job {job.job_id}: {reason}")
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """What the client raises, as one sentence."""
    from google.api_core.exceptions import GoogleAPICallError, GoogleAPIError
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except (GoogleAPIError, GoogleAuthError, OSError) as error:  # OSError: no project, or no connection.
        reason = error.message if isinstance(error, GoogleAPICallError) else describe_error(error)
        raise BigQueryFailed(f"{what}: {reason}") from error
