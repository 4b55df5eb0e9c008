"""Holds that complaints suggest (民宗 21(一), 江门 44(一)): what a person still has to decide, with the reasons."""

from collections.abc import Iterable
from dataclasses import dataclass

from ingestd.casework.case_questions import footage_of_complaint
from ingestd.core.case_suggestions import NEAR, SuggestionReason
from ingestd.core.cases import Complaint
from ingestd.core.holds import AnyScope, CaseScope, Judgement, OfficerScope, PlaceScope, RecordingsScope
from ingestd.stores.cases import CaseRegister, Row
from ingestd.stores.holds import HoldBook

_SHORTEST_PLACE = 2


@dataclass(frozen=True, slots=True)
class HoldSuggestion:
    """What a complaint suggests to hold.

    Args:
        scopes: what to place; each catches what comes later too, but for recordings that only stand near.
        footage: what it suggests and no hold for it caught yet, nor a person declined, with the reasons.
        holds: numbers of the holds that were placed for it, released ones too.
    """

    complaint: Complaint
    scopes: tuple[AnyScope, ...]
    footage: tuple[tuple[Row, tuple[SuggestionReason, ...]], ...]
    holds: tuple[str, ...]


def open_suggestions(register: CaseRegister, book: HoldBook, complaints: Iterable[Complaint]) -> list[HoldSuggestion]:
    """The complaints about which nobody decided yet, or for which footage came since; in the order given."""
    declined = book.declined()
    found = [suggestion_of(register, book, one, declined.get(one.number)) for one in complaints]
    return [one for one in found if one is not None]


def suggestion_of(
    register: CaseRegister, book: HoldBook, complaint: Complaint, declined: frozenset[str] | None = None
) -> HoldSuggestion | None:
    """What a complaint suggests to hold; null where it names nothing, or everything about it is decided.

    Args:
        declined: recordings for which a person decided that they need no hold; null where nobody said anything.
    """
    holds = book.of_complaint(complaint.number)
    decided = {recording for hold in holds for recording in book.recordings_of(hold.hold_id)} | (
        declined or frozenset()
    )
    suggested = footage_of_complaint(register, complaint)
    footage = tuple((row, reasons) for row, reasons in suggested if row["recording_id"] not in decided)
    is_decided = bool(holds) or declined is not None
    if is_decided and not footage:
        return None
    scopes = scopes_of(complaint)
    covered = {
        recording
        for scope in scopes
        for recording, told in book.judged(scope).items()
        if told is Judgement.COVERED
    }  # fmt: skip
    rest = tuple(row["recording_id"] for row, _ in footage if row["recording_id"] not in covered)
    if is_decided:
        # A scope that stands, or that a person ended, is not placed a second time.
        placed = [hold.scope for hold in holds]
        scopes = tuple(one for one in scopes if one not in placed and covered.intersection(_ids(footage)))
    if rest:
        scopes = (*scopes, RecordingsScope(recordings=rest))
    if not scopes:
        return None
    return HoldSuggestion(complaint, scopes, footage, tuple(hold.hold_id for hold in holds))


def scopes_of(complaint: Complaint) -> tuple[AnyScope, ...]:
    """The scopes that a complaint names: its case; else, and besides, its officers or its place around its time."""
    scopes: list[AnyScope] = []
    if complaint.case_number is not None:
        scopes.append(CaseScope(number=complaint.case_number))
    if complaint.happened_from is not None:
        since = complaint.happened_from - NEAR
        until = (complaint.happened_until or complaint.happened_from) + NEAR
        if complaint.officers:
            scopes += [
                OfficerScope(name=one.name, certificate=one.certificate, since=since, until=until)
                for one in complaint.officers
            ]
        elif len(complaint.place.strip()) >= _SHORTEST_PLACE:
            scopes.append(PlaceScope(area=complaint.place.strip(), since=since, until=until))
    return tuple(scopes)


def _ids(footage: Iterable[tuple[Row, tuple[SuggestionReason, ...]]]) -> set[str]:
    return {row["recording_id"] for row, _ in footage}
