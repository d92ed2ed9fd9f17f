"""The real function against the real fake-gcs-server: what is loaded, how often, and what happens when it is bad."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.conftest import StartFunction
from tests.support.bundles import EXAMPLE, PublishedBundle, publish_by_hand
from tests.support.fault_proxy import FaultProxy, only
from tests.support.gcs import GcsServer
from tests.support.processes import FunctionProcess, wait_until

BODY = json.dumps(EXAMPLE).encode()


def ask(function: FunctionProcess) -> httpx.Response:
    return httpx.post(f"{function.url}/predict", content=BODY, headers={"Content-Type": "application/json"}, timeout=60)


def statuses(function: FunctionProcess) -> list[int]:
    """Of a prediction, /ready and /health."""
    return [ask(function).status_code, *(httpx.get(function.url + path).status_code for path in ("/ready", "/health"))]


def env_of(proxy: FaultProxy, uri: str, digest: str, **more: str) -> dict[str, str]:
    return {"STORAGE_EMULATOR_HOST": proxy.url, "MODEL_URI": uri, "MODEL_DIGEST": digest, **more}


def flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def test_the_first_request_loads_and_the_second_reads_nothing_from_the_store(
    gcs_server: GcsServer, gcs_proxy: FaultProxy, bucket: str, bundle: PublishedBundle, start_function: StartFunction
) -> None:
    uri = gcs_server.put_folder(bucket, "root/v1", bundle.folder)
    function = start_function(env_of(gcs_proxy, uri, bundle.digest))
    assert gcs_proxy.paths == []
    assert ask(function).content == b'{"prediction":"Adelie"}'
    # One listing, then the manifest and the two files that the engine reads; the listed generation is pinned.
    assert len(gcs_proxy.paths) == 4
    assert all("generation=" in path for path in gcs_proxy.paths[1:])
    assert ask(function).status_code == 200
    assert len(gcs_proxy.paths) == 4


def test_the_card_is_read_when_somebody_opens_it_and_kept(
    gcs_server: GcsServer, gcs_proxy: FaultProxy, bucket: str, bundle: PublishedBundle, start_function: StartFunction
) -> None:
    uri = gcs_server.put_folder(bucket, "root/v1", bundle.folder)
    function = start_function(env_of(gcs_proxy, uri, bundle.digest, MODEL_LOADING="eager"))
    gcs_proxy.fault = only("", lambda answer: setattr(answer, "status", 403))
    assert httpx.get(f"{function.url}/card", timeout=30).status_code == 503
    assert ask(function).status_code == 200
    gcs_proxy.fault = None
    loaded = len(gcs_proxy.paths)
    for _ in range(2):
        assert "<h1>A model for tests</h1>" in httpx.get(f"{function.url}/card", timeout=30).text
        _, card = gcs_proxy.paths[loaded:]
        assert "model_card.md" in card


def test_two_hundred_simultaneous_first_requests_make_one_load(
    gcs_server: GcsServer, gcs_proxy: FaultProxy, bucket: str, bundle: PublishedBundle, start_function: StartFunction
) -> None:
    uri = gcs_server.put_folder(bucket, "root/v1", bundle.folder)
    function = start_function(env_of(gcs_proxy, uri, bundle.digest))
    with ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(lambda _: ask(function).content, range(200)))
    assert answers == [b'{"prediction":"Adelie"}'] * 200
    assert len(gcs_proxy.paths) == 4
    assert len(function.log_lines("model_loaded")) == 1


@pytest.mark.parametrize(
    ("engine", "name"),
    [
        ("onnx", "model.onnx"),
        pytest.param("onnx", "golden.json", marks=pytest.mark.slow),
        ("onnx", "manifest.json"),
        ("sklearn", "model.pkl"),
        pytest.param("sklearn", "label_encoder.pkl", marks=pytest.mark.slow),
        pytest.param("sklearn", "columns.pkl", marks=pytest.mark.slow),
    ],
)
def test_a_flipped_byte_is_never_served_and_repairing_it_needs_no_restart(
    gcs_server: GcsServer,
    gcs_proxy: FaultProxy,
    bucket: str,
    bundle: PublishedBundle,
    start_function: StartFunction,
    engine: str,
    name: str,
) -> None:
    uri = gcs_server.put_folder(bucket, "root/v1", bundle.folder)
    good = (bundle.folder / name).read_bytes()
    gcs_server.put(bucket, f"root/v1/{name}", flip(good))
    function = start_function(env_of(gcs_proxy, uri, bundle.digest, MODEL_ENGINE=engine))
    assert statuses(function) == [503, 503, 503]
    line = function.log_lines("model_load_failed")[0]
    assert (line["error_type"], line["file"]) == ("DigestMismatch", name)
    assert line["expected"].startswith("sha256:")
    assert line["actual"].startswith("sha256:")
    assert line["expected"] != line["actual"]
    gcs_server.put(bucket, f"root/v1/{name}", good)
    wait_until(lambda: ask(function).status_code == 200, "recovery")
    assert statuses(function) == [200, 200, 200]


def test_a_booby_trapped_pickle_is_not_opened(
    gcs_server: GcsServer,
    gcs_proxy: FaultProxy,
    bucket: str,
    bundle: PublishedBundle,
    start_function: StartFunction,
    booby_trap: Callable[[], tuple[bytes, Path]],
) -> None:
    trap, proof = booby_trap()
    good = (bundle.folder / "model.pkl").read_bytes()
    uri = gcs_server.put_folder(bucket, "root/v1", bundle.folder)
    # As long as the real one, so that it is the digest that finds it (a pickle may be followed by anything).
    gcs_server.put(bucket, "root/v1/model.pkl", trap.ljust(len(good), b"\0"))
    function = start_function(env_of(gcs_proxy, uri, bundle.digest, MODEL_ENGINE="sklearn"))
    assert ask(function).status_code == 503
    assert function.log_lines("model_load_failed")[0]["error_type"] == "DigestMismatch"
    assert not proof.exists()


def test_another_model_is_never_served_under_the_old_pin(
    gcs_server: GcsServer,
    gcs_proxy: FaultProxy,
    bucket: str,
    bundle: PublishedBundle,
    start_function: StartFunction,
    tmp_path: Path,
) -> None:
    other = publish_by_hand(tmp_path / "other", seed=2)
    uri = gcs_server.put_folder(bucket, "root/v1", other.folder)  # Validly built, as whoever owns the bucket could.
    function = start_function(env_of(gcs_proxy, uri, bundle.digest))
    assert statuses(function) == [503, 503, 503]
    line = function.log_lines("model_load_failed")[0]
    assert (line["file"], line["expected"], line["actual"]) == ("manifest.json", bundle.digest, other.digest)


def test_a_store_that_is_down_is_waited_for(
    gcs_server: GcsServer, gcs_proxy: FaultProxy, bucket: str, bundle: PublishedBundle, start_function: StartFunction
) -> None:
    uri = gcs_server.put_folder(bucket, "root/v1", bundle.folder)
    gcs_proxy.fault = only("", lambda answer: setattr(answer, "status", 403))
    function = start_function(env_of(gcs_proxy, uri, bundle.digest))
    assert ask(function).status_code == 503
    assert function.log_lines("model_load_failed")[0]["error_type"] == "StoreUnavailable"
    gcs_proxy.fault = None
    wait_until(lambda: ask(function).status_code == 200, "recovery")
