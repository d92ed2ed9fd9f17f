"""The platform's limit: the smallest function on the same framework, in the same environment as ours."""

from typing import ClassVar

from benchmarks.contenders.contender import APPS, Function


class Echo(Function):
    name: ClassVar[str] = "echo"
    title: ClassVar[str] = "echo function (the platform's limit)"

    def command(self, port: int) -> list[str]:
        return self.framework(APPS / "echo.py", port)
