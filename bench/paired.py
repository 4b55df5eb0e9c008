"""Running two or more ways in turn, cold, and comparing them by the median of their ratios, pair by pair."""

import os
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path


def drop_caches(*folders: Path) -> None:
    """Let the kernel forget the files of folders (and, as root, everything)."""
    os.sync()
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file():
                descriptor = os.open(path, os.O_RDONLY)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(descriptor)
    if os.geteuid() == 0:
        Path("/proc/sys/vm/drop_caches").write_text("1\n")


def in_turn(ways: Mapping[str, Callable[[], None]], before: Callable[[], None], rounds: int) -> dict[str, list[float]]:
    """Seconds of each way in each round; `before` runs untimed before every single one."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            before()
            started = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - started)
    return seconds


def report(title: str, seconds: Mapping[str, list[float]], base: str) -> None:
    """Medians, and the median ratio of each way to the base, pair by pair."""
    print(f"\n{title}")
    for name, runs in seconds.items():
        ratios = [own / other for own, other in zip(runs, seconds[base], strict=True)]
        print(
            f"  {name:<44} median {statistics.median(runs):7.2f} s   {statistics.median(ratios):6.2f} x {base}"
            f"   ({min(ratios):.2f} to {max(ratios):.2f})"
        )
