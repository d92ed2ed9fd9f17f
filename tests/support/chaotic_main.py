"""`main.py`'s `score`, except that the request header `x-chaos` names a fault to inject around publishing."""

import asyncio
import logging
import os
import signal
import sys
import time
from contextvars import ContextVar
from pathlib import Path
from typing import NoReturn

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from predictor import bootstrap
from predictor.events import Publisher
from predictor.events.scoring import Outcome
from predictor.models import LoadedModel
from predictor.settings import Settings
from predictor.telemetry import configure_logs, log

SLOW_S = 11.5
"""Past the ack deadline of ten seconds, and past the message's own time: so only the answer may be slow."""

_chaos: ContextVar[str] = ContextVar("chaos", default="")


class ChaoticPublisher:
    """Kills its process before or after publishing when the request asks for it."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def publish(self, outcome: Outcome, *, ordering_key: str, timeout_s: float) -> None:
        chaos = _chaos.get()
        log(logging.INFO, "publishing", "A message is about to be published.")
        if chaos == "die before publishing":
            os.kill(os.getpid(), signal.SIGKILL)
        if chaos.startswith("publish after "):
            await asyncio.sleep(float(chaos.removeprefix("publish after ")))
        await self._publisher.publish(outcome, ordering_key=ordering_key, timeout_s=timeout_s)
        if chaos == "die after publishing":
            os.kill(os.getpid(), signal.SIGKILL)


class StuckObjectScorer:
    """Never returns."""

    def score(self, model: LoadedModel, bucket: str, name: str, generation: int) -> NoReturn:
        log(logging.INFO, "scoring_object", "An object is being scored.")
        while True:
            time.sleep(3600)


_settings = Settings.from_env(os.environ)
configure_logs(_settings.log_level, _settings.project)
_app = bootstrap.build(
    _settings,
    publisher=ChaoticPublisher(bootstrap.build_publisher(_settings)),
    object_scorer=StuckObjectScorer(),
)


@functions_framework.aio.http
async def score(request: Request) -> Response:
    chaos = request.headers.get("x-chaos", "")
    _chaos.set(chaos)
    response = await _app.events()(request)
    if chaos == "answer late":
        await asyncio.sleep(SLOW_S)
    return response
