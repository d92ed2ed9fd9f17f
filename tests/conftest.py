"""Fixtures that several packages share."""

import os

# Several workers share the processors: libraries that start a thread for each would only wait for one another.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import pickle
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest

from tests.support.bundles import PublishedBundle, publish_by_hand
from tests.support.cli import run
from tests.support.fault_proxy import FaultProxy
from tests.support.gcs import GcsServer
from tests.support.once import made_once
from tests.support.processes import PROJECT, FunctionProcess
from tests.support.pubsub import PubSubEmulator

StartFunction = Callable[..., FunctionProcess]

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.load_profile("default")


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> PublishedBundle:
    """A published model, made once; a test that changes one makes its own."""
    return publish_by_hand(tmp_path_factory.mktemp("bundle"))


@dataclass(frozen=True)
class Trained:
    """What `train` wrote, at a fixed time, and what it printed. Read only."""

    folder: Path
    env: dict[str, str]
    said: str


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """This project's own model, trained by the command, once in a run."""

    def train(folder: Path) -> Trained:
        result = run("train", "--to", str(folder), env={"SOURCE_DATE_EPOCH": "1767323045"})
        assert result.exit_code == 0, result.stderr
        return Trained(folder, dict(line.split("=", 1) for line in result.stdout.splitlines()), result.stderr)

    return made_once(tmp_path_factory, "trained", train)


@pytest.fixture(scope="session")
def gcs_server() -> Iterator[GcsServer]:
    server = GcsServer()
    yield server
    server.stop()


@pytest.fixture
def bucket(gcs_server: GcsServer, request: pytest.FixtureRequest) -> str:
    """An empty bucket of the test's own."""
    name = f"bucket-{abs(hash(request.node.nodeid)) % 10**12}"
    gcs_server.create_bucket(name)
    return name


@pytest.fixture
def gcs_proxy(gcs_server: GcsServer) -> Iterator[FaultProxy]:
    proxy = FaultProxy(gcs_server.port)
    yield proxy
    proxy.stop()


@pytest.fixture(scope="session")
def pubsub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PubSubEmulator]:
    emulator = PubSubEmulator(tmp_path_factory.mktemp("pubsub") / "emulator.log")
    yield emulator
    emulator.stop()


@pytest.fixture
def start_function(tmp_path: Path) -> Iterator[StartFunction]:
    """Start functions; all are stopped after the test."""
    started: list[FunctionProcess] = []

    def start(
        env: Mapping[str, str],
        *,
        target: str = "predict",
        source: Path = PROJECT / "main.py",
        folder: Path = PROJECT,
        wait: bool = True,
    ) -> FunctionProcess:
        log_file = tmp_path / f"function-{len(started)}.log"
        process = FunctionProcess(env, log_file=log_file, target=target, source=source, folder=folder)
        started.append(process)
        return process.wait_until_up() if wait else process

    yield start
    for process in started:
        process.stop()


class _BoobyTrap:
    """Creates a folder when it is unpickled."""

    def __init__(self, proof: Path) -> None:
        self._proof = proof

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return (os.mkdir, (str(self._proof),))


@pytest.fixture
def booby_trap(tmp_path: Path) -> Callable[[], tuple[bytes, Path]]:
    """A pickle, and the folder that appears when somebody opens it."""

    def make() -> tuple[bytes, Path]:
        proof = tmp_path / "unpickled"
        return pickle.dumps(_BoobyTrap(proof)), proof

    return make
