"""BentoML: a service class, served by its own process manager."""

from typing import ClassVar

from benchmarks.contenders.contender import Peer


class BentoML(Peer):
    name: ClassVar[str] = "bentoml"
    title: ClassVar[str] = "BentoML"

    def command(self, port: int) -> list[str]:
        return [self.program("bentoml"), "serve", "bentoml_app:Penguins", "--host", "127.0.0.1", "--port", str(port)]

    def variables(self) -> dict[str, str]:
        home = str(self.folder / "home")
        return {**super().variables(), "BENTOML_HOME": home, "BENTOML_DO_NOT_TRACK": "True"}
