"""A model that a worker process holds: asked for names and numbers, never for objects."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Final, Self

from predictor.errors import PublishRefused

_PACKAGE: Final = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Description:
    """What a worker says of the model that it opened."""

    estimator: str
    parameters: str
    feature_names: list[str] | None
    """As the estimator was fitted; None when it was fitted without names."""
    features: int | None
    columns: list[str] | None
    """From a file of columns."""
    classes: list[str] | list[int]
    encoder_classes: list[str] | None
    categories: list[str]
    """Every string that a fitted encoder inside the estimator knows."""
    libraries: dict[str, str]
    roles: dict[str, str]
    """Path -> `estimator`, `label_encoder` or `columns`."""


class RemoteModel:
    """A worker with one opened model. Use it in a `with` statement."""

    def __init__(self, python: Path, files: Sequence[tuple[Path, str]]) -> None:
        """`files`: path and format of each. Raises `PublishRefused` when they are not a classifier."""
        # Nothing but this package: a pickle that needs a module of the current folder would not load when deployed.
        self._path = TemporaryDirectory()
        (Path(self._path.name) / _PACKAGE.name).symlink_to(_PACKAGE)
        env = {**os.environ, "PYTHONPATH": self._path.name, "PYTHONWARNINGS": "ignore"}
        self._process = subprocess.Popen(
            [str(python), "-P", "-m", "predictor.publishing.worker"],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        listed = [{"path": str(path), "format": file_format} for path, file_format in files]
        try:
            self.description = Description(**self.ask("open", files=listed))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._path.cleanup()

    def ask(self, call: str, **arguments: Any) -> Any:
        """Raises `PublishRefused` with the worker's error."""
        assert self._process.stdin is not None  # noqa: S101  For the type checker: both are pipes.
        assert self._process.stdout is not None  # noqa: S101
        try:
            self._process.stdin.write(json.dumps({"call": call, **arguments}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise PublishRefused(f"the process that opened the model ended with status {self._process.wait()}")
        document: Mapping[str, Any] = json.loads(line)
        if "error" in document:
            raise PublishRefused(str(document["error"]))
        return document["answer"]
