"""A recorder's clock that fell back to its factory date: in the middle of a take that tears nothing."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from ingestd.core.clock import to_text
from ingestd.core.findings import Confidence, Finding, finding
from ingestd.core.profile import SegmentHabits
from ingestd.core.segments import Segment, numbering

FELL_BACK_S = 300 * 86_400.0
"""A clock that lost its time goes back years, not days."""
_ZONES_S = 14 * 3600.0
_RAN_ON_S = 31 * 86_400.0
"""So long a clock may run on from its factory date before somebody sets it."""


class Unwound(NamedTuple):
    """Segments in order, those of a fallen-back clock put behind the one that they continue; their keys; and what is
    said of it. The times of the originals are not touched: whoever shows them looks them up by key."""

    segments: list[Segment]
    fallen: frozenset[str]
    findings: tuple[Finding, ...]


def is_factory_time(start: dt.datetime) -> bool:
    """Whether a time may be one that a clock shows some days after it lost its own: the first of January of any year,
    in any zone, and up to 31 days more."""
    for year in (start.year, start.year + 1):
        try:
            since_s = (start - dt.datetime(year, 1, 1, tzinfo=dt.UTC)).total_seconds()
        except ValueError:
            return False
        if -_ZONES_S <= since_s <= _ZONES_S + _RAN_ON_S:
            return True
    return False


def unwound(dated: Sequence[Segment], habits: SegmentHabits) -> Unwound:
    """Find segments whose clock fell back while the recorder went on, by their numbers.

    Such a one shows a factory time years before the segment with the number before it, and that one was ended by the
    recorder: it is as long as the others. Without numbers nobody can say in which order they were made.

    Args:
        dated: segments of one track, by their own times.
        habits: says where the counter wraps.
    """
    numbered = [one for one in dated if one.sequence is not None and one.start is not None]
    if not numbered or len({one.sequence for one in numbered}) < len(numbered):
        return Unwound(list(dated), frozenset(), ())
    latest = max(one.start for one in numbered if one.start is not None)
    suspects = [
        one
        for one in numbered
        if one.start is not None and is_factory_time(one.start) and (latest - one.start).total_seconds() > FELL_BACK_S
    ]
    placed: dict[str, Segment] = {}
    originals = {one.key: one for one in numbered}
    told: list[Finding] = []
    longest_s = max((one.duration_s or 0.0 for one in numbered), default=0.0)
    # By their numbers, and again where the counter wraps: what continues one that was just placed comes behind it.
    waiting = sorted(suspects, key=lambda one: one.sequence or 0)
    for _ in range(2):
        for one in [one for one in waiting if one.key not in placed]:
            before = _before(one, [placed.get(other.key, other) for other in numbered], habits)
            before = before or _same_fall(one, placed, originals, habits)
            if before is None or before.end is None or one.start is None:
                continue
            original = originals[before.key]
            shift = _shift(before, original, one, longest_s)
            if shift is None:
                continue
            offset_s = None if one.clock_offset_s is None else one.clock_offset_s - shift.total_seconds()
            placed[one.key] = replace(one, start=one.start + shift, clock_offset_s=offset_s)
            if before.key not in placed or original.start is None or one.start < original.start:
                told.append(_finding(before, one))
    order = sorted(
        (placed.get(one.key, one) for one in dated),
        key=lambda one: (one.start.timestamp() if one.start else 0.0, one.sequence or 0, one.key),
    )
    return Unwound(order, frozenset(placed), tuple(told))


def _before(one: Segment, among: Sequence[Segment], habits: SegmentHabits) -> Segment | None:
    """The segment with the number before."""
    for other in among:
        numbers = numbering(other, one, habits)
        is_next = numbers.is_known and not numbers.is_contradiction and not numbers.absent
        if other.key != one.key and is_next:
            return other
    return None


def _same_fall(
    one: Segment, placed: dict[str, Segment], originals: dict[str, Segment], habits: SegmentHabits
) -> Segment | None:
    """The nearest earlier segment of a clock that fell back and ran on: some between them may be absent."""
    found = [
        other
        for key, other in placed.items()
        if not numbering(other, one, habits).is_contradiction and _seconds_from(originals[key], one) >= 0
    ]
    return min(found, key=lambda other: (_seconds_from(originals[other.key], one), other.key), default=None)


def _seconds_from(one: Segment, other: Segment) -> float:
    assert one.start is not None and other.start is not None
    return (other.start - one.start).total_seconds()


def _shift(before: Segment, original: Segment, one: Segment, longest_s: float) -> dt.timedelta | None:
    """How far a segment's time is to be put forward; null where it does not continue the one before."""
    if before.end is None or one.start is None or original.start is None or before.start is None:
        return None
    if before.start != original.start and one.start >= original.start:
        # Still the same fallen-back clock: the pause between them is what it shows.
        return before.start - original.start
    is_full = not before.is_truncated and longest_s - (before.duration_s or 0.0) <= max(0.1 * longest_s, 1.0)
    has_fallen = (original.start - one.start).total_seconds() > FELL_BACK_S or before.start != original.start
    return before.end - one.start if is_full and has_fallen else None


def _finding(before: Segment, one: Segment) -> Finding:
    assert before.end is not None and one.start is not None
    return finding(
        "clock.offset",
        files=(before.key, one.key),
        start_utc=to_text(before.end),
        end_utc=to_text(before.end),
        confidence=Confidence.LIKELY,
        innocent_explanation="the recorder's clock lost its time, as with a weak battery",
        evidence={
            "source": "takes",
            "sources": ["names", "sequence numbers"],
            "clock_fell_back": True,
            "clock_showed": to_text(one.start),
            "most_s": round((one.start - before.end).total_seconds(), 3),
            "sequence_before": before.sequence,
            "sequence_after": one.sequence,
            "note": "the clock fell back to its factory date in the middle of a take; the length of the pause there is"
            " not known",
        },
    )
