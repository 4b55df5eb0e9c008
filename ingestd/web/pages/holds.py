"""Holds (长期保存): which stand, which are to be looked at again, what each covers, and how one ends."""

from typing import Any, Final

from starlette.responses import Response

from ingestd.answers.hold_words import ACT_WORDS
from ingestd.core.approvals import ApprovedAct, chain_of, is_same_person
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.hold_acts import Approve, Refuse, Release, Review, given_of
from ingestd.core.holds import (
    Hold,
    HoldReason,
    HoldStanding,
    Judgement,
)
from ingestd.core.roles import Right
from ingestd.web.console import built
from ingestd.web.hold_scopes import scope_words
from ingestd.web.refusals import refusal_words
from ingestd.web.scope import question_scope, seen
from ingestd.web.visit import Page, Visit
from ingestd.web.words import half
from ingestd.wiring import open_catalogue, open_holds

Document = dict[str, Any]

_PAGE: Final = 50
_MOST_UNKNOWN: Final = 20


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


STANDINGS: Final = {
    HoldStanding.STANDING: _("stands"),
    HoldStanding.TO_REVIEW: _("to be reviewed"),
    HoldStanding.RELEASED: _("released"),
}
_ANYTHING: Final = "all"


def holds(visit: Visit) -> Response:
    """The list, the newest first; those that stand where nothing else is asked for."""
    asked = visit.query.get("standing", HoldStanding.STANDING)
    standing = next((one for one in HoldStanding if one == asked), None)
    reason = visit.query.get("reason", "")
    requester, after = visit.query.get("requester", "").strip(), visit.query.get("after", "")
    scope, book, today = question_scope(visit), open_holds(visit.console.settings), today_of(visit)
    found = book.page(
        standing, today=today, reason=reason, requester=requester, scope=scope, after=after, limit=_PAGE + 1
    )
    more = found[_PAGE - 1][0].hold_id if len(found) > _PAGE else ""
    return visit.page(
        "holds.html",
        found=found[:_PAGE],
        more=more,
        standings=STANDINGS,
        standing=standing or _ANYTHING,
        reasons=list(HoldReason),
        reason=reason,
        requester=requester,
        scope_words=lambda one: scope_words(visit, one),
        state_words=lambda one: state_words(visit, one),
        to_review=book.counts(today)[1] if scope.is_whole else None,
        today=today,
    )


def hold(visit: Visit, status: int = 200, fault: str = "") -> Response:
    """One hold: what it covers, what it may cover and nobody knows, its history, and what can be done about it."""
    book = open_holds(visit.console.settings)
    found = visible_hold(visit, visit.path["number"])
    after = visit.query.get("after", "")
    ids = book.recordings_of(found.hold_id, after=after, limit=_PAGE + 1)
    covered = seen(visit, book.described(ids[:_PAGE]))
    unknown = [one for one, told in book.judged(found.scope).items() if found.is_standing and told is Judgement.UNKNOWN]
    shown = seen(visit, book.described(unknown[:_MOST_UNKNOWN]))
    return visit.page(
        "hold.html",
        status,
        hold=found,
        size=book.sizes_of([found.hold_id]).get(found.hold_id, 0),
        covered=covered,
        hidden=len(ids[:_PAGE]) - len(covered),
        more=ids[_PAGE - 1] if len(ids) > _PAGE else "",
        unknown=shown,
        unknown_count=len(unknown),
        history=book.history(found.hold_id),
        act_words=lambda row: half(ACT_WORDS[row["act"]], visit.language),
        note_words=note_words,
        scope_line=scope_words(visit, found.scope),
        state_line=state_words(visit, found),
        may_not=_may_not_approve(visit, found),
        is_due=found.is_to_review(today_of(visit)),
        typed=visit.form,
        fault=fault,
    )


def review(visit: Visit) -> Response:
    """Somebody looked; the hold is still needed."""
    fields = {"hold": visit.path["number"], "review_on": visit.text("review_on"), "note": visit.text("note")}
    return _done(visit, Review, fields, visit.t("Reviewed. The hold stays."))


def release(visit: Visit) -> Response:
    """Ask for the release."""
    fields = {"hold": visit.path["number"], "reason": visit.text("reason")}
    return _done(visit, Release, fields, visit.t("Asked for. The hold stands until another person agrees."))


def approve(visit: Visit) -> Response:
    """Agree to the release, as another person."""
    number = visible_hold(visit, visit.path["number"]).hold_id
    try:
        request = built(Approve, visit.visitor, {"hold": number, "note": visit.text("note")})
        (answer,) = visit.console.act("hold", [request])
    except RefusedError as error:
        return hold(visit, 409, refusal_words(visit, error))
    said = visit.t("Agreed. One more person has to agree before the hold ends.")
    if answer["act"] == "hold.released":
        said = visit.t("The hold is released. What it covered follows its ordinary terms again.")
    return visit.go(f"/holds/{number}", said)


def refuse(visit: Visit) -> Response:
    """The hold stays, and the wish to end it is done with."""
    fields = {"hold": visit.path["number"], "reason": visit.text("reason")}
    return _done(visit, Refuse, fields, visit.t("Refused. The hold stays."))


def _done(visit: Visit, kind: type[Any], fields: Document, said: str) -> Response:
    number = visible_hold(visit, visit.path["number"]).hold_id
    try:
        visit.console.act("hold", [built(kind, visit.visitor, fields)])
    except RefusedError as error:
        return hold(visit, 409, refusal_words(visit, error))
    return visit.go(f"/holds/{number}", said)


def _may_not_approve(visit: Visit, found: Hold) -> bool:
    """Whether whoever looks has a hand in the wish to end it already."""
    if found.release is None:
        return False
    chain = chain_of(visit.console.configuration.regime.approvals, ApprovedAct.HOLD_RELEASE)
    given = (*given_of(found, chain), found.release.by)
    return any(is_same_person(visit.visitor.person, one) for one in given)


# What several pages of holds share


def today_of(visit: Visit) -> Any:
    """The bureau's own day."""
    return visit.console.clock.now().astimezone(visit.console.settings.station.zone_info).date()


def visible_hold(visit: Visit, number: str) -> Hold:
    """A hold that whoever asks may see: one that covers footage of the own units, or that the person placed.

    Raises:
        NotFoundError: there is none, or it is outside of the scope.
    """
    book = open_holds(visit.console.settings)
    found, person = book.find(number), visit.visitor.person
    if found is None or not (book.is_of(number, question_scope(visit)) or person in (found.placed_by, found.requester)):
        raise NotFoundError(visit.t("There is no hold {0}.").format(number))
    return found


def state_words(visit: Visit, found: Hold) -> str:
    """How a hold stands."""
    if found.released_at is not None:
        return visit.t("released by {0}").format(visit.t(", ").join(found.released_by))
    if found.release is not None:
        return visit.t("{0} asks for its release").format(found.release.by)
    return visit.t("stands")


def note_words(row: Document) -> str:
    """What an act about a hold says besides, as it was written."""
    document = row["document"]
    match row["act"]:
        case "hold.reviewed":
            return " ".join(filter(None, (f"→ {document['after']['review_on']}", document["note"])))
        case "hold.placed":
            return str(document["after"]["basis"])
        case "hold.released" | "hold.release_approved":
            return str(document.get("note") or "")
        case _:
            return str(document.get("reason") or "")


def has_recording(visit: Visit, named: str) -> Document:
    """The row of a recording in the scope.

    Raises:
        NotFoundError: there is none.
    """
    row = open_catalogue(visit.console.settings).recording(named)
    if not seen(visit, [row]):
        raise NotFoundError(f"no recording answers to {named!r}")
    return row


PAGES = (
    Page("/holds", holds, Right.SEE),
    Page("/holds/{number}", hold, Right.SEE),
    Page("/holds/{number}/review", review, Right.HOLD, ("POST",)),
    Page("/holds/{number}/release", release, Right.RELEASE_HOLD, ("POST",)),
    Page("/holds/{number}/approve", approve, Right.RELEASE_HOLD, ("POST",)),
    Page("/holds/{number}/refuse", refuse, Right.RELEASE_HOLD, ("POST",)),
)
