"""Two neighbouring segments of a recorder: does one continue the other, and what is absent or late between them."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ingestd.core.clock import to_text
from ingestd.core.facts import MediaKind
from ingestd.core.findings import Confidence, Finding, Severity, finding
from ingestd.core.profile import SegmentHabits

TRUSTED_SOURCES = frozenset({"name", "container", "position"})
"""Sources of a start that the recorder wrote while recording. File system and docking times are not among them."""

RESOLUTION_S = 1.0
"""Names carry whole seconds, so a pause computed from two of them is wrong by up to this much."""

_FULL_SHARE = 0.10
"""A segment within this share of the usual length was ended by the recorder, not by the officer."""
_FIT_SHARE = 0.10
"""A pause is n absent segments when it is this close to n usual lengths, where the usual length is known."""
_FIT_SHARE_ALONE = 0.02
"""The same where the only evidence of the usual length is the segment before."""
_FIT_MOST = 0.25
"""Of one usual length: the loosest fit, however many segments are absent."""
_MOST_ABSENT = 200
"""More absent numbers than this are a counter that was reset, not a loss."""
_LATE_FLOOR_S = 30.0
"""After a full segment a pause is a late start while it is shorter than one usual length, or than this."""
_CLOCK_RIGHT_S = 5.0
"""A recorder whose clock is this close to position time may just have been set by it."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What assembling takes needs to know of one recording.

    `start` is the recorder's own time (aware) with its source; `duration_s` comes from packet times, null where the
    file has no readable end. `clock_offset_s` is position time less the recorder's time, where a fix tells it.
    `sequence` of photos and logs is used too: it explains numbers that no segment carries. `has_told_audio` marks a
    file whose missing sound is known from itself. Files of a recorder that nobody could name (`is_recorder_known`)
    may be of several ones: only those of the same take are siblings.
    """

    key: str
    recorder_key: str
    kind: MediaKind
    start: dt.datetime | None = None
    start_source: str | None = None
    duration_s: float | None = None
    sequence: int | None = None
    user: str | None = None
    has_video: bool = False
    has_audio: bool = False
    is_truncated: bool = False
    clock_offset_s: float | None = None
    video_codec: str | None = None
    width: int | None = None
    height: int | None = None
    frames_per_second: float | None = None
    has_told_audio: bool = False
    is_recorder_known: bool = True

    @property
    def is_dated(self) -> bool:
        """Whether its start can be set against its neighbours'."""
        return self.start is not None and self.start_source in TRUSTED_SOURCES

    @property
    def is_sound_only(self) -> bool:
        """Sound recordings form takes of their own."""
        return self.kind is MediaKind.AUDIO or (self.has_audio and not self.has_video)

    @property
    def end(self) -> dt.datetime | None:
        """The end by packet times; null where start or length is not known."""
        if self.start is None or self.duration_s is None:
            return None
        return self.start + dt.timedelta(seconds=self.duration_s)


class Seam(NamedTuple):
    """How a segment follows another: in the same take or not, and the finding about it."""

    continues: bool
    finding: Finding | None = None


class Numbering(NamedTuple):
    """What the sequence numbers of two neighbours say.

    `absent` are the numbers between them that nothing on the card carries; `is_contradiction` when the later segment
    has the same or a lower number that no wrap explains. Both numbers must be known for either.
    """

    is_known: bool = False
    is_contradiction: bool = False
    absent: tuple[int, ...] = ()


def numbering(
    previous: Segment, following: Segment, habits: SegmentHabits, held: frozenset[int] = frozenset()
) -> Numbering:
    """Compare sequence numbers, wraps of the counter included.

    Args:
        previous: the earlier segment.
        following: the later one.
        habits: says where the counter wraps.
        held: numbers that other files of the same recorder and time carry.
    """
    first, last = previous.sequence, following.sequence
    if first is None or last is None:
        return Numbering()
    between: range | list[int] = range(first + 1, last)
    if last <= first:
        wrap = next((wrap for wrap in sorted(habits.sequence_wraps_at) if first < wrap < first + _MOST_ABSENT), None)
        if last == first or wrap is None or last > _MOST_ABSENT:
            return Numbering(is_known=True, is_contradiction=True)
        # Counters restart at 0 or at 1; that 0 was never given out cannot be told apart from its loss.
        between = [*range(first + 1, wrap), *range(1, last)]
    if len(between) > _MOST_ABSENT:
        return Numbering(is_known=True, is_contradiction=True)
    return Numbering(is_known=True, absent=tuple(number for number in between if number not in held))


class SharedContent(NamedTuple):
    """What the packets of two segments said that overlap by their times: `seconds` and `packets` at the end of the
    earlier are byte for byte the start of the later, of `compared` packets there; zeros where none are."""

    seconds: float
    packets: int
    compared: int

    @property
    def is_equal(self) -> bool:
        """Whether the later segment begins with the end of the earlier."""
        return self.packets > 0


class Neighbours(NamedTuple):
    """Two dated segments in order, with what is known around them. `usual_s` is the length at which the recorder
    itself ends its segments, seen at other seams; null where none was seen. `shared` is null where nobody compared
    their packets. `has_other_clock`: between them the clock fell back to its factory date, or was set again."""

    previous: Segment
    following: Segment
    habits: SegmentHabits
    usual_s: float | None
    numbers: Numbering
    shared: SharedContent | None = None
    has_other_clock: bool = False

    @property
    def starts_apart_s(self) -> float:
        """From start to start, in seconds."""
        if self.previous.start is None or self.following.start is None:
            return 0.0
        return (self.following.start - self.previous.start).total_seconds() + self.clock_step_s

    @property
    def clock_step_s(self) -> float:
        """What the recorder's clock was set back by between the two, where position time tells it of both."""
        before, after = self.previous.clock_offset_s, self.following.clock_offset_s
        if before is None or after is None or abs(after - before) <= 2 * RESOLUTION_S:
            return 0.0
        return after - before

    @property
    def may_hide_clock_step(self) -> bool:
        """Whether the clock may have been set at a first position fix that only the later segment has."""
        after = self.following.clock_offset_s
        return self.previous.clock_offset_s is None and after is not None and abs(after) <= _CLOCK_RIGHT_S

    @property
    def is_previous_full(self) -> bool:
        """Whether the recorder ended the earlier segment by itself, as it does in the middle of a take."""
        length_s = self.previous.duration_s
        if self.usual_s is None or length_s is None:
            return False
        return abs(length_s - self.usual_s) <= max(_FULL_SHARE * self.usual_s, RESOLUTION_S)

    def fits(self, span_s: float, count: int, share: float) -> bool:
        """Whether a span is about as long as `count` usual segments with their normal pauses."""
        length_s = self.usual_s or self.previous.duration_s or 0.0
        slack_s = self.habits.roll_over_s * (count + 1) + RESOLUTION_S
        slack_s = max(slack_s, min(share * count, _FIT_MOST) * length_s)
        return count >= 1 and length_s > 0 and abs(span_s - count * length_s) <= slack_s

    def tell(
        self, code: str, length_s: float, confidence: Confidence, severity: Severity | None, **evidence: Any
    ) -> Finding:
        """A finding about the pause after the earlier segment, or about the overlap at the start of the later one."""
        later, is_overlap = self.following, code == "set.overlap"
        end = later.start if later.start is not None else None
        begin = end
        if end is not None and is_overlap:
            end = end + dt.timedelta(seconds=length_s)
        elif end is not None:
            begin = end - dt.timedelta(seconds=length_s)
        common: Mapping[str, Any] = {
            "sources": sorted({str(self.previous.start_source), str(later.start_source), "packets"}),
            "sequence_before": self.previous.sequence,
            "sequence_after": later.sequence,
            "usual_length_s": self.usual_s,
            "roll_over_s": self.habits.roll_over_s,
            "clock_step_s": round(self.clock_step_s, 3),
        }
        return finding(
            code,
            severity=severity,
            files=(self.previous.key, later.key),
            start_s=0.0,
            end_s=round(length_s, 3),
            start_utc=None if begin is None else to_text(begin),
            end_utc=None if end is None else to_text(end),
            confidence=confidence,
            evidence={**common, **evidence},
        )


def join(pair: Neighbours) -> Seam:
    """Judge one seam.

    A pause within the normal roll-over continues the take. After a segment that the officer ended (shorter than
    usual) a pause is a stop and a new start. After a full one it is a late segment (`set.gap`) or, where numbers or
    the length of the pause say so, an absent one (`set.missing`). A segment that starts early overlaps.
    """
    previous = pair.previous
    if pair.has_other_clock:
        return _across_clocks(pair)
    if previous.duration_s is None:
        return _after_unknown_end(pair)
    pause_s = pair.starts_apart_s - previous.duration_s
    if -RESOLUTION_S <= pause_s <= pair.habits.roll_over_s + RESOLUTION_S:
        return Seam(continues=True)
    if pause_s < 0:
        return _overlap(pair, -pause_s)
    if previous.is_truncated:
        return _after_unknown_end(pair)
    return _pause(pair, pause_s)


def _overlap(pair: Neighbours, overlap_s: float) -> Seam:
    later_s = pair.following.duration_s
    shared_s = overlap_s if later_s is None else min(overlap_s, later_s)
    if pair.starts_apart_s < RESOLUTION_S:
        # A copy under another name, a second stream, or a clock that never ran: the times prove nothing.
        is_copy = pair.numbers.is_known and pair.previous.sequence == pair.following.sequence
        return Seam(continues=is_copy)
    if pair.numbers.is_contradiction:
        return Seam(continues=False)
    if pair.may_hide_clock_step:
        note = "the clock may have been set at the first position fix"
        told = pair.tell("set.overlap", shared_s, Confidence.PROVISIONAL, Severity.INFO, note=note)
        return Seam(pair.is_previous_full, told)
    said = _by_content(pair)
    is_told = pair.shared is not None and pair.shared.is_equal
    confidence = Confidence.CERTAIN if is_told else Confidence.LIKELY
    if pair.is_previous_full:
        # A take that was stopped just when a segment was full, and begun again at once, would look the same.
        return Seam(True, pair.tell("set.overlap", shared_s, confidence, None, **said))
    if overlap_s <= pair.habits.pre_record_s + RESOLUTION_S:
        note = "a new take; pre-record keeps the seconds before the button"
        if pair.shared is not None and not is_told:
            note = (
                "by their times alone: the packets differ, so the clock may have been set back, or the seconds before"
            )
            note += " the button were encoded anew"
            confidence = Confidence.PROVISIONAL
        told = pair.tell("set.overlap", shared_s, confidence, Severity.INFO, note=note, **said)
        return Seam(False, told)
    return Seam(False, pair.tell("set.overlap", shared_s, confidence, None, **said))


def _by_content(pair: Neighbours) -> dict[str, Any]:
    """What the packets of both said, for the evidence."""
    if pair.shared is None:
        return {"content": "not compared"}
    if not pair.shared.is_equal:
        return {"content": "different", "packets_compared": pair.shared.compared}
    told = {"content": "equal", "equal_packets": pair.shared.packets, "equal_s": round(pair.shared.seconds, 3)}
    return told | {"packets_compared": pair.shared.compared}


def _across_clocks(pair: Neighbours) -> Seam:
    """Between two settings of the clock no pause is known: only numbers and a full segment say that a take goes on."""
    is_next = pair.numbers.is_known and not pair.numbers.is_contradiction and not pair.numbers.absent
    is_full = pair.usual_s is None or pair.is_previous_full
    pause_s = pair.starts_apart_s - (pair.previous.duration_s or 0.0)
    is_near = abs(pause_s) < max(pair.usual_s or pair.previous.duration_s or 0.0, _LATE_FLOOR_S)
    return Seam(continues=is_next and is_full and is_near)


def _pause(pair: Neighbours, pause_s: float) -> Seam:
    length_s = pair.usual_s or pair.previous.duration_s or 0.0
    if length_s <= 0 or pair.numbers.is_contradiction or (pair.usual_s is not None and not pair.is_previous_full):
        return Seam(continues=False)
    share = _FIT_SHARE if pair.usual_s is not None else _FIT_SHARE_ALONE
    missing = _absent_count(pair, pause_s, length_s, share)
    if missing:
        is_certain = pair.usual_s is not None and missing == len(pair.numbers.absent)
        confidence = Confidence.CERTAIN if is_certain else Confidence.LIKELY
        return Seam(
            True,
            pair.tell(
                "set.missing",
                pause_s,
                confidence,
                None,
                missing_segments=missing,
                missing_sequence=list(pair.numbers.absent),
                segment_length_s=length_s,
            ),
        )
    if not pair.is_previous_full or pause_s >= max(length_s, _LATE_FLOOR_S):
        return Seam(continues=False)
    if pair.may_hide_clock_step:
        note = "the clock may have been set at the first position fix"
        return Seam(True, pair.tell("set.gap", pause_s, Confidence.PROVISIONAL, Severity.INFO, note=note))
    is_next_number = pair.numbers.is_known and not pair.numbers.absent
    confidence = Confidence.CERTAIN if is_next_number else Confidence.LIKELY
    return Seam(True, pair.tell("set.gap", pause_s, confidence, None))


def _absent_count(pair: Neighbours, pause_s: float, length_s: float, share: float) -> int:
    """How many segments are absent in a pause; 0 where numbers and length do not say so together."""
    by_length = round(pause_s / length_s)
    if pair.numbers.is_known:
        most = len(pair.numbers.absent)
        # Photos share the counter on some recorders, so fewer segments than numbers may be absent.
        for count in (most, by_length):
            if count <= most and pair.fits(pause_s, count, share):
                return count
        return 0
    is_telling = pair.habits.roll_over_s * (by_length + 1) + RESOLUTION_S < 0.5 * length_s
    # What is absent in the middle of a take was full: into a shorter pause it does not go.
    is_telling &= pause_s >= by_length * length_s * (1 - _FULL_SHARE) - RESOLUTION_S
    return by_length if is_telling and pair.is_previous_full and pair.fits(pause_s, by_length, share) else 0


def _after_unknown_end(pair: Neighbours) -> Seam:
    """The earlier file is torn: it may have run up to the next start, so no pause is claimed.

    Only whole absent segments show, by numbers and by the distance of the starts together.
    """
    if pair.numbers.is_contradiction or pair.usual_s is None:
        is_next = pair.numbers.is_known and not pair.numbers.is_contradiction and not pair.numbers.absent
        return Seam(continues=is_next and pair.usual_s is None)
    missing = len(pair.numbers.absent)
    if missing and pair.fits(pair.starts_apart_s, missing + 1, _FIT_SHARE):
        note = "the file before is torn; its end is taken from the usual length, not from its packets"
        return Seam(
            True,
            pair.tell(
                "set.missing",
                max(0.0, pair.starts_apart_s - pair.usual_s),
                Confidence.LIKELY,
                None,
                missing_segments=missing,
                missing_sequence=list(pair.numbers.absent),
                segment_length_s=pair.usual_s,
                note=note,
            ),
        )
    return Seam(continues=pair.fits(pair.starts_apart_s, 1, _FIT_SHARE) or pair.starts_apart_s < pair.usual_s)
