"""`trim.*` and what was put in, by the neighbours of a take, position time as the arbiter; pictures that end early."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from ingestd.core.clock import to_text
from ingestd.core.facts import StreamFacts, StreamKind
from ingestd.core.findings import Confidence, Finding, Severity, finding
from ingestd.core.profile import SegmentHabits
from ingestd.core.siblingclocks import Clocks, agreed, moment
from ingestd.core.siblings import recording_class
from ingestd.core.timeline import DEFAULT_GAP_RULE, UNPLACED_NOTE

_EXACT_S = 0.4
_FIT_S = 1.2
"""Names carry whole seconds: two lengths by names agree within this."""
_NEAREST = 4
_SOUND_HABIT_S = 0.003
_EARLY_S = 0.4
_EARLY_SIBLINGS = 3
_TOLD_S = DEFAULT_GAP_RULE.end_difference_seconds
"""A stream that ends earlier than that is told without siblings (`core.timeline`)."""


def trim_findings(
    track: Sequence[Clocks], habits: SegmentHabits, container_offsets: Mapping[str, float] | None = None
) -> tuple[Finding, ...]:
    """Segments of one track (recorder, user, pictures) that are shorter than their place in the take.

    Said only where the segment after begins at the usual distance, which no officer's stop does, or where position
    time shows that the content begins later than the name while the neighbours' clocks agree with each other. A file
    whose container's time is off as far as its position time (`container_offsets`, seconds by key) was not cut: its
    name is wrong.
    """
    dated = sorted((one for one in track if one.start_s is not None), key=lambda one: (one.start_s or 0.0, one.key))
    if len(dated) < 3:
        return ()
    places = [_Place(dated, number, habits) for number in range(len(dated))]
    offsets = container_offsets or {}
    return tuple(one for place in places if place.own.is_whole for one in _judged(place, offsets.get(place.own.key)))


@dataclass(frozen=True, slots=True)
class _Place:
    """One segment among the others of its track, in order of their starts."""

    track: Sequence[Clocks]
    number: int
    habits: SegmentHabits

    @property
    def own(self) -> Clocks:
        return self.track[self.number]

    @property
    def following(self) -> Clocks | None:
        return self.track[self.number + 1] if self.number + 1 < len(self.track) else None

    @property
    def previous(self) -> Clocks | None:
        return self.track[self.number - 1] if self.number else None

    def seams(self) -> list[tuple[float, float]]:
        """(distance of the starts, pause) of the nearest other seams at which the take went on."""
        found = []
        for number, (one, other) in enumerate(zip(self.track, self.track[1:], strict=False)):
            if number == self.number or not one.is_whole:
                continue
            apart_s = (other.start_s or 0.0) - (one.start_s or 0.0)
            pause_s = apart_s - (one.duration_s or 0.0)
            if -1.0 <= pause_s <= self.habits.roll_over_s + 1.0:
                found.append((abs(number - self.number), apart_s, pause_s))
        return [(apart_s, pause_s) for _, apart_s, pause_s in sorted(found)[:5]]

    def offset_s(self) -> tuple[float, float] | None:
        """Position time less the recorder's clock by the neighbours, and how far they differ; null where they do not
        agree (a clock that was set between them) or fewer than two tell it."""
        others = [one for one in self.track if one is not self.own and one.position_s is not None]
        near = sorted(others, key=lambda one: abs((one.start_s or 0.0) - (self.own.start_s or 0.0)))[:_NEAREST]
        offsets = [(one.position_s or 0.0) - (one.start_s or 0.0) for one in near]
        middle = agreed(offsets, 1.5)
        if middle is None:
            return None
        kept = [one for one in offsets if abs(one - middle) <= 1.5]
        return middle, max(kept) - min(kept)


def _judged(place: _Place, container_off_s: float | None) -> Iterator[Finding]:
    own, seams = place.own, place.seams()
    offset = place.offset_s()
    explained_s = sum(
        seam.amount or 0.0 for seam in own.sibling.facts.seams if seam.kind == "position" and (seam.amount or 0.0) > 0
    )
    head_s, least_s = 0.0, _EXACT_S
    if offset is not None and own.position_s is not None and own.start_s is not None:
        head_s = own.position_s - own.start_s - offset[0]
        least_s = max(_EXACT_S, 1.2 * offset[1] + 0.3)
    usual = agreed([apart_s for apart_s, _ in seams], _FIT_S)
    if usual is None and len(seams) == 1 and offset is not None:
        usual = seams[0][0]
    goes_on = place.following is not None and usual is not None and _apart(own, place.following) is not None
    missing_s = None
    if goes_on and usual is not None and place.following is not None:
        apart_s = _apart(own, place.following) or 0.0
        if abs(apart_s - usual) <= _FIT_S:
            missing_s = apart_s - (own.duration_s or 0.0) - median(pause_s for _, pause_s in seams) - explained_s
    is_renamed = container_off_s is not None and abs(container_off_s - head_s) <= 3.0
    if is_renamed:
        return
    if head_s > least_s and _is_head(place, head_s, missing_s):
        yield _head(own, head_s, least_s, offset, missing_s)
        missing_s = None if missing_s is None else missing_s - head_s
    if missing_s is not None and offset is None:
        yield from _put_in(place, -missing_s)
    if missing_s is not None:
        yield from _tail(place, missing_s, least_s, has_arbiter=offset is not None and own.position_s is not None)


def _apart(one: Clocks, other: Clocks) -> float | None:
    return None if one.start_s is None or other.start_s is None else other.start_s - one.start_s


def _is_head(place: _Place, head_s: float, missing_s: float | None) -> bool:
    """Whether length or the segment before bear out that content is missing; a clock that was set shows neither."""
    if missing_s is not None and abs(missing_s - head_s) <= _FIT_S:
        return True
    previous, own = place.previous, place.own
    if previous is None or not previous.is_whole or previous.position_end_s is None or own.position_s is None:
        return False
    named_s = (_apart(previous, own) or 0.0) - (previous.duration_s or 0.0)
    true_s = own.position_s - previous.position_end_s
    return -1.0 <= named_s <= place.habits.roll_over_s + 1.0 and abs(true_s - named_s - head_s) <= _FIT_S


def _head(
    own: Clocks, head_s: float, least_s: float, offset: tuple[float, float] | None, missing_s: float | None
) -> Finding:
    return _found(
        "trim.head",
        0.0,
        (own.position_s or 0.0) - head_s,
        (own.position_s or 0.0),
        Confidence.CERTAIN if head_s > 2 * least_s and missing_s is not None else Confidence.LIKELY,
        None,
        sources=["name", "position track", "neighbours"],
        missing_s=round(head_s, 3),
        content_begins_after_name_s=round((own.position_s or 0.0) - (own.start_s or 0.0), 3),
        neighbours_clock_offset_s=None if offset is None else round(offset[0], 3),
        file=own.key,
    )


def _tail(place: _Place, missing_s: float, least_s: float, *, has_arbiter: bool) -> Iterator[Finding]:
    own, following = place.own, place.following
    if following is None:
        return
    end_s = round((own.sibling.facts.start_s or 0.0) + (own.duration_s or 0.0), 6)
    if has_arbiter and own.position_end_s is not None and following.position_s is not None:
        true_s = following.position_s - own.position_end_s
        if missing_s <= least_s or abs(true_s - missing_s) > _FIT_S:
            return
        if _positions_run_on_s(own) > _EXACT_S:
            yield _short_pictures(own, missing_s)
            return
        yield _found(
            "trim.tail",
            end_s,
            own.position_end_s,
            own.position_end_s + missing_s,
            Confidence.CERTAIN if missing_s > 2 * least_s else Confidence.LIKELY,
            None,
            sources=["name", "position track", "neighbours"],
            missing_s=round(missing_s, 3),
            next_begins_after_s=round(true_s, 3),
            file=own.key,
        )
        return
    yield from _without_arbiter(place, missing_s)


def _positions_run_on_s(own: Clocks) -> float:
    """By how many seconds fixes go on behind the last picture; negative where they end before it."""
    pictures = _video(own)
    moments = [fix.at_s for fix in own.sibling.facts.fixes if fix.at_s is not None and not fix.is_doubtful]
    return max(moments) - pictures.end_s if moments and pictures is not None and pictures.end_s is not None else 0.0


def _short_pictures(own: Clocks, missing_s: float) -> Finding:
    """Only the pictures are too short for the file's place; position time goes on behind them: nothing was trimmed."""
    pictures = _video(own)
    return finding(
        "gap.video",
        file=own.key,
        confidence=Confidence.LIKELY,
        evidence={
            "sources": ["packets", "position track", "neighbours"],
            "video_end_s": pictures.end_s if pictures is not None else None,
            "positions_run_on_s": round(_positions_run_on_s(own), 3),
            "missing_s": round(missing_s, 3),
            "note": UNPLACED_NOTE,
        },
    )


def _put_in(place: _Place, extra_s: float) -> Iterator[Finding]:
    """`splice.insert`: without position times, a file longer than its place in the take, with one group of pictures cut
    short inside. A clip put in ends there; from its length follows where it begins."""
    own = place.own
    pauses = [pause_s for _, pause_s in place.seams()]
    seams = [seam for seam in own.sibling.facts.seams if seam.kind in ("key.distance", "key.rhythm")]
    if len(pauses) < 2 or extra_s <= max(1.0, 2 * (max(pauses) - min(pauses)) + 0.5) or len(seams) != 1:
        return
    (seam,) = seams
    end_s = seam.at_s if seam.until_s is None else seam.until_s
    start_s = round(end_s - extra_s, 3)
    if start_s < (own.sibling.facts.start_s or 0.0) - _EXACT_S:
        return
    yield finding(
        "splice.insert",
        severity=Severity.WARNING,
        file=own.key,
        start_s=max(0.0, start_s),
        end_s=end_s,
        confidence=Confidence.PROVISIONAL,
        evidence={
            "sources": ["names", "key pictures", "neighbours"],
            "longer_than_its_place_s": round(extra_s, 3),
            "seams": [seam.model_dump(mode="json", exclude_none=True)],
            "note": "the start follows from the length; without position times nothing else shows it",
        },
    )


def _without_arbiter(place: _Place, missing_s: float) -> Iterator[Finding]:
    """Without position times: a lone early or late sound packet shows a cut inside, sound that does not begin as the
    siblings' does shows a cut start; else the weaker truth is told as a cut end, provisionally."""
    own = place.own
    start_utc_s, length_s = own.start_s or 0.0, own.duration_s or 0.0
    pauses = [pause_s for _, pause_s in place.seams()]
    spread_s = max(pauses) - min(pauses) if pauses else _FIT_S
    if missing_s <= max(1.0, 2 * spread_s + 0.5) or len(pauses) < 2:
        return
    seams = own.sibling.facts.seams
    steps = [seam for seam in seams if seam.kind == "sound.step"]
    inner = [seam for seam in seams if seam.kind in ("key.number", "key.distance", "frame.number")]
    sources = ["names", "packets", "neighbours"]
    if inner and steps:
        return
    if len(steps) == 1:
        yield finding(
            "splice.removed",
            file=own.key,
            start_s=steps[0].at_s,
            end_s=steps[0].at_s,
            confidence=Confidence.LIKELY,
            evidence={
                "sources": sources,
                "missing_s": round(missing_s, 3),
                "seams": [steps[0].model_dump(mode="json", exclude_none=True)],
                "note": "shorter than its place in the take, and the sound does not run on at one place",
            },
        )
    elif not steps:
        begins_otherwise = _begins_otherwise(place)
        at_s = 0.0 if begins_otherwise else round((own.sibling.facts.start_s or 0.0) + length_s, 6)
        from_s = start_utc_s if begins_otherwise else start_utc_s + length_s
        yield _found(
            "trim.head" if begins_otherwise else "trim.tail",
            at_s,
            from_s,
            from_s + missing_s,
            Confidence.PROVISIONAL if begins_otherwise is None else Confidence.LIKELY,
            None if begins_otherwise else Severity.WARNING,
            sources=sources,
            missing_s=round(missing_s, 3),
            sound_begins_otherwise=begins_otherwise,
            note="shorter than its place in the take; without position times only the sound's start tells which end",
            file=own.key,
        )


def _begins_otherwise(place: _Place) -> bool | None:
    """Whether sound begins at another distance from the pictures than in all siblings, as it does behind a cut; null
    where the siblings have no such habit. Where their habit is to begin together, so does whatever a tool begins anew:
    equality then tells nothing."""
    own = _start_difference_s(place.own)
    others = [_start_difference_s(one) for one in place.track if one is not place.own]
    known = [one for one in others if one is not None]
    usual = agreed(known, _SOUND_HABIT_S)
    if own is None or usual is None or any(abs(one - usual) > _SOUND_HABIT_S for one in known):
        return None
    is_otherwise = abs(own - usual) > 2 * _SOUND_HABIT_S
    return None if not is_otherwise and abs(usual) <= _SOUND_HABIT_S else is_otherwise


def _start_difference_s(one: Clocks) -> float | None:
    video, sounds = _video(one), one.sibling.facts.streams_of(StreamKind.AUDIO)
    if video is None or not sounds or video.first_s is None or sounds[0].first_s is None:
        return None
    return sounds[0].first_s - video.first_s


def _found(
    code: str,
    at_s: float,
    from_s: float,
    to_s: float,
    confidence: Confidence,
    severity: Severity | None,
    *,
    file: str,
    **evidence: Any,
) -> Finding:
    begin, end = moment(from_s), moment(to_s)
    return finding(
        code,
        severity=severity,
        file=file,
        start_s=at_s,
        end_s=at_s,
        start_utc=to_text(begin),
        end_utc=to_text(end),
        confidence=confidence,
        evidence=evidence,
    )


def early_ends(track: Sequence[Clocks]) -> Iterator[Finding]:
    """`gap.video`, `gap.audio`: pictures end before the sound in one file, or the sound before the pictures, and both
    together in all its siblings.

    Dropped packets whose times were closed up leave this where nothing shows the place.
    """
    ends = {one.key: _end_difference_s(one) for one in track if one.is_whole}
    known = {key: value for key, value in ends.items() if value is not None}
    classes = {one.key: recording_class(one.sibling) for one in track}
    for key, later_s in known.items():
        others = [value for other, value in known.items() if other != key and classes[other] == classes[key]]
        usual = agreed(others, 0.15)
        own = next(one for one in track if one.key == key)
        if usual is None or len(others) < _EARLY_SIBLINGS or abs(later_s) > _TOLD_S or _is_gap_told(own):
            continue
        early = {"gap.video": later_s - max(usual, 0.0), "gap.audio": min(usual, 0.0) - later_s}
        code = max(early, key=lambda one: early[one])
        if early[code] >= _EARLY_S:
            yield _early_end(own, code, later_s, usual, len(others))


def _is_gap_told(own: Clocks) -> bool:
    """Whether the file by itself shows what is missing, and where."""
    facts = own.sibling.facts
    return any(seam.kind.startswith(("key.", "frame.")) for seam in facts.seams)


def _early_end(own: Clocks, code: str, later_s: float, usual_s: float, siblings: int) -> Finding:
    video, sounds = _video(own), own.sibling.facts.streams_of(StreamKind.AUDIO)
    return finding(
        code,
        file=own.key,
        confidence=Confidence.LIKELY,
        evidence={
            "sources": ["packets", "siblings"],
            "video_end_s": video.end_s if video is not None else None,
            "audio_end_s": sounds[0].end_s if sounds else None,
            "missing_s": round(abs(later_s), 3),
            "usual_s": round(usual_s, 3),
            "siblings": siblings,
            "note": UNPLACED_NOTE,
        },
    )


def _video(own: Clocks) -> StreamFacts | None:
    return next(iter(own.sibling.facts.streams_of(StreamKind.VIDEO)), None)


def _end_difference_s(own: Clocks) -> float | None:
    sounds = own.sibling.facts.streams_of(StreamKind.AUDIO)
    video = _video(own)
    if video is None or not sounds or video.end_s is None or sounds[0].end_s is None:
        return None
    return sounds[0].end_s - video.end_s
