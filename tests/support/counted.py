"""A catalogue with a year of a bureau's work, written straight into its file: made to be counted, and nothing else."""

import datetime as dt
import random
import sqlite3
from pathlib import Path

from ingestd.core.clock import to_text
from ingestd.stores.database import open_for_writing

UNITS = ("执法一中队", "执法二中队", "海上执法大队")
_CODES = ("set.gap", "clock.offset", "content.black", "gap.audio")
_CAUSES = ("battery", "weather", "storage_full", "obstruction")


def write_year(file: Path, last: dt.datetime, *, recordings: int = 1500) -> None:
    """A year up to `last`: recordings of three units, findings, explanations; more of each towards its end."""
    open_for_writing(file).dispose()
    chance = random.Random(7)
    with sqlite3.connect(file) as connection:
        for slot in range(recordings):
            day = 365 * (1 - chance.random() ** 1.4)
            moment, key = to_text(last - dt.timedelta(days=365 - day)), f"0190{slot:08x}-0000-7000-8000-{slot:012x}"
            unit = chance.choices((*UNITS, ""), (5, 3, 4, 0.3))[0]
            state = chance.choices(("met", "excused", "late"), (9, 2 if unit == UNITS[2] else 0.3, 0.8))[0]
            size_bytes, seconds = chance.randrange(100, 900) * 10**6, chance.randrange(60, 1800)
            connection.execute(
                "INSERT INTO recordings(recording_id, sha256, size_bytes, docking_id, recorder_id, recorder_key,"
                " card_path, sidecar_path, sealed_at, state, duration_s, hand_over_state)"
                " VALUES (?, ?, ?, 'd', ?, 'k', 'c', 's', ?, 'catalogued', ?, ?)",
                (key, key, size_bytes, f"{1000 + slot % 12:07d}", moment, seconds, state),
            )
            connection.execute(
                "INSERT INTO find_rows(slot, recording_id, is_footage, known, unit, facts, officers, cases, parties,"
                " vessels, places, other) VALUES (?, ?, 1, 0, ?, '{}', '', '', '', '', '', '')",
                (slot, key, unit),
            )
            if chance.random() < 0.3:
                connection.execute(
                    "INSERT INTO findings(finding_id, code, severity, scope, recording_id, noted_at, document)"
                    " VALUES (?, ?, 'warning', 'file', ?, ?, '{}')",
                    (f"{slot}.0", chance.choices(_CODES, (5, 9, 2, 1))[0], key, moment),
                )
            if chance.random() < 0.06:
                cause = chance.choices(_CAUSES, (6, 4, 2, 1))[0]
                connection.execute(
                    "INSERT INTO explanations(explanation_id, finding_key, code, subject, explained_at, explained_by,"
                    " document) VALUES (?, 'k', 'set.gap', ?, ?, '王海', ?)",
                    (slot, key, moment, f'{{"reason": "{cause}"}}'),
                )
