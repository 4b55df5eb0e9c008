"""The register of views (调阅登记) and its periodic report (调阅监督, 海洋 31)."""

import csv
import datetime as dt
import io
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from ingestd.answers.access import VIEW_FIELDS
from ingestd.core.clock import from_text, to_text
from ingestd.core.errors import NotFoundError
from ingestd.core.localdays import end_of_day
from ingestd.core.roles import Right
from ingestd.core.view_report import OfficeHours, month_of, period_of, quarter_of, report_of
from ingestd.stores.access import ViewQuestion
from ingestd.web.pages.access import shows_of
from ingestd.web.scope import question_scope
from ingestd.web.visit import Page, Visit
from ingestd.wiring import open_access, open_catalogue

_PAGE: Final = 50
_MOST_EXPORTED: Final = 100_000
_PERIODS: Final = 24
_MIDNIGHT: Final = 24
_DIGITS: Final = 18
_DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r")


def views(visit: Visit) -> Response:
    """The register, the latest first."""
    question, typed = _question(visit)
    book = open_access(visit.console.settings)
    found = book.views(question, before=_number(visit.query.get("after", "")), limit=_PAGE + 1)
    rows = found[:_PAGE]
    names = open_catalogue(visit.console.settings).card_paths([row["recording_id"] for row in rows])
    filters = {name: words for name, words in typed.items() if words}
    return visit.page(
        "views.html",
        shows=shows_of(visit),
        rows=rows,
        names={one: path.rpartition("/")[2] for one, path in names.items()},
        typed=typed,
        filters=urlencode(filters),
        more=rows[-1]["seq"] if len(found) > _PAGE else None,
    )


def exported(visit: Visit) -> Response:
    """The same as a table for a spreadsheet (UTF-8, CSV); times in the bureau's zone."""
    question, _ = _question(visit)
    zone = visit.console.settings.station.zone_info
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(VIEW_FIELDS)
    for count, row in enumerate(open_access(visit.console.settings).all_views(question)):
        if count == _MOST_EXPORTED:
            break
        local = {**row, "at": from_text(row["at"]).astimezone(zone).isoformat(timespec="seconds")}
        writer.writerow([_harmless(local[name]) for name in VIEW_FIELDS])
    headers = {"Content-Disposition": 'attachment; filename="views.csv"'}
    return Response("\ufeff" + out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def report(visit: Visit) -> Response:
    """The periodic report, printable: of a month or a quarter."""
    settings = visit.console.settings
    zone, today = settings.station.zone_info, _today(visit)
    name = visit.query.get("of", month_of(today))
    period = period_of(name)
    if period is None:
        raise NotFoundError(visit.t("{0} is no month and no quarter.").format(name))
    usual = OfficeHours()
    hours = OfficeHours(_hour(visit, "first", usual.first), _hour(visit, "last", usual.last))
    start, end = period.moments(zone)
    question = ViewQuestion(since=to_text(start), until=to_text(end), units=question_scope(visit).units)
    return visit.page(
        "views_report.html",
        shows=shows_of(visit),
        period=period,
        last_day=period.end - dt.timedelta(days=1),
        is_running=period.end > today,
        periods=_periods(today),
        hours=hours,
        report=report_of(open_access(settings).all_views(question), zone, hours),
        made_at=to_text(visit.console.clock.now()),
    )


def _question(visit: Visit) -> tuple[ViewQuestion, dict[str, str]]:
    names = ("person", "recording", "request", "from", "to")
    typed = {name: visit.query.get(name, "").strip() for name in names}
    zone = visit.console.settings.station.zone_info
    since, until = _day(typed["from"]), _day(typed["to"])
    return (
        ViewQuestion(
            person=typed["person"],
            recording=_whole(visit, typed["recording"]),
            request=typed["request"],
            since=to_text(end_of_day(since - dt.timedelta(days=1), zone)) if since else "",
            until=to_text(end_of_day(until, zone)) if until else "",
            units=question_scope(visit).units,
        ),
        typed,
    )


def _whole(visit: Visit, named: str) -> str:
    """The id of a recording that somebody named; what answers to none stays, and finds nothing."""
    if not named:
        return ""
    try:
        return str(open_catalogue(visit.console.settings).recording(named)["recording_id"])
    except NotFoundError:
        return named


def _day(text: str) -> dt.date | None:
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        return None
    return day if 1980 <= day.year <= 2199 else None


def _hour(visit: Visit, name: str, default: int) -> int:
    hour = _number(visit.query.get(name, ""))
    return hour if hour is not None and hour <= _MIDNIGHT else default


def _number(text: str) -> int | None:
    """A number that somebody wrote; null for anything else, and for more digits than a ledger has."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS else None


def _periods(today: dt.date) -> list[str]:
    """The quarters and months of the last two years, the latest first."""
    found: dict[str, None] = {}
    year, month = today.year, today.month
    for _ in range(_PERIODS):
        day = dt.date(year, month, 1)
        found[quarter_of(day)] = None
        found[month_of(day)] = None
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
    return list(found)


def _today(visit: Visit) -> dt.date:
    return visit.console.clock.now().astimezone(visit.console.settings.station.zone_info).date()


def _harmless(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_DANGEROUS) else text


PAGES = (
    Page("/access/views", views, Right.VIEWS),
    Page("/access/views.csv", exported, Right.VIEWS),
    Page("/access/views/report", report, Right.VIEWS),
)
"""They stand before those of `/access/{number}`."""
