"""LitServe: a server process and a worker process with a queue between them."""

from typing import ClassVar

from benchmarks.contenders.contender import Peer


class LitServe(Peer):
    name: ClassVar[str] = "litserve"
    title: ClassVar[str] = "LitServe"

    def command(self, port: int) -> list[str]:
        return [self.program("python"), "litserve_app.py", str(port)]
