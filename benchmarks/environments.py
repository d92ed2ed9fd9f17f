"""A virtual environment per contender, made once and kept under `benchmarks/.venvs`."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from uv import find_uv_bin

VENVS: Final = Path(__file__).resolve().parent / ".venvs"


class NoEnvironment(RuntimeError):
    """A contender's environment could not be made; the others can still be measured."""


@dataclass(frozen=True)
class Environment:
    """What `requirements` (a locked file) installs. The folder's name holds their digest: a change makes a new one."""

    name: str
    requirements: Path

    @cached_property
    def folder(self) -> Path:
        version = "{}.{}".format(*sys.version_info)
        digest = hashlib.sha256(self.requirements.read_bytes() + version.encode()).hexdigest()[:12]
        return VENVS / f"{self.name}-{digest}"

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    def make(self) -> None:
        """Install it unless that is done. Raises `NoEnvironment`."""
        done = self.folder / "complete"
        if done.exists():
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self._uv("venv", "--python", sys.executable, str(self.folder))
        # Compiled, or every start would compile. Copied, not linked: linked files are shared with other environments'
        # processes, which would make memory look smaller than it is.
        options = ["--compile-bytecode", "--link-mode", "copy", "--python", str(self.bin / "python")]
        self._uv("pip", "install", *options, "--requirement", str(self.requirements))
        done.touch()

    def compile(self, sources: Iterable[Path]) -> None:
        """Write byte code beside `sources`, as an image's build does. Raises `NoEnvironment`."""
        self._run([str(self.bin / "python"), "-m", "compileall", "-q", "-x", "[.]venvs", *map(str, sources)])

    def size_mb(self) -> float:
        """What was installed, byte code included."""
        files = (path.lstat() for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink())
        return sum({stat.st_ino: stat.st_size for stat in files}.values()) / 1e6

    def _uv(self, *arguments: str) -> None:
        self._run([find_uv_bin(), *arguments, "--quiet"])

    def _run(self, command: list[str]) -> None:
        # Some workplaces forbid byte code; a deployed image has it.
        env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        run = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=900)
        if run.returncode != 0:
            raise NoEnvironment(f"{self.name}: {run.stderr.strip()[-500:]}")


@dataclass(frozen=True)
class Here(Environment):
    """The environment that runs the lab itself: nothing to install, but memory and size are not those deployed."""

    @property
    def folder(self) -> Path:
        return Path(sys.prefix)

    def make(self) -> None:
        pass
