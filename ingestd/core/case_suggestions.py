"""Which case a recording may belong to, by officer, time and place, with the reasons. Pure; links nothing.

A suggestion is for a person's eye: clocks of recorders are off, officers lend each other recorders, and two checks are
made in one street on one morning. Each says what it rests on, and what speaks against it.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from ingestd.core.cases import Activity, Case, CaseOfficer, Complaint

NEAR = dt.timedelta(minutes=30)
"""How far a recording may lie from an activity and still be near it: times of papers are rounded, clocks are off."""

_SHORTEST_PLACE = 2
"""Characters that a place must have in common: one says nothing."""


class Strength(StrEnum):
    """How much speaks for a suggestion."""

    STRONG = "strong"
    """Officer and time agree, and the place too or its officer's certificate."""
    LIKELY = "likely"
    """Two of officer, time and place agree."""
    WEAK = "weak"
    """One agrees closely and another nearly, or something speaks against it."""

    @property
    def words(self) -> str:
        """English · Chinese."""
        return {"strong": "strong · 强", "likely": "likely · 中", "weak": "weak · 弱"}[self.value]


_ORDER = (Strength.STRONG, Strength.LIKELY, Strength.WEAK)


@dataclass(frozen=True, slots=True)
class FootageFacts:
    """What is known of a recording when a case is looked for. Moments are UTC.

    `places` are names of places that its position or its registration gave.
    """

    recording_id: str
    start: dt.datetime
    end: dt.datetime
    officers: tuple[CaseOfficer, ...] = ()
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SuggestionReason:
    """One thing that speaks for a suggestion, or against it; in two languages."""

    about: str
    """officer, time, place or case."""
    is_for: bool
    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A case, and the activity where one fits, to which a recording may belong. `overlap_s` is time in common."""

    recording_id: str
    case_number: str
    activity_id: str | None
    strength: Strength
    reasons: tuple[SuggestionReason, ...]
    overlap_s: float


@dataclass(frozen=True, slots=True)
class _Match:
    score: int
    reason: SuggestionReason | None


def suggestions_of(
    footage: FootageFacts,
    cases: Iterable[Case],
    *,
    linked: Collection[tuple[str, str | None]],
    zone: ZoneInfo,
    today: dt.date,
) -> tuple[Suggestion, ...]:
    """Cases and activities that a recording may belong to, the strongest first.

    Args:
        linked: case and activity to which it is linked already; they are not suggested again.
        zone: the bureau's zone, in which days are counted.
        today: the bureau's own day, until which an open case goes.
    """
    found: list[Suggestion] = []
    for case in cases:
        mine = {activity for number, activity in linked if number == case.number}
        some = [_by_activity(footage, case, one, zone) for one in case.activities if one.activity_id not in mine]
        good = [one for one in some if one is not None]
        if not good and not mine and not any(one.began_at for one in case.activities):
            good = [one for one in [_by_days(footage, case, zone, today)] if one is not None]
        found += good
    return tuple(sorted(found, key=lambda one: (_ORDER.index(one.strength), -one.overlap_s, one.case_number)))


def complaint_reasons(
    footage: FootageFacts, complaint: Complaint, case_numbers: Collection[str]
) -> tuple[SuggestionReason, ...]:
    """Why a recording may belong to a complaint, so that it should be held; none where nothing speaks for it.

    It does where it is linked to the complaint's case, or where time and, as far as both are named, officer or place
    agree.

    Args:
        case_numbers: to which the recording is linked.
    """
    if complaint.case_number is not None and complaint.case_number in case_numbers:
        number = complaint.case_number
        return (SuggestionReason("case", True, f"linked to case {number}", f"已关联案件 {number}"),)
    if complaint.happened_from is None:
        return ()
    until = complaint.happened_until or complaint.happened_from
    time = _time_match(footage, complaint.happened_from, until)
    officer = _officer_match(footage.officers, complaint.officers)
    place = _place_match(footage.places, complaint.place)
    if time.score <= 0 or (officer.score < 0 and place.score <= 0):
        return ()
    return tuple(one.reason for one in (time, officer, place) if one.reason is not None)


def _by_activity(footage: FootageFacts, case: Case, activity: Activity, zone: ZoneInfo) -> Suggestion | None:
    if activity.began_at is None:
        return None
    ended = activity.ended_at or _end_of_local_day(activity.began_at, zone)
    time = _time_match(footage, activity.began_at, ended, is_end_known=activity.ended_at is not None)
    if time.score <= 0:
        return None
    officer = _officer_match(footage.officers, activity.officers or case.officers)
    place = _place_match(footage.places, activity.place or case.place)
    strength = _strength(time.score, officer.score, place.score)
    if strength is None:
        return None
    return Suggestion(
        recording_id=footage.recording_id,
        case_number=case.number,
        activity_id=activity.activity_id,
        strength=strength,
        reasons=tuple(one.reason for one in (officer, time, place) if one.reason is not None),
        overlap_s=_overlap_s(footage, activity.began_at, ended),
    )


def _by_days(footage: FootageFacts, case: Case, zone: ZoneInfo, today: dt.date) -> Suggestion | None:
    """A case of which only days are known: its officer on one of them, never more than likely."""
    if case.opened_on is None:
        return None
    day = footage.start.astimezone(zone).date()
    last = case.concluded_on or case.closed_on or today
    officer = _officer_match(footage.officers, case.officers)
    if officer.score <= 0 or not case.opened_on <= day <= last:
        return None
    place = _place_match(footage.places, case.place)
    on = SuggestionReason("time", True, f"recorded on {day}, while the case ran", f"摄于 {day}，在案件办理期间")
    return Suggestion(
        recording_id=footage.recording_id,
        case_number=case.number,
        activity_id=None,
        strength=Strength.LIKELY if place.score > 0 else Strength.WEAK,
        reasons=tuple(one for one in (officer.reason, on, place.reason) if one is not None),
        overlap_s=0.0,
    )


def _strength(time: int, officer: int, place: int) -> Strength | None:
    """Scores: 2 an exact match, 1 a nearly exact one, 0 nothing known, -1 it speaks against."""
    if time <= 0 or (officer <= 0 and place <= 0):
        return None
    if officer < 0 or place < 0 or time == 1:
        return Strength.WEAK
    if officer > 0 and (place > 0 or officer == 2):
        return Strength.STRONG
    return Strength.LIKELY


def _time_match(footage: FootageFacts, began: dt.datetime, ended: dt.datetime, *, is_end_known: bool = True) -> _Match:
    overlap_s = _overlap_s(footage, began, ended)
    inside = footage.start <= ended and footage.end >= began
    open_en, open_zh = ("", "") if is_end_known else (" (its end is not entered)", "（未填结束时间）")
    if inside:
        minutes = overlap_s / 60
        en = f"{minutes:.1f} minutes within the time of it{open_en}"
        return _Match(
            2 if is_end_known else 1, SuggestionReason("time", True, en, f"时间重合 {minutes:.1f} 分钟{open_zh}")
        )
    away = max(began - footage.end, footage.start - ended)
    if away > NEAR:
        return _Match(-1, None)
    minutes = away.total_seconds() / 60
    return _Match(1, SuggestionReason("time", True, f"{minutes:.1f} minutes away from it", f"相隔 {minutes:.1f} 分钟"))


def _officer_match(mine: Sequence[CaseOfficer], theirs: Sequence[CaseOfficer]) -> _Match:
    if not mine or not theirs:
        return _Match(0, None)
    for one in mine:
        for other in theirs:
            if one.certificate and one.certificate == other.certificate:
                en, zh = f"officer {other.shown}, by certificate", f"执法人员 {other.shown}（证号相同）"
                return _Match(2, SuggestionReason("officer", True, en, zh))
    for one in mine:
        for other in theirs:
            if one.name == other.name and not (one.certificate and other.certificate):
                return _Match(
                    1,
                    SuggestionReason(
                        "officer", True, f"officer {one.name}, by name", f"执法人员 {one.name}（姓名相同）"
                    ),
                )
    names = ", ".join(one.shown for one in mine)
    en, zh = f"the recorder was with {names}, whom the case does not name", f"记录仪由 {names} 使用，案件未列其名"
    return _Match(-1, SuggestionReason("officer", False, en, zh))


def _place_match(mine: Sequence[str], theirs: str) -> _Match:
    if not mine or not theirs:
        return _Match(0, None)
    for one in mine:
        shorter, longer = sorted((one.strip(), theirs.strip()), key=len)
        if len(shorter) >= _SHORTEST_PLACE and shorter in longer:
            return _Match(2, SuggestionReason("place", True, f"place {one}", f"地点 {one}"))
    # A place that reads otherwise is no contradiction: areas and addresses are named in many ways.
    return _Match(0, None)


def _overlap_s(footage: FootageFacts, began: dt.datetime, ended: dt.datetime) -> float:
    return max(0.0, (min(footage.end, ended) - max(footage.start, began)).total_seconds())


def _end_of_local_day(moment: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    local = moment.astimezone(zone)
    return dt.datetime.combine(local.date() + dt.timedelta(days=1), dt.time(), zone).astimezone(dt.UTC)
