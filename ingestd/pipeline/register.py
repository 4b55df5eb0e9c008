"""Register: until when a recording is kept and why, and whether it came in time. Pure; `redecide` stores the acts."""

import datetime as dt
from zoneinfo import ZoneInfo

from ingestd.core.clock import from_text
from ingestd.core.custody import Act
from ingestd.core.facts import MediaKind
from ingestd.core.handover import HandOver, HandOverState, hand_over_of
from ingestd.core.model import Sealed
from ingestd.core.origin import is_of_officers
from ingestd.core.regime import Regime, RetentionDecision, RetentionItem, retention_of
from ingestd.stores.handover import Bearing


def register(
    sealed: Sealed, kind: MediaKind, bearing: Bearing, *, regime: Regime, zone: ZoneInfo, now: dt.datetime
) -> Act:
    """The act that catalogues a recording under its regime."""
    retention = retention_for(bearing, kind, regime=regime, zone=zone)
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


def retention_for(bearing: Bearing, kind: MediaKind, *, regime: Regime, zone: ZoneInfo) -> RetentionDecision:
    """Until when the regime keeps a recording, by what is known of it now."""
    recorded_end = from_text(bearing.row["recorded_end"]) if bearing.row["recorded_end"] else None
    sealed_at = from_text(bearing.row["sealed_at"])
    item = RetentionItem(kind=kind, recorded_end=recorded_end, sealed_at=sealed_at, is_evidence=bearing.is_evidence)
    return retention_of(regime, item, zone)


def hand_over_for(bearing: Bearing, *, regime: Regime, zone: ZoneInfo, now: dt.datetime) -> HandOver:
    """Where a recording stands against the hand-over clock, by what is known of it now."""
    # 海洋 27(五), 民政 30, 江门 41, 卫健 28 bind the officers who recorded, and nobody else's material is ever late.
    if bearing.known is None or not is_of_officers(bearing.row["origin"]):
        return HandOver(state=HandOverState.NONE)
    secured_at = from_text(bearing.row["sealed_at"])
    return hand_over_of(regime.hand_over, bearing.known, secured_at=secured_at, now=now, zone=zone)
