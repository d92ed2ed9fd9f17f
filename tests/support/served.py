"""A published model behind all that answers for it, in this process."""

from dataclasses import dataclass

from predictor.bootstrap import App, build
from predictor.settings import Settings
from tests.support.asgi import Client
from tests.support.bundles import PublishedBundle
from tests.support.events import FakePublisher


@dataclass(frozen=True)
class Served:
    """The whole application with one model; `client` asks it over HTTP, `publisher` has the results of events."""

    app: App
    client: Client
    publisher: FakePublisher


def serve(bundle: PublishedBundle) -> Served:
    publisher = FakePublisher()
    app = build(Settings(model_uri=str(bundle.folder), model_digest=bundle.digest), publisher=publisher)
    return Served(app, Client(app), publisher)
