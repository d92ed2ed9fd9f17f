"""The service that this function replaces, rebuilt from its README."""

from typing import ClassVar

from benchmarks.contenders.contender import Peer


class Predecessor(Peer):
    name: ClassVar[str] = "predecessor"
    title: ClassVar[str] = "predecessor's design (FastAPI, get_dummies, forest)"

    def command(self, port: int) -> list[str]:
        # Its container's command, less `--reload`, which is for development.
        where = ["--host", "127.0.0.1", "--port", str(port)]
        return [self.program("uvicorn"), "predecessor:app", *where, "--no-access-log", "--log-level", "warning"]
