"""How often a background job was tried for a recording. Counted before the try, so that a crash counts too."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Engine, delete, select
from sqlalchemy.dialects.sqlite import insert

from ingestd.stores import schema
from ingestd.stores.database import transaction


def count_attempt(engine: Engine, recording: str, job: str) -> int:
    """Note one more try and return which one it is, from 1."""
    table = schema.jobs
    statement = (
        insert(table)
        .values(recording_id=recording, job=job, attempts=1)
        .on_conflict_do_update(index_elements=["recording_id", "job"], set_={"attempts": table.c.attempts + 1})
        .returning(table.c.attempts)
    )
    with transaction(engine) as connection:
        return int(connection.execute(statement).scalar_one())


def count_first_attempts(engine: Engine, recordings: Sequence[str], job: str) -> Mapping[str, int]:
    """Note the first try of those that were never tried, with one sync for all.

    A crash counts against all of them at once; each is then tried by itself, so that it is known which one it was.

    Returns:
        How often the others were tried before; their next try is not counted yet.
    """
    table = schema.jobs
    with transaction(engine) as connection:
        standing = select(table.c.recording_id, table.c.attempts).where(
            table.c.job == job, table.c.recording_id.in_(recordings)
        )
        tried = {row.recording_id: row.attempts for row in connection.execute(standing)}
        fresh = [{"recording_id": one, "job": job, "attempts": 1} for one in recordings if one not in tried]
        if fresh:
            connection.execute(insert(table), fresh)
    return tried


def forget_attempts(engine: Engine, recordings: Sequence[str], job: str) -> None:
    """The job is settled for these recordings."""
    table = schema.jobs
    with transaction(engine) as connection:
        connection.execute(delete(table).where(table.c.recording_id.in_(recordings), table.c.job == job))
