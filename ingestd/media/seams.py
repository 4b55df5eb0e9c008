"""Seams of a file of the MP4 family (`core.seams`): from its index, and from the heads of few pictures."""

from collections.abc import Iterator, Sequence
from itertools import chain

from ingestd.core.facts import Fix, Seam, StreamKind
from ingestd.core.seams import (
    Group,
    TrackTimes,
    group_jumps,
    group_seams,
    limited,
    position_seams,
    step_seams,
)
from ingestd.media.boxes import ByteSource
from ingestd.media.isobmff import Movie, Track
from ingestd.media.parametersets import read_avc_record, read_hevc_record
from ingestd.media.picturenumbers import PictureNumbers, SampleHeads, jump_place

MAX_GROUPS = 3000
"""Of longer files only so many groups are read picture by picture, from the start."""
_MAX_GROUP_PICTURES = 600


def movie_seams(source: ByteSource, movie: Movie, fixes: Sequence[Fix]) -> tuple[Seam, ...]:
    """All seams of a file by its index, the numbers inside its H.264 key pictures, and its position track."""
    found: list[Seam] = []
    keys_s: list[float] = []
    for track in movie.tracks:
        if track.kind not in (StreamKind.VIDEO, StreamKind.AUDIO) or not len(track.samples):
            continue
        shown = _Shown(movie, track)
        found.extend(step_seams(TrackTimes(track.number, track.kind, sorted(shown.times_s))))
        found.extend(shown.descriptions())
        if track.kind is StreamKind.VIDEO:
            found.extend(_picture_seams(source, movie, shown))
            keys_s = keys_s or shown.keys_s()
    found.extend(position_seams(fixes, keys_s, found))
    return limited(found)


class _Shown:
    """A track on the file's own time line."""

    def __init__(self, movie: Movie, track: Track) -> None:
        self.track = track
        self.times_s = movie.times_s(track)

    def keys_s(self) -> list[float]:
        """Times of the key pictures; empty where all are."""
        keys = self.track.samples.keys
        return [] if keys is None else [self.times_s[number] for number in keys]

    def descriptions(self) -> Iterator[Seam]:
        """Where samples get another description, up to where the first one is back."""
        runs, count = self.track.samples.descriptions, len(self.times_s)
        for place, (sample, kind) in enumerate(runs[:9]):
            if place == 0 or kind == runs[0][1] or sample >= count:
                continue
            back = runs[place + 1][0] if place + 1 < len(runs) else count
            until_s = self.times_s[back] if back < count else None
            yield Seam(
                kind="description",
                at_s=round(self.times_s[sample], 6),
                until_s=None if until_s is None else round(until_s, 6),
                stream=self.track.number,
            )


def _picture_seams(source: ByteSource, movie: Movie, shown: _Shown) -> Iterator[Seam]:
    samples, times = shown.track.samples, shown.times_s
    keys = samples.keys
    if not keys or len(keys) == len(times):
        return
    if keys[0] != 0 and not movie.is_fragmented:
        yield Seam(kind="start.without_key", at_s=round(times[0], 6), stream=shown.track.number)
    heads = _heads(source, shown.track)
    numbers = heads if isinstance(heads, PictureNumbers) else None
    bounds = [*keys[: MAX_GROUPS + 1], len(times)] if len(keys) <= MAX_GROUPS else list(keys[: MAX_GROUPS + 1])
    if heads is not None:
        lasts = (after - 1 for after in bounds[1:]) if numbers is not None else ()
        heads.will_read(chain(bounds[:-1], lasts))
    groups: list[Group] = []
    others: list[bool] = []
    for place, (first, after) in enumerate(zip(bounds, bounds[1:], strict=False)):
        is_last = place + 1 == len(bounds) - 1
        head = numbers.head(first) if numbers is not None else None
        last = numbers.head(after - 1) if numbers is not None and after - 1 > first else None
        groups.append(
            Group(
                round(times[first], 6),
                0 if is_last and after == len(times) else after - first,
                head.key_number if head is not None else None,
                last.frame_number if last is not None else None,
            )
        )
        others.append(heads is not None and heads.has_other_sets(first))
    found = [*group_seams(groups), *_other_sets(groups, others)]
    if numbers is not None:
        for place, missing in group_jumps(groups, numbers.modulus):
            until = min(bounds[place + 1], bounds[place] + _MAX_GROUP_PICTURES)
            at = jump_place(numbers, range(bounds[place], until))
            found.append(
                Seam(
                    kind="frame.number",
                    at_s=round(times[at if at is not None else bounds[place]], 6),
                    amount=float(missing),
                )
            )
    yield from (seam.model_copy(update={"stream": shown.track.number}) for seam in found)


def _heads(source: ByteSource, track: Track) -> SampleHeads | None:
    """Of HEVC only the parameter sets are read: its key pictures carry no number."""
    description = track.description
    if not description.picture_config:
        return None
    if description.codec == "h264":
        record = read_avc_record(description.picture_config)
        return PictureNumbers(source, track.samples, record) if record is not None else None
    record = read_hevc_record(description.picture_config)
    return SampleHeads(source, track.samples, record) if record is not None else None


def _other_sets(groups: Sequence[Group], others: Sequence[bool]) -> Iterator[Seam]:
    """Runs of groups with parameter sets that the file's record does not have; a file full of them says nothing."""
    if all(others):
        return
    start_s: float | None = None
    for group, is_other in zip(groups, others, strict=True):
        if is_other and start_s is None:
            start_s = group.start_s
        elif not is_other and start_s is not None:
            yield Seam(kind="parameters", at_s=start_s, until_s=group.start_s)
            start_s = None
    if start_s is not None:
        yield Seam(kind="parameters", at_s=start_s)
