"""What a person places or declines of the holds that complaints suggest, as fields of requests."""

from typing import Any

from ingestd.casework.hold_suggestions import HoldSuggestion, suggestion_of
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.holds import HoldReason
from ingestd.core.settings import Settings
from ingestd.wiring import open_cases, open_holds

Document = dict[str, Any]


def suggestion_for(settings: Settings, number: str) -> HoldSuggestion:
    """What one complaint suggests to hold.

    Raises:
        NotFoundError: there is no such complaint.
        RefusedError: it suggests nothing, or everything about it is decided.
    """
    register, book = open_cases(settings), open_holds(settings)
    complaint = register.complaint(number)
    if complaint is None:
        raise NotFoundError(f"complaint {number} is not in the register", "see: ingestd complaint list")
    found = suggestion_of(register, book, complaint, book.declined().get(number))
    if found is None:
        raise RefusedError(f"complaint {number} suggests no hold, or it is decided", "see: ingestd hold list --all")
    return found


def placing_fields(found: HoldSuggestion) -> list[Document]:
    """Fields of `core.hold_acts.Place`, one for each scope, without who places it and when it is looked at again."""
    complaint = found.complaint
    return [
        {
            "reason": HoldReason.DISPUTE,
            "scope": scope,
            "basis": f"complaint {complaint.number} · 投诉举报 {complaint.number}",
            "requester": complaint.complainant,
            "words": complaint.about,
            "complaint": complaint.number,
        }
        for scope in found.scopes
    ]


def declining_fields(found: HoldSuggestion) -> Document:
    """Fields of `core.hold_acts.Decline`, without who declines and why."""
    shown = tuple(row["recording_id"] for row, _ in found.footage)
    return {"complaint": found.complaint.number, "recordings": shown}
