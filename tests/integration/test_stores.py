"""Both stores keep one contract; the Cloud Storage one also when the network does not."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from predictor.artifacts import newest_version, open_store
from predictor.artifacts.gcs_store import GcsStore
from predictor.artifacts.local_store import LocalStore
from predictor.artifacts.store import Store, StoredFile
from predictor.errors import ArtifactMissing, ConfigurationError, PredictorError, SizeMismatch, StoreUnavailable
from tests.support.fault_proxy import Answer, FaultProxy, only
from tests.support.gcs import GcsServer

MakeStore = Callable[[str], Store]
DATA = bytes(range(256)) * 40


def soon(seconds: float = 10.0) -> float:
    return time.monotonic() + seconds


@pytest.fixture(params=["local", "gcs"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "local":
        return LocalStore(tmp_path / "root")
    server: GcsServer = request.getfixturevalue("gcs_server")
    return GcsStore(request.getfixturevalue("bucket"), "some/root", client=server.client())


class TestContract:
    def test_an_absent_folder_is_empty(self, store: Store) -> None:
        assert store.list_files(deadline=soon()) == {}
        assert store.list_folders(deadline=soon()) == []

    def test_what_is_created_is_listed_and_read(self, store: Store) -> None:
        assert store.create("model.onnx", DATA, deadline=soon())
        listed = store.list_files(deadline=soon())
        assert {name: file.size for name, file in listed.items()} == {"model.onnx": len(DATA)}
        assert store.read(listed["model.onnx"], deadline=soon()) == DATA

    def test_nothing_is_ever_overwritten(self, store: Store) -> None:
        store.create("model.onnx", DATA, deadline=soon())
        assert not store.create("model.onnx", b"other", deadline=soon())
        assert store.read(store.list_files(deadline=soon())["model.onnx"], deadline=soon()) == DATA

    def test_an_empty_file_is_a_file(self, store: Store) -> None:
        store.create("empty", b"", deadline=soon())
        assert store.read(store.list_files(deadline=soon())["empty"], deadline=soon()) == b""

    def test_folders_are_listed_apart_from_files(self, store: Store) -> None:
        store.folder("b").create("x", b"1", deadline=soon())
        store.folder("a").create("x", b"1", deadline=soon())
        store.create("file", b"1", deadline=soon())
        assert store.list_folders(deadline=soon()) == ["a", "b"]
        assert set(store.list_files(deadline=soon())) == {"file"}
        assert store.folder("a").uri == f"{store.uri}/a"

    def test_a_file_that_vanished_is_passing_trouble(self, store: Store) -> None:
        with pytest.raises(StoreUnavailable, match="replaced or removed"):
            store.read(StoredFile("gone", 1, generation=1), deadline=soon())

    def test_the_newest_version_is_the_last_that_has_a_manifest(self, store: Store) -> None:
        for version, file in (("20260101", "manifest.json"), ("20260102", "manifest.json"), ("20260103", "model.pkl")):
            store.folder(version).create(file, b"{}", deadline=soon())
        assert newest_version(store, deadline=soon()).uri == f"{store.uri}/20260102"

    def test_a_root_without_a_version_says_so(self, store: Store) -> None:
        with pytest.raises(ArtifactMissing, match=r"manifest\.json"):
            newest_version(store, deadline=soon())


class TestLocalStore:
    def test_a_file_that_is_not_as_long_as_listed_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"longer than listed")
        with pytest.raises(SizeMismatch):
            LocalStore(tmp_path).read(StoredFile("file", 3), deadline=soon())

    def test_a_folder_that_is_a_file_is_trouble_with_the_store(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        broken = LocalStore(tmp_path / "file")
        for call in (
            lambda: broken.list_files(deadline=soon()),
            lambda: broken.list_folders(deadline=soon()),
            lambda: broken.read(StoredFile("x", 1), deadline=soon()),
            lambda: broken.create("x", b"", deadline=soon()),
        ):
            with pytest.raises(StoreUnavailable):
                call()

    def test_trouble_says_whether_something_was_to_be_read_or_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        broken = LocalStore(tmp_path / "file")
        with pytest.raises(StoreUnavailable, match="could not be read"):
            broken.list_files(deadline=soon())
        with pytest.raises(StoreUnavailable, match="file/x could not be written"):
            broken.create("x", b"", deadline=soon())

    def test_no_time_left_is_trouble(self, tmp_path: Path) -> None:
        with pytest.raises(StoreUnavailable, match="no time"):
            LocalStore(tmp_path).list_files(deadline=soon(-1))

    def test_a_half_written_file_is_not_part_of_the_folder(self, tmp_path: Path) -> None:
        (tmp_path / ".tmpabc.part").write_bytes(b"half")
        assert LocalStore(tmp_path).list_files(deadline=soon()) == {}


class TestLocation:
    def test_uris_name_stores_without_touching_them(self) -> None:
        assert open_store("gs://bucket/a/b/").uri == "gs://bucket/a/b"
        assert open_store("gs://bucket").uri == "gs://bucket"
        assert open_store("some/folder").uri == "some/folder"

    @pytest.mark.parametrize("uri", ["gs://", "gs:///root", "s3://bucket/root"])
    def test_other_uris_are_configuration_errors(self, uri: str) -> None:
        with pytest.raises(ConfigurationError, match=r"MODEL_URI"):
            open_store(uri)


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
    answer.status, answer.body = status, b"trouble"


class TestGcsFaults:
    def test_trouble_that_passes_is_retried(self, gcs_proxy: FaultProxy, proxied: tuple[Store, StoredFile]) -> None:
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
    def test_trouble_that_stays_ends_at_the_deadline(
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

    def test_a_store_that_is_down_is_trouble_of_ours(self, gcs_server: GcsServer, gcs_proxy: FaultProxy) -> None:
        store = GcsStore("bucket", "root", client=gcs_server.client(gcs_proxy.url))
        gcs_proxy.stop()
        for call in (
            lambda: store.list_files(deadline=soon(1)),
            lambda: store.list_folders(deadline=soon(1)),
            lambda: store.create("x", b"", deadline=soon(1)),
        ):
            with pytest.raises(PredictorError):
                call()
