"""Vessels beside recordings: the track held against what was heard, and what people say of it."""

import datetime as dt
import math
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ingestd.core.clock import from_text, to_text
from ingestd.core.custody import Act
from ingestd.core.errors import IntegrityError, NotFoundError, RefusedError
from ingestd.core.explanation_acts import refuse_station
from ingestd.core.positions import TrackPoint
from ingestd.core.settings import AisSettings
from ingestd.core.vessel_acts import (
    ConfirmVessel,
    NameVessel,
    OverruleVessel,
    Request,
    VesselFact,
    confirming_act,
    naming_act,
    overruling_act,
)
from ingestd.core.vessels import Candidate, Place, candidates, is_shipborne_datum, places_of, standing_at
from ingestd.stores.ais import VesselBook
from ingestd.stores.chronicle import Chronicle
from ingestd.stores.heard import HeardVessels
from ingestd.stores.search import Catalogue, Row

Document = dict[str, Any]
PositionsOf = Callable[[str], Sequence[TrackPoint]]
"""The points of a recording's track, by its id; none where it has no track."""

_REACH_METRES = 2000.0
"""Beyond the candidates' distance: where a vessel may have reported from that was near in between."""

_TOGETHER = 20


@dataclass(frozen=True, slots=True)
class Match:
    """A recording held against what was heard.

    `basis` says what it rests on; `reason` why there can be no candidate, empty where there can: `no_times`,
    `no_position`, `datum`, `nothing_heard`.
    """

    recording_id: str
    candidates: tuple[Candidate, ...]
    basis: Document
    reports_heard: int
    reason: str

    def document(self) -> Document:
        """For JSON and the ledger."""
        return {
            "candidates": [one.document() for one in self.candidates],
            "basis": self.basis,
            "reports_heard": self.reports_heard,
            "reason": self.reason,
        }


class VesselMatching:
    """Finds candidates. Reads only.

    Args:
        heard: the store of reports; null where nothing was ever heard.
        settings: as they are at the moment.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        positions: PositionsOf,
        heard: Callable[[], HeardVessels | None],
        settings: Callable[[], AisSettings],
    ) -> None:
        self._catalogue = catalogue
        self._positions = positions
        self._heard = heard
        self._settings = settings

    def match(self, recording: str, place: tuple[float, float] | None = None) -> Match:
        """The candidates of a recording; `place` is where the recorder was by hand, latitude and longitude.

        Raises:
            NotFoundError: no such recording.
            IntegrityError, StoreError: its track cannot be read.
        """
        row = self._catalogue.recording(recording)
        recording_id, rules = str(row["recording_id"]), self._settings().rules
        track, basis, reason = self._track(row, place)
        if reason:
            return Match(recording_id, (), basis, 0, reason)
        heard = self._heard()
        margin = dt.timedelta(seconds=max(rules.max_age_seconds, rules.still_seconds))
        reports = (
            heard.reports_between(
                track[0].at - margin, track[-1].at + margin, _box(track, rules.candidate_metres + _REACH_METRES)
            )
            if heard is not None
            else []
        )
        if heard is None or not reports:
            return Match(recording_id, (), basis, 0, "nothing_heard")
        middle = track[len(track) // 2].at
        identities = heard.identities_near({report.mmsi for report in reports}, middle)
        found = candidates(track, reports, identities, rules, self._settings().own_mmsi)
        return Match(recording_id, found, basis, len(reports), "")

    def _track(self, row: Row, place: tuple[float, float] | None) -> tuple[Sequence[Place], Document, str]:
        """Where the recorder was, what that rests on, and why it cannot be told."""
        start = from_text(row["recorded_start"]) if row["recorded_start"] else None
        end = from_text(row["recorded_end"]) if row["recorded_end"] else start
        rules = asdict(self._settings().rules)
        basis: Document = {"by": "hand" if place else "track", "times": "recorder", "datum": None, "points": 0}
        basis |= {"place": list(place) if place else None, "from": None, "until": None, "rules": rules}
        if place is not None:
            if start is None or end is None:
                return (), basis, "no_times"
            track: Sequence[Place] = standing_at(*place, start, end)
        else:
            points = self._positions(str(row["recording_id"]))
            basis["datum"] = ", ".join(sorted({point.datum for point in points})) or None
            if points and not any(is_shipborne_datum(point.datum) for point in points):
                return (), basis, "datum"
            if points and all(point.at_utc is not None for point in points):
                basis["times"] = "satellites"
            track = places_of(points, start)
        if not track:
            return (), basis, "no_position"
        basis |= {"points": len(track), "from": to_text(track[0].at), "until": to_text(track[-1].at)}
        return track, basis, ""


class VesselDesk:
    """The one counter of a station at which vessels are confirmed, named and overruled. Safe from many threads."""

    def __init__(
        self,
        catalogue: Catalogue,
        chronicle: Chronicle,
        matching: VesselMatching,
        heard: Callable[[], HeardVessels | None],
    ) -> None:
        self._catalogue = catalogue
        self._chronicle = chronicle
        self._matching = matching
        self._heard = heard
        self._book = VesselBook(chronicle.engine)
        self._lock = threading.Lock()
        self._seen: set[str] = set()

    def enter(self, request: Request) -> Document:
        """Do what is asked, with one entry in the ledger; gives `fact_id`, `recording_id` and `vessel`.

        Raises:
            NotFoundError: no such recording, or no such candidate.
            RefusedError: it cannot be done as it stands.
            StoreError: as of `Chronicle.enter`.
        """
        refuse_station(request.by)
        with self._lock:
            recording_id = str(self._catalogue.recording(request.recording)["recording_id"])
            standing = self._book.confirmed_of(recording_id)
            match request:
                case ConfirmVessel():
                    act = self._confirm(request, recording_id, standing)
                case NameVessel():
                    act = naming_act(request, recording_id, standing)
                case OverruleVessel():
                    named = self._candidate(recording_id, request.vessel, None)[0]
                    act = overruling_act(request, recording_id, named, standing)
            (entry,) = self._chronicle.enter(act)
        return {"fact_id": entry.seq, "recording_id": recording_id, "vessel": act.data["vessel"]}

    def _confirm(self, request: ConfirmVessel, recording_id: str, standing: Sequence[VesselFact]) -> Act:
        candidate, basis = self._candidate(recording_id, str(request.mmsi), request.place)
        if candidate is None:
            raise NotFoundError(
                f"{request.mmsi:09d} is no candidate of this recording",
                "see: ingestd vessel candidates RECORDING; a vessel that AIS does not show: ingestd vessel name",
            )
        return confirming_act(request, recording_id, candidate, basis, standing)

    def _candidate(
        self, recording_id: str, vessel: str, place: tuple[float, float] | None
    ) -> tuple[Document | None, Document]:
        """A candidate by its number: as it is now, or as it was found before the reports behind it were pruned."""
        wanted = vessel.lstrip("0")
        now = self._matching.match(recording_id, place).document()
        stored = self._book.match_of(recording_id) if place is None else None
        for found in filter(None, (now, stored)):
            for candidate in found["candidates"]:
                if str(candidate["mmsi"]) == wanted:
                    return candidate, found["basis"]
        return None, now["basis"]

    def match(self, recordings: Iterable[str]) -> int:
        """Hold recordings against what was heard, and enter what is new of it; how many entries were made."""
        acts = []
        for recording_id in recordings:
            with self._lock:
                try:
                    found = self._matching.match(recording_id)
                except IntegrityError:
                    # A stored track that is gone or changed is told by the scrub; the others are matched all the same.
                    continue
                if found.reports_heard and _is_news(found.document(), self._book.match_of(recording_id)):
                    acts.append(Act(act="vessel.matched", subject=recording_id, data=found.document()))
        if acts:
            self._chronicle.enter(*acts)
        return len(acts)

    def match_touching(self, spans: Iterable[tuple[str, str]]) -> int:
        """The same for all recordings with a track that touch these spans, matched before or not."""
        found = (one for span in spans for one in self._book.with_track(*span, unmatched=False))
        return self.match(dict.fromkeys(found))

    def match_next(self) -> bool:
        """The same for some recordings that were never matched; whether there may be more."""
        heard = self._heard()
        span = heard.span() if heard is not None else None
        if span is None:
            return False
        due = self._book.with_track(to_text(span[0]), to_text(span[1]), unmatched=True)
        some = [one for one in due if one not in self._seen][:_TOGETHER]
        self._seen.update(some)
        self.match(some)
        return len(some) == _TOGETHER


def _is_news(found: Document, stored: Document | None) -> bool:
    """Whether a match tells other vessels than the one before; a store that was pruned since takes nothing back."""
    if stored is None:
        return True
    is_other: bool = found["candidates"] != stored["candidates"]
    return is_other and found["reports_heard"] >= stored["reports_heard"]


def _box(track: Sequence[Place], metres: float) -> tuple[float, float, float, float] | None:
    """South, west, north and east around a track; null where a box says nothing (a pole, half the globe)."""
    south, north = min(one.latitude for one in track), max(one.latitude for one in track)
    west, east = min(one.longitude for one in track), max(one.longitude for one in track)
    degrees = metres / 111_195.0
    if max(abs(south), abs(north)) + degrees > 85 or east - west > 180:
        return None
    across = degrees / math.cos(math.radians(max(abs(south), abs(north))))
    return south - degrees, _wrapped(west - across), north + degrees, _wrapped(east + across)


def _wrapped(longitude: float) -> float:
    return (longitude + 180) % 360 - 180


def place_of(text: str) -> tuple[float, float]:
    """A place as people write it: latitude, longitude in degrees, as in `38.92,121.63`.

    Raises:
        RefusedError: it is none.
    """
    try:
        latitude, longitude = (float(one) for one in text.replace("，", ",").split(","))
    except ValueError as error:
        raise RefusedError(f"{text!r} is no place", "write latitude,longitude in degrees: 38.92,121.63") from error
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise RefusedError(f"{text!r} lies off the globe", "write latitude,longitude in degrees: 38.92,121.63")
    return latitude, longitude
