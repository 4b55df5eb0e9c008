"""Holds (长期保存): what keeps recordings beyond every timer, why, of whom, and which recordings each covers. Pure.

A hold is placed by one person and ends only by the word of two or more (民宗 21, 江门 44; decisions 15, 16). What it
once covered it keeps until it is released: no correction of a roster, a link or a take takes a recording out of it.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, AwareDatetime, Field, TypeAdapter, model_validator

from ingestd.core.areas import CONVERTED_APART_M
from ingestd.core.cases import CaseOfficer
from ingestd.core.clauses import Frozen
from ingestd.core.findtext import normal
from ingestd.core.hold_rules import HoldReason
from ingestd.core.positions import distance_m

__all__ = [
    "CaseScope",
    "Hold",
    "HoldFacts",
    "HoldReason",
    "HoldStanding",
    "Judgement",
    "OfficerScope",
    "PlaceScope",
    "RecordingsScope",
    "ReleaseRequest",
    "Scope",
    "TakeScope",
    "covers",
    "judged",
]

_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
_SHORTEST_PLACE: Final = 2
"""Characters that a place must have in common: one says nothing."""
_SAME_DATUM: Final = frozenset({"WGS-84", "CGCS2000"})
_MARGIN: Final = 1.01
"""A track's box is flat and the earth is not: what lies a hundredth beyond the radius is held too."""


def _in_our_time(moment: dt.datetime) -> dt.datetime:
    if not 1980 <= moment.year <= 2199:
        raise ValueError(f"{moment} is no time of this work; years go from 1980 to 2199")
    return moment.astimezone(dt.UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_in_our_time)]
Word = Annotated[str, Field(max_length=200, pattern=_PRINTABLE)]


class RecordingsScope(Frozen):
    """Named recordings, and nothing that comes later."""

    kind: Literal["recordings"] = "recordings"
    recordings: Annotated[tuple[Word, ...], Field(min_length=1, max_length=10_000)]


class TakeScope(Frozen):
    """A take, and segments of it that come later. `recordings` are those that it had when the hold was placed."""

    kind: Literal["take"] = "take"
    take_id: Word
    recordings: tuple[Word, ...] = ()


class CaseScope(Frozen):
    """What is linked to a case, now or later."""

    kind: Literal["case"] = "case"
    number: Annotated[str, Field(min_length=1, max_length=64, pattern=_PRINTABLE)]


class _Window(Frozen):
    since: Moment
    until: Moment | None = None

    @model_validator(mode="after")
    def _window_is_open(self) -> Self:
        if self.until is not None and self.until < self.since:
            raise ValueError("until lies before since")
        return self

    def touches(self, start: dt.datetime, end: dt.datetime) -> bool:
        """Whether a span has a moment in common with it; both its ends belong to it."""
        return end >= self.since and (self.until is None or start <= self.until)


class OfficerScope(_Window):
    """What an officer recorded, or is named for, in a span of time; without `until` whatever matches from `since` on.

    An officer is the same by the certificate where both sides have one, else by the name.
    """

    kind: Literal["officer"] = "officer"
    name: Annotated[str, Field(min_length=1, max_length=200, pattern=_PRINTABLE)]
    certificate: Annotated[str, Field(max_length=64, pattern=_PRINTABLE)] = ""


class PlaceScope(_Window):
    """What was recorded at a place in a span of time; without `until` whatever matches from `since` on.

    Either `area`, a place by its name, or a point in WGS-84 with `radius_m`.
    """

    kind: Literal["place"] = "place"
    area: Annotated[str, Field(max_length=200, pattern=_PRINTABLE)] = ""
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    radius_m: Annotated[float, Field(gt=0, le=200_000)] | None = None

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        point = (self.latitude, self.longitude, self.radius_m)
        if any(one is None for one in point) and any(one is not None for one in point):
            raise ValueError("a point needs latitude, longitude and radius_m")
        if bool(self.area) == (self.latitude is not None):
            raise ValueError("name either an area, or a point with a radius")
        if self.area and len(self.area.strip()) < _SHORTEST_PLACE:
            raise ValueError("the name of an area has two characters at least")
        return self


Scope = Annotated[
    RecordingsScope | TakeScope | CaseScope | OfficerScope | PlaceScope,
    Field(discriminator="kind"),
]
AnyScope = RecordingsScope | TakeScope | CaseScope | OfficerScope | PlaceScope
SCOPE: TypeAdapter[AnyScope] = TypeAdapter(Scope)
"""Reads a scope from JSON."""


class HoldStanding(StrEnum):
    """Where a hold stands, as lists are asked for."""

    STANDING = "standing"
    TO_REVIEW = "to_review"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """A person's wish to end a hold, and who else agreed to it so far. `at` is UTC text."""

    by: str
    at: str
    reason: str
    approved_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold as it stands. Moments are UTC texts, days the bureau's own.

    Args:
        words: what happened, in the archivist's words; empty where the reason says it all.
        basis: the paper or clause on which it rests.
        requester: who asked for it; `placed_by` entered it.
        review_on: the day on which somebody is to look whether it is still needed. Nothing ends on that day.
        article, clause: of the regulation that names the reason; null where the bureau's regime is silent.
        complaint_number: the complaint that it follows from; null for none.
        release: a release that was asked for; null for none.
        released_by: the people of the release, who asked and who approved; empty while it stands.
    """

    hold_id: str
    reason: HoldReason
    scope: AnyScope
    basis: str
    requester: str
    review_on: dt.date
    words: str = ""
    article: str | None = None
    clause: str | None = None
    complaint_number: str | None = None
    placed_at: str = ""
    placed_by: str = ""
    reviewed_at: str | None = None
    reviewed_by: str | None = None
    release: ReleaseRequest | None = None
    released_at: str | None = None
    released_by: tuple[str, ...] = ()

    @property
    def is_standing(self) -> bool:
        """Whether it keeps what it covers."""
        return self.released_at is None

    def is_to_review(self, today: dt.date) -> bool:
        """Whether its day of review has come while it stands."""
        return self.is_standing and self.review_on <= today


@dataclass(frozen=True, slots=True)
class HoldFacts:
    """What the catalogue knows of a recording, as far as a scope asks for it.

    Args:
        take_mates: every recording of its take, itself included; empty where it is in none.
        cases: numbers of the cases that it is linked to.
        start, end: null before it is tagged.
        is_time_known: false where its time is only that of its docking.
        officers: those whose recorder it was, and those that its registration or its linked activities name.
        places: names of areas in which a part of its track lies, and of the places of its registration and cases.
        bounds: south, west, north, east of the good points of its track; null without one.
        datums: those of its track.
    """

    recording_id: str
    take_id: str | None = None
    take_mates: frozenset[str] = frozenset()
    cases: frozenset[str] = frozenset()
    start: dt.datetime | None = None
    end: dt.datetime | None = None
    is_time_known: bool = True
    officers: tuple[CaseOfficer, ...] = ()
    places: tuple[str, ...] = ()
    bounds: tuple[float, float, float, float] | None = None
    datums: tuple[str, ...] = ()


class Judgement(StrEnum):
    """Whether a scope covers a recording, by what is known of it."""

    COVERED = "covered"
    UNKNOWN = "unknown"
    """Nothing says whose it is, where or when it was made: a person must look."""
    NOT_COVERED = "not_covered"


def covers(scope: AnyScope, facts: HoldFacts) -> bool:
    """Whether a scope covers a recording."""
    return judged(scope, facts) is Judgement.COVERED


def judged(scope: AnyScope, facts: HoldFacts) -> Judgement:
    """Whether a scope covers a recording, or what is known does not tell."""
    match scope:
        case RecordingsScope():
            return _said(facts.recording_id in scope.recordings)
        case TakeScope():
            among = {facts.recording_id, *facts.take_mates}
            is_of_take = facts.take_id == scope.take_id or not among.isdisjoint(scope.recordings)
            return _said(is_of_take)
        case CaseScope():
            return _said(scope.number in facts.cases)
        case OfficerScope():
            who = any(_is_officer(scope, one) for one in facts.officers)
            return _within(scope, facts, None if not facts.officers else who)
        case PlaceScope():
            return _within(scope, facts, _is_at(scope, facts))


def _said(is_covered: bool) -> Judgement:
    return Judgement.COVERED if is_covered else Judgement.NOT_COVERED


def _within(scope: OfficerScope | PlaceScope, facts: HoldFacts, matches: bool | None) -> Judgement:
    """The rest agrees (null: nobody knows); does the time?"""
    if matches is False:
        return Judgement.NOT_COVERED
    if facts.start is None or facts.end is None:
        return Judgement.UNKNOWN
    if not scope.touches(facts.start, facts.end):
        # The time of a docking is not when it was made, only when that was past.
        is_open = not facts.is_time_known and facts.end >= scope.since
        return Judgement.UNKNOWN if is_open else Judgement.NOT_COVERED
    return Judgement.UNKNOWN if matches is None else Judgement.COVERED


def _is_officer(scope: OfficerScope, one: CaseOfficer) -> bool:
    if scope.certificate and one.certificate:
        return normal(scope.certificate) == normal(one.certificate)
    return normal(scope.name) == normal(one.name)


def _is_at(scope: PlaceScope, facts: HoldFacts) -> bool | None:
    if scope.area:
        if any(_is_place(scope.area, one) for one in facts.places):
            return True
        return False if facts.places else None
    if facts.bounds is None:
        return None
    apart_m = _apart_m(scope, facts.bounds)
    off_m = 0.0 if facts.datums and _SAME_DATUM.issuperset(facts.datums) else CONVERTED_APART_M
    return scope.radius_m is not None and apart_m <= (scope.radius_m + off_m) * _MARGIN


def _is_place(area: str, other: str) -> bool:
    shorter, longer = sorted((normal(area), normal(other)), key=len)
    return len(shorter) >= _SHORTEST_PLACE and shorter in longer


def _apart_m(scope: PlaceScope, bounds: Sequence[float]) -> float:
    """From the point to the nearest place of the box around a track: never more than to the track itself."""
    south, west, north, east = bounds
    latitude, longitude = scope.latitude or 0.0, scope.longitude or 0.0
    nearest = min(max(latitude, south), north), min(max(longitude, west), east)
    return distance_m(latitude, longitude, *nearest)
