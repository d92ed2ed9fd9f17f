"""What a contender is: how to install, start and ask a server of penguin predictions."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from uv import find_uv_bin

from benchmarks.paths import MODELS, ROOT, VENVS
from benchmarks.raw_http import HOST, post
from benchmarks.sample_penguins import Row

APPS: Final = Path(__file__).resolve().parent / "apps"


class Unavailable(RuntimeError):
    """A contender or a tool cannot be installed, started or asked. The others can still be measured."""


def run(command: Sequence[str | Path], variables: Mapping[str, str] = os.environ, timeout_s: float = 900) -> str:
    """Run a command in the project's folder; what it prints. Raises `Unavailable` when it fails."""
    # Deployed images contain bytecode, so the caller's wish to write none is not passed on.
    env = {key: value for key, value in variables.items() if key != "PYTHONDONTWRITEBYTECODE"}
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=timeout_s)
    except OSError as error:
        raise Unavailable(f"{words[0]} cannot be run; is it installed? ({error})") from error
    if done.returncode != 0:
        raise Unavailable(f"{' '.join(words)[:200]} failed: {done.stderr.strip()[-800:]}")
    return done.stdout


@dataclass(frozen=True)
class Environment:
    """A virtual environment with what `requirements` (a locked file) lists. Changed requirements make a new one.

    `here` stands for the environment of the benchmarks themselves: a quick look, with a wrong size and wrong memory.
    """

    name: str
    requirements: Path
    here: bool = False

    @property
    def folder(self) -> Path:
        if self.here:
            return Path(sys.prefix)
        version = "{}.{}".format(*sys.version_info)
        digest = hashlib.sha256(self.requirements.read_bytes() + version.encode()).hexdigest()[:12]
        return VENVS / f"{self.name}-{digest}"

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def install(self) -> None:
        """Create the environment unless it is complete. Raises `Unavailable`."""
        complete = self.folder / "complete"
        if self.here or complete.exists():
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        run([find_uv_bin(), "venv", "--quiet", "--python", sys.executable, self.folder])
        # Copies, because hard-linked files are shared with other environments' processes: memory would look too small.
        options = ["--quiet", "--compile-bytecode", "--link-mode", "copy", "--python", str(self.python)]
        run([find_uv_bin(), "pip", "install", *options, "--requirement", self.requirements])
        complete.touch()

    def size_mb(self) -> float:
        """Size of what is installed, with bytecode, in units of 10**6 bytes."""
        files = (path.lstat() for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink())
        return sum({stat.st_ino: stat.st_size for stat in files}.values()) / 1e6


class Contender(ABC):
    """A server to be measured. The defaults fit most of them."""

    name: str
    title: str
    command_line: str
    """A program of its environment and its options. {port} stands for the port, {contender} for the contender."""
    path = "/predict"
    batches = False
    """Whether one request may hold several penguins."""
    working_folder = APPS
    root = ROOT
    """Where the code of this project is."""

    def __init__(self, folder: Path, *, here: bool = False, models: Path = MODELS) -> None:
        """`folder` is empty, and exists as long as the contender is used; `models` holds the published models."""
        self.folder = folder
        self.here = here
        self.models = models

    @property
    @abstractmethod
    def environment(self) -> Environment: ...

    def install(self) -> None:
        """Make everything that it needs, with bytecode, as the build of an image does. Raises `Unavailable`."""
        self.environment.install()
        run([sys.executable, "-m", "compileall", "-q", APPS, self.root / "main.py", self.root / "predictor"])
        self.make_model()

    def make_model(self) -> None:  # noqa: B027
        """Fit or publish the model that it serves. Raises `Unavailable`."""

    def command(self, port: int) -> list[str]:
        """The command that serves on `port`."""
        program, *options = self.command_line.format(port=port, contender=self).split()
        return [str(self.environment.folder / "bin" / program), *options]

    def variables(self) -> dict[str, str]:
        """Environment variables that it needs."""
        return {}

    def body(self, rows: Sequence[Row]) -> bytes:
        """The body of a request about these penguins: one, or several where `batches` is true."""
        return json.dumps(rows[0]).encode()

    def species(self, answer: bytes) -> list[str]:
        """The species in an answer's body."""
        return [json.loads(answer)["prediction"]]

    def request(self, rows: Sequence[Row]) -> bytes:
        return post(self.path, self.body(rows))

    def close(self) -> None:  # noqa: B027
        """Stop what `make_model` started."""


class Function(Contender):
    """A function on the Functions Framework, in the environment that is deployed."""

    source = "main.py"
    command_line = f"functions-framework --source {{contender.source}} --target predict --host {HOST} --port {{port}}"

    @property
    def environment(self) -> Environment:
        return Environment("function", ROOT / "requirements.txt", self.here)


class Echo(Function):
    """What the platform itself costs: a function that reads the body and answers a constant."""

    name = "echo"
    title = "echo function (the platform's limit)"
    source = "echo.py"


class EchoPydantic(Function):
    """What the platform and pydantic cost, with which this function checks requests."""

    name = "echo-pydantic"
    title = "echo function that imports pydantic"
    source = "echo_pydantic.py"
