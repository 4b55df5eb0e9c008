"""Disposal (销毁): what is due, plans and who agreed to them, what is taken out of them again, certificates."""

import base64
import datetime as dt
import hashlib
import re
from itertools import islice
from typing import Any, Final

from starlette.responses import HTMLResponse, Response

from ingestd.answers.disposals import vault_bytes, vault_document
from ingestd.core.approvals import ApprovedAct, chain_of, is_same_person
from ingestd.core.clock import from_text, to_text
from ingestd.core.disposal import DisposalPlan, ItemState, PlanState, SparedWhy
from ingestd.core.disposal_acts import MOST_RECORDINGS, Approve, Plan, Recover, Refuse, Run, is_grace_over
from ingestd.core.disposal_pages import STYLE, certificate_page, plan_page
from ingestd.core.errors import IntegrityError, NotFoundError, RefusedError
from ingestd.core.roles import Right
from ingestd.web.console import built
from ingestd.web.refusals import refusal_words
from ingestd.web.scope import question_scope, seen
from ingestd.web.visit import Page, Visit
from ingestd.wiring import open_disposals, open_holds

Document = dict[str, Any]

_PAGE: Final = 100
_RUN_SECONDS: Final = 3600.0
_HOLD: Final = re.compile(r"\bH\d{4}-\d{4,}\b")
_PRINTED: Final = {
    # The printed documents bring their own few rules of style and nothing else.
    "Content-Security-Policy": "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; frame-ancestors 'none'"
}


def disposals(visit: Visit, status: int = 200, fault: str = "") -> Response:
    """The plans, the newest first, how much is due, and whether the bureau has set disposal at all."""
    settings, book = visit.console.settings, open_disposals(visit.console.settings)
    now = visit.console.clock.now()
    count, size_bytes = book.count_due(to_text(now))
    plans = sorted(book.plans(), key=lambda one: one.planned_at, reverse=True)
    return visit.page(
        "disposals.html",
        status,
        rules=settings.disposal,
        chain=chain_of(visit.console.configuration.regime.approvals, ApprovedAct.DISPOSAL),
        is_whole=question_scope(visit).is_whole,
        due=count,
        due_bytes=size_bytes,
        plans=plans,
        is_ready=lambda one: is_grace_over(one, now),
        fault=fault,
    )


def drafted(visit: Visit, status: int = 200, fault: str = "") -> Response:
    """What a plan would take now, and under which rules; nothing is entered."""
    _refuse_part(visit)
    until, limit = visit.query.get("until", ""), visit.query.get("limit", "")
    told: Document | None = None
    try:
        fields = {"is_dry_run": True, "until": until or None, "limit": limit or 10_000}
        told = visit.console.ask("disposal", request=built(Plan, visit.visitor, fields).model_dump(mode="json"))[
            "document"
        ]
    except RefusedError as error:
        status, fault = 409, refusal_words(visit, error)
    return visit.page(
        "disposal_draft.html",
        status,
        told=told,
        shown=told["recordings"][:_PAGE] if told else [],
        spared=told["spared"][:_PAGE] if told else [],
        spared_words=lambda one: SparedWhy(one).words,
        hold_numbers=_HOLD.findall,
        until=until,
        limit=limit,
        most=MOST_RECORDINGS,
        rules=visit.console.settings.disposal,
        fault=fault,
    )


def planned(visit: Visit) -> Response:
    """Enter a plan. Nothing is destroyed by planning."""
    _refuse_part(visit)
    fields: Document = {"reason": visit.text("reason"), "until": visit.text("until") or None}
    fields |= {"limit": visit.text("limit") or 10_000}
    try:
        answer = _asked(visit, built(Plan, visit.visitor, fields))
    except RefusedError as error:
        return disposals(visit, 409, refusal_words(visit, error))
    return visit.go(f"/disposals/{answer['number']}", visit.t("Planned. Nothing is destroyed before it is approved."))


def disposal(visit: Visit, status: int = 200, fault: str = "") -> Response:
    """One plan: what it names, who agreed, how long things can be taken out, and what became of each."""
    settings, book = visit.console.settings, open_disposals(visit.console.settings)
    plan, now = book.plan(visit.path["number"]), visit.console.clock.now()
    after = int(visit.query.get("after", "-1")) if visit.query.get("after", "").isdecimal() else -1
    broken = ""
    try:
        document = vault_document(settings, plan.plan, plan.plan_sha256)
    except IntegrityError as error:
        document, broken = {"recordings": [], "bases": [], "spared": [], "totals": {}}, error.message
    page = list(islice(book.items(plan.number, after=after), _PAGE + 1))
    items = seen(visit, [{"recording_id": one["recording_id"], "item": one} for one in page[:_PAGE]])
    chain = chain_of(visit.console.configuration.regime.approvals, ApprovedAct.DISPOSAL)
    rows = open_holds(settings).described([one["recording_id"] for one in items])
    # As it was planned; where the document cannot be read, as it stands.
    described = {one["recording_id"]: one for one in (*rows, *document["recordings"])}
    return visit.page(
        "disposal.html",
        status,
        plan=plan,
        counts=book.counts_of(plan.number),
        chain=chain,
        bases=document["bases"],
        spared=seen(visit, document["spared"][:_PAGE]),
        rows=[(one["item"], described[one["recording_id"]]) for one in items],
        hidden=len(page[:_PAGE]) - len(items),
        more=page[_PAGE - 1]["position"] if len(page) > _PAGE else None,
        left=_left(plan, now),
        is_ready=is_grace_over(plan, now),
        has_agreed=any(is_same_person(visit.visitor.person, one.by) for one in plan.approvals),
        may_not_as_planner=not chain.may_requester_approve and is_same_person(visit.visitor.person, plan.planned_by),
        is_whole=question_scope(visit).is_whole,
        is_enabled=settings.disposal.is_enabled,
        state_words=lambda one: ItemState(one).words,
        spared_words=lambda one: SparedWhy(one).words,
        hold_numbers=_HOLD.findall,
        is_waiting=lambda one: one["state"] == ItemState.PLANNED,
        PlanState=PlanState,
        broken=broken,
        fault=fault,
    )


def approve(visit: Visit) -> Response:
    """Agree to the plan that was read: its digest comes with the form."""
    number = visit.path["number"]
    fields = {"number": number, "plan_sha256": visit.text("plan_sha256"), "words": visit.text("words")}
    try:
        if not fields["plan_sha256"]:
            raise RefusedError(f"the plan {number} that was read is not the one that stands")
        answer = _asked(visit, built(Approve, visit.visitor, fields))
    except RefusedError as error:
        return disposal(visit, 409, refusal_words(visit, error))
    said = visit.t("Agreed. Another person has to agree as well.")
    if answer["state"] == PlanState.APPROVED:
        said = visit.t("Agreed, by everybody who has to. The days in which recordings can be taken out begin.")
    return visit.go(f"/disposals/{number}", said)


def refuse(visit: Visit) -> Response:
    """End the plan."""
    fields = {"number": visit.path["number"], "reason": visit.text("reason")}
    return _done(visit, Refuse, fields, visit.t("Refused. Nothing is destroyed by this plan."))


def recover(visit: Visit) -> Response:
    """Take recordings out of the plan."""
    chosen = visit.texts("recording")
    if not chosen and visit.text("do") != "all":
        return disposal(visit, 409, visit.t("Choose what is to be taken out."))
    fields = {"number": visit.path["number"], "recordings": chosen, "reason": visit.text("reason")}
    return _done(visit, Recover, fields, visit.t("Taken out. It is kept, and the certificate names it."))


def run(visit: Visit) -> Response:
    """Carry an approved plan out; each recording is looked at once more before its bytes go."""
    number = visit.path["number"]
    try:
        answer = _asked(visit, built(Run, visit.visitor, {"number": number}))
    except (RefusedError, IntegrityError) as error:
        return disposal(visit, 409, refusal_words(visit, error))
    said = visit.t("Done. What was kept, and why, stands in the list.")
    if answer["waiting"]:
        said = visit.t("Not all of it is done: {0} recordings wait.").format(len(answer["waiting"]))
    return visit.go(f"/disposals/{number}", said)


def _done(visit: Visit, kind: type[Any], fields: Document, said: str) -> Response:
    try:
        _asked(visit, built(kind, visit.visitor, fields))
    except RefusedError as error:
        return disposal(visit, 409, refusal_words(visit, error))
    return visit.go(f"/disposals/{visit.path['number']}", said)


def _asked(visit: Visit, request: Plan | Approve | Refuse | Recover | Run) -> Document:
    answer: Document = visit.console.ask("disposal", seconds=_RUN_SECONDS, request=request.model_dump(mode="json"))
    return answer


# Documents, as they are printed and kept


def printed_list(visit: Visit) -> Response:
    """The list for the approvers (销毁清册), to be printed and signed."""
    _refuse_part(visit)
    settings = visit.console.settings
    plan = open_disposals(settings).plan(visit.path["number"])
    if visit.query.get("format") == "json":
        return _download(vault_bytes(settings, plan.plan, plan.plan_sha256), f"{plan.number}-plan.json")
    document = vault_document(settings, plan.plan, plan.plan_sha256)
    return HTMLResponse(plan_page(document, plan.plan_sha256, settings.station.zone_info), headers=_PRINTED)


def certificate(visit: Visit) -> Response:
    """The certificate (销毁证明), checked against the digest that the ledger has of it."""
    _refuse_part(visit)
    settings = visit.console.settings
    plan = open_disposals(settings).plan(visit.path["number"])
    if plan.certificate is None or plan.certificate_sha256 is None:
        raise NotFoundError(visit.t("Plan {0} has no certificate.").format(plan.number))
    if visit.query.get("format") == "json":
        data = vault_bytes(settings, plan.certificate, plan.certificate_sha256)
        return _download(data, f"{plan.number}-certificate.json")
    document = vault_document(settings, plan.certificate, plan.certificate_sha256)
    page = certificate_page(document, plan.certificate_sha256, settings.station.zone_info)
    return HTMLResponse(page, headers=_PRINTED)


def _download(data: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(data, media_type="application/json", headers=headers)


def _refuse_part(visit: Visit) -> None:
    """Lists and certificates name footage of the whole bureau.

    Raises:
        RefusedError: whoever asks sees only a part of it.
    """
    if not question_scope(visit).is_whole:
        raise RefusedError(visit.t("This names footage of the whole bureau, and you see only that of your units."))


def _left(plan: DisposalPlan, now: dt.datetime) -> dt.timedelta | None:
    """How long recordings can still be taken out; null where no such time runs."""
    if plan.state is not PlanState.APPROVED or plan.grace_until is None:
        return None
    return max(from_text(plan.grace_until) - now, dt.timedelta())


PAGES = (
    Page("/disposals", disposals, Right.SEE),
    Page("/disposals/new", drafted, Right.DISPOSAL),
    Page("/disposals/new", planned, Right.DISPOSAL, ("POST",)),
    Page("/disposals/{number}", disposal, Right.SEE),
    Page("/disposals/{number}/list", printed_list, Right.SEE),
    Page("/disposals/{number}/certificate", certificate, Right.SEE),
    Page("/disposals/{number}/approve", approve, Right.APPROVE_DISPOSAL, ("POST",)),
    Page("/disposals/{number}/refuse", refuse, Right.APPROVE_DISPOSAL, ("POST",)),
    Page("/disposals/{number}/recover", recover, Right.DISPOSAL, ("POST",)),
    Page("/disposals/{number}/run", run, Right.DISPOSAL, ("POST",)),
)
