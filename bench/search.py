"""Search over a large catalogue: how long a page of each kind of question takes, warm and cold.

The catalogue is generated straight into a file: as a station's acts would leave it, without the acts. Names, causes,
parties and vessels are made up; how often each occurs falls off as it does in a bureau.
"""

import datetime as dt
import json
import os
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.paired import Measured, drop_caches
from ingestd.core.clock import to_text
from ingestd.core.findtext import joined, signs_of
from ingestd.core.registration_rules import RegistrationRule
from ingestd.stores.database import open_for_reading, open_for_writing
from ingestd.stores.find import Box, Finder, Question
from ingestd.stores.find_index import slot_of
from ingestd.stores.schema_find import COLUMNS

RECORDINGS = int(os.environ.get("BENCH_SEARCH_RECORDINGS", "1000000"))
WARM, COLD = int(os.environ.get("BENCH_SEARCH_WARM", "40")), int(os.environ.get("BENCH_SEARCH_COLD", "5"))
_TOGETHER = 20_000
_SURNAMES, _GIVEN = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗",
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂英华玉春梅海波",
)
_CAUSES = (
    "无照经营", "占道经营", "违法捕捞", "禁渔期作业", "超范围经营",
    "销售过期食品", "无证行医", "未亮证经营", "非法占用海域", "消毒不合格",
)  # fmt: skip
_PLACES = (
    "大窑湾港",
    "杏树屯渔港",
    "石鼓路市场",
    "金石滩海域",
    "登沙河码头",
    "开发区农贸市场",
    "江海区仓库",
    "蓬江区商场",
)
_FIRST = dt.datetime(2023, 1, 1, tzinfo=dt.UTC)
_STEP_S = 95.0
RULES = tuple(
    RegistrationRule(id=field, zh=field, en=field, article="一", words="一")
    for field in ("unit", "device", "officers", "parties", "cause")
)


def generated(count: int, chance: random.Random) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Rows of `recordings` and of `find_rows`, in order of time."""
    officers = [f"{a}{b}{c}" for a in _SURNAMES for b in _GIVEN for c in ("", *_GIVEN)]
    chance.shuffle(officers)
    for number in range(count):
        moment = to_text(_FIRST + dt.timedelta(seconds=number * _STEP_S))
        officer = officers[min(int(chance.expovariate(1 / 60)), len(officers) - 1)]
        device = f"{1000000 + number % 300:07d}"
        digits = moment[:19].translate({45: None, 58: None, 84: None})
        name = f"{device}_{number % 900:06d}{digits}_{number % 10000:04d}.mp4"
        is_linked, at_sea = chance.random() < 0.4, chance.random() < 0.3
        cause = chance.choice(_CAUSES) if is_linked else None
        case = f"大海执罚〔{moment[:4]}〕{number // 40}号" if is_linked else None
        trade = chance.choice(("水产", "食品", "贸易"))
        party = f"{chance.choice(_SURNAMES)}{chance.choice(_GIVEN)}{trade}有限公司" if is_linked else None
        vessel = f"辽大金渔{15000 + number % 4000}" if at_sea else None
        north, east = 38.8 + chance.random(), 121.4 + chance.random()
        key = f"0190{number:08x}-0000-7000-8000-{number:012x}"
        text = {
            "officers": joined([officer, f"2102{officers.index(officer):05d}"]),
            "cases": joined([case, cause]),
            "parties": joined([party]),
            "vessels": joined([vessel]),
            "places": joined([chance.choice(_PLACES)]),
            "other": joined([name, device, "执法一中队"]),
        }
        recording = {"recording_id": key, "card_path": f"DCIM/{name}", "recorded_start": moment}
        row = {
            "slot": slot_of(moment), "recording_id": key, "is_footage": 1, "known": 0xFFF if is_linked else 0x0BF,
            "is_at_sea": None, "unit": f"执法{number % 5}中队",
            "facts": json.dumps({"officers": {"values": [officer], "source": "roster", "is_doubtful": False}}),
            "south": north, "west": east, "north": north + 0.01, "east": east + 0.01,
        }  # fmt: skip
        yield recording, row | text


def written(file: Path, count: int) -> None:
    """A catalogue file of so many recordings."""
    open_for_writing(file).dispose()
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-200000")
    texts = ", ".join(COLUMNS)
    places = ", ".join(f":{name}" for name in COLUMNS)
    own = "slot, recording_id, is_footage, known, is_at_sea, unit, facts, south, west, north, east"
    recording = (
        "INSERT INTO recordings(recording_id, sha256, size_bytes, docking_id, recorder_key, card_path, sidecar_path,"
        " sealed_at, state, kind, recorded_start) VALUES (:recording_id, :recording_id, 1, 'd', 'k', :card_path, 's',"
        " :recorded_start, 'catalogued', 'video', :recorded_start)"
    )
    finding = (
        "INSERT INTO findings(finding_id, code, severity, scope, recording_id, noted_at, document)"
        " VALUES (:recording_id, 'gap.video', 'warning', 'file', :recording_id, :recorded_start, '{}')"
    )
    source = generated(count, random.Random(7))
    while some := [pair for _, pair in zip(range(_TOGETHER), source, strict=False)]:
        rows = [row for _, row in some]
        connection.executemany(recording, [one for one, _ in some])
        connection.executemany(finding, [one for one, _ in some[::250]])
        connection.executemany(
            f"INSERT INTO find_rows({own}, {texts}) VALUES (:{own.replace(', ', ', :')}, {places})", rows
        )
        connection.executemany(f"INSERT INTO find_words(rowid, {texts}) VALUES (:slot, {places})", rows)
        signs = [{"slot": row["slot"]} | {name: " ".join(signs_of(row[name])) for name in COLUMNS} for row in rows]
        connection.executemany(f"INSERT INTO find_signs(rowid, {texts}) VALUES (:slot, {places})", signs)
        connection.executemany("INSERT INTO find_box VALUES (:slot, :south, :north, :west, :east)", rows)
        connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def questions(chance: random.Random, count: int) -> dict[str, Callable[[], Question]]:
    """Of each kind a maker of questions, each time another one."""

    def name() -> str:
        return chance.choice(_SURNAMES) + chance.choice(_GIVEN)

    def moment() -> str:
        return to_text(_FIRST + dt.timedelta(seconds=chance.random() * count * _STEP_S))

    def small() -> Box:
        north, east = 38.8 + chance.random(), 121.4 + chance.random()
        return Box(north, east, north + 0.01, east + 0.01)

    return {
        "one sign": lambda: Question(words=chance.choice(_GIVEN)),
        "name of two signs": lambda: Question(words=name()),
        "officer of two signs": lambda: Question(officer=name()),
        "cause of four signs": lambda: Question(words=chance.choice(_CAUSES)),
        "number of a case": lambda: Question(case=f"{chance.randrange(count // 40)}号"),
        "part of a file name": lambda: Question(words=f"_{chance.randrange(10000):04d}.mp4"),
        "party": lambda: Question(party=f"{name()}水产"),
        "vessel": lambda: Question(vessel=f"金渔{15000 + chance.randrange(4000)}"),
        "cause and officer": lambda: Question(words=chance.choice(_CAUSES), officer=name()),
        "place, cause, part of a file name": lambda: Question(
            words=f"{chance.choice(_CAUSES)} _00{chance.randrange(10)}", place="渔港"
        ),
        "what does not occur": lambda: Question(words="查无此人"),
        "small box": lambda: Question(box=small()),
        "large box": lambda: Question(box=Box(38.8, 121.4, 39.5, 122.0)),
        "box, cause": lambda: Question(box=small(), words=chance.choice(_CAUSES)),
        "finding": lambda: Question(code="gap"),
        "finding, officer": lambda: Question(code="gap", officer=name()),
        "from a day on, oldest first": lambda: Question(begins=moment(), is_oldest_first=True),
        "cause from a day on, oldest first": lambda: Question(
            begins=moment(), words=chance.choice(_CAUSES), is_oldest_first=True
        ),
        "not registered, oldest first": lambda: Question(is_unregistered=True, is_oldest_first=True),
    }  # fmt: skip


def timed_ms(finder: Finder, question: Question) -> float:
    """One page, with what is shown of it."""
    began = time.perf_counter()
    finder.rows(finder.find(question).recordings)
    return (time.perf_counter() - began) * 1000


def cold_ms(file: Path, question: Question) -> float:
    """The same by a program that has just opened a catalogue of which nothing is in memory."""
    drop_caches(file.parent)
    engine = open_for_reading(file)
    took = timed_ms(Finder(engine, RULES), question)
    engine.dispose()
    return took


def _p99(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.99))]


def main() -> Measured:
    """Generate a catalogue, then ask."""
    with tempfile.TemporaryDirectory(prefix="ingestd-bench-", dir=os.environ.get("BENCH_DIR")) as scratch:
        file = Path(scratch) / "catalogue.sqlite3"
        began = time.perf_counter()
        written(file, RECORDINGS)
        generating = time.perf_counter() - began
        kinds = questions(random.Random(11), RECORDINGS)
        seconds: dict[str, list[float]] = {}
        facts: dict[str, Any] = {"catalogue_bytes": file.stat().st_size, "generating_seconds": generating}
        engine = open_for_reading(file)
        finder = Finder(engine, RULES)
        for name, make in kinds.items():
            timed_ms(finder, make())
            warm, busy = [], []
            for _ in range(WARM):
                began = time.process_time()
                warm.append(timed_ms(finder, make()))
                busy.append((time.process_time() - began) * 1000)
            cold = [cold_ms(file, make()) for _ in range(COLD)]
            seconds[name] = [one / 1000 for one in warm]
            facts[name] = {
                "warm_p50_ms": statistics.median(warm),
                "warm_p99_ms": _p99(warm),
                # What other programs of the machine take away is not in these.
                "warm_cpu_p50_ms": statistics.median(busy),
                "warm_cpu_p99_ms": _p99(busy),
                "cold_p50_ms": statistics.median(cold) if cold else None,
                "cold_worst_ms": max(cold, default=None),
            }
        engine.dispose()
        title = f"search: {RECORDINGS} recordings, a page of 50, {WARM} warm and {COLD} cold questions of each kind"
        return Measured(title, "name of two signs", seconds, facts)
