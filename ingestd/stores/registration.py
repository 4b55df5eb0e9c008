"""Registrations in the catalogue: how their acts show, and what can be asked of one recording or of all.

Writing is called by `projection` alone, inside the transaction of the act.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, and_, delete, exists, func, insert, not_, or_, select
from sqlalchemy.sql.elements import ColumnElement

from ingestd.core.custody import Entry
from ingestd.core.registration import Facts, Form, Given, bit_of, form_of, known_of
from ingestd.core.registration_rules import KnownField, RegistrationRule, Required, asks_scene
from ingestd.stores.database import translated
from ingestd.stores.schema import recordings as _recordings
from ingestd.stores.schema_find import find_rows, registration_acts, registrations

Row = dict[str, Any]

_MOST_VALUES = 500


# How acts show


def registered(connection: Connection, entry: Entry) -> None:
    """A person entered fields of a recording, or took entries back."""
    for name, values in entry.data["after"].items():
        mine = (registrations.c.recording_id == entry.subject) & (registrations.c.field == name)
        connection.execute(delete(registrations).where(mine))
        if values is not None:
            about = {"recording_id": entry.subject, "field": name, "given": values}
            connection.execute(insert(registrations).values(**about, entered_at=entry.time, entered_by=entry.actor))
    about = {"seq": entry.seq, "recording_id": entry.subject, "at": entry.time, "actor": entry.actor}
    connection.execute(insert(registration_acts).values(**about, document=entry.data))


# What can be asked


@dataclass(frozen=True, slots=True)
class Registration:
    """A recording's form with what it takes to name the recording."""

    recording_id: str
    card_path: str
    recorded_start: str
    unit: str
    form: Form


class RegistrationBook:
    """Questions to registrations; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, recordings: Sequence[str], rules: tuple[RegistrationRule, ...]) -> list[Registration]:
        """The forms of recordings by time; none for one that is not described yet."""
        found: list[Registration] = []
        for start in range(0, len(recordings), _MOST_VALUES):
            found += self._of(recordings[start : start + _MOST_VALUES], rules)
        return sorted(found, key=lambda one: (one.recorded_start, one.recording_id))

    def given_of(self, recordings: Sequence[str]) -> dict[str, dict[str, Given]]:
        """What people entered, by recording and field."""
        found: dict[str, dict[str, Given]] = {}
        for start in range(0, len(recordings), _MOST_VALUES):
            part = recordings[start : start + _MOST_VALUES]
            for row in self._rows(select(registrations).where(registrations.c.recording_id.in_(part))):
                entry = Given(tuple(row["given"]), row["entered_by"], row["entered_at"])
                found.setdefault(row["recording_id"], {})[row["field"]] = entry
        return found

    def is_at_sea(self, recordings: Sequence[str]) -> bool | None:
        """Whether these were made at sea, by what people registered and the vessels that stand with them.

        True where one of them was; null where nothing tells.
        """
        told = select(find_rows.c.is_at_sea).where(find_rows.c.recording_id.in_(recordings)).distinct()
        said = {row["is_at_sea"] for row in self._rows(told)} - {None}
        return True in said if said else None

    def history(self, recording: str) -> list[Row]:
        """Every act about a recording's registration, oldest first: `seq`, `at`, `actor`, `document`."""
        table = registration_acts
        query = select(table.c.seq, table.c.at, table.c.actor, table.c.document)
        return self._rows(query.where(table.c.recording_id == recording).order_by(table.c.seq))

    def unregistered_by_unit(self, rules: tuple[RegistrationRule, ...]) -> dict[str, int]:
        """How much footage lacks something, by unit; the empty unit is what belongs to none that is known."""
        query = select(find_rows.c.unit, func.count().label("number")).where(lacking(rules))
        rows = self._rows(query.group_by(find_rows.c.unit).order_by(find_rows.c.unit))
        return {row["unit"]: int(row["number"]) for row in rows}

    def _of(self, recordings: Sequence[str], rules: tuple[RegistrationRule, ...]) -> list[Registration]:
        given = self.given_of(recordings)
        query = select(find_rows, _recordings.c.card_path, _recordings.c.recorded_start)
        query = query.join(_recordings, _recordings.c.recording_id == find_rows.c.recording_id)
        rows = self._rows(query.where(find_rows.c.recording_id.in_(recordings)))
        return [
            Registration(
                row["recording_id"],
                row["card_path"],
                row["recorded_start"],
                row["unit"],
                form_of(
                    rules,
                    _facts(row["facts"]),
                    given.get(row["recording_id"], {}),
                    is_at_sea=row["is_at_sea"],
                ),
            )
            for row in rows
        ]

    def _rows(self, query: Any) -> list[Row]:
        with translated(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


def _facts(documents: Mapping[str, Any]) -> Facts:
    return {KnownField(name): known_of(one) for name, one in documents.items()}


def lacking(rules: tuple[RegistrationRule, ...]) -> ColumnElement[bool]:
    """Whether a row of `find_rows` is footage whose form lacks something: as `form_of` says, asked of the database."""
    scene = find_rows.c.is_at_sea
    of = {when: [_lacks(rule.id) for rule in rules if rule.required is when] for when in Required}
    wrong = [*of[Required.ALWAYS]]
    if asks_scene(rules):
        wrong.append(scene.is_(None))
    wrong += [and_(scene.is_(True), one) for one in of[Required.AT_SEA]]
    wrong += [and_(scene.is_(False), one) for one in of[Required.ASHORE]]
    return and_(find_rows.c.is_footage.is_(True), or_(False, *wrong))


def _lacks(field: str) -> ColumnElement[bool]:
    bit = bit_of(field)
    if bit is not None:
        return find_rows.c.known.bitwise_and(bit) == 0
    mine = (registrations.c.recording_id == find_rows.c.recording_id) & (registrations.c.field == field)
    return not_(exists(select(registrations.c.field).where(mine)))
