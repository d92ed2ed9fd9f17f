"""The composition root: from settings to the functions, once per process. Tests pass in their own parts."""

import gc
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from predictor.artifacts import MODEL_CARD_FILE, ModelCache, Store, fetch_file, newest_version, open_store
from predictor.errors import PredictorError
from predictor.models import LoadedModel, load_model
from predictor.penguin import NOUN_PLURAL
from predictor.settings import Settings
from predictor.telemetry import Phases, before_termination, log
from predictor.web import Admission, Endpoint, RequestLimits, StartQueue, web_app

if TYPE_CHECKING:
    from predictor.events import ObjectScorer, Publisher

LOAD_TIMEOUT_S: Final = 10.0
"""Time limit of one load, all requests and retries to the store together."""

DEFAULT_ROOT: Final = Path(__file__).resolve().parent.parent / "artifacts"


@dataclass(frozen=True, slots=True)
class App:
    """What `main.py` registers with the framework."""

    models: ModelCache[LoadedModel]
    web: Endpoint
    events: Callable[[], Endpoint]
    """Built at the first call: `predict` imports nothing that only `score` needs."""
    starts: StartQueue
    """For the server, which comes before both."""


def build(
    settings: Settings,
    *,
    store: Store | None = None,
    models: ModelCache[LoadedModel] | None = None,
    publisher: "Publisher | None" = None,
    object_scorer: "ObjectScorer | None" = None,
    import_ms: float = 0.0,
    count_traffic: bool = False,
) -> App:
    """Put the parts together. Does no I/O, so a bad model is only noticed when it is first needed.

    `store` replaces the one that `settings.model_uri` names, `models` the whole way to a loaded model, `publisher` the
    topics, `object_scorer` what scores files. `count_traffic`: summaries of what the model is asked go to the log.
    """
    fetch_card = None
    if models is None:
        loader = _Loader(settings, store, count_traffic=count_traffic)
        fetch_card = loader.fetch_card
        models = ModelCache(loader.load, on_failure=loader.log_failure)
    admission = Admission(
        max_requests=settings.max_concurrent_requests,
        max_bytes=settings.max_bytes_in_flight,
        timeout_s=settings.request_timeout_s,
    )
    web = web_app(
        models,
        limits=RequestLimits(
            max_body_bytes=settings.max_body_bytes,
            max_instances=settings.max_instances_per_request,
            max_explanations=settings.max_explanations_per_request,
            max_stream_bytes=settings.max_stream_bytes,
        ),
        admission=admission,
        cors_origins=settings.cors_origins,
        feedback=settings.feedback,
        protocols=settings.protocols,
        predict_route=settings.vertex_predict_route,
        health_route=settings.vertex_health_route,
        log_requests=settings.log_requests,
        import_ms=import_ms,
        fetch_card=fetch_card,
    )

    @cache
    def events() -> Endpoint:
        from predictor.events import events_app

        return events_app(
            models,
            publisher or build_publisher(settings),
            object_scorer or _object_scorer(settings),
            max_data_bytes=settings.max_body_bytes,
            max_rows=settings.max_instances_per_request,
            admission=admission,
            log_requests=settings.log_requests,
            import_ms=import_ms,
        )

    starts = StartQueue(max_requests=settings.max_concurrent_requests, timeout_s=settings.request_timeout_s)
    return App(models, web, events, starts)


def build_publisher(settings: Settings) -> "Publisher":
    """Publishes to the topics that are set, and to the log where none is set."""
    from predictor.events import LogPublisher, PubSubClient, PubSubPublisher, RoutingPublisher

    client = PubSubClient()

    def to(topic: str | None) -> "Publisher":
        return LogPublisher() if topic is None else PubSubPublisher(topic, client)

    return RoutingPublisher(results=to(settings.results_topic), rejects=to(settings.rejects_topic))


def _object_scorer(settings: Settings) -> "ObjectScorer | None":
    """None without a bucket for results: then no file is scored."""
    if settings.results_bucket is None:
        return None
    from predictor.events import BucketScorer

    return BucketScorer(settings.results_bucket, settings.max_object_bytes, settings.max_object_rows)


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause the garbage collector during a start, whose objects nearly all live as long as the process.

    Importing hundreds of modules sets off full collections that find nothing. Afterwards all objects are frozen: later
    collections skip them, and they stay in memory pages that the worker shares with its parent.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


def _counted(model: LoadedModel) -> LoadedModel:
    """The model, with counters of what it is asked; without a reference there is nothing to compare the counts with."""
    if model.reference is None:
        return model
    from predictor.trust.traffic import Traffic

    def write(fields: dict[str, Any]) -> None:
        log(logging.INFO, "traffic_summary", f"Counted {fields['rows']} {NOUN_PLURAL}.", **fields)

    return replace(model, traffic=Traffic(model, write, on_first=before_termination))


class _Loader:
    """One attempt after the other to load the model. It knows how far the last one came, for the log."""

    def __init__(self, settings: Settings, store: Store | None, *, count_traffic: bool) -> None:
        self._settings = settings
        self._count_traffic = count_traffic
        self._store = store
        self._uri = settings.model_uri or str(DEFAULT_ROOT)
        self._phases = Phases()

    @collector_paused()
    def load(self) -> LoadedModel:
        settings, store = self._settings, self._store
        started = time.monotonic()
        deadline = started + LOAD_TIMEOUT_S
        self._phases = phases = Phases()
        with phases.measure("fetch"):
            if store is None and settings.model_uri is not None:
                store = open_store(settings.model_uri)
            elif store is None:
                store = newest_version(open_store(str(DEFAULT_ROOT)), deadline=deadline)
        self._uri = store.uri
        model = load_model(
            store,
            pin=settings.model_digest,
            choice=settings.model_engine,
            deadline=deadline,
            phases=phases,
            batches=settings.model_loading == "eager",
        )
        log(
            logging.INFO,
            "model_loaded",
            f"Model {model.identity.version} is loaded.",
            model_version=model.identity.version,
            model_digest=model.identity.digest,
            engine=model.engine.name,
            runtime=model.engine.runtime,
            uri=store.uri,
            phases_ms=model.phases_ms,
            duration_ms=round((time.monotonic() - started) * 1000, 3),
        )
        return _counted(model) if self._count_traffic else model

    def fetch_card(self, model: LoadedModel) -> bytes:
        """The card of the model that was loaded: not read before, because serving does not need it.

        By a client of its own, because connections made before the worker was forked are the parent's.
        """
        store = self._store or open_store(self._uri)
        return fetch_file(store, model.manifest, MODEL_CARD_FILE, deadline=time.monotonic() + LOAD_TIMEOUT_S)

    def log_failure(self, error: PredictorError, retry_in_s: float) -> None:
        # The error's attributes say what differs: file, expected, actual, ...
        details = {key: value for key, value in vars(error).items() if not key.startswith("_") and value is not None}
        if self._settings.model_loading == "lazy":  # With eager the process ends; nothing is tried again.
            details["retry_in_s"] = round(retry_in_s, 3)
        log(
            logging.ERROR,
            "model_load_failed",
            f"The model could not be loaded: {error}",
            error=error.__cause__ if type(error) is PredictorError else None,
            error_type=type(error).__name__,
            **{"uri": self._uri, "phase": self._phases.current, **details},
        )
