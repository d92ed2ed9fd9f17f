"""The Cloud Storage store when the network or the store fails: retries, deadlines, and bytes that are not as listed."""

import time
from collections.abc import Callable

import pytest

from predictor.artifacts import Store, StoredFile
from predictor.artifacts.gcs_store import GcsStore
from predictor.errors import SizeMismatch, StoreUnavailable
from tests.support.fault_proxy import Answer, FaultProxy, only
from tests.support.gcs import GcsServer

DATA = bytes(range(256)) * 40


def soon(seconds: float = 10.0) -> float:
    return time.monotonic() + seconds


@pytest.fixture
def proxied(gcs_server: GcsServer, gcs_proxy: FaultProxy, bucket: str) -> tuple[Store, StoredFile]:
    """A store behind the proxy, and one file in it as it is listed."""
    gcs_server.put(bucket, "root/file", DATA)
    store = GcsStore(bucket, "root", client=gcs_server.client(gcs_proxy.url))
    file = store.list_files(deadline=soon())["file"]
    gcs_proxy.paths.clear()
    return store, file


MEDIA = "alt=media"


def _status(answer: Answer, status: int) -> None:
    answer.status, answer.body = status, b"an error page"


class TestFaults:
    def test_a_retryable_error_is_retried(self, gcs_proxy: FaultProxy, proxied: tuple[Store, StoredFile]) -> None:
        store, file = proxied
        gcs_proxy.fault = only(MEDIA, lambda answer: _status(answer, 503), times=2)
        assert store.read(file, deadline=soon()) == DATA
        assert len(gcs_proxy.paths) == 3

    def test_a_reset_connection_is_retried(self, gcs_proxy: FaultProxy, proxied: tuple[Store, StoredFile]) -> None:
        store, file = proxied
        gcs_proxy.fault = only(MEDIA, lambda answer: setattr(answer, "reset", True), times=1)
        assert store.read(file, deadline=soon()) == DATA

    def test_refused_access_says_so(self, gcs_proxy: FaultProxy, proxied: tuple[Store, StoredFile]) -> None:
        store, file = proxied
        gcs_proxy.fault = only("", lambda answer: _status(answer, 403))
        with pytest.raises(StoreUnavailable, match=r"refused \(403\)"):
            store.read(file, deadline=soon())

    def test_a_missing_bucket_says_so(self, gcs_server: GcsServer) -> None:
        store = GcsStore("no-such-bucket", "root", client=gcs_server.client())
        with pytest.raises(StoreUnavailable, match="could not be read: there is no such bucket"):
            store.list_files(deadline=soon())
        with pytest.raises(StoreUnavailable, match="could not be written: there is no such bucket"):
            store.create("x", b"", deadline=soon())

    @pytest.mark.parametrize(
        "break_it",
        [
            pytest.param(lambda answer: _status(answer, 503), id="always-503"),
            pytest.param(lambda answer: setattr(answer, "reset", True), id="always-reset"),
            pytest.param(lambda answer: setattr(answer, "pause_s", 30.0), id="stall"),
            pytest.param(lambda answer: setattr(answer, "sent_bytes", 100), id="truncated"),
        ],
    )
    def test_an_error_that_stays_is_retried_until_the_deadline_only(
        self, gcs_proxy: FaultProxy, proxied: tuple[Store, StoredFile], break_it: Callable[[Answer], None]
    ) -> None:
        store, file = proxied
        gcs_proxy.fault = only(MEDIA, break_it)
        started = time.monotonic()
        with pytest.raises(StoreUnavailable):
            store.read(file, deadline=soon(1.5))
        # Far below what the fault alone would take: the stall 30 s, the retries 120 s.
        assert time.monotonic() - started < 15

    def test_a_trickle_ends_at_the_deadline(self, gcs_server: GcsServer, gcs_proxy: FaultProxy, bucket: str) -> None:
        gcs_server.put(bucket, "root/large", DATA * 20)
        store = GcsStore(bucket, "root", client=gcs_server.client(gcs_proxy.url))
        file = store.list_files(deadline=soon())["large"]
        gcs_proxy.fault = only(MEDIA, lambda answer: setattr(answer, "trickle_s", 0.0001))
        with pytest.raises(StoreUnavailable, match="no time was left"):
            store.read(file, deadline=soon(1.0))

    def test_a_changed_byte_is_handed_on_for_the_digest_to_find(
        self, gcs_proxy: FaultProxy, proxied: tuple[Store, StoredFile]
    ) -> None:
        store, file = proxied

        def flip(answer: Answer) -> None:
            answer.body = b"\xff" + answer.body[1:]

        gcs_proxy.fault = only(MEDIA, flip)
        assert store.read(file, deadline=soon()) == b"\xff" + DATA[1:]

    def test_fewer_bytes_than_listed_are_a_retryable_error(
        self, gcs_proxy: FaultProxy, proxied: tuple[Store, StoredFile]
    ) -> None:
        store, file = proxied

        def shorten(answer: Answer) -> None:
            answer.body = answer.body[:-1]

        gcs_proxy.fault = only(MEDIA, shorten)
        with pytest.raises(StoreUnavailable, match=f"it ended after {len(DATA) - 1} of {len(DATA)} bytes"):
            store.read(file, deadline=soon())

    def test_more_bytes_than_listed_are_not_collected(
        self, gcs_proxy: FaultProxy, proxied: tuple[Store, StoredFile]
    ) -> None:
        store, file = proxied

        def grow(answer: Answer) -> None:
            answer.body = answer.body * 2000

        gcs_proxy.fault = only(MEDIA, grow)
        with pytest.raises(SizeMismatch):
            store.read(file, deadline=soon())

    def test_an_object_replaced_after_it_was_listed_is_not_mixed_in(
        self, gcs_server: GcsServer, bucket: str, proxied: tuple[Store, StoredFile]
    ) -> None:
        store, file = proxied
        gcs_server.put(bucket, "root/file", b"n" * len(DATA))
        with pytest.raises(StoreUnavailable, match="replaced"):
            store.read(file, deadline=soon())

    def test_a_store_that_is_down_is_an_unavailable_store(self, gcs_server: GcsServer, gcs_proxy: FaultProxy) -> None:
        store = GcsStore("bucket", "root", client=gcs_server.client(gcs_proxy.url))
        gcs_proxy.stop()
        for call in (
            lambda: store.list_files(deadline=soon(1)),
            lambda: store.list_folders(deadline=soon(1)),
            lambda: store.create("x", b"", deadline=soon(1)),
        ):
            with pytest.raises(StoreUnavailable):
                call()
