import gc
import json
import logging
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from predictor import bootstrap
from predictor.artifacts import ModelCache
from predictor.artifacts.local_store import LocalStore
from predictor.bootstrap import build, collector_paused
from predictor.errors import ModelUnavailable
from predictor.models import LoadedModel
from predictor.settings import Settings
from predictor.telemetry import configure_logs
from tests.support.bundles import PublishedBundle, publish_by_hand
from tests.support.events import FakePublisher


@pytest.fixture
def logged() -> Iterator[StringIO]:
    stream = StringIO()
    configure_logs("INFO", None, stream)
    yield stream
    configure_logs("INFO", None)


def lines(stream: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_building_does_no_io_and_loading_names_what_is_wrong(tmp_path: Path, logged: StringIO) -> None:
    app = build(Settings(model_uri=str(tmp_path / "nowhere")))
    assert logged.getvalue() == ""
    with pytest.raises(ModelUnavailable):
        app.models.get_blocking()
    (line,) = lines(logged)
    assert (line["event"], line["error_type"], line["file"]) == (
        "model_load_failed",
        "ArtifactMissing",
        "manifest.json",
    )
    assert line["retry_in_s"] > 0


def test_an_eager_start_that_fails_promises_no_other_attempt(tmp_path: Path, logged: StringIO) -> None:
    with pytest.raises(ModelUnavailable):
        build(Settings(model_uri=str(tmp_path), model_loading="eager")).models.get_blocking()
    (line,) = lines(logged)
    assert line["event"] == "model_load_failed"
    assert "retry_in_s" not in line


def test_loading_logs_which_model_and_how_long_it_took(bundle: PublishedBundle, logged: StringIO) -> None:
    model = build(Settings(model_uri=str(bundle.folder), model_digest=bundle.digest)).models.get_blocking()
    (line,) = lines(logged)
    assert line["event"] == "model_loaded"
    assert line["model_version"] == model.identity.version == bundle.folder.name
    assert (line["model_digest"], line["uri"]) == (bundle.digest, str(bundle.folder))
    assert (line["engine"], line["runtime"]) == ("onnx", "onnxruntime")
    assert set(line["phases_ms"]) >= {"fetch", "load"}


def test_a_store_replaces_the_one_of_the_settings(bundle: PublishedBundle, tmp_path: Path) -> None:
    app = build(Settings(model_uri=str(tmp_path)), store=LocalStore(bundle.folder))
    assert app.models.get_blocking().identity.version == bundle.folder.name


def test_models_replace_the_whole_way_to_a_model(bundle: PublishedBundle) -> None:
    loaded = build(Settings(model_uri=str(bundle.folder))).models.get_blocking()
    models: ModelCache[LoadedModel] = ModelCache(lambda: loaded, on_failure=lambda _error, _delay: None)
    assert build(Settings(), models=models).models is models


def test_without_a_location_the_newest_version_of_the_project_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in (1, 2):
        publish_by_hand(tmp_path, seed=seed)
    monkeypatch.setattr(bootstrap, "DEFAULT_ROOT", tmp_path)
    assert build(Settings()).models.get_blocking().identity.version.endswith("2")


def test_the_engine_is_the_one_that_was_chosen(bundle: PublishedBundle) -> None:
    app = build(Settings(model_uri=str(bundle.folder), model_engine="sklearn"))
    assert app.models.get_blocking().engine.name == "sklearn"


def test_events_are_built_once_and_only_when_asked_for(bundle: PublishedBundle) -> None:
    app = build(Settings(model_uri=str(bundle.folder)), publisher=FakePublisher())
    assert app.events() is app.events()


class TestCollectorPaused:
    def test_the_collector_rests_and_then_works_as_before(self) -> None:
        assert gc.isenabled()
        with collector_paused():
            assert not gc.isenabled()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0

    def test_it_stays_off_where_it_was_off_also_after_an_error(self) -> None:
        gc.disable()
        try:
            with pytest.raises(ZeroDivisionError), collector_paused():
                raise ZeroDivisionError
            assert not gc.isenabled()
        finally:
            gc.enable()


def test_logging_is_not_configured_by_importing_or_building(tmp_path: Path) -> None:
    before = logging.getLogger().handlers[:]
    build(Settings(model_uri=str(tmp_path)))
    assert logging.getLogger().handlers == before
