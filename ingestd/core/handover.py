"""The hand-over clock: until when a recording must stand in the store, by a regime and by what people declare.

海洋 27(五), 民政 30, 江门 41, 卫健 28; 民宗 has none. No clock is ever a reason to refuse footage: it marks, no more.
"""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, Field, PlainSerializer, model_validator

from ingestd.core.clauses import Basis, Frozen, Sourced
from ingestd.core.clock import to_text
from ingestd.core.localdays import end_of_day

_StoredMoment = Annotated[AwareDatetime, PlainSerializer(to_text, when_used="json")]


class StartEvent(StrEnum):
    """What starts the hand-over clock of a regime, or did start it for one recording."""

    ACTIVITY_END = "activity_end"
    """End of the activity, by its case or declared; else the end of the take stands in for it."""
    RECORDING_END = "recording_end"
    """End of the recording: of its whole take, once the take is known."""
    DAY_END = "day_end"
    """End of the day, in the bureau's zone, on which the recording ended."""
    HAND_IN = "hand_in"
    """The officer gave it to the custodian, as declared; only ever what did start a clock."""


class StartSource(StrEnum):
    """Who says when the clock started."""

    CASE = "case"
    """The activity of a linked case."""
    DECLARED = "declared"
    """A person's declaration."""
    TAKE = "take"
    """The end of the take that the recording belongs to."""
    RECORDING = "recording"
    """The end of the recording itself: its take is not known, or it belongs to none."""


class FieldWorkReason(Frozen):
    """A reason that the clause names for handing over after the return."""

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class FieldWorkRule(Sourced):
    """Who works away hands over within `hours` of the return. `is_free_text`: the clause names no reasons.

    `condition` are words of the clause that a person asserts by declaring.
    """

    hours: int = Field(gt=0, le=24 * 366)
    reasons: tuple[FieldWorkReason, ...] = ()
    is_free_text: bool = False
    condition: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _reasons_are_given(self) -> Self:
        if self.is_free_text == bool(self.reasons):
            raise ValueError("give either reasons or is_free_text = true")
        if len({one.id for one in self.reasons}) != len(self.reasons):
            raise ValueError("two reasons have the same id; give each its own")
        return self

    def reason(self, reason_id: str) -> FieldWorkReason | None:
        """The reason with this id; null for none."""
        return next((one for one in self.reasons if one.id == reason_id), None)


class HandInRule(Sourced):
    """The first of two stages: the officer gives the recordings to the custodian after the day's work (江门 41)."""


class HandOverClock(Sourced):
    """Until when a recording must stand verified in the store."""

    starts: StartEvent
    hours: int = Field(gt=0, le=24 * 366)
    basis: Basis
    hand_in: HandInRule | None = None
    field_work: FieldWorkRule | None = None

    @model_validator(mode="after")
    def _basis_is_true(self) -> Self:
        if self.basis is Basis.LAW and self.article is None:
            raise ValueError("basis law needs article and words; without them it is local policy")
        if self.basis is Basis.LOCAL_POLICY and (self.article is not None or self.note is None):
            raise ValueError("local policy has no article, and a note that says so")
        for part in (self.hand_in, self.field_work):
            if part is not None and (part.article is None) != (self.basis is Basis.LOCAL_POLICY):
                raise ValueError("what belongs to the clock has its basis: an article for law, none for local policy")
        return self

    @model_validator(mode="after")
    def _stages_fit(self) -> Self:
        if self.starts is StartEvent.HAND_IN:
            raise ValueError('starts = "day_end" with [hand_over.hand_in] is the clock of two stages')
        if self.hand_in is not None and self.starts is not StartEvent.DAY_END:
            raise ValueError('a stage hand_in needs starts = "day_end"')
        return self


class HandOverState(StrEnum):
    """Where a recording stands against the hand-over clock."""

    DUE = "due"
    """Not in the store yet, and there is still time."""
    MET = "met"
    LATE = "late"
    """Came after its time, or has not come and the time is over. A flag, never a reason to refuse footage."""
    EXCUSED = "excused"
    """Came after the ordinary time, and in time after the return that a person declared."""
    NONE = "none"
    """The regime has no clock, or the recording's time is none that a deadline could be counted from."""


class FieldWork(Frozen):
    """A declaration that recordings were made away from the office, as it bears on a clock."""

    declaration: int
    """Its number: the entry of the ledger."""
    reason: str | None
    """Of the regime's list; null where the regime names none."""
    words: str
    returned_at: _StoredMoment
    declared_at: _StoredMoment
    declared_by: str


class Excuse(FieldWork):
    """Field work that gives a recording more time, and the clause that lets it."""

    due: _StoredMoment
    is_declared_late: bool
    """Declared when the ordinary time was over already."""
    article: str | None
    clause: str | None


class HandIn(Frozen):
    """The first stage of a clock of two. 及时 names no number: the end of the day is how the station reads it."""

    at: _StoredMoment
    source: Literal["declared", "docking"]
    """A docking is hand-in and storing at once, where nobody declared an earlier hand-in."""
    by_end_of_day: _StoredMoment
    is_after_day: bool


class HandOver(Frozen):
    """A recording against the hand-over clock. `start_event` and `start_source` say what was really known and used.

    `due` is the time that counts, with an excuse the later one; `ordinary_due` is the time without it.
    """

    state: HandOverState
    due: _StoredMoment | None = None
    started_at: _StoredMoment | None = None
    start_event: StartEvent | None = None
    start_source: StartSource | None = None
    hours: int | None = None
    article: str | None = None
    words: str | None = None
    note: str | None = None
    basis: Basis | None = None
    ordinary_due: _StoredMoment | None = None
    excuse: Excuse | None = None
    hand_in: HandIn | None = None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known of a recording when its hand-over is judged. All times are aware.

    `footage_end` is the end of its take, or of itself where `is_take` is false. `activity_end` null: nobody said.
    `docked_at` null: it is still on its recorder. `handed_in_at`: declared; null for nobody said.
    """

    footage_end: dt.datetime
    is_take: bool = False
    activity_end: dt.datetime | None = None
    activity_source: StartSource = StartSource.CASE
    handed_in_at: dt.datetime | None = None
    field_work: tuple[FieldWork, ...] = ()
    docked_at: dt.datetime | None = None


def hand_over_of(
    clock: HandOverClock | None,
    known: Circumstances,
    *,
    secured_at: dt.datetime | None,
    now: dt.datetime,
    zone: ZoneInfo,
) -> HandOver:
    """Where a recording stands against the hand-over clock. The moment when it is due is still in time.

    江门 41 asks for hand-in after the day's work, then gives the custodian 24 hours. A docking is both at once, so the
    clock runs from the end of the day of the recording, or from the declared hand-in where that was earlier: an
    officer who hands in late gives the custodian no more time than the day did.

    Args:
        clock: of the bureau's regime; null where it has none.
        known: the recording and what was said about it.
        secured_at: when the recording was sealed; null while it is not.
        now: the wall time.
        zone: the bureau's zone, in which days end.

    Raises:
        ValueError: a time without a zone.
    """
    for moment in (known.footage_end, known.activity_end, known.handed_in_at, known.docked_at, secured_at, now):
        if moment is not None and moment.tzinfo is None:
            raise ValueError("a time without a zone cannot be held against a deadline")
    if clock is None:
        return HandOver(state=HandOverState.NONE)
    try:
        started_at, event, source = _start(clock, known, zone)
        ordinary_due = started_at + dt.timedelta(hours=clock.hours)
        hand_in = _hand_in(clock, known, zone)
        excuse = _excuse(clock, known.field_work, ordinary_due)
    except OverflowError:
        return HandOver(state=HandOverState.NONE, hours=clock.hours, basis=clock.basis)
    due = excuse.due if excuse is not None else ordinary_due
    return HandOver(
        state=_state(ordinary_due, due, secured_at, now),
        due=due,
        started_at=started_at,
        start_event=event,
        start_source=source,
        hours=clock.hours,
        article=clock.article,
        words=clock.words,
        note=clock.note,
        basis=clock.basis,
        ordinary_due=ordinary_due,
        excuse=excuse,
        hand_in=hand_in,
    )


def _state(
    ordinary_due: dt.datetime, due: dt.datetime, secured_at: dt.datetime | None, now: dt.datetime
) -> HandOverState:
    if (secured_at or now) > due:
        return HandOverState.LATE
    if secured_at is None:
        return HandOverState.DUE
    return HandOverState.MET if secured_at <= ordinary_due else HandOverState.EXCUSED


def _start(clock: HandOverClock, known: Circumstances, zone: ZoneInfo) -> tuple[dt.datetime, StartEvent, StartSource]:
    footage = StartSource.TAKE if known.is_take else StartSource.RECORDING
    if clock.starts is StartEvent.DAY_END:
        day_end = _day_end(known, zone)
        handed_in = _declared_hand_in(clock, known)
        if handed_in is not None and handed_in < day_end:
            return handed_in, StartEvent.HAND_IN, StartSource.DECLARED
        return day_end, StartEvent.DAY_END, footage
    if clock.starts is StartEvent.ACTIVITY_END and known.activity_end is not None:
        return known.activity_end.astimezone(dt.UTC), StartEvent.ACTIVITY_END, known.activity_source
    return known.footage_end.astimezone(dt.UTC), StartEvent.RECORDING_END, footage


def _day_end(known: Circumstances, zone: ZoneInfo) -> dt.datetime:
    return end_of_day(known.footage_end.astimezone(zone).date(), zone)


def _declared_hand_in(clock: HandOverClock, known: Circumstances) -> dt.datetime | None:
    """The declared hand-in, where the regime knows that stage and the declaration can be true of this recording."""
    declared = known.handed_in_at
    if clock.hand_in is None or declared is None or declared < known.footage_end:
        return None
    if known.docked_at is not None and known.docked_at < declared:
        return None
    return declared.astimezone(dt.UTC)


def _hand_in(clock: HandOverClock, known: Circumstances, zone: ZoneInfo) -> HandIn | None:
    declared = _declared_hand_in(clock, known)
    at = declared or known.docked_at
    if clock.hand_in is None or at is None:
        return None
    day_end = _day_end(known, zone)
    source: Literal["declared", "docking"] = "docking" if declared is None else "declared"
    return HandIn(at=at.astimezone(dt.UTC), source=source, by_end_of_day=day_end, is_after_day=at > day_end)


def _excuse(clock: HandOverClock, declared: tuple[FieldWork, ...], ordinary_due: dt.datetime) -> Excuse | None:
    """The declaration that gives the most time; null where none gives more than there is without."""
    rule = clock.field_work
    if rule is None or not declared:
        return None
    work = max(declared, key=lambda one: (one.returned_at, -one.declaration))
    due = work.returned_at.astimezone(dt.UTC) + dt.timedelta(hours=rule.hours)
    if due <= ordinary_due:
        return None
    return Excuse(
        **{name: getattr(work, name) for name in FieldWork.model_fields},
        due=due,
        is_declared_late=work.declared_at > ordinary_due,
        article=rule.article,
        clause=rule.words,
    )
