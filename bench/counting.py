"""Statistics over a large catalogue: how long each question of the console's page takes.

The catalogue is that of `bench.search`, with what statistics count added: recorders, sizes, states of hand-over, and
rows as long as those of a station are.
"""

import datetime as dt
import os
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.paired import Measured
from bench.search import written
from ingestd.core.clock import to_text
from ingestd.stores.database import open_for_reading
from ingestd.stores.statistics import Asked, Statistics

RECORDINGS = int(os.environ.get("BENCH_COUNTING_RECORDINGS", "1000000"))
ROUNDS = int(os.environ.get("BENCH_COUNTING_ROUNDS", "7"))
_FIRST, _STEP_S = dt.datetime(2023, 1, 1, tzinfo=dt.UTC), 95.0
_LONG_ROW_BYTES = 3000


def filled(file: Path, count: int) -> None:
    """A catalogue with what statistics count."""
    written(file, count)
    connection = sqlite3.connect(file)
    for pragma in ("synchronous=OFF", "cache_size=-200000", "foreign_keys=OFF"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(
        "UPDATE recordings SET"
        " hand_over_state = CASE rowid % 20 WHEN 0 THEN 'late' WHEN 1 THEN 'excused' ELSE 'met' END,"
        " recorder_id = printf('%07d', 1000000 + rowid % 300), size_bytes = 200000000 + rowid % 1000 * 500000,"
        " duration_s = 600.0, facts = json_object('padding', ?)",
        ["x" * _LONG_ROW_BYTES],
    )
    connection.execute(
        "INSERT INTO findings(finding_id, code, severity, scope, recording_id, noted_at, document)"
        " SELECT recording_id || '.s', CASE rowid % 3 WHEN 0 THEN 'set.gap' WHEN 1 THEN 'clock.offset' ELSE"
        " 'content.black' END, 'warning', 'file', recording_id, sealed_at, ? FROM recordings WHERE rowid % 4 = 0",
        ["{}" + " " * 800],
    )
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def main() -> Measured:
    """Generate the catalogue, and ask of it what a page of statistics asks."""
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="ingestd-bench-") as folder:
        file = Path(folder) / "catalogue.sqlite3"
        filled(file, RECORDINGS)
        size = file.stat().st_size
        book = Statistics(open_for_reading(file))
        last = _FIRST + dt.timedelta(seconds=RECORDINGS * _STEP_S)
        chance = random.Random(7)

        def year(**more: Any) -> Asked:
            ends = last - dt.timedelta(days=chance.random() * 3)
            return Asked(to_text(ends - dt.timedelta(days=365)), to_text(ends), **more)

        kinds: dict[str, Callable[[], object]] = {
            "hand-over of a year": lambda: book.came_in(year()),
            "hand-over of a year, one unit": lambda: book.came_in(year(unit="执法1中队")),
            "volume of a year": lambda: book.volume(year()),
            "volume of a year, one unit": lambda: book.volume(year(unit="执法1中队")),
            "recorders of a year": lambda: book.volume_by_recorder(year()),
            "findings of a year": lambda: book.findings(year()),
            "findings of a year, one unit": lambda: book.findings(year(unit="执法1中队")),
            "explanations of a year": lambda: book.explained(year()),
        }
        for kind, question in kinds.items():
            for _ in range(ROUNDS):
                began = time.perf_counter()
                question()
                seconds.setdefault(kind, []).append(time.perf_counter() - began)
    told = {
        kind: {"p50_ms": statistics.median(each) * 1000, "worst_ms": max(each) * 1000} for kind, each in seconds.items()
    }
    facts = {"catalogue_bytes": size} | told
    return Measured(f"statistics: {RECORDINGS} recordings, {ROUNDS} rounds", "volume of a year", seconds, facts)
