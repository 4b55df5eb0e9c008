"""Carriers (载体): what should stand on a disc, a removable medium or in a cloud and does not, and their register."""

from typing import Any, Final

from starlette.responses import Response

from ingestd.answers.hold_words import ACT_WORDS, act_words
from ingestd.answers.moments import moment_of
from ingestd.core.carriers import Enter, ReadAgain, Withdraw
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.hold_rules import CarrierFor, CarrierKind
from ingestd.core.roles import Right
from ingestd.web.console import built
from ingestd.web.refusals import refusal_words
from ingestd.web.scope import seen
from ingestd.web.visit import Page, Visit
from ingestd.web.words import half
from ingestd.wiring import duties_of_stores, open_carriers, open_holds

_SHOWN: Final = 200
_FIELDS: Final = ("number", "kind", "label", "place", "recordings", "case", "hold", "read_at", "note")


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


_WHY: Final = {CarrierFor.EVIDENCE: _("evidence of {0}"), CarrierFor.HELD: _("held by {0}")}


def carriers(visit: Visit, status: int = 200, fault: str = "") -> Response:
    """What is due, the register, and the form for a carrier that was written and read back."""
    settings = visit.console.settings
    book = open_carriers(settings)
    due = book.due(visit.console.configuration.regime.carriers, duties_of_stores(settings))
    mine = {row["recording_id"] for row in seen(visit, [{"recording_id": one.recording_id} for one in due])}
    due = [one for one in due if one.recording_id in mine]
    typed = {name: visit.text(name) or visit.query.get(name, "") for name in _FIELDS}
    return visit.page(
        "carriers.html",
        status,
        due=due[:_SHOWN],
        due_count=len(due),
        why=lambda one: visit.t(_WHY[one.why]).format(visit.t(", ").join(one.because)),
        carriers=book.carriers(),
        kinds=list(CarrierKind),
        has_rules=bool(visit.console.configuration.regime.carriers),
        typed=typed,
        fault=fault,
    )


def enter(visit: Visit) -> Response:
    """Enter a carrier."""
    named = {name: visit.text(name) for name in ("number", "kind", "label", "place", "note")}
    try:
        fields: dict[str, Any] = named | {
            "recordings": _lines(visit.text("recordings")),
            "case": visit.text("case") or None,
            "hold": visit.text("hold") or None,
            "read_at": _read_at(visit),
        }
        (answer,) = visit.console.act("carrier", [built(Enter, visit.visitor, fields)])
    except (RefusedError, NotFoundError) as error:
        return carriers(visit, 409, refusal_words(visit, error))
    said = visit.t("Entered: carrier {0}, {1} recordings.").format(named["number"], answer["recordings"])
    return visit.go("/holds/carriers", said)


def carrier(visit: Visit, status: int = 200, fault: str = "") -> Response:
    """One carrier, what stands on it, and its history."""
    number = visit.path["number"]
    book = open_carriers(visit.console.settings)
    found = book.find(number)
    if found is None:
        raise NotFoundError(visit.t("There is no carrier {0}.").format(number))
    rows = seen(visit, open_holds(visit.console.settings).described(sorted(found.recordings)[:_SHOWN]))
    return visit.page(
        "carrier.html",
        status,
        carrier=found,
        rows=rows,
        history=book.history(number),
        act_title=lambda row: half(ACT_WORDS[row["act"]], visit.language),
        act_words=act_words,
        fault=fault,
    )


def read_again(visit: Visit) -> Response:
    """A carrier was read back again."""
    unreadable = _lines(visit.text("unreadable"))
    fields = {"unreadable": unreadable, "note": visit.text("note")}
    return _changed(visit, ReadAgain, fields, visit.t("Entered: the carrier was read back."))


def withdraw(visit: Visit) -> Response:
    """A carrier counts for nothing any more."""
    return _changed(visit, Withdraw, {"reason": visit.text("reason")}, visit.t("The carrier counts no more."))


def _changed(visit: Visit, kind: type[Any], fields: dict[str, Any], said: str) -> Response:
    number = visit.path["number"]
    try:
        visit.console.act("carrier", [built(kind, visit.visitor, fields | {"number": number})])
    except RefusedError as error:
        return carrier(visit, 409, refusal_words(visit, error))
    return visit.go(f"/holds/carriers/{number}", said)


def _lines(text: str) -> list[str]:
    return [one.strip() for one in text.splitlines() if one.strip()]


def _read_at(visit: Visit) -> str | None:
    text = visit.text("read_at")
    return moment_of(text, visit.t("read back at"), visit.console.settings.station.zone_info) if text else None


PAGES = (
    Page("/holds/carriers", carriers, Right.HOLD),
    Page("/holds/carriers", enter, Right.HOLD, ("POST",)),
    Page("/holds/carriers/{number}", carrier, Right.HOLD),
    Page("/holds/carriers/{number}/read", read_again, Right.HOLD, ("POST",)),
    Page("/holds/carriers/{number}/withdraw", withdraw, Right.HOLD, ("POST",)),
)
