"""`python -m benchmarks.profile`: where the function's CPU time goes, in the real process under load.

py-spy looks at the worker's stack from outside some hundred times a second, so the process runs as fast as ever
(cProfile would make its Python parts look several times as dear as its C parts). Each sample counts for one room: the
innermost frame that belongs to this project, its framework or its server.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from benchmarks import contenders, procfs
from benchmarks.environments import NoEnvironment
from benchmarks.flock import birds
from benchmarks.loadgen import Load, drive
from benchmarks.results import FOLDER
from benchmarks.server import NoAnswer, Server, stop_servers_when_terminated

ROOMS: Final[tuple[tuple[str, str], ...]] = (
    # What a frame's file holds, and the room that it stands for; the first that fits counts.
    ("asyncio/runners.py", "event loop: reading, waiting (uvloop)"),
    ("uvicorn/", "server (uvicorn, httptools)"),
    ("functions_framework/", "framework"),
    ("starlette/", "framework"),
    ("onnxruntime/", "models: ONNX Runtime"),
    ("predictor/models/", "models: features in, probabilities out"),
    ("predictor/decoding.py", "decoding (pydantic)"),
    ("predictor/web/body.py", "web: reading the body"),
    ("predictor/web/encoding.py", "web: writing the answer"),
    ("predictor/web/responses.py", "web: writing the answer"),
    ("predictor/web/", "web: routes, headers, timing"),
    ("predictor/service.py", "service"),
    ("predictor/telemetry/", "telemetry"),
    ("main.py", "web: routes, headers, timing"),
)
"""A frame of any other file (numpy, the standard library) counts for whoever called it."""
OTHER: Final = "other"
_IDLE: Final = "_worker (concurrent/futures/thread.py"
"""A pool's thread that waits for work; py-spy cannot tell that it is asleep."""


def room_of(stack: Sequence[str]) -> str:
    """The room of the innermost frame that has one; frames are `name (file:line)`, outermost first."""
    for frame in reversed(stack):
        for part, room in ROOMS:
            if f"({part}" in frame or f"/{part}" in frame:
                return room
    return OTHER


def shares(lines: Iterable[str]) -> dict[str, float]:
    """Share per room, largest first, of collapsed stacks: `frame;frame;frame count`."""
    samples: Counter[str] = Counter()
    for stack, count in _samples(lines):
        samples[room_of(stack.split(";"))] += count
    total = samples.total() or 1
    return {room: count / total for room, count in samples.most_common()}


def hottest(lines: Iterable[str], most: int) -> list[tuple[str, float]]:
    """The innermost frames with the largest shares."""
    samples: Counter[str] = Counter()
    for stack, count in _samples(lines):
        samples[stack.rpartition(";")[2]] += count
    total = samples.total() or 1
    return [(frame, count / total) for frame, count in samples.most_common(most)]


def _samples(lines: Iterable[str]) -> Iterator[tuple[str, int]]:
    for line in lines:
        stack, _, count = line.strip().rpartition(" ")
        if stack and not stack.rpartition(";")[2].startswith(_IDLE):
            yield stack, int(count)


def record(kind: type[contenders.Contender], rows: int, seconds: float, stacks: Path) -> tuple[float, float]:
    """Profile a contender under load into `stacks`; requests/s and CPU microseconds per request meanwhile.

    Raises `NoEnvironment` or `NoAnswer`, also where py-spy may not look at other processes.
    """
    with tempfile.TemporaryDirectory(prefix="profile-") as folder:
        contender = kind(Path(folder))
        server = Server(contender)
        try:
            contender.prepare()
            contender.environment.compile(contender.sources())
            server.start()
            load = Load(server.port, contender.request(birds(rows)), 8, seconds + 3, warm_up_s=1)
            worker = _busiest(server, load)
            driver = threading.Thread(target=drive, args=(load,))
            driver.start()
            _spy(worker, seconds, stacks)
            driver.join()
            before = procfs.cpu_s(server.pids)
            done = drive(Load(load.port, load.request, load.connections, 2.0))
            return done.per_second, (procfs.cpu_s(server.pids) - before) / done.total * 1e6
        finally:
            server.stop()
            contender.close()


def _busiest(server: Server, load: Load) -> int:
    """The process that answers: gunicorn's parent only watches."""
    before = {pid: procfs.cpu_s([pid]) for pid in server.pids}
    drive(Load(load.port, load.request, load.connections, 0.5))
    return max(before, key=lambda pid: procfs.cpu_s([pid]) - before[pid])


def _spy(pid: int, seconds: float, stacks: Path) -> None:
    program = Path(sys.executable).parent / "py-spy"
    options = ["--duration", str(round(seconds)), "--rate", "500", "--format", "raw", "--output", str(stacks)]
    try:
        run = subprocess.run(
            [str(program), "record", "--pid", str(pid), *options],
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds + 60,
        )
    except OSError as error:
        raise NoEnvironment(f"py-spy is not installed: {error}") from error
    if run.returncode != 0:
        raise NoEnvironment(f"py-spy could not look at the worker (it may need root): {run.stderr.strip()[-300:]}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("--only", default="echo,ours", help="whom to profile (%(default)s)")
    parser.add_argument("--rows", type=int, default=1, help="birds in a request (%(default)s)")
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args(arguments)
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        for kind in contenders.select(options.only.split(",")):
            rows = options.rows if kind.batches else 1
            stacks = FOLDER / f"profile-{kind.name}-{rows}.txt"
            per_second, cpu_us = record(kind, rows, options.seconds, stacks)
            lines = stacks.read_text().splitlines()
            print(f"{kind.title}, {rows} in a request: {per_second:,.0f} requests/s, {cpu_us:,.0f} us of CPU for each")
            for room, share in shares(lines).items():
                print(f"  {share:6.1%}  {room}")
            print("  hottest lines:")
            for frame, share in hottest(lines, 8):
                print(f"  {share:6.1%}  {frame}")
            print(f"  stacks: {stacks}\n")
    except (NoEnvironment, NoAnswer, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    stop_servers_when_terminated()
    sys.exit(main())
