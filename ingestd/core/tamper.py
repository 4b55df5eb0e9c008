"""Signs of editing in one file, from seams, edit lists and position time: `splice.*`, `trim.*`, times that begin again.

The rules and their limits are told in docs/design/detection.md, "Signs of edits".
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ingestd.core.facts import MediaFacts, Seam, StreamFacts, StreamKind
from ingestd.core.findings import Confidence, Finding, Severity, finding

SLOW_BEAT_S = 1.05
"""Position times are whole seconds: a jump up to this long counts only beside another seam."""
LEAP_S = 20.0
"""Receivers step back by up to so much when they learn the leap seconds."""
HIDDEN_S = 0.2
"""Pictures that an edit list hides; phones hide fewer before the first that is shown."""

_NEAR_S = 0.2
_OWN_KINDS = frozenset({"sound.step", "picture.step", "key.distance", "key.number", "frame.number", "parameters"})
_STRONG_KINDS = frozenset({"sound.step", "key.distance", "key.number", "frame.number"})


def edit_findings(facts: MediaFacts) -> tuple[Finding, ...]:
    """What one file shows of edits without looking at others; `file` stays null.

    A torn file is judged as far as it goes, but nothing is said of its end.
    """
    if not facts.kind.is_timed:
        return ()
    inserted = list(_insertions(facts))
    spans = [(one.start_s or 0.0, one.end_s or 0.0) for one in inserted]
    removed = [one for one in _removals(facts) if not _is_within(one.start_s or 0.0, spans)]
    found = [*inserted, *removed, *_hidden(facts), *_restarts(facts)]
    return tuple(sorted(found, key=lambda one: (one.start_s or 0.0, one.code)))


@dataclass(frozen=True, slots=True)
class _Jump:
    """One jump of position time, with the other seams at its place."""

    seam: Seam
    shift_s: float
    beside: tuple[Seam, ...]


def _jumps(facts: MediaFacts) -> list[_Jump]:
    """Jumps of position time where packets run on; those over a hole are judged with the hole (`core.timeline`)."""
    holes = [hole for stream in facts.streams if _is_main(stream) for hole in stream.holes]
    found = []
    for seam in facts.seams:
        earliest_s, latest_s = _bounds(seam)
        over_hole = any(hole.start_s < latest_s + _NEAR_S and hole.end_s > earliest_s - _NEAR_S for hole in holes)
        if seam.kind == "position" and not over_hole:
            found.append(_Jump(seam, seam.amount or 0.0, _beside(facts.seams, seam)))
    return found


def _is_main(stream: StreamFacts) -> bool:
    return stream.kind is StreamKind.VIDEO


def _bounds(seam: Seam) -> tuple[float, float]:
    earliest_s = seam.at_s if seam.earliest_s is None else seam.earliest_s
    return earliest_s, seam.at_s if seam.latest_s is None else seam.latest_s


def _beside(seams: Sequence[Seam], jump: Seam) -> tuple[Seam, ...]:
    return tuple(one for one in seams if one.kind in _OWN_KINDS and abs(one.at_s - jump.at_s) <= _NEAR_S)


def _is_within(at_s: float, spans: Sequence[tuple[float, float]]) -> bool:
    return any(start_s - _NEAR_S <= at_s <= end_s + _NEAR_S for start_s, end_s in spans)


def _told(seams: Sequence[Seam]) -> list[dict[str, Any]]:
    return [seam.model_dump(mode="json", exclude_none=True) for seam in seams]


def _removals(facts: MediaFacts) -> Iterator[Finding]:
    """`splice.removed`: position time jumps ahead where media time does not; without positions, seams at one place."""
    jumps = _jumps(facts)
    for jump in jumps:
        if jump.shift_s <= 0 or (jump.shift_s <= SLOW_BEAT_S and not _are_strong(jump.beside)):
            continue
        earliest_s, latest_s = _bounds(jump.seam)
        yield finding(
            "splice.removed",
            start_s=jump.seam.at_s,
            end_s=jump.seam.at_s,
            confidence=Confidence.CERTAIN if _are_strong(jump.beside) else Confidence.LIKELY,
            evidence={
                "sources": ["position track", "packets"],
                "position_jumps_ahead_s": jump.shift_s,
                "earliest_s": earliest_s,
                "latest_s": latest_s,
                "seams": _told(jump.beside),
            },
        )
    if not jumps and not any(fix.is_clocked and not fix.is_doubtful for fix in facts.fixes):
        yield from _unplaced_removals(facts)


def _are_strong(seams: Sequence[Seam]) -> bool:
    return any(seam.kind in _STRONG_KINDS for seam in seams)


def _unplaced_removals(facts: MediaFacts) -> Iterator[Finding]:
    """Without a position track: pictures and sound both do not run on at one place."""
    pictures = [one for one in facts.seams if one.kind in ("key.distance", "key.number", "frame.number")]
    for sound in (one for one in facts.seams if one.kind == "sound.step"):
        near = [one for one in pictures if abs(one.at_s - sound.at_s) <= _NEAR_S]
        if not near:
            continue
        yield finding(
            "splice.removed",
            start_s=near[0].at_s,
            end_s=near[0].at_s,
            confidence=Confidence.LIKELY if len(near) > 1 else Confidence.PROVISIONAL,
            evidence={
                "sources": ["packets", "key pictures"],
                "seams": _told([*near, sound]),
                "note": "no position track: how much is missing, or whether something was put in, cannot be told",
            },
        )


def _insertions(facts: MediaFacts) -> Iterator[Finding]:
    """`splice.insert`: other descriptions or parameter sets inside, or a span that position time does not know."""
    described = [seam for seam in facts.seams if seam.kind in ("description", "parameters")]
    for seam in described:
        video = next((one for one in facts.streams if one.index == seam.stream), None)
        is_picture = video is None or video.kind is StreamKind.VIDEO
        end_s = seam.until_s if seam.until_s is not None else facts.duration_s
        yield finding(
            "splice.insert",
            start_s=seam.at_s,
            end_s=end_s,
            confidence=Confidence.CERTAIN if is_picture and seam.kind == "description" else Confidence.LIKELY,
            evidence={"sources": ["sample descriptions and parameter sets"], "seams": _told([seam])},
        )
    spans = [(seam.at_s, seam.until_s or facts.duration_s or seam.at_s) for seam in described]
    for found in (*_by_position(_jumps(facts)), *_by_rhythm(facts)):
        if not _is_within(found.start_s or 0.0, spans):
            spans.append((found.start_s or 0.0, found.end_s or 0.0))
            yield found


def _by_position(jumps: Sequence[_Jump]) -> Iterator[Finding]:
    place = 0
    while place < len(jumps):
        jump = jumps[place]
        back = jumps[place + 1] if place + 1 < len(jumps) else None
        place += 1
        if back is not None and _leads_back(jump, back):
            place += 1
            beside = (*jump.beside, *back.beside)
            yield _insertion(jump.seam.at_s, back.seam.at_s, jump.shift_s, beside, "another clock inside")
        elif jump.shift_s < 0:
            start_s, length_s = jump.seam.at_s, -jump.shift_s
            earliest_s, latest_s = _bounds(jump.seam)
            if start_s + length_s > latest_s + _NEAR_S and start_s - length_s >= earliest_s - _NEAR_S:
                # The other seam stands where the span ends: before it there is room for the span, behind it none.
                start_s = round(start_s - length_s, 6)
            if latest_s - earliest_s >= 0.8 * length_s and length_s > SLOW_BEAT_S:
                end_s = round(start_s + length_s, 6)
                yield _insertion(
                    start_s, end_s, jump.shift_s, jump.beside, "a span without positions, as long as the jump"
                )
            elif _are_strong(jump.beside) or length_s > LEAP_S:
                yield _insertion(start_s, latest_s, jump.shift_s, jump.beside, "position time goes back")


def _leads_back(jump: _Jump, back: _Jump) -> bool:
    """Whether two jumps frame a span with a clock of its own: after it the old clock goes on, where the span was put
    in later by its length, where it stands in place of something by nothing."""
    length_s = back.seam.at_s - jump.seam.at_s
    net_s = jump.shift_s + back.shift_s
    is_opposite = jump.shift_s * back.shift_s < 0 and min(abs(jump.shift_s), abs(back.shift_s)) > 2 * SLOW_BEAT_S
    return is_opposite and (abs(net_s) <= 1.2 or abs(net_s + length_s) <= 1.5)


def _insertion(start_s: float, end_s: float, shift_s: float, beside: Sequence[Seam], note: str) -> Finding:
    return finding(
        "splice.insert",
        start_s=start_s,
        end_s=max(start_s, end_s),
        confidence=Confidence.CERTAIN if _are_strong(beside) else Confidence.LIKELY,
        evidence={
            "sources": ["position track", "packets"],
            "position_jumps_s": shift_s,
            "seams": _told(beside),
            "note": note,
        },
    )


def _by_rhythm(facts: MediaFacts) -> Iterator[Finding]:
    """Groups of another length in a row, where sound, numbers or position time do not run on at an edge."""
    signs = [one for one in facts.seams if one.kind in ("sound.step", "key.number", "position")]
    for seam in (one for one in facts.seams if one.kind == "key.rhythm" and one.until_s is not None):
        near = [one for one in signs if min(abs(one.at_s - seam.at_s), abs(one.at_s - (seam.until_s or 0))) <= _NEAR_S]
        if near:
            yield finding(
                "splice.insert",
                start_s=seam.at_s,
                end_s=seam.until_s,
                confidence=Confidence.LIKELY,
                evidence={"sources": ["key pictures", "packets"], "seams": _told([seam, *near])},
            )


def _hidden(facts: MediaFacts) -> Iterator[Finding]:
    """`trim.*` that the file itself shows: an edit list hides pictures, or the first picture is no key picture."""
    if facts.is_truncated or facts.is_fragmented:
        return
    pictures = next(iter(facts.streams_of(StreamKind.VIDEO)), None)
    if pictures is None or pictures.first_s is None or pictures.end_s is None or pictures.packets < 10:
        return
    no_key = [seam for seam in facts.seams if seam.kind == "start.without_key"]
    if pictures.first_s < -HIDDEN_S:
        evidence = {"sources": ["edit list"], "hidden_s": round(-pictures.first_s, 3)}
        yield finding("trim.head", start_s=0.0, end_s=0.0, confidence=Confidence.LIKELY, evidence=evidence)
    elif no_key:
        evidence = {"sources": ["key pictures"], "note": "the first picture needs others before it"}
        yield finding("trim.head", start_s=0.0, end_s=0.0, confidence=Confidence.LIKELY, evidence=evidence)
    hidden_s = _hidden_end_s(facts, pictures)
    if hidden_s > 2 * HIDDEN_S:
        shown_s = round(pictures.end_s - hidden_s, 3)
        evidence = {"sources": ["edit list"], "hidden_s": round(hidden_s, 3)}
        yield finding(
            "trim.tail",
            severity=Severity.WARNING,
            start_s=shown_s,
            end_s=shown_s,
            confidence=Confidence.LIKELY,
            evidence=evidence,
        )


def _hidden_end_s(facts: MediaFacts, pictures: StreamFacts) -> float:
    """How many seconds of pictures stand behind the end of a track's edit list; 0 where nothing is hidden."""
    structure = facts.structure
    if structure is None or not structure.timescale or pictures.end_s is None:
        return 0.0
    track = next((one for one in structure.tracks if one.index == pictures.index), None)
    if track is None or not track.edits or any(duration <= 0 for duration, _ in track.edits):
        return 0.0
    return pictures.end_s - sum(duration for duration, _ in track.edits) / structure.timescale


def _restarts(facts: MediaFacts) -> Iterator[Finding]:
    """`time.jump` back: whether pieces were joined or a clock was set, the times alone do not tell."""
    for seam in (one for one in facts.seams if one.kind == "time.restart"):
        yield finding(
            "time.jump",
            start_s=seam.at_s,
            end_s=seam.at_s,
            confidence=Confidence.LIKELY,
            evidence={
                "source": "packets",
                "times_go_back_s": seam.amount,
                "note": "the times of all streams begin again: pieces were joined, or a clock was set",
            },
        )
