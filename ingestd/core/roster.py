"""The roster (人员与记录仪对照): which officer carries which recorder, from when until when.

Terms are half-open spans of UTC. People write and read them as local days, inclusive, or as local minutes where a
recorder changes hands within a day.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

YEARS = range(2000, 2100)
"""Years in which a term can begin or end; others are slips of a keyboard or of a spreadsheet."""

_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RosterEntry:
    """One row: one officer carries one recorder. Several rows may stand for one recorder: its officers share it.

    `certificate` is the number of the officer's law-enforcement certificate (执法证号), `user` the number under which
    the recorder itself knows the officer, as its file names carry it; both empty where not given. The term begins at
    `begins_at` and lasts until just before `ends_at`, null while the officer still has the recorder.
    """

    recorder: str
    officer: str
    certificate: str
    unit: str
    begins_at: dt.datetime
    ends_at: dt.datetime | None = None
    user: str = ""

    def is_valid_at(self, moment: dt.datetime) -> bool:
        """Whether the officer had the recorder at this moment."""
        return self.begins_at <= moment and (self.ends_at is None or moment < self.ends_at)

    def is_same_officer(self, other: "RosterEntry") -> bool:
        """Whether two rows speak of one person: by certificate where both give one, else by name."""
        if self.certificate and other.certificate:
            return self.certificate == other.certificate
        return self.officer == other.officer

    def overlaps(self, other: "RosterEntry") -> bool:
        """Whether the two terms have a moment in common."""
        return (other.ends_at is None or self.begins_at < other.ends_at) and (
            self.ends_at is None or other.begins_at < self.ends_at
        )

    @property
    def person(self) -> tuple[str, str]:
        """Name and certificate."""
        return self.officer, self.certificate


class RosterBook(Protocol):
    """Who can be asked whose a recorder is: the rows of a table, or the register of the catalogue."""

    def officers_of(self, recorder_id: str, moment: dt.datetime) -> tuple[RosterEntry, ...]:
        """Who had this recorder at this moment: nobody, one officer, or several who share it."""
        ...

    def known_as(self, text: str, moment: dt.datetime) -> tuple[RosterEntry, ...]:
        """Rows of people who go by this user number, certificate or name: those of the moment, else of any time."""
        ...


@dataclass(frozen=True, slots=True)
class Roster:
    """All rows of a table, in the order in which they were written down."""

    entries: tuple[RosterEntry, ...] = ()

    def officers_of(self, recorder_id: str, moment: dt.datetime) -> tuple[RosterEntry, ...]:
        """As of `RosterBook`."""
        return tuple(entry for entry in self.entries if entry.recorder == recorder_id and entry.is_valid_at(moment))

    def known_as(self, text: str, moment: dt.datetime) -> tuple[RosterEntry, ...]:
        """As of `RosterBook`."""
        known = [one for one in self.entries if text and text in (one.user, one.certificate, one.officer)]
        return tuple([one for one in known if one.is_valid_at(moment)] or known)


# Terms as people write them


def day_begins(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    """The first moment of a local day, in UTC."""
    return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)


def day_is_over(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    """The first moment after a local day, in UTC."""
    return day_begins(day + _DAY, zone)


def begin_text(entry: RosterEntry, zone: ZoneInfo) -> str:
    """When a term begins, as a table has it: a day, or a day and a minute."""
    return _text(entry.begins_at.astimezone(zone))


def end_text(entry: RosterEntry, zone: ZoneInfo) -> str:
    """When a term ends, as a table has it: its last day, or the minute at which it is over; empty while it lasts."""
    if entry.ends_at is None:
        return ""
    local = entry.ends_at.astimezone(zone)
    return (local - _DAY).date().isoformat() if local.time() == dt.time() else _text(local)


def term_words(entry: RosterEntry, zone: ZoneInfo) -> str:
    """A term for people: `2024-01-01 – 2024-06-30`, without an end while it lasts."""
    return f"{begin_text(entry, zone)} – {end_text(entry, zone)}".rstrip()


def _text(local: dt.datetime) -> str:
    return local.date().isoformat() if local.time() == dt.time() else local.strftime("%Y-%m-%d %H:%M")
