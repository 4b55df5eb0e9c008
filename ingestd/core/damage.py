"""From damaged places of the media data to findings: `data.corrupt`, one a place."""

from collections.abc import Iterable, Mapping, Sequence

from ingestd.core.facts import Damage, MediaFacts
from ingestd.core.findings import Confidence, Finding, finding

DAMAGE_KINDS: Mapping[str, str] = {
    "chain": "the lengths of the units inside a picture do not add up",
    "header": "a unit of a picture begins as none can",
    "unit": "a unit of a picture is empty or of a type that this file uses nowhere else",
    "zeros": "zero bytes stand where a codec writes none",
    "block": "whole blocks of zero bytes stand in the data",
    "jpeg": "a picture lacks its start or end mark",
    "chunk": "the chain of chunks is broken",
    "continuity": "packets of the transport stream are missing",
    "transport_error": "the receiver marked packets as damaged",
    "sync": "bytes that are no packet stand in the transport stream",
    "length": "a packet is shorter or longer than its header says",
    "packet": "the demuxer calls a packet damaged",
    "unreadable": "the medium refused these bytes when they were copied; zeros stand in their place",
}
"""Every `Damage.kind`, in words."""

NEAR_SECONDS = 0.5
"""Places so close together are one finding."""
MAX_RANGES = 64
"""Byte ranges that one finding lists; more are joined into one from the first to the last."""
MAX_PLACES = 500

_LIKELY = frozenset({"block", "unit", "length"})


def merged(damages: Iterable[Damage], near_s: float = NEAR_SECONDS) -> tuple[Damage, ...]:
    """Join places of one kind that touch or lie near each other, in order of time; at most `MAX_PLACES` are left.

    What has no time stays by itself, joined where its bytes touch.
    """
    found: list[Damage] = []
    last_of: dict[str, int] = {}
    for one in sorted(damages, key=_order):
        place = last_of.get(one.kind)
        if place is not None and _is_near(found[place], one, near_s):
            found[place] = _joined(found[place], one)
        else:
            last_of[one.kind] = len(found)
            found.append(one)
    if len(found) > MAX_PLACES:
        rest = found[MAX_PLACES - 1 :]
        joined = rest[0]
        for one in rest[1:]:
            joined = _joined(joined, one)
        found = [*found[: MAX_PLACES - 1], joined]
    return tuple(found)


def _order(one: Damage) -> tuple[bool, float, int]:
    return (one.start_s is None, one.start_s or 0.0, one.bytes[0] if one.bytes else 0)


def _is_near(before: Damage, after: Damage, near_s: float) -> bool:
    if before.end_s is None or after.start_s is None:
        return before.bytes is not None and after.bytes is not None and after.bytes[0] <= before.bytes[1]
    return after.start_s <= before.end_s + near_s


def _joined(before: Damage, after: Damage) -> Damage:
    spans = [span for span in (before.bytes, after.bytes) if span is not None]
    starts = [one.start_s for one in (before, after) if one.start_s is not None]
    ends = [one.end_s for one in (before, after) if one.end_s is not None]
    return before.model_copy(
        update={
            "start_s": min(starts, default=None),
            "end_s": max(ends, default=None),
            "bytes": (min(span[0] for span in spans), max(span[1] for span in spans)) if spans else None,
        }
    )


def damage_findings(facts: MediaFacts) -> tuple[Finding, ...]:
    """`data.corrupt` for each damaged place of a file; places of several kinds that lie together are one finding.

    `file` stays null: the caller knows the name. What lies wholly behind the last intact second of a torn file is
    not said again: the truncation explains it.
    """
    groups: list[list[Damage]] = []
    end_s: float | None = None
    for one in sorted(facts.damage, key=_order):
        if facts.is_truncated and facts.has_index and _is_behind(one, facts.intact_until_s):
            continue
        is_near = groups and end_s is not None and one.start_s is not None and one.start_s <= end_s + NEAR_SECONDS
        if is_near:
            groups[-1].append(one)
        else:
            groups.append([one])
        ends = [member.end_s for member in groups[-1] if member.end_s is not None]
        end_s = max(ends, default=None)
    return tuple(_finding(group) for group in groups)


def _is_behind(one: Damage, intact_until_s: float | None) -> bool:
    return intact_until_s is not None and one.start_s is not None and one.start_s >= intact_until_s


def _finding(group: Sequence[Damage]) -> Finding:
    kinds = sorted({one.kind for one in group})
    starts = [one.start_s for one in group if one.start_s is not None]
    ends = [one.end_s for one in group if one.end_s is not None]
    return finding(
        "data.corrupt",
        start_s=min(starts, default=None),
        end_s=max(ends, default=None),
        bytes=_ranges(group),
        confidence=Confidence.LIKELY if _LIKELY.issuperset(kinds) else Confidence.CERTAIN,
        evidence={"source": "media data", "kinds": kinds, "seen": [DAMAGE_KINDS.get(kind, kind) for kind in kinds]},
    )


def _ranges(group: Sequence[Damage]) -> tuple[tuple[int, int], ...] | None:
    ranges: list[tuple[int, int]] = []
    for start, end in sorted(one.bytes for one in group if one.bytes is not None):
        if ranges and start <= ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], max(end, ranges[-1][1]))
        else:
            ranges.append((start, end))
    if len(ranges) > MAX_RANGES:
        return ((ranges[0][0], max(end for _, end in ranges)),)
    return tuple(ranges) or None
