"""Register: until when a recording is kept and why, and whether it came in time. Pure; `redecide` stores the acts."""

import datetime as dt
from collections.abc import Iterable
from zoneinfo import ZoneInfo

from ingestd.core.clock import from_text
from ingestd.core.custody import Act
from ingestd.core.facts import MediaKind
from ingestd.core.handover import HandOver, HandOverState, hand_over_of
from ingestd.core.holds import Hold
from ingestd.core.model import Sealed
from ingestd.core.origin import is_of_officers
from ingestd.core.regime import Regime
from ingestd.core.retention_rules import TermRules
from ingestd.core.terms import RetentionDecision, RetentionItem, StandingHold, retention_of
from ingestd.stores.handover import Bearing


def register(
    sealed: Sealed, bearing: Bearing, holds: Iterable[Hold], *, regime: Regime, zone: ZoneInfo, now: dt.datetime
) -> Act:
    """The act that catalogues a recording under its regime."""
    retention = retention_for(bearing, holds, rules=regime.term_rules, zone=zone)
    hand_over = hand_over_for(bearing, regime=regime, zone=zone, now=now)
    return Act(
        act="recording.catalogued",
        subject=sealed.recording_id,
        data={
            "docking_id": sealed.docking_id,
            "retention": retention.model_dump(mode="json"),
            "hand_over": hand_over.model_dump(mode="json"),
        },
    )


def adoption_of(rules: TermRules) -> Act:
    """The act by which an edition of a regime is written down, before the first decision that names it."""
    data = {"sha256": rules.sha256, "rules": rules.model_dump(mode="json")}
    return Act(act="regime.adopted", subject=rules.regime, data=data)


def retention_for(bearing: Bearing, holds: Iterable[Hold], *, rules: TermRules, zone: ZoneInfo) -> RetentionDecision:
    """Until when an edition of the rules keeps a recording, by what is known of it now."""
    recorded_end = from_text(bearing.row["recorded_end"]) if bearing.row["recorded_end"] else None
    item = RetentionItem(
        kind=MediaKind(bearing.row["kind"]),
        recorded_end=recorded_end,
        sealed_at=from_text(bearing.row["sealed_at"]),
        cases=bearing.cases,
        holds=tuple(_standing(hold) for hold in holds),
        is_age_settled=bearing.is_age_settled,
    )
    return retention_of(rules, item, zone)


def hand_over_for(bearing: Bearing, *, regime: Regime, zone: ZoneInfo, now: dt.datetime) -> HandOver:
    """Where a recording stands against the hand-over clock, by what is known of it now."""
    # 海洋 27(五), 民政 30, 江门 41, 卫健 28 bind the officers who recorded, and nobody else's material is ever late.
    if bearing.known is None or not is_of_officers(bearing.row["origin"]):
        return HandOver(state=HandOverState.NONE)
    secured_at = from_text(bearing.row["sealed_at"])
    return hand_over_of(regime.hand_over, bearing.known, secured_at=secured_at, now=now, zone=zone)


def _standing(hold: Hold) -> StandingHold:
    return StandingHold(
        hold_id=hold.hold_id,
        reason=hold.reason,
        article=hold.article,
        words=hold.clause,
        placed_at=from_text(hold.placed_at),
        note=hold.words or None,
    )
