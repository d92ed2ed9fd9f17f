"""vetiver: a model as a FastAPI application, from a prototype of its input."""

import json
from collections.abc import Sequence
from typing import ClassVar

from benchmarks.contenders.contender import Peer
from benchmarks.flock import Row


class Vetiver(Peer):
    name: ClassVar[str] = "vetiver"
    title: ClassVar[str] = "vetiver"
    batches: ClassVar[bool] = True

    def command(self, port: int) -> list[str]:
        where = ["--host", "127.0.0.1", "--port", str(port)]
        return [self.program("uvicorn"), "vetiver_app:app", *where, "--no-access-log", "--log-level", "warning"]

    def body(self, rows: Sequence[Row]) -> bytes:
        return json.dumps(rows).encode()

    def species(self, answer: bytes) -> list[str]:
        predictions: list[str] = json.loads(answer)["predict"]
        return predictions
