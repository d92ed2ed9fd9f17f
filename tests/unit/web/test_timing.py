"""`Server-Timing`: the start shows until a prediction has been answered, and never again."""

from dataclasses import replace

import pytest

from predictor.models import LoadedModel
from predictor.web import FirstAnswer
from tests.support.asgi import Client
from tests.support.bundles import EXAMPLE


@pytest.fixture
def loaded(model: LoadedModel) -> LoadedModel:
    return replace(model, phases_ms={"fetch": 20.0, "verify": 0.5})


def test_the_first_prediction_of_the_service_shows_the_phases_of_its_start(client: Client) -> None:
    first, second = (client.post("/predict", json=EXAMPLE).headers["server-timing"] for _ in range(2))
    assert [part.split(";")[0] for part in first.split(", ")] == ["import", "fetch", "verify", "load", "predict"]
    assert "import;dur=123.000" in first
    assert [part.split(";")[0] for part in second.split(", ")] == ["predict"]


def test_any_number_of_probes_may_show_the_start_before_the_first_prediction(loaded: LoadedModel) -> None:
    timing = FirstAnswer(import_ms=100.0)
    start = b"import;dur=100.000, fetch;dur=20.000, verify;dur=0.500"
    assert [timing.phases(loaded), timing.phases(loaded)] == [start, start]
    assert timing.prediction(loaded, 0.1234) == start + b", predict;dur=0.123"


def test_after_the_first_prediction_nothing_shows_the_start(loaded: LoadedModel) -> None:
    timing = FirstAnswer(import_ms=100.0)
    timing.prediction(loaded, 1.0)
    assert timing.prediction(loaded, 2.0) == b"predict;dur=2.000"
    assert timing.phases(loaded) is None
