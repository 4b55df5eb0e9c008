"""Reading the catalogue: what is held, what was found, what is due. Never writes."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, Select, exists, func, select
from sqlalchemy.sql.elements import ColumnElement

from ingestd.core.errors import NotFoundError
from ingestd.core.lifecycle import Fate, State
from ingestd.core.model import Sealed
from ingestd.core.salvaging import IN_BAND
from ingestd.stores import schema
from ingestd.stores.database import translated
from ingestd.stores.fleet import MARKS

Row = dict[str, Any]

_MOST_VALUES = 500
_GONE = (State.CONDEMNED, State.DISPOSED)

_recordings, _contents, _findings = schema.recordings, schema.contents, schema.findings
_dockings, _sightings, _derived, _admissions = schema.dockings, schema.sightings, schema.derived, schema.admissions


class Catalogue:
    """Questions to the catalogue; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # What is held

    def recordings(
        self,
        *,
        docking: str | None = None,
        recorder: str | None = None,
        origin: str | None = None,
        limit: int = 1000,
        after: str = "",
    ) -> list[Row]:
        """Recordings in order of their ids (time of docking), with their content's place; pages by `after`.

        `recorder` finds what came from it by its number, or by the word of a person who settled the docking; `origin`
        what was declared to be of this kind.
        """
        query = _marked_recordings().where(_recordings.c.recording_id > after)
        query = query.order_by(_recordings.c.recording_id).limit(limit)
        if docking is not None:
            query = query.where(_recordings.c.docking_id == docking)
        if recorder is not None:
            query = query.where((_recordings.c.recorder_id == recorder) | (_admissions.c.settled_recorder == recorder))
        if origin is not None:
            query = query.where(_recordings.c.origin == origin)
        return self._rows(query)

    def recording(self, prefix: str) -> Row:
        """One recording by its id, the last 12 digits of it, or its card path's name.

        Raises:
            NotFoundError: none, or more than one.
        """
        wanted = (
            _recordings.c.recording_id.startswith(prefix, autoescape=True)
            | _recordings.c.recording_id.endswith(prefix, autoescape=True)
            | (_recordings.c.card_path == prefix)
            | _recordings.c.card_path.endswith(f"/{prefix}", autoescape=True)
            | (_recordings.c.sha256 == prefix)
        )
        rows = self._rows(_marked_recordings().where(wanted).limit(3)) if prefix else []
        if len(rows) != 1:
            what = "no recording" if not rows else "more than one recording"
            raise NotFoundError(f"{what} answers to {prefix!r}", "see `ingestd list` for the ids")
        return rows[0]

    def recording_of(self, recording: str) -> Row:
        """One recording by its whole id, with its content's place and its docking's marks.

        Raises:
            NotFoundError: there is none of this id.
        """
        rows = self._rows(_marked_recordings().where(_recordings.c.recording_id == recording))
        if not rows:
            raise NotFoundError(f"no recording answers to {recording!r}", "see `ingestd list` for the ids")
        return rows[0]

    def sightings_of(self, recording: str) -> list[Row]:
        """Every place where the bytes of a recording were seen on its recorder."""
        return self._rows(
            select(_sightings).where(_sightings.c.recording_id == recording).order_by(_sightings.c.docking_id)
        )

    def sightings(self, docking: str) -> list[Row]:
        """All entries of one docking with their fates, in the order of the listing."""
        return self._rows(select(_sightings).where(_sightings.c.docking_id == docking).order_by(_sightings.c.ordinal))

    def dockings(self, *, limit: int = 100) -> list[Row]:
        """The latest dockings, newest first, with their marks."""
        return self._rows(_marked_dockings().order_by(_dockings.c.docking_id.desc()).limit(limit))

    def docking(self, docking: str) -> Row:
        """One docking.

        Raises:
            NotFoundError: there is none of this id.
        """
        rows = self._rows(_marked_dockings().where(_dockings.c.docking_id == docking))
        if not rows:
            raise NotFoundError(f"no docking {docking!r}")
        return rows[0]

    def has_docking(self, docking: str) -> bool:
        """Whether a docking's books were opened."""
        return bool(self._rows(select(_dockings.c.docking_id).where(_dockings.c.docking_id == docking)))

    def findings(
        self,
        *,
        recording: str | None = None,
        docking: str | None = None,
        code: str | None = None,
        limit: int = 10_000,
    ) -> list[Row]:
        """Findings that stand, oldest first. `docking` includes those of the recordings sealed there."""
        of_docking = func.coalesce(_findings.c.docking_id, _recordings.c.docking_id)
        query = (
            select(_findings, *MARKS)
            .outerjoin(_recordings, _recordings.c.recording_id == _findings.c.recording_id)
            .outerjoin(_admissions, _admissions.c.docking_id == of_docking)
            .where(_findings.c.superseded_by.is_(None))
            .order_by(_findings.c.noted_at)
        )
        if recording is not None:
            query = query.where(_findings.c.recording_id == recording)
        if docking is not None:
            of_recordings = select(_recordings.c.recording_id).where(_recordings.c.docking_id == docking)
            query = query.where((_findings.c.docking_id == docking) | _findings.c.recording_id.in_(of_recordings))
        if code is not None:
            query = query.where(_findings.c.code.startswith(code, autoescape=True))
        return self._rows(query.limit(limit))

    def card_paths(self, recordings: Sequence[str]) -> dict[str, str]:
        """The card paths of recordings by their ids."""
        query = select(_recordings.c.recording_id, _recordings.c.card_path)
        rows = self._rows(query.where(_recordings.c.recording_id.in_(recordings)))
        return {row["recording_id"]: row["card_path"] for row in rows}

    def derived(self, recording: str) -> list[Row]:
        """Proxy, poster and track of a recording."""
        return self._rows(select(_derived).where(_derived.c.recording_id == recording).order_by(_derived.c.kind))

    def derived_of(self, recordings: Sequence[str]) -> dict[str, list[Row]]:
        """What was derived of recordings, by their ids; those of which nothing was are left out."""
        found: dict[str, list[Row]] = {}
        for row in self._in_parts(select(_derived), _derived.c.recording_id, recordings):
            found.setdefault(row["recording_id"], []).append(row)
        return found

    def contents(self) -> list[Row]:
        """Every content with its place; those whose bytes are condemned have a `condemned_seq`."""
        return self._rows(select(_contents).order_by(_contents.c.vault_path))

    def held(self) -> tuple[int, int]:
        """How many contents the vault holds, and their bytes."""
        query = select(func.count(), func.coalesce(func.sum(_contents.c.size_bytes), 0)).select_from(_contents)
        query = query.where(_contents.c.condemned_seq.is_(None))
        with translated(), self._engine.connect() as connection:
            contents, size_bytes = connection.execute(query).one()
        return int(contents), int(size_bytes)

    def applied_seq(self) -> int:
        """The last ledger entry that the catalogue reflects; 0 for a fresh one."""
        rows = self._rows(select(schema.meta.c.value).where(schema.meta.c.key == "applied_seq"))
        return int(rows[0]["value"]) if rows else 0

    # What the pipeline asks

    def held_contents(self, digests: Sequence[str]) -> list[Row]:
        """The contents of these bytes that any recorder ever gave; none whose bytes are condemned or disposed of."""
        held = select(_contents).where(_contents.c.condemned_seq.is_(None))
        return self._in_parts(held, _contents.c.sha256, digests)

    def held_recordings(self, recorder_key: str, digests: Sequence[str]) -> list[Row]:
        """The recordings of this recorder that hold these bytes, oldest first: id, digest, card path.

        Those that are disposed of, or about to be, hold nothing: the same bytes are another recording then.
        """
        query = (
            select(_recordings.c.recording_id, _recordings.c.sha256, _recordings.c.card_path)
            .where(_recordings.c.recorder_key == recorder_key, _recordings.c.state.not_in(_GONE))
            .order_by(_recordings.c.recording_id)
        )
        return self._in_parts(query, _recordings.c.sha256, digests)

    def which_stand(self, recordings: Sequence[str]) -> set[str]:
        """Those of these recordings that are sealed."""
        rows = self._in_parts(select(_recordings.c.recording_id), _recordings.c.recording_id, recordings)
        return {row["recording_id"] for row in rows}

    def has_recording(self, recording: str) -> bool:
        """Whether this recording is sealed."""
        return bool(self._rows(select(_recordings.c.state).where(_recordings.c.recording_id == recording)))

    def is_going(self, recording: str) -> bool:
        """Whether a recording is disposed of, or about to be."""
        mine = (_recordings.c.recording_id == recording) & _recordings.c.state.in_(_GONE)
        return bool(self._rows(select(_recordings.c.recording_id).where(mine)))

    def earlier_sighting(
        self, recorder_key: str, *, card_path: str, raw_b64: str | None, size_bytes: int, modified_ns: int
    ) -> Row | None:
        """The latest sighting of this very file of this recorder that was read in full and secured."""
        query = (
            select(_sightings.c.docking_id, _sightings.c.recording_id, _contents.c.vault_path)
            .join(_dockings, _dockings.c.docking_id == _sightings.c.docking_id)
            .join(_recordings, _recordings.c.recording_id == _sightings.c.recording_id)
            .join(_contents, _contents.c.sha256 == _recordings.c.sha256)
            .where(
                _dockings.c.recorder_key == recorder_key,
                _sightings.c.card_path == card_path,
                _sightings.c.raw_b64.is_not_distinct_from(raw_b64),
                _sightings.c.size_bytes == size_bytes,
                _sightings.c.modified_ns == modified_ns,
                _sightings.c.fate == Fate.COPIED,
                _recordings.c.state.not_in(_GONE),
            )
            .order_by(_sightings.c.docking_id.desc())
            .limit(1)
        )
        rows = self._rows(query)
        return rows[0] if rows else None

    def due_after(self, state: State, *, limit: int, docking: str | None = None) -> list[Row]:
        """Recordings that wait for the stage behind `state`, oldest first, with their content's place."""
        query = (
            select(_recordings, _contents.c.vault_path)
            .join(_contents, _contents.c.sha256 == _recordings.c.sha256)
            .where(_recordings.c.state == state)
            .order_by(_recordings.c.sealed_at)
            .limit(limit)
        )
        if docking is not None:
            query = query.where(_recordings.c.docking_id == docking)
        return self._rows(query)

    def is_described(self, docking: str) -> bool:
        """Whether nothing of a docking waits for the background any more, takes included."""
        waiting = select(_recordings.c.recording_id).where(
            _recordings.c.docking_id == docking,
            _recordings.c.state.in_((State.SEALED, State.ANALYSED, State.TAGGED)),
        )
        return bool(self.docking(docking)["has_sets"]) and not self._rows(waiting.limit(1))

    def is_all_described(self) -> bool:
        """Whether nothing at all waits for the background."""
        waiting = select(_recordings.c.recording_id).where(
            _recordings.c.state.in_((State.SEALED, State.ANALYSED, State.TAGGED))
        )
        without_sets = select(_dockings.c.docking_id).where(
            _dockings.c.closed_at.is_not(None), _dockings.c.has_sets.is_(False)
        )
        return not self._rows(waiting.limit(1)) and not self._rows(without_sets.limit(1))

    def dockings_without_sets(self) -> list[Row]:
        """Closed dockings whose recordings all have their times but whose takes were not assembled."""
        waiting = select(_recordings.c.docking_id).where(_recordings.c.state.in_((State.SEALED, State.ANALYSED)))
        query = select(_dockings).where(
            _dockings.c.closed_at.is_not(None), _dockings.c.has_sets.is_(False), _dockings.c.docking_id.not_in(waiting)
        )
        return self._rows(query.order_by(_dockings.c.docking_id))

    def open_dockings(self) -> list[Row]:
        """Dockings that were never closed."""
        return self._rows(select(_dockings).where(_dockings.c.closed_at.is_(None)))

    def pending_of(self, docking: str) -> list[Row]:
        """Entries of a docking of which nothing was settled."""
        query = select(_sightings).where(_sightings.c.docking_id == docking, _sightings.c.fate == Fate.PENDING)
        return self._rows(query.order_by(_sightings.c.ordinal))

    def fates_of(self, docking: str) -> dict[str, tuple[int, int]]:
        """Per fate of a docking: entries and bytes."""
        query = (
            select(_sightings.c.fate, func.count(), func.sum(_sightings.c.size_bytes))
            .where(_sightings.c.docking_id == docking)
            .group_by(_sightings.c.fate)
        )
        with translated(), self._engine.connect() as connection:
            return {fate: (int(count), int(size)) for fate, count, size in connection.execute(query)}

    def analysed_of_recorder(self, recorder_key: str, *, start: str, end: str) -> list[Row]:
        """Analysed recordings of a recorder whose names or times may touch a span; for the assembly of takes."""
        query = (
            select(_recordings)
            .where(
                _recordings.c.recorder_key == recorder_key,
                _recordings.c.facts.is_not(None),
                (_recordings.c.recorded_start.is_(None)) | (_recordings.c.recorded_start.between(start, end)),
            )
            .order_by(_recordings.c.recording_id)
        )
        return self._rows(query)

    def without_derived(self, kinds: Sequence[str], *, limit: int) -> list[Row]:
        """Catalogued recordings for which nothing of `kinds` was made or settled yet."""
        settled = select(_derived.c.recording_id).where(_derived.c.kind.in_(kinds))
        query = (
            select(_recordings, _contents.c.vault_path)
            .join(_contents, _contents.c.sha256 == _recordings.c.sha256)
            .where(
                _recordings.c.state == State.CATALOGUED,
                _recordings.c.kind.in_(("video", "audio")),
                _recordings.c.recording_id.not_in(settled),
            )
            .order_by(_recordings.c.sealed_at)
            .limit(limit)
        )
        return self._rows(query)

    def torn_without_salvage(self) -> list[Row]:
        """Catalogued recordings that a standing `file.truncated` is about and of which no playable copy was settled.

        A copy that was made without a reference settles nothing: a sibling may come and show more.
        """
        method = func.coalesce(_derived.c.document["method"].as_string(), "")
        settled = select(_derived.c.recording_id).where(_derived.c.kind == "salvage", method != IN_BAND)
        torn = select(_findings.c.recording_id).where(
            _findings.c.code == "file.truncated", _findings.c.superseded_by.is_(None)
        )
        query = (
            select(_recordings, _contents.c.vault_path)
            .join(_contents, _contents.c.sha256 == _recordings.c.sha256)
            .where(
                _recordings.c.state == State.CATALOGUED,
                _recordings.c.facts.is_not(None),
                _recordings.c.recording_id.in_(torn),
                _recordings.c.recording_id.not_in(settled),
            )
            .order_by(_recordings.c.sealed_at)
        )
        return self._rows(query)

    def was_folder_taken(self, folder: str, fingerprint: str) -> bool:
        """Whether a complete docking of this inbox folder in this very condition is on record."""
        volume = _dockings.c.document["volume"]
        query = select(_dockings.c.docking_id).where(
            _dockings.c.outcome.in_(("complete", "incomplete")),
            volume["folder"].as_string() == folder,
            volume["fingerprint"].as_string() == fingerprint,
        )
        return bool(self._rows(query.limit(1)))

    # What the metrics ask

    def counts(self) -> Mapping[str, list[tuple[tuple[str, ...], float]]]:
        """Numbers for the metrics page: each a list of label values and a number."""
        with translated(), self._engine.connect() as connection:

            def grouped(*columns: ColumnElement[Any], where: ColumnElement[bool] | None = None) -> Sequence[Any]:
                query = select(*columns, func.count()).group_by(*columns)
                return connection.execute(query if where is None else query.where(where)).all()

            undescribed = _recordings.c.state.in_((State.SEALED, State.ANALYSED, State.TAGGED))
            return {
                "recordings": [((row[0],), row[1]) for row in grouped(_recordings.c.state)],
                "findings": [
                    ((row[0], row[1]), row[2])
                    for row in grouped(
                        _findings.c.code, _findings.c.severity, where=_findings.c.superseded_by.is_(None)
                    )
                ],
                "dockings": [((row[0] or "open",), row[1]) for row in grouped(_dockings.c.outcome)],
                "hand_over": [
                    ((row[0],), row[1])
                    for row in grouped(_recordings.c.hand_over_state, where=_recordings.c.hand_over_state.is_not(None))
                ],
                "undescribed": [((), sum(row[1] for row in grouped(_recordings.c.state, where=undescribed)))],
            }

    def bytes_sealed_since(self, moment: str) -> int:
        """Bytes of contents sealed since a moment."""
        query = select(func.coalesce(func.sum(_contents.c.size_bytes), 0)).where(_contents.c.sealed_at >= moment)
        with translated(), self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def oldest(self) -> Mapping[str, str | None]:
        """The oldest moments that somebody waits on: `undescribed` (sealed at) and `pending` (docking opened at)."""
        with translated(), self._engine.connect() as connection:
            undescribed = connection.execute(
                select(func.min(_recordings.c.sealed_at)).where(
                    _recordings.c.state.in_((State.SEALED, State.ANALYSED, State.TAGGED))
                )
            ).scalar()
            pending = connection.execute(
                select(func.min(_dockings.c.opened_at))
                .join(_sightings, _sightings.c.docking_id == _dockings.c.docking_id)
                .where(_sightings.c.fate == Fate.PENDING, ~_secured_later())
            ).scalar()
        return {"undescribed": undescribed, "pending": pending}

    def _in_parts(self, query: Any, column: ColumnElement[Any], values: Sequence[str]) -> list[Row]:
        """Rows whose column is one of the values, asked for in parts that the database takes as one question."""
        rows: list[Row] = []
        for start in range(0, len(values), _MOST_VALUES):
            rows.extend(self._rows(query.where(column.in_(values[start : start + _MOST_VALUES]))))
        return rows

    def _rows(self, query: Any) -> list[Row]:
        with translated(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


def _marked_recordings() -> Select[Any]:
    """Recordings with their content's place and the marks of the docking that brought them."""
    return (
        select(_recordings, _contents.c.vault_path, *MARKS)
        .join(_contents, _contents.c.sha256 == _recordings.c.sha256)
        .outerjoin(_admissions, _admissions.c.docking_id == _recordings.c.docking_id)
    )


def _marked_dockings() -> Select[Any]:
    return select(_dockings, *MARKS).outerjoin(_admissions, _admissions.c.docking_id == _dockings.c.docking_id)


def _secured_later() -> ColumnElement[bool]:
    """Whether the entry of a sighting was secured at a later docking of the same recorder."""
    other, docking = _sightings.alias(), _dockings.alias()
    return exists(
        select(other.c.docking_id)
        .join(docking, docking.c.docking_id == other.c.docking_id)
        .where(
            docking.c.recorder_key == _dockings.c.recorder_key,
            other.c.docking_id > _sightings.c.docking_id,
            other.c.card_path == _sightings.c.card_path,
            other.c.size_bytes == _sightings.c.size_bytes,
            other.c.recording_id.is_not(None),
        )
        .correlate(_sightings, _dockings)
    )


def sealed_of(row: Row) -> Sealed:
    """The baton of a catalogue row (of a query that joins the content's place)."""
    return Sealed(
        recording_id=row["recording_id"],
        docking_id=row["docking_id"],
        recorder_key=row["recorder_key"],
        recorder_id=row["recorder_id"],
        card_path=row["card_path"],
        sha256=row["sha256"],
        size_bytes=row["size_bytes"],
        vault_path=row["vault_path"],
        sidecar_path=row["sidecar_path"],
        profile_id=row["profile_id"],
        modified_ns=row["modified_ns"],
        origin=row["origin"],
    )
