"""Search: the question as a form and as an address, what its answer is made of, and the answer page by page."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import RedirectResponse, Response, StreamingResponse

from ingestd.answers.found import fact_words, file_words
from ingestd.answers.texts import local_time
from ingestd.core.errors import RefusedError
from ingestd.core.facts import MediaKind
from ingestd.core.findings import REGISTER
from ingestd.core.lifecycle import State
from ingestd.core.roles import Right
from ingestd.stores.find import Finder
from ingestd.stores.tally import Tally
from ingestd.web.questions import address, asked, is_of_form, local_value, month_span, question_of
from ingestd.web.rendering import code_words
from ingestd.web.visit import Page, Visit
from ingestd.web.words import half
from ingestd.wiring import open_cases, open_finder

A_PAGE: Final = 50
COUNTED: Final = 500
"""So many recordings of an answer are counted; of what is behind them nothing is said but that there is more."""

MOST_ROWS: Final = 20_000
"""Of a table that is taken away."""

_TOGETHER: Final = 500
_LINES: Final = 12


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


KINDS: Final[Mapping[str, str]] = {
    MediaKind.VIDEO: _("video"),
    MediaKind.AUDIO: _("audio"),
    MediaKind.PHOTO: _("photo"),
    MediaKind.TEXT: _("text"),
    MediaKind.EMPTY: _("empty"),
    MediaKind.UNKNOWN: _("of unknown kind"),
    "": _("not read yet"),
}
STATES: Final[Mapping[str, str]] = {
    State.SEALED: _("stored"),
    State.ANALYSED: _("read"),
    State.TAGGED: _("described"),
    State.CATALOGUED: _("complete"),
    State.EVICTED: _("in other stores only"),
    State.CONDEMNED: _("being destroyed"),
    State.DISPOSED: _("destroyed"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A part of the answer: its words, how many, and the address of the question for it alone."""

    words: str
    number: int
    path: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """What an answer is made of, by one property."""

    words: str
    lines: tuple[Line, ...]


def search(visit: Visit) -> Response:
    """The form, and the answer to what is asked."""
    fault = ""
    try:
        parts = asked(visit)
        if is_of_form(visit):
            return RedirectResponse(address(parts), 303)
    except RefusedError as error:
        parts, fault = {}, error.message
    after = visit.query.get("after", "")
    finder = _finder(visit)
    found: tuple[str, ...] = ()
    following: int | None = None
    facets: list[Facet] = []
    number, is_more = 0, False
    try:
        # The first page is the beginning of what is counted: the rows are walked once for both.
        page = finder.find(question_of(visit, parts, limit=A_PAGE if after else COUNTED, after=after))
        found, following = page.recordings[:A_PAGE], page.after
        if not after:
            number, is_more = len(page.recordings), page.after is not None
            facets = _facets(visit, parts, finder.tally(page.recordings, visit.console.settings.station.zone_info))
            if number > A_PAGE:
                following = finder.slot(found[-1])
    except RefusedError as error:
        fault = " — ".join(filter(None, (error.message, error.advice)))
    rows = finder.rows(found)
    return visit.page(
        "search.html",
        parts=parts,
        fault=fault,
        rows=[_shown(visit, row) for row in rows],
        facets=facets,
        number=number,
        is_more=is_more,
        following=address(parts, after=str(following)) if following is not None else "",
        beginning=address(parts) if after else "",
        table=address(parts, "/search.csv"),
        **_offered(visit, parts),
    )


def table(visit: Visit) -> Response:
    """The answer as CSV, as far as `MOST_ROWS`."""
    parts = asked(visit)
    # What cannot be asked is refused before the first line goes out.
    _finder(visit).find(question_of(visit, parts, limit=1))
    headers = {"Content-Disposition": 'attachment; filename="recordings.csv"'}
    return StreamingResponse(_csv(visit, parts), media_type="text/csv; charset=utf-8", headers=headers)


def _finder(visit: Visit) -> Finder:
    return open_finder(visit.console.settings, visit.console.configuration.regime)


def _offered(visit: Visit, parts: Mapping[str, str]) -> dict[str, Any]:
    """What the form offers to choose from, and its times as the bureau writes them."""
    zone, t = visit.console.settings.station.zone_info, visit.t
    return {
        "kinds": [(kind.value, t(KINDS[kind])) for kind in MediaKind],
        "states": [(state.value, t(STATES[state])) for state in State],
        "codes": [(code, code_words(code, visit.language)) for code in REGISTER],
        "units": sorted(open_cases(visit.console.settings).units()),
        "begins": local_value(parts.get("begins"), zone),
        "ends": local_value(parts.get("ends"), zone),
    }


def _shown(visit: Visit, row: dict[str, Any]) -> dict[str, Any]:
    facts = {name: fact_words(row, name, "") for name in ("officers", "cause", "parties", "place", "vessel")}
    return (
        row | facts | {"name": half(file_words(row), visit.language), "kind_words": visit.t(KINDS[row["kind"] or ""])}
    )


def _facets(visit: Visit, parts: Mapping[str, str], tally: Tally) -> list[Facet]:
    t, zone = visit.t, visit.console.settings.station.zone_info
    kinds = [(t(KINDS[kind]), many, {"kind": kind}) for kind, many in tally.kinds.most_common() if kind]
    codes = [(code_words(code, visit.language), many, {"code": code}) for code, many in tally.codes.most_common()]
    units = [(unit, many, {"unit": unit}) for unit, many in tally.units.most_common() if unit]
    months = [(month, many, month_span(month, zone)) for month, many in sorted(tally.months.items(), reverse=True)]
    states = [(t(STATES[State(state)]), many, {"state": state}) for state, many in tally.states.most_common()]
    named = (
        (t("Kind"), kinds),
        (t("Finding"), codes),
        (t("Unit"), units),
        (t("Month"), months),
        (t("State"), states),
    )
    return [Facet(words, tuple(_line(parts, *line) for line in lines[:_LINES])) for words, lines in named if lines]


def _line(parts: Mapping[str, str], words: str, number: int, narrowed: Mapping[str, str]) -> Line:
    """A chosen part is taken out of the question again."""
    is_chosen = all(parts.get(name) == value for name, value in narrowed.items())
    to = dict.fromkeys(narrowed, "") if is_chosen else dict(narrowed)
    return Line(words, number, address(parts, **to), is_chosen)


_COLUMNS: Final = (
    _("recording"), _("file"), _("from"), _("to"), _("seconds"), _("Kind"), _("state"), _("recorder"), _("unit"),
    _("officers"), _("cause"), _("parties"), _("place"), _("vessel"),
)  # fmt: skip


def _csv(visit: Visit, parts: Mapping[str, str]) -> Iterator[str]:
    finder, after, written = _finder(visit), "", 0
    # Spreadsheets take a file for Unicode by this mark alone.
    yield "\ufeff" + _row([visit.t(name) for name in _COLUMNS])
    while written < MOST_ROWS:
        page = finder.find(question_of(visit, parts, limit=_TOGETHER, after=after))
        for row in finder.rows(page.recordings):
            yield _row(_cells(visit, row))
        written += len(page.recordings)
        if page.after is None:
            return
        after = str(page.after)


def _cells(visit: Visit, row: dict[str, Any]) -> list[str]:
    zone, shown = visit.console.settings.station.zone_info, _shown(visit, row)
    times = [local_time(row[key], zone) if row[key] else "" for key in ("recorded_start", "recorded_end")]
    seconds = "" if row["duration_s"] is None else f"{row['duration_s']:.1f}"
    facts = [shown[name] for name in ("officers", "cause", "parties", "place", "vessel")]
    state = visit.t(STATES[State(row["state"])])
    about = [shown["kind_words"], state, row["recorder_id"] or "", row["unit"]]
    return [row["recording_id"], row["card_path"], *times, seconds, *about, *facts]


def _row(cells: list[str]) -> str:
    """A line of CSV. What a spreadsheet would work out as a formula is kept from being one."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(
        [f"'{one}" if one[:1] in tuple("=+-@\t\r") else one for one in cells]
    )
    return line.getvalue()


PAGES = (
    Page("/search", search, Right.SEE),
    Page("/search.csv", table, Right.SEE),
)
