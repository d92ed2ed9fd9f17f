"""What a contender costs: the CPU time and memory of its whole process tree, from /proc."""

import os
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_MAPPING: Final = re.compile(r"[0-9a-f]+-[0-9a-f]+ \S+ (\S+) (\S+) (\d+)")


def _stat(pid: int | str) -> list[str]:
    """The fields of /proc/PID/stat from the third (state) on; see proc(5)."""
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def tree(root: int) -> list[int]:
    """`root` and all its descendants, and whoever else is in its session."""
    children: dict[int, list[int]] = defaultdict(list)
    found = {root}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            try:
                fields = _stat(entry.name)
            except OSError:  # It has ended meanwhile.
                continue
            children[int(fields[1])].append(int(entry.name))
            if int(fields[3]) == root:
                found.add(int(entry.name))
    pending = list(found)
    while pending:
        for child in children[pending.pop()]:
            if child not in found:
                found.add(child)
                pending.append(child)
    return sorted(found)


def cpu_s(pids: list[int]) -> float:
    """Seconds of CPU, user and system, that these processes and the children they waited for have used."""
    ticks = 0
    for pid in pids:
        try:
            ticks += sum(int(field) for field in _stat(pid)[11:15])
        except OSError:
            continue
    return ticks / _TICKS_PER_S


@dataclass(frozen=True, slots=True)
class Memory:
    """Of a process tree.

    `pss_mb` is the kernel's proportional set size. It flatters whoever has neighbours: a file's page is divided among
    all processes that map it, the lab's own Python too. `alone_mb` is what the tree would have on a machine of its
    own: its anonymous pages, and each mapped file as often as the process with most of it.
    """

    pss_mb: float
    alone_mb: float


def memory(pids: list[int]) -> Memory:
    pss = anonymous = 0
    files: dict[tuple[str, ...], int] = defaultdict(int)
    for pid in pids:
        try:
            rollup = (_PROC / str(pid) / "smaps_rollup").read_text()
            mappings = (_PROC / str(pid) / "smaps").read_text()
        except OSError:
            continue
        pss += _kib(rollup, "Pss")
        anonymous += _kib(rollup, "Pss_Anon")
        for mapping, kib in _file_pages(mappings).items():
            files[mapping] = max(files[mapping], kib)
    return Memory(pss / 1024, (anonymous + sum(files.values())) / 1024)


def _kib(text: str, key: str) -> int:
    found = re.search(rf"^{key}:\s+(\d+)", text, re.MULTILINE)
    return int(found[1]) if found else 0


def _file_pages(smaps: str) -> dict[tuple[str, ...], int]:
    """KiB of each file mapping (offset, device, inode) that are in memory and still the file's own."""
    pages: dict[tuple[str, ...], int] = defaultdict(int)
    mapping: tuple[str, ...] | None = None
    resident = 0
    for line in smaps.splitlines():
        head = _MAPPING.match(line)
        if head:
            mapping = head.groups() if head[3] != "0" else None
        elif mapping and line.startswith("Rss:"):
            resident = int(line.split()[1])
        elif mapping and line.startswith("Anonymous:"):
            pages[mapping] += resident - int(line.split()[1])
    return pages
