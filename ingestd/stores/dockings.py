"""Dockings as lists show them: of a day, and those whose footage came late. Reads only."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Engine, exists, func, select, text

from ingestd.core.handover import HandOverState
from ingestd.core.lifecycle import State
from ingestd.stores import schema
from ingestd.stores.database import translated
from ingestd.stores.fleet import MARKS
from ingestd.stores.schema_handover import hand_over_records

Row = dict[str, Any]

_dockings, _recordings, _admissions, _findings = schema.dockings, schema.recordings, schema.admissions, schema.findings
_UNDESCRIBED = (State.SEALED, State.ANALYSED, State.TAGGED)
_SEVERE = ("warning", "critical")


class DockingBook:
    """Questions to dockings; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def between(self, begins: str, ends: str, *, after: str = "", limit: int) -> list[Row]:
        """Dockings that began in this half-open span (UTC text), newest first, with their marks.

        Pages by `after`, the last id that was shown.
        """
        columns = (
            _dockings.c.docking_id, _dockings.c.bay, _dockings.c.recorder_id, _dockings.c.opened_at,
            _dockings.c.closed_at, _dockings.c.outcome, _dockings.c.entries, _dockings.c.bytes,
        )  # fmt: skip
        query = select(*columns, *MARKS).outerjoin(_admissions, _admissions.c.docking_id == _dockings.c.docking_id)
        query = query.where(_dockings.c.opened_at >= begins, _dockings.c.opened_at < ends)
        if after:
            query = query.where(_dockings.c.docking_id < after)
        return self._rows(query.order_by(_dockings.c.docking_id.desc()).limit(limit))

    def states(self, dockings: Sequence[str]) -> dict[str, Row]:
        """By docking: `undescribed` and `late` recordings, severe `findings` that stand, and `officers` by name."""
        table = _recordings
        mine = table.c.docking_id.in_(dockings)
        counts = select(
            table.c.docking_id,
            func.sum(table.c.state.in_(_UNDESCRIBED)).label("undescribed"),
            func.sum(func.coalesce(table.c.hand_over_state == HandOverState.LATE.value, 0)).label("late"),
        )
        of_docking = func.coalesce(_findings.c.docking_id, table.c.docking_id)
        severe = select(of_docking.label("docking_id"), func.count().label("findings"))
        severe = severe.outerjoin(table, table.c.recording_id == _findings.c.recording_id)
        severe = severe.where(_findings.c.superseded_by.is_(None), _findings.c.severity.in_(_SEVERE))
        about = _findings.c.docking_id.in_(dockings) | _findings.c.recording_id.in_(
            select(table.c.recording_id).where(mine)
        )
        named = text(
            "SELECT DISTINCT r.docking_id, o.value ->> '$.officer' AS officer FROM recordings r,"
            " json_each(r.tags, '$.officers') o WHERE r.docking_id IN (SELECT value FROM json_each(:dockings))"
        ).bindparams(dockings=json.dumps(list(dockings)))
        found: dict[str, Row] = {one: {"undescribed": 0, "late": 0, "findings": 0, "officers": []} for one in dockings}
        for row in self._rows(counts.where(mine).group_by(table.c.docking_id)):
            found[row["docking_id"]] |= {"undescribed": int(row["undescribed"]), "late": int(row["late"])}
        for row in self._rows(severe.where(about).group_by(of_docking)):
            if row["docking_id"] in found:
                found[row["docking_id"]]["findings"] = row["findings"]
        for row in self._rows(named):
            found[row["docking_id"]]["officers"].append(row["officer"])
        return found

    def late(self, since: str, *, after: str = "", limit: int) -> list[Row]:
        """Dockings that brought late footage since (UTC text) of which no receiver took note, newest first.

        Each has `docking_id`, `bay`, `recorder_id`, `opened_at`, how many recordings are `late`, when the first of
        them was due (`due`), and when it began (`began`).
        """
        table = _recordings
        is_late = (table.c.hand_over_state == HandOverState.LATE.value) & (table.c.sealed_at >= since)
        query = (
            select(
                _dockings.c.docking_id,
                _dockings.c.bay,
                _dockings.c.recorder_id,
                _dockings.c.opened_at,
                func.count().label("late"),
                func.min(func.json_extract(table.c.hand_over, "$.due")).label("due"),
                func.min(table.c.recorded_start).label("began"),
                func.max(table.c.recorded_end).label("ended"),
            )
            .join(table, table.c.docking_id == _dockings.c.docking_id)
            .where(is_late, ~_is_noted())
            .group_by(_dockings.c.docking_id)
            .order_by(_dockings.c.docking_id.desc())
            .limit(limit)
        )
        return self._rows(query.where(_dockings.c.docking_id < after) if after else query)

    def _rows(self, query: Any) -> list[Row]:
        with translated(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


def _is_noted() -> ColumnElement[bool]:
    """Whether somebody confirmed a docking's record as its receiver, knowing what the addendum says."""
    said = text(
        "EXISTS (SELECT 1 FROM json_each(hand_over_records.confirmations) c"
        " WHERE c.value ->> '$.role' = 'receiver' AND c.value ->> '$.has_addendum')"
    )
    mine = hand_over_records.c.docking_id == _dockings.c.docking_id
    return exists(select(hand_over_records.c.number).where(mine, said))
