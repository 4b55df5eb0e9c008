"""The roster: which officer carries which recorder, from when until when."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RosterEntry:
    """One issue of one recorder. Days are local and inclusive; `valid_to` is null while the officer still has it.

    `certificate` is the number of the officer's law-enforcement certificate (执法证件编号), empty where not given.
    """

    recorder: str
    officer: str
    certificate: str
    unit: str
    valid_from: dt.date
    valid_to: dt.date | None

    def is_valid_on(self, day: dt.date) -> bool:
        """Whether the officer had the recorder on this local day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True)
class Roster:
    """All entries, in the order in which they were written down."""

    entries: tuple[RosterEntry, ...] = ()

    def officers_of(self, recorder_id: str, at: dt.date) -> tuple[RosterEntry, ...]:
        """Who had this recorder on this local day: nobody, one officer, or several who share it."""
        return tuple(entry for entry in self.entries if entry.recorder == recorder_id and entry.is_valid_on(at))
