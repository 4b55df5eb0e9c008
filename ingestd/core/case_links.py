"""Links between footage and cases, the complaint register and the register of units: acts, and what they make."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ingestd.core.case_acts import refuse_station
from ingestd.core.case_documents import changes, document_of, plain, with_document
from ingestd.core.case_requests import Link, PutComplaint, PutUnit, Unlink
from ingestd.core.cases import Case, CaseLink, Complaint, Unit
from ingestd.core.custody import Act
from ingestd.core.errors import NotFoundError, RefusedError

Key = tuple[str, str | None]
"""A recording and the activity, or null for the case as a whole."""


def linking_act(request: Link, case: Case, recordings: Sequence[str], standing: Mapping[Key, bool]) -> Act | None:
    """The act that links footage to a case; null where every link stands so already.

    Args:
        recordings: what the request names, in order.
        standing: evidence marks of the links of this case.

    Raises:
        NotFoundError: the case has no such activity, or nothing answers to the name.
        RefusedError: signed as the station.
    """
    refuse_station(request.by)
    _refuse_unknown(case, request.activity_id)
    if not recordings:
        raise NotFoundError(f"{request.what} {request.named!r} has no recording", "see: ingestd list")
    marks: dict[str, bool] = {}
    before: dict[str, bool | None] = {}
    for recording in recordings:
        mark = standing.get((recording, request.activity_id))
        wanted = bool(mark) if request.is_evidence is None else request.is_evidence
        if mark is None or mark is not wanted:
            before[recording], marks[recording] = mark, wanted
    if not marks:
        return None
    data = {
        "activity_id": request.activity_id,
        "via": {"what": request.what, "named": request.named},
        "before": before,
        "after": marks,
    }
    return Act(act="case.linked", actor=request.by, subject=case.number, data=data)


def unlinking_act(request: Unlink, case: Case, recordings: Iterable[str], standing: Mapping[Key, bool]) -> Act:
    """The act that takes links away, with the reason.

    Raises:
        NotFoundError: none of the footage is linked so.
        RefusedError: signed as the station.
    """
    refuse_station(request.by)
    among = set(recordings)
    gone = [
        {"recording_id": recording, "activity_id": activity, "is_evidence": mark}
        for (recording, activity), mark in sorted(standing.items(), key=lambda one: (one[0][0], one[0][1] or ""))
        if recording in among and (request.activity_id is None or activity == request.activity_id)
    ]
    if not gone:
        what = f"{request.what} {request.named!r} is not linked to case {case.number}"
        where = f", activity {request.activity_id}" if request.activity_id else ""
        raise NotFoundError(what + where, f"see: ingestd case show {case.number}")
    data = {"before": gone, "reason": request.reason}
    return Act(act="case.unlinked", actor=request.by, subject=case.number, data=data)


def touched_by(act: Act) -> list[str]:
    """Recordings whose links an act makes, changes or ends."""
    if act.act == "case.linked":
        return list(act.data["after"])
    if act.act == "case.unlinked":
        return list(dict.fromkeys(one["recording_id"] for one in act.data["before"]))
    return []


def marks_of(links: Iterable[CaseLink]) -> dict[Key, bool]:
    """Evidence marks of links by recording and activity."""
    return {(one.recording_id, one.activity_id): one.is_evidence for one in links}


def marks_after(standing: Mapping[Key, bool], act: Act) -> dict[Key, bool]:
    """The evidence marks of a case's links after an act."""
    if act.act == "case.linked":
        made = {(recording, act.data["activity_id"]): mark for recording, mark in act.data["after"].items()}
        return {**standing, **made}
    gone = {(one["recording_id"], one["activity_id"]) for one in act.data["before"]}
    return {key: mark for key, mark in standing.items() if key not in gone}


def complaint_act(request: PutComplaint, standing: Complaint | None, case_numbers: frozenset[str]) -> Act | None:
    """The act that enters or changes a complaint; null where it is so already.

    Args:
        case_numbers: those of the request that the register knows.

    Raises:
        NotFoundError: it names a case that the register does not know.
        RefusedError: its times contradict each other, or it is signed as the station.
    """
    refuse_station(request.by)
    said = _said(request, "number")
    if request.case_number and request.case_number not in case_numbers:
        advice = f"enter it first: ingestd case add {request.case_number}"
        raise NotFoundError(f"case {request.case_number} is not in the register", advice)
    if standing is None:
        if request.received_on is None:
            raise RefusedError("a complaint needs the day on which it was received", "give it: --received 2026-03-02")
        entered = with_document(Complaint(request.number, request.received_on), said)
        _refuse_contradiction(entered)
        data = {"after": _without(entered, "number")}
        return Act(act="complaint.entered", actor=request.by, subject=request.number, data=data)
    before, after = changes(document_of(standing), said)
    if not after:
        return None
    _refuse_contradiction(with_document(standing, after))
    data = {"before": before, "after": after}
    return Act(act="complaint.changed", actor=request.by, subject=request.number, data=data)


def complaint_after(standing: Complaint | None, act: Act) -> Complaint:
    """A complaint after an act about it.

    Raises:
        NotFoundError, RefusedError: the act cannot follow.
    """
    number = str(act.subject)
    if act.act == "complaint.entered":
        if standing is not None:
            raise RefusedError(f"complaint {number} is in the register already")
        received_on = dt.date.fromisoformat(act.data["after"]["received_on"])
        return with_document(Complaint(number, received_on), act.data["after"])
    if standing is None:
        raise NotFoundError(f"complaint {number} is not in the register")
    return with_document(standing, act.data["after"])


def unit_act(request: PutUnit, standing: Unit | None, units: Mapping[str, Unit]) -> Act | None:
    """The act that enters or changes a unit; null where it is so already.

    Raises:
        NotFoundError: the unit above it is not in the register.
        RefusedError: units would stand above each other in a circle, days contradict each other, or the station signs.
    """
    refuse_station(request.by)
    said = _said(request, "name")
    after_all = with_document(standing or Unit(request.name), said)
    _refuse_circle(after_all, units)
    if after_all.valid_from and after_all.valid_to and after_all.valid_to < after_all.valid_from:
        raise RefusedError("valid_to lies before valid_from", "correct one of the two days")
    if standing is None:
        data = {"after": _without(after_all, "name")}
        return Act(act="unit.entered", actor=request.by, subject=request.name, data=data)
    before, after = changes(document_of(standing), said)
    if not after:
        return None
    return Act(act="unit.changed", actor=request.by, subject=request.name, data={"before": before, "after": after})


def unit_after(standing: Unit | None, act: Act) -> Unit:
    """A unit after an act about it.

    Raises:
        NotFoundError, RefusedError: the act cannot follow.
    """
    name = str(act.subject)
    if (standing is None) != (act.act == "unit.entered"):
        known = "is in the register already" if standing is not None else "is not in the register"
        raise RefusedError(f"unit {name} {known}")
    return with_document(standing or Unit(name), act.data["after"])


def _refuse_circle(unit: Unit, units: Mapping[str, Unit]) -> None:
    above, seen = unit.parent, {unit.name}
    while above:
        if above in seen:
            raise RefusedError(f"unit {unit.name} would stand above itself", "give another unit above it: --parent")
        if above not in units:
            advice = f"enter it first: ingestd unit add {above}"
            raise NotFoundError(f"unit {above} is not in the register", advice)
        seen.add(above)
        above = units[above].parent


def _refuse_unknown(case: Case, activity_id: str | None) -> None:
    if activity_id is not None and case.activity(activity_id) is None:
        known = ", ".join(one.activity_id for one in case.activities) or "none yet"
        raise NotFoundError(f"case {case.number} has no activity {activity_id}", f"its activities: {known}")


def _refuse_contradiction(complaint: Complaint) -> None:
    start, end = complaint.happened_from, complaint.happened_until
    if start is not None and end is not None and end < start:
        raise RefusedError("happened_until lies before happened_from", "correct one of the two times")
    if complaint.settled_on is not None and complaint.settled_on < complaint.received_on:
        raise RefusedError("settled_on lies before received_on", "correct one of the two days")


def _said(request: PutComplaint | PutUnit, name: str) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for key in type(request).model_fields:
        value = getattr(request, key)
        if key in ("do", "by", name) or value is None:
            continue
        said[key] = [plain(one.officer) for one in value] if key == "officers" else plain(value)
    if said.get("case_number") == "":
        said["case_number"] = None
    return said


def _without(one: Complaint | Unit, name: str) -> dict[str, Any]:
    return {key: value for key, value in document_of(one).items() if key != name}
