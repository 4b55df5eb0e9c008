"""The forms of a case's page: what each field says, as requests to the case register."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, Final

from ingestd.answers.moments import moment_of
from ingestd.core.case_requests import (
    Change,
    Close,
    EnterAbsence,
    EnterActivity,
    Link,
    Open,
    RemoveActivity,
    Reopen,
    Request,
    Unlink,
)
from ingestd.core.cases import Case, Stage
from ingestd.core.errors import RefusedError
from ingestd.web.case_view import case_view
from ingestd.web.console import built
from ingestd.web.scope import seen
from ingestd.web.visit import Visit
from ingestd.wiring import open_cases, open_catalogue

Done = tuple[Request, str]
"""What is asked of the register, and the word about it once it is done."""

_TEXTS: Final = ("cause", "category", "place", "unit", "filing_basis", "note")
_DAYS: Final = ("opened_on", "concluded_on", "term_until", "filing_due_on")


def opening(visit: Visit) -> Request:
    """A new case.

    Raises:
        RefusedError: a field that cannot be; the message names it.
    """
    days = {name: visit.text(name) for name in _DAYS if visit.text(name)}
    return built(Open, visit.visitor, {"number": visit.text("number"), **_facts(visit), **days})


def asked(visit: Visit, case: Case) -> Done:
    """What a form of the case's page asks for.

    Raises:
        RefusedError: a field that cannot be, or no such form.
        NotFoundError: a recording that whoever asks may not see.
    """
    form = _FORMS.get(visit.text("do"))
    if form is None:
        raise RefusedError(visit.t("this form is too old; load the page again"))
    return form(visit, case)


def _change(visit: Visit, case: Case) -> Done:
    days = {name: visit.text(name) for name in _DAYS if visit.text(name)}
    clear = [name for name in _DAYS if not visit.text(name) and getattr(case, name) is not None]
    fields = {**_facts(visit), **days, "clear": clear, "reason": visit.text("reason")}
    return _built(visit, Change, case, fields), visit.t("Changed.")


def _stage(visit: Visit, case: Case) -> Done:
    fields: dict[str, Any] = {"stage": visit.text("stage")}
    if visit.text("concluded_on"):
        fields["concluded_on"] = visit.text("concluded_on")
    return _built(visit, Change, case, fields), visit.t("Changed.")


def _activity(visit: Visit, case: Case) -> Done:
    zone = visit.console.settings.station.zone_info
    fields: dict[str, Any] = {
        "activity_id": visit.text("activity_id") or None,
        "kind": visit.text("kind"),
        "place": visit.text("place"),
        "officers": lines(visit, "officers"),
        "note": visit.text("note"),
        "is_uninterrupted": bool(visit.text("is_uninterrupted")),
    }
    for name in ("began_at", "ended_at"):
        if visit.text(name):
            fields[name] = moment_of(visit.text(name), name, zone)
    if visit.text("reason"):
        fields["reason"] = visit.text("reason")
    words = visit.t("The activity is changed.") if fields["activity_id"] else visit.t("The activity is entered.")
    return _built(visit, EnterActivity, case, fields), words


def _remove_activity(visit: Visit, case: Case) -> Done:
    fields = {"activity_id": visit.text("activity_id"), "reason": visit.text("reason")}
    return _built(visit, RemoveActivity, case, fields), visit.t("The activity is taken out.")


def _absence(visit: Visit, case: Case) -> Done:
    fields = {
        "activity_id": visit.text("activity_id"),
        "ground": visit.text("ground") or None,
        "words": visit.text("words"),
    }
    words = visit.t("The reason is entered.") if fields["ground"] else visit.t("The reason is taken back.")
    return _built(visit, EnterAbsence, case, fields), words


def _link(visit: Visit, case: Case) -> Done:
    fields: dict[str, Any] = _named(visit) | {"activity_id": visit.text("activity_id") or None}
    if "is_evidence" in visit.form:
        fields["is_evidence"] = visit.text("is_evidence") == "yes"
    words = visit.t("Linked.")
    if visit.text("was_linked"):
        words = visit.t("Marked as evidence.") if fields.get("is_evidence") else visit.t("The evidence mark is gone.")
    return _built(visit, Link, case, fields), words


def _unlink(visit: Visit, case: Case) -> Done:
    fields = _named(visit) | {"reason": visit.text("reason")}
    # A link to the case as a whole has no activity; without one, every link of the recording would go.
    if visit.text("activity_id"):
        fields["activity_id"] = visit.text("activity_id")
    return _built(visit, Unlink, case, fields), visit.t("The link is ended.")


def _close(visit: Visit, case: Case) -> Done:
    """File the case. While footage is missing only with a written reason, which then stands in the ledger."""
    concluded_on = visit.text("concluded_on") or None
    if concluded_on is None and case.concluded_on is None:
        raise RefusedError(visit.t("Say on which day the act of enforcement ended: the term runs from it."))
    lacking = case_view(visit, case).lacking
    reason = visit.text("reason")
    fields = {"concluded_on": concluded_on} if concluded_on is not None else {}
    words = visit.t("The case is filed.")
    if not lacking:
        return _built(visit, Close, case, {"on": visit.text("on"), **fields}), words
    if not reason:
        raise RefusedError(visit.t("It cannot be filed yet. Activities without footage: {0}.").format(len(lacking)))
    fields |= {"closed_on": visit.text("on"), "stage": Stage.FILED.value, "reason": reason}
    return _built(visit, Change, case, fields), words


def _reopen(visit: Visit, case: Case) -> Done:
    fields = {"reason": visit.text("reason")}
    return _built(visit, Reopen, case, fields), visit.t("The case is taken up again. Its terms run on.")


_FORMS: Final[Mapping[str, Callable[[Visit, Case], Done]]] = {
    "change": _change,
    "stage": _stage,
    "activity": _activity,
    "remove_activity": _remove_activity,
    "absence": _absence,
    "link": _link,
    "unlink": _unlink,
    "close": _close,
    "reopen": _reopen,
}


def _built(visit: Visit, kind: type[Any], case: Case, fields: Mapping[str, Any]) -> Request:
    request: Request = built(kind, visit.visitor, {"number": case.number, **fields})
    return request


def _facts(visit: Visit) -> dict[str, Any]:
    texts = {name: visit.text(name) for name in _TEXTS}
    return {
        **texts,
        "parties": lines(visit, "parties"),
        "officers": lines(visit, "officers"),
        "flags": visit.texts("flags"),
    }


def lines(visit: Visit, name: str) -> list[str]:
    """The lines of a field that are not blank."""
    return [line.strip() for line in visit.text(name).splitlines() if line.strip()]


def _named(visit: Visit) -> dict[str, Any]:
    """The footage that a form names, refused where any of it is out of the scope of whoever asks.

    Raises:
        NotFoundError: nothing answers, or somebody may not see it.
    """
    what, named = visit.text("what", "recording"), visit.text("named")
    settings = visit.console.settings
    register = open_cases(settings)
    match what:
        case "take":
            found = register.recordings_of_take(named)
        case "docking":
            found = register.recordings_of_docking(named)
        case _:
            found = [str(open_catalogue(settings).recording(named)["recording_id"])] if named else []
    if not found or len(seen(visit, [{"recording_id": one} for one in found])) != len(found):
        raise RefusedError(visit.t("No recording answers to {0}.").format(named or "–"))
    return {"what": what, "named": named if what != "recording" else found[0]}


def today_of(visit: Visit) -> dt.date:
    """The bureau's own day."""
    return visit.console.clock.now().astimezone(visit.console.settings.station.zone_info).date()
