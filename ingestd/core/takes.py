"""From segments to takes: which recordings continue each other, and what is missing in a set of them."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from ingestd.core.clockresets import unwound
from ingestd.core.facts import MediaKind
from ingestd.core.findings import Confidence, Finding, Severity, finding
from ingestd.core.profile import SegmentHabits
from ingestd.core.segments import RESOLUTION_S, Neighbours, Segment, SharedContent, join, numbering

__all__ = ["Segment", "Take", "TakesResult", "assemble_takes"]

NOTHING_COMPARED: Mapping[tuple[str, str], SharedContent] = {}

_NEAREST_SEAMS = 5
"""The usual length is read from so many seams around; a setting may change between takes."""


@dataclass(frozen=True, slots=True)
class Take:
    """Recordings of one uninterrupted act of recording, in order; at least one."""

    recorder_key: str
    segments: tuple[Segment, ...]

    @property
    def start(self) -> dt.datetime | None:
        """When the first segment began; null where that is not known."""
        return self.segments[0].start

    @property
    def end(self) -> dt.datetime | None:
        """The latest known end; null where none is known."""
        return max((segment.end for segment in self.segments if segment.end is not None), default=None)


@dataclass(frozen=True, slots=True)
class TakesResult:
    """All takes of a set of segments, and what is wrong between and among the segments."""

    takes: tuple[Take, ...]
    findings: tuple[Finding, ...]


def assemble_takes(
    segments: Iterable[Segment],
    habits: SegmentHabits,
    shared: Mapping[tuple[str, str], SharedContent] = NOTHING_COMPARED,
) -> TakesResult:
    """Put the segments of one or several recorders into takes and judge every seam.

    Every timed segment stands in exactly one take; photos and logs only explain sequence numbers. The order of the
    input does not matter. Segments without a trusted time (`core.segments.TRUSTED_SOURCES`) are judged by sequence
    numbers alone, and what is said of them is provisional.

    Args:
        segments: of any recorders.
        habits: what is normal for their family.
        shared: what the packets of two overlapping segments said, by their keys in order.

    Returns:
        Takes by recorder and start; findings `set.missing`, `set.gap`, `set.overlap` (scope set), `clock.offset` of a
        clock that fell back (scope recorder) and `stream.audio_absent` (scope file).
    """
    everything = sorted(segments, key=_order)
    takes: list[Take] = []
    findings: list[Finding] = []
    for track in _tracks([segment for segment in everything if segment.kind.is_timed]):
        beside = [segment for segment in everything if segment.recorder_key == track[0].recorder_key]
        dated = [segment for segment in track if segment.is_dated]
        undated = [segment for segment in track if not segment.is_dated]
        by_time = _by_time(dated, beside, habits, shared)
        for found_takes, found in (by_time, _by_number(undated, beside, habits)):
            takes.extend(found_takes)
            findings.extend(found)
    findings.extend(_audio_absent(takes))
    takes.sort(key=lambda take: (take.recorder_key, _order(take.segments[0])))
    findings.sort(key=lambda one: (one.start_utc or "", one.code, one.files or (one.file or "",)))
    return TakesResult(tuple(takes), tuple(findings))


def _order(segment: Segment) -> tuple[bool, float, int, str]:
    if segment.start is None or not segment.is_dated:
        return (True, 0.0, segment.sequence or 0, segment.key)
    return (False, segment.start.timestamp(), segment.sequence or 0, segment.key)


def _tracks(timed: Sequence[Segment]) -> Iterator[list[Segment]]:
    """Segments that can continue each other: of one recorder and user, sound apart, parallel pictures apart."""
    groups: defaultdict[tuple[str, str, bool], list[Segment]] = defaultdict(list)
    for segment in timed:
        groups[segment.recorder_key, segment.user or "", segment.is_sound_only].append(segment)
    for group in groups.values():
        if not _runs_in_parallel(group):
            yield group
            continue
        sizes: defaultdict[tuple[int | None, int | None], list[Segment]] = defaultdict(list)
        for segment in group:
            sizes[segment.width, segment.height].append(segment)
        yield from sizes.values()


def _runs_in_parallel(group: Sequence[Segment]) -> bool:
    """Whether the recorder writes two pictures of different size at once, as some do for viewing."""
    pairs = zip(group, group[1:], strict=False)
    return any(
        _seconds_between(one, other) < RESOLUTION_S and (one.width, one.height) != (other.width, other.height)
        for one, other in pairs
        if one.width and other.width
    )


def _seconds_between(one: Segment, other: Segment) -> float:
    if one.start is None or other.start is None or not (one.is_dated and other.is_dated):
        return float("inf")
    return (other.start - one.start).total_seconds()


def _by_time(
    own: list[Segment],
    beside: Sequence[Segment],
    habits: SegmentHabits,
    shared: Mapping[tuple[str, str], SharedContent],
) -> tuple[list[Take], list[Finding]]:
    """Walk along the segments; each joins the one before it or begins a take."""
    dated, fallen, told = unwound(own, habits)
    if dated and all(segment.clock_offset_s is not None for segment in dated):
        dated = sorted(dated, key=lambda segment: (_order(segment)[1] + (segment.clock_offset_s or 0.0), segment.key))
    seams = _rolled_lengths(dated, habits)
    groups: list[list[Segment]] = []
    findings: list[Finding] = list(told)
    previous: Segment | None = None
    for place, segment in enumerate(dated):
        if previous is None:
            groups.append([segment])
            previous = segment
            continue
        numbers = numbering(previous, segment, habits, _held_numbers(previous, segment, beside))
        pair = Neighbours(
            previous,
            segment,
            habits,
            _usual_length(seams, place),
            numbers,
            shared.get((previous.key, segment.key)),
            _is_across_clocks(previous, segment, fallen),
        )
        seam = join(pair)
        if seam.finding is not None:
            findings.append(seam.finding)
        if seam.continues:
            groups[-1].append(segment)
        else:
            groups.append([segment])
        if not seam.continues or previous.end is None or segment.end is None or segment.end >= previous.end:
            previous = segment
    originals = {segment.key: segment for segment in own}
    takes = [Take(group[0].recorder_key, tuple(originals[one.key] for one in group)) for group in groups]
    return takes, findings


def _is_across_clocks(previous: Segment, following: Segment, fallen: frozenset[str]) -> bool:
    """Whether a clock that fell back stands between two segments, and no position time tells of both."""
    is_timed = previous.clock_offset_s is not None and following.clock_offset_s is not None
    return (previous.key in fallen) != (following.key in fallen) and not is_timed


def _rolled_lengths(dated: Sequence[Segment], habits: SegmentHabits) -> list[tuple[int, float]]:
    """Place and length of each segment that another one follows without a pause: the recorder ended it."""
    lengths = []
    for place, (one, other) in enumerate(zip(dated, dated[1:], strict=False), start=1):
        if one.duration_s is None or one.is_truncated:
            continue
        pause_s = _seconds_between(one, other) - one.duration_s
        if -RESOLUTION_S <= pause_s <= habits.roll_over_s + RESOLUTION_S:
            lengths.append((place, one.duration_s))
    return lengths


def _usual_length(seams: Sequence[tuple[int, float]], place: int) -> float | None:
    nearest = sorted(seams, key=lambda seam: (abs(seam[0] - place), seam[0]))[:_NEAREST_SEAMS]
    return median(length_s for _, length_s in nearest) if nearest else None


def _held_numbers(previous: Segment, following: Segment, beside: Sequence[Segment]) -> frozenset[int]:
    """Numbers that photos, sound recordings or second streams of the time between two segments carry.

    Empty files do not count: what should be in them is absent.
    """
    return frozenset(
        other.sequence
        for other in beside
        if other.sequence is not None
        and other.kind is not MediaKind.EMPTY
        and _seconds_between(previous, other) >= -RESOLUTION_S
        and _seconds_between(other, following) >= -RESOLUTION_S
        and other.is_dated
    )


def _by_number(
    undated: Sequence[Segment], beside: Sequence[Segment], habits: SegmentHabits
) -> tuple[list[Take], list[Finding]]:
    """Without times each segment is a take of its own, and only a hole in the numbers after a full segment is told.

    Full means as long as the longest, and at least two must be: the recorder ended them, so something followed.
    """
    takes = [Take(segment.recorder_key, (segment,)) for segment in undated]
    numbered = sorted((one for one in undated if one.sequence is not None), key=lambda one: (one.sequence, one.key))
    longest_s = max((one.duration_s or 0.0 for one in numbered), default=0.0)
    full = {
        one.key
        for one in numbered
        if (one.duration_s or 0.0) > 0 and longest_s - (one.duration_s or 0.0) <= RESOLUTION_S
    }
    carried = (other.sequence for other in beside if other.kind is not MediaKind.EMPTY)
    held = frozenset(number for number in carried if number is not None)
    findings = []
    for one, other in zip(numbered, numbered[1:], strict=False):
        absent = numbering(one, other, habits, held).absent
        if not absent or one.key not in full or len(full) < 2:
            continue
        findings.append(
            finding(
                "set.missing",
                severity=Severity.NOTICE,
                files=(one.key, other.key),
                confidence=Confidence.PROVISIONAL,
                evidence={
                    "sources": ["sequence numbers"],
                    "sequence_before": one.sequence,
                    "sequence_after": other.sequence,
                    "missing_sequence": list(absent),
                    "segment_length_s": longest_s,
                    "note": "no trusted times: a hole in the numbers is a sign, not a proof",
                },
            )
        )
    return takes, findings


def _audio_absent(takes: Sequence[Take]) -> Iterator[Finding]:
    """Pictures without sound whose siblings in the take, or of the same recorder, have it."""
    with_sound: defaultdict[str, set[str]] = defaultdict(set)
    for take in takes:
        with_sound[take.recorder_key].update(one.key for one in take.segments if one.has_video and one.has_audio)
    for take in takes:
        in_take = {one.key for one in take.segments if one.has_video and one.has_audio}
        is_known = all(one.is_recorder_known for one in take.segments)
        siblings = in_take or (with_sound[take.recorder_key] if is_known else set())
        for segment in take.segments:
            is_silent = segment.has_video and not segment.has_audio and not segment.has_told_audio
            # In a torn file the sound may have stood in the part that is missing.
            if not is_silent or segment.is_truncated or not siblings:
                continue
            yield finding(
                "stream.audio_absent",
                file=segment.key,
                confidence=Confidence.CERTAIN if len(siblings) > 1 else Confidence.LIKELY,
                evidence={
                    "source": "packets",
                    "siblings_with_audio": len(siblings),
                    "siblings_are": "of the same take" if in_take else "of the same recorder",
                    "examples": sorted(siblings)[:3],
                },
            )
