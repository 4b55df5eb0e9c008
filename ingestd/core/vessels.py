"""Which vessels were near a recorder: distance, difference in speed, age of the report, how long alongside.

Nothing is extrapolated: between two reports that are close in time a vessel was on the line between them, else it was
where it said, so long ago. A name never stands without number, distance and age.
"""

import datetime as dt
import itertools
import math
from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ingestd.core.ais import KNOT_MPS, VesselIdentity, VesselReport
from ingestd.core.clock import to_text
from ingestd.core.positions import TrackPoint, distance_m

_METRES_PER_DEGREE = 111_195.0

_IMPOSSIBLE_MPS = 100 * KNOT_MPS
"""No vessel is so fast: two vessels use one number."""

_OWN_SPEED_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class VesselRules:
    """What counts as near, alongside, close in time. Each is a key of `[ais]`, where it is explained."""

    candidate_metres: float = 2000.0
    alongside_metres: float = 100.0
    alongside_seconds: float = 30.0
    alongside_knots: float = 2.0
    ambiguous_metres: float = 200.0
    max_age_seconds: float = 240.0
    interpolate_seconds: float = 60.0
    still_seconds: float = 400.0
    still_metres: float = 50.0
    track_gap_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where the recorder was at a time. Degrees WGS-84; the speed is null where nobody knows it (a place by hand)."""

    at: dt.datetime
    latitude: float
    longitude: float
    speed_mps: float | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A vessel that was heard near the recorder, as it was when it was closest (`at`).

    `age_s` is the time to the nearest report that the position rests on; `speed_difference_knots` is null where either
    speed is unknown. `alongside_s` is the longest time alongside, of any length; `is_alongside` says that it was long
    enough. `ambiguous_with` are the numbers of other candidates that footage cannot tell apart from this one.
    """

    mmsi: int
    name: str | None
    imo: int | None
    call_sign: str | None
    at: dt.datetime
    distance_m: float
    age_s: float
    is_interpolated: bool
    speed_difference_knots: float | None
    latitude: float
    longitude: float
    alongside_s: float
    alongside_from: dt.datetime | None
    is_alongside: bool
    is_number_shared: bool
    reports: int
    ambiguous_with: tuple[int, ...] = ()

    def document(self) -> dict[str, Any]:
        """For JSON and the ledger."""
        times = {
            "at": to_text(self.at),
            "alongside_from": to_text(self.alongside_from) if self.alongside_from else None,
        }
        return asdict(self) | times | {"ambiguous_with": list(self.ambiguous_with)}


@dataclass(frozen=True, slots=True)
class _State:
    """Where a vessel was taken to be at a time."""

    latitude: float
    longitude: float
    speed_mps: float | None
    age_s: float
    is_interpolated: bool


@dataclass(frozen=True, slots=True)
class _Span:
    start: dt.datetime
    seconds: float


def standing_at(latitude: float, longitude: float, start: dt.datetime, end: dt.datetime) -> tuple[Place, ...]:
    """The places of a recording whose position a person gave: there all the time, with a speed that nobody knows."""
    seconds = max(0, int((end - start).total_seconds()))
    step = max(5, seconds // 5000)
    moments = [start + dt.timedelta(seconds=at) for at in range(0, seconds, step)]
    return tuple(Place(at, latitude, longitude) for at in (*moments, end))


def places_of(points: Iterable[TrackPoint], start: dt.datetime | None) -> tuple[Place, ...]:
    """The believed points of a recording's track that have a time, as places.

    What names another datum than WGS-84 is left out: hundreds of metres lie between GCJ-02 and what ships tell. An
    undeclared one is taken for WGS-84, as receivers give it; who shows the result says so.

    Args:
        start: of the recording by its recorder's clock, for points without a satellite time; null: those are left out.
    """
    places = []
    for point in points:
        at = point.at_utc
        if at is None and start is not None and point.at_s is not None:
            at = start + dt.timedelta(seconds=point.at_s)
        if at is not None and not point.is_doubtful and is_shipborne_datum(point.datum):
            places.append(Place(at, point.latitude, point.longitude, point.speed_mps))
    return track_of(places)


def is_shipborne_datum(datum: str) -> bool:
    """Whether positions of this datum can be held against those of ships."""
    return datum.upper().replace("_", "-").replace(" ", "-") in (
        "WGS-84",
        "WGS84",
        "WGS-1984",
        "CGCS2000",
        "UNDECLARED",
    )


def track_of(places: Iterable[Place]) -> tuple[Place, ...]:
    """A track in order, one place a second at most, with speeds from its own positions where it tells none."""
    kept: list[Place] = []
    for place in sorted(places, key=lambda one: one.at):
        if not kept or (place.at - kept[-1].at).total_seconds() >= 1:
            kept.append(place)
    return tuple(
        place if place.speed_mps is not None else replace(place, speed_mps=_own_speed(kept, index))
        for index, place in enumerate(kept)
    )


def _own_speed(track: Sequence[Place], index: int) -> float | None:
    """The speed over ground around a place of a track; null where its neighbours are too far away in time."""
    here = track[index]
    first, last = index, index
    while first > 0 and (here.at - track[first - 1].at).total_seconds() <= _OWN_SPEED_SECONDS / 2:
        first -= 1
    while last + 1 < len(track) and (track[last + 1].at - here.at).total_seconds() <= _OWN_SPEED_SECONDS / 2:
        last += 1
    seconds = (track[last].at - track[first].at).total_seconds()
    if seconds <= 0:
        return None
    start, end = track[first], track[last]
    return distance_m(start.latitude, start.longitude, end.latitude, end.longitude) / seconds


def candidates(
    track: Sequence[Place],
    reports: Iterable[VesselReport],
    identities: Mapping[int, VesselIdentity],
    rules: VesselRules,
    own: Collection[int] = (),
) -> tuple[Candidate, ...]:
    """Vessels near a track: those alongside first, by how long, then the others by distance.

    Args:
        track: in order (`track_of`, `standing_at`).
        reports: of any vessels, in any order, from `max_age_seconds` before the track to as long behind it.
        identities: by number; who is not in it stays without a name.
        own: numbers of the bureau's own vessels, which are no candidates; so is what a receiver says of itself.
    """
    heard: dict[int, list[VesselReport]] = {}
    excluded = set(own)
    for report in reports:
        if report.is_own:
            excluded.add(report.mmsi)
        heard.setdefault(report.mmsi, []).append(report)
    states: dict[int, list[_State | None]] = {}
    found: list[Candidate] = []
    for mmsi, own_reports in heard.items():
        if mmsi in excluded:
            continue
        own_reports.sort(key=lambda one: one.at)
        at_track = _states(track, own_reports, rules)
        candidate = _candidate(track, own_reports, at_track, identities.get(mmsi, VesselIdentity(mmsi)), rules)
        if candidate is not None:
            states[mmsi] = at_track
            found.append(candidate)
    found = _with_ambiguity(track, found, states, rules)
    return tuple(sorted(found, key=lambda one: (not one.is_alongside, -_counted(one), one.distance_m, one.mmsi)))


def _counted(candidate: Candidate) -> float:
    return candidate.alongside_s if candidate.is_alongside else 0.0


def _states(track: Sequence[Place], reports: Sequence[VesselReport], rules: VesselRules) -> list[_State | None]:
    times = [report.at for report in reports]
    return [_state_at(place.at, reports, bisect_left(times, place.at), rules) for place in track]


def _state_at(at: dt.datetime, reports: Sequence[VesselReport], index: int, rules: VesselRules) -> _State | None:
    """Where a vessel was; null where it said nothing near that time. `index` is the first report not before `at`."""
    after = reports[index] if index < len(reports) else None
    before = reports[index - 1] if index else None
    if after is not None and after.at == at:
        return _State(after.latitude, after.longitude, after.speed_mps, 0.0, is_interpolated=True)
    if before is not None and after is not None and _is_close(before, after, rules):
        return _between(before, after, at)
    nearest = min(filter(None, (before, after)), key=lambda one: abs((at - one.at).total_seconds()))
    age_s = abs((at - nearest.at).total_seconds())
    if age_s > rules.max_age_seconds:
        return None
    return _State(nearest.latitude, nearest.longitude, nearest.speed_mps, age_s, is_interpolated=False)


def _is_close(before: VesselReport, after: VesselReport, rules: VesselRules) -> bool:
    """Whether a vessel was on the line between two reports. One that lies still reports every three minutes only."""
    seconds = (after.at - before.at).total_seconds()
    metres = _apart(before, after)
    if metres > rules.still_metres and metres / seconds > _IMPOSSIBLE_MPS:
        return False
    return seconds <= rules.interpolate_seconds or (seconds <= rules.still_seconds and metres <= rules.still_metres)


def _between(before: VesselReport, after: VesselReport, at: dt.datetime) -> _State:
    past, to_come = (at - before.at).total_seconds(), (after.at - at).total_seconds()
    share = past / (past + to_come)
    turn = (after.longitude - before.longitude + 180) % 360 - 180
    speed = None
    if before.speed_mps is not None and after.speed_mps is not None:
        speed = before.speed_mps + share * (after.speed_mps - before.speed_mps)
    return _State(
        latitude=before.latitude + share * (after.latitude - before.latitude),
        longitude=(before.longitude + share * turn + 180) % 360 - 180,
        speed_mps=speed,
        age_s=min(past, to_come),
        is_interpolated=True,
    )


def _apart(one: VesselReport, other: VesselReport) -> float:
    return distance_m(one.latitude, one.longitude, other.latitude, other.longitude)


def _candidate(
    track: Sequence[Place],
    reports: Sequence[VesselReport],
    states: Sequence[_State | None],
    identity: VesselIdentity,
    rules: VesselRules,
) -> Candidate | None:
    """A vessel as it was when it was closest; null where it was never near."""
    near = [(_from(place, state), place, state) for place, state in zip(track, states, strict=True) if state]
    if not near:
        return None
    metres, place, state = min(near, key=lambda one: (one[0], one[2].age_s))
    if metres > rules.candidate_metres:
        return None
    longest = max(_spans(track, states, rules), key=lambda span: span.seconds, default=None)
    seconds = longest.seconds if longest is not None else 0.0
    difference = _difference_knots(place, state)
    return Candidate(
        mmsi=identity.mmsi,
        name=identity.name,
        imo=identity.imo,
        call_sign=identity.call_sign,
        at=place.at,
        distance_m=round(metres, 1),
        age_s=round(state.age_s, 1),
        is_interpolated=state.is_interpolated,
        speed_difference_knots=round(difference, 1) if difference is not None else None,
        latitude=round(state.latitude, 6),
        longitude=round(state.longitude, 6),
        alongside_s=round(seconds, 1),
        alongside_from=longest.start if longest is not None else None,
        is_alongside=seconds >= rules.alongside_seconds,
        is_number_shared=any(
            _apart(a, b) > rules.still_metres + _IMPOSSIBLE_MPS * (b.at - a.at).total_seconds()
            for a, b in itertools.pairwise(reports)
        ),
        reports=len(reports),
    )


def _from(place: Place, state: _State) -> float:
    return distance_m(place.latitude, place.longitude, state.latitude, state.longitude)


def _difference_knots(place: Place, state: _State) -> float | None:
    if place.speed_mps is None or state.speed_mps is None:
        return None
    return abs(place.speed_mps - state.speed_mps) / KNOT_MPS


def _spans(track: Sequence[Place], states: Sequence[_State | None], rules: VesselRules) -> list[_Span]:
    """Times without a break in which recorder and vessel lay alongside."""
    spans: list[_Span] = []
    run: list[tuple[Place, _State]] = []

    def end_run() -> None:
        if len(run) > 1 and not _is_passing(run, rules):
            spans.append(_Span(run[0][0].at, (run[-1][0].at - run[0][0].at).total_seconds()))
        run.clear()

    for place, state in zip(track, states, strict=True):
        if run and (place.at - run[-1][0].at).total_seconds() > rules.track_gap_seconds:
            end_run()
        if state is not None and _is_beside(place, state, rules):
            run.append((place, state))
        else:
            end_run()
    end_run()
    return spans


def _is_beside(place: Place, state: _State, rules: VesselRules) -> bool:
    difference = _difference_knots(place, state)
    return (
        state.is_interpolated
        and difference is not None
        and difference < rules.alongside_knots
        and _from(place, state) < rules.alongside_metres
    )


def _is_passing(run: Sequence[tuple[Place, _State]], rules: VesselRules) -> bool:
    """Whether two vessels of like speed went by each other: then the way from one to the other turns quickly."""
    (first, vessel_first), (last, vessel_last) = run[0], run[-1]
    seconds = (last.at - first.at).total_seconds()
    start, end = _offset(first, vessel_first), _offset(last, vessel_last)
    return math.dist(start, end) / seconds / KNOT_MPS >= rules.alongside_knots


def _offset(place: Place, state: _State) -> tuple[float, float]:
    """From the recorder to the vessel in metres east and north."""
    turn = (state.longitude - place.longitude + 180) % 360 - 180
    return (
        turn * _METRES_PER_DEGREE * math.cos(math.radians(place.latitude)),
        (state.latitude - place.latitude) * _METRES_PER_DEGREE,
    )


def _with_ambiguity(
    track: Sequence[Place],
    found: Sequence[Candidate],
    states: Mapping[int, Sequence[_State | None]],
    rules: VesselRules,
) -> list[Candidate]:
    """Mark candidates that lay near each other when either was closest, or that were both alongside."""
    index_at = {place.at: index for index, place in enumerate(track)}
    others: dict[int, set[int]] = {one.mmsi: set() for one in found}
    for one, other in itertools.combinations(found, 2):
        are_near = one.is_alongside and other.is_alongside
        for moment in (one.at, other.at):
            first, second = states[one.mmsi][index_at[moment]], states[other.mmsi][index_at[moment]]
            if first is not None and second is not None:
                metres = distance_m(first.latitude, first.longitude, second.latitude, second.longitude)
                are_near = are_near or metres < rules.ambiguous_metres
        if are_near:
            others[one.mmsi].add(other.mmsi)
            others[other.mmsi].add(one.mmsi)
    return [replace(one, ambiguous_with=tuple(sorted(others[one.mmsi]))) for one in found]
