"""AIS messages decoded (pyais), from log files and from lines of a feed. Nothing here is believed that has no date."""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ingestd.core.ais import (
    KNOT_MPS,
    AisMessage,
    BaseStationTime,
    CaptureCounts,
    DateWitness,
    Told,
    VesselIdentity,
    VesselReport,
    is_possible_date,
    is_vessel,
    position_of,
)
from ingestd.core.ais_lines import MAX_LINE_BYTES, Heard, LineReader
from ingestd.core.errors import RefusedError

_BLOCK_BYTES = 256 * 1024

_SPEED_UNKNOWN_KNOTS = {27: 63.0}
_SPEED_UNKNOWN = 102.3
_WITH_POSITION = frozenset({1, 2, 3, 18, 19, 27})
_LEAST_BITS = {1: 168, 2: 168, 3: 168, 4: 168, 5: 420, 18: 168, 19: 301, 24: 160, 27: 95}
"""Shorter messages lost their end, and a value cut in its middle is another value."""


class Capture:
    """One log, or one feed, read line by line; counts what became of each (`core.ais.CaptureCounts`).

    Args:
        now: the wall time.
        tolerance_seconds: how far a date may be off before it is wrong.
        zone: of times in the log that name none.
        shift_seconds: added to the log's own times, where a person found them off.
        live_seconds: for a feed: how old what it tells may be; null for a file.
    """

    def __init__(
        self,
        now: Callable[[], dt.datetime],
        *,
        tolerance_seconds: float,
        zone: ZoneInfo | None = None,
        shift_seconds: float = 0.0,
        live_seconds: float | None = None,
    ) -> None:
        self.counts = CaptureCounts()
        self.witness = DateWitness(tolerance_seconds)
        self._now = now
        self._tolerance_seconds = tolerance_seconds
        self._shift = dt.timedelta(seconds=shift_seconds)
        self._live_seconds = live_seconds
        received = now if live_seconds is not None else None
        self._lines = LineReader(self.counts, zone=zone, received=received, tolerance_seconds=tolerance_seconds)

    def take(self, line: bytes) -> Told | None:
        """What a line adds; null where it adds nothing, or what it adds cannot be believed."""
        heard = self._lines.take(line)
        return self._told(heard) if heard is not None else None

    def close(self) -> None:
        """The log ends."""
        self._lines.close()

    def _told(self, heard: Heard) -> Told | None:
        counts = self.counts
        message = decode(heard.payload, heard.fill_bits)
        if message is None:
            counts.undecodable += 1
            return None
        try:
            at = heard.at + self._shift if heard.at is not None else None
        except OverflowError:
            at = None
        if message.base_station is not None and at is not None:
            self.witness.hear(at, message.base_station)
        if not is_vessel(message.mmsi):
            counts.not_vessels += 1
            return None
        if message.position is None and message.identity is None:
            counts.without_position += 1
            return None
        if at is None:
            counts.without_time += 1
            return None
        if not self._is_believed(at):
            counts.wrong_dates += 1
            return None
        if message.position is None:
            counts.identities += 1
            return Told(at, identity=message.identity)
        latitude, longitude, speed_mps = message.position
        report = VesselReport(message.mmsi, at, latitude, longitude, speed_mps, heard.is_own, heard.payload)
        counts.positions += 1
        counts.identities += message.identity is not None
        return Told(at, report, message.identity)

    def _is_believed(self, at: dt.datetime) -> bool:
        now = self._now()
        if not is_possible_date(at, now, self._tolerance_seconds):
            return False
        if self._live_seconds is None:
            return True
        # A feed that plays an old capture tells it by its shore stations, or by its own times.
        return (now - at).total_seconds() <= self._live_seconds and self.witness.off_seconds() is None


def decode(payload: str, fill_bits: int) -> AisMessage | None:
    """What a whole six-bit payload says; null where it is no message that the standard knows, or is too short."""
    # Only here: it takes 4 MB of memory, and most stations never hear a vessel.
    from pyais.exceptions import AISBaseException  # noqa: PLC0415
    from pyais.messages import AISSentence  # noqa: PLC0415

    try:
        sentence = AISSentence(f"!AIVDM,1,1,,A,{payload},{fill_bits}*00".encode("ascii"))
        if len(payload) * 6 - fill_bits < _LEAST_BITS.get(sentence.ais_id, 0):
            return None
        return _message(sentence.decode())
    except (AISBaseException, ValueError, TypeError, LookupError, ArithmeticError, AttributeError):
        # pyais names most faults of a payload; what torn bits do to its field converters comes as these.
        return None


def _message(decoded: Any) -> AisMessage:
    kind, mmsi = int(decoded.msg_type), int(decoded.mmsi)
    identity = _identity(kind, mmsi, decoded)
    if kind == 4:
        return AisMessage(mmsi, base_station=_base_station(mmsi, decoded))
    if kind not in _WITH_POSITION or decoded.lat is None or decoded.lon is None:
        return AisMessage(mmsi, identity=identity)
    place = position_of(float(decoded.lat), float(decoded.lon))
    if place is None:
        return AisMessage(mmsi, identity=identity)
    knots = float(decoded.speed) if decoded.speed is not None else _SPEED_UNKNOWN
    is_told = 0 <= knots < _SPEED_UNKNOWN_KNOTS.get(kind, _SPEED_UNKNOWN)
    return AisMessage(mmsi, position=(*place, knots * KNOT_MPS if is_told else None), identity=identity)


def _identity(kind: int, mmsi: int, decoded: Any) -> VesselIdentity | None:
    if kind not in (5, 19, 24):
        return None
    name = _text(getattr(decoded, "shipname", None))
    call_sign = _text(getattr(decoded, "callsign", None))
    number = getattr(decoded, "imo", None)
    imo = int(number) if number else None
    if name is None and call_sign is None and imo is None:
        return None
    return VesselIdentity(mmsi, name, imo, call_sign)


def _base_station(mmsi: int, decoded: Any) -> BaseStationTime | None:
    try:
        day = dt.datetime(int(decoded.year), int(decoded.month), int(decoded.day), tzinfo=dt.UTC)
        told = dt.time(int(decoded.hour), int(decoded.minute), int(decoded.second), tzinfo=dt.UTC)
        return BaseStationTime(mmsi, dt.datetime.combine(day, told))
    except (ValueError, OverflowError):
        # A station without a time of its own sends zeros.
        return None


def _text(value: Any) -> str | None:
    """A name as sent, without its padding; null where nothing is left."""
    text = str(value or "").split("@")[0].strip()
    return text if text and text.isprintable() else None


@contextmanager
def open_log(path: Path) -> Iterator[BufferedReader]:
    """A log file for reading.

    Raises:
        RefusedError: it cannot be opened, or is no ordinary file.
    """
    advice = "name a file that the station's user can read"
    try:
        if not path.is_file():
            raise RefusedError(f"{path} is no file", advice)
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise RefusedError(f"{path} cannot be read: {error.strerror}", advice) from error


def log_lines(file: BufferedReader) -> Iterator[bytes]:
    """The lines of a log. One that is far too long comes once, cut, and is skipped to its end."""
    splitter = LineSplitter()
    while block := file.read(_BLOCK_BYTES):
        yield from splitter.lines(block)
    yield from splitter.rest()


def digest_of(path: Path) -> str:
    """SHA-256 of a log file, by which a repeated capture is known.

    Raises:
        RefusedError: it cannot be read.
    """
    with open_log(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class LineSplitter:
    """Cuts a stream of bytes into lines, holding at most one line of the longest length that is read."""

    def __init__(self) -> None:
        self._kept = b""
        self._is_skipping = False

    def lines(self, block: bytes) -> Iterator[bytes]:
        """Lines that end in this block."""
        *ended, last = (self._kept + block).split(b"\n")
        self._kept = b""
        for line in ended:
            if self._is_skipping:
                self._is_skipping = False
            else:
                yield line
        if self._is_skipping:
            return
        if len(last) > MAX_LINE_BYTES:
            self._is_skipping = True
            yield last[: MAX_LINE_BYTES + 1]
        else:
            self._kept = last

    def rest(self) -> Iterator[bytes]:
        """The last line, where no line end follows it."""
        kept, self._kept, self._is_skipping = self._kept, b"", False
        if kept:
            yield kept
