from collections.abc import Iterator
from io import StringIO

import pytest

from predictor.bootstrap import App, build
from predictor.settings import Settings
from predictor.telemetry import configure_logs
from tests.support.asgi import Client
from tests.support.bundles import PublishedBundle


@pytest.fixture
def app(bundle: PublishedBundle) -> App:
    return build(Settings(model_uri=str(bundle.folder), model_digest=bundle.digest), import_ms=123.0)


@pytest.fixture
def client(app: App) -> Client:
    return Client(app)


@pytest.fixture(autouse=True)
def log() -> Iterator[StringIO]:
    """What the package logs."""
    stream = StringIO()
    configure_logs("INFO", "my-project", stream)
    yield stream
    configure_logs("INFO", None)
