"""Statistics: punctuality, coverage, interruptions, findings, volume and room, with charts that print, and as CSV."""

import datetime as dt
from collections.abc import Callable
from typing import Any, Final

from starlette.responses import Response

from ingestd.answers.texts import size
from ingestd.core.clock import to_text
from ingestd.core.errors import NotFoundError
from ingestd.core.roles import Right
from ingestd.stores.statistics import Asked
from ingestd.stores.vault import Vault
from ingestd.web import figures
from ingestd.web.charts import Series, stacked
from ingestd.web.figures import Column, Counting, Figures
from ingestd.web.forecast import WEEKS, Forecast, forecast
from ingestd.web.scope import may_see_unit, question_scope
from ingestd.web.visit import Page, Visit
from ingestd.wiring import open_cases, open_statistics

_MOST_DAYS: Final = 3 * 366
_SHOWN_ROWS: Final = 36
_MADE: Final[dict[str, Callable[[Counting], list[Figures]]]] = {
    "hand_over": figures.hand_over,
    "hand_over_units": figures.hand_over,
    "late": figures.hand_over,
    "coverage": figures.coverage,
    "interruptions": figures.interruptions,
    "findings": figures.findings,
    "volume": figures.volume,
    "recorders": figures.volume,
}
"""By the key of a table what makes it."""


def statistics(visit: Visit) -> Response:
    """All figures of a span, or one table of it as CSV."""
    first, last, is_cut = _span(visit)
    counting = _counting(visit, first, last)
    if visit.query.get("format") == "csv":
        return _csv(visit, counting)
    makers = dict.fromkeys(_MADE.values())
    tables = [table for make in makers for table in make(counting)]
    room = _room(visit) if counting.scope.is_whole else None
    return visit.page(
        "statistics.html",
        tables=tables,
        first=first,
        last=last,
        is_cut=is_cut,
        most_days=_MOST_DAYS,
        unit=counting.unit,
        units=_units(visit),
        shown=_SHOWN_ROWS,
        room=room,
        cell=_cell,
        query=_query(first, last, counting.unit),
    )


def _csv(visit: Visit, counting: Counting) -> Response:
    key = visit.query.get("table", "")
    if key == "room" and counting.scope.is_whole:
        table = _room(visit)["table"]
    else:
        make = _MADE.get(key)
        if make is None:
            raise NotFoundError(f"there is no table {key!r}")
        table = next(one for one in make(counting) if one.key == key)
    name = f"{key}-{counting.first}-{counting.last}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(figures.as_csv(table), media_type="text/csv; charset=utf-8", headers=headers)


def _counting(visit: Visit, first: dt.date, last: dt.date) -> Counting:
    asked = visit.query.get("unit", "")
    return Counting(
        book=open_statistics(visit.console.settings),
        configuration=visit.console.configuration,
        scope=question_scope(visit),
        unit=None if asked in ("", "*") else "" if asked == "-" else asked,
        first=first,
        last=last,
        now=visit.console.clock.now(),
        t=visit.t,
        language=visit.language,
    )


def _span(visit: Visit) -> tuple[dt.date, dt.date, bool]:
    """First and last day, both counted: the last twelve months where nothing, or nothing sensible, is asked for."""
    today = visit.console.clock.now().astimezone(visit.console.settings.station.zone_info).date()
    last = _day(visit.query.get("last", "")) or today
    last = min(last, today)
    year_before = (last.replace(day=1) - dt.timedelta(days=335)).replace(day=1)
    first = _day(visit.query.get("first", "")) or year_before
    if first > last:
        first, last = last, first
    is_cut = (last - first).days >= _MOST_DAYS
    return (last - dt.timedelta(days=_MOST_DAYS - 1) if is_cut else first), last, is_cut


def _day(text: str) -> dt.date | None:
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        return None
    return day if dt.date(2000, 1, 1) <= day <= dt.date(2199, 12, 31) else None


def _units(visit: Visit) -> list[str]:
    return sorted(name for name in open_cases(visit.console.settings).units() if may_see_unit(visit, name))


def _query(first: dt.date, last: dt.date, unit: str | None) -> dict[str, str]:
    return {"first": str(first), "last": str(last), "unit": "" if unit is None else unit or "-"}


def _cell(kind: str, value: Any) -> str:
    """A value of a table for people."""
    if value is None:
        return "–"
    match kind:
        case "bytes":
            return size(value)
        case "percent":
            return f"{value:g} %"
        case "hours":
            return f"{value:.1f}"
        case _:
            return str(value)


# Room


def _room(visit: Visit) -> dict[str, Any]:
    """The store's room now, what came in each week, and how long it lasts."""
    settings, book = visit.console.settings, open_statistics(visit.console.settings)
    vault, now = Vault(settings.vault_dir), visit.console.clock.now()
    week, spans = dt.timedelta(days=7), []
    for number in range(WEEKS, 0, -1):
        begins, ends = now - number * week, now - (number - 1) * week
        spans.append((begins, book.volume(Asked(to_text(begins), to_text(ends))).size_bytes))
    begun = next((number for number, (_, came) in enumerate(spans) if came), len(spans))
    has_before = bool(book.volume(Asked("", to_text(spans[0][0]))).recordings)
    # A first week that is not a whole one would make the rate too small, and the room too long.
    whole = spans if has_before else spans[begun + 1 :]
    free_bytes = max(vault.free_bytes() - settings.copying.keep_free_bytes, 0)
    names = [f"{begins.astimezone(settings.station.zone_info):%m-%d}" for begins, _ in spans]
    t = visit.t
    chart = stacked(t("Footage by week"), names, [Series(t("size"), [came for _, came in spans])], size)
    columns = (Column(t("Week from"), "text"), Column(t("size"), "bytes"))
    rows = tuple((name, came) for name, (_, came) in zip(names, spans, strict=True))
    found: Forecast = forecast(free_bytes, [came for _, came in whole])
    table = Figures("room", t("Room in the store"), columns, rows, charts=(chart,))
    return {"table": table, "forecast": found, "free": free_bytes, "total": vault.total_bytes()}


PAGES = (Page("/statistics", statistics, Right.STATISTICS),)
