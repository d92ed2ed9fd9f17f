"""The uptime check against the real function: it passes where the function can serve, and only there."""

from pathlib import Path
from typing import Any

import httpx

from tests.conftest import StartFunction
from tests.support.bundles import PublishedBundle, publish_by_hand
from tests.support.ops_files import OPS, load

CHECK: dict[str, Any] = load(OPS / "uptime.json")


def passes(url: str) -> bool:
    """As Cloud Monitoring decides."""
    http = CHECK["httpCheck"]
    answer = httpx.request(http["requestMethod"], url + http["path"], timeout=float(CHECK["timeout"].removesuffix("s")))
    (matcher,) = CHECK["contentMatchers"]
    assert matcher["matcher"] == "CONTAINS_STRING"
    statuses = {accepted["statusValue"] for accepted in http["acceptedResponseStatusCodes"]}
    return answer.status_code in statuses and matcher["content"] in answer.text


def test_it_passes_before_and_after_the_model_is_loaded(start_function: StartFunction, bundle: PublishedBundle) -> None:
    function = start_function(bundle.env)
    assert passes(function.url)
    assert httpx.get(f"{function.url}/ready", timeout=30).status_code == 200
    assert passes(function.url)


def test_it_fails_where_the_model_cannot_be_loaded(start_function: StartFunction, tmp_path: Path) -> None:
    bundle = publish_by_hand(tmp_path / "bundle")
    (bundle.folder / "model.onnx").write_bytes(b"not a model")
    function = start_function(bundle.env)
    assert httpx.get(f"{function.url}/ready", timeout=30).status_code == 503
    assert not passes(function.url)
