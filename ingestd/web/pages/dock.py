"""The dock's screen: a tile a bay, live, and the sheet of one docking. No account is needed at the dock itself."""

import dataclasses
import datetime as dt
import json
from typing import Any

from starlette.responses import Response

from ingestd.core.baystate import EMPTY
from ingestd.core.clock import from_text
from ingestd.core.errors import IngestdError, NotFoundError, UnavailableError
from ingestd.core.roles import Right
from ingestd.core.visibility import is_visible
from ingestd.web.bayfeed import EventStream
from ingestd.web.dockfacts import (
    Sheet,
    cases_offered,
    earlier_dockings,
    fields_offered,
    notes_of,
    sheet_of,
    vessels_offered,
)
from ingestd.web.docksheets import SILENT_SECONDS, Standing
from ingestd.web.docktiles import tile_of
from ingestd.web.scope import may_see_docking, question_scope
from ingestd.web.visit import Page, Visit

SHEET_COOKIE = "ingestd_dock"
OPEN_AFTER = dt.timedelta(minutes=30)
"""How long after its end a docking's sheet opens at the dock without an account, the recorder being taken."""

_STATUS_SECONDS = 5.0


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


DONE = {
    "explained": _("The reason is entered."),
    "linked": _("The footage is linked to the case."),
    "registered": _("Entered."),
    "vessel": _("The vessel is entered."),
    "confirmed": _("The hand-over is confirmed."),
    "known": _("You may enter now. This ends by itself after a minute of silence."),
}
"""What was done, by the word that stands in the address of the sheet afterwards."""

FATES = {
    "pending": _("not had yet"),
    "copied": _("secured"),
    "already_held": _("had before"),
    "quarantined": _("secured, held apart"),
    "excluded": _("left out by a rule"),
    "partial": _("secured in part"),
    "unreadable": _("could not be read"),
}
"""What became of each file (`core.lifecycle.Fate`)."""

SCREEN_WORDS = {
    "free": _("free"),
    "reading": _("reading the card"),
    "copying": _("copying"),
    "verifying": _("checking"),
    "done": _("You may take it"),
    "attention": _("please see to it"),
    "unknown": _("unknown"),
    "no_station": _("The station does not answer. Leave recorders where they are and tell the custodian."),
    "no_console": _("This screen has lost the station. Leave recorders where they are; it tries again by itself."),
    "left_minutes": _("about {0} min left"),
    "left_seconds": _("about {0} s left"),
    "files": _("{0} of {1} files"),
    "late": _("handed over late: {0}"),
    "missing": _("missing by number: {0}"),
    "open": _("interruptions without a reason: {0}"),
    "described": _("looked through"),
    "looking": _("being looked through"),
    "tap": _("tap for details"),
    "nobody": _("officer not known"),
    "no_recorder": _("recorder not known"),
}
"""Words of the tiles; the script of the screen has no others."""


def dock(visit: Visit) -> Response:
    """The bays as they stand; the script goes on from there."""
    tiles, is_there = _tiles(visit)
    words = {name: visit.t(one) for name, one in SCREEN_WORDS.items()}
    default = visit.console.settings.web.language
    return visit.page(
        "dock_screen.html", tiles=tiles, is_there=is_there, words=words, words_json=json.dumps(words), default=default
    )


def events(visit: Visit) -> Response:
    """Server-sent events of the bays."""
    return EventStream(visit.console.bays)


def sheet(visit: Visit) -> Response:
    """What one docking brought, and what is to be said of it."""
    return shown(visit, opened(visit))


@dataclasses.dataclass(frozen=True, slots=True)
class Opened:
    """A sheet that whoever asks may see, and who that is where it is known."""

    sheet: Sheet
    who: Standing | None
    may_act: bool
    is_shown: bool
    may_be_removed: bool


def opened(visit: Visit) -> Opened:
    """The sheet that a path names.

    Raises:
        NotFoundError: there is none, or it is not for whoever asks.
    """
    named = str(visit.path["docking"])
    found = sheet_of(visit.console.configuration, named)
    who = standing(visit, named)
    bay = _bay_of(visit, named)
    may_act = who is not None and _is_for(visit, who, found)
    is_fresh = bay is not None or _has_just_ended(visit, found)
    is_known = who is not None and who.how != "session"
    if not may_act and not (visit.is_dock and (is_fresh or is_known)):
        raise NotFoundError(f"no docking answers to {named!r}")
    return Opened(found, who, may_act, bay is not None, bool(bay and bay["may_be_removed"]))


def standing(visit: Visit, docking: str) -> Standing | None:
    """Who acts: by the key of this sheet, else by the session; null for nobody."""
    key = visit.request.cookies.get(SHEET_COOKIE, "")
    held = visit.console.sheets.who(key, docking) if key else None
    if held is None and visit.someone is not None:
        return Standing(visit.someone, "session")
    return held


def shown(visit: Visit, what: Opened, *, fault: str = "", status: int = 200) -> Response:
    """The sheet as a page, with what was refused."""
    configuration, who = visit.console.configuration, what.who
    offers: dict[str, Any] = {"cases": [], "fields": [], "vessels": []}
    if who is not None and what.may_act and what.sheet.recordings and who.visitor.may(Right.CASES):
        now = visit.console.clock.now()
        offers["cases"] = cases_offered(configuration, what.sheet, who.visitor, now)
        offers["vessels"] = vessels_offered(configuration, what.sheet)
        offers["fields"] = fields_offered(configuration, what.sheet)
    did = DONE.get(visit.query.get("did", ""), "")
    return visit.page(
        "dock_sheet.html",
        status,
        what=what,
        sheet=what.sheet,
        who=who,
        offers=offers,
        earlier=earlier_of(visit, what) if what.may_act else [],
        fates={name: visit.t(one) for name, one in FATES.items()},
        categories=configuration.regime.categories,
        fault=fault,
        did=visit.t(did) if did else "",
        typed=visit.form,
        silent_seconds=SILENT_SECONDS,
    )


def earlier_of(visit: Visit, what: Opened) -> list[dict[str, Any]]:
    """Earlier dockings that brought files of this card, are for whoever acts, and still want a reason."""
    configuration, who = visit.console.configuration, what.who
    if who is None or not who.visitor.may(Right.EXPLAIN):
        return []
    found = [sheet_of(configuration, one) for one in earlier_dockings(configuration, what.sheet)]
    return [
        {"docking_id": one.docking["docking_id"], "opened_at": one.docking["opened_at"], "open": len(one.open)}
        for one in found
        if one.open and _is_for(visit, who, one)
    ]


def _tiles(visit: Visit) -> tuple[list[dict[str, Any]], bool]:
    """The tiles, and whether the station answers; where it does not, its bays by name."""
    settings = visit.console.settings
    try:
        bays = visit.console.ask("status", seconds=_STATUS_SECONDS)["bays"]
    except UnavailableError:
        names = sorted(set(settings.udev.bays.values()))
        unknown = {"state": "unknown", "advice": "", "message": "", "may_be_removed": False}
        return [tile_of(_nothing(name) | unknown, None) for name in names], False
    try:
        notes = notes_of(visit.console.configuration, {one["docking_id"] for one in bays if one["docking_id"]})
    except IngestdError:
        # The bays are shown whatever the catalogue does; what it knows follows over the events.
        notes = {}
    return [tile_of(one, notes.get(one["docking_id"] or "")) for one in bays], True


def _nothing(bay: str) -> dict[str, Any]:
    return {
        "bay": bay, "recorder": None, "officer": None, "docking_id": None, "percent": 0, "files_done": 0,
        "files_total": 0, "bytes_done": 0, "bytes_total": 0, "bytes_per_second": 0.0, "seconds_left": None,
        "is_present": False, "advice": EMPTY.advice,
    }  # fmt: skip


def _bay_of(visit: Visit, docking: str) -> dict[str, Any] | None:
    """The bay in which a docking is shown now; null where it is in none, or the station does not answer."""
    try:
        bays = visit.console.ask("status", seconds=_STATUS_SECONDS)["bays"]
    except UnavailableError:
        return None
    return next((one for one in bays if one["docking_id"] == docking), None)


def _has_just_ended(visit: Visit, found: Sheet) -> bool:
    closed = found.docking["closed_at"] or found.docking["opened_at"]
    return visit.console.clock.now() - from_text(closed) < OPEN_AFTER


def _is_for(visit: Visit, who: Standing, found: Sheet) -> bool:
    """Whether a docking is for somebody: by what the recordings say, by the roster, or because nobody knows whose it
    is and the person stands before it with the recorder."""
    theirs = dataclasses.replace(visit, someone=who.visitor)
    if not who.visitor.may(Right.SEE):
        return False
    if may_see_docking(theirs, found.docking["docking_id"]) or is_visible(question_scope(theirs), found.officers):
        return True
    return visit.is_dock and not found.officers and who.how != "session"


PAGES = (
    Page("/dock", dock, Right.DOCK, is_at_dock=True),
    Page("/dock/events", events, Right.DOCK, is_at_dock=True),
    Page("/dock/{docking}", sheet, Right.DOCK, is_at_dock=True),
)
