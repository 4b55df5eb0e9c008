"""Footage that may not be of duty (民宗 24(四)): noted by an inspector or an archivist, settled by a second look."""

from typing import Any, Final

from starlette.responses import Response

from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.nonduty import NonDutyNote, Verdict
from ingestd.core.register_acts import NoteNonDuty, SettleNonDuty
from ingestd.core.roles import Right
from ingestd.web.case_refusals import case_refusal_words
from ingestd.web.console import built
from ingestd.web.scope import seen
from ingestd.web.visit import Page, Visit
from ingestd.wiring import open_catalogue, open_registers, open_samples

_PAGE: Final = 50


def notes(visit: Visit) -> Response:
    """Notes that wait for a second look, or those that were looked at; the newest first."""
    is_waiting = visit.query.get("standing", "waiting") != "settled"
    after = visit.query.get("after", "")
    before = int(after) if after.isascii() and after.isdigit() and len(after) < 16 else None
    found = open_registers(visit.console.settings).notes(is_waiting=is_waiting, before=before, limit=_PAGE + 1)
    return visit.page(
        "nonduty.html",
        found=_with_names(visit, found[:_PAGE]),
        after=str(found[_PAGE - 1].note_id) if len(found) > _PAGE else "",
        is_waiting=is_waiting,
    )


def new_note(visit: Visit, status: int = 200, fault: str = "") -> Response:
    """The form for a note."""
    recording = visit.text("recording") or visit.query.get("recording", "")
    return visit.page("nonduty_new.html", status, fault=fault, recording=recording, reason=visit.text("reason"))


def enter_note(visit: Visit) -> Response:
    """Note a recording."""
    fields = {"recording": visit.text("recording"), "reason": visit.text("reason")}
    try:
        request = built(NoteNonDuty, visit.visitor, fields)
        row = open_catalogue(visit.console.settings).recording(request.recording)
        if not _reached(visit, [row]):
            raise NotFoundError(f"no recording answers to {request.recording!r}")
        (done,) = visit.console.act("registers", [request])
    except (RefusedError, NotFoundError) as error:
        return new_note(visit, 409, case_refusal_words(visit, error))
    return visit.go(f"/registers/non-duty/{done['seq']}", visit.t("Noted. A second person is to look."))


def note(visit: Visit, status: int = 200, fault: str = "") -> Response:
    """One note, and what the second look found."""
    found = _visible(visit)
    (row,) = _with_names(visit, [found])
    is_own = found.noted_by == visit.visitor.person
    return visit.page(
        "nonduty_note.html", status, row=row, is_own=is_own, verdicts=Verdict, fault=fault, typed=visit.form
    )


def settle(visit: Visit) -> Response:
    """Say, as a second person, what it is."""
    number = _visible(visit).note_id
    fields = {"note": number, "verdict": visit.text("verdict"), "words": visit.text("words")}
    try:
        visit.console.act("registers", [built(SettleNonDuty, visit.visitor, fields)])
    except RefusedError as error:
        return note(visit, 409, case_refusal_words(visit, error))
    return visit.go(f"/registers/non-duty/{number}", visit.t("Settled."))


def _visible(visit: Visit) -> NonDutyNote:
    found = open_registers(visit.console.settings).note(int(visit.path["note"]))
    if not _reached(visit, [{"recording_id": found.recording_id}]):
        raise NotFoundError(visit.t("There is no such note."))
    return found


def _reached(visit: Visit, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What whoever asks may speak of: the own scope; for an inspector from outside what was drawn for him alone."""
    if visit.may(Right.SEE):
        return seen(visit, rows)
    book, account = open_samples(visit.console.settings), visit.visitor.account
    return [row for row in rows if book.items_of(str(row["recording_id"]), account)]


def _with_names(visit: Visit, some: list[NonDutyNote]) -> list[dict[str, Any]]:
    """Notes of recordings that whoever asks may see, with the files' names."""
    paths = open_catalogue(visit.console.settings).card_paths([one.recording_id for one in some])
    rows = [{"recording_id": one.recording_id, "note": one} for one in some]
    reached = _reached(visit, rows)
    return [{**row, "name": paths.get(str(row["recording_id"]), "").rpartition("/")[2]} for row in reached]


PAGES = (
    Page("/registers/non-duty", notes, Right.INSPECT),
    Page("/registers/non-duty/new", new_note, Right.INSPECT),
    Page("/registers/non-duty/new", enter_note, Right.INSPECT, ("POST",)),
    Page("/registers/non-duty/{note:int}", note, Right.INSPECT),
    Page("/registers/non-duty/{note:int}", settle, Right.INSPECT, ("POST",)),
)
