"""Everything that the page of a recording shows, gathered with few questions to the catalogue."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingestd.answers.gathered import Gatherer, portion_of
from ingestd.answers.reason_words import rules_words
from ingestd.answers.recordings import document_of
from ingestd.core.cases import CaseLink
from ingestd.core.clock import from_text
from ingestd.core.errors import IngestdError
from ingestd.core.holds import Hold
from ingestd.core.interruption import InterruptionReason
from ingestd.core.registration import Line
from ingestd.core.terms import RetentionDecision
from ingestd.stores.custody import CustodyAct, CustodyBook
from ingestd.stores.database import open_for_reading
from ingestd.stores.neighbours import NeighbourBook
from ingestd.web.playback import Source, check_reached, sources_of, why_closed
from ingestd.web.playing import Permission, may_play
from ingestd.web.scope import seen
from ingestd.web.timeline import Timeline, timeline_of
from ingestd.web.trackmap import TrackMap, map_of, second_of
from ingestd.web.visit import Visit
from ingestd.wiring import (
    open_cases,
    open_catalogue,
    open_holds,
    open_positions,
    open_registrations,
    open_timelines,
)

Row = Mapping[str, Any]

_FOOTAGE = ("video", "audio")


@dataclass(frozen=True, slots=True)
class Playable:
    """A recording in the player: what may be sent of it, and whether whoever asks may have it.

    `why_not` is in the language of whoever asks; empty where it plays. `clause` is the regime's word of it.
    """

    recording: str
    kind: str
    name: str
    sources: tuple[Source, ...]
    why_not: str
    clause: str
    may_ask: bool

    @property
    def document(self) -> dict[str, Any]:
        """What the player's script is told."""
        return {
            "recording": self.recording,
            "kind": self.kind,
            "name": self.name,
            "why_not": self.why_not,
            "sources": [
                {
                    "name": one.name,
                    "type": one.content_type,
                    "origin_s": one.origin_s,
                    "is_sure": one.is_surely_playable,
                }
                for one in ([] if self.why_not else self.sources)
            ],
        }


@dataclass(frozen=True, slots=True)
class Retention:
    """Why a recording is kept until when. `days_left` is null for no end, below 0 for a term that is over."""

    decision: RetentionDecision
    rules: str
    days_left: int | None


@dataclass(frozen=True, slots=True)
class Related:
    """Recordings beside this one, with how many of them whoever asks may not see left out."""

    words: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class RecordingView:
    """The page of one recording."""

    row: Row
    document: Mapping[str, Any]
    playables: tuple[Playable, ...]
    timeline: Timeline | None
    track: TrackMap | None
    track_fault: str
    retention: Retention | None
    holds: tuple[Hold, ...]
    cases: tuple[CaseLink, ...]
    lines: tuple[Line, ...]
    custody: tuple[CustodyAct, ...]
    related: tuple[Related, ...]
    reasons: tuple[InterruptionReason, ...] = tuple(InterruptionReason)

    @property
    def playable(self) -> Playable:
        """The recording itself in the player."""
        return next(one for one in self.playables if one.recording == self.row["recording_id"])


def row_of(visit: Visit) -> Row:
    """The recording that the path names.

    Raises:
        NotFoundError: there is none, or not for whoever asks.
    """
    row = open_catalogue(visit.console.settings).recording_of(str(visit.path["recording"]))
    check_reached(visit, row)
    return row


def view_of(visit: Visit, row: Row) -> RecordingView:
    """Gather the page of a recording that whoever asks may see."""
    configuration, settings = visit.console.configuration, visit.console.settings
    key, engine = row["recording_id"], open_for_reading(settings.catalogue_file)
    document = document_of(dict(row), configuration)
    all_mates = mates_of(visit, row)
    mates = seen(visit, all_mates) or [one for one in all_mates if one["recording_id"] == key]
    timeline = take_timeline(visit, mates, row["take_id"], here=key)
    begins = timeline.statement.start if timeline is not None else None
    track, fault = track_of(visit, [row], begins, document["vessels"]["candidates"])
    links = open_cases(settings).cases_of(key)
    forms = open_registrations(settings).of([key], configuration.regime.registration)
    return RecordingView(
        row=row,
        document=document,
        playables=playables_of(visit, [row, *(one for one in mates if one["recording_id"] != key)]),
        timeline=timeline,
        track=track,
        track_fault=fault,
        retention=_retention(visit, document),
        holds=open_holds(settings).of([key]).get(key, ()),
        cases=tuple(links),
        lines=forms[0].form.lines if forms else (),
        custody=tuple(CustodyBook(engine).of(row)),
        related=_related(visit, row, NeighbourBook(engine)),
    )


def mates_of(visit: Visit, row: Row) -> list[Row]:
    """The timed recordings of its take in order, with the marks of their dockings; itself alone where it has none."""
    if row["kind"] not in _FOOTAGE or row["recorded_start"] is None:
        return []
    return take_of(visit, row["take_id"]) if row["take_id"] is not None else [row]


def take_of(visit: Visit, take_id: str) -> list[Row]:
    """The timed recordings of a take in order, with the marks of their dockings; empty where there is none."""
    return list(open_timelines(visit.console.settings).of_take(take_id))


def playables_of(visit: Visit, rows: Sequence[Row]) -> tuple[Playable, ...]:
    """Recordings as the player takes them, in the order given."""
    derived = open_catalogue(visit.console.settings).derived_of([row["recording_id"] for row in rows])
    return tuple(_playable(visit, row, derived.get(row["recording_id"], ())) for row in rows)


def _playable(visit: Visit, row: Row, derived: Sequence[Row]) -> Playable:
    closed = why_closed(row)
    permission = Permission(False, visit.t(closed)) if closed else may_play(visit, row)
    return Playable(
        recording=row["recording_id"],
        kind=row["kind"] or "",
        name=row["card_path"].rsplit("/", 1)[-1],
        sources=() if closed else tuple(sources_of(row, derived)),
        why_not="" if permission.is_open else permission.why,
        clause=" ".join(filter(None, (permission.article, permission.words))),
        may_ask=not closed and not permission.is_open,
    )


def take_timeline(visit: Visit, rows: Sequence[Row], take_id: str | None, *, here: str = "") -> Timeline | None:
    """The timeline of the recordings of one take; null where none runs in time."""
    if not rows:
        return None
    gatherer = Gatherer(visit.console.configuration)
    portions = [portion_of(dict(row)) for row in rows]
    start, end = min(one.start for one in portions), max(one.end for one in portions)
    statement = gatherer.statement([dict(row) for row in rows], start, end)
    return timeline_of(take_id, statement, visit.console.settings.station.zone_info, here=here)


def track_of(
    visit: Visit, rows: Sequence[Row], begins: dt.datetime | None, vessels: Sequence[Mapping[str, Any]]
) -> tuple[TrackMap | None, str]:
    """The map of recordings, and why there is none although there should be.

    Args:
        begins: when the timeline begins, from which seconds count; null where nothing runs in time.
        vessels: candidates as documents.
    """
    book, points = open_positions(visit.console.settings), []
    for row in rows:
        start = from_text(row["recorded_start"]) if row["recorded_start"] is not None else None
        shift_s = (start - begins).total_seconds() if start is not None and begins is not None else 0.0
        try:
            track = book.positions_of(row["recording_id"])
        except IngestdError as error:
            return None, error.message
        for point in track:
            at_s = second_of(point, start)
            points.append((point, None if at_s is None else round(at_s + shift_s, 2)))
    return map_of(points, vessels, visit.console.configuration.areas), ""


def _retention(visit: Visit, document: Mapping[str, Any]) -> Retention | None:
    if document["retention"] is None:
        return None
    decision = RetentionDecision.model_validate(document["retention"])
    days = None
    if decision.keep_until is not None:
        zone = visit.console.settings.station.zone_info
        last = (from_text(decision.keep_until) - dt.timedelta(seconds=1)).astimezone(zone).date()
        days = (last - visit.console.clock.now().astimezone(zone).date()).days
    return Retention(decision, rules_words(decision), days)


def _related(visit: Visit, row: Row, book: NeighbourBook) -> tuple[Related, ...]:
    found = book.of(row)
    lists = (
        (visit.t("Same take"), found.take),
        (visit.t("Same docking"), found.docking),
        (visit.t("Same officer, near in time"), found.officer),
        (visit.t("Same place, near in time"), found.place),
    )
    return tuple(Related(words, tuple(some)) for words, rows in lists if (some := seen(visit, rows)))
