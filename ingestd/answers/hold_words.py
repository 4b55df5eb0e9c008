"""Holds and carriers as people and programs read them."""

from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from ingestd.answers.texts import counted, local_time
from ingestd.core.clock import to_text
from ingestd.core.hold_acts import hold_document
from ingestd.core.holds import (
    AnyScope,
    CaseScope,
    Hold,
    OfficerScope,
    PlaceScope,
    RecordingsScope,
    TakeScope,
)

Document = dict[str, Any]

ACT_WORDS = {
    "hold.placed": "placed · 登记",
    "hold.reviewed": "reviewed · 复核",
    "hold.release_requested": "release asked for · 申请解除",
    "hold.release_approved": "release approved, more needed · 同意解除（尚须他人批准）",
    "hold.release_refused": "release refused · 不予解除",
    "hold.released": "released · 解除",
    "carrier.entered": "entered · 登记",
    "carrier.extended": "more written · 追加",
    "carrier.read": "read back · 读检",
    "carrier.withdrawn": "withdrawn · 注销",
}


def scope_words(scope: AnyScope, zone: ZoneInfo) -> str:
    """What a scope covers, in one line."""
    match scope:
        case RecordingsScope():
            return counted(len(scope.recordings), "recording")
        case TakeScope():
            return f"take {scope.take_id[-12:]}"
        case CaseScope():
            return f"case {scope.number}"
        case OfficerScope():
            certificate = f"/{scope.certificate}" if scope.certificate else ""
            return f"officer {scope.name}{certificate}, {_window_words(scope, zone)}"
        case PlaceScope():
            where = scope.area or f"{scope.radius_m:.0f} m around {scope.latitude:.5f}, {scope.longitude:.5f}"
            return f"{where}, {_window_words(scope, zone)}"


def _window_words(scope: OfficerScope | PlaceScope, zone: ZoneInfo) -> str:
    since = local_time(to_text(scope.since), zone)
    return f"{since} – {local_time(to_text(scope.until), zone) if scope.until else 'from then on · 此后'}"


def state_words(hold: Hold) -> str:
    """How a hold stands, in two languages."""
    if hold.released_at is not None:
        return f"released by {' and '.join(hold.released_by)} · 已解除"
    if hold.release is not None:
        return f"{hold.release.by} asks for its release: another person decides · 待批准解除"
    return "stands · 保存中"


def told(hold: Hold, recordings: int) -> Document:
    """A hold as JSON tells it."""
    return hold_document(hold) | {"is_standing": hold.is_standing, "recordings": recordings}


def history_documents(rows: Iterable[Mapping[str, Any]]) -> list[Document]:
    """Acts about a hold or a carrier."""
    return [
        {"seq": row["seq"], "act": row["act"], "at": row["at"], "by": row["actor"], **row["document"]} for row in rows
    ]


def act_words(row: Mapping[str, Any]) -> str:
    """What an act says, in short."""
    document = row["document"]
    match row["act"]:
        case "hold.reviewed":
            return "; ".join(filter(None, (f"next on {document['after']['review_on']}", document["note"])))
        case "hold.placed":
            return str(document["after"]["basis"])
        case "carrier.entered" | "carrier.extended":
            return counted(len(document["recordings"]), "recording")
        case "carrier.read":
            bad = len(document["unreadable"])
            return f"{counted(bad, 'recording')} unreadable" if bad else "all readable"
        case _:
            return str(document.get("reason") or document.get("note") or "")
