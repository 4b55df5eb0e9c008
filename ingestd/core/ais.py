"""What ships say of themselves by radio (AIS, ITU-R M.1371-5), as far as footage asks for it."""

import datetime as dt
import statistics
from collections import deque
from dataclasses import asdict, dataclass, field

EARLIEST = dt.datetime(2002, 1, 1, tzinfo=dt.UTC)
"""Before ships had AIS (SOLAS V/19, in force since July 2002) no log of it can be."""

KNOT_MPS = 1852.0 / 3600.0


@dataclass(frozen=True, slots=True)
class VesselReport:
    """One position that a vessel sent.

    Degrees WGS-84 (M.1371 knows no other datum); `at` is when it was received; `speed_mps` over ground, null where the
    vessel told none; `is_own` where the receiver said it of its own vessel (VDO); `payload` are its bits as sent, by
    which a repeated capture is known.
    """

    mmsi: int
    at: dt.datetime
    latitude: float
    longitude: float
    speed_mps: float | None = None
    is_own: bool = False
    payload: str = ""


@dataclass(frozen=True, slots=True)
class VesselIdentity:
    """Who a vessel says it is; what one message leaves out is null, another may tell it."""

    mmsi: int
    name: str | None = None
    imo: int | None = None
    call_sign: str | None = None


@dataclass(frozen=True, slots=True)
class BaseStationTime:
    """The UTC that a shore station broadcasts (message 4): the one witness of a log's own dates."""

    mmsi: int
    utc: dt.datetime


@dataclass(frozen=True, slots=True)
class AisMessage:
    """One decoded message. All three are null for what is of no use here (text, safety, aids to navigation …).

    `position` has no time yet; who reads the log knows it.
    """

    mmsi: int
    position: tuple[float, float, float | None] | None = None
    identity: VesselIdentity | None = None
    base_station: BaseStationTime | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What one line of a log added: a position, or who a vessel is, or both, and when it was received."""

    at: dt.datetime
    report: VesselReport | None = None
    identity: VesselIdentity | None = None


@dataclass(slots=True)
class CaptureCounts:
    """What became of each line of a log or a feed. Every line is counted in `lines`.

    `vdm` and `vdo` are AIS sentences of others and of the own vessel, whole or not, good or bad; `gps_times` sentences
    that told the time; `other` further NMEA and comments. Of messages (whole after their last part): `positions` and
    `identities` were taken; the rest says why not.
    """

    lines: int = 0
    vdm: int = 0
    vdo: int = 0
    gps_times: int = 0
    other: int = 0
    bad_checksums: int = 0
    malformed: int = 0
    overlong: int = 0
    incomplete: int = 0
    messages: int = 0
    undecodable: int = 0
    not_vessels: int = 0
    without_position: int = 0
    without_time: int = 0
    wrong_dates: int = 0
    repeats: int = 0
    positions: int = 0
    identities: int = 0

    def document(self) -> dict[str, int]:
        """For JSON and the ledger."""
        return asdict(self)

    @property
    def refused(self) -> int:
        """Lines and messages that could not be used though they were meant to be."""
        faults = (self.bad_checksums, self.malformed, self.overlong, self.incomplete, self.undecodable)
        return sum(faults) + self.without_time + self.wrong_dates


def is_vessel(mmsi: int) -> bool:
    """Whether a number is a ship's or that of its craft: nine digits, first 2 to 7, or 98 (ITU-R M.585).

    Shore stations (00), groups (0), aircraft (111), aids to navigation (99) and distress beacons (97) are none.
    """
    return 200_000_000 <= mmsi <= 799_999_999 or 980_000_000 <= mmsi <= 989_999_999


def position_of(latitude: float, longitude: float) -> tuple[float, float] | None:
    """A position as sent; null for "not available" (91, 181), off the globe, and 0,0, which is a receiver's default."""
    is_on_globe = -90 <= latitude <= 90 and -180 <= longitude <= 180
    return (latitude, longitude) if is_on_globe and (latitude, longitude) != (0, 0) else None


def is_possible_date(moment: dt.datetime, now: dt.datetime, tolerance_seconds: float) -> bool:
    """Whether a log can have this date: after AIS began, and not in the future."""
    return EARLIEST <= moment <= now + dt.timedelta(seconds=tolerance_seconds)


@dataclass(slots=True)
class DateWitness:
    """Holds a log's own times against the UTC that shore stations broadcast in it.

    One shore station with a wrong clock proves nothing: three words at least are asked, and their median counts.
    """

    tolerance_seconds: float
    _differences: deque[float] = field(default_factory=lambda: deque(maxlen=25))

    def hear(self, received: dt.datetime, told: BaseStationTime) -> None:
        """A shore station told the time."""
        self._differences.append((received - told.utc).total_seconds())

    def off_seconds(self) -> float | None:
        """By how much the log's times are off (positive: ahead); null while too little was heard, or all is well."""
        if len(self._differences) < 3:
            return None
        median = statistics.median(self._differences)
        return median if abs(median) > self.tolerance_seconds else None
