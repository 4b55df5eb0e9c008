"""Running two or more ways in turn, cold, and comparing them by the median of their ratios, pair by pair."""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Seconds = dict[str, list[float]]
"""Of each way, round by round."""


class Watch:
    """A stopwatch that a way may halt for what is no part of it."""

    def __init__(self) -> None:
        self._halted = 0.0
        self._began = time.perf_counter()

    @contextmanager
    def halted(self) -> Iterator[None]:
        """Not timed while the block lasts."""
        began = time.perf_counter()
        yield
        self._halted += time.perf_counter() - began

    def seconds(self) -> float:
        """Since it was made, without the halts."""
        return time.perf_counter() - self._began - self._halted


Way = Callable[[Watch], None]


@dataclass(frozen=True)
class Measured:
    """What a benchmark found.

    Attributes:
        title: what was done, with its size.
        base: the way to which the others are set in relation.
        facts: what else was measured: numbers, a number for each round, or documents of them; units are in the names.
    """

    title: str
    base: str
    seconds: Seconds
    facts: Mapping[str, Any] = field(default_factory=dict)


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


def in_turn(
    ways: Mapping[str, Way],
    rounds: int,
    *,
    each_round: Callable[[int], None],
    before: Callable[[], None],
    after: Callable[[str], None],
) -> Seconds:
    """Seconds of each way in each round. Every round begins with another way, so that none always follows the same.

    Args:
        each_round: runs untimed at the beginning of each round, with its number from 1.
        before: runs untimed before every single way.
        after: runs untimed after every single way, with its name; exits where the way did not do what it should.
    """
    seconds: Seconds = {name: [] for name in ways}
    names = list(ways)
    for number in range(1, rounds + 1):
        each_round(number)
        for name in names:
            before()
            watch = Watch()
            ways[name](watch)
            seconds[name].append(watch.seconds())
            after(name)
        names.append(names.pop(0))
    return seconds


def report(measured: Measured, *, as_json: bool = False) -> None:
    """Medians, and the median ratio of each way to the base, pair by pair; for people, or as one line of JSON.

    A line of JSON is also added to the file that BENCH_JSON names.
    """
    line = json.dumps(_document(measured), ensure_ascii=False)
    if file := os.environ.get("BENCH_JSON"):
        with Path(file).open("a", encoding="utf-8") as target:
            target.write(line + "\n")
    if as_json:
        print(line)
        return
    print(f"\n{measured.title}")
    for name, runs in measured.seconds.items():
        ratios = _ratios(measured, name)
        print(
            f"  {name:<44} median {statistics.median(runs):7.2f} s   {statistics.median(ratios):6.2f} x {measured.base}"
            f"   ({min(ratios):.2f} to {max(ratios):.2f})"
        )
    for name, fact in measured.facts.items():
        if isinstance(fact, Mapping):
            print(f"  {name}:")
            for part, value in fact.items():
                print(f"    {part:<42} {_in_words(value)}")
        else:
            print(f"  {name:<44} {_in_words(fact)}")


def _ratios(measured: Measured, name: str) -> list[float]:
    return [own / other for own, other in zip(measured.seconds[name], measured.seconds[measured.base], strict=True)]


def _document(measured: Measured) -> dict[str, Any]:
    ways = {
        name: {
            "seconds": runs,
            "median_seconds": statistics.median(runs),
            "ratios": _ratios(measured, name),
            "median_ratio": statistics.median(_ratios(measured, name)),
        }
        for name, runs in measured.seconds.items()
    }
    machine = {"cores": os.cpu_count(), "kernel": platform.release(), "python": platform.python_version()}
    return {
        "title": measured.title,
        "base": measured.base,
        "ways": ways,
        "facts": measured.facts,
        "machine": machine,
    }


def _in_words(fact: Any) -> str:
    if isinstance(fact, Mapping):
        return ", ".join(f"{name} {_in_words(value)}" for name, value in fact.items())
    if isinstance(fact, list) and fact and all(isinstance(one, int | float) for one in fact):
        return f"{statistics.median(fact):.3g} ({min(fact):.3g} to {max(fact):.3g})"
    return f"{fact:.4g}" if isinstance(fact, float) else str(fact)
