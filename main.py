"""What the Functions Framework loads: `predict` answers HTTP requests, `score` answers events. Only wiring."""

import gc

gc.disable()  # While importing; see predictor.bootstrap.collector_paused. `_start` enables it again.

import logging
import os
import sys

# We have no pydantic plugins. Looking for them reads the metadata of every installed package, at each start.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from predictor import bootstrap
from predictor.errors import ModelUnavailable, PredictorError
from predictor.settings import Settings
from predictor.telemetry import capture_streams, configure_logs, log, process_age_ms
from predictor.web import accept_any_path, configure_server


def _start() -> bootstrap.App:
    """Build the app. With `MODEL_LOADING=eager` also load the model, so that the port opens only with a good one.

    Runs before the framework forks its worker, which then shares the loaded model's memory.
    """
    capture_streams()
    accept_any_path()
    configure_logs("INFO", None)  # Until the settings are read: they may be what is wrong.
    try:
        settings = Settings.from_env(os.environ)
        configure_logs(settings.log_level, settings.project)
        app = bootstrap.build(settings, import_ms=process_age_ms(), count_traffic=True)
        if settings.model_loading == "eager":
            app.models.get_blocking()
        if os.environ.get("FUNCTION_TARGET") == "score":  # The framework sets it before it loads this file.
            app.events()
    except ModelUnavailable:
        sys.exit(1)  # The cause has been logged where it happened.
    except PredictorError as error:
        log(logging.CRITICAL, "cannot_start", f"The function cannot start: {error}")
        sys.exit(1)
    configure_server(app.starts)
    gc.freeze()
    gc.enable()
    return app


_app = _start()


@functions_framework.aio.http
async def predict(request: Request) -> Response:
    return await _app.web(request)


@functions_framework.aio.http
async def score(request: Request) -> Response:
    return await _app.events()(request)
