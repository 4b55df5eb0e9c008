"""What search finds, as people read it, and parts of questions as they write them."""

from typing import Any

from ingestd.core.disposal import ItemState
from ingestd.core.errors import RefusedError
from ingestd.core.lifecycle import State
from ingestd.stores.find import Box
from ingestd.stores.search import Row


def box_of(written: str, name: str) -> Box:
    """A part of the map as people write it.

    Raises:
        RefusedError: it is none; `name` says of what.
    """
    try:
        south, west, north, east = (float(part) for part in written.replace("，", ",").split(","))
    except ValueError as error:
        raise RefusedError(
            f"{name} = {written!r} is no part of the map", "write SOUTH,WEST,NORTH,EAST in degrees"
        ) from error
    if not (-90 <= south <= north <= 90 and -180 <= west <= east <= 180):
        raise RefusedError(
            f"{name} = {written!r} is no part of the map", "south below north, west before east, in degrees"
        )
    return Box(south, west, north, east)


def found_document(row: Row) -> dict[str, Any]:
    """A row of `stores.find.Finder.rows` as JSON tells it."""
    return {key: value for key, value in row.items() if key != "unit"} | {"unit": row["unit"] or None}


def file_words(row: Row) -> str:
    """The file's name, with what became of one that is destroyed."""
    name = str(row["card_path"].rpartition("/")[2])
    is_gone = row["state"] in (State.CONDEMNED, State.DISPOSED)
    return f"{name} ({ItemState(row['state']).words})" if is_gone else name


def fact_words(row: Row, field: str, empty: str = "–") -> str:
    """What is known of a field of the registration; with a question mark where it is doubtful."""
    fact = row["facts"].get(field)
    if fact is None:
        return empty
    return ("? " if fact["is_doubtful"] else "") + "；".join(fact["values"])
