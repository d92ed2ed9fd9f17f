"""Which paths there are, what they cost those who do not ask for them, and what is logged of them."""

import subprocess
import sys
import textwrap
from dataclasses import replace

import pytest

from predictor.bootstrap import build
from predictor.models import LoadedModel
from predictor.settings import Settings
from tests.support.asgi import Client
from tests.support.bundles import EXAMPLE, PublishedBundle
from tests.support.logs import Log
from tests.support.processes import PROJECT
from tests.unit.web.test_app import RecordingEngine, app_with

PATHS = {"v1": "/v1/models", "v2": "/v2", "mlflow": "/version", "bigquery": "/bigquery"}


@pytest.mark.parametrize("chosen", ["none", "v1", "mlflow, v2", "BigQuery"])
def test_a_protocol_that_is_not_chosen_is_not_there(bundle: PublishedBundle, chosen: str) -> None:
    client = Client(build(Settings.from_env({"MODEL_URI": str(bundle.folder), "PROTOCOLS": chosen})))
    for name, path in PATHS.items():
        assert (client.get(path).status_code == 404) == (name not in chosen.lower()), name
    assert ("/v2" in client.get("/openapi.json").json()["paths"]) == ("v2" in chosen)


def test_nothing_is_imported_for_those_who_do_not_ask_for_it(bundle: PublishedBundle) -> None:
    program = textwrap.dedent(
        f"""
        import sys
        from predictor.bootstrap import build
        from predictor.settings import Settings
        from tests.support.asgi import Client
        client = Client(build(Settings(model_uri={str(bundle.folder)!r})))
        assert client.post("/predict", json={EXAMPLE!r}).status_code == 200
        assert client.get("/health").status_code == 200
        print(any(name.startswith("predictor.web.protocols") for name in sys.modules))
        client.get("/v2")
        print("predictor.web.protocols.v2" in sys.modules)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["False", "True"]


def test_the_log_names_the_path_without_the_callers_words(bundle: PublishedBundle, log: Log) -> None:
    client = Client(build(Settings(model_uri=str(bundle.folder), log_requests=True)))
    client.get("/v2/models/penguin/versions/zq7secret/ready")
    client.get("/v2/zq7secret")
    assert [line["path"] for line in log.lines("request")] == ["/v2/models/penguin/versions/{version}/ready", "(other)"]


@pytest.mark.parametrize(("count", "in_thread"), [(10, False), (900, True)])
def test_what_takes_long_leaves_the_event_loop(model: LoadedModel, count: int, in_thread: bool) -> None:
    import threading

    engine = RecordingEngine(model)
    client = Client(app_with(replace(model, engine=engine), protocols=("v1",)))
    assert client.post("/v1/models/penguin:predict", json={"instances": [EXAMPLE] * count}).status_code == 200
    assert [thread is not threading.main_thread() for thread in engine.threads] == [in_thread]
