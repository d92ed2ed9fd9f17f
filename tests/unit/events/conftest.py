import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest

from predictor.bootstrap import build
from predictor.models.loader import LoadedModel
from predictor.settings import Settings
from predictor.telemetry import configure_logs
from predictor.web import Endpoint
from tests.support.bundles import PublishedBundle
from tests.support.events import FakePublisher, Lines


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
def log_lines() -> Iterator[Lines]:
    """What the package logs, by event."""
    stream = StringIO()
    configure_logs("INFO", "my-project", stream)

    def lines(event: str) -> list[dict[str, Any]]:
        return [line for line in map(json.loads, stream.getvalue().splitlines()) if line["event"] == event]

    yield lines
    configure_logs("INFO", None)
