"""The statement of continuity: what of a span was recorded, what was interrupted, why, and how that is known. Pure.

Its words never go beyond the evidence: a span without a finding is one in which this station saw no interruption, by
the checks that the statement lists. An explanation stands beside an interruption and takes nothing from it.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ingestd.core.explanation import SAME_PLACE_S, Explanation
from ingestd.core.findings import Confidence, Severity
from ingestd.core.regime import ExplanationRule

_INTERRUPTING = frozenset(
    {"gap.video", "splice.removed", "splice.insert", "trim.head", "trim.tail", "file.truncated", "data.corrupt"}
)
"""In these places of a file the recording is not there, or is not this recording."""

_SET_CODES = frozenset({"set.missing", "set.gap"})
"""What is said of a pause between two segments."""

_IMPAIRING = ("gap.audio", "stream.audio_absent", "content.")
"""Recorded, but sound or picture tells nothing there."""

_SILENT = frozenset({"set.overlap", "clock.offset"})
"""Says nothing about continuity."""

_ZERO = dt.timedelta(0)
_MICROSECOND = dt.timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Portion:
    """One recording on the wall clock. `end` is by packet times; `is_timed_by_recorder` tells whether `start` is the
    recorder's own word (name, container, position) or only the file system's or the docking's time."""

    key: str
    shown: str
    start: dt.datetime
    end: dt.datetime
    take: str | None = None
    has_picture: bool = True
    is_timed_by_recorder: bool = True


@dataclass(frozen=True, slots=True)
class Sign:
    """A standing finding as the statement needs it: where it lies, who asks for its reason, and the reason given.

    `start_s`/`end_s` are seconds in the file for findings about one; `start`/`end` the wall clock for sets.
    """

    key: str
    code: str
    severity: Severity
    confidence: Confidence
    about: tuple[str, ...]
    start_s: float | None = None
    end_s: float | None = None
    start: dt.datetime | None = None
    end: dt.datetime | None = None
    sources: tuple[str, ...] = ()
    asked_by: tuple[ExplanationRule, ...] = ()
    explanation: Explanation | None = None

    @property
    def is_open(self) -> bool:
        """Whether somebody asks for its reason and nobody gave it."""
        return bool(self.asked_by) and self.explanation is None


class Cause(StrEnum):
    """How the station knows of an interruption."""

    FINDING = "finding"
    """A finding speaks of it."""
    ROLL_OVER = "roll_over"
    """Between two segments of a take, and no longer than this recorder's normal roll-over and the rounding of names."""
    NOT_RECORDED = "not_recorded"
    """No recording that the station holds covers it, and no finding speaks of it: recording was off, or is absent."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """A span that is not covered; of no length where a piece is absent and nothing tells how much."""

    start: dt.datetime
    end: dt.datetime
    cause: Cause
    signs: tuple[Sign, ...] = ()

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end - self.start).total_seconds()

    @property
    def is_open(self) -> bool:
        """Whether a reason is asked for and not given, for any of its findings."""
        return any(sign.is_open for sign in self.signs)


@dataclass(frozen=True, slots=True)
class Check:
    """A check that was applied to every recording of the span, or could not be, and why not. Words in two languages."""

    id: str
    is_applied: bool
    en: str
    zh: str
    why_not_en: str = ""
    why_not_zh: str = ""


class Verdict(StrEnum):
    """What the statement says of the whole span."""

    NONE_FOUND = "none_found"
    IN_DOUBT = "in_doubt"
    """No span is known to be absent, but findings speak against one or more of the recordings."""
    INTERRUPTED = "interrupted"
    NOTHING_HELD = "nothing_held"
    """The station holds no recording of the span."""


@dataclass(frozen=True, slots=True)
class Statement:
    """Covered and interrupted make up the span to the microsecond; what is impaired is part of what is covered."""

    start: dt.datetime
    end: dt.datetime
    portions: tuple[Portion, ...]
    interruptions: tuple[Interruption, ...]
    impaired: tuple[Sign, ...]
    doubts: tuple[Sign, ...]
    checks: tuple[Check, ...]

    @property
    def span_s(self) -> float:
        """Length of the span."""
        return (self.end - self.start).total_seconds()

    @property
    def interrupted(self) -> dt.timedelta:
        """Everything that is not covered, the pauses of the roll-over included."""
        return sum((one.end - one.start for one in self.interruptions), _ZERO)

    @property
    def covered(self) -> dt.timedelta:
        """What is covered by a recording that nothing speaks against at that place."""
        return self.end - self.start - self.interrupted

    @property
    def rolled_over(self) -> dt.timedelta:
        """The part of `interrupted` that is normal between two segments."""
        return sum((one.end - one.start for one in self.interruptions if one.cause is Cause.ROLL_OVER), _ZERO)

    @property
    def verdict(self) -> Verdict:
        """The span in one word. Explanations do not enter into it."""
        if not self.portions:
            return Verdict.NOTHING_HELD
        if any(one.cause is not Cause.ROLL_OVER for one in self.interruptions):
            return Verdict.INTERRUPTED
        return Verdict.IN_DOUBT if self.doubts else Verdict.NONE_FOUND


Span = tuple[dt.datetime, dt.datetime]


def statement_of(
    start: dt.datetime,
    end: dt.datetime,
    portions: Iterable[Portion],
    signs: Iterable[Sign],
    *,
    roll_over_s: float,
    checks: Sequence[Check] = (),
) -> Statement:
    """State what of a span is covered. A take's span is its own; a case's is arrival to departure (江门 35).

    Args:
        start, end: the span, aware; `end` is not before `start`.
        portions: recordings of one recorder; those outside of the span are ignored.
        signs: findings about them that stand. Information says nothing and is ignored.
        roll_over_s: the longest pause between two segments of a take that is normal.
        checks: which checks were applied; carried, not judged.

    Raises:
        ValueError: the span ends before it starts.
    """
    if end < start:
        raise ValueError("a span cannot end before it starts")
    inside = sorted(
        (one for one in portions if _touches(one, start, end)), key=lambda one: (one.start, one.end, one.key)
    )
    by_key = {one.key: one for one in inside}
    weighty = [one for one in signs if one.severity is not Severity.INFO and one.code not in _SILENT]
    denials = [(span, sign) for sign in weighty for span in [_denied(sign, by_key)] if span is not None]
    covered = _united(
        piece
        for one in inside
        for piece in _without((one.start, one.end), [span for span, sign in denials if sign.about[-1] == one.key])
    )
    bare = _without((start, end), covered)
    interruptions = [
        one
        for hole in bare
        for part in _split(hole, [span for span, _ in denials])
        for one in [_interruption(part, inside, denials, weighty, roll_over_s)]
    ]
    told = {id(sign) for one in interruptions for sign in one.signs}
    interruptions += [
        Interruption(at, at, Cause.FINDING, (sign,))
        for sign in weighty
        if id(sign) not in told and _lies_in(sign, by_key, start, end)
        for at in [_point(sign, by_key, denials, covered)]
        if at is not None and start <= at <= end
    ]
    told = {id(sign) for one in interruptions for sign in one.signs}
    about = [one for one in weighty if id(one) not in told and _lies_in(one, by_key, start, end)]
    return Statement(
        start=start,
        end=end,
        portions=tuple(inside),
        interruptions=tuple(sorted(_joined(interruptions), key=lambda one: (one.start, one.end))),
        impaired=tuple(one for one in about if one.code.startswith(_IMPAIRING)),
        doubts=tuple(one for one in about if not one.code.startswith(_IMPAIRING)),
        checks=tuple(checks),
    )


def _touches(one: Portion, start: dt.datetime, end: dt.datetime) -> bool:
    return one.start <= end and one.end >= start


def _denied(sign: Sign, by_key: dict[str, Portion]) -> Span | None:
    """The span of its file that a finding says is not there; null where it says none."""
    portion = by_key.get(sign.about[-1]) if sign.about else None
    interrupts = sign.code in _INTERRUPTING or (
        sign.code == "gap.audio" and portion is not None and not portion.has_picture
    )
    if portion is None or not interrupts or sign.start_s is None:
        return None
    first = portion.start + dt.timedelta(seconds=sign.start_s)
    if sign.code == "file.truncated":
        last = portion.end
    elif sign.end_s is None:
        return None
    else:
        last = portion.start + dt.timedelta(seconds=sign.end_s)
    first, last = max(first, portion.start), min(last, portion.end)
    return (first, last) if first < last else None


def _interruption(
    part: Span,
    inside: Sequence[Portion],
    denials: Sequence[tuple[Span, Sign]],
    weighty: Sequence[Sign],
    roll_over_s: float,
) -> Interruption:
    own = [sign for span, sign in denials if span[0] < part[1] and part[0] < span[1]]
    before = [one for one in inside if one.end <= part[0] + _MICROSECOND]
    after = [one for one in inside if one.start >= part[1] - _MICROSECOND]
    sides = {one.key for one in (*before[-1:], *after[:1])}
    if not own:
        own = [sign for sign in weighty if sign.code in _SET_CODES and _speaks_of(sign, part, sides)]
        own += [
            sign for sign in weighty if sign.code == "file.truncated" and before and sign.about[-1] == before[-1].key
        ]
    if own:
        return Interruption(*part, Cause.FINDING, tuple(own))
    takes = {one.take for one in (*before[-1:], *after[:1])}
    is_seam = bool(before) and bool(after) and len(takes) == 1 and None not in takes
    is_short = (part[1] - part[0]).total_seconds() <= roll_over_s
    return Interruption(*part, Cause.ROLL_OVER if is_seam and is_short else Cause.NOT_RECORDED)


def _speaks_of(sign: Sign, part: Span, sides: set[str]) -> bool:
    """Whether a finding about a pause means this one: by the files on both sides, or by the wall clock."""
    if sides == set(sign.about):
        return True
    return sign.start is not None and sign.end is not None and sign.start < part[1] and part[0] < sign.end


def _point(
    sign: Sign, by_key: dict[str, Portion], denials: Sequence[tuple[Span, Sign]], covered: Sequence[Span]
) -> dt.datetime | None:
    """Where something is absent of which no length shows in the span; null where the finding tells no place.

    What another recording covers is not absent.
    """
    for span, denying in denials:
        if denying is sign:
            return None if any(one[0] <= span[0] and span[1] <= one[1] for one in covered) else span[0]
    if sign.code in _SET_CODES:
        return sign.start if sign.end is not None else None
    portion = by_key.get(sign.about[-1]) if sign.about else None
    if portion is None or sign.code not in _INTERRUPTING:
        return None
    if sign.start_s is None:
        # A torn file without an index, or pictures that are missing at an unknown place: what is held of it ends where
        # it is known to end.
        return portion.end if sign.code in ("file.truncated", "gap.video") else None
    return min(max(portion.start + dt.timedelta(seconds=sign.start_s), portion.start), portion.end)


def _lies_in(sign: Sign, by_key: dict[str, Portion], start: dt.datetime, end: dt.datetime) -> bool:
    """Whether a finding is about the span: about one of its recordings and, where it names a place, there."""
    if not any(key in by_key for key in sign.about):
        return False
    if sign.code in _SET_CODES and sign.start is not None and sign.end is not None:
        # A pause before the first or after the last recording of the span is none of the span.
        shared = min(end, sign.end) - max(start, sign.start)
        return all(key in by_key for key in sign.about) or shared > dt.timedelta(seconds=SAME_PLACE_S)
    portion = by_key.get(sign.about[-1])
    first, last = sign.start, sign.end
    if len(sign.about) == 1 and portion is not None:
        first, last = (
            None if second is None else portion.start + dt.timedelta(seconds=second)
            for second in (sign.start_s, sign.end_s)
        )
    return (first is None or first <= end) and (last is None or last >= start)


def _joined(interruptions: Sequence[Interruption]) -> list[Interruption]:
    """Neighbours that the same findings speak of are one interruption."""
    joined: list[Interruption] = []
    for one in sorted(interruptions, key=lambda one: (one.start, one.end)):
        last = joined[-1] if joined else None
        if last is not None and last.end == one.start and last.cause is one.cause and last.signs == one.signs:
            joined[-1] = Interruption(last.start, one.end, one.cause, one.signs)
        else:
            joined.append(one)
    return joined


# Arithmetic on spans, half-open and ordered


def _united(spans: Iterable[Span]) -> list[Span]:
    united: list[Span] = []
    for first, last in sorted(spans):
        if united and first <= united[-1][1]:
            united[-1] = (united[-1][0], max(united[-1][1], last))
        else:
            united.append((first, last))
    return united


def _without(span: Span, others: Iterable[Span]) -> list[Span]:
    """What of a span is left when others are taken out of it."""
    left: list[Span] = []
    at, end = span
    for first, last in _united(others):
        if last <= at or first >= end:
            continue
        if first > at:
            left.append((at, first))
        at = max(at, last)
    return [*left, (at, end)] if at < end else left


def _split(span: Span, others: Iterable[Span]) -> list[Span]:
    """A span cut at every edge of the others that lies inside it."""
    edges = sorted({edge for other in others for edge in other if span[0] < edge < span[1]})
    points = [span[0], *edges, span[1]]
    return list(zip(points, points[1:], strict=False))
