"""`python -m bench [--json] [NAME …]`: run benchmarks by name, or all."""

import signal
import sys

from bench import bays, console, counting, detection, facts, offload, retention, scrub, search, small, structures
from bench.paired import report

BENCHMARKS = {
    "offload": offload.main,
    "small": small.main,
    "bays": bays.main,
    "facts": facts.main,
    "detection": detection.main,
    "search": search.main,
    "structures": structures.main,
    "retention": retention.main,
    "scrub": scrub.main,
    "counting": counting.main,
    "console": console.main,
}


def main() -> None:
    """Run what is named on the command line."""
    # So that a benchmark that is ended cleans up behind itself.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    as_json = "--json" in sys.argv[1:]
    names = [word for word in sys.argv[1:] if word != "--json"] or list(BENCHMARKS)
    for name in names:
        if name not in BENCHMARKS:
            sys.exit(f"no benchmark {name!r}; there are: {', '.join(BENCHMARKS)}")
    for name in names:
        report(BENCHMARKS[name](), as_json=as_json)


main()
