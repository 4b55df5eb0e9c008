"""Requests to view or copy footage (调用单): asked, approved by somebody else, used, ended."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from ingestd.answers.access import ACT_WORDS, request_document
from ingestd.core.access import AccessRequest, AccessState, Capacity
from ingestd.core.access_acts import Approve, Ask, Close, Refuse, Withdraw, check_approver
from ingestd.core.access_rules import AccessKind, AccessRule, Viewer, rule_for
from ingestd.core.approvals import ApprovalRule, ApprovedAct, chain_of, is_same_person
from ingestd.core.clock import to_text
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.localdays import end_of_day
from ingestd.core.roles import Right
from ingestd.stores.access import ViewQuestion
from ingestd.web.access_words import access_refusal
from ingestd.web.console import built
from ingestd.web.languages import Language
from ingestd.web.scope import check_seen, may_see_case, question_scope, seen
from ingestd.web.visit import Page, Visit
from ingestd.web.words import half
from ingestd.wiring import open_access, open_cases, open_catalogue, open_holds

Document = dict[str, Any]

_PAGE: Final = 50
_MOST_SHOWN: Final = 200
MARKS: Final[Mapping[AccessState, str]] = {
    AccessState.ASKED: "warn",
    AccessState.APPROVED: "good",
    AccessState.USED: "good",
    AccessState.REFUSED: "bad",
}


def may_see_all(visit: Visit) -> bool:
    """Whether whoever asks sees requests of others: who approves, keeps the archive, or audits."""
    return visit.may(Right.APPROVE_ACCESS) or visit.may(Right.VIEWS)


def shows_of(visit: Visit) -> list[str]:
    """The lists of requests that there are for whoever asks."""
    waiting = ["waiting"] if visit.may(Right.APPROVE_ACCESS) else []
    return [*waiting, "mine", *(["all"] if may_see_all(visit) else [])]


def requests(visit: Visit) -> Response:
    """The lists: my own, those that wait for an approval, all."""
    shows = shows_of(visit)
    asked = visit.query.get("show", "waiting" if "waiting" in shows else "mine")
    show = asked if asked in shows else "mine"
    book = open_access(visit.console.settings)
    found = book.requests(
        account=visit.visitor.account if show == "mine" else None,
        is_waiting=show == "waiting",
        before=_before(visit.query.get("after", "")),
        limit=_PAGE + 1,
    )
    counts = book.counts([one.number for one in found])
    last = found[_PAGE - 1] if len(found) > _PAGE else None
    rows = [_told(visit, one, counts[one.number]) for one in _visible(visit, found[:_PAGE])]
    return visit.page(
        "access.html",
        show=show,
        shows=shows,
        rows=rows,
        waiting=book.waiting() if "waiting" in shows else 0,
        more=f"{last.asked_at},{last.number}" if last is not None else "",
    )


def new(visit: Visit, status: int = 200, fault: str = "") -> Response:
    """The form of a new request."""
    named = {name: visit.text(name) or visit.query.get(name, "") for name in ("recording", "take", "case")}
    recordings: list[Document] = []
    try:
        recordings = _wanted(visit, named) if any(named.values()) else []
    except (RefusedError, NotFoundError) as error:
        status, fault = (status, fault) if fault else (404, access_refusal(visit, error))
    rules, viewers = visit.console.configuration.regime.access, [Viewer.OFFICER]
    return visit.page(
        "access_new.html",
        status,
        shows=shows_of(visit),
        said=lambda note: said_in(note, visit.language),
        named=named,
        recordings=recordings[:_MOST_SHOWN],
        count=len(recordings),
        kinds=list(AccessKind),
        capacities=list(Capacity),
        typed=visit.form,
        rules=[(kind, rule_for(rules, kind, viewers, is_secret=False), _chain(visit, kind)) for kind in AccessKind],
        outside=rule_for(rules, AccessKind.COPY, [Viewer.OUTSIDE], is_secret=False),
        today=_today(visit),
        fault=fault,
    )


def ask(visit: Visit) -> Response:
    """Enter a request."""
    named = {name: visit.text(name) for name in ("recording", "take", "case")}
    try:
        if any(named.values()):
            _wanted(visit, named)
        fields = {
            "account": visit.visitor.account,
            "kind": visit.text("kind"),
            "applicant": visit.text("applicant"),
            "capacity": visit.text("capacity"),
            "unit": visit.text("unit"),
            "contact": visit.text("contact"),
            "purpose": visit.text("purpose"),
            "recordings": tuple(named["recording"].split()),
            "take": named["take"],
            "case": named["case"] or None,
            "wanted_until": visit.text("wanted_until") or None,
            "uses": visit.text("uses") or None,
        }
        (answer,) = visit.console.act("access", [built(Ask, visit.visitor, fields)])
    except (RefusedError, NotFoundError) as error:
        return new(visit, 409, access_refusal(visit, error))
    return visit.go(f"/access/{answer['subject']}", visit.t("Asked for. It opens once somebody else approves it."))


def request(visit: Visit, status: int = 200, fault: str = "") -> Response:
    """One request, as the paper form has it, with what can be done about it."""
    found = visible_request(visit, visit.path["number"])
    settings = visit.console.settings
    book, now = open_access(settings), visit.console.clock.now()
    counts = book.counts([found.number])[found.number]
    chain, rule, flags = _chain(visit, found.kind), _rule(visit, found), book.secret_flags(found.recordings)
    rows = open_holds(settings).described(found.recordings[:_MOST_SHOWN])
    visible = {row["recording_id"] for row in seen(visit, rows)}
    names = {row["recording_id"]: row["card_path"].rpartition("/")[2] for row in rows}
    is_mine = found.account == visit.visitor.account
    state = found.state(counts, now)
    return visit.page(
        "access_request.html",
        status,
        shows=shows_of(visit),
        said=lambda note: said_in(note, visit.language),
        one=found,
        told=request_document(found, counts, chain, now),
        state=state,
        mark=MARKS.get(state, ""),
        counts=counts,
        rows=rows,
        links=visible | (set(names) if is_mine and state.is_opening else set()),
        chain=chain,
        rule=rule,
        flags=sorted(flag.words for flag in flags),
        history=book.history(found.number),
        act_words=lambda row: half(ACT_WORDS[row["act"]], visit.language),
        note_words=_note_words,
        views=book.views(ViewQuestion(request=found.number), limit=_PAGE),
        names=names,
        why_not=_why_not(visit, found, chain, rule),
        may_close=_may_close(visit, found),
        is_mine=is_same_person(found.asked_by, visit.visitor.person),
        until=_last_day(visit, found, rule),
        today=_today(visit),
        typed=visit.form,
        fault=fault,
    )


def approve(visit: Visit) -> Response:
    """Agree to it."""
    found = visible_request(visit, visit.path["number"])
    try:
        until = visit.text("valid_until")
        fields = {
            "number": found.number,
            "valid_until": to_text(_end_of(visit, until)) if until else None,
            "uses": visit.text("uses") or None,
            "note": visit.text("note"),
        }
        visit.console.act("access", [built(Approve, visit.visitor, fields)])
    except RefusedError as error:
        return request(visit, 409, access_refusal(visit, error))
    after = open_access(visit.console.settings).request(found.number)
    said = visit.t("Approved. One more person has to approve before it opens.")
    if after.approved_at is not None:
        said = visit.t("Approved. It is open to {0} now; each view is registered.").format(found.asked_by)
    return visit.go(f"/access/{found.number}", said)


def refuse(visit: Visit) -> Response:
    """Not agree to it."""
    return _done(visit, Refuse, {"reason": visit.text("reason")}, visit.t("Refused."))


def withdraw(visit: Visit) -> Response:
    """Who asked needs it no more."""
    return _done(visit, Withdraw, {"reason": visit.text("reason")}, visit.t("Withdrawn."))


def close(visit: Visit) -> Response:
    """The matter is done with, or the approval is taken back."""
    found = visible_request(visit, visit.path["number"])
    if not _may_close(visit, found):
        return visit.page("error.html", 403, error=None, code=403)
    return _done(visit, Close, {"reason": visit.text("reason")}, visit.t("Closed. It opens nothing any more."))


def visible_request(visit: Visit, number: str) -> AccessRequest:
    """A request that whoever asks may see: an own one, or one about footage of the own units.

    Raises:
        NotFoundError: there is none, or it is not for them.
    """
    found = open_access(visit.console.settings).find(number)
    if found is None or not _visible(visit, [found]):
        raise NotFoundError(visit.t("There is no request {0}.").format(number))
    return found


def _visible(visit: Visit, found: list[AccessRequest]) -> list[AccessRequest]:
    account, is_whole = visit.visitor.account, question_scope(visit).is_whole

    def is_visible(one: AccessRequest) -> bool:
        if one.account == account:
            return True
        if not may_see_all(visit):
            return False
        return is_whole or bool(seen(visit, [{"recording_id": each} for each in one.recordings[:_MOST_SHOWN]]))

    return [one for one in found if is_visible(one)]


def _told(visit: Visit, one: AccessRequest, counts: Mapping[str, int]) -> Document:
    now = visit.console.clock.now()
    state = one.state(counts, now)
    told = request_document(one, counts, _chain(visit, one.kind), now)
    return {**told, "one": one, "state_words": half(state.words, visit.language), "mark": MARKS.get(state, "")}


def _wanted(visit: Visit, named: Mapping[str, str]) -> list[Document]:
    """The recordings that a form names, each of which whoever asks may see, or belongs to a case that they may see.

    Raises:
        NotFoundError: something that it names is not there, or not for them.
    """
    settings = visit.console.settings
    catalogue, cases = open_catalogue(settings), open_cases(settings)
    described = open_holds(settings).described
    found: dict[str, Document] = {}
    if named["case"]:
        case = cases.find(named["case"])
        if case is None or not may_see_case(visit, case):
            raise RefusedError(f"case {named['case']} is not in the register")
        rows = described(cases.recordings_of(named["case"]))
        found.update({row["recording_id"]: row for row in rows})
    for one in named["recording"].split():
        row = catalogue.recording(one)
        check_seen(visit, row)
        found[row["recording_id"]] = row
    if named["take"]:
        rows = seen(visit, described(cases.recordings_of_take(named["take"])))
        if not rows:
            raise RefusedError("that is no take")
        found.update({row["recording_id"]: row for row in rows})
    return list(found.values())


def _done(visit: Visit, kind: type[Any], fields: Document, said: str) -> Response:
    number = visible_request(visit, visit.path["number"]).number
    try:
        visit.console.act("access", [built(kind, visit.visitor, {**fields, "number": number})])
    except RefusedError as error:
        return request(visit, 409, access_refusal(visit, error))
    return visit.go(f"/access/{number}", said)


def said_in(note: str, language: Language) -> str:
    """The part of a note of a regime file that is in a language: English sentences first, Chinese ones behind them."""
    first = next((at for at, letter in enumerate(note) if "\u4e00" <= letter <= "\u9fff"), len(note))
    return (note[first:] if language == "zh" else note[:first].rstrip()) or note


def _why_not(visit: Visit, found: AccessRequest, chain: ApprovalRule, rule: AccessRule) -> str:
    """Why whoever looks cannot approve it; empty where they can."""
    if rule.is_excluded:
        return visit.t("It is flagged as secret or private; the regime gives it to nobody.")
    try:
        check_approver(found, chain, visit.visitor.person)
    except RefusedError as error:
        return access_refusal(visit, error)
    return ""


def _may_close(visit: Visit, found: AccessRequest) -> bool:
    is_own = found.account == visit.visitor.account
    return not found.ended_as and found.approved_at is not None and (is_own or visit.may(Right.APPROVE_ACCESS))


def _chain(visit: Visit, kind: AccessKind) -> ApprovalRule:
    act = ApprovedAct.COPY if kind is AccessKind.COPY else ApprovedAct.VIEW
    return chain_of(visit.console.configuration.regime.approvals, act)


def _rule(visit: Visit, found: AccessRequest) -> AccessRule:
    viewer = Viewer.OUTSIDE if found.capacity.is_outside else Viewer.OFFICER
    is_secret = bool(open_access(visit.console.settings).secret_flags(found.recordings))
    return rule_for(visit.console.configuration.regime.access, found.kind, [viewer], is_secret=is_secret)


def _last_day(visit: Visit, found: AccessRequest, rule: AccessRule) -> str:
    """The last day that an approval gives where the approver names no other."""
    latest = (_today(visit) + dt.timedelta(days=rule.valid_days)).isoformat()
    return min(found.wanted_until, latest) if found.wanted_until else latest


def _end_of(visit: Visit, day: str) -> dt.datetime:
    try:
        return end_of_day(dt.date.fromisoformat(day), visit.console.settings.station.zone_info)
    except (ValueError, OverflowError) as error:
        raise RefusedError(f"valid_until: {day}") from error


def _today(visit: Visit) -> dt.date:
    return visit.console.clock.now().astimezone(visit.console.settings.station.zone_info).date()


def _before(after: str) -> tuple[str, str] | None:
    moment, _, number = after.partition(",")
    return (moment, number) if number else None


def _note_words(row: Document) -> str:
    data = row["document"]
    if row["act"] == "access.asked":
        return str(data["after"]["purpose"])
    return str(data.get("note") or data.get("reason") or "")


PAGES = (
    Page("/access", requests, Right.ASK_ACCESS),
    Page("/access/new", new, Right.ASK_ACCESS),
    Page("/access/new", ask, Right.ASK_ACCESS, ("POST",)),
    Page("/access/{number}", request, Right.ASK_ACCESS),
    Page("/access/{number}/approve", approve, Right.APPROVE_ACCESS, ("POST",)),
    Page("/access/{number}/refuse", refuse, Right.APPROVE_ACCESS, ("POST",)),
    Page("/access/{number}/withdraw", withdraw, Right.ASK_ACCESS, ("POST",)),
    Page("/access/{number}/close", close, Right.ASK_ACCESS, ("POST",)),
)
