"""What the Functions Framework loads: `predict` answers HTTP, `score` events. Wiring only; holds the app."""

import gc

gc.disable()  # While importing; see predictor.bootstrap.collector_paused. `_start` enables it again.

import logging
import os
import sys

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from predictor import bootstrap
from predictor.errors import ModelUnavailable, PredictorError
from predictor.settings import Settings
from predictor.telemetry import logs
from predictor.telemetry.phases import process_age_ms


def _start() -> bootstrap.App:
    """Build the app; with `MODEL_LOADING=eager` the model too, so that the port opens only with a good one.

    Runs before the framework forks its worker, which then shares the loaded model's memory.
    """
    logs.configure("INFO", None)  # For settings that are themselves the trouble.
    try:
        settings = Settings.from_env(os.environ)
        logs.configure(settings.log_level, settings.project)
        app = bootstrap.build(settings, import_ms=process_age_ms())
        if settings.model_loading == "eager":
            app.service.model_blocking()
        if os.environ.get("FUNCTION_TARGET") == "score":  # The framework sets it before it loads this file.
            app.events()
    except ModelUnavailable:
        sys.exit(1)  # Why has been logged where it happened.
    except PredictorError as error:
        logs.log(logging.CRITICAL, "cannot_start", f"The function cannot start: {error}")
        sys.exit(1)
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
