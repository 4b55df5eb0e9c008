"""Movie fragments (`moof`, ISO/IEC 14496-12, 8.8): their samples are added to those of the track."""

import struct
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ingestd.media.boxes import Box, Problems, children
from ingestd.media.sampletables import Samples

_IS_NOT_KEY = 0x0001_0000
_ABSURD = 1 << 61


class FragmentDefaults(NamedTuple):
    """What holds for the samples of a track unless its fragment says otherwise (`trex`)."""

    duration: int = 0
    size: int = 0
    flags: int = 0


@dataclass(slots=True)
class _Run:
    """Where the next sample of a track fragment stands, and what holds for it by default."""

    samples: Samples
    defaults: FragmentDefaults
    time: int
    place: int


def read_fragment(
    data: memoryview,
    moof_start: int,
    tracks: Mapping[int, Samples],
    defaults: Mapping[int, FragmentDefaults],
    problems: Problems,
    *,
    file_bytes: int,
    limit: int,
) -> int:
    """Add the samples of one `moof` to `tracks` (by track id); at most `limit`, whose number is returned.

    Args:
        data: the body of the box.
        moof_start: where the box begins in the file; data offsets count from there.
        tracks: the samples so far.
        defaults: of `trex`, by track id.
        problems: takes what could not be read.
        file_bytes: size of the file; of samples that need no table, no more are believed in than it has room for.
        limit: how many samples the file may still have.
    """
    added = 0
    place = moof_start
    for traf in children(data, 0, len(data), problems, "moof"):
        if traf.type != "traf":
            continue
        run: _Run | None = None
        for box in children(data, traf.body, traf.body_end, problems, "traf"):
            if box.type == "tfhd":
                run = _track_fragment(data, box, moof_start, place, tracks, defaults)
                if run is None:
                    problems.add(f"a fragment at {moof_start} belongs to no track of the index")
            elif run is None:
                continue
            elif box.type == "tfdt":
                run.time = min(_base_time(data, box, run.time), _ABSURD)
            elif box.type == "trun":
                room = file_bytes // run.defaults.size + 1 if run.defaults.size else 0
                added += _run(data, box, moof_start, run, problems, limit=limit - added, room=room)
                place = run.place
    return added


def _track_fragment(
    data: memoryview,
    box: Box,
    moof_start: int,
    place: int,
    tracks: Mapping[int, Samples],
    defaults: Mapping[int, FragmentDefaults],
) -> _Run | None:
    """A track fragment by its header; null when it belongs to no known track, or is torn."""
    length = box.body_end - box.body
    if length < 8:
        return None
    flags, track_id = struct.unpack_from(">II", data, box.body)
    flags &= 0xFFFFFF
    samples = tracks.get(track_id)
    if samples is None:
        return None
    values = list(defaults.get(track_id, FragmentDefaults()))
    at = box.body + 8
    if flags & 0x020000:
        place = moof_start
    for bit, width in ((1, 8), (2, 4), (8, 4), (16, 4), (32, 4)):
        if not flags & bit:
            continue
        if at + width > box.body_end:
            return None
        value = int.from_bytes(data[at : at + width], "big")
        at += width
        if bit == 1:
            place = min(value, _ABSURD)
        elif bit > 2:
            values[(8, 16, 32).index(bit)] = value
    # Without a time of its own, a fragment goes on where the track has got to.
    time = samples.next_ticks
    return _Run(samples, FragmentDefaults(*values), time, place)


def _base_time(data: memoryview, box: Box, otherwise: int) -> int:
    width = 8 if bytes(data[box.body : box.body + 1]) == b"\1" else 4
    at = box.body + 4
    return int.from_bytes(data[at : at + width], "big") if at + width <= box.body_end else otherwise


def _run(data: memoryview, box: Box, moof_start: int, run: _Run, problems: Problems, *, limit: int, room: int) -> int:
    """One `trun`: its samples follow each other in the file. Returns how many were added, at most `limit`.

    `room` is how many samples of the default size the file can hold.
    """
    if box.body_end - box.body < 8:
        return 0
    flags, count = struct.unpack_from(">II", data, box.body)
    flags &= 0xFFFFFF
    at = box.body + 8
    first_flags: int | None = None
    if flags & 1 and at + 4 <= box.body_end:
        (offset,) = struct.unpack_from(">i", data, at)
        run.place = max(moof_start + offset, 0)
        at += 4
    if flags & 4 and at + 4 <= box.body_end:
        (first_flags,) = struct.unpack_from(">I", data, at)
        at += 4
    fields = [bit for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit]
    width = 4 * len(fields)
    there: int = min(count, limit, (box.body_end - at) // width if width else room)
    if there < count:
        problems.add(f"a fragment at {moof_start} claims {count} samples, {there} were read")
    row = struct.Struct(f">{len(fields)}I")
    samples = run.samples
    keys = samples.keys if samples.keys is not None else array("I", range(len(samples)))
    samples.keys = keys
    for number in range(there):
        given = dict(zip(fields, row.unpack_from(data, at + number * width), strict=True)) if width else {}
        duration = given.get(0x100, run.defaults.duration)
        size = given.get(0x200, run.defaults.size)
        sample_flags = first_flags if number == 0 and first_flags is not None else run.defaults.flags
        sample_flags = given.get(0x400, sample_flags)
        shift = given.get(0x800, 0)
        if not sample_flags & _IS_NOT_KEY:
            keys.append(len(samples))
        samples.times.append(run.time + shift - (shift >> 31 << 32))
        samples.durations.append(duration)
        samples.offsets.append(run.place)
        samples.sizes.append(size)
        run.time = min(run.time + duration, _ABSURD)
        run.place = min(run.place + size, _ABSURD)
    samples.next_ticks = run.time
    return there
