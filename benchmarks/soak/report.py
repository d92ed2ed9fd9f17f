"""What a soak found: a table of figures with their limits, and a plot."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.soak.record import RECOVERY_S, Answer, Memory, Record

GROWTH_MIB: Final = 16.0
"""How much memory may grow over the last two thirds of a run, by its trend. The allocator alone moves by some MiB."""
DRIFT: Final = 1.5
"""How much slower the last third of a run may be than the first, both relative to a function that does nothing."""
EVENT_LIMITS: Final = ("lost", "wrong", "published with different content", "outcomes of no message")
"""What may not happen to a message."""


class Line(NamedTuple):
    """One figure; `limit` is the largest value that is good, None for what is only told."""

    what: str
    value: float
    limit: float | None = None

    @property
    def good(self) -> bool:
        return self.limit is None or self.value <= self.limit


def lines(record: Record) -> list[Line]:
    found: list[Line] = []
    for function in ("predict", "predict, killed"):
        answers = [answer for answer in record.answers if answer.function == function]
        failed = [answer for answer in answers if answer.outcome != "right"]
        unexplained = [answer for answer in failed if not any(fault.explains(answer) for fault in record.faults)]
        found += [
            Line(f"{function}: requests", len(answers)),
            Line(f"{function}: failed while it was killed or had no model", len(failed) - len(unexplained)),
            Line(f"{function}: failed otherwise", len(unexplained), 0),
        ]
    found.append(Line("predict, killed: longest recovery after a fault, s", longest_recovery_s(record), RECOVERY_S))
    found.append(Line("wrong answers", sum(answer.outcome == "wrong" for answer in record.answers), 0))
    limits = dict.fromkeys((f"events: {what}" for what in EVENT_LIMITS), 0)
    limits["log lines that are not JSON"] = 0
    found += [Line(what, count, limits.get(what)) for what, count in sorted(record.figures.items())]
    for function in ("predict", "score"):
        of = [sample for sample in record.memory if sample.function == function]
        growth, slope = trend(of)
        found += [
            Line(f"{function}: memory at the end, MiB", of[-1].mib if of else 0),
            Line(f"{function}: slope of the last two thirds, MiB/h", slope),
            Line(f"{function}: growth over the last two thirds, MiB", growth, GROWTH_MIB),
        ]
    found.append(Line("predict: latency drift, last third / first third, relative to echo", drift(record), DRIFT))
    found += [Line(f"fault: {name}", count) for name, count in Counter(f.name for f in record.faults).items()]
    return found


def longest_recovery_s(record: Record) -> float:
    """From the end of a fault to the first right answer; the killed function's."""
    function = "predict, killed"
    faults = [fault for fault in record.faults if function in fault.functions]
    ends = [fault.ended_s for fault in faults]
    right = sorted(a.began_s + a.took_s for a in record.answers if (a.function, a.outcome) == (function, "right"))
    waits = [min((at for at in right if at > end), default=end) - end for end in ends]
    return max(waits, default=0.0)


def trend(samples: Sequence[Memory]) -> tuple[float, float]:
    """Growth (MiB) and slope (MiB/h) of a straight line through the last two thirds."""
    samples = samples[len(samples) // 3 :]
    if len(samples) < 3:
        return 0.0, 0.0
    times, values = np.array([s.at_s for s in samples]), np.array([s.mib for s in samples])
    slope = float(np.polyfit(times, values, 1)[0])
    return slope * float(times[-1] - times[0]), slope * 3600


def drift(record: Record) -> float:
    """Median latency of one bird in the last third over that in the first; the same ratio of echo divides it."""

    def ratio(function: str) -> float:
        thirds: list[list[float]] = [[], [], []]
        for answer in record.answers:
            if (answer.function, answer.kind, answer.outcome) == (function, "one bird", "right"):
                thirds[min(2, int(3 * answer.began_s / record.duration_s))].append(answer.took_s)
        return median(thirds[2]) / median(thirds[0]) if thirds[0] and thirds[2] else float("nan")

    return ratio("predict") / ratio("echo")


def table(found: Sequence[Line]) -> str:
    """As Markdown."""
    rows = ["| figure | value | limit | |", "|---|---|---|---|"]
    for line in found:
        limit = "" if line.limit is None else f"{line.limit:g}"
        verdict = "" if line.limit is None else "good" if line.good else "MISSED"
        rows.append(f"| {line.what} | {round(line.value, 2):,.10g} | {limit} | {verdict} |")
    return "\n".join(rows)


def failures(record: Record, count: int = 10) -> list[str]:
    """The first failures that no fault explains."""
    found = [
        answer
        for answer in record.answers
        if answer.outcome != "right" and not any(fault.explains(answer) for fault in record.faults)
    ]
    return [
        f"{a.began_s:.1f} s, {a.function}, {a.kind}: {a.outcome} after {a.took_s:.2f} s ({a.detail})"
        for a in found[:count]
    ]


def plot(record: Record, file: Path) -> None:
    """Latency, failures and memory over time; the faults as grey bands."""
    figure = Figure(figsize=(11, 8), layout="constrained")
    latency, failed, memory = figure.subplots(3, 1, sharex=True)
    width_s = max(1.0, record.duration_s / 60)
    for function in ("predict", "predict, killed", "echo"):
        mine = [a for a in record.answers if (a.function, a.kind, a.outcome) == (function, "one bird", "right")]
        _line(latency, function, width_s, mine, lambda of: median(a.took_s for a in of) * 1000)
    latency.set(ylabel="median of one bird, ms", yscale="log")
    for function in ("predict", "predict, killed"):
        mine = [a for a in record.answers if a.function == function]
        _line(failed, function, width_s, mine, lambda of: 100 * sum(a.outcome != "right" for a in of) / len(of))
    failed.set(ylabel="requests that failed, %")
    for function in ("predict", "score"):
        of = [sample for sample in record.memory if sample.function == function]
        memory.plot([s.at_s for s in of], [s.mib for s in of], label=function)
    memory.set(ylabel="memory of the worker, MiB", xlabel="s", ylim=(0, None))
    for axes in (latency, failed, memory):
        for fault in record.faults:
            axes.axvspan(
                fault.began_s, min(max(fault.ended_s, fault.began_s + 1), record.duration_s), alpha=0.15, color="grey"
            )
        axes.legend(loc="upper right")
    figure.savefig(file)


def _line(
    axes: Axes, label: str, width_s: float, answers: Sequence[Answer], value: Callable[[list[Answer]], float]
) -> None:
    bins: dict[int, list[Answer]] = {}
    for answer in answers:
        bins.setdefault(int(answer.began_s / width_s), []).append(answer)
    axes.plot([index * width_s for index in sorted(bins)], [value(bins[index]) for index in sorted(bins)], label=label)
