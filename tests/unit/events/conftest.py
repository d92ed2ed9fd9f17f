from collections.abc import Iterator

import pytest

from predictor.bootstrap import build
from predictor.models import LoadedModel
from predictor.settings import Settings
from predictor.web import Endpoint
from tests.support.bundles import PublishedBundle
from tests.support.events import FakePublisher
from tests.support.logs import Log, captured_log


@pytest.fixture
def settings(bundle: PublishedBundle) -> Settings:
    return Settings(
        model_uri=str(bundle.folder),
        model_digest=bundle.digest,
        max_body_bytes=100_000,
        max_instances_per_request=5,
    )


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher()


@pytest.fixture
def app(settings: Settings, publisher: FakePublisher) -> Endpoint:
    return build(settings, publisher=publisher).events()


@pytest.fixture(scope="session")
def model(bundle: PublishedBundle) -> LoadedModel:
    settings = Settings(model_uri=str(bundle.folder), model_digest=bundle.digest)
    return build(settings).models.get_blocking()


@pytest.fixture
def log() -> Iterator[Log]:
    with captured_log() as log:
        yield log
