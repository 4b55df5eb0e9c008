"""Samples (抽检): how many of each unit, which ones, and what may be said of the result. Pure.

The draw is `ALGORITHM`, which anybody can repeat with the frozen list and the seed (docs/design/samples.md):

1. How many of each unit: `allocated`.
2. Which ones: of each unit the recordings with the lowest SHA-256 over the text `SEED:RECORDING`.
3. In what order: by that SHA-256, through all units together.

民宗 23 has an outside body take samples; who takes them must not be able to choose what falls into them.
"""

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

from ingestd.core.inspection_rules import Verdict

ALGORITHM: Final = "ingestd-sample/1"
LIST_FORMAT: Final = "ingestd-sample-list/1"
MOST_LISTED: Final = 200_000
MOST_DRAWN: Final = 2_000
_Z: Final = 1.959963984540054
"""Of a two-sided interval of 95 %."""


class SampleState(StrEnum):
    """How far a sample came."""

    FROZEN = "frozen"
    DRAWN = "drawn"
    UNDER_CHECK = "under_check"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"

    @property
    def is_over(self) -> bool:
        """Whether nothing more can be done about it."""
        return self in (SampleState.CLOSED, SampleState.WITHDRAWN)


class Outcome(StrEnum):
    """What a check of one item came to."""

    PASSED = "passed"
    FAILED = "failed"
    VOID = "void"
    """No point of the form applied: what was drawn cannot be judged (no picture, foreign to the work)."""


class Listed(NamedTuple):
    """One recording of the frozen list. `unit` is empty where no unit is known: such footage is a stratum too."""

    recording_id: str
    unit: str


class Drawn(NamedTuple):
    """One item of a sample; `item` counts from 1."""

    item: int
    recording_id: str
    unit: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample as the acts about it left it. Moments are UTC texts.

    Args:
        begins, ends: half-open span in which the recordings start.
        units, kinds: empty for all.
        size: recordings to draw in all; null where `share_percent` says it.
        least_per_unit: drawn of each unit, where it has so many.
        frame: recordings of the frozen list, by unit.
        frozen_seq: the ledger entry that froze the list. The hash of the entry behind it is the seed.
        form: the points of the playback check as they were when the list was frozen.
        allocation: drawn recordings by unit; empty before the draw.
    """

    number: str
    state: SampleState
    title: str
    begins: str
    ends: str
    units: tuple[str, ...]
    kinds: tuple[str, ...]
    size: int | None
    share_percent: int | None
    least_per_unit: int
    frame: Mapping[str, int]
    list_path: str
    list_sha256: str
    frozen_at: str
    frozen_by: str
    frozen_seq: int
    form: tuple[Mapping[str, Any], ...]
    seed_seq: int | None = None
    seed: str = ""
    allocation: Mapping[str, int] = field(default_factory=dict)
    drawn_at: str | None = None
    drawn_by: str = ""
    ended_at: str | None = None
    ended_by: str = ""
    ended_words: str = ""

    @property
    def listed(self) -> int:
        """Recordings of the frozen list."""
        return sum(self.frame.values())

    @property
    def drawn(self) -> int:
        """Items."""
        return sum(self.allocation.values())


@dataclass(frozen=True, slots=True)
class Item:
    """One item: a drawn recording, who is to check it, and what the last check said.

    Args:
        account: sign-in name of who is to check it; empty for whoever may.
        answers: by point of the form `verdict` and `words`.
        checks: how often it was checked; the last check counts, all stand in the ledger.
    """

    number: str
    item: int
    recording_id: str
    unit: str
    account: str = ""
    person: str = ""
    outcome: Outcome | None = None
    checked_at: str | None = None
    checked_by: str = ""
    answers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    note: str = ""
    checks: int = 0


def sample_number(year: int, position: int) -> str:
    """The number of a sample: the bureau's year, and the place in it, from 1."""
    return f"S{year:04d}-{position:04d}"


# The draw


def wanted(listed: int, size: int | None, share_percent: int | None) -> int:
    """How many are to be drawn of a list: a number, or a share rounded up; never more than there are."""
    count = size if size is not None else -(-listed * (share_percent or 0) // 100)
    return min(listed, count)


def allocated(frame: Mapping[str, int], count: int, least: int = 0) -> dict[str, int]:
    """How many are drawn of each unit (largest remainder, in whole numbers).

    Each unit first gives `least`, or all it has where that is less. What is left of `count` goes by what the units have
    beyond that; the odd ones go to the largest remainders, among equal ones to the larger unit, then by name. Where the
    minima alone are more than `count`, they are drawn all the same.

    Args:
        frame: recordings by unit.
        count: to draw in all.
    """
    given = {unit: min(least, held) for unit, held in frame.items()}
    beyond = {unit: held - given[unit] for unit, held in frame.items()}
    rest, whole = min(count, sum(frame.values())) - sum(given.values()), sum(beyond.values())
    if rest <= 0 or whole == 0:
        return given
    parts = {unit: divmod(rest * held, whole) for unit, held in beyond.items()}
    odd = rest - sum(part for part, _ in parts.values())
    order = sorted(frame, key=lambda unit: (-parts[unit][1], -frame[unit], unit))
    first = set(order[:odd])
    return {unit: given[unit] + parts[unit][0] + (unit in first) for unit in frame}


def draw_key(seed: str, recording_id: str) -> str:
    """By which recordings are ordered: SHA-256, as hex, over the UTF-8 text `SEED:RECORDING`."""
    return hashlib.sha256(f"{seed}:{recording_id}".encode()).hexdigest()


def draw(listed: Iterable[Listed], seed: str, allocation: Mapping[str, int]) -> list[Drawn]:
    """The items that a seed draws from a list."""
    by_unit: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for one in listed:
        by_unit[one.unit].append((draw_key(seed, one.recording_id), one.recording_id))
    taken = [(*one, unit) for unit, some in by_unit.items() for one in sorted(some)[: allocation.get(unit, 0)]]
    return [Drawn(place, recording, unit) for place, (_, recording, unit) in enumerate(sorted(taken), start=1)]


def frame_of(listed: Iterable[Listed]) -> dict[str, int]:
    """Recordings by unit, in the order of the names."""
    counts: dict[str, int] = defaultdict(int)
    for one in listed:
        counts[one.unit] += 1
    return dict(sorted(counts.items()))


# The result


class Share(NamedTuple):
    """A share among what was judged, with the interval that holds the true one 95 times of 100 (Wilson)."""

    hits: int
    judged: int
    low: float
    high: float

    @property
    def value(self) -> float | None:
        """Null where nothing was judged."""
        return self.hits / self.judged if self.judged else None


def wilson(hits: int, judged: int) -> Share:
    """The share of hits and its interval by Wilson's score; without anything judged it is the whole span."""
    if judged == 0:
        return Share(hits, judged, 0.0, 1.0)
    rate, square = hits / judged, _Z * _Z
    middle = (rate + square / (2 * judged)) / (1 + square / judged)
    half = _Z / (1 + square / judged) * math.sqrt(rate * (1 - rate) / judged + square / (4 * judged * judged))
    # With no hit, or nothing but hits, the end is exact; arithmetic leaves a crumb.
    return Share(
        hits, judged, 0.0 if hits == 0 else max(0.0, middle - half), 1.0 if hits == judged else min(1.0, middle + half)
    )


@dataclass(frozen=True, slots=True)
class UnitResult:
    """What the checks of one unit's items say. `failing`: items with at least one point failed, of those judged."""

    unit: str
    listed: int
    drawn: int
    checked: int
    void: int
    failing: Share
    points: Mapping[str, Share]
    """By point of the form: failed of what was judged."""


@dataclass(frozen=True, slots=True)
class Result:
    """Of all units, and of each.

    Args:
        estimate: the failing share of the whole list, each unit weighed by what it has in the list: units drawn beyond
            their part by a minimum do not count for more. Null as long as a unit has nothing judged.
    """

    whole: UnitResult
    units: tuple[UnitResult, ...]
    estimate: float | None


def result_of(sample: Sample, items: Sequence[Item]) -> Result:
    """What the checks so far say."""
    points = [str(one["id"]) for one in sample.form]
    by_unit: dict[str, list[Item]] = {unit: [] for unit in sample.frame}
    for item in items:
        by_unit[item.unit].append(item)
    units = tuple(_unit_result(unit, sample.frame[unit], some, points) for unit, some in by_unit.items())
    estimate = None
    if units and all(one.failing.judged for one in units):
        estimate = sum((one.failing.value or 0.0) * one.listed for one in units) / sum(one.listed for one in units)
    return Result(_unit_result("", sample.listed, items, points), units, estimate)


def _unit_result(unit: str, listed: int, items: Sequence[Item], points: Sequence[str]) -> UnitResult:
    outcomes = [item.outcome for item in items]
    failed, passed = outcomes.count(Outcome.FAILED), outcomes.count(Outcome.PASSED)
    shares = {}
    for point in points:
        said = [item.answers[point]["verdict"] for item in items if point in item.answers]
        fails = said.count(Verdict.FAIL)
        shares[point] = wilson(fails, fails + said.count(Verdict.PASS))
    checked = len(items) - outcomes.count(None)
    return UnitResult(
        unit, listed, len(items), checked, outcomes.count(Outcome.VOID), wilson(failed, failed + passed), shares
    )
