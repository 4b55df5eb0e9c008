"""Cases, activities, complaints and units as JSON, in the ledger and in answers, and back."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from ingestd.core.cases import (
    Absence,
    AbsenceGround,
    Activity,
    ActivityKind,
    Case,
    CaseFlag,
    CaseOfficer,
    Complaint,
    Stage,
    Unit,
)
from ingestd.core.clock import from_text, to_text

Document = dict[str, Any]
_R = TypeVar("_R", Case, Activity, Complaint, Unit)

_CASE_FIELDS = tuple(field.name for field in fields(Case) if field.name not in ("activities", "entered_activities"))
_READ: Mapping[str, Callable[[Any], Any]] = {
    "stage": Stage,
    "kind": ActivityKind,
    "parties": tuple,
    "flags": lambda value: frozenset(CaseFlag(one) for one in value),
    "officers": lambda value: tuple(CaseOfficer(one["name"], one["certificate"]) for one in value),
    "absence": lambda value: value and Absence(**(value | {"ground": AbsenceGround(value["ground"])})),
    **dict.fromkeys(
        ("opened_on", "concluded_on", "closed_on", "term_until", "filing_due_on", "received_on", "settled_on"),
        lambda value: dt.date.fromisoformat(value) if value else None,
    ),
    **dict.fromkeys(("valid_from", "valid_to"), lambda value: dt.date.fromisoformat(value) if value else None),
    **dict.fromkeys(
        ("began_at", "ended_at", "happened_from", "happened_until"), lambda value: from_text(value) if value else None
    ),
}


def case_document(case: Case) -> Document:
    """What a case says of itself, without its activities."""
    return {name: plain(getattr(case, name)) for name in _CASE_FIELDS}


def document_of(one: Activity | Complaint | Unit) -> Document:
    """An activity, a complaint or a unit whole."""
    return {field.name: plain(getattr(one, field.name)) for field in fields(one)}


def with_document(one: _R, document: Mapping[str, Any]) -> _R:
    """The thing with what a document says of it; what the document does not name stays.

    Raises:
        ValueError, KeyError, TypeError: the document is none that this program wrote.
    """
    return replace(one, **{name: _READ.get(name, _as_it_is)(value) for name, value in document.items()})


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Document, Document]:
    """Of two documents what differs: as it was, and as it is."""
    names = [name for name in after if before.get(name) != after[name]]
    return {name: before.get(name) for name in names}, {name: after[name] for name in names}


def plain(value: Any) -> Any:
    """A value of these things as JSON has it."""
    match value:
        case dt.datetime():
            return to_text(value)
        case dt.date():
            return value.isoformat()
        case CaseOfficer():
            return {"name": value.name, "certificate": value.certificate}
        case Absence():
            return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        case frozenset():
            return sorted(str(one) for one in value)
        case tuple():
            return [plain(one) for one in value]
        case str():
            return str(value)
        case _:
            return value


def officer_documents(officers: Iterable[CaseOfficer]) -> list[Document]:
    """Officers as JSON has them."""
    return [plain(one) for one in officers]


def _as_it_is(value: Any) -> Any:
    return value
