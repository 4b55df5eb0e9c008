"""`python -m bench [NAME]`: run one benchmark, or all."""

import sys

from bench import offload

BENCHMARKS = {"offload": offload.main}


def main() -> None:
    """Run what is named on the command line."""
    names = sys.argv[1:] or list(BENCHMARKS)
    for name in names:
        if name not in BENCHMARKS:
            sys.exit(f"no benchmark {name!r}; there are: {', '.join(BENCHMARKS)}")
        BENCHMARKS[name]()


main()
