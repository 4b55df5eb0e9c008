"""Figures of a span of time as tables with their charts: what a page of statistics shows and its CSV carries."""

import csv
import datetime as dt
import io
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from ingestd.answers.texts import size
from ingestd.casework.case_questions import standings
from ingestd.config.load import Configuration
from ingestd.core.clock import to_text
from ingestd.core.coverage import CoverageState
from ingestd.core.handover import HandOverState
from ingestd.core.interruption import InterruptionReason
from ingestd.core.localdays import end_of_day
from ingestd.core.visibility import Scope
from ingestd.stores.statistics import Asked, Statistics, Volume
from ingestd.web.charts import Chart, Series, lines, stacked
from ingestd.web.languages import Language
from ingestd.web.rendering import code_words
from ingestd.web.words import half
from ingestd.wiring import open_cases

Words = Callable[[str], str]

_MOST_DAYS: Final = 93
"""A longer span is shown by months."""
_TOGETHER: Final = 500
_ONE_DAY = dt.timedelta(days=1)
_BEGINS_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


_COUNTED: Final = (HandOverState.MET, HandOverState.EXCUSED, HandOverState.LATE)
_HAND_OVER_WORDS: Final = {
    HandOverState.MET: _("in time"),
    HandOverState.EXCUSED: _("in time after field work"),
    HandOverState.LATE: _("late"),
}
_COVERAGE: Final = (CoverageState.COVERED, CoverageState.EXCUSED, CoverageState.MISSING)
_COVERAGE_WORDS: Final = {
    CoverageState.COVERED: _("filmed"),
    CoverageState.EXCUSED: _("not filmed, with a lawful reason"),
    CoverageState.MISSING: _("missing"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. `kind`: text, count, bytes, hours or percent; the raw number stands in CSV."""

    words: str
    kind: str = "count"


@dataclass(frozen=True, slots=True)
class Figures:
    """One table of a page, with its charts and the rows that a CSV carries where they are more than those shown."""

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    note: str = ""
    charts: tuple[Chart, ...] = ()


@dataclass(frozen=True, slots=True)
class Bucket:
    """A month or a day of the bureau's zone."""

    name: str
    begins: str
    ends: str


@dataclass(frozen=True, slots=True)
class Counting:
    """What is counted, for whom, in which words.

    Args:
        first, last: days of the bureau's zone, both counted.
        now: the wall time.
    """

    book: Statistics
    configuration: Configuration
    scope: Scope
    unit: str | None
    first: dt.date
    last: dt.date
    now: dt.datetime
    t: Words
    language: Language

    @property
    def zone(self) -> ZoneInfo:
        """The bureau's."""
        return self.configuration.settings.station.zone_info

    def asked(self, bucket: Bucket) -> Asked:
        """A question about one bucket."""
        return Asked(bucket.begins, bucket.ends, self.scope, self.unit)

    @property
    def whole(self) -> Asked:
        """A question about all of the span."""
        return self.asked(Bucket("", _begin(self.first, self.zone), _begin(self.last + _ONE_DAY, self.zone)))

    def months(self) -> list[Bucket]:
        """The months of the span; the first and the last may be cut."""
        found, day = list[Bucket](), self.first
        while day <= self.last:
            following = (day.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
            end = min(following, self.last + _ONE_DAY)
            found.append(Bucket(f"{day:%Y-%m}", _begin(day, self.zone), _begin(end, self.zone)))
            day = following
        return found

    def days_or_months(self) -> list[Bucket]:
        """Days, where the span is short enough to be shown by them."""
        count = (self.last - self.first).days + 1
        if count > _MOST_DAYS:
            return self.months()
        days = [self.first + dt.timedelta(days=number) for number in range(count)]
        return [Bucket(f"{day:%m-%d}", _begin(day, self.zone), _begin(day + _ONE_DAY, self.zone)) for day in days]


def _begin(day: dt.date, zone: ZoneInfo) -> str:
    return to_text(end_of_day(day - _ONE_DAY, zone))


# Hand-over


def hand_over(counting: Counting) -> list[Figures]:
    """Punctuality by month and by unit (民政 34, 卫健 35), with every unit's months in the third table."""
    t, months = counting.t, counting.months()
    counts = {month.name: _states(counting.book.came_in(counting.asked(month))) for month in months}
    by_month = {name: _summed(units.values()) for name, units in counts.items()}
    by_unit: dict[str, Counter[str]] = defaultdict(Counter)
    for units in counts.values():
        for unit, some in units.items():
            by_unit[unit].update(some)
    states = [(state, t(_HAND_OVER_WORDS[state])) for state in _COUNTED]
    columns = (*(Column(words) for _, words in states), Column(t("all")), Column(t("in time, of all"), "percent"))
    names = list(by_month)
    series = [Series(words, [by_month[name][state] for name in names]) for state, words in states]
    chart = stacked(t("Hand-over by month"), names, series, _whole)
    late = sorted(by_unit, key=lambda unit: (-by_unit[unit][HandOverState.LATE], unit))
    note = t(
        "By the moment at which the footage stood in the store. What is on a recorder that was not docked is not in it."
    )
    late_series = [Series(t("late"), [by_unit[unit][HandOverState.LATE] for unit in late])]
    late_chart = stacked(t("Late by unit"), [_unit(unit, t) for unit in late], late_series, _whole)
    every = [(unit, name) for name in names for unit in sorted(counts[name])]
    return [
        Figures(
            "hand_over",
            t("Hand-over by month"),
            (Column(t("Month"), "text"), *columns),
            tuple((name, *_punctual(by_month[name])) for name in names),
            note,
            (chart,),
        ),
        Figures(
            "late",
            t("Hand-over by unit"),
            (Column(t("Unit"), "text"), *columns),
            tuple((_unit(unit, t), *_punctual(by_unit[unit])) for unit in late),
            charts=(late_chart,) if late else (),
        ),
        Figures(
            "hand_over_units",
            t("Hand-over by unit and month"),
            (Column(t("Month"), "text"), Column(t("Unit"), "text"), *columns),
            tuple((name, _unit(unit, t), *_punctual(counts[name][unit])) for unit, name in every),
        ),
    ]


def _states(came_in: dict[tuple[str, str | None], Volume]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for (unit, state), volume in came_in.items():
        if state in _COUNTED:
            found[unit][str(state)] += volume.recordings
    return found


def _punctual(states: Counter[str]) -> tuple[Any, ...]:
    counts = [states[state] for state in _COUNTED]
    return (*counts, sum(counts), _share(sum(counts) - states[HandOverState.LATE], sum(counts)))


# Cases


def coverage(counting: Counting) -> list[Figures]:
    """Activities that had to be filmed, by the unit of their case."""
    t, register = counting.t, open_cases(counting.configuration.settings)
    numbers = counting.book.cases(counting.whole)
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for start in range(0, len(numbers), _TOGETHER):
        cases = register.cases(numbers=numbers[start : start + _TOGETHER])
        for one in standings(register, cases, counting.configuration.regime, now=counting.now, zone=counting.zone):
            found[one.case.unit].update(each.state.value for each in one.coverage)
    units = sorted(found)
    states = [(state, t(_COVERAGE_WORDS[state])) for state in _COVERAGE]
    series = [Series(words, [found[unit][state] for unit in units]) for state, words in states]
    chart = stacked(t("Coverage of duties by unit"), [_unit(unit, t) for unit in units], series, _whole)
    rows = []
    for unit in units:
        counts = [found[unit][state] for state in _COVERAGE]
        rows.append((_unit(unit, t), *counts, sum(counts), _share(sum(counts) - counts[-1], sum(counts))))
    columns = (Column(t("Unit"), "text"), *(Column(words) for _, words in states), Column(t("all")))
    return [
        Figures(
            "coverage",
            t("Coverage of duties by unit"),
            (*columns, Column(t("met, of all"), "percent")),
            tuple(rows),
            t("Activities of cases that the regime wants filmed, of cases with an activity in this time."),
            (chart,) if rows else (),
        )
    ]


# Interruptions and findings


def interruptions(counting: Counting) -> list[Figures]:
    """Explanations that people gave, by cause (江门 36)."""
    t, found = counting.t, counting.book.explained(counting.whole)
    causes = [(one, half(one.words, counting.language)) for one in InterruptionReason if found.get(one)]
    causes.sort(key=lambda one: -found[one[0]])
    chart = stacked(
        t("Interruptions by cause"),
        [words for _, words in causes],
        [Series(t("explained"), [found[one] for one, _ in causes])],
        _whole,
    )
    return [
        Figures(
            "interruptions",
            t("Interruptions by cause"),
            (Column(t("Cause of the interruption"), "text"), Column(t("explained"))),
            tuple((words, found[one]) for one, words in causes),
            t("By what people said of them in this time. Those that nobody explained yet stand in the work lists."),
            (chart,) if causes else (),
        )
    ]


def findings(counting: Counting) -> list[Figures]:
    """Findings that stand, by code and month of noting."""
    t, months = counting.t, counting.months()
    counts = {month.name: counting.book.findings(counting.asked(month)) for month in months}
    totals: Counter[str] = Counter()
    for one in counts.values():
        totals.update(one)
    codes = [code for code, _ in totals.most_common()]
    series = [Series(t("findings"), [sum(counts[month.name].values()) for month in months])]
    chart = lines(t("Findings by month"), [month.name for month in months], series, _whole)
    columns = (Column(t("Code"), "text"), Column(t("Finding"), "text"))
    return [
        Figures(
            "findings",
            t("Findings by code and month"),
            (*columns, *(Column(month.name) for month in months), Column(t("all"))),
            tuple(
                (
                    code,
                    code_words(code, counting.language),
                    *(counts[month.name].get(code, 0) for month in months),
                    totals[code],
                )
                for code in codes
            ),
            charts=(chart,) if codes else (),
        )
    ]


# Volume and room


def volume(counting: Counting) -> list[Figures]:
    """What came in by day or month, and by recorder."""
    t, buckets = counting.t, counting.days_or_months()
    found = [counting.book.volume(counting.asked(one)) for one in buckets]
    is_by_day = bool(buckets) and len(buckets[0].name) == len("03-01")
    series = [Series(t("size"), [one.size_bytes for one in found])]
    title = t("Footage by day") if is_by_day else t("Footage by month")
    chart = stacked(title, [one.name for one in buckets], series, size)
    numbers = (Column(t("how many")), Column(t("size"), "bytes"), Column(t("hours"), "hours"))
    when = Column(t("Day") if is_by_day else t("Month"), "text")
    note = t("Recordings of equal bytes are counted each time, and stored once.")
    rows = tuple((bucket.name, *_volume(one)) for bucket, one in zip(buckets, found, strict=True))
    recorders = counting.book.volume_by_recorder(counting.whole)
    return [
        Figures("volume", title, (when, *numbers), rows, note, (chart,)),
        Figures(
            "recorders",
            t("Footage by recorder"),
            (Column(t("Recorder"), "text"), *numbers),
            tuple((number or t("not known"), *_volume(one)) for number, one in recorders),
        ),
    ]


def _volume(one: Volume) -> tuple[Any, ...]:
    return one.recordings, one.size_bytes, round(one.seconds / 3600, 1)


# Tables as text


def as_csv(figures: Figures) -> bytes:
    """A table as Excel reads it: UTF-8 with its mark, and no cell that a spreadsheet would take for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_cell(column.words) for column in figures.columns])
    writer.writerows([_cell(value) for value in row] for row in figures.rows)
    return out.getvalue().encode("utf-8-sig")


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_BEGINS_FORMULA) else value


def _summed(counters: Iterable[Counter[str]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for one in counters:
        total.update(one)
    return total


def _share(part: int, whole: int) -> float | None:
    return round(part * 100 / whole, 1) if whole else None


def _unit(unit: str, t: Words) -> str:
    return unit or t("unit not known")


def _whole(value: float) -> str:
    return f"{value:g}"
