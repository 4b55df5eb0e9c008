"""`name.mismatch` and `clock.mismatch`: which of a file's clocks does not agree with the others and the neighbours'."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingestd.core.clock import to_text
from ingestd.core.findings import Confidence, Finding, finding
from ingestd.core.siblingclocks import ZONE_STEP_S, Clocks, agreed, beyond_zone_s, clocks_of, moment
from ingestd.core.siblings import Sibling

LEAP_S = 20.0
"""Satellite time without its leap seconds, and seconds of writing: an iPhone's two dates differ by 17 s."""
HABIT_S = 3.0
"""How far the siblings' differences of two clocks may lie from each other to be a habit."""
DEVIATION_S = 5.0
"""How far one file may lie from its siblings' habit."""
DRIFT_S = 120.0
"""How far two clocks of a lone file may differ beyond zone steps."""

_MOST_ODD_SHARE = 0.34
_MOST_NUMBERS = 5000
_MIN_ORDERED = 4
_JOIN_S = 4.0


@dataclass(frozen=True, slots=True)
class _Odd:
    """By how many seconds a file's clock lies off, and what it was held against. A whole zone step counts only where
    the order of the numbers is against it too."""

    by_s: float
    against: str
    is_zone_step: bool = False


def mismatch_findings(track: Sequence[Clocks], trimmed: frozenset[str]) -> tuple[Finding, ...]:
    """Which files of one recorder contradict themselves or their siblings in time, number or order.

    Args:
        track: the recordings of one recorder.
        trimmed: keys of files whose content is known to begin later than their name says.
    """
    swapped = _out_of_order(track)
    exchanged = _exchanged(track)
    found: list[Finding] = []
    for own in track:
        others = [one for one in track if one is not own]
        steady = [one for one in others if one.key not in swapped]
        is_out = own.key in swapped
        made = _container_odd(own, steady)
        place = None if own.key in trimmed else _position_odd(own, steady)
        if not (is_out and _is_between(own, steady)):
            made, place = (None if odd is None or odd.is_zone_step else odd for odd in (made, place))
        if made is not None and own.key in exchanged:
            note = "its container's time is that of another name, whose container has the time of this one"
            found.append(_told("name.mismatch", own, Confidence.LIKELY, made, place, note=note))
            continue
        told = _verdict(own, others, made, place, is_out=is_out)
        found.extend([told] if told is not None else _inside(own))
    return tuple(found)


def _verdict(
    own: Clocks, others: Sequence[Clocks], made: _Odd | None, place: _Odd | None, *, is_out: bool
) -> Finding | None:
    if own.name_s is None:
        return None
    if is_out and made is not None:
        return _told("name.mismatch", own, Confidence.CERTAIN, made, place, note="and its number is out of order")
    if is_out and place is not None and own.created_s is None:
        return _told("name.mismatch", own, Confidence.LIKELY, made, place, note="and its number is out of order")
    if is_out and own.created_s is None and own.position_s is None:
        return _told("name.mismatch", own, Confidence.LIKELY, made, place, note="its number and time are out of order")
    if is_out and _is_number_odd(own, others):
        return _told(
            "name.mismatch",
            own,
            Confidence.LIKELY,
            made,
            place,
            note="its time fits its neighbours, its number does not",
        )
    if made is not None and place is not None and abs(made.by_s - place.by_s) <= LEAP_S:
        return _told("name.mismatch", own, Confidence.CERTAIN, made, place, note="container and position agree")
    if made is not None and _joins(own, others, own.created_s) and not _joins(own, others, own.name_s):
        return _told(
            "name.mismatch", own, Confidence.LIKELY, made, place, note="by the container it joins its neighbours"
        )
    if made is not None:
        confidence = Confidence.CERTAIN if own.position_s is not None and place is None else Confidence.LIKELY
        return _told("clock.mismatch", own, confidence, made, place, note="the container's time alone is off")
    if place is not None and place.against == "siblings":
        return _told("clock.mismatch", own, Confidence.LIKELY, made, place, note="name and container are off together")
    return None


def _container_odd(own: Clocks, others: Sequence[Clocks]) -> _Odd | None:
    """The container's creation against the name: by the siblings' habit, else by whole zone steps.

    Recorders write it at the start or at the end, in local time or in UTC: what all siblings do is the habit.
    """
    if own.created_s is None or own.name_s is None:
        return None
    habits = [habit for habit in (_habit(own, others, 0.0), _habit(own, others, 1.0)) if habit is not None]
    if habits:
        odd = min(habits, key=abs)
        return _Odd(round(odd, 3), "siblings", _is_zone_step(odd)) if abs(odd) > DEVIATION_S else None
    length_s = own.duration_s or 0.0
    rest_s = beyond_zone_s(own.created_s - own.name_s)
    rest_from_end_s = beyond_zone_s(own.created_s - own.name_s - length_s)
    is_within = -LEAP_S <= rest_s <= min(length_s, DRIFT_S) + LEAP_S or abs(rest_from_end_s) <= LEAP_S
    least_s = min(abs(rest_s), abs(rest_from_end_s))
    if is_within or least_s <= DRIFT_S:
        return None
    return _Odd(round(own.created_s - own.name_s, 3), "the name alone")


def _habit(own: Clocks, others: Sequence[Clocks], share: float) -> float | None:
    """How far a file lies off the habit of its siblings, when they write the container's time at the start of a
    recording (`share` 0) or at its end (1); null where they have no habit."""
    known = [
        one.created_s - one.name_s - share * (one.duration_s or 0.0)
        for one in others
        if one.created_s is not None and one.name_s is not None
    ]
    usual = agreed(known, HABIT_S)
    if usual is None or own.created_s is None or own.name_s is None:
        return None
    return own.created_s - own.name_s - share * (own.duration_s or 0.0) - usual


def _position_odd(own: Clocks, others: Sequence[Clocks]) -> _Odd | None:
    """Position time against the name. A clock that was wrong and then set by the first fix is no contradiction: only
    one that was right before, and is right after, and is off in between."""
    if own.position_s is None or own.name_s is None:
        return None
    by_s = own.position_s - own.name_s
    told = [(one.name_s, one.position_s - one.name_s) for one in others if one.name_s and one.position_s is not None]
    order = own.sequence
    earlier = [
        one.position_s - one.name_s
        for one in others
        if one.position_s is not None and one.name_s is not None and _is_before(one, own, order)
    ]
    usual = agreed([offset for _, offset in told], HABIT_S)
    if usual is None:
        rest_s = beyond_zone_s(by_s)
        is_far = not told and abs(rest_s) > DRIFT_S
        return _Odd(round(by_s, 3), "the name alone") if is_far else None
    odd = by_s - usual
    is_step = _is_zone_step(odd)
    is_off = abs(odd) > DEVIATION_S and (is_step or abs(beyond_zone_s(by_s)) > DEVIATION_S)
    was_right = any(abs(offset - usual) <= HABIT_S for offset in earlier)
    return _Odd(round(odd, 3), "siblings", is_step) if is_off and was_right else None


def _is_zone_step(odd_s: float) -> bool:
    return abs(odd_s) > ZONE_STEP_S / 2 and abs(beyond_zone_s(odd_s)) <= HABIT_S


def _is_between(own: Clocks, steady: Sequence[Clocks]) -> bool:
    """Whether by its number a file stands between two that are in order: no zone that was set at some time."""
    numbers = [one.sequence for one in steady if one.sequence is not None]
    return own.sequence is not None and min(numbers, default=own.sequence) < own.sequence < max(numbers, default=0)


def container_offsets(track: Sequence[Clocks]) -> dict[str, float]:
    """For each file by how many seconds its container's time lies off the siblings' habit, where it does."""
    found = {}
    for own in track:
        odd = _container_odd(own, [one for one in track if one is not own])
        if odd is not None and odd.against == "siblings":
            found[own.key] = odd.by_s
    return found


def _exchanged(track: Sequence[Clocks]) -> frozenset[str]:
    """Keys of files that carry each other's names, by the times in their containers."""
    offsets = container_offsets(track)
    known = [(one, offsets[one.key]) for one in track if one.key in offsets and one.name_s is not None]
    return frozenset(
        one.key
        for one, off_s in known
        for other, back_s in known
        if one is not other
        and abs((one.name_s or 0.0) + off_s - (other.name_s or 0.0)) <= HABIT_S
        and abs((other.name_s or 0.0) + back_s - (one.name_s or 0.0)) <= HABIT_S
    )


def _is_before(one: Clocks, own: Clocks, order: int | None) -> bool:
    if order is not None and one.sequence is not None:
        return one.sequence < order
    return (one.position_s or 0.0) < (own.position_s or 0.0)


def _out_of_order(track: Sequence[Clocks]) -> frozenset[str]:
    """Keys of the few files whose number does not rise with the time of their name, while all the others' do."""
    known = [one for one in track if one.sequence is not None and one.name_s is not None]
    numbers = [one.sequence or 0 for one in known]
    if len(known) < _MIN_ORDERED or len(set(numbers)) < len(numbers) or max(numbers) - min(numbers) > _MOST_NUMBERS:
        return frozenset()
    ordered = sorted(known, key=lambda one: one.sequence or 0)
    kept = _rising([one.name_s or 0.0 for one in ordered])
    odd = [one for place, one in enumerate(ordered) if place not in kept]
    if not odd or len(odd) > _MOST_ODD_SHARE * len(ordered):
        return frozenset()
    # Two files that changed places: either could be the odd one, and both are.
    for one in list(odd):
        rest = [other for other in ordered if other is not one and other not in odd]
        blocking = [
            other
            for other in rest
            if ((other.sequence or 0) < (one.sequence or 0)) != ((other.name_s or 0) < (one.name_s or 0))
        ]
        if len(blocking) == 1:
            odd.append(blocking[0])
    return frozenset(one.key for one in odd)


def _rising(values: Sequence[float]) -> set[int]:
    """Places of a longest rising run of values, not necessarily side by side."""
    tails: list[float] = []
    ends: list[int] = []
    before: list[int] = []
    for place, value in enumerate(values):
        at = bisect_right(tails, value)
        before.append(ends[at - 1] if at else -1)
        if at == len(tails):
            tails.append(value)
            ends.append(place)
        else:
            tails[at], ends[at] = value, place
    kept: set[int] = set()
    place = ends[-1] if ends else -1
    while place >= 0:
        kept.add(place)
        place = before[place]
    return kept


def _is_number_odd(own: Clocks, others: Sequence[Clocks]) -> bool:
    """Whether by its time a file stands in a hole of the numbers that it would fill."""
    by_time = sorted((one for one in others if one.name_s is not None), key=lambda one: one.name_s or 0.0)
    before = [one for one in by_time if (one.name_s or 0.0) <= (own.name_s or 0.0)]
    after = [one for one in by_time if (one.name_s or 0.0) > (own.name_s or 0.0)]
    if not before or not after or before[-1].sequence is None or after[0].sequence is None:
        return False
    return after[0].sequence - before[-1].sequence == 2


def _joins(own: Clocks, others: Sequence[Clocks], start_s: float | None) -> bool:
    """Whether a start, whole zone steps aside, lies right at a neighbour's end, or its end at a neighbour's start."""
    if start_s is None or own.duration_s is None:
        return False
    for one in others:
        if one.name_s is None or one.duration_s is None or one.created_s is None:
            continue
        theirs_s = one.name_s if start_s == own.name_s else one.created_s
        if abs(start_s - theirs_s - one.duration_s) <= _JOIN_S or abs(theirs_s - start_s - own.duration_s) <= _JOIN_S:
            return True
    return False


def _inside(own: Clocks) -> Iterator[Finding]:
    """`clock.mismatch` of the container with itself: movie and track headers tell different times."""
    if own.created_s is None:
        return
    allowed_s = (own.duration_s or 0.0) + DRIFT_S
    far = [one - own.created_s for one in own.track_created_s if abs(beyond_zone_s(one - own.created_s)) > DRIFT_S]
    far = [one for one in far if abs(one) > allowed_s]
    if far:
        worst_s: float = max(far, key=abs)
        yield finding(
            "clock.mismatch",
            file=own.key,
            confidence=Confidence.LIKELY,
            evidence={
                "sources": ["movie header", "track headers"],
                "movie_created": to_text(moment(own.created_s)),
                "tracks_differ_s": round(worst_s, 3),
            },
        )


def _told(
    code: str, own: Clocks, confidence: Confidence, made: _Odd | None, place: _Odd | None, *, note: str
) -> Finding:
    evidence: dict[str, Any] = {
        "sources": [
            source
            for source, value in (
                ("name", own.name_s),
                ("container", own.created_s),
                ("position track", own.position_s),
            )
            if value is not None
        ],
        "sequence": own.sequence,
        "container_off_s": None if made is None else made.by_s,
        "position_off_s": None if place is None else place.by_s,
        "held_against": sorted({odd.against for odd in (made, place) if odd is not None}),
        "note": note,
    }
    times: Mapping[str, float | None] = {"name": own.name_s, "container": own.created_s, "position": own.position_s}
    evidence["times"] = {key: to_text(moment(value)) for key, value in times.items() if value is not None}
    return finding(code, file=own.key, confidence=confidence, evidence=evidence)


def device_findings(siblings: Sequence[Sibling]) -> Iterator[Finding]:
    """`name.mismatch` of a lone file that names another device, and fills a hole in the numbers of all the others."""
    known = [(one, clocks_of(one)) for one in siblings if one.name.device is not None and one.name.sequence is not None]
    devices = [one.name.device for one, _ in known]
    for sibling, own in known:
        if devices.count(sibling.name.device) != 1 or own.name_s is None:
            continue
        others = [clocks for other, clocks in known if other is not sibling]
        named = {one.sibling.name.device for one in others}
        if len(named) != 1 or len(others) < _MIN_ORDERED - 1:
            continue
        numbers = {one.sequence: one for one in others}
        before, after = (numbers.get((own.sequence or 0) + step) for step in (-1, 1))
        if own.sequence in numbers or before is None or after is None or before.name_s is None or after.name_s is None:
            continue
        if before.name_s < own.name_s < after.name_s and sibling.name.user == before.sibling.name.user:
            yield finding(
                "name.mismatch",
                file=sibling.key,
                confidence=Confidence.LIKELY,
                evidence={
                    "sources": ["names"],
                    "name_says": sibling.name.device,
                    "neighbours_say": next(iter(named)),
                    "neighbours_key": before.sibling.recorder_key,
                    "sequence": own.sequence,
                    "note": "its number and time fill a hole among the neighbours'",
                },
            )
