"""The counter at which disposals are planned, approved, run and certified. Nothing but a person's plan starts one."""

import datetime as dt
import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Final

from ingestd.core.approvals import ApprovalRule, ApprovedAct, chain_of
from ingestd.core.clock import to_text
from ingestd.core.custody import Act, Entry
from ingestd.core.disposal import (
    FOLDER,
    DisposalPlan,
    ItemState,
    PlanState,
    certificate_path,
    is_within,
    plan_path,
)
from ingestd.core.disposal_acts import (
    Approve,
    Plan,
    Recover,
    Refuse,
    Request,
    Run,
    approving_act,
    is_grace_over,
    recovering_act,
    refusing_act,
)
from ingestd.core.errors import RefusedError
from ingestd.core.ids import Sha256
from ingestd.core.localdays import end_of_day
from ingestd.core.manifest import sha256_of
from ingestd.core.regime import Regime
from ingestd.core.settings import Settings
from ingestd.retention.certificate import certificate_document
from ingestd.retention.dispose import Means, Waiting, dispose, finish
from ingestd.retention.plan import (
    ApprovedPlan,
    Share,
    approved,
    needed_store,
    plan_document,
    refuse_large,
    spared_because,
)
from ingestd.stores.disposal import DisposalBook
from ingestd.stores.durable import remove
from ingestd.stores.ledger import Head
from ingestd.stores.ledgertail import LedgerTail

Document = dict[str, Any]
Row = Mapping[str, Any]

_PAGE: Final = 500
_MOST_SPARED: Final = 1000
"""Recordings that a plan names as due and not taken; more are only counted."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Whose rules disposal follows, as they are at the moment; a reload may change them."""

    settings: Settings
    regime: Regime
    version: str

    @property
    def chain(self) -> ApprovalRule:
        """Who has to approve."""
        return chain_of(self.regime.approvals, ApprovedAct.DISPOSAL)


class DisposalDesk:
    """The one counter of a station for disposals. Safe from many threads; one disposal runs at a time.

    Args:
        means: what disposal works with.
        rules: asked anew each time.
    """

    def __init__(self, means: Means, rules: Callable[[], Rules]) -> None:
        self.means = means
        self._book = means.book
        self.rules = rules
        self._lock = threading.Lock()
        self._running = threading.Lock()

    def enter(self, request: Request) -> Document:
        """Do what a person asks for.

        Raises:
            NotFoundError, RefusedError: it cannot be followed; nothing was entered.
            StoreError: as of `Chronicle.enter`.
        """
        match request:
            case Plan():
                return self._plan(request)
            case Run():
                return self._run(request)
            case _:
                with self._lock:
                    self.means.chronicle.enter_decided(lambda: [self._decided(request)])
                return _summary(self._book.plan(request.number), self._book)

    def tick(self) -> list[Waiting]:
        """What the station does by itself: finish what is condemned, and run what is approved and due, in its hours.

        Raises:
            StoreError, StoppedError: the next tick goes on.
            RefusedError: the clock cannot be trusted; nothing was begun.
        """
        rules = self.rules()
        settings = rules.settings.disposal
        if not self._running.acquire(blocking=False):
            return []
        try:
            waiting = self._finish_all()
            local = self.means.clock.now().astimezone(rules.settings.station.zone_info).time()
            if settings.is_enabled and is_within(settings.window, local):
                for plan in self._ready():
                    waiting = self._carry_out(plan)
            return waiting
        finally:
            self._running.release()

    # Planning

    def _plan(self, request: Plan) -> Document:
        rules = self.rules()
        if not request.is_dry_run:
            self._refuse_disabled(rules)
            self._refuse_doubt()
        with self._lock:
            document = self._drawn_up(request, rules)
            if request.is_dry_run:
                return {"number": None, "document": document}
            totals = document["totals"]
            if not totals["recordings"]:
                raise RefusedError("nothing is due that may be disposed of", "see what is: retention plan --dry-run")
            self._refuse_share(totals, rules)
            self._sweep()
            number, path = document["number"], plan_path(document["number"])
            vault = self.means.vault
            vault.make_folder(f"{FOLDER}/{number}")
            data = vault.write_document(path, document)
            about = {"plan": path, "plan_sha256": sha256_of(data), "reason": request.reason}
            about |= {"recordings": totals["recordings"], "size_bytes": totals["bytes_removed"]}
            act = Act(act="disposal.planned", actor=request.by, subject=number, data=about)
            self.means.chronicle.enter(act, at_hand={path: data})
        return _summary(self._book.plan(number), self._book)

    def _drawn_up(self, request: Plan, rules: Rules) -> Document:
        now, station = self.means.clock.now(), rules.settings.station
        until = now if request.until is None else end_of_day(request.until - dt.timedelta(days=1), station.zone_info)
        rows, spared = self._due(min(now, until), now, request.limit)
        return plan_document(
            self._book.next_number(now.astimezone(station.zone_info).year),
            rows,
            self._book.sharers(row["sha256"] for row in rows),
            spared,
            made_at=now,
            made_by=request.by,
            reason=request.reason,
            station={"id": station.id, "name": station.name, "bureau": station.bureau},
            regime={"id": rules.regime.id, "version": rules.regime.version, "title": rules.regime.title},
            chain=rules.chain,
            grace_days=rules.settings.disposal.grace_days,
            head=self.means.chronicle.head,
        )

    def _due(self, until: dt.datetime, now: dt.datetime, limit: int) -> tuple[list[Row], list[Document]]:
        """What is due and may be planned, and what is due and spared; read in pages."""
        taken: list[Row] = []
        spared: list[Document] = []
        after = ("", "")
        while len(taken) < limit:
            page = self._book.due(to_text(until), limit=_PAGE, after=after)
            if not page:
                break
            after = (page[-1]["keep_until"], page[-1]["recording_id"])
            holds = self.means.holds_of(row["recording_id"] for row in page)
            for row in page:
                held = holds.get(row["recording_id"], ())
                reason = spared_because(row, None, now, holds=held, is_stale=False, is_arriving=False)
                if reason is None:
                    taken.append(row)
                elif len(spared) < _MOST_SPARED:
                    why, words = reason
                    spared.append({"recording_id": row["recording_id"], "why": why.value, "words": words})
        return taken[:limit], spared

    def _refuse_share(self, totals: Mapping[str, int], rules: Rules) -> None:
        most = rules.settings.disposal.max_share_percent
        recordings, size_bytes = totals["recordings"], totals["bytes_removed"]
        held, held_bytes = self._book.store_reaches(*needed_store(recordings, size_bytes, most))
        refuse_large(Share(recordings, size_bytes, held, held_bytes), most)

    def _sweep(self) -> None:
        """Remove plans that a crash left without an act; nothing was promised by them."""
        root = self.means.vault.path(FOLDER)
        known = {plan.number for plan in self._book.plans()}
        for folder in root.iterdir() if root.is_dir() else ():
            if folder.name not in known:
                for path in folder.iterdir():
                    remove(path)
                with suppress(OSError):
                    folder.rmdir()

    # Deciding on a plan

    def _decided(self, request: Approve | Refuse | Recover) -> Act:
        plan, rules = self._book.plan(request.number), self.rules()
        if isinstance(request, Approve):
            self._refuse_disabled(rules)
            self._refuse_doubt()
            self._document(plan)
            settings, zone = rules.settings.disposal, rules.settings.station.zone_info
            now = self.means.clock.now()
            return approving_act(request, plan, rules.chain, now=now, grace_days=settings.grace_days, zone=zone)
        counts = self._book.counts_of(plan.number)
        if isinstance(request, Refuse):
            begun = counts.get(ItemState.CONDEMNED, 0) + counts.get(ItemState.DISPOSED, 0)
            return refusing_act(request, plan, begun)
        planned = self._book.ids(plan.number, ItemState.PLANNED)
        wanted = {_found(one, planned) for one in request.recordings}
        return recovering_act(request, plan, wanted, planned)

    # Running

    def _run(self, request: Run) -> Document:
        rules = self.rules()
        self._refuse_disabled(rules)
        if not self._running.acquire(blocking=False):
            raise RefusedError("a disposal is running just now", "see how far it is: ingestd retention plans")
        try:
            named = [self._open_plan(request.number)] if request.number is not None else []
            waiting = self._finish_all()
            plans = named or self._ready()
            for plan in plans:
                standing = self._book.plan(plan.number)
                waiting = self._carry_out(standing) if standing.state.is_open else waiting
        finally:
            self._running.release()
        numbers = [plan.number for plan in plans]
        return {
            "plans": [_summary(self._book.plan(number), self._book) for number in numbers],
            "waiting": [asdict(one) for one in waiting],
        }

    def _open_plan(self, number: str) -> DisposalPlan:
        plan = self._book.plan(number)
        if not plan.state.is_open:
            raise RefusedError(f"plan {number}: {plan.state.words}", f"see: ingestd retention show-plan {number}")
        return plan

    def _ready(self) -> list[DisposalPlan]:
        now = self.means.clock.now()
        return [plan for plan in self._book.plans(PlanState.APPROVED) if is_grace_over(plan, now)]

    def _carry_out(self, plan: DisposalPlan) -> list[Waiting]:
        self._refuse_doubt()
        waiting = dispose(self.proof(plan), self.means)
        self._certify(plan.number)
        return waiting

    def proof(self, plan: DisposalPlan) -> ApprovedPlan:
        """The proof that a plan may be carried out, out of the ledger's facts.

        Raises:
            RefusedError, IntegrityError: it may not; nothing is disposed of.
        """
        rules = self.rules()
        raw = self.means.vault.read_bytes(plan.plan)
        proof = approved(
            plan,
            raw,
            rules.chain,
            self._times_since_planned(raw) if sha256_of(raw) == plan.plan_sha256 else [],
            self.means.clock.now(),
            most_step_days=rules.settings.disposal.max_clock_step_days,
        )
        if set(self._book.counts_of(plan.number)).isdisjoint({ItemState.CONDEMNED, ItemState.DISPOSED}):
            # What has begun is gone on with: the store is smaller by now, and the share of the rest is no measure.
            self._refuse_share({"recordings": plan.recordings, "bytes_removed": plan.size_bytes}, rules)
        return proof

    def _times_since_planned(self, document: bytes) -> list[str]:
        """The times of the ledger's entries behind the one before the plan."""
        named = json.loads(document)["ledger_head"]
        head = Head(named["seq"], Sha256(named["hash"]))
        tail, times = LedgerTail(self.means.vault.ledger_folder), list[str]()
        upto = self.means.chronicle.head[0]
        while entries := tail.read(head, upto=upto, limit=_PAGE):
            times += [entry.time for entry in entries]
            head = _head_of(entries[-1])
        return times

    def _finish_all(self) -> list[Waiting]:
        waiting = finish(self.means)
        for plan in self._book.plans(PlanState.APPROVED):
            self._certify(plan.number)
        return waiting

    def _certify(self, number: str) -> None:
        """End a plan of which nothing waits: with its certificate, or without one where everything was kept."""
        counts = self._book.counts_of(number)
        if counts.get(ItemState.PLANNED) or counts.get(ItemState.CONDEMNED):
            return
        plan, chronicle = self._book.plan(number), self.means.chronicle
        if not counts.get(ItemState.DISPOSED):
            data = {"reason": "nothing was disposed of: all of it was kept · 全部保留，未销毁"}
            chronicle.enter(Act(act="disposal.refused", subject=number, data=data))
            return
        planned = json.loads(self._document(plan))
        items = list(self._book.items(number))
        now = to_text(self.means.clock.now())
        document = certificate_document(plan, planned, items, certified_at=now, software=self.rules().version)
        path, vault = certificate_path(number), self.means.vault
        # A crash left one that no act names, of an earlier moment; nothing was promised by it.
        remove(vault.path(path))
        data_bytes = vault.write_document(path, document)
        totals = document["totals"]
        data = {"certificate": path, "certificate_sha256": sha256_of(data_bytes)}
        data |= {"recordings": totals["destroyed"], "size_bytes": totals["bytes_removed"]}
        chronicle.enter(Act(act="disposal.certified", subject=number, data=data))

    def _document(self, plan: DisposalPlan) -> bytes:
        raw = self.means.vault.read_bytes(plan.plan)
        if sha256_of(raw) != plan.plan_sha256:
            raise RefusedError(
                f"{plan.plan} is not the plan that was made", "nothing is disposed of by it: ingestd retention refuse"
            )
        return raw

    def _refuse_disabled(self, rules: Rules) -> None:
        if not rules.settings.disposal.is_enabled:
            raise RefusedError(
                "disposal is switched off: nothing is ever destroyed",
                "only where the bureau has set it: enabled = true in [disposal]",
            )

    def _refuse_doubt(self) -> None:
        doubt = self.means.clock_doubt()
        if doubt is not None:
            raise RefusedError(f"nothing is disposed of: {doubt}", "see that the clock is right: timedatectl")


def _head_of(entry: Entry) -> Head:
    return Head(entry.seq, entry.hash)


def _found(named: str, planned: list[str]) -> str:
    """A recording of the plan by its id or the last digits of it."""
    found = [one for one in planned if one == named or one.replace("-", "").endswith(named.replace("-", ""))]
    if len(found) != 1:
        what = "no recording" if not found else "more than one recording"
        raise RefusedError(f"{what} that waits in the plan answers to {named!r}", "see: ingestd retention show-plan")
    return found[0]


def _summary(plan: DisposalPlan, book: DisposalBook) -> Document:
    """A plan as answers have it: its fields, and how many of its recordings are in each state."""
    document = asdict(plan) | {"state": plan.state.value}
    return document | {"items": {state.value: count for state, count in book.counts_of(plan.number).items()}}
