"""What is held: recordings, takes, dockings, findings."""

from typing import Annotated, Any

from fastapi import Query
from pydantic import AwareDatetime

from ingestd.answers.dockings import docking_document
from ingestd.answers.gathered import Gatherer
from ingestd.answers.recordings import finding_document, recording_document, shown_document
from ingestd.answers.statements import statement_document
from ingestd.core.clock import to_text
from ingestd.core.errors import NotFoundError
from ingestd.core.roles import Right
from ingestd.stores.find import Box, Question
from ingestd.stores.search import Catalogue
from ingestd.web.api.base import Document, Limit, Listed, needs, router
from ingestd.web.scope import check_seen, may_see_docking, question_scope, seen
from ingestd.web.visit import Visit
from ingestd.wiring import open_catalogue, open_finder

ROUTER = router()
Seeing = Annotated[Visit, needs(Right.SEE)]
Word = Annotated[str, Query(max_length=200)]
Moment = Annotated[AwareDatetime | None, Query(description="as 2026-11-21T08:00:00Z, with its zone")]
Latitude = Annotated[float | None, Query(ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float | None, Query(ge=-180, le=180, allow_inf_nan=False)]
Code = Annotated[str | None, Query(max_length=60, pattern=r"^[a-z_.]+$", description="a finding's, or its begin")]


def _catalogue(visit: Visit) -> Catalogue:
    return open_catalogue(visit.console.settings)


def _text(moment: AwareDatetime | None) -> str | None:
    return to_text(moment) if moment is not None else None


@ROUTER.get("/recordings", tags=["holdings"])
def recordings(
    visit: Seeing,
    words: Word = "",
    officer: Word = "",
    case: Word = "",
    party: Word = "",
    vessel: Word = "",
    place: Word = "",
    unit: Annotated[str | None, Query(max_length=200)] = None,
    code: Code = None,
    begins: Moment = None,
    ends: Moment = None,
    south: Latitude = None,
    west: Longitude = None,
    north: Latitude = None,
    east: Longitude = None,
    is_unregistered: bool = False,
    is_oldest_first: bool = False,
    after: Annotated[int | None, Query(ge=-(2**63), lt=2**63, description="`next` of the page before.")] = None,
    limit: Limit = 50,
) -> Listed[Document]:
    """Recordings that everything given is true of, in order of time; the newest first."""
    sides = (south, west, north, east)
    box = Box(*sides) if None not in sides else None  # type: ignore[arg-type]
    finder = open_finder(visit.console.settings, visit.console.configuration.regime)
    page = finder.find(
        Question(
            words=words, officer=officer, case=case, party=party, vessel=vessel, place=place, box=box, unit=unit,
            begins=_text(begins), ends=_text(ends), code=code, scope=question_scope(visit),
            is_unregistered=is_unregistered, is_oldest_first=is_oldest_first, after=after, limit=limit,
        )
    )  # fmt: skip
    return Listed(items=finder.rows(page.recordings), next=None if page.after is None else str(page.after))


@ROUTER.get("/recordings/{recording}", tags=["holdings"])
def recording(visit: Seeing, recording: str) -> Document:
    """Everything that is known of one recording, as `ingestd show --json` gives it."""
    row = _catalogue(visit).recording(recording)
    check_seen(visit, row)
    return shown_document(row["recording_id"], visit.console.configuration)


@ROUTER.get("/takes/{take}", tags=["holdings"])
def take(visit: Seeing, take: str) -> Document:
    """The statement of continuity of a take, as `ingestd continuity --json` gives it."""
    gatherer = Gatherer(visit.console.configuration)
    subject = gatherer.subject(take, whole_take=True)
    rows = seen(visit, list(subject.rows))
    if len(rows) != len(subject.rows):
        raise NotFoundError(f"no take answers to {take!r}")
    start, end = subject.span
    statement = gatherer.statement(rows, start, end)
    return {"take_id": subject.id, **statement_document(statement, visit.console.settings.station.zone_info)}


@ROUTER.get("/dockings", tags=["holdings"])
def dockings(visit: Seeing, limit: Limit = 50) -> Listed[Document]:
    """The latest dockings."""
    keys = ("docking_id", "bay", "inlet", "recorder_id", "opened_at", "closed_at", "outcome", "entries", "bytes")
    rows = _catalogue(visit).dockings(limit=limit)
    shown = [row for row in rows if may_see_docking(visit, row["docking_id"])]
    return Listed(items=[{key: row[key] for key in keys} for row in shown])


@ROUTER.get("/dockings/{docking}", tags=["holdings"])
def docking(visit: Seeing, docking: str) -> Document:
    """One docking with the fate of each of its files, as `ingest --json` gives it."""
    catalogue = _catalogue(visit)
    found = catalogue.docking(docking)["docking_id"]
    if not may_see_docking(visit, found):
        raise NotFoundError(f"no docking answers to {docking!r}")
    return docking_document(found, catalogue, visit.console.settings)


@ROUTER.get("/findings", tags=["holdings"])
def findings(
    visit: Seeing,
    recording: Annotated[str, Query(max_length=200)],
    code: Code = None,
) -> Listed[Document]:
    """What was noticed about a recording."""
    catalogue = _catalogue(visit)
    row: dict[str, Any] = catalogue.recording(recording)
    check_seen(visit, row)
    found = catalogue.findings(recording=row["recording_id"], code=code)
    return Listed(items=[finding_document(one) for one in found])


@ROUTER.get("/recordings/{recording}/summary", tags=["holdings"])
def summary(visit: Seeing, recording: str) -> Document:
    """What a list shows of one recording, as `ingestd list --json` gives it."""
    catalogue = _catalogue(visit)
    row = catalogue.recording(recording)
    check_seen(visit, row)
    return recording_document(row, catalogue, visit.console.settings)
