"""How the small programs that systemd's units run begin and end.

Each is a program of its own, and no command, so that a process with rights loads nothing that reads footage, speaks to
a network or keeps a database.
"""

import argparse
import sys
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path

from ingestd.core.errors import IngestdError, SourceGoneError


class Outcome(IntEnum):
    """Exit statuses, as ExecCondition= of systemd.service(5) reads them."""

    DONE = 0
    LEFT_ALONE = 1
    FAULT = 255


def parser_of(program: str, words: str | None) -> argparse.ArgumentParser:
    """A parser that knows `--config FILE`."""
    parser = argparse.ArgumentParser(prog=program, description=words)
    parser.add_argument("--config", type=Path, required=True)
    return parser


def ended(work: Callable[[], tuple[Outcome, str]]) -> int:
    """Do the work, say in one line for the journal how it ended, and give the exit status; no traceback for a fault."""
    try:
        outcome, words = work()
    except SourceGoneError as error:
        outcome, words = Outcome.LEFT_ALONE, error.message
    except IngestdError as error:
        outcome, words = Outcome.FAULT, f"{error.message} → {error.advice}" if error.advice else error.message
    print(words, file=sys.stderr)
    return outcome
