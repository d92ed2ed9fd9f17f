"""What the lab needs to know of anything that it measures."""

import json
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

from benchmarks.environments import Environment, Here, NoEnvironment
from benchmarks.flock import DATA, Row
from benchmarks.wire import HOST, post

ROOT: Final = Path(__file__).resolve().parent.parent.parent
MODELS: Final = ROOT / "artifacts"
APPS: Final = Path(__file__).resolve().parent / "apps"


class Contender(ABC):
    """A server of penguin predictions: how to install, start and ask it. The defaults fit most."""

    name: ClassVar[str]
    title: ClassVar[str]
    batches: ClassVar[bool] = False
    """Whether one request may hold several birds."""
    path: ClassVar[str] = "/predict"

    def __init__(self, folder: Path, *, here: bool = False, models: Path = MODELS) -> None:
        """`folder` is empty and stays until the contender has had its last turn.

        `here`: run functions in the lab's own environment, which needs no installing. `models` holds what this
        project's function serves, one folder per version.
        """
        self.folder = folder
        self.here = here
        self.models = models

    @property
    @abstractmethod
    def environment(self) -> Environment: ...

    def prepare(self) -> None:
        """Install it and fit or publish what it serves. Raises `NoEnvironment`."""
        self.environment.make()

    @abstractmethod
    def command(self, port: int) -> list[str]:
        """What to start; it serves 127.0.0.1:`port`."""

    def variables(self) -> dict[str, str]:
        """What its environment says beyond the common variables."""
        return {}

    def working_folder(self) -> Path:
        return APPS

    def sources(self) -> list[Path]:
        """Where its own Python files are, to be compiled before anything is measured."""
        return [APPS]

    def body(self, rows: Sequence[Row]) -> bytes:
        """The request for these birds; more than one only where `batches`."""
        return json.dumps(rows[0]).encode()

    def species(self, answer: bytes) -> list[str]:
        """The species that an answer names."""
        return [json.loads(answer)["prediction"]]

    def request(self, rows: Sequence[Row]) -> bytes:
        return post(self.path, self.body(rows))

    def close(self) -> None:  # noqa: B027  Most start nothing beside themselves.
        """Stop whatever `prepare` started beside the contender itself."""


class Function(Contender):
    """On the Functions Framework, with what is deployed."""

    @property
    def environment(self) -> Environment:
        return (Here if self.here else Environment)("function", ROOT / "requirements.txt")

    def framework(self, source: Path, port: int) -> list[str]:
        options = ["--source", str(source), "--target", "predict", "--host", HOST, "--port", str(port)]
        return [str(self.environment.bin / "functions-framework"), *options]


class Peer(Contender):
    """Somebody else's server with a locked environment of its own and a model fitted in it."""

    @property
    def environment(self) -> Environment:
        return Environment(self.name, APPS / "requirements" / f"{self.name}.txt")

    def prepare(self) -> None:
        super().prepare()
        run(self.environment.bin / "python", APPS / "fit.py", DATA, self.folder)

    def variables(self) -> dict[str, str]:
        return {"MODEL_FOLDER": str(self.folder)}

    def program(self, name: str) -> str:
        return str(self.environment.bin / name)


def run(*command: str | Path, env: dict[str, str] | None = None) -> str:
    """The output of a command that prepares a contender. Raises `NoEnvironment` when it fails."""
    done = subprocess.run(
        [str(part) for part in command], cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode != 0:
        raise NoEnvironment(f"{' '.join(map(str, command[1:4]))}: {done.stderr.strip()[-800:]}")
    return done.stdout
