"""What people do about terms: a change of regime for what is decided already, and what was born expired.

A change is worked out, agreed to by another person, and then done in parts; one that broke off is finished by `finish`.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from ingestd.core.approvals import ApprovedAct, chain_of
from ingestd.core.custody import Act
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.regime_changes import ChangePlan, Tally
from ingestd.core.retention_rules import TermRules
from ingestd.core.term_acts import (
    ApproveChange,
    PlanChange,
    Request,
    SettleAges,
    applied_act,
    approving_act,
    planned_act,
    refuse_station,
    settled_act,
)
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.redecide import decisions, enter_anew, redecided
from ingestd.pipeline.register import adoption_of
from ingestd.stores.terms import Row, TermBook

Document = dict[str, Any]


class TermDesk:
    """The one counter of a station for terms. Safe from many threads; plans and changes go through all that is stored.

    Args:
        parts: asked anew each time, because a reload may change the regime.
    """

    def __init__(self, parts: Callable[[], Parts]) -> None:
        self._parts = parts
        self._lock = threading.Lock()

    def enter(self, requests: Sequence[Request]) -> list[Document]:
        """Do what is asked, one after the other; an answer for each.

        Raises:
            NotFoundError, RefusedError: one cannot be followed; those before it stand.
            StoppedError: the station ends; a change that was approved is finished by the next start.
            StoreError: as of `Chronicle.enter`.
        """
        return [self._entered(request) for request in requests]

    def finish(self) -> int:
        """Do the rest of what was approved or settled before the station ended; gives how many acts that were."""
        with self._lock:
            parts = self._parts()
            book = TermBook(parts.chronicle.engine)
            entered = 0
            for row in book.unfinished_changes():
                rules = book.editions([row["to_sha256"]])[row["to_sha256"]]
                entered += _apply(parts, row["change_id"], rules)
            return entered + enter_anew(
                parts, book.settled_and_waiting(), because="retention.age_settled", are_tags_asked=False
            )

    def _entered(self, request: Request) -> Document:
        with self._lock:
            match request:
                case PlanChange():
                    return self._plan(request)
                case ApproveChange():
                    return self._approve(request)
                case SettleAges():
                    return self._settle(request)

    def _plan(self, request: PlanChange) -> Document:
        refuse_station(request.by)
        parts = self._parts()
        rules, book = parts.regime.term_rules, TermBook(parts.chronicle.engine)
        plan = _worked_out(parts, rules)
        if plan.recordings == 0:
            return {"change": None, "plan": plan.model_dump(mode="json")}
        for row in book.changes():
            if row["approved_at"] is None and _plan_of(row) == plan and row["planned_by"] == request.by:
                return {"change": row["change_id"], "plan": plan.model_dump(mode="json")}
        acts = [] if book.has_edition(rules.sha256) else [adoption_of(rules)]
        entries = parts.chronicle.enter(*acts, planned_act(plan, request))
        return {"change": entries[-1].seq, "plan": plan.model_dump(mode="json")}

    def _approve(self, request: ApproveChange) -> Document:
        parts = self._parts()
        book, rules = TermBook(parts.chronicle.engine), parts.regime.term_rules
        row = book.change(request.change)
        if row is None:
            raise NotFoundError(f"there is no change {request.change}", "see: ingestd retention change list")
        if row["approved_at"] is not None:
            raise RefusedError(f"change {request.change} is approved already", "see: ingestd retention change list")
        given = [one["by"] for one in row["approvals"]]
        chain = chain_of(parts.regime.approvals, ApprovedAct.REGIME_CHANGE)
        act = approving_act(request, planned_by=row["planned_by"], given=given, chain=chain)
        advice = "plan it anew: ingestd retention change plan"
        if row["to_sha256"] != rules.sha256:
            raise RefusedError(f"the regime was changed again since change {request.change} was planned", advice)
        if _worked_out(parts, rules).rows_sha256 != row["document"]["rows_sha256"]:
            raise RefusedError(f"what is decided changed since change {request.change} was planned", advice)
        parts.chronicle.enter(act)
        is_last = bool(act.data["is_last"])
        done = _apply(parts, request.change, rules) if is_last else 0
        return {"change": request.change, "is_approved": is_last, "redecided": done}

    def _settle(self, request: SettleAges) -> Document:
        parts = self._parts()
        book = TermBook(parts.chronicle.engine)
        if request.docking is not None:
            named = book.aged_of_docking(str(parts.catalogue.docking(request.docking)["docking_id"]))
        else:
            named = [str(parts.catalogue.recording(one)["recording_id"]) for one in request.recordings]
        waiting = book.among_aged(named)
        acts: list[Act] = [settled_act(one, request) for one in sorted(waiting)]
        if not acts:
            raise RefusedError("none of it waits for a person", "see: ingestd retention born-expired list")
        parts.chronicle.enter(*acts)
        enter_anew(parts, waiting, because="retention.age_settled", are_tags_asked=False)
        return {"settled": sorted(waiting), "others": sorted(set(named) - waiting)}


def _plan_of(row: Row) -> ChangePlan:
    return ChangePlan.model_validate({key: row["document"][key] for key in ChangePlan.model_fields})


def _worked_out(parts: Parts, rules: TermRules) -> ChangePlan:
    tally = Tally()
    for some in TermBook(parts.chronicle.engine).under_other_editions(rules.sha256):
        parts.stop.check()
        for bearing, before, after in decisions(parts, some, rules):
            tally.add(bearing.row["recording_id"], before, after)
    return tally.plan(rules)


def _apply(parts: Parts, change_id: int, rules: TermRules) -> int:
    entered = 0
    for some in TermBook(parts.chronicle.engine).under_other_editions(rules.sha256):
        parts.stop.check()
        with parts.deciding:
            acts = redecided(parts, some, f"retention.change_approved {change_id}", rules)
            if acts:
                parts.chronicle.enter(*acts)
        entered += len(acts)
    parts.chronicle.enter(applied_act(change_id))
    return entered
