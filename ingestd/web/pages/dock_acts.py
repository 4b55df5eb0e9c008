"""What people do at the dock with a few taps: say who they are, give a reason, link a case, register, print."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from starlette.responses import Response

from ingestd.core.case_requests import Link
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.explanation_acts import Explain
from ingestd.core.handover_record import Confirm, Print
from ingestd.core.interruption import InterruptionReason
from ingestd.core.registration_acts import Register
from ingestd.core.roles import Right
from ingestd.core.vessel_acts import ConfirmVessel, NameVessel
from ingestd.web.console import built
from ingestd.web.dockfacts import vessels_offered
from ingestd.web.docksheets import Standing
from ingestd.web.gate import SHUT
from ingestd.web.pages.dock import SHEET_COOKIE, Opened, earlier_of, opened, shown
from ingestd.web.visit import Endpoint, Page, Visit
from ingestd.wiring import open_cases


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


NOT_KNOWN = _("nobody is known by this card, or account and PIN")
_HOW = {
    "card": "at the dock, told by card · 采集站屏幕，刷卡确认身份",
    "pin": "at the dock, told by PIN · 采集站屏幕，PIN 码确认身份",
    "session": "at the dock's sheet, signed in · 采集站页面，已登录",
}
"""By what somebody was told, as acts have it that have room for it."""

ALL = "all"
"""In place of a finding's key: every one that is open."""
_MOST_NAMED = 200


def identify(visit: Visit) -> Response:
    """Somebody says who they are: with a card's number, or with account and PIN."""
    what = opened(visit)
    account, card, pin = visit.text("account"), visit.text("card"), str(visit.form.get("pin", ""))
    if not card and not (account and pin):
        return shown(visit, what, fault=visit.t("hold the card to the reader, or give account and PIN"), status=409)
    address = visit.request.client.host if visit.request.client else ""
    try:
        visitor = visit.console.gate.identify(address=address, card=card, account="" if card else account, pin=pin)
    except RefusedError as error:
        fault = error.message if error.message == SHUT else NOT_KNOWN
        return shown(visit, what, fault=visit.t(fault), status=403)
    answer = visit.go(_path(what), did="known")
    _know(visit, answer, _docking(what), Standing(visitor, "card" if card else "pin"))
    return answer


def _know(visit: Visit, answer: Response, docking: str, who: Standing) -> None:
    """From now on somebody stands before this sheet, and before no other."""
    answer.set_cookie(
        SHEET_COOKIE,
        visit.console.sheets.open(docking, who),
        path=f"/dock/{docking}",
        httponly=True,
        samesite="strict",
        secure=visit.console.settings.web.certificate is not None,
    )


def move(visit: Visit) -> Response:
    """On to an earlier docking of the same recorder whose interruptions still want a reason, as the same person."""
    what = opened(visit)
    try:
        who = _actor(visit, what, Right.EXPLAIN)
        if visit.text("to") not in {one["docking_id"] for one in earlier_of(visit, what)}:
            raise RefusedError(visit.t("this footage is not yours to speak of; tell the custodian"))
    except RefusedError as error:
        return shown(visit, what, fault=error.message, status=409)
    answer = visit.go(f"/dock/{visit.text('to')}")
    if who.how != "session":
        visit.console.sheets.close(visit.request.cookies.get(SHEET_COOKIE, ""))
        _know(visit, answer, visit.text("to"), who)
    return answer


def leave(visit: Visit) -> Response:
    """Done: nobody stands before the sheet any more, and the screen shows the bays."""
    visit.console.sheets.close(visit.request.cookies.get(SHEET_COOKIE, ""))
    answer = visit.go("/dock")
    answer.delete_cookie(SHEET_COOKIE, path=f"/dock/{visit.path['docking']}")
    return answer


def stay(visit: Visit) -> Response:
    """Somebody still stands there: a finger moved or a key was pressed."""
    key = visit.request.cookies.get(SHEET_COOKIE, "")
    held = visit.console.sheets.who(key, str(visit.path["docking"]))
    return Response(status_code=204 if held is not None else 410)


def explain(visit: Visit, what: Opened, who: Standing) -> str:
    """The reason of one interruption, or of all that are open; words where somebody wants to give them."""
    reason, finding = InterruptionReason(visit.text("reason")), visit.text("finding")
    found = what.sheet.open if finding == ALL else [one for one in what.sheet.interruptions if one["key"] == finding]
    if not found:
        raise NotFoundError(visit.t("this docking has no such interruption"))
    words = visit.text("words") or f"{reason.zh}（{_HOW[who.how].rpartition(' · ')[2]}，按键选择）"
    for one in found:
        _ask(visit, who, "explain", Explain, {"finding": one["key"], "reason": reason, "words": words})
    return "explained"


def link(visit: Visit, what: Opened, who: Standing) -> str:
    """Everything that this docking brought belongs to a case."""
    fields = {"number": visit.text("number"), "what": "docking", "named": _docking(what)}
    visit.console.act("case", [built(Link, who.visitor, fields)])
    return "linked"


def register(visit: Visit, what: Opened, who: Standing) -> str:
    """One field of the regime's form, for everything that this docking brought."""
    values = [one for text in visit.texts("value") for one in (part.strip() for part in text.split("；")) if one]
    if not values:
        raise RefusedError(visit.t("give a value"))
    fields = {visit.text("field"): tuple(values)}
    more = {"what": "docking", "named": (_docking(what),), "fields": fields, "note": _HOW[who.how]}
    _ask(visit, who, "register", Register, more)
    return "registered"


def vessel(visit: Visit, what: Opened, who: Standing) -> str:
    """The vessel that was there: one that AIS heard, or one by name and number."""
    note, mmsi = _HOW[who.how], visit.text("mmsi")
    if mmsi:
        offered = vessels_offered(visit.console.configuration, what.sheet)
        found = next((one for one in offered if str(one["mmsi"]) == mmsi), None)
        if found is None:
            raise NotFoundError(visit.t("AIS heard no such vessel near this footage"))
        for recording in found["recordings"]:
            _ask(visit, who, "vessel", ConfirmVessel, {"recording": recording, "mmsi": found["mmsi"], "note": note})
        return "vessel"
    footage = open_cases(visit.console.settings).footage_of(what.sheet.recordings[:_MOST_NAMED])
    if not footage:
        raise RefusedError(visit.t("the footage is not looked through yet; try again in a minute"))
    named = {"name": visit.text("name"), "number": visit.text("hull"), "note": note}
    for row in footage:
        _ask(visit, who, "vessel", NameVessel, {"recording": row["recording_id"], **named})
    return "vessel"


def confirm(visit: Visit, what: Opened, who: Standing) -> str:
    """The hand-over is confirmed in place of a signature: by the custodian as receiver, else by who gives."""
    role = "receiver" if who.visitor.may(Right.SETTLE) else "giver"
    _ask(visit, who, "handover_record", Confirm, {"docking": _docking(what), "role": role, "note": _HOW[who.how]})
    return "confirmed"


def record(visit: Visit) -> Response:
    """The hand-over record as paper, counted as a print."""
    # What draws the paper is loaded for this alone.
    from ingestd.casework.recordsheet import find_font, sheet  # noqa: PLC0415

    what = opened(visit)
    try:
        who = _actor(visit, what, Right.SEE)
        font = find_font(visit.console.settings.hand_over.font)
        document = _ask(visit, who, "handover_record", Print, {"docking": _docking(what)})
    except RefusedError as error:
        return shown(visit, what, fault=error.message, status=409)
    pdf = sheet(document, zone=visit.console.settings.station.zone_info, font=font)
    where = "inline" if visit.text("as") == "print" else "attachment"
    name = "".join(one if one.isascii() and (one.isalnum() or one in "-_") else "_" for one in document["number"])
    headers = {
        "Content-Disposition": f'{where}; filename="{name}.pdf"',
        # The sheet has it in a frame of its own, to print it without leaving.
        "Content-Security-Policy": "default-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'",
    }
    return Response(pdf, media_type="application/pdf", headers=headers)


def _act(right: Right, do: Any) -> Endpoint:
    """An act of somebody who stands before a sheet; afterwards the sheet again."""

    def endpoint(visit: Visit) -> Response:
        what = opened(visit)
        try:
            did = do(visit, what, _actor(visit, what, right))
        except (RefusedError, NotFoundError) as error:
            return shown(visit, what, fault=error.message, status=409)
        except ValueError as error:
            return shown(visit, what, fault=str(error), status=409)
        return visit.go(_path(what), did=did)

    return endpoint


def _actor(visit: Visit, what: Opened, right: Right) -> Standing:
    """Who acts.

    Raises:
        RefusedError: nobody does, or may.
    """
    if what.who is None:
        raise RefusedError(visit.t("say who you are first; the time before this sheet was over"))
    if not what.may_act or not what.who.visitor.may(right):
        raise RefusedError(visit.t("this footage is not yours to speak of; tell the custodian"))
    return what.who


def _ask(visit: Visit, who: Standing, operation: str, kind: type[BaseModel], fields: Mapping[str, Any]) -> Any:
    request = built(kind, who.visitor, fields).model_dump(mode="json")
    return visit.console.ask(operation, request=request)


def _docking(what: Opened) -> str:
    return str(what.sheet.docking["docking_id"])


def _path(what: Opened) -> str:
    return f"/dock/{_docking(what)}"


def _post(name: str, endpoint: Endpoint) -> Page:
    return Page(f"/dock/{{docking}}/{name}", endpoint, Right.DOCK, ("POST",), is_at_dock=True)


PAGES = (
    _post("identify", identify),
    _post("move", move),
    _post("leave", leave),
    _post("stay", stay),
    _post("explain", _act(Right.EXPLAIN, explain)),
    _post("case", _act(Right.CASES, link)),
    _post("register", _act(Right.CASES, register)),
    _post("vessel", _act(Right.CASES, vessel)),
    _post("confirm", _act(Right.SEE, confirm)),
    _post("record", record),
)
