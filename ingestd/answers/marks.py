"""How listings show that footage is held apart or waits for a person."""

from typing import Any

from ingestd.stores.search import Row

QUARANTINED = "quarantined · 已隔离"
DOUBTED = "to be settled · 待处理"


def admission_document(row: Row) -> dict[str, Any]:
    """How a docking, or the one that brought a recording or finding, was admitted.

    `is_quarantined` and `waits_for_person` are as of now; `settled` is null until a person said something.
    """
    is_settled = row["admission_settled_at"] is not None
    was_quarantined = bool(row["admission_is_quarantined"])
    settled = {
        "at": row["admission_settled_at"],
        "by": row["admission_settled_by"],
        "recorder_id": row["admission_settled_recorder"],
        "reason": row["admission_settled_reason"],
    }
    return {
        "is_quarantined": was_quarantined and not is_settled,
        "waits_for_person": (was_quarantined or bool(row["admission_is_conflicting"])) and not is_settled,
        "reason": row["admission_reason"] or "",
        "settled": settled if is_settled else None,
    }


def officers_of(tags: dict[str, Any], admission: dict[str, Any]) -> list[dict[str, Any]]:
    """The officers of a recording, doubtful where sources disagree, or while it is not settled whose recorder it was.

    A person may have settled it for another recorder: then those named for this one are doubtful for good.
    """
    settled = admission["settled"]
    is_another = settled is not None and settled["recorder_id"] not in (None, tags.get("device"))
    is_doubtful = admission["waits_for_person"] or is_another
    return [one | {"is_doubtful": is_doubtful or one.get("is_doubtful", False)} for one in tags.get("officers", [])]


def officer_words(officers: list[dict[str, Any]], *, has_certificate: bool = False) -> str:
    """Names, with certificate numbers where wanted, each with a question mark where it is doubtful."""
    words = []
    for one in officers:
        certificate = f" ({one['certificate']})" if has_certificate else ""
        words.append(f"{one['officer']}{certificate}{' (?)' if one['is_doubtful'] else ''}")
    return ", ".join(words) or "–"


def mark_of(admission: dict[str, Any]) -> str:
    """The mark in a table; empty for what is ordinary or settled."""
    if admission["is_quarantined"]:
        return QUARANTINED
    return DOUBTED if admission["waits_for_person"] else ""


def words_of_admission(admission: dict[str, Any]) -> str:
    """Mark, reason, and how a person settled it; empty for an ordinary docking."""
    settled = admission["settled"]
    if settled is not None:
        whose = f"of recorder {settled['recorder_id']}" if settled["recorder_id"] else "accepted as it stands"
        return f"settled · 已处理: {whose}, by {settled['by']}: {settled['reason']} (it was: {admission['reason']})"
    mark = mark_of(admission)
    return f"{mark}: {admission['reason']}" if mark else ""


def without_marks(row: Row) -> Row:
    """A row without the columns that `admission_document` reads."""
    return {key: value for key, value in row.items() if not key.startswith("admission_")}
