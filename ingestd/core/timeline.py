"""From packet times to what is missing inside one file: the hole rule, and the findings of a file's time line."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import sub
from statistics import median

from ingestd.core.clock import from_text
from ingestd.core.facts import Hole, MediaFacts, MediaKind, StreamFacts, StreamKind
from ingestd.core.findings import Confidence, Finding, finding


@dataclass(frozen=True, slots=True)
class GapRule:
    """The numbers behind "a distance that the stream's own rhythm cannot explain".

    A *step* is the distance between neighbouring presentation times; the *missing* time of a step is the step less one
    ordinary step. Around each candidate the rhythm is read from up to `window_steps` steps on either side:

    - **Even** (spread between the 10th and 90th percentile at most `even_spread` medians, next to no long steps): a
      hole is a step that misses at least the floor of its kind and `spread_factor` times the spread. Jitter by a fifth
      of a frame, one or two lost frames and a change of rate stay below it; a lost group of pictures does not.
    - **Uneven** (screen recorders, many phones): long steps are normal, so a hole must stand alone: at least
      `lonely_seconds`, `lonely_factor` times the 95th percentile, and next to no other step even a quarter as long.

    The first step of a stream that does not run like clockwork may take `start_up_seconds`: sensors warm up.
    """

    window_steps: int = 50
    min_steps: int = 8
    """Fewer steps than this show no rhythm, and no hole is claimed."""

    video_min_seconds: float = 0.2
    video_min_steps: float = 3.0
    audio_min_seconds: float = 0.055
    audio_min_steps: float = 2.5
    audio_enough_seconds: float = 0.5
    """Missing audio of this length counts even where packets are so long that it is less than `audio_min_steps`."""

    even_spread: float = 0.8
    clockwork_spread: float = 0.1
    long_step: float = 2.0
    """In medians; where more than `long_share` of the steps (and more than `long_count`) are longer: uneven."""
    long_share: float = 0.02
    local_long_share: float = 0.05
    long_count: int = 3
    spread_factor: float = 6.0

    lonely_seconds: float = 1.0
    lonely_factor: float = 8.0
    lonely_share: float = 0.002
    start_up_seconds: float = 3.0

    end_difference_seconds: float = 1.5
    """How much earlier than its sibling a stream may end: untouched phones were seen with 1.23 s."""
    uneven_mean: float = 1.2
    """Mean over median step from which a stream counts as uneven in the judgement of certainty."""
    common_factor: float = 2.0
    """Holes of two streams are one event when their edges agree within this many of both streams' steps."""
    clock_certain_seconds: float = 2.0
    """Position times come in whole seconds: shorter jumps are told from losses with doubt only."""

    def min_missing_s(self, kind: StreamKind, step_s: float) -> float:
        """The least missing time, in seconds, that is called a hole in a stream of this kind with this step."""
        if kind is StreamKind.AUDIO:
            return max(self.audio_min_seconds, min(self.audio_min_steps * step_s, self.audio_enough_seconds))
        return max(self.video_min_seconds, self.video_min_steps * step_s)


DEFAULT_GAP_RULE = GapRule()

UNPLACED_NOTE = "at the end, or further in front with the times closed up: nothing shows where"
"""Said with a `gap.video` that has no span."""

_PICTURE_SEAMS = frozenset({"key.distance", "key.number", "frame.number", "picture.step"})
_CLOSED_SECONDS = 0.3
_COMMON_SECONDS = 0.3
"""A seam of sound or position this near is the same event: then all streams were cut, not the picture alone."""
_ONE_PLACE_SECONDS = 2.0


def find_holes(
    times_s: Sequence[float],
    durations_s: Sequence[float] | None,
    step_s: float,
    kind: StreamKind,
    rule: GapRule = DEFAULT_GAP_RULE,
) -> tuple[Hole, ...]:
    """Find the distances that a stream's own rhythm cannot explain (the rule is told at `GapRule`).

    Args:
        times_s: presentation times in seconds, ascending; repeated times are ignored.
        durations_s: of the same packets, null where unknown. Containers that store distances (MP4) stretch the
            duration of the packet before a hole over it, so a duration is believed only where it is the shorter claim.
        step_s: the median step of the stream, in seconds.
        kind: video has other floors than the rest; subtitle and data streams are judged like audio.
        rule: the numbers; a recorder's profile may bring its own.

    Returns:
        From the end of the packet before to the start of the packet after, in order of time.
    """
    steps = list(map(sub, times_s[1:], times_s))
    if len(steps) < rule.min_steps or step_s <= 0:
        return ()
    floor_s = rule.min_missing_s(kind, 0.0)
    if max(steps) - step_s < floor_s:
        return ()
    candidates = [place for place, step in enumerate(steps) if step - step_s >= floor_s]
    if not candidates:
        return ()
    ranked = sorted(step for step in steps if step > 0)
    is_crowded = len(candidates) > max(rule.long_count, rule.long_share * len(steps))
    holes = []
    for place in candidates:
        rhythm = None if is_crowded else _local_rhythm(steps, place, rule)
        if rhythm is None:
            is_hole, ordinary_s = _stands_alone(steps[place], ranked, rule), step_s
            is_clockwork = False
        else:
            ordinary_s, spread_s = rhythm
            needed_s = max(rule.min_missing_s(kind, ordinary_s), rule.spread_factor * spread_s)
            is_hole = steps[place] - ordinary_s >= needed_s - 1e-6
            is_clockwork = spread_s <= rule.clockwork_spread * ordinary_s
        if place == 0 and not is_clockwork and steps[0] <= rule.start_up_seconds:
            continue
        if is_hole:
            start_s = times_s[place] + _packet_length(durations_s, place, ordinary_s)
            holes.append(Hole(start_s=start_s, end_s=times_s[place + 1]))
    return tuple(holes)


def _local_rhythm(steps: list[float], place: int, rule: GapRule) -> tuple[float, float] | None:
    """Median and spread (10th to 90th percentile) of the steps around one, in seconds; null where they are uneven."""
    around = steps[max(0, place - rule.window_steps) : place] + steps[place + 1 : place + 1 + rule.window_steps]
    near = sorted(step for step in around if step > 0)
    if len(near) < rule.min_steps - 1:
        return None
    middle = near[len(near) // 2]
    spread = near[int(0.9 * (len(near) - 1))] - near[int(0.1 * (len(near) - 1))]
    long_steps = len(near) - bisect_right(near, rule.long_step * middle)
    if spread > rule.even_spread * middle or long_steps > max(rule.long_count, rule.local_long_share * len(near)):
        return None
    return middle, spread


def _stands_alone(step_s: float, ranked: Sequence[float], rule: GapRule) -> bool:
    """Whether a step is exceptional even among the steps of an uneven stream."""
    comparable = len(ranked) - bisect_right(ranked, step_s / 4)
    return (
        step_s >= rule.lonely_seconds
        and step_s > rule.lonely_factor * ranked[int(0.95 * (len(ranked) - 1))]
        and comparable <= max(rule.long_count, rule.lonely_share * len(ranked))
    )


def _packet_length(durations_s: Sequence[float] | None, place: int, ordinary_s: float) -> float:
    """How long the packet before a hole lasts: its own duration where that is plausible, else one ordinary step."""
    if durations_s is None or not 0.5 * ordinary_s <= durations_s[place] <= ordinary_s:
        return ordinary_s
    return durations_s[place]


def file_findings(facts: MediaFacts, rule: GapRule = DEFAULT_GAP_RULE) -> tuple[Finding, ...]:
    """What the facts of one file say about missing material, without looking at other files.

    `file` stays null: the caller knows the name. Spans are seconds on the file's own time line. In a file that ends
    before its content nothing is said about times after the cut, which the truncation already explains.
    """
    if facts.kind is MediaKind.EMPTY:
        return (finding("file.empty", evidence={"size_bytes": facts.size_bytes}),)
    if facts.kind is MediaKind.UNKNOWN:
        return (finding("file.unknown_type", evidence={"size_bytes": facts.size_bytes, "source": "first bytes"}),)
    if not facts.kind.is_timed:
        return ()
    found: list[Finding] = []
    if facts.is_truncated:
        found.append(_truncated(facts))
    else:
        found.extend(_ends(facts, rule))
        found.extend(_unfilled_audio(facts))
    found.extend(_hole_findings(facts, rule))
    return tuple(sorted(found, key=lambda one: (one.start_s is None, one.start_s or 0.0, one.code)))


def recorded_seconds(facts: MediaFacts, rule: GapRule = DEFAULT_GAP_RULE) -> float | None:
    """How long the recording really ran: its duration by packets without the jumps of a faulty clock (`time.jump`).

    Null where the file has no readable end.
    """
    if facts.duration_s is None or (facts.is_truncated and facts.intact_until_s is None):
        return None
    jumps = [one for one in file_findings(facts, rule) if one.code == "time.jump"]
    return facts.duration_s - sum((one.end_s or 0.0) - (one.start_s or 0.0) for one in jumps)


def _unfilled_audio(facts: MediaFacts) -> Iterator[Finding]:
    """`stream.audio_absent` of a file that declares sound and carries no packet of it: it needs no siblings to tell."""
    declared = [stream for stream in facts.streams if stream.kind is StreamKind.AUDIO]
    if declared and facts.streams_of(StreamKind.VIDEO) and not facts.streams_of(StreamKind.AUDIO):
        evidence = {"source": "packets", "declared_streams": [stream.index for stream in declared]}
        yield finding("stream.audio_absent", evidence=evidence)


def _truncated(facts: MediaFacts) -> Finding:
    """`file.truncated`: without an index only the fact is known, with one also the last intact second."""
    evidence = {
        "source": "index" if facts.has_index else "container structure",
        "has_index": facts.has_index,
        "size_bytes": facts.size_bytes,
        "index_end_bytes": facts.index_end_bytes,
        "declared_duration_s": facts.declared_duration_s,
    }
    if not facts.has_index:
        return finding("file.truncated", start_s=facts.intact_until_s, evidence=evidence)
    absent = None
    if facts.index_end_bytes is not None and facts.index_end_bytes > facts.size_bytes:
        absent = ((facts.size_bytes, facts.index_end_bytes),)
    end_s = facts.declared_duration_s if facts.declared_duration_s is not None else facts.duration_s
    start_s = facts.intact_until_s
    is_span = start_s is not None and end_s is not None and end_s > start_s
    return finding("file.truncated", start_s=start_s, end_s=end_s if is_span else None, bytes=absent, evidence=evidence)


def _timed_streams(facts: MediaFacts, kind: StreamKind, rule: GapRule) -> tuple[StreamFacts, ...]:
    """Streams with enough packets to have a rhythm; cover pictures and lone packets fall out."""
    return tuple(
        stream
        for stream in facts.streams_of(kind)
        if stream.packets > rule.min_steps and stream.first_s is not None and stream.end_s is not None
    )


def _end_of(streams: tuple[StreamFacts, ...]) -> float | None:
    return max((stream.end_s for stream in streams if stream.end_s is not None), default=None)


def _ends(facts: MediaFacts, rule: GapRule) -> Iterator[Finding]:
    """A picture or a sound that ends markedly before the other, or before the position track.

    Starts are not compared: recorders keep the seconds before the button without sound.
    """
    video_end_s = _end_of(_timed_streams(facts, StreamKind.VIDEO, rule))
    audio_end_s = _end_of(_timed_streams(facts, StreamKind.AUDIO, rule))
    fix_end_s = max((fix.at_s for fix in facts.fixes if fix.at_s is not None), default=None)
    if video_end_s is None:
        return
    evidence = {"source": "packets", "video_end_s": video_end_s, "audio_end_s": audio_end_s, "last_fix_s": fix_end_s}
    others = [end_s for end_s in (audio_end_s, fix_end_s) if end_s is not None]
    last_s = max(others, default=video_end_s)
    closed = _closed_gap(facts, last_s - video_end_s)
    if closed is not None:
        yield closed.model_copy(update={"evidence": evidence | closed.evidence})
    elif last_s - video_end_s > rule.end_difference_seconds:
        # Closed-up times look alike wherever the pictures are missing: a span would claim what nobody can know.
        evidence |= {"missing_s": round(last_s - video_end_s, 3), "note": UNPLACED_NOTE}
        yield finding("gap.video", confidence=Confidence.LIKELY, evidence=evidence)
    if audio_end_s is not None and video_end_s - audio_end_s > rule.end_difference_seconds:
        yield finding(
            "gap.audio", start_s=audio_end_s, end_s=video_end_s, confidence=Confidence.LIKELY, evidence=evidence
        )


def _closed_gap(facts: MediaFacts, short_s: float) -> Finding | None:
    """Dropped pictures whose times were closed up: the picture is shorter than the sound or the position track, and
    its groups or their numbers do not run on at one place, where sound and position time do."""
    if short_s < _CLOSED_SECONDS:
        return None
    signs = [seam for seam in facts.seams if seam.kind in _PICTURE_SEAMS]
    common = [seam.at_s for seam in facts.seams if seam.kind in ("position", "sound.step")]
    own = [sign for sign in signs if not any(abs(sign.at_s - at_s) < _COMMON_SECONDS for at_s in common)]
    if not own or max(sign.at_s for sign in own) - min(sign.at_s for sign in own) > _ONE_PLACE_SECONDS:
        return None
    start_s = min(sign.at_s for sign in own)
    return finding(
        "gap.video",
        start_s=start_s,
        end_s=round(start_s + short_s, 6),
        confidence=Confidence.CERTAIN if len({sign.kind for sign in own}) > 1 else Confidence.LIKELY,
        evidence={
            "source": "packets and picture numbers",
            "missing_s": round(short_s, 3),
            "seams": [sign.model_dump(mode="json", exclude_none=True) for sign in own],
            "note": "the times were closed up: pictures after this place stand too early by what is missing",
        },
    )


def _hole_findings(facts: MediaFacts, rule: GapRule) -> Iterator[Finding]:
    cut_s = (facts.intact_until_s or 0.0) if facts.is_truncated else float("inf")
    videos = _timed_streams(facts, StreamKind.VIDEO, rule)
    audios = _timed_streams(facts, StreamKind.AUDIO, rule)
    explained: set[tuple[int, Hole]] = set()
    for stream in (*videos, *audios):
        code = "gap.video" if stream.kind is StreamKind.VIDEO else "gap.audio"
        for hole in stream.holes:
            if (stream.index, hole) in explained or hole.end_s > cut_s:
                continue
            beside = [other for other in (*videos, *audios) if other is not stream and _spans(other, hole)]
            common = [(other, _same_hole(stream, hole, other, rule)) for other in beside]
            if all(match is not None for _, match in common):
                explained.update((other.index, match) for other, match in common if match is not None)
                yield _common_hole(facts, stream, hole, [other for other, _ in common], code, rule)
            else:
                is_uneven = _is_uneven(stream, rule)
                running = [f"{other.kind} {other.index}" for other, match in common if match is None]
                yield finding(
                    code,
                    start_s=hole.start_s,
                    end_s=hole.end_s,
                    confidence=Confidence.LIKELY if is_uneven else Confidence.CERTAIN,
                    evidence=_hole_evidence(stream, hole)
                    | {"streams_that_run_on": running, "frame_rate_is_uneven": is_uneven},
                )


def _hole_evidence(stream: StreamFacts, hole: Hole) -> dict[str, object]:
    return {
        "source": "packets",
        "stream": stream.index,
        "missing_s": round(hole.end_s - hole.start_s, 6),
        "step_s": stream.step_s,
    }


def _spans(stream: StreamFacts, hole: Hole) -> bool:
    """Whether a stream has packets on both sides of a hole."""
    return stream.first_s is not None and stream.end_s is not None and stream.first_s < hole.end_s < stream.end_s


def _same_hole(stream: StreamFacts, hole: Hole, other: StreamFacts, rule: GapRule) -> Hole | None:
    """The hole of another stream that is the same event."""
    tolerance_s = rule.common_factor * ((stream.step_s or 0.0) + (other.step_s or 0.0))
    for candidate in other.holes:
        if max(abs(candidate.start_s - hole.start_s), abs(candidate.end_s - hole.end_s)) <= tolerance_s:
            return candidate
    return None


def _is_uneven(stream: StreamFacts, rule: GapRule) -> bool:
    if not stream.step_s or stream.first_s is None or stream.end_s is None:
        return False
    missing_s = sum(hole.end_s - hole.start_s for hole in stream.holes)
    return (stream.end_s - stream.first_s - missing_s) / stream.packets > rule.uneven_mean * stream.step_s


def _common_hole(
    facts: MediaFacts, stream: StreamFacts, hole: Hole, others: list[StreamFacts], code: str, rule: GapRule
) -> Finding:
    """All streams jump together: the position track says whether the clock jumped or material is missing."""
    length_s = hole.end_s - hole.start_s
    evidence = _hole_evidence(stream, hole) | {
        "streams_that_jump_together": [stream.index, *(other.index for other in others)]
    }
    clock_s = _position_clock_advance(facts, hole)
    if clock_s is not None:
        is_clock_fault = clock_s < length_s / 2
        is_clear = length_s >= rule.clock_certain_seconds
        return finding(
            "time.jump" if is_clock_fault else code,
            start_s=hole.start_s,
            end_s=hole.end_s,
            confidence=Confidence.CERTAIN if is_clear else Confidence.LIKELY,
            evidence=evidence | {"position_time_advances_s": round(clock_s, 3), "position_source": "position track"},
        )
    if _text_runs_through(facts, hole):
        return finding(code, start_s=hole.start_s, end_s=hole.end_s, evidence=evidence | {"text_track_runs_on": True})
    evidence["note"] = (
        "all streams jump together; without a position track a clock fault cannot be told from missing material"
        if others
        else "the only stream; a clock fault cannot be told from missing material"
    )
    return finding(code, start_s=hole.start_s, end_s=hole.end_s, confidence=Confidence.LIKELY, evidence=evidence)


def _position_clock_advance(facts: MediaFacts, hole: Hole) -> float | None:
    """By how much position time runs ahead of ordinary pace across a hole, in seconds; null without fixes beside it.

    Near the hole's own length: time really passed, so material is missing. Near zero: only the file's times jumped.
    Medians over the fixes of either side, because single fixes come in whole seconds and late.
    """
    before: list[float] = []
    after: list[float] = []
    for fix in facts.fixes:
        if not fix.is_clocked or fix.at_s is None or fix.utc is None:
            continue
        try:
            ahead_s = from_text(fix.utc).timestamp() - fix.at_s
        except ValueError:
            continue
        if fix.at_s <= hole.start_s:
            before.append(ahead_s)
        elif fix.at_s >= hole.end_s:
            after.append(ahead_s)
    if not before or not after:
        return None
    shift_s = median(after[:30]) - median(before[-30:])
    return shift_s + (hole.end_s - hole.start_s)


def _text_runs_through(facts: MediaFacts, hole: Hole) -> bool:
    """Whether a subtitle or data track has packets at its usual rhythm all through a hole."""
    for stream in facts.streams:
        is_text = stream.kind in (StreamKind.SUBTITLE, StreamKind.DATA)
        if not is_text or not stream.step_s or not _spans(stream, hole):
            continue
        is_long_enough = hole.end_s - hole.start_s >= 4 * stream.step_s
        if is_long_enough and not any(gap.start_s < hole.end_s and gap.end_s > hole.start_s for gap in stream.holes):
            return True
    return False
