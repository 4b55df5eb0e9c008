"""Footage that may belong to one case, as somebody looks at it: by its officers, its times and its places."""

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from ingestd.casework.case_questions import footage_facts
from ingestd.core.case_suggestions import NEAR, Suggestion, suggestions_of
from ingestd.core.cases import Case
from ingestd.stores.case_pages import CasePages
from ingestd.stores.cases import CaseRegister, Row

_MOST_DAYS = 31
"""Of a case without times of its activities no longer span is gone through."""
_MOST_ROWS = 400
_ORDER = ("strong", "likely", "weak")


@dataclass(frozen=True, slots=True)
class SuggestedFootage:
    """One recording and the links that are suggested, the strongest first.

    `links` are to the case or one of its activities; `is_linked` says that it is linked to the case, and to none of its
    activities.
    """

    row: Row
    links: tuple[Suggestion, ...]
    is_linked: bool

    @property
    def best(self) -> Suggestion:
        """The strongest."""
        return self.links[0]


def footage_for(
    register: CaseRegister, pages: CasePages, case: Case, *, zone: ZoneInfo, today: dt.date
) -> list[SuggestedFootage]:
    """Footage that may belong to a case, the strongest suggestion first; empty where the case names no time."""
    found: dict[str, tuple[Row, bool]] = {}
    for start, end in _spans(case, zone, today):
        for row in pages.unlinked_near(start, end, limit=_MOST_ROWS):
            found[row["recording_id"]] = (row, False)
    links: dict[str, set[str | None]] = {}
    for one in register.links_of(case.number):
        links.setdefault(one.recording_id, set()).add(one.activity_id)
    loose = [recording for recording, activities in links.items() if activities == {None}]
    for row in register.footage_of(loose[:_MOST_ROWS]):
        found[row["recording_id"]] = (row, True)
    suggested = []
    for recording, (row, is_linked) in found.items():
        linked = {(case.number, activity) for activity in links.get(recording, ())}
        made = suggestions_of(footage_facts(row), [case], linked=linked, zone=zone, today=today)
        if made:
            suggested.append(SuggestedFootage(row, made, is_linked))
    return sorted(suggested, key=lambda one: (_ORDER.index(one.best.strength), one.row["recorded_start"]))


def _spans(case: Case, zone: ZoneInfo, today: dt.date) -> list[tuple[dt.datetime, dt.datetime]]:
    timed = [one for one in case.activities if one.began_at is not None]
    if timed:
        return [
            (one.began_at - NEAR, (one.ended_at or one.began_at + dt.timedelta(days=1)) + NEAR)
            for one in timed
            if one.began_at is not None
        ]
    first, last = case.opened_on, case.concluded_on or case.closed_on or today
    if first is None or (last - first).days > _MOST_DAYS:
        return []
    return [(_midnight(first, zone), _midnight(last + dt.timedelta(days=1), zone))]


def _midnight(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)
