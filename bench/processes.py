"""What the kernel says of a process and its children: CPU seconds and memory."""

import os
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")


class _Stat(NamedTuple):
    parent: int
    own_ticks: int
    waited_ticks: int
    """Of children that ended and were waited for, theirs included."""


class CpuSeconds(NamedTuple):
    """User and system time of a process, and of all its children, living or ended."""

    own: float
    children: float


def cpu_seconds(pid: int) -> CpuSeconds:
    """Since the process began."""
    stats = _stats()
    ticks = stats[pid].waited_ticks
    family = {pid}
    while True:
        young = {one for one, stat in stats.items() if stat.parent in family} - family
        if not young:
            return CpuSeconds(stats[pid].own_ticks / _TICKS, ticks / _TICKS)
        ticks += sum(stats[one].own_ticks + stats[one].waited_ticks for one in young)
        family |= young


def memory_bytes(pid: int, key: str) -> int:
    """A line of /proc/PID/status: VmHWM (the most that was resident), VmRSS (what is)."""
    for line in Path(f"/proc/{pid}/status").read_text("ascii", "replace").splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return int(value.split()[0]) * 1024
    raise LookupError(f"process {pid} has no {key}")


def _stats() -> dict[int, _Stat]:
    stats = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                text = (folder / "stat").read_text("utf-8", "replace")
            except (FileNotFoundError, ProcessLookupError):
                continue
            # Behind the name, which may hold anything: state, parent, …; times are fields 14 to 17 of the whole line.
            fields = text.rpartition(")")[2].split()
            user, system, waited_user, waited_system = map(int, fields[11:15])
            stats[int(folder.name)] = _Stat(int(fields[1]), user + system, waited_user + waited_system)
    return stats
