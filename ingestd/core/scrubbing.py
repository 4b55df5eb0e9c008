"""Arithmetic of the rolling re-reading of everything that is held: what a pass is, and how fast it may go. Pure."""

import datetime as dt
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

SHARE_OF_PERIOD: Final = 0.8
"""A pass is spread over so much of the period; the rest is left for days on which the station was off or busy."""


class Pass(BaseModel):
    """One round over everything, under way. Its originals are those that were last read before it began.

    `segment` is the ledger's segment whose documents come next, counted from 0; `replicas` are copies read in stores.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    vault_id: str
    started_at: AwareDatetime
    originals: int = Field(default=0, ge=0)
    read_bytes: int = Field(default=0, ge=0)
    documents: int = Field(default=0, ge=0)
    segment: int = Field(default=0, ge=0)
    replicas: int = Field(default=0, ge=0)
    faults: int = Field(default=0, ge=0)
    repaired: int = Field(default=0, ge=0)
    is_hurried: bool = False
    """A person asked for it: it is not spread over the period."""

    def counts(self) -> dict[str, int]:
        """What was read and found, for the ledger and for people."""
        names = ("originals", "read_bytes", "documents", "replicas", "faults", "repaired")
        return {name: getattr(self, name) for name in names}


def is_ahead(done: int, total: int, *, started_at: dt.datetime, now: dt.datetime, period: dt.timedelta) -> bool:
    """Whether a pass has done more than its time asks for, so that the disk may rest.

    A station that was off falls behind and then reads without a rest until it has caught up.

    Args:
        done, total: of anything that can be counted (bytes, segments).
        started_at: of the pass.
    """
    if total <= 0:
        return False
    elapsed = max(0.0, (now - started_at).total_seconds())
    return done > total * min(1.0, elapsed / (SHARE_OF_PERIOD * period.total_seconds()))


def is_due(last: dt.datetime | None, *, now: dt.datetime, period: dt.timedelta) -> bool:
    """Whether the next pass begins; a clock that was set back does not put it off for ever.

    Args:
        last: when the last pass began; before the first one, when the oldest content was sealed; null for none.
    """
    if last is None:
        return False
    elapsed = (now - last).total_seconds()
    return elapsed < 0 or elapsed >= SHARE_OF_PERIOD * period.total_seconds()
