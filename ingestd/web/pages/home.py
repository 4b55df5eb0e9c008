"""The first page: what happened today, what needs whoever looks, and how the station is."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from ingestd.answers.marks import admission_document
from ingestd.core.clock import to_text
from ingestd.core.errors import IngestdError
from ingestd.core.roles import Right
from ingestd.stores.search import Row
from ingestd.stores.vault import Vault
from ingestd.web.lists.items import Count
from ingestd.web.scope import may_see_docking
from ingestd.web.visit import Page, Visit
from ingestd.web.worklists import LISTS
from ingestd.wiring import open_dockings

_A_PAGE: Final = 50
_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Tile:
    """Something that waits for whoever looks."""

    path: str
    words: str
    count: Count


@dataclass(frozen=True, slots=True)
class Station:
    """How the station is: whether it answers, what a person should mend, whether its clock is right, its room."""

    is_running: bool
    problems: tuple[str, ...]
    is_clock_right: bool
    free_bytes: int | None
    total_bytes: int


def home(visit: Visit) -> Response:
    """The first page."""
    has_footage = visit.may(Right.SEE)
    rows, day, following = _dockings(visit) if has_footage else ([], "", "")
    return visit.page(
        "home.html",
        tiles=_tiles(visit),
        dockings=rows,
        day=day,
        following=following,
        has_footage=has_footage,
        state=_station(visit),
    )


def _tiles(visit: Visit) -> list[Tile]:
    """The lists that somebody can do something in; those with nothing in them are left out."""
    counted = [(one, one.count(visit)) for one in LISTS if one.count is not None and visit.may(one.right)]
    return [Tile(one.path, one.words, count) for one, count in counted if count.number]


def _dockings(visit: Visit) -> tuple[list[Row], str, str]:
    """A page of the dockings of a day (today, if none is asked for), that day, and what asks for the next page."""
    zone = visit.console.settings.station.zone_info
    day = _day(visit.query.get("day", "")) or visit.console.clock.now().astimezone(zone).date()
    begins, ends = (dt.datetime.combine(one, dt.time(), zone) for one in (day, day + dt.timedelta(days=1)))
    book = open_dockings(visit.console.settings)
    after = visit.query.get("after", "")
    rows = book.between(to_text(begins), to_text(ends), after=after, limit=_A_PAGE + 1)
    following = rows[_A_PAGE - 1]["docking_id"] if len(rows) > _A_PAGE else ""
    shown = [row for row in rows[:_A_PAGE] if may_see_docking(visit, row["docking_id"])]
    states = book.states([row["docking_id"] for row in shown])
    return (
        [row | states[row["docking_id"]] | {"admission": admission_document(row)} for row in shown],
        str(day),
        following,
    )


def _day(written: str) -> dt.date | None:
    try:
        day = dt.date.fromisoformat(written)
    except ValueError:
        return None
    return day if 1980 <= day.year <= 2199 else None


def _station(visit: Visit) -> Station:
    vault = Vault(visit.console.settings.vault_dir)
    try:
        free, total = vault.free_bytes(), vault.total_bytes()
    except IngestdError:
        free, total = None, 0
    try:
        health = visit.console.ask("health", seconds=_SECONDS)
    except IngestdError:
        return Station(False, (), True, free, total)
    problems = tuple(str(words) for words in health["problems"].values())
    return Station(True, problems, bool(health["clock_synchronised"]), free, total)


PAGES = (Page("/", home, Right.SIGNED_IN),)
