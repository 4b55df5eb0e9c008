"""Where a recording stands against its stored decision. Pure; being due gives nobody leave to dispose of anything."""

import datetime as dt
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from ingestd.core.clock import from_text
from ingestd.core.terms import ReasonKind


class Standing(StrEnum):
    """What the stored decision means at a moment."""

    UNDER_TERM = "under_term"
    """The term runs: the regime demands that it is kept."""

    DUE = "due"
    """The term is over. It is kept all the same: disposal happens only where the bureau has set it (decision 9)."""

    HELD = "held"
    """A hold stands, which beats every timer (民宗 21, 江门 44)."""

    BORN_EXPIRED = "born_expired"
    """By its own time it was older than its term when it came in: a person has to look before its term counts."""

    UNTIL_DECIDED = "until_decided"
    """Nothing names an end now: no term, 长期保存, or a case file that is open or has no term."""

    UNDECIDED = "undecided"
    """Not catalogued yet: kept."""

    @property
    def words(self) -> str:
        """English · Chinese."""
        return _WORDS[self]


_WORDS = {
    Standing.UNDER_TERM: "under its term · 保存期内",
    Standing.DUE: "due, its term is over · 期满",
    Standing.HELD: "held · 长期保存中",
    Standing.BORN_EXPIRED: "older than its term when it came in, waits for a person · 入库时已超期，待核定",
    Standing.UNTIL_DECIDED: "without an end · 无期满日",
    Standing.UNDECIDED: "not decided yet · 未定",
}


def standing_of(retention: Mapping[str, Any] | None, now: dt.datetime) -> Standing:
    """Judge a stored `core.terms.RetentionDecision`.

    Args:
        retention: the decision as the catalogue holds it; null before the recording is catalogued.
        now: the wall time, aware.
    """
    if retention is None:
        return Standing.UNDECIDED
    if retention["keep_until"] is not None:
        return Standing.UNDER_TERM if now < from_text(retention["keep_until"]) else Standing.DUE
    kinds = {reason["kind"] for reason in retention["reasons"]}
    if ReasonKind.HOLD in kinds:
        return Standing.HELD
    return Standing.BORN_EXPIRED if ReasonKind.BORN_EXPIRED in kinds else Standing.UNTIL_DECIDED
