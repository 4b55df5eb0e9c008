"""The detector against labelled faults: what it finds, where, how surely, and what it says of untouched files."""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.detection.corpus import corpus_outcomes
from bench.detection.faults import FAULTS
from bench.detection.negatives import NEGATIVES
from bench.detection.recorder import Recorder
from bench.detection.scoring import Label, Outcome, Score, score
from bench.detection.sets import Card, Take
from bench.paired import Measured
from bench.standing import PROJECT

SEED = int(os.environ.get("BENCH_DETECTION_SEED", "1"))
ONLY = tuple(filter(None, os.environ.get("BENCH_DETECTION_ONLY", "").split(";")))
IS_WHOLE = os.environ.get("BENCH_DETECTION_WHOLE") == "1"
CORPUS = os.environ.get("BENCH_CORPUS")

_WORKERS = 2

RECORDERS = (
    Recorder("h264 25, position", "h264", "mp4", 25, has_position=True, seed=SEED),
    Recorder("h264 30, index first", "h264", "mp4", 30, has_position=False, seed=SEED + 1, is_index_first=True),
    Recorder("hevc 25", "hevc", "mp4", 25, has_position=False, seed=SEED + 2, sound_hz=48_000),
    Recorder(
        "hevc 30, position, index first", "hevc", "mp4", 30, has_position=True, seed=SEED + 3, is_index_first=True
    ),
    Recorder("h264 25, transport stream", "h264", "ts", 25, has_position=False, seed=SEED + 4),
)
_IN_TRANSPORT_STREAM = (
    "dropped GOP", "audio removed", "audio hole", "missing segment", "overlapping segment", "zeroed block",
    "TS packets lost", "clean", "jitter", "80 ms roll-over", "pre-record",
)  # fmt: skip


def main() -> Measured:
    """Inject every fault into a take of every recorder, let `ingestd analyse` judge each set, and count."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="ingestd-bench-", dir=os.environ.get("BENCH_DIR")) as scratch:
        root = Path(scratch)
        with _pool() as pool:
            takes = list(pool.map(lambda one: Take(one[1], root / f"take{one[0]}"), enumerate(RECORDERS)))
            cases = [(take, name) for take in takes for name in (*FAULTS, *NEGATIVES) if _is_wanted(take, name)]
            judged = pool.map(lambda one: _outcome(one[1][0], one[1][1], root / f"case{one[0]}"), enumerate(cases))
            outcomes = [one for one in judged if one is not None]
            real = list(corpus_outcomes(Path(CORPUS), root, analysed, pool)) if CORPUS else []
    facts = _facts(score(outcomes))
    if real:
        facts |= {f"real files: {name}": fact for name, fact in _facts(score(real)).items()}
    facts["seconds"] = round(time.perf_counter() - began, 1)
    title = f"detection: {len(outcomes)} sets of {len(RECORDERS)} recorders, seed {SEED}; {len(real)} of real files"
    return Measured(title, "", {}, facts)


@contextmanager
def _pool() -> Iterator[ThreadPoolExecutor]:
    """Workers that begin nothing new once the block has failed or was ended."""
    pool = ThreadPoolExecutor(_WORKERS)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def analysed(*paths: Path) -> tuple[dict[str, Any], ...]:
    """What `ingestd analyse` says of paths, files' findings first; exits where it fails."""
    # As at a user's, with compiled files: without them, starting costs more than judging a set.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"} | {
        "INGESTD_CONFIG": str(PROJECT / "config" / "ingestd.toml"),
        "PYTHONPATH": str(PROJECT),
    }
    command = [sys.executable, "-m", "ingestd", "analyse", "--json", *map(str, paths)]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.decode('utf-8', 'replace')}")
    document = json.loads(done.stdout)
    return (*(found for one in document["files"] for found in one["findings"]), *document["sets"])


def _is_wanted(take: Take, name: str) -> bool:
    if ONLY and name not in ONLY:
        return False
    if take.recorder.container == "ts":
        return name in _IN_TRANSPORT_STREAM
    # Each case meets both codecs, and a recorder with and one without position: the first and third, or the others.
    turn = [*FAULTS, *NEGATIVES].index(name) % 2
    return IS_WHOLE or RECORDERS.index(take.recorder) % 2 == turn


def _outcome(take: Take, name: str, root: Path) -> Outcome | None:
    card = Card(take, root, random.Random(f"{take.recorder.seed}:{name}"))
    labels: tuple[Label, ...] | None = ()
    if name in FAULTS:
        labels = FAULTS[name](card)
    elif NEGATIVES[name](card) is False:
        labels = None
    if labels is None:
        return None
    return Outcome(take.recorder.name, name, labels, analysed(root))


def _facts(total: Score) -> dict[str, Any]:
    return {
        "by code": {code: total.codes[code].shares() for code in sorted(total.codes)},
        "by confidence": total.by_confidence(),
        "by fault": {name: dict(tally) for name, tally in total.faults.items()},
        "untouched sets": {"all": total.quiet_sets, "with a false alarm": total.disturbed_sets},
        "missed": dict(_numbered(total.missed)),
        "misplaced": dict(_numbered(total.misplaced)),
        "false": dict(_numbered(total.false)),
    }


def _numbered(lines: list[str]) -> Iterator[tuple[str, str]]:
    return ((str(number), line) for number, line in enumerate(lines, 1))
