"""What an answer to a question is made of, counted: by kind, state, unit, month and finding. Reads only.

The caller bounds how many recordings are counted, and with that how long it takes.
"""

import datetime as dt
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, text

from ingestd.core.clock import from_text
from ingestd.stores.database import translated

_ROWS: Final = text(
    "SELECT r.kind, r.state, r.recorded_start, f.unit FROM json_each(:ids) i"
    " CROSS JOIN recordings r ON r.recording_id = i.value"
    " CROSS JOIN find_rows f ON f.recording_id = r.recording_id"
)
_FINDINGS: Final = text(
    "SELECT code, count(DISTINCT recording_id) AS many FROM findings"
    " WHERE recording_id IN (SELECT value FROM json_each(:ids)) AND superseded_by IS NULL GROUP BY code"
)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many of some recordings are of each kind, state, unit and month (`2026-03`), and have each finding."""

    kinds: Counter[str]
    states: Counter[str]
    units: Counter[str]
    months: Counter[str]
    codes: Counter[str]


def tally_of(engine: Engine, recordings: Sequence[str], zone: dt.tzinfo) -> Tally:
    """Count recordings by their ids; months are those of the bureau's zone."""
    found = Tally(Counter(), Counter(), Counter(), Counter(), Counter())
    values = {"ids": json.dumps(list(recordings))}
    with translated(), engine.connect() as connection:
        for row in connection.execute(_ROWS, values):
            found.kinds[row.kind or ""] += 1
            found.states[row.state] += 1
            found.units[row.unit] += 1
            found.months[f"{from_text(row.recorded_start).astimezone(zone):%Y-%m}"] += 1
        found.codes.update({row.code: row.many for row in connection.execute(_FINDINGS, values)})
    return found
