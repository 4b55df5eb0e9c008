"""Registers (登记簿): what they hold in short, and complaints (投诉、举报、上访)."""

from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response

from ingestd.answers.case_words import ACT_WORDS
from ingestd.answers.moments import moment_of
from ingestd.casework.case_questions import footage_of_complaint
from ingestd.core.case_requests import PutComplaint, Request
from ingestd.core.cases import Complaint
from ingestd.core.clock import to_text
from ingestd.core.disclosures import DisclosureState, clock_of
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.roles import Right
from ingestd.web.case_forms import lines, today_of
from ingestd.web.case_refusals import case_refusal_words
from ingestd.web.case_view import local_minute
from ingestd.web.console import built
from ingestd.web.history_words import detail_words
from ingestd.web.scope import may_see_unit, seen
from ingestd.web.visit import Page, Visit
from ingestd.web.words import half
from ingestd.wiring import open_case_pages, open_cases, open_holds, open_registers

_PAGE: Final = 50
_MOST_COUNTED: Final = 500
_MOST_FOOTAGE: Final = 100


def registers(visit: Visit) -> Response:
    """What waits in each register."""
    settings = visit.console.settings
    book, today = open_registers(settings), today_of(visit)
    waiting = book.disclosures(is_open=True, limit=_MOST_COUNTED)
    calendar = visit.console.configuration.workdays
    late = sum(clock_of(one, calendar, today=today).state is DisclosureState.LATE for one in waiting)
    return visit.page(
        "registers.html",
        complaints=open_case_pages(settings).open_complaints(),
        disclosures=len(waiting),
        late=late,
        notes=book.waiting_notes(),
    )


def complaints(visit: Visit) -> Response:
    """The register of complaints, the latest first."""
    words, is_open = visit.query.get("q", "").strip(), visit.query.get("standing", "open") != "settled"
    day, _blank, number = visit.query.get("after", "").partition(" ")
    pages = open_case_pages(visit.console.settings)
    found = pages.complaints(is_open=is_open, words=words, after=(day, number) if number else None, limit=_PAGE + 1)
    last = found[_PAGE - 1] if len(found) > _PAGE else None
    return visit.page(
        "complaints.html",
        found=[one for one in found[:_PAGE] if may_see_unit(visit, one.unit)],
        after=f"{last.received_on} {last.number}" if last is not None else "",
        words=words,
        is_open=is_open,
    )


def new_complaint(visit: Visit, status: int = 200, fault: str = "") -> Response:
    """The form for a complaint."""
    units = list(open_cases(visit.console.settings).units())
    case = visit.query.get("case", "")
    return visit.page(
        "complaint_new.html", status, fault=fault, typed=visit.form, case=case, today=today_of(visit), units=units
    )


def enter_complaint(visit: Visit) -> Response:
    """Enter a complaint that is not in the register yet."""
    number = visit.text("number")
    try:
        if open_cases(visit.console.settings).complaint(number) is not None:
            raise RefusedError(f"complaint {number} is in the register already")
        visit.console.act("case", [_request(visit, number)])
    except (RefusedError, NotFoundError) as error:
        return new_complaint(visit, 409, case_refusal_words(visit, error))
    return visit.go(complaint_path(number), visit.t("The complaint is in the register."))


def complaint(visit: Visit, status: int = 200, fault: str = "") -> Response:
    """One complaint, and the footage that it suggests to hold."""
    settings = visit.console.settings
    register, found = open_cases(settings), _visible(visit)
    footage = footage_of_complaint(register, found)
    visible = {str(row["recording_id"]) for row in seen(visit, [row for row, _reasons in footage])}
    shown = [one for one in footage if one[0]["recording_id"] in visible]
    return visit.page(
        "complaint.html",
        status,
        complaint=found,
        path=complaint_path(found.number),
        footage=shown[:_MOST_FOOTAGE],
        footage_count=len(shown),
        holds=open_holds(settings).of_complaint(found.number),
        history=[row for row in reversed(register.history(found.number)) if row["act"].startswith("complaint.")],
        act_name=lambda row: half(ACT_WORDS[row["act"]], visit.language),
        details=lambda row: detail_words(visit, row),
        text_of=lambda moment: to_text(moment) if moment is not None else None,
        local=lambda moment: local_minute(visit, moment),
        fault=fault,
        typed=visit.form,
        units=list(register.units()),
        today=today_of(visit),
    )


def change_complaint(visit: Visit) -> Response:
    """Change what the register says of a complaint."""
    number = _visible(visit).number
    try:
        visit.console.act("case", [_request(visit, number)])
    except (RefusedError, NotFoundError) as error:
        return complaint(visit, 409, case_refusal_words(visit, error))
    return visit.go(complaint_path(number), visit.t("Changed."))


def complaint_path(number: str) -> str:
    """The page of a complaint."""
    return f"/registers/complaints/{quote(number)}"


def _request(visit: Visit, number: str) -> Request:
    zone = visit.console.settings.station.zone_info
    texts = ("complainant", "about", "place", "unit", "outcome", "case_number")
    fields: dict[str, Any] = {name: visit.text(name) for name in texts if name in visit.form}
    fields |= {name: visit.text(name) for name in ("received_on", "settled_on") if visit.text(name)}
    for name in ("happened_from", "happened_until"):
        if visit.text(name):
            fields[name] = moment_of(visit.text(name), name, zone)
    return built(PutComplaint, visit.visitor, {"number": number, "officers": lines(visit, "officers"), **fields})


def _visible(visit: Visit) -> Complaint:
    number = visit.path["number"]
    found = open_cases(visit.console.settings).complaint(number)
    if found is None or not may_see_unit(visit, found.unit):
        raise NotFoundError(visit.t("Complaint {0} is not in the register.").format(number))
    return found


PAGES = (
    Page("/registers", registers, Right.REGISTERS),
    Page("/registers/complaints", complaints, Right.REGISTERS),
    Page("/registers/complaints/new", new_complaint, Right.REGISTERS),
    Page("/registers/complaints/new", enter_complaint, Right.REGISTERS, ("POST",)),
    Page("/registers/complaints/{number:path}", complaint, Right.REGISTERS),
    Page("/registers/complaints/{number:path}", change_complaint, Right.REGISTERS, ("POST",)),
)
