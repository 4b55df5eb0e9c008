"""What people and case systems ask of the case register: typed requests, checked word by word."""

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
)

from ingestd.core.cases import AbsenceGround, ActivityKind, CaseFlag, CaseOfficer, Stage
from ingestd.core.fleet_acts import Text, Words

FIRST_YEAR, LAST_YEAR = 1980, 2199
"""Days outside are slips of the pen."""

CaseNumber = Annotated[str, StringConstraints(pattern=r"^[^\s,;\x00-\x1f\x7f]{1,64}$")]
ActivityId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
_LINES = r"^[^\x00-\x08\x0b-\x1f\x7f]*$"
Account = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000, pattern=_LINES)]


def _day(day: dt.date) -> dt.date:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(f"{day} is no day of this work; years go from {FIRST_YEAR} to {LAST_YEAR}")
    return day


def _moment(moment: dt.datetime) -> dt.datetime:
    _day(moment.date())
    return moment.astimezone(dt.UTC)


def _officer(value: Any) -> Any:
    if isinstance(value, str):
        name, _, certificate = value.partition("/")
        return {"name": name.strip(), "certificate": certificate.strip()}
    return value


Day = Annotated[dt.date, AfterValidator(_day)]
Moment = Annotated[AwareDatetime, AfterValidator(_moment)]


class OfficerWords(BaseModel):
    """An officer as a request names him; as one text it is `name/certificate`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Words
    certificate: Annotated[str, StringConstraints(pattern=r"^[^\s;\x00-\x1f\x7f]{0,64}$")] = ""

    @property
    def officer(self) -> CaseOfficer:
        """As the case has him."""
        return CaseOfficer(self.name, self.certificate)


Officers = Annotated[tuple[Annotated[OfficerWords, BeforeValidator(_officer)], ...], Field(max_length=50)]


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Words


class CaseFields(BaseModel):
    """What is said of a case; null leaves a field as it is, an empty text or list empties it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cause: Text | None = None
    category: Text | None = None
    stage: Stage | None = None
    parties: Annotated[tuple[Words, ...], Field(max_length=200)] | None = None
    place: Text | None = None
    officers: Officers | None = None
    unit: Text | None = None
    opened_on: Day | None = None
    concluded_on: Day | None = None
    closed_on: Day | None = None
    term_until: Day | None = None
    filing_due_on: Day | None = None
    filing_basis: Text | None = None
    flags: frozenset[CaseFlag] | None = None
    note: Account | None = None


class ActivityFields(BaseModel):
    """What is said of an activity; null leaves a field as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ActivityKind | None = None
    place: Text | None = None
    began_at: Moment | None = None
    ended_at: Moment | None = None
    officers: Officers | None = None
    is_uninterrupted: bool | None = None
    note: Account | None = None


class NamedActivity(ActivityFields):
    """An activity with its id in the case; a case system gives its own."""

    id: ActivityId


class Open(_Request, CaseFields):
    """Enter a case in the register."""

    do: Literal["open"] = "open"
    number: CaseNumber


ClearedField = Literal["opened_on", "concluded_on", "term_until", "filing_due_on"]


class Change(_Request, CaseFields):
    """Change what the register says of a case. `clear` empties days."""

    do: Literal["change"] = "change"
    number: CaseNumber
    clear: tuple[ClearedField, ...] = ()
    reason: Text = ""


class Put(_Request, CaseFields):
    """Have the register say this of a case, new or known: what an import or a case system sends. `source` names it.

    Activities that it does not name stay as they are. `clear` empties days: `closed_on` takes a filed case up again.
    """

    do: Literal["put"] = "put"
    number: CaseNumber
    clear: tuple[ClearedField | Literal["closed_on"], ...] = ()
    activities: Annotated[tuple[NamedActivity, ...], Field(max_length=500)] = ()
    source: Literal["import", "push"] = "import"


class Close(_Request):
    """The case file is filed (归档). `concluded_on` where the register has no such day yet."""

    do: Literal["close"] = "close"
    number: CaseNumber
    on: Day
    concluded_on: Day | None = None


class Reopen(_Request):
    """Take a filed case up again; every clock that its closing stopped runs again."""

    do: Literal["reopen"] = "reopen"
    number: CaseNumber
    reason: Words
    stage: Stage = Stage.INVESTIGATION


class EnterActivity(_Request, ActivityFields):
    """Enter an activity of a case, or change the one with this id. Without an id it gets the next one."""

    do: Literal["activity"] = "activity"
    number: CaseNumber
    activity_id: ActivityId | None = None
    reason: Text = ""


class RemoveActivity(_Request):
    """Take an activity out that never was; nothing may be linked to it."""

    do: Literal["remove_activity"] = "remove_activity"
    number: CaseNumber
    activity_id: ActivityId
    reason: Words


class EnterAbsence(_Request):
    """Say why an activity has no footage; a null ground takes that back."""

    do: Literal["absence"] = "absence"
    number: CaseNumber
    activity_id: ActivityId
    ground: AbsenceGround | None
    words: Account = ""


class Link(_Request):
    """Link footage to a case, or to one activity of it: a recording, a whole take or a whole docking.

    `is_evidence` null keeps the mark of what is linked already; what is new then is no evidence.
    """

    do: Literal["link"] = "link"
    number: CaseNumber
    activity_id: ActivityId | None = None
    what: Literal["recording", "take", "docking"] = "recording"
    named: Words
    is_evidence: bool | None = None


class Unlink(_Request):
    """Take a link away. Without an activity every link of that footage to the case goes."""

    do: Literal["unlink"] = "unlink"
    number: CaseNumber
    activity_id: ActivityId | None = None
    what: Literal["recording", "take", "docking"] = "recording"
    named: Words
    reason: Words


class PutComplaint(_Request):
    """Enter a complaint, or change what the register says of it; null leaves a field as it is."""

    do: Literal["complaint"] = "complaint"
    number: CaseNumber
    received_on: Day | None = None
    complainant: Text | None = None
    about: Account | None = None
    place: Text | None = None
    officers: Officers | None = None
    happened_from: Moment | None = None
    happened_until: Moment | None = None
    case_number: CaseNumber | Literal[""] | None = None
    unit: Text | None = None
    outcome: Account | None = None
    settled_on: Day | None = None


class PutUnit(_Request):
    """Enter a unit or an entrusted organisation, or change what the register says of it."""

    do: Literal["unit"] = "unit"
    name: Words
    parent: Text | None = None
    is_entrusted: bool | None = None
    basis: Text | None = None
    valid_from: Day | None = None
    valid_to: Day | None = None
    note: Account | None = None


CaseRequest = Open | Change | Put | Close | Reopen | EnterActivity | RemoveActivity | EnterAbsence
LinkRequest = Link | Unlink
RegisterRequest = PutComplaint | PutUnit
Request = CaseRequest | LinkRequest | RegisterRequest
REQUESTS: TypeAdapter[list[Request]] = TypeAdapter(list[Annotated[Request, Field(discriminator="do")]])
"""Reads requests from JSON."""
