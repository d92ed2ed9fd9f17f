"""The page of a model with a reference, and of one without."""

from pathlib import Path

import pytest

from predictor.bootstrap import App, build
from predictor.models import LoadedModel
from predictor.settings import Settings
from tests.support.asgi import Client
from tests.support.bundles import PublishedBundle
from tests.support.traffic import bundle_with_reference

BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "accept-encoding": "gzip"}


@pytest.fixture(scope="session")
def referenced(tmp_path_factory: pytest.TempPathFactory) -> PublishedBundle:
    return bundle_with_reference(tmp_path_factory.mktemp("referenced"))


@pytest.fixture
def app(referenced: PublishedBundle) -> App:
    return build(Settings(model_uri=str(referenced.folder), model_digest=referenced.digest))


@pytest.fixture
def without_reference(bundle: PublishedBundle) -> Client:
    return Client(build(Settings(model_uri=str(bundle.folder), model_digest=bundle.digest)))


@pytest.fixture(scope="session")
def model(referenced: PublishedBundle) -> LoadedModel:
    return build(Settings(model_uri=str(referenced.folder), model_digest=referenced.digest)).models.get_blocking()


@pytest.fixture
def empty_store(tmp_path: Path) -> Client:
    return Client(build(Settings(model_uri=str(tmp_path))))
