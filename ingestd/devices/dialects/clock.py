"""How far a recorder's clock is off, how sure that is, and the proof that it was written down before the clock is set.

Setting a clock destroys the evidence of its error: setting takes a `StoredOffset`, and only `store_offset` makes one.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from zoneinfo import ZoneInfo

from ingestd.core.clock import Clock, to_text
from ingestd.core.errors import RefusedError, UnavailableError
from ingestd.core.findings import Confidence, Finding, finding

Journal = Callable[[dict[str, Any]], None]
"""Writes a document down so that it survives a power cut, before it returns."""

LARGEST_STEP_SECONDS: Final = 0.1
"""The station's own clock may differ so much from its steady one during a reading; more, and it was set meanwhile."""

_BY_STORING: Final = object()


@dataclass(frozen=True, slots=True)
class ClockReading:
    """A recorder's clock as it was read once.

    `shown_local` has no zone, as recorders have none; it holds for `resolution_s` seconds from there. The recorder's
    clock was looked at somewhere between the station's moments `before` and `after`. `source` is `api` or `display`.
    """

    shown_local: dt.datetime
    resolution_s: float
    before: dt.datetime
    after: dt.datetime
    source: str


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """Recorder minus station: the true figure lies within `offset_s` ± `uncertainty_s`. Seconds."""

    offset_s: float
    uncertainty_s: float
    reading: ClockReading
    zone: str
    is_station_synchronised: bool


@dataclass(frozen=True, slots=True)
class StoredOffset:
    """The proof that the offset of this visit's recorder was written down durably. Made by `store_offset` alone."""

    visit_id: str
    offset: ClockOffset
    finding: Finding
    made_by: object = field(repr=False)

    def __post_init__(self) -> None:
        if self.made_by is not _BY_STORING:
            raise RefusedError("a proof of a stored clock offset is made by storing one")


def take_reading(read: Callable[[], tuple[dt.datetime, float]], source: str, clock: Clock) -> ClockReading:
    """Read a clock between two looks at the station's.

    Args:
        read: gives the local time that the recorder shows, and for how many seconds it shows the same.
        source: `api` or `display`.
        clock: the station's.

    Raises:
        UnavailableError: the station's own clock was set meanwhile.
    """
    before, steady = clock.now(), clock.steady_seconds()
    shown_local, resolution_s = read()
    elapsed = dt.timedelta(seconds=clock.steady_seconds() - steady)
    after = clock.now()
    if abs((after - before - elapsed).total_seconds()) > LARGEST_STEP_SECONDS:
        raise UnavailableError("the station's own clock was set during the reading", "read again")
    return ClockReading(shown_local, resolution_s, before, after, source)


def offset_of(reading: ClockReading, zone: ZoneInfo, *, is_station_synchronised: bool) -> ClockOffset:
    """The offset that a reading bounds, as the middle and half the width of all that it allows.

    The recorder's clock stood in [shown, shown + resolution) at a moment in [before, after].
    """
    shown = reading.shown_local.replace(tzinfo=zone).astimezone(dt.UTC)
    least = (shown - reading.after).total_seconds()
    most = (shown - reading.before).total_seconds() + reading.resolution_s
    return ClockOffset(
        offset_s=round((least + most) / 2, 3),
        uncertainty_s=round((most - least) / 2 + 0.001, 3),
        reading=reading,
        zone=zone.key,
        is_station_synchronised=is_station_synchronised,
    )


def offset_finding(offset: ClockOffset) -> Finding:
    """The offset as the finding `clock.offset`; less than certain where the station's own clock is not disciplined."""
    reading = offset.reading
    return finding(
        "clock.offset",
        start_utc=to_text(reading.before),
        end_utc=to_text(reading.after),
        confidence=Confidence.CERTAIN if offset.is_station_synchronised else Confidence.LIKELY,
        evidence={
            "offset_s": offset.offset_s,
            "uncertainty_s": offset.uncertainty_s,
            "shown_local": reading.shown_local.isoformat(),
            "resolution_s": reading.resolution_s,
            "zone": offset.zone,
            "source": reading.source,
            "is_station_synchronised": offset.is_station_synchronised,
        },
    )


def store_offset(offset: ClockOffset, visit: dict[str, Any], journal: Journal) -> StoredOffset:
    """Write an offset down, and give the proof that setting the clock asks for.

    Args:
        offset: what was measured.
        visit: the visit's document, with its `visit_id`.
        journal: durable when it returns; whatever it raises leaves no proof.
    """
    found = offset_finding(offset)
    at = to_text(offset.reading.after)
    journal({"act": "device.clock_read", "at": at, "visit": visit, "finding": found.model_dump(mode="json")})
    return StoredOffset(visit["visit_id"], offset, found, _BY_STORING)
