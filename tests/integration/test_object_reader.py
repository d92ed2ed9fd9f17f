"""An object as a stream, from a real bucket: ranges, the generation that was asked for, and the check at its end."""

import time
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest

from predictor.errors import BadObject, StoreUnavailable
from predictor.events import object_reader
from predictor.events.object_reader import ObjectReader
from tests.support.fault_proxy import Answer, FaultProxy, only
from tests.support.gcs import GcsServer

DATA = bytes(range(256)) * 40
MEDIA = "alt=media"

Open = Callable[..., ObjectReader]


@pytest.fixture
def open_object(gcs_server: GcsServer, gcs_proxy: FaultProxy, bucket: str) -> Open:
    """Open `birds` through the proxy, as it is now or at a generation."""

    def open_object(generation: int | None = None) -> ObjectReader:
        client = gcs_server.client(gcs_proxy.url)
        deadline = time.monotonic() + 10
        return ObjectReader(client, bucket, "birds", generation or generation_of(gcs_server, bucket), deadline=deadline)

    return open_object


def generation_of(server: GcsServer, bucket: str) -> int:
    return int(server.client().bucket(bucket).get_blob("birds").generation)


def test_reads_of_any_size_give_the_same_bytes_as_a_file(
    gcs_server: GcsServer, bucket: str, open_object: Open, monkeypatch: pytest.MonkeyPatch, gcs_proxy: FaultProxy
) -> None:
    monkeypatch.setattr(object_reader, "RANGE_BYTES", 1_000)
    gcs_server.put(bucket, "birds", DATA)
    source, file = open_object(), BytesIO(DATA)
    assert source.size == len(DATA)
    for size in (1, 999, 1_000, 2_500, 1, 10**9, 5):
        assert source.read(size) == file.read(size)
    assert len([path for path in gcs_proxy.paths if MEDIA in path]) == 11  # 10,240 bytes


def test_an_empty_object_is_read_without_a_request_for_its_content(
    gcs_server: GcsServer, bucket: str, open_object: Open, gcs_proxy: FaultProxy
) -> None:
    gcs_server.put(bucket, "birds", b"")
    assert open_object().read(10) == b""
    assert not [path for path in gcs_proxy.paths if MEDIA in path]


@pytest.mark.parametrize("overwritten", [True, False])
def test_a_generation_that_is_gone_says_whether_there_is_a_newer_one(
    gcs_server: GcsServer, bucket: str, open_object: Open, overwritten: bool
) -> None:
    gcs_server.put(bucket, "birds", DATA)
    generation = generation_of(gcs_server, bucket)
    if overwritten:
        gcs_server.put(bucket, "birds", DATA)
    else:
        gcs_server.client().bucket(bucket).delete_blob("birds")
    with pytest.raises(BadObject, match=f"gs://{bucket}/birds") as caught:
        open_object(generation)
    assert caught.value.reason_code == ("object_overwritten" if overwritten else "object_gone")


def test_an_object_overwritten_between_two_ranges_is_not_mixed(
    gcs_server: GcsServer, bucket: str, open_object: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_reader, "RANGE_BYTES", 1_000)
    gcs_server.put(bucket, "birds", DATA)
    source = open_object()
    source.read(1_000)
    gcs_server.put(bucket, "birds", DATA[::-1])
    with pytest.raises(BadObject) as caught:
        source.read(1_000)
    assert caught.value.reason_code == "object_overwritten"


def _change(answer: Answer) -> None:
    answer.body = b"\xff" + answer.body[1:]


def _shorten(answer: Answer) -> None:
    answer.body = answer.body[:-1]


@pytest.mark.parametrize(("fault", "message"), [(_change, "its crc32c is"), (_shorten, "came with 10239")])
def test_bytes_that_changed_or_were_lost_in_transit_are_a_retryable_error(
    gcs_server: GcsServer, bucket: str, open_object: Open, gcs_proxy: FaultProxy, fault: Any, message: str
) -> None:
    gcs_server.put(bucket, "birds", DATA)
    gcs_proxy.fault = only(MEDIA, fault)
    with pytest.raises(StoreUnavailable, match=message):
        open_object().read(len(DATA))
    gcs_proxy.fault = None
    assert open_object().read(len(DATA)) == DATA
