"""Lines of an AIS log or feed: sentences, checksums, parts put together, and when each was received.

The dialects of time, all seen in logs of others: a Unix time or an ISO time before the sentence, one behind it, an NMEA
4.10 tag block (`\\c:…*hh\\`), a `$PGHP` sentence before it (Gatehouse), and `$xxRMC` or `$xxZDA` of the receiver's GPS.
"""

import datetime as dt
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from operator import xor
from zoneinfo import ZoneInfo

from ingestd.core.ais import CaptureCounts

MAX_LINE_BYTES = 1024
"""A sentence has 82 characters by the standard, tag blocks 80 a line; what is longer is no log of AIS."""

MAX_PENDING = 64
"""Messages of which parts are missing, at most so many at a time; the oldest gives way."""

_MAX_PARTS = 9
_PART_SECONDS = 60.0

_SENTENCE = re.compile(rb"(?P<body>[!$][\x20-\x29\x2b-\x7e]*)\*(?P<sum>[0-9A-Fa-f]{2})(?P<rest>.*)", re.DOTALL)
_AIS = re.compile(rb"[!$][A-Z0-9-]{2}(?P<kind>VDM|VDO),")
_TAG = re.compile(rb"\\(?P<body>[^\\*]*)\*(?P<sum>[0-9A-Fa-f]{2})\\")
_UNIX = re.compile(rb"(?P<whole>\d{9,19})(?:\.(?P<part>\d{1,9}))?")
_ISO = re.compile(
    rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z| ?UTC|[+-]\d\d:?\d\d)?",
)
_PAYLOAD = re.compile(rb"[0-W`-w]+")


class TimeSource(StrEnum):
    """Which of the dialects told when a sentence was received."""

    LINE = "line"
    TAG_BLOCK = "tag_block"
    WRAPPER = "wrapper"
    GPS = "gps"
    STATION = "station"


@dataclass(frozen=True, slots=True)
class Heard:
    """A whole message as received: six-bit payload, fill bits, time (null where the log has none) and its source."""

    payload: str
    fill_bits: int
    is_own: bool
    at: dt.datetime | None
    time_source: TimeSource | None


@dataclass(slots=True)
class _Pending:
    parts: list[bytes]
    total: int
    at: dt.datetime | None
    time_source: TimeSource | None


class LineReader:
    """Takes a log line by line and gives the messages in it. Bounded: whatever is sent, it holds little.

    Args:
        counts: counted up.
        zone: of ISO times that name none; null: such a time is no time.
        received: for a live feed, the station's clock, which tells the time where a line does not, or tells one that
            is up to `tolerance_seconds` ahead of it. Null for a file.
    """

    def __init__(
        self,
        counts: CaptureCounts,
        *,
        zone: ZoneInfo | None = None,
        received: Callable[[], dt.datetime] | None = None,
        tolerance_seconds: float = 0.0,
    ) -> None:
        self._counts = counts
        self._zone = zone
        self._received = received
        self._tolerance = dt.timedelta(seconds=tolerance_seconds)
        self._gps: dt.datetime | None = None
        self._wrapper: tuple[dt.datetime, int] | None = None
        self._pending: OrderedDict[tuple[bytes, ...], _Pending] = OrderedDict()

    def take(self, line: bytes) -> Heard | None:
        """The message that this line makes whole; null for any other line."""
        counts = self._counts
        counts.lines += 1
        line = line.rstrip(b"\r\n")
        if len(line) > MAX_LINE_BYTES:
            counts.overlong += 1
            return None
        wrapper, self._wrapper = self._wrapper, None
        own_time, rest, is_tag_bad = self._time_before(line)
        found = _SENTENCE.match(rest)
        if found is None:
            self._count_unread(rest)
            return None
        ais = _AIS.match(found["body"])
        if ais is not None:
            self._count_kind(ais["kind"])
        told = int(found["sum"], 16)
        if _checksum(found["body"][1:]) != told or is_tag_bad:
            counts.bad_checksums += 1
            return None
        if ais is None:
            self._other(found["body"])
            return None
        # The wrapper names the checksum of the sentence behind it: of all parts together, and 0 for the own vessel.
        is_single = found["body"].split(b",", 2)[1] == b"1" and ais["kind"] == b"VDM"
        is_wrapped = wrapper is not None and (not is_single or wrapper[1] in (told, 0))
        wrapped = wrapper[0] if wrapper is not None and is_wrapped else None
        return self._sentence(found["body"], ais["kind"] == b"VDO", self._time(own_time, wrapped, found["rest"]))

    def close(self) -> None:
        """The log ends: what still waits for its parts never gets them."""
        self._counts.incomplete += len(self._pending)
        self._pending.clear()

    def _count_unread(self, rest: bytes) -> None:
        """A line without a sentence: an AIS sentence that is torn, a comment, or garbage."""
        torn = _AIS.search(rest)
        if torn is not None:
            self._count_kind(torn["kind"])
        if torn is None and (not rest.strip() or rest.lstrip().startswith((b"#", b"//"))):
            self._counts.other += 1
        else:
            self._counts.malformed += 1

    def _count_kind(self, kind: bytes) -> None:
        if kind == b"VDO":
            self._counts.vdo += 1
        else:
            self._counts.vdm += 1

    def _time_before(self, line: bytes) -> tuple[tuple[dt.datetime, TimeSource] | None, bytes, bool]:
        """What stands before the sentence: its time, the rest from the sentence on, and whether a tag block is torn."""
        told: tuple[dt.datetime, TimeSource] | None = None
        is_tag_bad = False
        start = min((place for mark in b"!$\\" if (place := line.find(mark)) >= 0), default=0)
        prefix, rest = line[:start].strip(b" \t,;|[]"), line[start:]
        moment = _moment(prefix, self._zone)
        if moment is not None:
            told = (moment, TimeSource.LINE)
        while tag := _TAG.match(rest):
            rest = rest[tag.end() :]
            if _checksum(tag["body"]) != int(tag["sum"], 16):
                is_tag_bad = True
                continue
            for field in tag["body"].split(b","):
                moment = _moment(field[2:], None) if field.startswith(b"c:") else None
                told = (moment, TimeSource.TAG_BLOCK) if moment is not None else told
        return told, rest, is_tag_bad

    def _time(
        self,
        before: tuple[dt.datetime, TimeSource] | None,
        wrapped: dt.datetime | None,
        behind: bytes,
    ) -> tuple[dt.datetime, TimeSource] | None:
        told = before
        if told is None and wrapped is not None:
            told = (wrapped, TimeSource.WRAPPER)
        if told is None:
            moments = (_moment(word.strip(), self._zone) for word in behind.split(b",") if word.strip())
            told = next(((moment, TimeSource.LINE) for moment in moments if moment is not None), None)
        if self._received is None:
            return told or ((self._gps, TimeSource.GPS) if self._gps is not None else None)
        now = self._received()
        # A forwarder may hold a line back a little, and its clock be a little ahead; what is far off is told as it is,
        # so that a capture played again, or a wrong date, is recognised behind this.
        is_now = told is None or now <= told[0] <= now + self._tolerance
        return (now, TimeSource.STATION) if is_now else told

    def _other(self, body: bytes) -> None:
        fields = body.split(b",")
        if fields[0] == b"$PGHP":
            self._wrapper = _wrapped(fields)
            is_time = self._wrapper is not None
        elif fields[0].endswith(b"RMC") or fields[0].endswith(b"ZDA"):
            self._gps = _rmc(fields) if fields[0].endswith(b"RMC") else _zda(fields)
            is_time = self._gps is not None
        else:
            is_time = False
        if is_time:
            self._counts.gps_times += 1
        else:
            self._counts.other += 1

    def _sentence(self, body: bytes, is_own: bool, time: tuple[dt.datetime, TimeSource] | None) -> Heard | None:
        fields = body.split(b",")
        at, source = time if time is not None else (None, None)
        try:
            total, number = int(fields[1]), int(fields[2])
            payload, fill_bits = fields[5], int(fields[6])
        except (IndexError, ValueError):
            self._counts.malformed += 1
            return None
        is_sound = 1 <= number <= total <= _MAX_PARTS and 0 <= fill_bits <= 5 and _PAYLOAD.fullmatch(payload)
        if not is_sound:
            self._counts.malformed += 1
            return None
        if total > 1:
            return self._part((fields[0], *fields[3:5]), total, number, payload, fill_bits, is_own, time)
        self._counts.messages += 1
        return Heard(payload.decode("ascii"), fill_bits, is_own, at, source)

    def _part(
        self,
        key: tuple[bytes, ...],
        total: int,
        number: int,
        payload: bytes,
        fill_bits: int,
        is_own: bool,
        time: tuple[dt.datetime, TimeSource] | None,
    ) -> Heard | None:
        """A part of a message; parts come in order, and a first part begins anew."""
        at, source = time if time is not None else (None, None)
        pending = self._pending.pop(key, None)
        is_next = (
            pending is not None
            and number == len(pending.parts) + 1
            and total == pending.total
            and not _is_apart(pending.at, at)
        )
        if number == 1:
            self._counts.incomplete += pending is not None
            pending = _Pending([payload], total, at, source)
        elif pending is not None and is_next:
            pending.parts.append(payload)
        else:
            # Parts without their beginning are one torn message, however many of them come.
            self._counts.incomplete += pending is not None or number == total
            return None
        if len(pending.parts) == total:
            self._counts.messages += 1
            whole = b"".join(pending.parts).decode("ascii")
            return Heard(whole, fill_bits, is_own, pending.at or at, pending.time_source or source)
        self._pending[key] = pending
        if len(self._pending) > MAX_PENDING:
            self._pending.popitem(last=False)
            self._counts.incomplete += 1
        return None


def _is_apart(earlier: dt.datetime | None, later: dt.datetime | None) -> bool:
    """Whether two parts are too far apart to be of one message (their numbers run from 0 to 9 only)."""
    if earlier is None or later is None:
        return False
    return abs((later - earlier).total_seconds()) > _PART_SECONDS


def _checksum(body: bytes) -> int:
    return reduce(xor, body, 0)


def _moment(text: bytes, zone: ZoneInfo | None) -> dt.datetime | None:
    """A Unix time in s, ms, µs or ns (told by its size), or an ISO time; null for anything else."""
    unix = _UNIX.fullmatch(text)
    try:
        if unix is not None:
            whole = int(unix["whole"])
            unit = next(unit for unit in (1, 10**3, 10**6, 10**9) if whole < 10**11 * unit or unit == 10**9)
            microseconds = whole * 10**6 // unit
            if unit == 1 and unix["part"]:
                microseconds += int(unix["part"].ljust(9, b"0")) // 1000
            return dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(microseconds=microseconds)
        if _ISO.fullmatch(text):
            written = text.decode("ascii").replace(" UTC", "Z").replace("UTC", "Z").replace(",", ".")
            moment = dt.datetime.fromisoformat(written)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=zone) if zone is not None else moment
            return moment.astimezone(dt.UTC) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
    return None


def _wrapped(fields: list[bytes]) -> tuple[dt.datetime, int] | None:
    """`$PGHP,1,Y,M,D,h,m,s,ms,…,checksum of the sentence behind it`: UTC by the base station."""
    try:
        year, month, day, hour, minute, second, milliseconds = (int(one) for one in fields[2:9])
        at = dt.datetime(year, month, day, hour, minute, second, milliseconds * 1000, tzinfo=dt.UTC)
        return at, int(fields[-1], 16)
    except (ValueError, OverflowError):
        return None


def _rmc(fields: list[bytes]) -> dt.datetime | None:
    """`$xxRMC,hhmmss.ss,A,…,ddmmyy`: UTC by the satellites; null without a fix."""
    if len(fields) < 10 or fields[2] != b"A" or len(fields[9]) != 6:
        return None
    return _clock_and_date(fields[1], fields[9][:2], fields[9][2:4], b"20" + fields[9][4:])


def _zda(fields: list[bytes]) -> dt.datetime | None:
    """`$xxZDA,hhmmss.ss,dd,mm,yyyy,…`: UTC by the satellites."""
    return _clock_and_date(fields[1], fields[2], fields[3], fields[4]) if len(fields) >= 5 else None


def _clock_and_date(clock: bytes, day: bytes, month: bytes, year: bytes) -> dt.datetime | None:
    try:
        seconds = float(clock[4:])
        at = dt.datetime(int(year), int(month), int(day), int(clock[:2]), int(clock[2:4]), tzinfo=dt.UTC)
        return at + dt.timedelta(seconds=seconds) if 0 <= seconds < 61 else None
    except (ValueError, OverflowError):
        return None
