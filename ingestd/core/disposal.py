"""Disposal (销毁) as facts: plans, what became of each recording of them, reasons to spare one, trust in the clock.

Pure. No regulation speaks of destruction: a plan exists only where the bureau has set disposal (decision 9).
"""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

PLAN_FORMAT: Final = "ingestd-disposal-plan/1"
CERTIFICATE_FORMAT: Final = "ingestd-disposal-certificate/1"
FOLDER: Final = "disposals"
"""In the vault; one folder a disposal, kept for ever."""

_NUMBER = re.compile(r"D(\d{4})-(\d{4,})")


class PlanState(StrEnum):
    """Where a plan stands."""

    PLANNED = "planned"
    """It waits for approval."""
    APPROVED = "approved"
    """Everybody approved; its grace period runs or is over."""
    CERTIFIED = "certified"
    """Done; the certificate stands."""
    REFUSED = "refused"
    """It ended, and nothing (more) was disposed of by it."""

    @property
    def is_open(self) -> bool:
        """Whether recordings may still be disposed of by it."""
        return self in (PlanState.PLANNED, PlanState.APPROVED)

    @property
    def words(self) -> str:
        """English · Chinese."""
        return {
            "planned": "waits for approval · 待审批",
            "approved": "approved · 已批准",
            "certified": "done · 已销毁",
            "refused": "ended · 已终止",
        }[self.value]


class ItemState(StrEnum):
    """What became of one recording of a plan."""

    PLANNED = "planned"
    RECOVERED = "recovered"
    """A person took it out in the grace period."""
    SPARED = "spared"
    """The station kept it: something had changed."""
    CONDEMNED = "condemned"
    DISPOSED = "disposed"

    @property
    def words(self) -> str:
        """English · Chinese."""
        return {
            "planned": "planned · 拟销毁",
            "recovered": "recovered · 已恢复",
            "spared": "spared · 已保留",
            "condemned": "being destroyed · 销毁中",
            "disposed": "destroyed · 已销毁",
        }[self.value]


class SparedWhy(StrEnum):
    """Why a recording of a plan is not disposed of."""

    HELD = "held"
    CHANGED = "changed"
    """Its decision is another one than when it was planned, or would be, were it decided now."""
    NOT_DUE = "not_due"
    STATE = "state"
    """It is not in a state from which it can be disposed of."""
    UNSETTLED = "unsettled"
    """The docking that brought it waits for a person."""
    ARRIVING = "arriving"
    """The same bytes are just being taken in again."""

    @property
    def words(self) -> str:
        """English · Chinese."""
        return {
            "held": "a hold stands · 已列入长期保存",
            "changed": "decided anew since the plan · 保存期限已变更",
            "not_due": "its term is not over · 保存期限未满",
            "state": "not in a state to be destroyed · 状态不符",
            "unsettled": "its docking waits for a person · 来源待核实",
            "arriving": "the same bytes are just being taken in · 相同内容正在采集",
        }[self.value]


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's agreement to a plan, given to the document of this digest."""

    by: str
    at: str
    plan_sha256: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class DisposalPlan:
    """A plan in the register. Times are UTC texts; `grace_until` is null before the last approval."""

    number: str
    state: PlanState
    planned_at: str
    planned_by: str
    reason: str
    plan: str
    plan_sha256: str
    recordings: int
    size_bytes: int
    approvals: tuple[Approval, ...] = ()
    grace_until: str | None = None
    ended_at: str | None = None
    ended_by: str | None = None
    ended_reason: str | None = None
    certificate: str | None = None
    certificate_sha256: str | None = None


def plan_number(year: int, position: int) -> str:
    """The number of a plan: the bureau's year, and the place in it, from 1."""
    return f"D{year:04d}-{position:04d}"


def position_of(number: str) -> int:
    """The place of a plan in its year.

    Raises:
        ValueError: no such number.
    """
    found = _NUMBER.fullmatch(number)
    if found is None:
        raise ValueError(f"{number!r} is no number of a plan")
    return int(found[2])


def plan_path(number: str) -> str:
    """Where a plan's document lies in the vault."""
    return f"{FOLDER}/{number}/plan.json"


def certificate_path(number: str) -> str:
    """Where a disposal's certificate lies in the vault."""
    return f"{FOLDER}/{number}/certificate.json"


def basis_of(retention: Mapping[str, Any]) -> dict[str, Any]:
    """The reason of a stored decision that named the end of the term, as plans and certificates quote it."""
    winner = next(one for one in retention["reasons"] if one["is_winner"])
    quoted = ("rule_id", "kind", "article", "words", "note", "is_shipped_default")
    return {"regime": retention["regime"], "regime_version": retention["regime_version"]} | {
        key: winner.get(key) for key in quoted
    }


def clock_fault(
    now: dt.datetime, last: dt.datetime | None, *, is_synchronised: bool, most_step: dt.timedelta
) -> str | None:
    """Why the station's clock is no ground to say that a term is over; null where it is.

    Args:
        last: the time of the ledger's last entry; null for an empty ledger.
        most_step: how far behind the last entry the clock may stand: a longer silence looks like a jump.
    """
    if not is_synchronised:
        return "the clock is not synchronised · 时钟未同步"
    if last is not None and now < last:
        return f"the clock stands before the ledger's last entry ({last:%Y-%m-%d %H:%M} UTC) · 时钟早于台账末条"
    if last is not None and now - last > most_step:
        return (
            f"the clock is {(now - last).days} days behind the ledger's last entry ({last:%Y-%m-%d %H:%M} UTC), "
            f"more than the {most_step.days} that are allowed: it may have jumped · 时钟可能跳变"
        )
    return None


def is_within(window: str, at: dt.time) -> bool:
    """Whether a time of day lies in a window `HH:MM-HH:MM`; one that ends before it begins goes over midnight.

    An empty window is the whole day.

    Raises:
        ValueError: not a window.
    """
    if not window:
        return True
    begins, ends = (dt.time.fromisoformat(part.strip()) for part in window.split("-"))
    return begins <= at < ends if begins <= ends else at >= begins or at < ends
