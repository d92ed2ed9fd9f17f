"""Results in a real bucket: written as a stream, on a condition, and found with what they are the answer of."""

import time
from collections.abc import Iterator

import pytest

from predictor.errors import StoreUnavailable
from predictor.events.result_store import Conflict, Existing, ResultStore, ResultTag
from predictor.prediction import ModelIdentity
from tests.support.fault_proxy import FaultProxy, only
from tests.support.gcs import GcsServer

NAME = "birds.csv.scored.ndjson"
TAG = ResultTag("gs://birds-in/birds.csv", 17, ModelIdentity("v1", "sha256:" + "0" * 64))
LINES = [b'{"row":1,"prediction":"Adelie"}\n', b'{"row":2,"error":{"detail":"Bad.","errors":[]}}\n']


@pytest.fixture
def store(gcs_server: GcsServer, gcs_proxy: FaultProxy, bucket: str) -> ResultStore:
    return ResultStore(bucket, gcs_server.client(gcs_proxy.url))


def soon() -> float:
    return time.monotonic() + 10


def write(store: ResultStore, pieces: Iterator[bytes], *, replaces: Existing | None = None) -> None:
    store.write(NAME, pieces, TAG, replaces=replaces, deadline=soon())


def test_nothing_is_found_in_an_empty_bucket(store: ResultStore) -> None:
    assert store.find(NAME, deadline=soon()) is None


def test_what_is_written_is_found_with_its_tag_and_counted(store: ResultStore) -> None:
    write(store, iter(LINES))
    found = store.find(NAME, deadline=soon())
    assert found is not None
    assert found.tag == TAG
    count = store.count(NAME, found, deadline=soon())
    assert (count.rows, count.invalid) == (2, 1)


def test_an_object_of_somebody_else_is_found_without_a_tag(
    gcs_server: GcsServer, bucket: str, store: ResultStore
) -> None:
    gcs_server.put(bucket, NAME, b"mine")
    found = store.find(NAME, deadline=soon())
    assert found is not None
    assert found.tag is None


def test_an_error_while_the_pieces_are_made_is_raised_and_nothing_appears(store: ResultStore) -> None:
    def pieces() -> Iterator[bytes]:
        yield LINES[0]
        raise ValueError("the file is bad")  # As the client's own errors are, too.

    with pytest.raises(ValueError, match="the file is bad"):
        write(store, pieces())
    assert store.find(NAME, deadline=soon()) is None


def test_a_result_that_another_writer_has_written_meanwhile_is_a_conflict(
    store: ResultStore, gcs_proxy: FaultProxy, bucket: str
) -> None:
    """The emulator checks no precondition of a resumable upload; the proxy answers as Cloud Storage does."""
    gcs_proxy.fault = only("uploadType=resumable", lambda answer: setattr(answer, "status", 412))
    with pytest.raises(Conflict, match=f"gs://{bucket}/{NAME} has been written by another writer"):
        write(store, iter(LINES))
    with pytest.raises(Conflict):
        write(store, iter(LINES), replaces=Existing(23, TAG))
    conditions = [path.partition("ifGenerationMatch=")[2].partition("&")[0] for path in gcs_proxy.paths]
    assert conditions == ["0", "23"]


def test_a_bucket_that_does_not_exist_is_named(gcs_server: GcsServer) -> None:
    store = ResultStore("no-such-bucket", gcs_server.client())
    with pytest.raises(StoreUnavailable, match="could not be written: there is no such bucket"):
        write(store, iter(LINES))
