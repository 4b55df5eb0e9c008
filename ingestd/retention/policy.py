"""Where a recording stands against its stored term. Pure. Nothing here, or anywhere yet, disposes of anything."""

import datetime as dt
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from ingestd.core.clock import from_text


class Standing(StrEnum):
    """What the stored decision means at a moment."""

    UNDER_TERM = "under_term"
    """The term runs: the regime demands that it is kept."""

    PAST_TERM = "past_term"
    """The term is over. It is kept all the same: disposal happens only where the bureau has set it (decision 9)."""

    UNTIL_DECIDED = "until_decided"
    """No rule names an end: kept until a person decides."""

    UNDECIDED = "undecided"
    """Not catalogued yet: kept."""


def standing_of(retention: Mapping[str, Any] | None, now: dt.datetime) -> Standing:
    """Judge a stored `core.regime.RetentionDecision`.

    Args:
        retention: the decision as the catalogue holds it; null before the recording is catalogued.
        now: the wall time, aware.
    """
    if retention is None:
        return Standing.UNDECIDED
    if retention["keep_until"] is None:
        return Standing.UNTIL_DECIDED
    return Standing.UNDER_TERM if now < from_text(retention["keep_until"]) else Standing.PAST_TERM
