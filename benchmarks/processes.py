"""CPU time and memory of a contender's whole process tree. Linux only."""

import os
import re
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil


def tree(root: int) -> list[int]:
    """The process `root`, its descendants, and every other process of its session."""
    found = {root}
    with suppress(psutil.NoSuchProcess):
        found |= {child.pid for child in psutil.Process(root).children(recursive=True)}
    for pid in psutil.pids():
        with suppress(OSError):  # It has ended.
            if os.getsid(pid) == root:
                found.add(pid)
    return sorted(found)


def cpu_s(pids: list[int]) -> float:
    """CPU seconds, user and system, of these processes and of the children that they waited for."""
    total = 0.0
    for pid in pids:
        with suppress(psutil.Error):
            total += sum(psutil.Process(pid).cpu_times()[:4])
    return total


class Memory(NamedTuple):
    """Memory of a process tree, in MiB.

    `pss_mib` is the kernel's proportional set size: a page that n processes map counts as 1/n for each, whoever they
    are. `alone_mib` is what the tree would use with no other process on the machine: its anonymous pages, and each
    mapped file once, as large as in the process that has most of it in memory.
    """

    pss_mib: float
    alone_mib: float


def memory(pids: list[int]) -> Memory:
    pss_kib = anonymous_kib = 0
    files: defaultdict[str, int] = defaultdict(int)
    for pid in pids:
        with suppress(OSError, psutil.Error):
            maps = psutil.Process(pid).memory_maps()
            rollup = dict(re.findall(r"(\w+): +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text()))
            pss_kib += int(rollup["Pss"])
            anonymous_kib += int(rollup["Pss_Anon"])
            for mapping in maps:
                if not mapping.path.startswith("["):  # [heap], [stack] and the like are anonymous.
                    files[mapping.path] = max(files[mapping.path], mapping.rss - mapping.anonymous)
    return Memory(pss_kib / 1024, anonymous_kib / 1024 + sum(files.values()) / 1024**2)
