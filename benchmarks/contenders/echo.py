"""The platform's limit: the smallest function on the same framework, in the same environment as ours."""

from typing import ClassVar

from benchmarks.contenders.contender import APPS, ROOT, Contender
from benchmarks.environments import Environment


class Echo(Contender):
    name: ClassVar[str] = "echo"
    title: ClassVar[str] = "echo function (the platform's limit)"

    @property
    def environment(self) -> Environment:
        return Environment("function", ROOT / "requirements.txt")

    def command(self, port: int) -> list[str]:
        source = ["--source", str(APPS / "echo.py"), "--target", "predict"]
        return [str(self.environment.bin / "functions-framework"), *source, "--host", "127.0.0.1", "--port", str(port)]
