"""Register: until when a recording is kept and why, and whether it came in time. Pure; `describe` stores the act."""

import datetime as dt
from zoneinfo import ZoneInfo

from ingestd.core.custody import Act
from ingestd.core.facts import MediaKind
from ingestd.core.model import Sealed
from ingestd.core.regime import Regime, RetentionItem, hand_over_of, retention_of


def register(
    sealed: Sealed,
    kind: MediaKind,
    *,
    recorded_end: dt.datetime,
    sealed_at: dt.datetime,
    regime: Regime,
    zone: ZoneInfo,
    now: dt.datetime,
) -> Act:
    """The act that catalogues a recording under its regime."""
    item = RetentionItem(kind=kind, recorded_end=recorded_end, sealed_at=sealed_at)
    retention = retention_of(regime, item, zone)
    hand_over = hand_over_of(
        regime, activity_end=None, recording_end=recorded_end, secured_at=sealed_at, now=now, zone=zone
    )
    return Act(
        act="recording.catalogued",
        subject=sealed.recording_id,
        data={
            "docking_id": sealed.docking_id,
            "retention": retention.model_dump(mode="json"),
            "hand_over": hand_over.model_dump(mode="json"),
        },
    )
