"""What was read again and what was found damaged, in the catalogue: how the acts show, and what can be asked.

When each content was last read is counted in the catalogue alone, without an act a file: a rebuild gives every content
the beginning of the last whole pass, or its sealing. Writing by acts is called by `projection` alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Engine, Select, bindparam, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from ingestd.core.custody import Entry
from ingestd.core.lifecycle import State
from ingestd.stores import schema
from ingestd.stores.database import transaction, translated
from ingestd.stores.schema_fixity import fixity, fixity_faults, scrub_passes

Row = dict[str, Any]

FIXITY_ACTS: Final = ("fixity.failed", "fixity.repaired", "scrub.finished")

_contents, _recordings = schema.contents, schema.recordings


# How acts show


def sealed(connection: Connection, contents: Sequence[Mapping[str, Any]]) -> None:
    """Contents were read back from the medium when they were sealed."""
    statement = insert(fixity)
    again = statement.on_conflict_do_update(
        index_elements=["sha256"], set_={"checked_at": statement.excluded.checked_at}
    )
    connection.execute(again, [{"sha256": one["sha256"], "checked_at": one["sealed_at"]} for one in contents])


def project(connection: Connection, entry: Entry) -> None:
    """One of `FIXITY_ACTS`."""
    data = entry.data
    if entry.act == "fixity.failed":
        row = {"path": data["path"], "sha256": data["sha256"], "words": data["words"]}
        fresh = insert(fixity_faults).values(**row, failed_at=entry.time, seq=entry.seq)
        # One that stands already is said anew when it became another one (missing instead of damaged).
        newest = {"words": data["words"], "seq": entry.seq}
        connection.execute(fresh.on_conflict_do_update(index_elements=["path"], set_=newest))
    elif entry.act == "fixity.repaired":
        connection.execute(delete(fixity_faults).where(fixity_faults.c.path == data["path"]))
    else:
        connection.execute(
            insert(scrub_passes).values(
                seq=entry.seq, started_at=data["started_at"], finished_at=entry.time, document=data
            )
        )
        behind = update(fixity).where(fixity.c.checked_at < data["started_at"])
        connection.execute(behind.values(checked_at=data["started_at"]))


# Counting, without an act


def mark_checked(engine: Engine, digests: Sequence[str], at: str) -> None:
    """Contents were read at this time, as UTC text."""
    if not digests:
        return
    statement = update(fixity).where(fixity.c.sha256 == bindparam("of_sha256")).values(checked_at=bindparam("at"))
    with transaction(engine) as connection:
        connection.execute(statement, [{"of_sha256": one, "at": at} for one in digests])


# What can be asked


class FixityBook:
    """Questions about what was read when; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def next_originals(self, before: str, *, limit: int) -> list[Row]:
        """Contents that were last read before this time, the longest ago first.

        Each is `sha256`, `checked_at`, `size_bytes`, `vault_path`, `condemned_seq` (null: its bytes are held here).
        """
        return self._rows(_checked().where(fixity.c.checked_at < before).limit(limit))

    def read_in_future(self, now: str, limit: int) -> list[Row]:
        """The same of contents that were read later than now, by a clock that was wrong."""
        return self._rows(_checked().where(fixity.c.checked_at > now).limit(limit))

    def is_wanted_here(self, sha256: str) -> bool:
        """Whether the vault must hold these bytes now (not condemned, disposed of, or held elsewhere alone)."""
        states = [row["state"] for row in self._rows(select(_recordings.c.state).where(_recordings.c.sha256 == sha256))]
        return any(State(state).has_local_bytes for state in states)

    def recordings_of(self, sha256: str) -> list[Row]:
        """Recordings that have these bytes: `recording_id`, `docking_id`, `card_path`, `state`, in order of coming."""
        columns = (_recordings.c.recording_id, _recordings.c.docking_id, _recordings.c.card_path, _recordings.c.state)
        return self._rows(select(*columns).where(_recordings.c.sha256 == sha256).order_by(_recordings.c.recording_id))

    def checked_at(self, digests: Sequence[str]) -> dict[str, str]:
        """When contents were last read, by digest."""
        found: dict[str, str] = {}
        for start in range(0, len(digests), 500):
            query = select(fixity).where(fixity.c.sha256.in_(digests[start : start + 500]))
            found |= {row["sha256"]: row["checked_at"] for row in self._rows(query)}
        return found

    def oldest(self) -> str | None:
        """When the content was read that was read longest ago; null for an empty vault."""
        query = select(fixity.c.checked_at).order_by(fixity.c.checked_at).limit(1)
        return next((str(row["checked_at"]) for row in self._rows(query)), None)

    def faults(self) -> list[Row]:
        """What stands damaged, the oldest first: `path`, `sha256`, `failed_at`, `words`."""
        return self._rows(select(fixity_faults).order_by(fixity_faults.c.failed_at, fixity_faults.c.path))

    def fault_of(self, path: str) -> Row | None:
        """The fault of one file; null where none stands."""
        return next(iter(self._rows(select(fixity_faults).where(fixity_faults.c.path == path))), None)

    def faulty_digests(self) -> frozenset[str]:
        """Digests of which a copy stands damaged."""
        return frozenset(row["sha256"] for row in self._rows(select(fixity_faults.c.sha256)))

    def last_pass(self) -> Row | None:
        """The last whole pass: `started_at`, `finished_at` and the act's data; null where there was none."""
        query = select(scrub_passes).order_by(scrub_passes.c.seq.desc()).limit(1)
        return next(iter(self._rows(query)), None)

    def held(self) -> tuple[int, int]:
        """Contents that the vault holds, and their bytes."""
        query = select(func.count().label("count"), func.coalesce(func.sum(_contents.c.size_bytes), 0).label("bytes"))
        row = self._rows(query.select_from(_contents).where(_contents.c.condemned_seq.is_(None)))[0]
        return int(row["count"]), int(row["bytes"])

    def _rows(self, query: Any) -> list[Row]:
        with translated(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


def _checked() -> Select[Any]:
    columns = (fixity.c.checked_at, _contents.c.size_bytes, _contents.c.vault_path, _contents.c.condemned_seq)
    query = select(fixity.c.sha256, *columns).join(_contents, _contents.c.sha256 == fixity.c.sha256)
    return query.order_by(fixity.c.checked_at, fixity.c.sha256)
