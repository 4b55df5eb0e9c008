"""What people declare for the hand-over clock: field work and return, end of an activity, hand-in to the custodian.

A declaration speaks of named recordings, of a docking, or of what a recorder took in a span of time, also of footage
that comes in later. It marks; nothing is taken in or refused because of it.
"""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from ingestd.core.clock import from_text, to_text
from ingestd.core.custody import Act
from ingestd.core.errors import RefusedError
from ingestd.core.fleet_acts import Number, Text, Words
from ingestd.core.handover import FieldWork, FieldWorkRule, HandOverClock, StartEvent

MOST_DAYS_AHEAD = 366
"""A return may be declared before it happens, but not further ahead: that is a slip of the pen."""


class DeclarationKind(StrEnum):
    """What is declared."""

    FIELD_WORK = "field_work"
    ACTIVITY_END = "activity_end"
    HAND_IN = "hand_in"

    @property
    def words(self) -> str:
        """For people."""
        return _KIND_WORDS[self]


_KIND_WORDS = {
    DeclarationKind.FIELD_WORK: "field work, returned · 外出执法返回",
    DeclarationKind.ACTIVITY_END: "activity ended · 执法活动结束",
    DeclarationKind.HAND_IN: "handed in · 交至专职人员",
}


@dataclass(frozen=True, slots=True)
class Scope:
    """What a declaration speaks of: `recordings`, or a docking, or a recorder between `since` and `until`."""

    recordings: tuple[str, ...] = ()
    docking_id: str | None = None
    recorder: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "recordings": list(self.recordings),
            "docking_id": self.docking_id,
            "recorder": self.recorder,
            "since": to_text(self.since) if self.since else None,
            "until": to_text(self.until) if self.until else None,
        }

    def covers(
        self, *, recording_id: str, docking_id: str, recorder: str | None, start: dt.datetime, end: dt.datetime
    ) -> bool:
        """Whether a recording belongs to it; of a span, whether the recording touches it."""
        if recording_id in self.recordings or (self.docking_id is not None and docking_id == self.docking_id):
            return True
        if self.recorder is None or recorder != self.recorder or self.since is None or self.until is None:
            return False
        return start <= self.until and end >= self.since


def scope_of(document: dict[str, Any]) -> Scope:
    """From JSON."""
    return Scope(
        recordings=tuple(document["recordings"]),
        docking_id=document["docking_id"],
        recorder=document["recorder"],
        since=from_text(document["since"]) if document["since"] else None,
        until=from_text(document["until"]) if document["until"] else None,
    )


@dataclass(frozen=True, slots=True)
class Declaration:
    """A declaration as it stands. `at` is the declared moment: of return, of the end, or of hand-in."""

    declaration_id: int
    kind: DeclarationKind
    scope: Scope
    at: dt.datetime
    reason: str | None
    words: str
    declarant: str
    declared_at: dt.datetime
    entered_by: str
    withdrawn_at: str | None = None
    withdrawn_by: str | None = None
    withdrawn_reason: str | None = None

    @property
    def field_work(self) -> FieldWork:
        """As the clock takes it."""
        return FieldWork(
            declaration=self.declaration_id,
            reason=self.reason,
            words=self.words,
            returned_at=self.at,
            declared_at=self.declared_at,
            declared_by=self.declarant,
        )


def _in_our_time(moment: dt.datetime) -> dt.datetime:
    if not 1980 <= moment.year <= 2199:
        raise ValueError(f"{moment} is no time of this work; years go from 1980 to 2199")
    return moment.astimezone(dt.UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_in_our_time)]


class Declare(BaseModel):
    """Declare one thing about recordings, a docking, or a recorder in a span of time.

    `at`: when they returned, the activity ended, or it was handed in. `declarant`: who declares, if not `by`, who
    enters it. `until` null: until `at`. `recordings` and `docking` may be the last digits of the ids.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    do: Literal["declare"] = "declare"
    by: Words
    kind: DeclarationKind
    at: Moment
    recordings: Annotated[tuple[Words, ...], Field(max_length=1000)] = ()
    docking: Words | None = None
    recorder: Number | None = None
    since: Moment | None = None
    until: Moment | None = None
    reason: Words | None = None
    words: Text = ""
    declarant: Text = ""

    @model_validator(mode="after")
    def _speaks_of_one_thing(self) -> Self:
        if sum((bool(self.recordings), self.docking is not None, self.recorder is not None)) != 1:
            raise ValueError("name either recordings, a docking, or a recorder")
        if (self.recorder is not None) != (self.since is not None):
            raise ValueError("a recorder needs the time since when (since); recordings and a docking take none")
        if self.until is not None and self.since is None:
            raise ValueError("until needs since")
        if self.since is not None and (self.until or self.at) < self.since:
            raise ValueError("the span ends before it begins")
        return self


class Withdraw(BaseModel):
    """Take a declaration back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    do: Literal["withdraw"] = "withdraw"
    by: Words
    declaration: Annotated[int, Field(ge=1)]
    reason: Words


Request = Declare | Withdraw
REQUESTS: TypeAdapter[list[Request]] = TypeAdapter(list[Annotated[Request, Field(discriminator="do")]])
"""Reads requests from JSON."""


def declaring_act(request: Declare, scope: Scope, clock: HandOverClock | None, now: dt.datetime) -> Act:
    """The act of a declaration.

    Args:
        scope: what the request names, with whole ids.
        clock: of the bureau's regime; null where it has none.

    Raises:
        RefusedError: the regime knows no such thing, or the moment or the reason cannot be.
    """
    _signed(request.by)
    if clock is None:
        raise RefusedError("this regime has no hand-over clock; there is nothing to declare for it")
    rule = _rule_for(request, clock)
    if request.kind is not DeclarationKind.FIELD_WORK and request.at > now:
        raise RefusedError(f"{to_text(request.at)} has not come yet", "declare it once it has happened")
    if request.at > now + dt.timedelta(days=MOST_DAYS_AHEAD):
        raise RefusedError(f"{to_text(request.at)} is more than {MOST_DAYS_AHEAD} days ahead", "check the year")
    data = {
        "kind": request.kind.value,
        "scope": scope.document(),
        "at": to_text(request.at),
        "reason": request.reason,
        "words": request.words,
        "declarant": request.declarant or request.by,
        "article": rule.article if rule is not None else clock.article,
        "condition": rule.condition if rule is not None else None,
    }
    subject = scope.docking_id or scope.recorder or (scope.recordings[0] if len(scope.recordings) == 1 else None)
    return Act(act="handover.declared", actor=request.by, subject=subject, data=data)


def _rule_for(request: Declare, clock: HandOverClock) -> FieldWorkRule | None:
    """The exception that is claimed; null for the other kinds, which the regime must know too."""
    match request.kind:
        case DeclarationKind.FIELD_WORK:
            return _field_work_rule(request, clock)
        case DeclarationKind.ACTIVITY_END if clock.starts is not StartEvent.ACTIVITY_END:
            message = "the clock of this regime does not start with the end of the activity"
            raise RefusedError(message, f"it starts with: {clock.starts.value}")
        case DeclarationKind.HAND_IN if clock.hand_in is None:
            raise RefusedError("this regime has no stage of hand-in; the docking counts")
    if request.reason is not None:
        raise RefusedError("reasons belong to field work only", "say it in words: --words")
    return None


def _field_work_rule(request: Declare, clock: HandOverClock) -> FieldWorkRule:
    rule = clock.field_work
    if rule is None:
        source = clock.article or "local policy · 本单位规定"
        raise RefusedError(
            f"this regime has no exception for field work ({source})", "hand over within the ordinary time"
        )
    if rule.is_free_text:
        if request.reason is not None or not request.words:
            raise RefusedError(f"{rule.article or 'the rule'} names no reasons: give it in words", "write --words …")
    elif request.reason is None or rule.reason(request.reason) is None:
        known = ", ".join(f"{one.id} ({one.zh})" for one in rule.reasons)
        raise RefusedError(f"field work needs one of the reasons of {rule.article or 'the rule'}", f"write: {known}")
    return rule


def withdrawing_act(request: Withdraw, standing: Declaration | None) -> Act:
    """The act that takes a declaration back.

    Raises:
        RefusedError: it does not stand.
    """
    _signed(request.by)
    if standing is None or standing.withdrawn_at is not None:
        raise RefusedError(f"declaration {request.declaration} does not stand", "see: ingestd handover declarations")
    before = {"kind": standing.kind.value, "at": to_text(standing.at), "scope": standing.scope.document()}
    data = {"declaration": request.declaration, "reason": request.reason, "before": before}
    return Act(act="handover.declaration_withdrawn", actor=request.by, subject=str(request.declaration), data=data)


def _signed(by: str) -> None:
    if by == "station":
        raise RefusedError("an act of a person cannot be signed `station`", "give the name of who does it: --by")
