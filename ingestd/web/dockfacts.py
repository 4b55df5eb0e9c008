"""What the dock's screen says of one docking: files, what is missing or late, what wants a reason, what it may belong
to. Reads only."""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ingestd.answers.case_words import suggestion_document
from ingestd.answers.explained import Explained, rule_document
from ingestd.answers.vessel_words import candidate_documents
from ingestd.casework.case_questions import suggested
from ingestd.config.load import Configuration
from ingestd.core.cases import Case
from ingestd.core.clock import from_text
from ingestd.core.errors import NotFoundError
from ingestd.core.explanation import ExplanationState, rules_asking
from ingestd.core.interruption import InterruptionReason
from ingestd.core.registration import LineState
from ingestd.core.registration_rules import AT_SEA, KnownField, asks_scene
from ingestd.core.vessel_acts import FactKind, VesselFact
from ingestd.core.visibility import is_person
from ingestd.stores.search import Row
from ingestd.web.visitors import Visitor
from ingestd.wiring import (
    open_cases,
    open_catalogue,
    open_record_book,
    open_registrations,
    open_roster,
    open_timelines,
    open_vessels,
)

Document = dict[str, Any]

MOST_FILES: Final = 300
"""Files that a sheet lists; it names the number of all."""
_MOST_LOOKED_AT = 200
_MOST_SUGGESTED_FOR = 40
_MOST_CASES = 6
_MOST_EARLIER = 3
_BY_PEOPLE = frozenset({KnownField.CATEGORY, KnownField.PARTIES, KnownField.CAUSE, KnownField.MATTER})
"""Fields that are asked for before the station has looked at the footage, where the form has them."""


def notes_of(configuration: Configuration, dockings: Collection[str]) -> dict[str, Document]:
    """For tiles: `late`, `missing` and `open` as numbers, and whether the docking `is_described`; by docking."""
    book, catalogue = open_record_book(configuration.settings), open_catalogue(configuration.settings)
    notes: dict[str, Document] = {}
    for docking in dockings:
        if not catalogue.has_docking(docking):
            continue
        record = book.of_docking(docking)
        holes = record["receipt"]["missing"] if record is not None else []
        states = Counter(row["hand_over_state"] for row in book.recordings_of(docking))
        notes[docking] = {
            "late": states["late"],
            "missing": sum(len(hole["numbers"]) for hole in holes),
            "open": sum(one["state"] == ExplanationState.OPEN for one in interruptions_of(configuration, docking)),
            "is_described": catalogue.is_described(docking),
        }
    return notes


def interruptions_of(configuration: Configuration, docking: str) -> list[Document]:
    """Findings of a docking whose reason the regime asks for, or that somebody explained: the open ones first."""
    found = open_catalogue(configuration.settings).findings(docking=docking)
    if not any(rules_asking(configuration.regime.explain, row["document"]) for row in found):
        return []
    marks = Explained(configuration).marks(found)
    known = open_timelines(configuration.settings).recordings(
        sorted({one for row in found for one in _about(row)})[:_MOST_LOOKED_AT]
    )
    documents: dict[str, Document] = {}
    for row in found:
        mark, rules = marks[row["finding_id"]], rules_asking(configuration.regime.explain, row["document"])
        if mark["explanation_state"] == ExplanationState.NOT_ASKED:
            continue
        places = {key: row["document"][key] for key in ("scope", "start_s", "end_s", "start_utc", "end_utc")}
        documents.setdefault(
            mark["finding_key"],
            {
                "key": mark["finding_key"],
                "code": row["code"],
                "state": mark["explanation_state"],
                "explanation": mark["explanation"],
                "files": [known[one]["card_path"] for one in _about(row) if one in known],
                "asked_by": [rule_document(rule) for rule in rules],
                "reasons": _reasons(rules),
                **places,
            },
        )
    return sorted(documents.values(), key=lambda one: one["state"] != ExplanationState.OPEN)


def _about(row: Row) -> list[str]:
    return row["document"]["files"] or ([row["recording_id"]] if row["recording_id"] else [])


def _reasons(rules: Sequence[Any]) -> list[InterruptionReason]:
    """Those that the clauses name first, and then all others: a person may have had another."""
    named = dict.fromkeys(reason for rule in rules for reason in rule.named_reasons)
    return list(named | dict.fromkeys(InterruptionReason))


@dataclass(frozen=True, slots=True)
class Sheet:
    """One docking as the dock shows it.

    Args:
        docking: its row.
        record: row of its hand-over record; null while it has none.
        files: of the record book, at most `MOST_FILES`.
        fates: how many files have which fate.
        holes: what is missing by number, as of the receipt.
        late: recordings that were handed over late, by card path and the time at which they were due.
        officers: to whom the recorder was given at that time, by the roster: `officer`, `certificate`, `unit`.
        recordings: ids of what it brought.
        numbers: of cases that it is linked to, with how many of its recordings.
        vessels: that stand with its recordings, each once.
    """

    docking: Row
    record: Row | None
    files: list[Row]
    fates: Mapping[str, int]
    bytes_total: int
    holes: list[Document]
    late: list[tuple[str, str | None]]
    officers: list[Document]
    recordings: list[str]
    interruptions: list[Document]
    numbers: Mapping[str, int]
    vessels: list[VesselFact]
    is_described: bool

    @property
    def open(self) -> list[Document]:
        """What still wants a reason."""
        return [one for one in self.interruptions if one["state"] == ExplanationState.OPEN]


def sheet_of(configuration: Configuration, named: str) -> Sheet:
    """The sheet of a docking, by its whole id.

    Raises:
        NotFoundError: there is none of this id.
    """
    settings = configuration.settings
    catalogue, book, cases = open_catalogue(settings), open_record_book(settings), open_cases(settings)
    if not catalogue.has_docking(named):
        raise NotFoundError(f"no docking answers to {named!r}")
    docking, record, files = catalogue.docking(named), book.of_docking(named), book.files_of(named)
    brought = book.recordings_of(named)
    recordings = [str(row["recording_id"]) for row in brought]
    looked_at = recordings[:_MOST_LOOKED_AT]
    links = {(link.case_number, link.recording_id) for link in cases.cases_of_all(looked_at)}
    standing = {
        (fact.mmsi, fact.name, fact.number): fact
        for fact in open_vessels(settings).facts_of_all(looked_at)
        if fact.ended_by is None and fact.kind is not FactKind.OVERRULED
    }
    return Sheet(
        docking=docking,
        record=record,
        files=files[:MOST_FILES],
        fates=Counter(str(row["fate"]) for row in files),
        bytes_total=sum(row["size_bytes"] for row in files),
        holes=record["receipt"]["missing"] if record is not None else [],
        late=[
            (str(row["card_path"]), (row["hand_over"] or {}).get("due"))
            for row in brought
            if row["hand_over_state"] == "late"
        ],
        officers=_officers(configuration, docking),
        recordings=recordings,
        interruptions=interruptions_of(configuration, named),
        numbers=Counter(number for number, _ in links),
        vessels=list(standing.values()),
        is_described=catalogue.is_described(named),
    )


def _officers(configuration: Configuration, docking: Row) -> list[Document]:
    if docking["recorder_id"] is None:
        return []
    entries = open_roster(configuration.settings).officers_of(docking["recorder_id"], from_text(docking["opened_at"]))
    return [{"officer": one.officer, "certificate": one.certificate, "unit": one.unit} for one in entries]


def earlier_dockings(configuration: Configuration, sheet: Sheet) -> list[str]:
    """The latest other dockings that brought files which this card held as well, newest first."""
    held = sorted({row["recording_id"] for row in sheet.files if row["recording_id"]} - set(sheet.recordings))
    known = open_timelines(configuration.settings).recordings(held[-_MOST_LOOKED_AT:])
    return sorted({str(row["docking_id"]) for row in known.values()}, reverse=True)[:_MOST_EARLIER]


# What a person is offered to tap


def cases_offered(configuration: Configuration, sheet: Sheet, who: Visitor, now: dt.datetime) -> list[Document]:
    """Cases that the footage may belong to, what speaks most for it first; then the person's own open ones.

    Each has `number`, `cause`, `parties`, the `strength` and `reasons` of the best suggestion (null and none for one's
    own), and for how many recordings it is suggested.
    """
    register, zone = open_cases(configuration.settings), configuration.settings.station.zone_info
    rows = register.footage_of(sheet.recordings[:_MOST_LOOKED_AT])[:_MOST_SUGGESTED_FOR]
    offered: dict[str, Document] = {}
    for _, made in suggested(register, rows, zone=zone, today=now.astimezone(zone).date()):
        for number in dict.fromkeys(one.case_number for one in made):
            best = suggestion_document(next(one for one in made if one.case_number == number))
            standing = offered.setdefault(number, best | {"recordings": 0})
            standing["recordings"] += 1
            if _STRENGTHS.index(best["strength"]) < _STRENGTHS.index(standing["strength"]):
                offered[number] = best | {"recordings": standing["recordings"]}
    best_first = sorted(offered, key=lambda number: (_STRENGTHS.index(offered[number]["strength"]), number))
    known = {case.number: case for case in register.cases(is_open=True)}
    mine = [number for number, case in known.items() if number not in offered and _is_of(case, who)]
    numbers = [number for number in (*best_first, *reversed(mine)) if number not in sheet.numbers]
    return [_offer(known.get(number), number, offered.get(number)) for number in numbers[:_MOST_CASES]]


_STRENGTHS = ("strong", "likely", "weak")


def _is_of(case: Case, who: Visitor) -> bool:
    named = ({"officer": one.name, "certificate": one.certificate} for one in case.all_officers)
    return any(is_person(who.person, who.certificate, one) for one in named)


def _offer(case: Case | None, number: str, suggestion: Document | None) -> Document:
    made = suggestion or {"strength": None, "reasons": [], "recordings": 0, "activity_id": None}
    about = {"cause": case.cause, "parties": list(case.parties)} if case is not None else {"cause": "", "parties": []}
    return {"number": number, **about, **{key: made[key] for key in ("strength", "reasons", "recordings")}}


def fields_offered(configuration: Configuration, sheet: Sheet) -> list[Document]:
    """Fields of the regime's form that a person still has to fill for footage of this docking.

    Each has `id`, `zh`, `en`, how many recordings lack it, and what stands already; before anything is described those
    that only people know.
    """
    rules = configuration.regime.registration
    named = {rule.id: (rule.zh, rule.en) for rule in rules}
    forms = open_registrations(configuration.settings).of(sheet.recordings[:_MOST_LOOKED_AT], rules)
    if not forms:
        fields = [rule.id for rule in rules if rule.id in _BY_PEOPLE]
        return [_field(one, named[one], 0, []) for one in fields]
    lacks: Counter[str] = Counter()
    standing: dict[str, list[str]] = {}
    for form in forms:
        lacks.update(form.form.lacks)
        for line in form.form.lines:
            if line.state is LineState.FILLED and (line.given is not None or line.field in _BY_PEOPLE):
                standing.setdefault(line.field, []).extend(one for one in line.values)
    fields = [one for one in (*_BY_PEOPLE, *lacks) if one in named and (lacks[one] or one in standing)]
    order = [AT_SEA, *(rule.id for rule in rules)]
    scene = [AT_SEA] if asks_scene(rules) and (lacks[AT_SEA] or AT_SEA in standing) else []
    wanted = sorted({*scene, *fields}, key=order.index)
    at_sea = {AT_SEA: ("是否海上执法", "at sea")}
    return [
        _field(one, (named | at_sea)[one], lacks[one], list(dict.fromkeys(standing.get(one, [])))) for one in wanted
    ]


def _field(name: str, words: tuple[str, str], lacks: int, values: list[str]) -> Document:
    return {"id": name, "zh": words[0], "en": words[1], "lacks": lacks, "values": values}


def vessels_offered(configuration: Configuration, sheet: Sheet) -> list[Document]:
    """Vessels that AIS heard near the footage and of which nobody said anything, the nearest first.

    Each has `mmsi`, `name`, the least `distance_m`, the age of that report, and the `recordings` it is a candidate of.
    """
    book = open_vessels(configuration.settings)
    offered: dict[int, Document] = {}
    found = book.candidates_of_all(sheet.recordings[:_MOST_LOOKED_AT])
    facts = book.facts_of_all(found)
    for recording, candidates in found.items():
        mine = [one for one in facts if one.recording_id == recording]
        for one in candidate_documents(candidates, mine):
            if one["state"] != "open":
                continue
            brief = {key: one[key] for key in ("mmsi", "name", "distance_m", "age_s")}
            standing = offered.setdefault(one["mmsi"], brief | {"recordings": []})
            standing["recordings"].append(recording)
            if one["distance_m"] < standing["distance_m"]:
                standing.update(brief)
    return sorted(offered.values(), key=lambda one: float(one["distance_m"]))
