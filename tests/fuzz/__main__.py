"""`python -m tests.fuzz [TARGET …]`: fuzz for INGESTD_FUZZ_SECONDS in all (60), and keep what was found.

What makes a target fail, take long or grow goes to INGESTD_FUZZ_FOUND (a folder, default `found/new` here), one
file an input, with its reason beside it. `current` there is the input under way: where Python itself crashed, it is
the culprit.
"""

import hashlib
import os
import resource
import signal
import sys
import time
import traceback
from pathlib import Path

from tests.fuzz.mutation import mutated
from tests.fuzz.seeds import seeds_of
from tests.fuzz.targets import TARGETS

LONG_SECONDS = 3.0
HUNG_SECONDS = 30
GROWTH_BYTES = 150 * 1024 * 1024


class Hung(BaseException):
    """No `Exception`: what is fuzzed must not catch it."""


def _hang(*_: object) -> None:
    raise Hung


def main() -> None:
    """Run all targets in turn, a slice of the time each."""
    names = sys.argv[1:] or list(TARGETS)
    seconds = float(os.environ.get("INGESTD_FUZZ_SECONDS", "60")) / len(names)
    folder = Path(os.environ.get("INGESTD_FUZZ_FOUND", str(Path(__file__).parent / "found" / "new")))
    folder.mkdir(parents=True, exist_ok=True)
    first_seed = int(os.environ.get("INGESTD_FUZZ_SEED", "0"))
    signal.signal(signal.SIGALRM, _hang)
    for name in names:
        tried, reasons = fuzz(name, seconds, folder, first_seed)
        print(f"{name}: {tried} inputs, {len(reasons)} kinds of finding", flush=True)
        for reason in sorted(reasons):
            print(f"   {reason}", flush=True)


def fuzz(name: str, seconds: float, folder: Path, seed: int) -> tuple[int, set[str]]:
    """Fuzz one target; how many inputs were tried, and for which reasons some were kept."""
    inputs = seeds_of(name)
    until = time.monotonic() + seconds
    tried = 0
    reasons: set[str] = set()
    current = folder / "current"
    while time.monotonic() < until:
        data = mutated(inputs, seed + tried)
        current.write_bytes(name.encode() + b"\n" + data)
        reason = _tried(name, data)
        tried += 1
        if reason is not None and reason not in reasons:
            reasons.add(reason)
            kept = folder / f"{name}-{hashlib.sha256(data).hexdigest()[:12]}.bin"
            kept.write_bytes(data)
            kept.with_suffix(".txt").write_text(f"seed {seed + tried - 1}: {reason}\n")
    current.unlink(missing_ok=True)
    return tried, reasons


def _tried(name: str, data: bytes) -> str | None:
    """Why an input is to be kept; null where all is well."""
    before_bytes = _peak_bytes()
    began = time.process_time()
    signal.alarm(HUNG_SECONDS)
    try:
        TARGETS[name](data)
    except Hung:
        return f"hung: {_place(sys.exc_info()[2])}"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        return f"{type(error).__name__}: {_place(error.__traceback__)}: {error}"[:300]
    finally:
        signal.alarm(0)
    spent = time.process_time() - began
    if spent > LONG_SECONDS:
        return f"took long ({spent:.0f} s of processor)"
    if _peak_bytes() - before_bytes > GROWTH_BYTES:
        return f"grew by {(_peak_bytes() - before_bytes) // 1024**2} MiB"
    return None


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _place(trace: object) -> str:
    frames = [one for one in traceback.extract_tb(trace) if "ingestd" in one.filename]  # type: ignore[arg-type]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"


if __name__ == "__main__":
    main()
