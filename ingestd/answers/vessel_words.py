"""Vessels beside recordings in words and JSON: what candidates and confirmed vessels are shown as everywhere."""

from dataclasses import asdict
from typing import Any

from ingestd.core.vessel_acts import VesselFact
from ingestd.stores.ais import VesselBook

Document = dict[str, Any]

REASONS = {
    "no_times": "nobody knows when it was recorded · 无录制时间",
    "no_position": "it has no position track; give a place: --at LATITUDE,LONGITUDE · 无定位轨迹",
    "datum": "its track names another datum than WGS-84; its positions cannot be held against ships' · 坐标系不符",
    "nothing_heard": "no AIS report of that time and place is held · 该时段无 AIS 数据",
}

STATES = {
    "confirmed": "confirmed · 已确认",
    "overruled": "overruled · 已否定",
    "open": "–",
}

COUNTED = {
    "lines": "lines",
    "vdm": "AIS sentences of others (VDM)",
    "vdo": "AIS sentences of the own vessel (VDO)",
    "positions": "positions entered",
    "identities": "messages with a name, call sign or IMO number",
    "repeats": "positions that were known already · 重复",
    "bad_checksums": "bad checksums · 校验和错误",
    "malformed": "lines that are no sentence",
    "overlong": "lines far too long",
    "incomplete": "messages of which parts are missing",
    "undecodable": "messages that cannot be decoded",
    "without_time": "messages without a time · 无时间",
    "wrong_dates": "messages with a date that cannot be right · 日期错误",
    "not_vessels": "messages of shore stations, buoys, aircraft",
    "without_position": "messages that tell nothing of use here",
}
"""What an import counts, in the order of the table (`core.ais.CaptureCounts`)."""


def fact_document(fact: VesselFact) -> Document:
    """What a person said of a vessel, for JSON."""
    return asdict(fact) | {"kind": fact.kind.value}


def candidate_documents(candidates: list[Document], facts: list[VesselFact]) -> list[Document]:
    """Candidates, each with what people said of it: `state` is `confirmed`, `overruled` or `open`."""
    return [one | {"state": _state(one, facts)} for one in candidates]


def _state(candidate: Document, facts: list[VesselFact]) -> str:
    said = [one for one in facts if one.mmsi == candidate["mmsi"] and one.ended_by is None]
    return said[-1].kind.value if said else "open"


def vessel_document(recording_id: str, book: VesselBook) -> Document:
    """What `show` tells of the vessels beside a recording: `standing` and `candidates`, as the station found them."""
    facts = book.facts_of(recording_id)
    candidates = candidate_documents(book.candidates_of(recording_id), facts)
    return {"standing": [fact_document(one) for one in book.confirmed_of(recording_id)], "candidates": candidates}


def fact_words(fact: Document) -> str:
    """A vessel that stands, in one line: never a name of AIS without its number, distance and age."""
    name = " ".join(filter(None, (fact["name"], fact["number"]))) or "name not told"
    if fact["is_by_hand"]:
        return f"{name} (by hand, without AIS · 人工登记; {fact['said_by']})"
    if fact["name"] != fact["ais_name"]:
        name += f" (by hand; AIS: {fact['ais_name'] or 'no name'})"
    return f"{name} [{mmsi_words(fact['mmsi'])}], {near_words(fact)} ({fact['said_by']})"


def candidate_words(candidate: Document) -> str:
    """A candidate in one line."""
    marks = [f"alongside {candidate['alongside_s']:.0f} s · 靠帮"] if candidate["is_alongside"] else []
    marks += ["ambiguous · 难以区分"] if candidate["ambiguous_with"] else []
    marks += ["number used by two vessels · 识别码重复"] if candidate["is_number_shared"] else []
    name = candidate["name"] or "name not told"
    return ", ".join((f"{name} [{mmsi_words(candidate['mmsi'])}]", near_words(candidate), *marks))


def near_words(document: Document) -> str:
    """How near, and how old the report is."""
    return f"{document['distance_m']:.0f} m, report {document['age_s']:.0f} s old"


def mmsi_words(mmsi: int) -> str:
    """A number as people write it."""
    return f"MMSI {mmsi:09d}"


def show_rows(document: Document) -> list[tuple[str, Any]]:
    """The rows of `show`: vessels that stand, else the candidates of which nobody said anything."""
    rows: list[tuple[str, Any]] = [("vessel", fact_words(one)) for one in document["standing"]]
    open_ones = [one for one in document["candidates"] if one["state"] == "open"]
    return rows or [("vessel near", candidate_words(one)) for one in open_ones[:5]]
