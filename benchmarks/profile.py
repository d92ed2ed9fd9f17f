"""Show where the function's CPU time goes, by component, in a real process under load.

py-spy reads the stack of the worker 500 times a second from outside, so the process runs at its usual speed. Each
sample counts for the innermost frame that belongs to this project, its framework or its server.
"""

import argparse
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from benchmarks import contenders
from benchmarks.contenders import Contender, Unavailable, run
from benchmarks.loadgen import Load, apply_load
from benchmarks.paths import RESULTS
from benchmarks.sample_penguins import sample_penguins
from benchmarks.server import cpu_s, serving, stop_servers_when_terminated

COMPONENTS: Final = (
    # Part of a file's path, and the component that the file belongs to; the first match counts.
    ("asyncio/runners.py", "event loop: reading, waiting (uvloop)"),
    ("uvicorn/", "server (uvicorn, httptools)"),
    ("functions_framework/", "framework"),
    ("starlette/", "framework"),
    ("onnxruntime/", "models: ONNX Runtime"),
    ("predictor/models/", "models: features in, probabilities out"),
    ("predictor/decoding.py", "decoding (pydantic)"),
    ("predictor/batch", "decoding of batches"),
    ("predictor/web/body.py", "web: reading the body"),
    ("predictor/answers.py", "web: writing the answer"),
    ("predictor/web/responses.py", "web: writing the answer"),
    ("predictor/web/", "web: routes, headers, timing"),
    ("predictor/service.py", "service"),
    ("predictor/telemetry/", "telemetry"),
    ("main.py", "web: routes, headers, timing"),
)
"""Any other file (numpy, the standard library) counts for its caller."""
_IDLE: Final = "_worker (concurrent/futures/thread.py"
"""A thread of a pool that waits for work, which looks busy to py-spy."""


def component_of(stack: Sequence[str]) -> str:
    """The component of the innermost frame that has one. Frames are `name (file:line)`, outermost first."""
    for frame in reversed(stack):
        for part, component in COMPONENTS:
            if f"({part}" in frame or f"/{part}" in frame:
                return component
    return "other"


def innermost(stack: Sequence[str]) -> str:
    return stack[-1]


def shares(lines: Iterable[str], key: Callable[[Sequence[str]], str] = component_of) -> dict[str, float]:
    """The share of samples of each component, largest first. A line is `frame;frame;frame count`."""
    samples: Counter[str] = Counter()
    for line in lines:
        stack, _, count = line.strip().rpartition(" ")
        frames = stack.split(";")
        if stack and not frames[-1].startswith(_IDLE):
            samples[key(frames)] += int(count)
    return {name: count / samples.total() for name, count in samples.most_common()}


def record(kind: type[Contender], rows: int, seconds: float, stacks: Path) -> tuple[float, float]:
    """Write samples of a contender under load to `stacks`; returns requests/s and CPU microseconds per request.

    Raises `Unavailable`, also where py-spy is not allowed to read other processes.
    """
    with serving(kind) as server:
        request = server.contender.request(sample_penguins(rows))
        before = {pid: cpu_s([pid]) for pid in server.pids}
        apply_load(Load(server.port, request, 8, 0.5))
        busiest = max(before, key=lambda pid: cpu_s([pid]) - before[pid])  # gunicorn's parent only watches.
        load = threading.Thread(target=apply_load, args=[Load(server.port, request, 8, seconds + 3, warm_up_s=1)])
        load.start()
        options = ["--rate", "500", "--format", "raw", "--duration", str(round(seconds)), "--output", str(stacks)]
        run([Path(sys.executable).parent / "py-spy", "record", "--pid", str(busiest), *options], timeout_s=seconds + 60)
        load.join()
        cpu_before_s = server.cpu_s()
        done = apply_load(Load(server.port, request, 8, 2.0))
        return done.per_second, (server.cpu_s() - cpu_before_s) / done.total * 1e6


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("--only", default="echo,ours", metavar="NAMES", help="contenders (default: %(default)s)")
    parser.add_argument("--rows", type=int, default=1, help="penguins in a request (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=10, help="how long to sample (default: %(default)s)")
    options = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    try:
        for kind in contenders.select(options.only.split(",")):
            rows = options.rows if kind.batches else 1
            stacks = RESULTS / f"profile-{kind.name}-{rows}.txt"
            per_second, cpu_us = record(kind, rows, options.seconds, stacks)
            lines = stacks.read_text().splitlines()
            print(f"{kind.title}, {rows} in a request: {per_second:,.0f} requests/s, {cpu_us:,.0f} us of CPU for each")
            for component, share in shares(lines).items():
                print(f"  {share:6.1%}  {component}")
            print("  lines with the most samples:")
            for frame, share in list(shares(lines, innermost).items())[:8]:
                print(f"  {share:6.1%}  {frame}")
            print(f"  all stacks: {stacks}\n")
    except (Unavailable, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    stop_servers_when_terminated()
    sys.exit(main())
