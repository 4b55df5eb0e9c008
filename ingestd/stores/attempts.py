"""How often a background job was tried for a recording. Counted before the try, so that a crash counts too."""

from sqlalchemy import Engine, delete
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


def forget_attempts(engine: Engine, recording: str, job: str) -> None:
    """The job is settled for this recording."""
    table = schema.jobs
    with transaction(engine) as connection:
        connection.execute(delete(table).where(table.c.recording_id == recording, table.c.job == job))
