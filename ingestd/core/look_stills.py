"""From the differences of neighbouring pictures to spans in which the picture is stuck. Pure."""

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from ingestd.core.look import LookRule, LookSpan, SpanKind

_NEIGHBOURS = 5
_BESIDE = 5


class Step(NamedTuple):
    """One picture against the one before it.

    `difference` is the mean over all pixels, `tile` the largest of a tile of 16 by 16 pixels, in grey levels; null for
    the first picture after a place where others were skipped. `key_difference` compares a key picture with the key
    picture before it.
    """

    time_s: float
    difference: float | None
    tile: float = 0.0
    is_key: bool = False
    key_difference: float | None = None


def stuck_spans(steps: Sequence[Step], rule: LookRule, end_s: float | None = None) -> list[LookSpan]:
    """Find the spans in which the same picture is shown again and again.

    Args:
        steps: of one uninterrupted stretch, in order of presentation.
        rule: the numbers.
        end_s: where the last picture ends, if it is the file's last one.
    """
    held = _held(steps, rule)
    last_s = steps[-1].time_s if end_s is None and steps else end_s or 0.0
    joined: list[tuple[int, int]] = []
    place = 0
    while place < len(steps):
        if not held[place]:
            place += 1
            continue
        first = place
        while place < len(steps) and held[place]:
            place += 1
        if _time_at(steps, place, last_s) - steps[first].time_s < rule.core_seconds:
            continue
        first, place = _grown(steps, first, place, rule)
        if joined and first <= joined[-1][1]:
            first = min(first, joined.pop()[0])
        joined.append((first, place))
    return [
        _span(steps, first, behind, _time_at(steps, behind, last_s), rule)
        for first, behind in joined
        if _time_at(steps, behind, last_s) - steps[first].time_s >= rule.frozen_seconds - 1e-3
        and _is_held_still(steps[first:behind], rule)
    ]


def _time_at(steps: Sequence[Step], place: int, last_s: float) -> float:
    return steps[place].time_s if place < len(steps) else last_s


def _grown(steps: Sequence[Step], first: int, behind: int, rule: LookRule) -> tuple[int, int]:
    """A core with the pictures on either side in which nothing moves, although the encoder changes them a little."""
    most = min(rule.refresh_levels, rule.motion_share * _motion(steps[:first][::-1], rule))
    while first > 0 and _is_refined(steps[first - 1], most, rule):
        first -= 1
    most = min(rule.refresh_levels, rule.motion_share * _motion(steps[behind:], rule))
    while behind < len(steps) and _is_refined(steps[behind], most, rule):
        behind += 1
    return first, behind


def _motion(beside: Sequence[Step], rule: LookRule) -> float:
    """The usual difference of the pictures that move, on one side; 0 where none does."""
    moving = [step.difference for step in beside if (step.difference or 0.0) >= rule.motion_levels and not step.is_key]
    return median([one for one in moving if one is not None]) if len(moving) >= _BESIDE else 0.0


def _is_refined(step: Step, most: float, rule: LookRule) -> bool:
    if step.difference is None:
        return False
    limit = max(most, rule.refresh_levels) if step.is_key and most else most
    return step.difference <= limit and step.tile <= rule.refresh_tile_levels


def _is_held_still(steps: Sequence[Step], rule: LookRule) -> bool:
    differences = [step.difference for step in steps if step.difference is not None and not step.is_key]
    return not differences or median(differences) <= rule.held_levels


def _held(steps: Sequence[Step], rule: LookRule) -> list[bool]:
    """For each picture whether it is the one before it once more.

    Where every picture is a key picture each stands for itself; else the median of its neighbourhood speaks, because
    encoders refine a stuck picture, and leave out a moving one, now and then.
    """
    is_all_keys = all(step.is_key for step in steps)
    held = []
    for place, step in enumerate(steps):
        is_refresh = step.difference is not None and (
            step.difference <= rule.refresh_levels and step.tile <= rule.refresh_tile_levels
        )
        if not is_refresh:
            held.append(False)
        elif is_all_keys:
            held.append((step.difference or 0.0) <= rule.held_levels)
        else:
            held.append(_is_quiet_around(steps, place, rule))
    return held


def _is_quiet_around(steps: Sequence[Step], place: int, rule: LookRule) -> bool:
    near = sorted(
        step.difference
        for step in steps[max(0, place - _NEIGHBOURS) : place + _NEIGHBOURS + 1]
        if step.difference is not None and not step.is_key
    )
    if not near:
        return False
    return (
        near[len(near) // 2] <= rule.held_levels
        and near[min(len(near) - 1, len(near) * 3 // 5)] <= rule.held_upper_levels
    )


def _span(steps: Sequence[Step], first: int, behind: int, until_s: float, rule: LookRule) -> LookSpan:
    inside = steps[first:behind]
    # The first key picture of a span repeats pictures that were encoded on the way into it.
    pairs = [step for step in inside[1:] if step.is_key and step.key_difference is not None]
    own = [pair for pair in pairs if _last_key_s(steps, pair) >= steps[first].time_s]
    differences = [step.difference for step in inside if step.difference is not None]
    is_all_keys = all(step.is_key for step in steps)
    equal = sum(1 for pair in own if pair.key_difference == 0)
    if is_all_keys:
        equal = sum(1 for difference in differences if difference == 0)
    return LookSpan(
        kind=SpanKind.FROZEN,
        start_s=round(steps[first].time_s, 6),
        end_s=round(until_s, 6),
        numbers={
            "pictures": len(inside),
            "equal_pictures": sum(1 for difference in differences if difference == 0),
            "key_pairs": len(own),
            "equal_keys": equal,
            "begins_abruptly": _begins_abruptly(steps, first, rule),
            "ends_abruptly": _ends_abruptly(steps, behind, rule),
        },
    )


def _last_key_s(steps: Sequence[Step], pair: Step) -> float:
    return max((step.time_s for step in steps if step.is_key and step.time_s < pair.time_s), default=float("-inf"))


def _begins_abruptly(steps: Sequence[Step], first: int, rule: LookRule) -> bool | None:
    """Whether the pictures before moved or had noise right up to the span; null at the start of the file."""
    start_s = steps[first].time_s - rule.around_seconds
    before = [step.difference for step in steps[:first] if step.time_s >= start_s and step.difference is not None]
    return _is_abrupt(before[::-1], rule)


def _ends_abruptly(steps: Sequence[Step], behind: int, rule: LookRule) -> bool | None:
    """The same for the pictures behind, the first of which also makes up for what was missed."""
    if behind >= len(steps):
        return None
    end_s = steps[behind].time_s + rule.around_seconds
    after = [step.difference for step in steps[behind:] if step.time_s <= end_s and step.difference is not None]
    return _is_abrupt(after, rule)


def _is_abrupt(beside: Sequence[float], rule: LookRule) -> bool | None:
    """Whether differences, the nearest first, are as large beside the span as farther away."""
    if len(beside) < 2 * _BESIDE:
        return None
    usual = median(beside)
    return usual >= rule.noise_levels and median(beside[:_BESIDE]) >= 0.5 * usual
