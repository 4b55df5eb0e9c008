"""Seams: places at which packets, key pictures, picture numbers or position time do not run on as they did before.

A seam is a sign, not a judgement: encoders and receivers make some of their own. `core.tamper` weighs them together.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from operator import sub
from statistics import median
from typing import NamedTuple

from ingestd.core.clock import from_text
from ingestd.core.facts import Fix, Seam, StreamKind

SEAM_KINDS = {
    "sound.step": "one packet of clockwork sound is early or late; amount: seconds",
    "picture.step": "one picture of a clockwork rhythm is early or late; amount: seconds",
    "key.distance": "one group of pictures is of another length than all the others; amount: pictures",
    "key.rhythm": "several groups of pictures in a row have another length than all the others; amount: pictures",
    "key.number": "the numbers of key pictures do not run on",
    "frame.number": "the numbers of pictures jump inside a group; amount: pictures",
    "description": "the samples have another description (stsd)",
    "parameters": "the parameter sets inside the stream are others than at the start",
    "time.restart": "the times of all streams begin again; amount: seconds, negative",
    "start.without_key": "the first picture is no key picture",
    "position": "position time jumps against media time; amount: seconds",
}
"""What each kind of seam says."""

MAX_SEAMS_OF_KIND = 4
"""More of one kind are a habit of the recorder, not seams; then none of that kind is told."""

_CLOCKWORK_SHARE = 0.97
_LEAST_SLACK_S = 0.0015
_EDGE_STEPS = 2
"""Steps at either end of a stream that are not judged: encoders start up and files roll over there."""
_MIN_STEPS = 20
_REGULAR_SHARE = 0.75
_MIN_GROUPS = 4
_SMALL_SHIFT_S = 0.3
_SIDE_FIXES = 10


class Group(NamedTuple):
    """One group of pictures. `number` is the key picture's own (H.264 `idr_pic_id`), `last_frame` the `frame_num` of
    its last picture, null where they were not read; `pictures` is 0 where the end of the group is the file's."""

    start_s: float
    pictures: int
    number: int | None = None
    last_frame: int | None = None


class TrackTimes(NamedTuple):
    """Packet times of one stream, ascending, in seconds of the file; `keys_s` of its key pictures, empty where all
    are."""

    stream: int
    kind: StreamKind
    times_s: Sequence[float]
    keys_s: Sequence[float] = ()


def step_seams(track: TrackTimes) -> tuple[Seam, ...]:
    """Lone early or late packets in a stream that otherwise runs like clockwork: what joining two pieces leaves.

    Sound packets have one length, so a piece taken out at a picture's time nearly never is a whole number of them.
    """
    is_sound = track.kind is StreamKind.AUDIO
    if track.kind not in (StreamKind.AUDIO, StreamKind.VIDEO):
        return ()
    steps = list(map(sub, track.times_s[1:], track.times_s))
    if len(steps) < _MIN_STEPS:
        return ()
    if max(steps) - min(steps) <= _LEAST_SLACK_S:
        return ()
    usual_s = median(steps)
    slack_s = max(_LEAST_SLACK_S, (0.03 if is_sound else 0.1) * usual_s)
    odd = [place for place, step in enumerate(steps) if abs(step - usual_s) > slack_s]
    # Longer ones are holes, which `core.timeline` tells.
    longest_s = usual_s + max(0.055, 1.5 * usual_s)
    inner = [place for place in odd if _EDGE_STEPS <= place < len(steps) - _EDGE_STEPS and steps[place] < longest_s]
    if usual_s <= 0 or len(odd) > (1 - _CLOCKWORK_SHARE) * len(steps) + 2 or len(inner) > MAX_SEAMS_OF_KIND:
        return ()
    kind = "sound.step" if is_sound else "picture.step"
    return tuple(
        Seam(
            kind=kind,
            at_s=round(track.times_s[place + 1], 6),
            amount=round(steps[place] - usual_s, 6),
            stream=track.stream,
        )
        for place in inner
    )


def groups_of(times_s: Sequence[float], keys_s: Sequence[float]) -> list[Group]:
    """Groups of pictures by presentation times alone, both ascending; for containers whose pictures are not read."""
    places = [bisect_left(times_s, key - 1e-6) for key in keys_s]
    groups = [
        Group(round(key, 6), later - place) for key, place, later in zip(keys_s, places, places[1:], strict=False)
    ]
    return [*groups, Group(round(keys_s[-1], 6), 0)] if keys_s else []


def group_seams(groups: Sequence[Group]) -> tuple[Seam, ...]:
    """What lengths and numbers of the groups of pictures say; the last group ends with the file and is not judged."""
    return (*_length_seams(groups), *_number_seams(groups))


def _length_seams(groups: Sequence[Group]) -> Iterator[Seam]:
    whole = [group for group in groups if group.pictures]
    if len(whole) < _MIN_GROUPS - 1:
        return
    usual, count = Counter(group.pictures for group in whole).most_common(1)[0]
    runs = list(_odd_runs(whole, usual))
    inner = [core for run in runs if (core := _of_one_rhythm(whole, run, usual))]
    lone = [run for run in runs if len(run) == 1]
    if usual <= 1 or len(lone) > MAX_SEAMS_OF_KIND or count < 2:
        return
    if count >= _REGULAR_SHARE * len(whole):
        for (place,) in lone:
            if place + 1 < len(groups):
                yield Seam(kind="key.distance", at_s=groups[place + 1].start_s, amount=float(whole[place].pictures))
    is_framed = 2 * count >= len(whole) and len(inner) == 1 and len(lone) <= 2
    if is_framed and inner[0][0] > 0 and inner[0][-1] + 1 < len(whole):
        first, last = inner[0][0], inner[0][-1]
        yield Seam(
            kind="key.rhythm",
            at_s=whole[first].start_s,
            until_s=whole[last + 1].start_s,
            amount=float(whole[first].pictures),
        )


def _of_one_rhythm(groups: Sequence[Group], run: Sequence[int], usual: int) -> list[int]:
    """The groups of a run that have one length. A clip put in may cut the group before it short, which is left out,
    and end inside its own last one, which counts to it. Empty where no two have one length."""
    lengths = [groups[place].pictures for place in run]
    for first in (0, 1):
        for last in (len(run), len(run) - 1):
            core = lengths[first:last]
            is_one = len(core) > 1 and len(set(core)) == 1
            if is_one and all(one < core[0] for one in lengths[last:]) and all(one < usual for one in lengths[:first]):
                return list(run[first:])
    return []


def _odd_runs(groups: Sequence[Group], usual: int) -> Iterator[list[int]]:
    run: list[int] = []
    for place, group in enumerate(groups):
        if group.pictures != usual:
            run.append(place)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _number_seams(groups: Sequence[Group]) -> Iterator[Seam]:
    """Key pictures are numbered in turn (0 and 1, or upwards), so that a lost one shows: ITU-T H.264, 7.4.3."""
    numbers = [group.number for group in groups]
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers) or len(known) < _MIN_GROUPS:
        return
    for is_next in (_alternates, _counts_up):
        breaks = [place for place, (one, other) in enumerate(pairwise(known), start=1) if not is_next(one, other)]
        if len(breaks) <= min(MAX_SEAMS_OF_KIND, len(known) // 4):
            for place in breaks:
                yield Seam(kind="key.number", at_s=groups[place].start_s)
            return


def _alternates(one: int, other: int) -> bool:
    return one != other and one <= 1 and other <= 1


def _counts_up(one: int, other: int) -> bool:
    return other == one + 1 or (other == 0 and one > 1)


def group_jumps(groups: Sequence[Group], frame_modulus: int) -> tuple[tuple[int, int], ...]:
    """(place, pictures missing inside) of the groups whose picture numbers run further than their pictures.

    Read against the other groups, because pictures that nothing refers to are not counted.
    """
    whole = [(place, group) for place, group in enumerate(groups) if group.pictures and group.last_frame is not None]
    if len(whole) < _MIN_GROUPS - 1 or frame_modulus <= 1:
        return ()
    ahead = [(group.last_frame or 0) - (group.pictures - 1) for _, group in whole]
    usual, count = Counter(one % frame_modulus for one in ahead).most_common(1)[0]
    if count < _REGULAR_SHARE * len(whole):
        return ()
    jumps = []
    for (place, _), one in zip(whole, ahead, strict=True):
        missing = (one - usual) % frame_modulus
        if 0 < missing < frame_modulus // 2:
            jumps.append((place, missing))
    return tuple(jumps) if len(jumps) <= MAX_SEAMS_OF_KIND else ()


class _Point(NamedTuple):
    at_s: float
    ahead_s: float
    """Position time less media time, in seconds since 1970."""


def position_seams(fixes: Iterable[Fix], keys_s: Sequence[float], others: Sequence[Seam]) -> tuple[Seam, ...]:
    """Where position time jumps against media time, placed as closely as key pictures and other seams allow.

    A fix whose time stands still is the receiver's last one repeated and tells nothing. Position times are whole
    seconds: a slow beat between them and the text track's own rhythm makes jumps of one second, which `core.tamper`
    believes only beside another seam.
    """
    points = _points(fixes)
    if len(points) < 4:
        return ()
    period_s = median(later.at_s - earlier.at_s for earlier, later in pairwise(points))
    noise_s = median(abs(later.ahead_s - earlier.ahead_s) for earlier, later in pairwise(points))
    least_s = max(_SMALL_SHIFT_S, 4 * noise_s)
    places = [
        place
        for place, (earlier, later) in enumerate(pairwise(points))
        if abs(later.ahead_s - earlier.ahead_s) > least_s
    ]
    if len(places) > 2 * MAX_SEAMS_OF_KIND:
        return ()
    seams = []
    for number, place in enumerate(places):
        first = max(places[number - 1] + 1 if number else 0, place + 1 - _SIDE_FIXES)
        last = min(places[number + 1] + 1 if number + 1 < len(places) else len(points), place + 1 + _SIDE_FIXES)
        before, after = points[first : place + 1], points[place + 1 : last]
        shift_s = median(one.ahead_s for one in after) - median(one.ahead_s for one in before)
        if abs(shift_s) > least_s:
            seams.append(_placed(points[place].at_s, points[place + 1].at_s, period_s, shift_s, keys_s, others))
    return tuple(seams)


def _points(fixes: Iterable[Fix]) -> list[_Point]:
    points: list[_Point] = []
    last_utc = None
    for fix in sorted((one for one in fixes if one.at_s is not None and one.utc is not None), key=_at):
        if fix.is_doubtful or fix.utc == last_utc or fix.at_s is None or fix.utc is None:
            continue
        last_utc = fix.utc
        try:
            points.append(_Point(fix.at_s, from_text(fix.utc).timestamp() - fix.at_s))
        except (ValueError, OverflowError):
            continue
    return points


def _at(fix: Fix) -> float:
    return fix.at_s or 0.0


def _placed(
    before_s: float,
    after_s: float,
    period_s: float,
    shift_s: float,
    keys_s: Sequence[float],
    others: Sequence[Seam],
) -> Seam:
    """The place of a jump between two fixes: within one period of both, at another seam or at a key picture there."""
    earliest_s, latest_s = max(before_s, after_s - period_s), min(after_s, before_s + period_s)
    if latest_s < earliest_s or shift_s < 0:
        earliest_s, latest_s = before_s, after_s
    # A piece without fixes stands between them: it begins soon after the fix before.
    likely_s = before_s + period_s / 2 if shift_s < 0 else (earliest_s + latest_s) / 2
    slack_s = 0.05
    keys = [key for key in keys_s if earliest_s - slack_s <= key <= latest_s + slack_s]
    seams = [one.at_s for one in others if earliest_s - slack_s <= one.at_s <= latest_s + slack_s]
    named = [key for key in keys if any(abs(key - at_s) <= 0.15 for at_s in seams)]
    candidates = named or seams or [key for key in keys if key > earliest_s + slack_s] or keys
    at_s = min(candidates, key=lambda one: abs(one - likely_s)) if candidates else likely_s
    return Seam(
        kind="position",
        at_s=round(at_s, 6),
        earliest_s=round(earliest_s, 6),
        latest_s=round(latest_s, 6),
        amount=round(shift_s, 3),
    )


def limited(seams: Iterable[Seam]) -> tuple[Seam, ...]:
    """At most `MAX_SEAMS_OF_KIND` twice over of each kind and stream, in order of place: facts stay small."""
    kept: Counter[tuple[str, int | None]] = Counter()
    found: list[Seam] = []
    for seam in sorted(seams, key=lambda one: (one.at_s, one.kind)):
        kept[seam.kind, seam.stream] += 1
        if kept[seam.kind, seam.stream] <= 2 * MAX_SEAMS_OF_KIND and len(found) < 64:
            found.append(seam)
    return tuple(found)
