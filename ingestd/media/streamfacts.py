"""From the packet times of a stream to its facts."""

from collections.abc import Iterable, Sequence
from operator import le, sub
from statistics import median
from typing import Any

from ingestd.core.facts import StreamFacts, StreamKind
from ingestd.core.timeline import DEFAULT_GAP_RULE, find_holes


def timed_stream(
    index: int, kind: StreamKind, times_s: Sequence[float], durations_s: Sequence[float], **fields: Any
) -> StreamFacts:
    """The facts of a stream.

    Args:
        index: its place in the file.
        kind: its kind.
        times_s: presentation times of its packets in any order, in seconds.
        durations_s: their durations, in the same order; 0 where the container gives none.
        fields: further fields of `StreamFacts`; `packets` is taken from the times unless it is given.
    """
    fields.setdefault("packets", len(times_s))
    if not times_s:
        return StreamFacts(index=index, kind=kind, **fields)
    times, durations = times_s, durations_s
    if not all(map(le, times_s, times_s[1:])):
        order = sorted(range(len(times_s)), key=times_s.__getitem__)
        times = [times_s[place] for place in order]
        durations = [durations_s[place] for place in order]
    step = median(map(sub, times[1:], times)) if len(times) > 1 else None
    known = durations if all(durations) else None
    holes = find_holes(times, known, step, kind) if step else ()
    return StreamFacts(
        index=index,
        kind=kind,
        first_s=round(times[0], 6),
        end_s=round(times[-1] + _last_length(kind, durations[-1], step, fields.get("codec")), 6),
        step_s=None if step is None else round(step, 6),
        holes=holes,
        **fields,
    )


def _last_length(kind: StreamKind, duration_s: float, step_s: float | None, codec: str | None) -> float:
    """How long the last packet lasts. Coded sound has packets of one length: one said to last much longer hides that
    what followed is missing."""
    if kind is StreamKind.AUDIO and step_s and not (codec or "pcm").startswith("pcm"):
        most_s = step_s + DEFAULT_GAP_RULE.min_missing_s(kind, step_s)
        return step_s if duration_s > most_s else duration_s or step_s
    return duration_s or step_s or 0.0


def span(streams: Iterable[StreamFacts]) -> tuple[float | None, float | None]:
    """(start, duration) of a file in seconds: from the first to the last instant of its video and audio packets.

    What lies before 0 is left out where something lies after it: an edit list hides it (priming of an audio encoder).
    """
    timed = [
        (stream.first_s, stream.end_s)
        for stream in streams
        if stream.kind in (StreamKind.VIDEO, StreamKind.AUDIO)
        and stream.first_s is not None
        and stream.end_s is not None
    ]
    if not timed:
        return None, None
    start, end = min(first for first, _ in timed), max(end for _, end in timed)
    if start < 0 < end:
        start = 0.0
    return round(start, 6), round(end - start, 6)
