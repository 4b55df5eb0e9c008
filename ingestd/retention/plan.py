"""Deciding on disposal: what goes into a plan, what refuses it, what spares a recording, and the proof to dispose.

Pure. `approved` is the one function that makes an `ApprovedPlan`, out of what the ledger holds of the plan.
"""

import datetime as dt
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass
from typing import Any, Final

from ingestd.core.approvals import ApprovalRule, still_missing
from ingestd.core.clock import from_text, to_text
from ingestd.core.disposal import PLAN_FORMAT, DisposalPlan, PlanState, SparedWhy, basis_of
from ingestd.core.disposal_acts import is_grace_over
from ingestd.core.errors import IntegrityError, RefusedError
from ingestd.core.lifecycle import State
from ingestd.core.manifest import canonical_json, sha256_of

Row = Mapping[str, Any]
Document = dict[str, Any]

_MADE_BY_APPROVED: Final = object()
_SLEWED: Final = dt.timedelta(minutes=5)
"""A clock that is kept right is set back by no more than this."""
_LIVING: Final = frozenset(State) - {State.CONDEMNED, State.DISPOSED}


@dataclass(frozen=True, slots=True)
class Share:
    """How large a plan is beside the store. The store's numbers are counted no further than the check needs."""

    recordings: int
    size_bytes: int
    of_recordings: int
    of_size_bytes: int


@dataclass(frozen=True, slots=True)
class ApprovedPlan:
    """The proof that recordings may be disposed of: these, and only as long as nothing about one of them changes."""

    number: str
    plan_sha256: str
    items: tuple[tuple[str, str], ...]
    """Recording and the SHA-256 of its decision as it was approved, in the order of the plan."""
    approved_by: tuple[str, ...]
    approved_at: dt.datetime
    made_by: InitVar[object] = None

    def __post_init__(self, made_by: object) -> None:
        if made_by is not _MADE_BY_APPROVED:
            raise TypeError("a plan is approved by retention.plan.approved alone")


def decision_sha256(retention: Mapping[str, Any]) -> str:
    """What a stored decision is told by: another one, however little it differs, is not the one that was approved."""
    return sha256_of(canonical_json(dict(retention)))


def needed_store(recordings: int, size_bytes: int, most_percent: float) -> tuple[int, int]:
    """How many recordings and bytes the store must hold for a plan of this size to be no more than its share."""
    return math.ceil(recordings * 100 / most_percent), math.ceil(size_bytes * 100 / most_percent)


def refuse_large(share: Share, most_percent: float) -> None:
    """Refuse a plan that would take too much at once: a wrong rule or a wrong clock would look just like that.

    Raises:
        RefusedError: more recordings, or more bytes, than the configured share of the store.
    """
    for what, part, whole in (
        ("recordings", share.recordings, share.of_recordings),
        ("bytes", share.size_bytes, share.of_size_bytes),
    ):
        if part * 100 > whole * most_percent:
            raise RefusedError(
                f"the plan takes {part} of {whole} {what}, more than {most_percent:g} % of the store",
                "plan fewer at a time (--limit, --until), or raise max_share_percent in [disposal]",
            )


def spared_because(
    row: Row | None, decision: str | None, now: dt.datetime, *, holds: Sequence[str], is_stale: bool, is_arriving: bool
) -> tuple[SparedWhy, str] | None:
    """Why a recording is not disposed of now, with words; null where nothing speaks against it.

    Args:
        row: as `stores.disposal.DisposalBook.facts_of` has it now; null where there is no such recording.
        decision: SHA-256 of the decision that was approved; null while the plan is only being made.
        holds: holds that stand now on it, or on another recording of the same bytes, as people know them.
        is_stale: decided now, it would be decided otherwise than is stored.
        is_arriving: the same bytes are being sealed.
    """
    if row is None or row["state"] not in (State.CATALOGUED, State.EVICTED):
        return SparedWhy.STATE, f"its state is {row['state'] if row is not None else 'unknown'}"
    if holds:
        return SparedWhy.HELD, ", ".join(holds)
    if row["keep_until"] is None:
        return SparedWhy.NOT_DUE, "nothing ends its keeping"
    kept_until = from_text(row["keep_until"]) + _behind(row)
    if now < kept_until:
        why = ": the clock was behind when it was sealed" if row["sealed_behind"] is not None else ""
        return SparedWhy.NOT_DUE, f"kept until {to_text(kept_until)}{why}"
    if is_stale:
        return SparedWhy.CHANGED, "what is known of it changed, and it is about to be decided anew"
    if decision is not None and decision_sha256(row["retention"]) != decision:
        return SparedWhy.CHANGED, "it was decided anew since the plan was made"
    if row["is_unsettled"]:
        return SparedWhy.UNSETTLED, f"docking {row['docking_id']}"
    if is_arriving:
        return SparedWhy.ARRIVING, "a copy of the same bytes is being sealed"
    return None


def _behind(row: Row) -> dt.timedelta:
    """How far the station's clock was behind when a recording was sealed, as far as the ledger shows it."""
    if row["sealed_behind"] is None:
        return dt.timedelta()
    return from_text(row["sealed_behind"]) - from_text(row["sealed_at"])


def still_needed_by(recording: str, sharers: Iterable[tuple[str, State]], going: frozenset[str]) -> list[str]:
    """Other recordings of the same content that keep its bytes: those that are not disposed of, and not about to be.

    Args:
        sharers: every recording of the content with its state.
        going: recordings that are condemned in the same breath, before this one.
    """
    return [one for one, state in sharers if one != recording and one not in going and state in _LIVING]


def plan_document(
    number: str,
    rows: Sequence[Row],
    sharers: Mapping[str, Sequence[tuple[str, State]]],
    spared: Sequence[Document],
    *,
    made_at: dt.datetime,
    made_by: str,
    reason: str,
    station: Mapping[str, str],
    regime: Mapping[str, Any],
    chain: ApprovalRule,
    grace_days: int,
    head: tuple[int, str],
) -> Document:
    """The plan as it lies in the vault: everything that an approver must know, and nothing that changes later.

    Args:
        rows: what is to be disposed of, the longest due first.
        sharers: for each content every recording of it.
        spared: what is due and not in the plan, with the reason.
        head: the ledger's last entry before the plan, from which the run reads on.
    """
    bases: list[Document] = []
    recordings = []
    going = frozenset(row["recording_id"] for row in rows)
    contents: dict[str, int] = {}
    for row in rows:
        basis = basis_of(row["retention"])
        if basis not in bases:
            bases.append(basis)
        shared = [
            one
            for one, state in sharers[row["sha256"]]
            if one != row["recording_id"] and one not in going and state in _LIVING
        ]
        if not shared:
            contents[row["sha256"]] = row["size_bytes"]
        winner = next(one for one in row["retention"]["reasons"] if one["is_winner"])
        told = ("recording_id", "sha256", "size_bytes", "docking_id", "recorder_id", "card_path", "kind")
        times = ("recorded_start", "recorded_end", "sealed_at", "keep_until")
        recordings.append(
            {key: row[key] for key in (*told, *times)}
            | {
                "term_start": winner["start"],
                "term_start_event": winner["start_event"],
                "basis": bases.index(basis),
                "decision_sha256": decision_sha256(row["retention"]),
                "shared_with": shared,
            }
        )
    return {
        "format": PLAN_FORMAT,
        "number": number,
        "station": dict(station),
        "regime": dict(regime),
        "made_at": to_text(made_at),
        "made_by": made_by,
        "reason": reason,
        "approvals": chain.model_dump(mode="json"),
        "grace_days": grace_days,
        "ledger_head": {"seq": head[0], "hash": head[1]},
        "totals": {
            "recordings": len(recordings),
            "contents_removed": len(contents),
            "bytes_removed": sum(contents.values()),
        },
        "bases": bases,
        "recordings": recordings,
        "spared": list(spared),
    }


def approved(
    plan: DisposalPlan,
    document: bytes,
    chain: ApprovalRule,
    times: Sequence[str],
    now: dt.datetime,
    *,
    most_step_days: float,
) -> ApprovedPlan:
    """The proof that a plan may be carried out: the one function that makes it.

    Args:
        plan: as the ledger's acts left it.
        document: the plan's bytes as they stand in the vault now.
        chain: the regime's approvers, as they are now.
        times: of every ledger entry since the plan was made, in order.
        most_step_days: a longer silence between two of them looks like a jump of the clock.

    Raises:
        RefusedError: not (or no longer) approved by enough people, its grace period runs, or the clock jumped.
        IntegrityError: the document is not the one that was approved.
    """
    if sha256_of(document) != plan.plan_sha256:
        raise IntegrityError(
            f"{plan.plan} is not the plan that was approved", "nothing is disposed of by it: ingestd retention refuse"
        )
    if plan.state is not PlanState.APPROVED:
        raise RefusedError(f"plan {plan.number}: {plan.state.words}", f"see: ingestd retention show-plan {plan.number}")
    given = [one.by for one in plan.approvals if one.plan_sha256 == plan.plan_sha256]
    if missing := still_missing(chain, requester=plan.planned_by, given=given):
        raise RefusedError(
            f"plan {plan.number} needs {missing} more to approve it: {chain.who}", "refuse and plan anew"
        )
    if not is_grace_over(plan, now):
        raise RefusedError(
            f"the grace period of plan {plan.number} runs until {plan.grace_until}",
            f"until then recordings can be taken out: ingestd retention recover {plan.number}",
        )
    _refuse_jump([from_text(one) for one in times], most_step_days)
    return ApprovedPlan(
        number=plan.number,
        plan_sha256=plan.plan_sha256,
        items=tuple((one["recording_id"], one["decision_sha256"]) for one in json.loads(document)["recordings"]),
        approved_by=tuple(given),
        approved_at=from_text(plan.approvals[-1].at),
        made_by=_MADE_BY_APPROVED,
    )


def _refuse_jump(times: Sequence[dt.datetime], most_step_days: float) -> None:
    most = dt.timedelta(days=most_step_days)
    advice = "end this plan and plan anew, once the clock is right: ingestd retention refuse"
    for before, after in zip(times, times[1:], strict=False):
        if before - after > _SLEWED:
            raise RefusedError(f"the clock was set back at {before:%Y-%m-%d %H:%M} UTC, since the plan", advice)
        if after - before > most:
            raise RefusedError(f"the clock jumped, or the station was off, from {before:%Y-%m-%d} UTC on", advice)
