"""Placing a hold: the form with what it would cover before anything is saved, and what complaints suggest."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError
from starlette.responses import JSONResponse, Response

from ingestd.answers.moments import moment_of
from ingestd.answers.suggestions import declining_fields, placing_fields, suggestion_for
from ingestd.casework.hold_suggestions import HoldSuggestion, open_suggestions, scopes_of
from ingestd.core.clock import to_text
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.hold_acts import Decline, Place
from ingestd.core.hold_rules import HoldReason, HoldRule
from ingestd.core.holds import SCOPE, AnyScope, CaseScope, Judgement, OfficerScope, PlaceScope, TakeScope
from ingestd.core.roles import Right
from ingestd.retention.holds import whole_scope
from ingestd.web.console import built
from ingestd.web.hold_scopes import scope_words
from ingestd.web.pages.holds import has_recording
from ingestd.web.refusals import refusal_words
from ingestd.web.scope import may_see_unit, seen
from ingestd.web.visit import Page, Visit
from ingestd.wiring import open_cases, open_catalogue, open_holds

Document = dict[str, Any]

_SHOWN: Final = 10
_KINDS: Final = ("recordings", "take", "case", "officer", "place", "point")
_FIELDS: Final = (
    "kind", "recordings", "take", "case", "officer", "certificate", "area", "latitude", "longitude", "radius_m",
    "since", "until", "reason", "basis", "requester", "review_on", "words", "complaint",
)  # fmt: skip


def form(visit: Visit) -> Response:
    """The form, begun with what the page before named."""
    typed = dict.fromkeys(_FIELDS, "") | {name: visit.query.get(name, "") for name in _FIELDS if name in visit.query}
    typed |= {"recordings": visit.query.get("recording", ""), "kind": "recordings", "reason": HoldReason.DISPUTE}
    for kind in ("take", "case"):
        if typed[kind]:
            typed["kind"] = kind
    if typed["complaint"]:
        typed |= _of_complaint(visit, str(typed["complaint"]))
    # What would be covered is only asked once something is named.
    is_named = any(typed[name] for name in ("recordings", "take", "case", "officer", "area"))
    told = _preview(visit, typed) if is_named else None
    return _form(visit, typed, told)


def _of_complaint(visit: Visit, number: str) -> dict[str, str]:
    """Fields that a complaint fills in: its words, and the first that it names of case, officer and place.

    Raises:
        NotFoundError: there is no such complaint in the scope.
    """
    found = open_cases(visit.console.settings).complaint(number)
    if found is None or not may_see_unit(visit, found.unit):
        raise NotFoundError(visit.t("There is no complaint {0}.").format(number))
    fields = {
        "basis": visit.t("complaint {0}").format(number),
        "requester": found.complainant,
        "words": found.about,
    }
    match next(iter(scopes_of(found)), None):
        case CaseScope(number=case):
            return fields | {"kind": "case", "case": case}
        case OfficerScope() as scope:
            who = {"kind": "officer", "officer": scope.name, "certificate": scope.certificate}
            return fields | who | _window(visit, scope)
        case PlaceScope() as scope:
            return fields | {"kind": "place", "area": scope.area} | _window(visit, scope)
        case _:
            return fields


def _window(visit: Visit, scope: OfficerScope | PlaceScope) -> dict[str, str]:
    zone = visit.console.settings.station.zone_info
    ends = {"since": scope.since, "until": scope.until}
    return {
        name: moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M") for name, moment in ends.items() if moment is not None
    }


def formed(visit: Visit) -> Response:
    """Show what the hold would cover, or place it."""
    typed = {name: visit.text(name) for name in _FIELDS}
    if visit.text("step") == "preview":
        return _form(visit, typed, _preview(visit, typed))
    try:
        scope = _scope(visit, typed)
        named = {name: typed[name] for name in ("reason", "basis", "requester", "review_on", "words")}
        fields = {**named, "scope": scope, "complaint": typed["complaint"] or None}
        (answer,) = visit.console.act("hold", [built(Place, visit.visitor, fields)])
    except (RefusedError, NotFoundError) as error:
        return _form(visit, typed, None, 409, refusal_words(visit, error))
    said = visit.t("The hold stands. It covers {0} recordings.").format(answer["recordings"])
    return visit.go(f"/holds/{answer['subject']}", said)


def preview(visit: Visit) -> Response:
    """What the form as it stands would cover, for the page's script."""
    told = _preview(visit, {name: visit.text(name) for name in _FIELDS})
    shown = [{"recording_id": row["recording_id"], "card_path": row["card_path"]} for row in told["rows"]]
    return JSONResponse({"words": told["words"], "rows": shown})


def _form(
    visit: Visit, typed: Mapping[str, Any], told: Document | None, status: int = 200, fault: str = ""
) -> Response:
    regime = visit.console.configuration.regime
    reasons = regime.holds or tuple(HoldReason)
    return visit.page(
        "hold_new.html",
        status,
        typed=typed,
        told=told,
        reasons=[(one.reason, one) if isinstance(one, HoldRule) else (one, None) for one in reasons],
        kinds=_KINDS,
        fault=fault,
    )


def _preview(visit: Visit, typed: Mapping[str, Any]) -> Document:
    """What a scope covers now: words, and the first recordings of it that whoever asks may see."""
    try:
        scope = _scope(visit, typed)
        book = open_holds(visit.console.settings)
        judged = book.judged(scope)
    except (RefusedError, NotFoundError) as error:
        return {"words": refusal_words(visit, error), "rows": [], "is_fault": True}
    covered = [one for one, told in judged.items() if told is Judgement.COVERED]
    unknown = len(judged) - len(covered)
    words = visit.t("It would cover {0} recordings now.").format(len(covered))
    if unknown:
        words += " " + visit.t("{0} more may belong to it: officer, place or time is not known.").format(unknown)
    return {"words": words, "rows": seen(visit, book.described(covered[:_SHOWN])), "is_fault": False}


def _scope(visit: Visit, typed: Mapping[str, Any]) -> AnyScope:
    """The scope of a form, with whole ids.

    Raises:
        NotFoundError, RefusedError: it names nothing, or nothing that is there.
    """
    settings, kind = visit.console.settings, str(typed["kind"])
    zone = settings.station.zone_info
    document: Document = {"kind": kind}
    match kind:
        case "recordings":
            named = [one.strip() for one in str(typed["recordings"]).splitlines() if one.strip()]
            rows = [has_recording(visit, one) for one in named]
            document["recordings"] = [str(row["recording_id"]) for row in rows]
        case "take":
            document["take_id"] = typed["take"]
        case "case":
            document["number"] = typed["case"]
        case "officer":
            document |= {"name": typed["officer"], "certificate": typed["certificate"]}
        case "place":
            document["area"] = typed["area"]
        case _:
            document["kind"] = "place"
            document |= {name: typed[name] for name in ("latitude", "longitude", "radius_m")}
    if kind in ("officer", "place", "point"):
        now = to_text(visit.console.clock.now())
        document["since"] = moment_of(typed["since"], visit.t("from"), zone) if typed["since"] else now
        document["until"] = moment_of(typed["until"], visit.t("to"), zone) if typed["until"] else None
    try:
        scope = SCOPE.validate_python(document)
    except ValidationError as error:
        raise RefusedError(visit.t("Say what the hold is to cover.")) from error
    register, catalogue = open_cases(settings), open_catalogue(settings)
    found = whole_scope(scope, open_holds(settings), register, catalogue)
    if isinstance(found, TakeScope) and not seen(visit, [{"recording_id": one} for one in found.recordings]):
        raise NotFoundError("that is no take")
    return found


# What complaints suggest


def suggestions(visit: Visit, status: int = 200, fault: str = "") -> Response:
    """Complaints about which nobody decided yet whether something is to be held."""
    settings = visit.console.settings
    register, book = open_cases(settings), open_holds(settings)
    complaints = [one for one in register.complaints() if one.settled_on is None and may_see_unit(visit, one.unit)]
    found = open_suggestions(register, book, complaints)
    return visit.page(
        "hold_suggestions.html",
        status,
        found=[(one, _footage(visit, one)) for one in found],
        scope_words=lambda one: scope_words(visit, one),
        fault=fault,
        typed=visit.form,
    )


def suggestion(visit: Visit) -> Response:
    """Place what a complaint suggests, or say that nothing is to be held."""
    number = visit.text("complaint")
    try:
        found = _suggested(visit, number)
        if visit.text("do") == "decline":
            fields = declining_fields(found) | {"reason": visit.text("reason")}
            visit.console.act("hold", [built(Decline, visit.visitor, fields)])
            said = visit.t("Nothing is held for complaint {0}. Footage that comes later suggests it again.")
            return visit.go("/holds/suggestions", said.format(number))
        day = {"review_on": visit.text("review_on")}
        requests = [built(Place, visit.visitor, fields | day) for fields in placing_fields(found)]
        answers = visit.console.act("hold", requests)
    except (RefusedError, NotFoundError) as error:
        return suggestions(visit, 409, refusal_words(visit, error))
    numbers = visit.t(", ").join(str(one["subject"]) for one in answers)
    covered = sum(one["recordings"] for one in answers)
    return visit.go("/holds/suggestions", visit.t("Placed: {0}, {1} recordings.").format(numbers, covered))


def _suggested(visit: Visit, number: str) -> HoldSuggestion:
    found = suggestion_for(visit.console.settings, number)
    if not may_see_unit(visit, found.complaint.unit):
        raise NotFoundError(f"complaint {number} is not in the register")
    return found


def _footage(visit: Visit, one: HoldSuggestion) -> list[tuple[Any, list[str]]]:
    """Footage of a suggestion that whoever asks may see, with the reasons in words."""
    reasons = {row["recording_id"]: why for row, why in one.footage}
    rows = seen(visit, [row for row, _ in one.footage][:_SHOWN])
    return [
        (row, [(each.zh if visit.language == "zh" else each.en) for each in reasons[row["recording_id"]]])
        for row in rows
    ]


PAGES = (
    Page("/holds/new", form, Right.HOLD),
    Page("/holds/new", formed, Right.HOLD, ("POST",)),
    Page("/holds/preview", preview, Right.HOLD, ("POST",)),
    Page("/holds/suggestions", suggestions, Right.HOLD),
    Page("/holds/suggestions", suggestion, Right.HOLD, ("POST",)),
)
