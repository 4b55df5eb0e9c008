"""What people ask of the registers of disclosure and of non-duty footage, and the acts that follow.

The same `applied` serves the asking side and the catalogue. Every act of a change holds what was before and after.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from ingestd.core.case_acts import refuse_station
from ingestd.core.case_requests import Account, CaseNumber, Day
from ingestd.core.custody import Act
from ingestd.core.disclosures import (
    MOST_EXTENSION_WORKDAYS,
    Consultation,
    Disclosure,
    Ground,
    Outcome,
    disclosure_document,
    disclosure_of,
    plain,
    with_document,
)
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.fleet_acts import Text, Words
from ingestd.core.nonduty import NonDutyNote, Verdict

DISCLOSURE_ACTS = (
    "disclosure.entered",
    "disclosure.changed",
    "disclosure.extended",
    "disclosure.consulted",
    "disclosure.answered",
    "disclosure.delivered",
    "disclosure.withdrawn",
)
"""The acts about requests for disclosure."""
NONDUTY_ACTS = ("nonduty.noted", "nonduty.settled")
"""The acts about footage that may not be of duty."""

_SEE = "see: ingestd disclosure list"
_NEEDS_GROUND = (Outcome.PART, Outcome.REFUSED, Outcome.UNAVAILABLE, Outcome.NOT_PROCESSED)


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Words


class _Numbered(_Request):
    number: CaseNumber


class EnterDisclosure(_Numbered):
    """Enter a request for disclosure."""

    do: Literal["disclosure_enter"] = "disclosure_enter"
    received_on: Day
    applicant: Words
    asked: Annotated[Account, Field(min_length=1)]
    unit: Text = ""
    note: Account = ""


class ChangeDisclosure(_Numbered):
    """Change what the register says; null leaves a field as it is. A completed request is received anew (第三十条)."""

    do: Literal["disclosure_change"] = "disclosure_change"
    received_on: Day | None = None
    applicant: Words | None = None
    asked: Annotated[Account, Field(min_length=1)] | None = None
    unit: Text | None = None
    note: Account | None = None
    reason: Words


class ExtendDisclosure(_Numbered):
    """The term is made longer, with the agreement of the head of the office for disclosure (第三十三条第二款)."""

    do: Literal["disclosure_extend"] = "disclosure_extend"
    on: Day
    workdays: Annotated[int, Field(ge=1, le=MOST_EXTENSION_WORKDAYS)] = MOST_EXTENSION_WORKDAYS
    reason: Words
    agreed_by: Words
    told_on: Day | None = None


class ConsultDisclosure(_Numbered):
    """A third party is asked from a day on, or its answer came: then `until` is given (第三十三条第三款)."""

    do: Literal["disclosure_consult"] = "disclosure_consult"
    whom: Words
    since: Day
    until: Day | None = None


class AnswerDisclosure(_Numbered):
    """The request is answered. `correction` says why, where an answer that was entered is put right."""

    do: Literal["disclosure_answer"] = "disclosure_answer"
    on: Day
    outcome: Outcome
    ground: Ground | None = None
    answer: Account = ""
    recordings: Annotated[tuple[Words, ...], Field(max_length=500)] = ()
    redactions: Annotated[tuple[Words, ...], Field(max_length=500)] = ()
    correction: Text = ""


class DeliverDisclosure(_Numbered):
    """The answer reached the applicant."""

    do: Literal["disclosure_deliver"] = "disclosure_deliver"
    on: Day
    how: Words


class WithdrawDisclosure(_Numbered):
    """The applicant took the request back."""

    do: Literal["disclosure_withdraw"] = "disclosure_withdraw"
    on: Day
    reason: Words


class NoteNonDuty(_Request):
    """Note that a recording may not be of duty. `recording` is its id, the last digits of it, or its file name."""

    do: Literal["nonduty_note"] = "nonduty_note"
    recording: Words
    reason: Words


class SettleNonDuty(_Request):
    """A second person looked, and says what it is. `note` is the note's number."""

    do: Literal["nonduty_settle"] = "nonduty_settle"
    note: Annotated[int, Field(ge=1)]
    verdict: Verdict
    words: Words


DisclosureRequest = (
    EnterDisclosure
    | ChangeDisclosure
    | ExtendDisclosure
    | ConsultDisclosure
    | AnswerDisclosure
    | DeliverDisclosure
    | WithdrawDisclosure
)
NonDutyRequest = NoteNonDuty | SettleNonDuty
Request = DisclosureRequest | NonDutyRequest
REQUESTS: TypeAdapter[list[Request]] = TypeAdapter(list[Annotated[Request, Field(discriminator="do")]])
"""Reads requests from JSON."""


def disclosure_act(
    request: DisclosureRequest, standing: Disclosure | None, recordings: Sequence[str], today: dt.date
) -> Act:
    """The act that a request asks for.

    Args:
        standing: what the register has; null for nothing.
        recordings: whole ids of those that the request names.
        today: the bureau's own day.

    Raises:
        NotFoundError: there is no such request.
        RefusedError: it cannot be done so.
    """
    refuse_station(request.by)
    if isinstance(request, EnterDisclosure):
        if standing is not None:
            raise RefusedError(f"request {request.number} is in the register already", _SEE)
        _refuse_day("received_on", request.received_on, None, today)
        said = request.model_dump(mode="json", exclude={"do", "by", "number"})
        entered = with_document(Disclosure(request.number, request.received_on), said)
        after = {name: value for name, value in disclosure_document(entered).items() if name != "number"}
        return Act(act="disclosure.entered", actor=request.by, subject=request.number, data={"after": after})
    one = _registered(standing, request.number)
    by, number = request.by, one.number
    match request:
        case ChangeDisclosure():
            data = _data(one, _change(request, one, today), request.reason)
            return Act(act="disclosure.changed", actor=by, subject=number, data=data)
        case ExtendDisclosure():
            data = _data(one, _extension(request, one, today), request.reason)
            return Act(act="disclosure.extended", actor=by, subject=number, data=data)
        case ConsultDisclosure():
            data = _data(one, _consultation(request, one, today))
            return Act(act="disclosure.consulted", actor=by, subject=number, data=data)
        case AnswerDisclosure():
            data = _data(one, _answer(request, one, recordings, today), request.correction)
            return Act(act="disclosure.answered", actor=by, subject=number, data=data)
        case DeliverDisclosure():
            data = _data(one, _delivery(request, one, today))
            return Act(act="disclosure.delivered", actor=by, subject=number, data=data)
        case WithdrawDisclosure():
            data = _data(one, _withdrawal(request, one, today))
            return Act(act="disclosure.withdrawn", actor=by, subject=number, data=data)


def disclosure_after(standing: Disclosure | None, act: Act) -> Disclosure:
    """A request for disclosure after an act about it.

    Raises:
        NotFoundError, RefusedError: the act cannot follow.
    """
    number = str(act.subject)
    if act.act == "disclosure.entered":
        if standing is not None:
            raise RefusedError(f"request {number} is in the register already")
        return disclosure_of({"number": number, **act.data["after"]})
    return with_document(_registered(standing, number), act.data["after"])


def note_act(request: NoteNonDuty, recording_id: str, docking_id: str, notes: Sequence[NonDutyNote]) -> Act:
    """The act by which somebody notes a recording.

    Args:
        notes: of the recording.

    Raises:
        RefusedError: a note waits for a second look already, or the station signs.
    """
    refuse_station(request.by)
    waiting = next((one for one in notes if one.verdict is None), None)
    if waiting is not None:
        raise RefusedError(
            f"the recording was noted already by {waiting.noted_by}", "have a second person look at that note"
        )
    data = {"docking_id": docking_id, "reason": request.reason}
    return Act(act="nonduty.noted", actor=request.by, subject=recording_id, data=data)


def settling_act(request: SettleNonDuty, note: NonDutyNote, docking_id: str) -> Act:
    """The act by which a second person says what a noted recording is.

    Raises:
        RefusedError: it is settled, or the same person would judge the own note.
    """
    refuse_station(request.by)
    if note.verdict is not None:
        raise RefusedError(f"note {note.note_id} was settled by {note.settled_by}")
    if note.noted_by == request.by:
        raise RefusedError("whoever noted it does not judge it as well", "have a second person look")
    data: dict[str, Any] = {"docking_id": docking_id, "note": note.note_id}
    data |= {"verdict": request.verdict.value, "words": request.words}
    return Act(act="nonduty.settled", actor=request.by, subject=note.recording_id, data=data)


def _data(one: Disclosure, said: dict[str, Any], reason: str = "") -> dict[str, Any]:
    """What an act of a change holds.

    Raises:
        RefusedError: everything is so already.
    """
    known = disclosure_document(one)
    after = {name: value for name, value in said.items() if known[name] != value}
    if not after:
        raise RefusedError(f"request {one.number} says so already", _SEE)
    return {"before": {name: known[name] for name in after}, "after": after, "reason": reason}


def _change(request: ChangeDisclosure, one: Disclosure, today: dt.date) -> dict[str, Any]:
    _refuse_settled(one)
    if request.received_on is not None:
        _refuse_day("received_on", request.received_on, None, today)
    return request.model_dump(mode="json", exclude={"do", "by", "number", "reason"}, exclude_none=True)


def _delivery(request: DeliverDisclosure, one: Disclosure, today: dt.date) -> dict[str, Any]:
    if one.answered_on is None:
        raise RefusedError(f"request {one.number} is not answered yet", "enter the answer first")
    _refuse_day("on", request.on, one.answered_on, today)
    return {"delivered_on": plain(request.on), "delivered_how": request.how}


def _withdrawal(request: WithdrawDisclosure, one: Disclosure, today: dt.date) -> dict[str, Any]:
    _refuse_settled(one)
    _refuse_day("on", request.on, one.received_on, today)
    return {"withdrawn_on": plain(request.on), "withdrawn_reason": request.reason}


def _extension(request: ExtendDisclosure, one: Disclosure, today: dt.date) -> dict[str, Any]:
    _refuse_settled(one)
    if one.extension_workdays:
        raise RefusedError(
            f"the term of request {one.number} was made longer already", "it can be once (第三十三条第二款)"
        )
    _refuse_day("on", request.on, one.received_on, today)
    if request.told_on is not None:
        _refuse_day("told_on", request.told_on, request.on, today)
    return {
        "extension_workdays": request.workdays,
        "extension_reason": request.reason,
        "extension_agreed_by": request.agreed_by,
        "extended_on": plain(request.on),
        "extension_told_on": plain(request.told_on),
    }


def _consultation(request: ConsultDisclosure, one: Disclosure, today: dt.date) -> dict[str, Any]:
    _refuse_settled(one)
    _refuse_day("since", request.since, one.received_on, today)
    if request.until is not None:
        _refuse_day("until", request.until, request.since, today)
    known = [asked for asked in one.consultations if (asked.whom, asked.since) != (request.whom, request.since)]
    ended = next((asked for asked in one.consultations if asked not in known), None)
    if ended is not None and ended.until is not None:
        raise RefusedError(f"{request.whom} answered on {ended.until} already")
    asked = [*known, Consultation(request.whom, request.since, request.until)]
    return {"consultations": plain(tuple(sorted(asked, key=lambda each: (each.since, each.whom))))}


def _answer(request: AnswerDisclosure, one: Disclosure, recordings: Sequence[str], today: dt.date) -> dict[str, Any]:
    if one.withdrawn_on is not None or (one.answered_on is not None and not request.correction):
        _refuse_settled(one)
    _refuse_day("on", request.on, one.received_on, today)
    if request.outcome in _NEEDS_GROUND and request.ground is None:
        raise RefusedError(f"an answer `{request.outcome.words}` needs its ground", "say why, by article")
    if request.outcome is Outcome.FULL and request.ground is not None:
        raise RefusedError(
            "what is disclosed whole needs no ground against it", "leave the ground out, or say: in part"
        )
    if any(asked.until is None for asked in one.consultations):
        asked = next(asked.whom for asked in one.consultations if asked.until is None)
        raise RefusedError(f"{asked} is still being asked", "enter the day of the answer first")
    return {
        "answered_on": plain(request.on),
        "outcome": request.outcome.value,
        "ground": request.ground.value if request.ground is not None else None,
        "answer": request.answer,
        "recordings": list(dict.fromkeys(recordings)),
        "redactions": list(dict.fromkeys(request.redactions)),
    }


def _registered(one: Disclosure | None, number: str) -> Disclosure:
    if one is None:
        raise NotFoundError(f"request {number} is not in the register of disclosure", _SEE)
    return one


def _refuse_settled(one: Disclosure) -> None:
    if one.answered_on is not None:
        raise RefusedError(
            f"request {one.number} was answered on {one.answered_on}", "correct the answer with a reason"
        )
    if one.withdrawn_on is not None:
        raise RefusedError(f"request {one.number} was withdrawn on {one.withdrawn_on}")


def _refuse_day(name: str, day: dt.date, earliest: dt.date | None, today: dt.date) -> None:
    if day > today:
        raise RefusedError(f"{name} = {day} lies in the future", "give the day on which it was")
    if earliest is not None and day < earliest:
        raise RefusedError(f"{name} = {day} lies before {earliest}", "correct one of the two days")


def settled(note: NonDutyNote, act: Act, time: str) -> NonDutyNote:
    """A note after the second look."""
    verdict = Verdict(act.data["verdict"])
    return replace(note, verdict=verdict, settled_by=act.actor, settled_at=time, words=act.data["words"])
