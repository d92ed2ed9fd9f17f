from collections.abc import Iterator

import pytest

from predictor.bootstrap import App, build
from predictor.models import LoadedModel
from predictor.settings import Settings
from tests.support.asgi import Client
from tests.support.bundles import PublishedBundle
from tests.support.logs import Log, captured_log


@pytest.fixture
def app(bundle: PublishedBundle) -> App:
    return build(Settings(model_uri=str(bundle.folder), model_digest=bundle.digest), import_ms=123.0)


@pytest.fixture
def client(app: App) -> Client:
    return Client(app)


@pytest.fixture(scope="session")
def model(bundle: PublishedBundle) -> LoadedModel:
    return build(Settings(model_uri=str(bundle.folder), model_digest=bundle.digest)).models.get_blocking()


@pytest.fixture(autouse=True)
def log() -> Iterator[Log]:
    with captured_log() as log:
        yield log
