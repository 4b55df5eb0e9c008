"""Times as people write them on the command line."""

import datetime as dt
from zoneinfo import ZoneInfo

from ingestd.core.clock import to_text
from ingestd.core.errors import RefusedError


def moment_of(text: str, name: str, zone: ZoneInfo) -> str:
    """A time that a person wrote, as stored; in the bureau's zone where it names none.

    Raises:
        RefusedError: it is none; `name` says of what.
    """
    try:
        moment = dt.datetime.fromisoformat(text)
        return to_text(moment if moment.tzinfo is not None else moment.replace(tzinfo=zone))
    except (ValueError, OverflowError) as error:
        raise RefusedError(f"{name} = {text!r} is not a time", "write it as 2026-03-02T09:15:00") from error
