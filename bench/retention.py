"""Planning a disposal in a large catalogue: time and peak memory, with as many due of however many are held.

The catalogues are generated straight into files: as a station's acts would leave them, without the acts. Each way is a
process of its own, which opens the station as a command does and plans: the document is written, and shows again.
"""

import datetime as dt
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.paired import Measured
from bench.standing import PROJECT
from ingestd.core.clock import to_text
from ingestd.stores.database import open_for_writing

HELD = tuple(int(one) for one in os.environ.get("BENCH_RETENTION_HELD", "100000,1000000,10000000").split(","))
DUE = int(os.environ.get("BENCH_RETENTION_DUE", "10000"))
ROUNDS = int(os.environ.get("BENCH_RETENTION_ROUNDS", "3"))
_TOGETHER = 50_000
_BASE = "the smallest catalogue"

_CHILD = """
import json, sys, time
from pathlib import Path
from ingestd.config.load import load_all
from ingestd.core.disposal_acts import Plan
from ingestd.core.stop import Stop
from ingestd.wiring import disposal_desk, open_parts
def peak_kib():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
began = time.perf_counter()
with open_parts(load_all(Path(sys.argv[1])), Stop()) as parts:
    desk = disposal_desk(lambda: parts, lambda: True, {})
    opened = time.perf_counter()
    Path("/proc/self/clear_refs").write_text("5")
    before, busy = peak_kib(), time.process_time()
    answer = desk.enter(Plan(by="bench", limit=int(sys.argv[2])))
    planned, busy = time.perf_counter(), time.process_time() - busy
peak = peak_kib()
print(json.dumps({
    "opening_seconds": opened - began, "plan_seconds": planned - opened, "plan_cpu_seconds": busy,
    "recordings": answer["recordings"], "peak_bytes": peak * 1024, "plan_bytes": (peak - before) * 1024,
}))
"""


def _decision(keep_until: str, sealed_at: str) -> str:
    reason = {
        "rule_id": "term_3y", "kind": "term", "article": "第二十九条第二款", "words": "执法全过程音视频记录保存期为3年",
        "note": None, "is_shipped_default": False, "start": sealed_at, "start_event": "sealed_at", "until": keep_until,
        "is_winner": True, "is_promised_earlier": False, "is_local": False, "case": None, "hold": None,
        "hold_reason": None,
    }  # fmt: skip
    head = {"regime": "marine", "regime_version": 3, "based_on": None, "based_on_version": None, "rules_sha256": ""}
    return json.dumps(head | {"keep_until": keep_until, "reasons": [reason]}, ensure_ascii=False)


def written(file: Path, count: int, due: int, now: dt.datetime) -> None:
    """A catalogue of so many recordings; of these so many are due, spread over all of it."""
    open_for_writing(file).dispose()
    connection = sqlite3.connect(file)
    for pragma in ("synchronous=OFF", "cache_size=-200000", "journal_mode=WAL", "foreign_keys=OFF"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("INSERT INTO meta VALUES ('find_filled', '1')")
    connection.execute(
        "INSERT INTO dockings VALUES ('d', 'bay-1', 'udev', '7', 'k', ?, NULL, NULL, 'f', 1, 1, '{}', 1)",
        [to_text(now)],
    )
    every = count // due
    for start in range(0, count, _TOGETHER):
        contents, recordings = [], []
        for number in range(start, min(count, start + _TOGETHER)):
            key, sha256 = f"0190{number:08x}-0000-7000-8000-{number:012x}", f"{number * 2654435761 % 2**64:064x}"
            is_due = number % every == 0
            keep_until = to_text(now + dt.timedelta(days=-1 - number % 30 if is_due else 30 + number % 1000))
            sealed_at = to_text(now - dt.timedelta(days=1100))
            contents.append((sha256, 450_000_000, f"originals/{number}", sealed_at))
            decision = _decision(keep_until, sealed_at)
            recordings.append((key, sha256, f"DCIM/{number}.mp4", sealed_at, sealed_at, keep_until, decision))
        connection.executemany("INSERT INTO contents VALUES (?, ?, ?, ?, NULL)", contents)
        connection.executemany(
            "INSERT INTO recordings(recording_id, sha256, size_bytes, docking_id, recorder_id, recorder_key, card_path,"
            " sidecar_path, sealed_at, state, kind, recorded_start, keep_until, retention) VALUES (?, ?, 450000000,"
            " 'd', '7', 'k', ?, 's', ?, 'catalogued', 'video', ?, ?, ?)",
            recordings,
        )
        connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def station(root: Path) -> Path:
    """The configuration of a station below `root` that may dispose of all it has."""
    shutil.copytree(PROJECT / "config", root / "config")
    file = root / "config" / "ingestd.toml"
    text = file.read_text("utf-8")
    for key, value in (("enabled", "true"), ("max_share_percent", "100.0")):
        pattern = re.compile(rf"(^\[disposal\]\n(?:(?!\[).*\n)*?){key} = .*$", re.MULTILINE)
        text, found = pattern.subn(rf"\g<1>{key} = {value}", text)
        assert found == 1, key
    file.write_text(text, "utf-8")
    return file


def planned(config: Path, catalogue: Path) -> dict[str, Any]:
    """One plan by a process that has just started, of a catalogue of which nothing is in memory."""
    # Of this file alone: what else the machine has in memory is nothing to a plan.
    descriptor = os.open(catalogue, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(config), str(DUE)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"no plan was made: {done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    if answer["recordings"] != DUE:
        sys.exit(f"{answer['recordings']} recordings are in the plan; {DUE} are due")
    return answer


def main() -> Measured:
    """Generate each catalogue, then plan in copies of it, round by round."""
    seconds: dict[str, list[float]] = {}
    facts: dict[str, Any] = {}
    now = dt.datetime.fromtimestamp(time.time(), dt.UTC)
    with tempfile.TemporaryDirectory(prefix="ingestd-bench-", dir=os.environ.get("BENCH_DIR")) as scratch:
        for count in HELD:
            name = _BASE if count == HELD[0] else f"{count} held"
            root = Path(scratch) / str(count)
            config = station(root)
            (root / "var").mkdir()
            catalogue = root / "var" / "catalogue.sqlite3"
            written(catalogue, count, DUE, now)
            told = []
            for number in range(ROUNDS):
                told.append(planned(config, catalogue))
                _forget(catalogue, root / "var" / "vault", is_last=number == ROUNDS - 1)
            seconds[name] = [one["plan_seconds"] for one in told]
            facts[name] = {"recordings": count, "due": DUE, "catalogue_bytes": catalogue.stat().st_size} | {
                key: [one[key] for one in told]
                for key in ("opening_seconds", "plan_cpu_seconds", "peak_bytes", "plan_bytes")
            }
            shutil.rmtree(root)
    return Measured(f"retention: plans of {DUE} due recordings, cold", _BASE, seconds, facts)


def _forget(catalogue: Path, vault: Path, *, is_last: bool) -> None:
    """Take the plan out of the catalogue again, as if it had never been made."""
    if is_last:
        return
    connection = sqlite3.connect(catalogue)
    for table in ("disposal_items", "disposals"):
        connection.execute(f"DELETE FROM {table}")
    connection.execute("DELETE FROM meta WHERE key IN ('applied_seq', 'latest_time')")
    connection.commit()
    connection.close()
    shutil.rmtree(vault)
