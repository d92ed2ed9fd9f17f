"""Objects of one real bucket are scored into another, also when the store fails or somebody else writes."""

import gzip
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from predictor.artifacts.local_store import LocalStore
from predictor.batch import PenguinColumns
from predictor.errors import BadObject, StoreUnavailable
from predictor.events import BucketScorer
from predictor.events.bucket_scorer import OBJECTS_AT_ONCE
from predictor.events.notifications import SCORED_SUFFIX
from predictor.events.object_scorer import ObjectResult
from predictor.events.result_store import UPLOAD_BYTES
from predictor.models import Engine, LoadedModel, load_model
from predictor.prediction import ModelIdentity
from predictor.schema import FEATURES
from tests.support.bundles import EXAMPLE, PublishedBundle
from tests.support.fault_proxy import Answer, FaultProxy, only
from tests.support.gcs import GcsServer

HEADER = (",".join(FEATURES) + "\n").encode()
GOOD = b"39.1,18.7,181.0,3750.0,male,Torgersen\n"
BAD = b"NA,18.7,9999,3750.0,male,Torgersen\n"
NAME = "birds/2026.csv"
RESULT = NAME + SCORED_SUFFIX


@pytest.fixture(scope="module")
def model(bundle: PublishedBundle) -> LoadedModel:
    return load_model(LocalStore(bundle.folder), pin=bundle.digest, choice="onnx", deadline=time.monotonic() + 30)


@pytest.fixture
def results(gcs_server: GcsServer, bucket: str) -> str:
    name = f"{bucket}-results"
    gcs_server.create_bucket(name)
    return name


Scored = Callable[..., ObjectResult]


@pytest.fixture
def score(gcs_server: GcsServer, bucket: str, results: str, model: LoadedModel) -> Scored:
    """Score an object of the test's bucket as it is now, or as it was at a generation."""

    def score_object(
        name: str = NAME,
        *,
        generation: int | None = None,
        url: str | None = None,
        with_model: LoadedModel = model,
        max_bytes: int = 10**8,
        max_rows: int = 10**6,
        timeout_s: float = 30.0,
    ) -> ObjectResult:
        scorer = BucketScorer(results, max_bytes, max_rows, gcs_server.client(url), timeout_s=timeout_s)
        if generation is None:
            generation = generation_of(gcs_server, bucket, name)
        return scorer.score(with_model, bucket, name, generation)

    return score_object


def generation_of(server: GcsServer, bucket: str, name: str) -> int:
    return int(server.client().bucket(bucket).get_blob(name).generation)


def written(server: GcsServer, results: str, name: str = RESULT) -> Any:
    """The stored result, or None."""
    return server.client().bucket(results).get_blob(name)


def lines_of(server: GcsServer, results: str, name: str = RESULT) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written(server, results, name).download_as_bytes().splitlines()]


class TestScoring:
    def test_a_table_becomes_one_json_line_per_row(
        self, gcs_server: GcsServer, bucket: str, results: str, score: Scored, model: LoadedModel
    ) -> None:
        gcs_server.put(bucket, NAME, HEADER + GOOD + BAD + GOOD)
        assert score() == ObjectResult(3, 1, f"gs://{results}/{RESULT}")
        lines = lines_of(gcs_server, results)
        assert [line["row"] for line in lines] == [1, 2, 3]
        assert lines[0]["prediction"] == lines[2]["prediction"] == "Adelie"
        assert [error["pointer"] for error in lines[1]["error"]["errors"]] == ["/bill_length_mm", "/flipper_length_mm"]
        blob = written(gcs_server, results)
        assert blob.content_type == "application/x-ndjson"
        assert blob.metadata == {
            "source": f"gs://{bucket}/{NAME}",
            "source-generation": str(generation_of(gcs_server, bucket, NAME)),
            "model-digest": model.identity.digest,
            "model-version": model.identity.version,
        }

    def test_ndjson_becomes_one_json_line_per_row(
        self, gcs_server: GcsServer, bucket: str, results: str, score: Scored
    ) -> None:
        gcs_server.put(bucket, "a.ndjson", json.dumps(EXAMPLE).encode() + b"\nnonsense\n")
        assert score("a.ndjson").rejected_rows == 1
        lines = lines_of(gcs_server, results, "a.ndjson" + SCORED_SUFFIX)
        assert [(line["row"], "error" in line) for line in lines] == [(1, False), (2, True)]

    def test_an_object_of_several_ranges_gives_a_result_of_several_requests(
        self, gcs_server: GcsServer, bucket: str, results: str, score: Scored
    ) -> None:
        rows = 130_000
        gcs_server.put(bucket, NAME, HEADER + GOOD * rows)
        assert score().rows == rows
        blob = written(gcs_server, results)
        assert blob.size > 3 * UPLOAD_BYTES
        assert json.loads(blob.download_as_bytes().splitlines()[-1])["row"] == rows


class TestRedelivery:
    def test_a_result_that_exists_is_not_written_again(
        self, gcs_server: GcsServer, bucket: str, results: str, score: Scored
    ) -> None:
        gcs_server.put(bucket, NAME, HEADER + GOOD + BAD)
        first = score()
        generation = written(gcs_server, results).generation
        assert score() == first
        assert written(gcs_server, results).generation == generation

    def test_the_same_object_and_model_give_the_same_bytes(
        self, gcs_server: GcsServer, bucket: str, results: str, score: Scored
    ) -> None:
        gcs_server.put(bucket, NAME, HEADER + (GOOD + BAD) * 5_000)
        score()
        first = written(gcs_server, results)
        content = first.download_as_bytes()
        first.delete()
        score()
        assert written(gcs_server, results).download_as_bytes() == content

    def test_another_model_replaces_the_result(
        self, gcs_server: GcsServer, bucket: str, results: str, score: Scored, model: LoadedModel
    ) -> None:
        gcs_server.put(bucket, NAME, HEADER + GOOD)
        score()
        score(with_model=replace(model, identity=ModelIdentity("20270101-next", "sha256:" + "1" * 64)))
        assert written(gcs_server, results).metadata["model-version"] == "20270101-next"
        assert lines_of(gcs_server, results)[0]["model"]["version"] == "20270101-next"

    def test_a_newer_generation_replaces_the_result_and_an_older_one_never_does(
        self, gcs_server: GcsServer, bucket: str, results: str, score: Scored
    ) -> None:
        gcs_server.put(bucket, NAME, HEADER + GOOD)
        old = generation_of(gcs_server, bucket, NAME)
        score()
        gcs_server.put(bucket, NAME, HEADER + GOOD + GOOD)
        assert score().rows == 2
        with pytest.raises(BadObject) as caught:
            score(generation=old)
        assert caught.value.reason_code == "object_overwritten"
        assert len(lines_of(gcs_server, results)) == 2


class TestBadObject:
    @pytest.mark.parametrize(
        ("data", "code", "rows"),
        [
            (b"", "no_rows", ()),
            (HEADER, "no_rows", ()),
            (b"a,b\n1,2\n", "bad_header", ()),
            (HEADER + BAD * 3, "no_valid_row", (1, 2, 3)),
            (HEADER + GOOD * 40_000 + b"\xff\n", "not_utf8", ()),
            (HEADER + GOOD * 40_000 + b'"x"y\n', "broken_csv", (40_001,)),
            (HEADER + GOOD * 40_000 + b"x" * 2_000_000, "line_too_long", ()),
        ],
    )
    def test_nothing_is_written_and_the_error_says_which_rows(
        self, gcs_server: GcsServer, bucket: str, results: str, score: Scored, data: bytes, code: str, rows: tuple[int]
    ) -> None:
        gcs_server.put(bucket, NAME, data)
        with pytest.raises(BadObject, match=f"gs://{bucket}/{NAME}") as caught:
            score()
        assert (caught.value.reason_code, caught.value.row_numbers) == (code, rows)
        assert written(gcs_server, results) is None

    def test_more_rows_than_allowed_are_refused(
        self, gcs_server: GcsServer, bucket: str, results: str, score: Scored
    ) -> None:
        gcs_server.put(bucket, NAME, HEADER + GOOD * 3)
        with pytest.raises(BadObject) as caught:
            score(max_rows=2)
        assert (caught.value.reason_code, caught.value.row_numbers) == ("too_many_rows", (3,))
        assert written(gcs_server, results) is None
        assert score(max_rows=3).rows == 3

    def test_more_bytes_than_allowed_are_refused(
        self, gcs_server: GcsServer, bucket: str, results: str, score: Scored
    ) -> None:
        gcs_server.put(bucket, NAME, HEADER + GOOD)
        with pytest.raises(BadObject) as caught:
            score(max_bytes=len(HEADER + GOOD) - 1)
        assert caught.value.reason_code == "object_too_large"
        assert score(max_bytes=len(HEADER + GOOD)).rows == 1

    @pytest.mark.parametrize("name", ["birds.csv.gz", "birds.csv"])
    def test_gzip_is_unzipped_whatever_its_name_up_to_the_limit_of_an_object(
        self, gcs_server: GcsServer, bucket: str, results: str, score: Scored, name: str
    ) -> None:
        gcs_server.put(bucket, name, gzip.compress(b"rowid," + HEADER + b"7," + GOOD + b"8," + BAD))
        assert (score(name).rows, score(name).rejected_rows) == (2, 1)
        assert [row["id"] for row in lines_of(gcs_server, results, name + SCORED_SUFFIX)] == ["7", "8"]
        gcs_server.put(bucket, name, gzip.compress(HEADER + GOOD * 100_000, 9))
        with pytest.raises(BadObject, match="unzipped, it has more than 1000000 bytes") as caught:
            score(name, max_bytes=1_000_000)
        assert caught.value.reason_code == "object_too_large"

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (b"PAR1" + b"\0" * 100 + b"PAR1", "unsupported_format"),
            (b"PK\x03\x04\x14\0\6\0xl/workbook.xml", "unsupported_format"),
            (gzip.compress(HEADER + GOOD, mtime=0)[:-9], "broken_gzip"),
        ],
    )
    def test_what_is_no_text_is_refused(
        self, gcs_server: GcsServer, bucket: str, results: str, score: Scored, content: bytes, code: str
    ) -> None:
        gcs_server.put(bucket, NAME, content)
        with pytest.raises(BadObject, match=f"gs://{bucket}/{NAME}: ") as caught:
            score()
        assert caught.value.reason_code == code
        assert written(gcs_server, results) is None

    def test_a_content_encoding_is_refused(
        self, gcs_server: GcsServer, bucket: str, results: str, score: Scored
    ) -> None:
        blob = gcs_server.client().bucket(bucket).blob(NAME)
        blob.content_encoding = "gzip"
        blob.upload_from_string(gzip.compress(HEADER + GOOD))
        with pytest.raises(BadObject) as caught:
            score()
        assert caught.value.reason_code == "content_encoding"
        assert written(gcs_server, results) is None

    def test_a_deleted_object_is_gone(self, gcs_server: GcsServer, bucket: str, score: Scored) -> None:
        gcs_server.put(bucket, NAME, HEADER + GOOD)
        generation = generation_of(gcs_server, bucket, NAME)
        gcs_server.client().bucket(bucket).delete_blob(NAME)
        with pytest.raises(BadObject) as caught:
            score(generation=generation)
        assert caught.value.reason_code == "object_gone"

    def test_an_object_overwritten_before_it_was_read_is_left_to_the_newer_message(
        self, gcs_server: GcsServer, bucket: str, score: Scored
    ) -> None:
        gcs_server.put(bucket, NAME, HEADER + GOOD)
        generation = generation_of(gcs_server, bucket, NAME)
        gcs_server.put(bucket, NAME, HEADER + GOOD + GOOD)
        with pytest.raises(BadObject) as caught:
            score(generation=generation)
        assert caught.value.reason_code == "object_overwritten"

    def test_another_object_with_the_results_name_is_left_alone(
        self, gcs_server: GcsServer, bucket: str, results: str, score: Scored
    ) -> None:
        gcs_server.put(bucket, NAME, HEADER + GOOD)
        gcs_server.put(results, RESULT, b"mine")
        with pytest.raises(BadObject) as caught:
            score()
        assert caught.value.reason_code == "result_name_taken"
        assert written(gcs_server, results).download_as_bytes() == b"mine"

    def test_a_name_that_leaves_no_room_for_the_suffix_is_refused(
        self, gcs_server: GcsServer, bucket: str, results: str, score: Scored
    ) -> None:
        longest = "x" * (1_024 - len(".csv" + SCORED_SUFFIX)) + ".csv"
        gcs_server.put(bucket, longest, HEADER + GOOD)
        assert score(longest).rows == 1
        with pytest.raises(BadObject) as caught:
            score("x" + longest, generation=1)
        assert caught.value.reason_code == "name_too_long"


def test_only_so_many_objects_are_scored_at_once(
    gcs_server: GcsServer, gcs_proxy: FaultProxy, bucket: str, results: str, model: LoadedModel
) -> None:
    """As many files as an instance takes requests would need more memory than it has."""
    names = [f"{number}.csv" for number in range(OBJECTS_AT_ONCE + 2)]
    for name in names:
        gcs_server.put(bucket, name, HEADER + GOOD)
    generations = [generation_of(gcs_server, bucket, name) for name in names]
    reading: list[str] = []
    most: list[int] = []
    too_many = threading.Event()

    def hold(path: str, _: Answer) -> None:
        if "alt=media" in path:
            reading.append(path)
            most.append(len(reading))
            if len(reading) > OBJECTS_AT_ONCE:
                too_many.set()
            too_many.wait(0.5)  # Long enough for the others to come as well, if they may.
            reading.remove(path)

    gcs_proxy.fault = hold
    scorer = BucketScorer(results, 10**6, 10, gcs_server.client(gcs_proxy.url), timeout_s=30.0)
    with ThreadPoolExecutor(len(names)) as pool:
        scored = list(
            pool.map(lambda name, generation: scorer.score(model, bucket, name, generation), names, generations)
        )
    assert [result.rows for result in scored] == [1] * len(names)
    assert max(most) == OBJECTS_AT_ONCE


class TestStoreErrors:
    def test_a_store_that_fails_half_way_leaves_nothing_and_the_next_delivery_writes(
        self, gcs_server: GcsServer, gcs_proxy: FaultProxy, bucket: str, results: str, score: Scored
    ) -> None:
        gcs_server.put(bucket, NAME, HEADER + GOOD * 130_000)
        media = [0]

        def fail_from_the_second_range_on(path: str, answer: Answer) -> None:
            if "alt=media" in path:
                media[0] += 1
                answer.status = 503 if media[0] > 1 else answer.status

        gcs_proxy.fault = fail_from_the_second_range_on
        with pytest.raises(StoreUnavailable):
            score(url=gcs_proxy.url, timeout_s=5.0)
        assert media[0] > 1
        assert written(gcs_server, results) is None
        gcs_proxy.fault = None
        assert score(url=gcs_proxy.url).rows == 130_000

    def test_a_store_that_keeps_less_than_was_sent_is_a_retryable_error(
        self, gcs_server: GcsServer, gcs_proxy: FaultProxy, bucket: str, results: str, score: Scored
    ) -> None:
        """As it may: https://cloud.google.com/storage/docs/performing-resumable-uploads."""
        gcs_server.put(bucket, NAME, HEADER + GOOD * 50_000)

        def keep_less(path: str, answer: Answer) -> None:
            if "upload_id" in path and answer.status == 308:
                kept = [header for header in answer.headers if header[0].lower() != "range"]
                answer.headers = [*kept, ("Range", "bytes=0-262143")]

        gcs_proxy.fault = keep_less
        with pytest.raises(StoreUnavailable, match="did not keep all"):
            score(url=gcs_proxy.url)
        assert written(gcs_server, results) is None
        gcs_proxy.fault = None
        assert score(url=gcs_proxy.url).rows == 50_000

    def test_a_byte_that_was_changed_in_transit_is_a_retryable_error(
        self, gcs_server: GcsServer, gcs_proxy: FaultProxy, bucket: str, results: str, score: Scored
    ) -> None:
        gcs_server.put(bucket, NAME, HEADER + GOOD)

        def change(answer: Answer) -> None:
            answer.body = answer.body.replace(b"39.1", b"49.1")

        gcs_proxy.fault = only("alt=media", change)
        with pytest.raises(StoreUnavailable, match="crc32c"):
            score(url=gcs_proxy.url)
        assert written(gcs_server, results) is None

    def test_scoring_past_the_time_limit_is_a_retryable_error_and_leaves_nothing(
        self, gcs_server: GcsServer, bucket: str, results: str, score: Scored, model: LoadedModel
    ) -> None:
        class SlowEngine(Engine):
            name, runtime, blocking = model.engine.name, model.engine.runtime, True
            probabilities = model.engine.probabilities

            def batch_probabilities(self, columns: PenguinColumns) -> Any:
                time.sleep(1.1)
                return model.engine.batch_probabilities(columns)

        gcs_server.put(bucket, NAME, HEADER + GOOD)
        with pytest.raises(StoreUnavailable, match="it was not scored within 1 s"):
            score(with_model=replace(model, engine=SlowEngine()), timeout_s=1.0)
        assert written(gcs_server, results) is None

    def test_a_results_bucket_that_does_not_exist_is_named(
        self, gcs_server: GcsServer, bucket: str, model: LoadedModel
    ) -> None:
        gcs_server.put(bucket, NAME, HEADER + GOOD)
        scorer = BucketScorer("no-such-results", 10**6, 10, gcs_server.client(), timeout_s=3.0)
        with pytest.raises(StoreUnavailable, match="no-such-results"):
            scorer.score(model, bucket, NAME, generation_of(gcs_server, bucket, NAME))

    @pytest.mark.parametrize("same_model", [True, False])
    def test_of_two_that_write_at_once_one_wins(
        self,
        gcs_server: GcsServer,
        gcs_proxy: FaultProxy,
        bucket: str,
        results: str,
        score: Scored,
        model: LoadedModel,
        same_model: bool,
    ) -> None:
        """The emulator checks no precondition of a resumable upload; the proxy answers as Cloud Storage does."""
        gcs_server.put(bucket, NAME, HEADER + GOOD + BAD)
        other = model if same_model else replace(model, identity=ModelIdentity("other", "sha256:" + "2" * 64))
        sent: list[str] = []

        def be_second(path: str, answer: Answer) -> None:
            if "uploadType=resumable" in path:
                sent.append(path)
                score(with_model=other)
                answer.status = 412

        gcs_proxy.fault = be_second
        if same_model:
            assert score(url=gcs_proxy.url) == ObjectResult(2, 1, f"gs://{results}/{RESULT}")
        else:
            with pytest.raises(StoreUnavailable, match="could not be written: another writer was first"):
                score(url=gcs_proxy.url)
        assert len(sent) == 1
        assert "ifGenerationMatch=0" in sent[0]
        assert written(gcs_server, results).metadata["model-version"] == other.identity.version

    def test_a_result_is_replaced_only_as_it_was_seen(
        self, gcs_server: GcsServer, gcs_proxy: FaultProxy, bucket: str, results: str, score: Scored
    ) -> None:
        gcs_server.put(bucket, NAME, HEADER + GOOD)
        score()
        seen = written(gcs_server, results).generation
        gcs_server.put(bucket, NAME, HEADER + GOOD + GOOD)
        score(url=gcs_proxy.url)
        (upload,) = [path for path in gcs_proxy.paths if "ifGenerationMatch" in path and "upload_id" not in path]
        assert f"ifGenerationMatch={seen}" in upload
