"""The rolling store of AIS reports: a SQLite file of its own, pruned by age and size, no part of the vault.

What is decided on it stands in the ledger with its evidence. So it is synced less strictly than the catalogue, and may
be deleted: only candidates that nobody asked for yet are lost with it.
"""

import datetime as dt
import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    create_engine,
    delete,
    event,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from ingestd.core.ais import Told, VesselIdentity, VesselReport
from ingestd.core.clock import to_text
from ingestd.core.errors import StoreError, StoreFullError

FORMAT = 1
"""In `PRAGMA user_version`; a file of another one is told, not read."""

REPEAT_SECONDS = 30
"""Equal bits of one vessel within so long are one transmission, heard twice: a report carries its own UTC second."""

_PRUNED_TOGETHER = 5_000
_SQLITE_FULL = 13
_BUSY_MILLISECONDS = 30_000

_metadata = MetaData()

_captures = Table(
    "captures",
    _metadata,
    Column("capture_id", Integer, primary_key=True),
    Column("source", Text, nullable=False, comment="file name, or address of the feed"),
    Column("digest", String, comment="SHA-256 of the file; null for a feed"),
    Column("entered_at", String, nullable=False),
    Column("ended_at", String, nullable=False, comment="last entered"),
    Column("entered_by", Text, nullable=False, comment="the person; `station` for a feed"),
    Column("is_counted", Boolean, nullable=False, comment="false while a file is being read: its dates may be wrong"),
    Column("first_ms", BigInteger, comment="of its reports; null for none"),
    Column("last_ms", BigInteger),
    Column("document", JSON, nullable=False, comment="core.ais.CaptureCounts"),
    Index("ix_captures_digest", "digest"),
)

_reports = Table(
    "reports",
    _metadata,
    Column("report_id", Integer, primary_key=True, comment="in the order of entry"),
    Column("capture_id", Integer, nullable=False),
    Column("mmsi", Integer, nullable=False),
    Column("at_ms", BigInteger, nullable=False, comment="received, Unix time"),
    Column("latitude", Float, nullable=False, comment="degrees WGS-84"),
    Column("longitude", Float, nullable=False),
    Column("speed_mps", Float, comment="over ground; null where not told"),
    Column("is_own", Boolean, nullable=False),
    Column("bits", BigInteger, nullable=False, comment="hash of the message's bits"),
    Index("ix_reports_mmsi", "mmsi", "at_ms"),
    Index("ix_reports_at", "at_ms"),
    Index("ix_reports_capture", "capture_id"),
)

_identities = Table(
    "identities",
    _metadata,
    Column("mmsi", Integer, primary_key=True),
    Column("name", Text, primary_key=True, comment="empty where this message told none"),
    Column("imo", Integer, primary_key=True, comment="0 for none"),
    Column("call_sign", Text, primary_key=True),
    Column("first_ms", BigInteger, nullable=False, comment="heard so from here"),
    Column("last_ms", BigInteger, nullable=False),
    Column("entered_at", String, nullable=False, comment="last entered"),
    Index("ix_identities_entered", "entered_at"),
)


@dataclass(frozen=True, slots=True)
class HeardSummary:
    """What the store holds. Times are UTC; null where it holds nothing."""

    reports: int
    vessels: int
    size_bytes: int
    first: dt.datetime | None
    last: dt.datetime | None


class HeardVessels:
    """The store of one file. Safe from many threads and beside other processes; each question has its own connection.

    Raises:
        StoreError: the file cannot be opened, or is of another format.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._engine = _opened(file)

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    # What is entered

    def begin(self, source: str, digest: str | None, by: str, now: dt.datetime) -> int:
        """Begin a capture; a feed's counts at once, a file's once it is finished. Gives its number."""
        row: dict[str, Any] = {
            "source": source,
            "digest": digest,
            "entered_at": to_text(now),
            "ended_at": to_text(now),
            "entered_by": by,
            "is_counted": digest is None,
            "document": {},
        }
        with self._writing() as connection:
            number = connection.execute(insert(_captures).values(**row)).inserted_primary_key
        return int(number[0]) if number is not None else 0

    def add(self, capture: int, told: Sequence[Told], now: dt.datetime) -> int:
        """Enter what was told; how many reports were there already (a repeated capture, or two receivers)."""
        reports = [_row(capture, one.report) for one in told if one.report is not None]
        identities = [_identity_row(one.identity, _ms(one.at), now) for one in told if one.identity is not None]
        with self._writing() as connection:
            # One after the other, as the driver does it: a report may repeat an earlier one of the same batch.
            entered = connection.execute(_ADD_REPORT, reports).rowcount if reports else 0
            if identities:
                connection.execute(_ADD_IDENTITY, identities)
            if reports:
                times = [row["at_ms"] for row in reports]
                values = {"at_capture": capture, "earliest": min(times), "latest": max(times)}
                connection.execute(_WIDEN_CAPTURE, values)
        return len(reports) - entered

    def finish(self, capture: int, document: Mapping[str, Any], now: dt.datetime) -> None:
        """Say what a capture came to; from now on its reports count. A feed is said so again and again."""
        done = update(_captures).where(_captures.c.capture_id == capture)
        with self._writing() as connection:
            connection.execute(done.values(ended_at=to_text(now), document=dict(document), is_counted=True))

    def forget(self, capture: int) -> None:
        """Take a capture out again: its dates are wrong, or its reading was cut short."""
        with self._writing() as connection:
            connection.execute(delete(_reports).where(_reports.c.capture_id == capture))
            connection.execute(delete(_captures).where(_captures.c.capture_id == capture))

    def forget_unfinished(self) -> None:
        """Take out what an import left that was cut short; called by the one writer before another."""
        with self._reading() as connection:
            left = connection.execute(select(_captures.c.capture_id).where(~_captures.c.is_counted)).scalars().all()
        for capture in left:
            self.forget(capture)

    def prune(self, now: dt.datetime, keep_days: float, max_bytes: int) -> int:
        """Delete what was entered longer ago than `keep_days`, then the earliest entries until the rest fits.

        Age counts from entry and not from the report: an old log that was imported yesterday is of use today. Gives
        the number of reports that went.
        """
        before = now - dt.timedelta(days=keep_days)
        old = select(_captures.c.capture_id).where(_captures.c.ended_at < to_text(before))
        with self._writing() as connection:
            gone = connection.execute(delete(_reports).where(_reports.c.capture_id.in_(old))).rowcount
            connection.execute(delete(_captures).where(_captures.c.ended_at < to_text(before)))
            connection.execute(delete(_identities).where(_identities.c.entered_at < to_text(before), _is_unheard()))
        while self._size_bytes() > max_bytes:
            with self._writing() as connection:
                first = select(_reports.c.report_id).order_by(_reports.c.report_id).limit(_PRUNED_TOGETHER)
                removed = connection.execute(delete(_reports).where(_reports.c.report_id.in_(first))).rowcount
            gone += removed
            if not removed:
                break
        if gone:
            with self._writing() as connection:
                connection.exec_driver_sql("PRAGMA incremental_vacuum")
        return gone

    # What can be asked

    def capture_of(self, digest: str) -> dict[str, Any] | None:
        """The finished capture of a file with these bytes; null for none."""
        query = select(_captures).where(_captures.c.digest == digest, _captures.c.is_counted)
        rows = self._rows(query)
        return rows[0] if rows else None

    def captures(self, limit: int = 50) -> list[dict[str, Any]]:
        """The latest captures, newest first."""
        return self._rows(select(_captures).order_by(_captures.c.capture_id.desc()).limit(limit))

    def reports_between(
        self, start: dt.datetime, end: dt.datetime, box: tuple[float, float, float, float] | None = None
    ) -> list[VesselReport]:
        """Reports received in a span, in order; `box` is south, west, north, east (west > east across the 180th)."""
        query = select(_reports).where(_reports.c.at_ms >= _ms(start), _reports.c.at_ms <= _ms(end))
        unfinished = select(_captures.c.capture_id).where(~_captures.c.is_counted)
        query = query.where(_reports.c.capture_id.not_in(unfinished)).order_by(_reports.c.at_ms, _reports.c.report_id)
        if box is not None:
            south, west, north, east = box
            inside = (_reports.c.longitude >= west, _reports.c.longitude <= east)
            query = query.where(_reports.c.latitude >= south, _reports.c.latitude <= north)
            query = query.where(inside[0] & inside[1] if west <= east else inside[0] | inside[1])
        return [
            VesselReport(
                row["mmsi"],
                dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(milliseconds=row["at_ms"]),
                row["latitude"],
                row["longitude"],
                row["speed_mps"],
                row["is_own"],
            )
            for row in self._rows(query)
        ]

    def identities_near(self, numbers: Collection[int], at: dt.datetime) -> dict[int, VesselIdentity]:
        """Who these vessels said they were around a time: of each field the word that was said nearest to it."""
        known: dict[int, VesselIdentity] = {}
        for number in sorted(numbers):
            rows = self._rows(select(_identities).where(_identities.c.mmsi == number))
            rows.sort(key=lambda row: (max(row["first_ms"] - _ms(at), _ms(at) - row["last_ms"], 0), -row["last_ms"]))
            name, imo, sign = (
                next((row[key] for row in rows if row[key]), None) for key in ("name", "imo", "call_sign")
            )
            if rows:
                known[number] = VesselIdentity(number, name, imo, sign)
        return known

    def summary(self) -> HeardSummary:
        """How much is held, and of what time."""
        query = select(func.count(), func.min(_reports.c.at_ms), func.max(_reports.c.at_ms)).select_from(_reports)
        with self._reading() as connection:
            reports, first, last = connection.execute(query).one()
            vessels = connection.execute(select(func.count(_reports.c.mmsi.distinct()))).scalar_one()
        return HeardSummary(int(reports), int(vessels), self._size_bytes(), _moment(first), _moment(last))

    def span(self) -> tuple[dt.datetime, dt.datetime] | None:
        """First and last report that are held; null for none."""
        with self._reading() as connection:
            first = connection.execute(select(func.min(_reports.c.at_ms))).scalar_one()
            last = connection.execute(select(func.max(_reports.c.at_ms))).scalar_one()
        start, end = _moment(first), _moment(last)
        return (start, end) if start is not None and end is not None else None

    def _size_bytes(self) -> int:
        """What is in use of the file; pages that are free are used again."""
        with self._reading() as connection:
            names = ("page_count", "freelist_count", "page_size")
            count, free, size = (connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names)
        return int((count - free) * size)

    def _rows(self, query: Any) -> list[dict[str, Any]]:
        with self._reading() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with _translated(self._file), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with _translated(self._file), self._engine.connect() as connection:
            yield connection


_HELD = select(_reports.c.report_id).where(
    _reports.c.mmsi == bindparam("mmsi"),
    _reports.c.at_ms.between(
        bindparam("at_ms") - literal(REPEAT_SECONDS * 1000), bindparam("at_ms") + literal(REPEAT_SECONDS * 1000)
    ),
    _reports.c.bits == bindparam("bits"),
)
_REPORT_COLUMNS = [column for column in _reports.columns if column.name != "report_id"]
_ADD_REPORT = insert(_reports).from_select(
    [column.name for column in _REPORT_COLUMNS],
    select(*(bindparam(column.name, type_=column.type) for column in _REPORT_COLUMNS)).where(~_HELD.exists()),
)
_WIDEN_CAPTURE = (
    update(_captures)
    .where(_captures.c.capture_id == bindparam("at_capture"))
    .values(
        first_ms=func.min(func.coalesce(_captures.c.first_ms, bindparam("earliest")), bindparam("earliest")),
        last_ms=func.max(func.coalesce(_captures.c.last_ms, bindparam("latest")), bindparam("latest")),
    )
)
_NEW = upsert(_identities)
_ADD_IDENTITY = _NEW.on_conflict_do_update(
    index_elements=["mmsi", "name", "imo", "call_sign"],
    set_={
        "first_ms": func.min(_identities.c.first_ms, _NEW.excluded.first_ms),
        "last_ms": func.max(_identities.c.last_ms, _NEW.excluded.last_ms),
        "entered_at": _NEW.excluded.entered_at,
    },
)


def _is_unheard() -> Any:
    return ~select(_reports.c.report_id).where(_reports.c.mmsi == _identities.c.mmsi).exists()


def _opened(file: Path) -> Engine:
    engine = create_engine(f"sqlite:///{file}")

    @event.listens_for(engine, "connect")
    def _configure(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        pragmas = ("auto_vacuum=INCREMENTAL", f"busy_timeout={_BUSY_MILLISECONDS}", "journal_mode=WAL")
        for pragma in (*pragmas, "synchronous=NORMAL"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    with _translated(file), engine.begin() as connection:
        known = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        if known not in (0, FORMAT):
            raise StoreError(f"{file} is of another ingestd (format {known})", "move it away; a new one is begun")
        if known == 0:
            _metadata.create_all(connection)
            connection.exec_driver_sql(f"PRAGMA user_version={FORMAT}")
    return engine


@contextmanager
def _translated(file: Path) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlite_errorcode", None) == _SQLITE_FULL:
            raise StoreFullError(f"no room for AIS reports in {file}", "free or add disk space") from error
        advice = "it holds no evidence: move it away, and a new one is begun"
        raise StoreError(f"the store of AIS reports {file} refused: {error.orig}", advice) from error


def _row(capture: int, report: VesselReport) -> dict[str, Any]:
    digest = hashlib.blake2b(report.payload.encode("ascii"), digest_size=8).digest()
    return {
        "capture_id": capture,
        "mmsi": report.mmsi,
        "at_ms": _ms(report.at),
        "latitude": report.latitude,
        "longitude": report.longitude,
        "speed_mps": report.speed_mps,
        "is_own": report.is_own,
        "bits": int.from_bytes(digest, "big", signed=True),
    }


def _identity_row(identity: VesselIdentity, at_ms: int, now: dt.datetime) -> dict[str, Any]:
    words = {"name": identity.name or "", "imo": identity.imo or 0, "call_sign": identity.call_sign or ""}
    times = {"first_ms": at_ms, "last_ms": at_ms, "entered_at": to_text(now)}
    return {"mmsi": identity.mmsi} | times | words


def _ms(moment: dt.datetime) -> int:
    return (moment - dt.datetime.fromtimestamp(0, dt.UTC)) // dt.timedelta(milliseconds=1)


def _moment(at_ms: int | None) -> dt.datetime | None:
    if at_ms is None:
        return None
    return dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(milliseconds=at_ms)
