"""Pages of the console over a large catalogue: how long each takes to come, over HTTP, from a console of its own.

The catalogue is that of `bench.search`, with a docking, contents and terms added, so that every page has what it shows.
"""

import http.client
import json
import os
import random
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.paired import Measured
from bench.retention import station
from bench.search import _CAUSES, _GIVEN, _SURNAMES, written
from ingestd.cli.account_requests import perform
from ingestd.config.load import load_all
from ingestd.core.account_acts import REQUESTS
from ingestd.core.clock import SystemClock, to_text
from ingestd.stores.database import open_for_writing
from ingestd.stores.hashing import Hasher
from ingestd.stores.secrets import Secrets

RECORDINGS = int(os.environ.get("BENCH_CONSOLE_RECORDINGS", "1000000"))
ASKED = int(os.environ.get("BENCH_CONSOLE_ASKED", "60"))
_ACCOUNT, _PASSWORD = "archivist", "Correct-Horse-7-Staple"
_COOKIE = re.compile(r"ingestd_session=([^;]+)")


def filled(file: Path, count: int) -> None:
    """A catalogue with what a page of a recording shows beside the words that are searched."""
    written(file, count)
    connection = sqlite3.connect(file)
    for pragma in ("synchronous=OFF", "cache_size=-200000", "foreign_keys=OFF"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(
        "INSERT INTO dockings VALUES ('d', 'bay-1', 'udev', '7', 'k', ?, NULL, NULL, 'f', 1, 1, '{}', 1)",
        [to_text(SystemClock().now())],
    )
    connection.execute(
        "INSERT INTO contents SELECT sha256, 450000000, 'originals/' || recording_id, sealed_at, NULL FROM recordings"
    )
    tags = {
        "officers": [{"officer": "王海", "certificate": "210213007", "unit": "执法一中队", "is_doubtful": False}],
        "times_source": "position", "name": {"sequence": 1}, "position": None, "place": None,
    }  # fmt: skip
    connection.execute(
        "UPDATE recordings SET size_bytes = 450000000, recorder_id = '0000007', duration_s = 600.0, recorded_end ="
        " strftime('%Y-%m-%dT%H:%M:%fZ', recorded_start, '+600 seconds'), take_id = recording_id, tags = ?,"
        " keep_until = strftime('%Y-%m-%dT%H:%M:%fZ', recorded_start, '+3 years')",
        [json.dumps(tags, ensure_ascii=False)],
    )
    finding = {
        "code": "gap.video", "severity": "warning", "scope": "file", "file": "DCIM/a.mp4", "files": None,
        "start_s": 10.0, "end_s": 14.0, "start_utc": None, "end_utc": None, "bytes": None, "confidence": "certain",
        "evidence": {"sources": ["packets"]}, "innocent_explanation": None,
    }  # fmt: skip
    connection.execute("UPDATE findings SET document = ?", [json.dumps(finding)])
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def busy_ms(process: int) -> float:
    """What a process has computed since it began, by the clock of the scheduler."""
    threads = Path(f"/proc/{process}/task").iterdir()
    return sum(int((one / "schedstat").read_text("ascii").split()[0]) for one in threads) / 1e6


@contextmanager
def console(config: Path) -> Iterator[tuple[http.client.HTTPConnection, int]]:
    """A console as a process of its own; the connection of its client, and the process."""
    command = [sys.executable, "-m", "ingestd", "web", "--config", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            address = next(found[1] for line in process.stdout if (found := re.search(r"http://([\d.:]+)/$", line)))
            connection = http.client.HTTPConnection(address)
            connection.connect()
            yield connection, process.pid
            connection.close()
        finally:
            process.terminate()


def account(config: Path) -> None:
    """Somebody who may see everything."""
    configuration = load_all(config)
    fields = [{"do": "enter", "by": "bench", "account": _ACCOUNT, "person": "赵敏", "roles": ["archivist", "auditor"],
               "unit": "", "certificate": ""}]  # fmt: skip
    perform(configuration, REQUESTS.validate_python(fields))
    secrets = Secrets(configuration.settings.secrets_file)
    secrets.set_credential(_ACCOUNT, "password", Hasher().digest(_PASSWORD), to_text(SystemClock().now()))


def signed_in(connection: http.client.HTTPConnection) -> dict[str, str]:
    """The headers of somebody who is signed in."""
    form = urllib.parse.urlencode({"account": _ACCOUNT, "password": _PASSWORD})
    about = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Origin": f"http://{connection.host}:{connection.port}",
    }
    connection.request("POST", "/sign-in", form, about)
    answer = connection.getresponse()
    answer.read()
    found = _COOKIE.search(answer.headers.get("set-cookie", ""))
    assert found is not None, answer.status
    return {"Cookie": f"ingestd_session={found[1]}"}


def asked(connection: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> tuple[float, int]:
    """Milliseconds until the page is there, and its bytes."""
    began = time.perf_counter()
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    took = (time.perf_counter() - began) * 1000
    assert answer.status == 200, (path, answer.status, body[:300])
    return took, len(body)


def paths(chance: random.Random) -> dict[str, Callable[[], str]]:
    """Of each kind a maker of paths, each time another one."""

    def key() -> str:
        number = chance.randrange(RECORDINGS)
        return f"0190{number:08x}-0000-7000-8000-{number:012x}"

    def search(**words: str) -> str:
        return f"/search?{urllib.parse.urlencode(words)}"

    def name() -> str:
        return chance.choice(_SURNAMES) + chance.choice(_GIVEN)

    return {
        "today": lambda: "/",
        "search, no words": lambda: "/search",
        "search, a cause": lambda: search(words=chance.choice(_CAUSES)),
        "search, a name": lambda: search(officer=name()),
        "search, a vessel": lambda: search(vessel=f"金渔{15000 + chance.randrange(4000)}"),
        "search, a case": lambda: search(case=f"{chance.randrange(RECORDINGS // 40)}号"),
        "search, what does not occur": lambda: search(words="查无此人"),
        "recording": lambda: f"/recordings/{key()}",
        "work lists": lambda: "/work",
        "work list: not registered": lambda: "/work/unregistered",
        "holds": lambda: "/holds",
        "disposals": lambda: "/disposals",
        "cases": lambda: "/cases",
        "audit": lambda: "/audit",
        "API: recordings": lambda: f"/api/v1/recordings?{urllib.parse.urlencode({'words': chance.choice(_CAUSES)})}",
        "API: a recording": lambda: f"/api/v1/recordings/{key()}",
    }


def main() -> Measured:
    """Generate a catalogue, start a console over it, and ask for pages."""
    with tempfile.TemporaryDirectory(prefix="ingestd-bench-", dir=os.environ.get("BENCH_DIR")) as scratch:
        config = station(Path(scratch))
        config.write_text(
            re.sub(r"(\[web\]\n(?:(?!\[).*\n)*?)port = \d+", r"\g<1>port = 0", config.read_text("utf-8")), "utf-8"
        )
        settings = load_all(config).settings
        settings.state_dir.mkdir(parents=True, exist_ok=True)
        filled(settings.catalogue_file, RECORDINGS)
        open_for_writing(settings.catalogue_file).dispose()
        account(config)
        seconds: dict[str, list[float]] = {}
        facts: dict[str, Any] = {"catalogue_bytes": settings.catalogue_file.stat().st_size}
        with console(config) as (connection, process):
            headers = signed_in(connection)
            for name, make in paths(random.Random(11)).items():
                asked(connection, make(), headers)
                before = busy_ms(process)
                took = [asked(connection, make(), headers) for _ in range(ASKED)]
                computed = busy_ms(process) - before
                each = sorted(one for one, _ in took)
                seconds[name] = [one / 1000 for one in each]
                facts[name] = {
                    "p50_ms": statistics.median(each),
                    "p95_ms": each[int(len(each) * 0.95)],
                    "worst_ms": each[-1],
                    # What other programs of the machine took away is not in this.
                    "cpu_mean_ms": computed / ASKED,
                    "bytes": max(size for _, size in took),
                }
        return Measured(f"console: {RECORDINGS} recordings, {ASKED} pages of each kind", "today", seconds, facts)
