"""Measures a recorder's clock at a docking: by positions in its files, by its listing, by what it wrote on its card."""

import datetime as dt
import re
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from ingestd.core.clock import from_text
from ingestd.core.custody import Act
from ingestd.core.recorderclock import (
    NAME_UNCERTAINTY_S,
    ClockReading,
    ClockSource,
    clock_findings,
    docking_reading,
    position_readings,
)
from ingestd.core.siblingclocks import Clocks, clocks_of
from ingestd.core.siblings import Sibling
from ingestd.pipeline.sets import sibling_of
from ingestd.stores.listings import Listings
from ingestd.stores.search import Catalogue, Row

CONTRADICTING = ("name.mismatch", "clock.mismatch")
"""A recording with one of these tells nothing of its recorder's clock."""
_WROTE = re.compile(r"clock (\d{4})[-/](\d\d)[-/](\d\d)[ T](\d\d):(\d\d):(\d\d)")


def measured_act(docking: Row, assembled: Act, catalogue: Catalogue, listings: Listings, zone: ZoneInfo) -> Act | None:
    """The act that keeps what a docking told of its recorder's clock; null where it told nothing.

    Args:
        docking: of which all recordings have their times.
        assembled: its takes. Recordings whose name contradicts their content are not measured by.
        catalogue, listings: read from.
        zone: the bureau's, in which recorders write their time.
    """
    rows = [
        row
        for row in catalogue.recordings(docking=docking["docking_id"], limit=1_000_000)
        if row["facts"] is not None and row["recorded_start"] is not None
    ]
    odd = {found.get("recording_id") for found in assembled.data["findings"] if found["code"] in CONTRADICTING}
    clocks = [clocks_of(sibling_of(row)) for row in rows if row["recording_id"] not in odd]
    opened_at = from_text(docking["opened_at"])
    bounds = [
        docking_reading(clocks, opened_at, _card_was_here(docking["docking_id"], listings)),
        _wrote(docking, opened_at, zone),
    ]
    readings = [*position_readings(clocks), *(one for one in bounds if one is not None)]
    if not readings:
        return None
    kept = [one.model_copy(update={"docking_id": docking["docking_id"]}) for one in readings]
    return Act(
        act="clock.measured",
        subject=docking["docking_id"],
        data={
            "recorder_key": docking["recorder_key"],
            "readings": [one.model_dump(mode="json") for one in kept],
            "findings": [one.model_dump(mode="json") for one in clock_findings(kept)],
        },
    )


def _card_was_here(docking_id: str, listings: Listings) -> dt.datetime | None:
    """When this very file system was docked last before: what is new on it began later. Null where nobody can say."""
    related = listings.related(docking_id)
    if not related or not related[0].volume:
        return None
    same = [one for one in related[1:] if one.volume == related[0].volume and listings.is_whole(one.docking_id)]
    if not same or any(not one.is_secured for one in listings.unsecured(same[:1])):
        # What was left on the card then may be what is new now.
        return None
    return same[0].opened_at


def _wrote(docking: Row, opened_at: dt.datetime, zone: ZoneInfo) -> ClockReading | None:
    """The time that the recorder wrote in its device-info file, some time before it was docked."""
    evidence = (docking["document"] or {}).get("recorder", {}).get("evidence") or []
    for source, words in evidence:
        match = _WROTE.search(words) if source == "device_info" else None
        if match is None:
            continue
        try:
            year, month, day, hour, minute, second = map(int, match.groups())
            shown = dt.datetime(year, month, day, hour, minute, second, tzinfo=zone)
            least_s = (shown - opened_at).total_seconds() - NAME_UNCERTAINTY_S
        except (ValueError, OverflowError):
            continue
        return ClockReading(source=ClockSource.DEVICE_INFO, start=opened_at, end=opened_at, least_s=round(least_s, 3))
    return None


def measured_beside(siblings: Sequence[Sibling]) -> dict[str, list[ClockReading]]:
    """The same without a station: readings of each recorder by its files alone."""
    clocks: dict[str, list[Clocks]] = {}
    for one in siblings:
        if one.is_recorder_known:
            clocks.setdefault(one.recorder_key, []).append(clocks_of(one))
    return {key: found for key, own in clocks.items() if (found := position_readings(own))}
