"""Parameter sets that pictures carry inside the stream, and where they are others than usual: where pieces join."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ingestd.core.facts import Seam
from ingestd.media.parametersets import Record, read_avc_record, read_hevc_record, sample_units, stream_units

HEAD_BYTES = 2048
"""Enough of a key picture for parameter sets and words before its first slice, or for the headers of a JPEG."""
_MAX_RUNS = 64
"""A stream that changes its sets more often does so by habit."""
_SET_KINDS = {"h264": (7, 8), "hevc": (32, 33, 34)}
_JPEG_FRAMES = frozenset({0xC0, 0xC1, 0xC2})


class CarriedSet(NamedTuple):
    """One parameter set: its kind (the unit's type) and a digest; of a JPEG kind 0 and its size in pictures."""

    kind: int
    digest: bytes


def carried_sets(codec: str, units: Iterable[bytes]) -> frozenset[CarriedSet]:
    """The parameter sets among the units of an H.264 or HEVC picture."""
    found = set()
    for unit in units:
        kind = unit[0] & 0x1F if codec == "h264" else unit[0] >> 1 & 0x3F
        if kind in _SET_KINDS.get(codec, ()):
            found.add(CarriedSet(kind, hashlib.sha256(unit.rstrip(b"\0")).digest()))
    return frozenset(found)


def are_other(found: frozenset[CarriedSet], usual: frozenset[CarriedSet]) -> bool:
    """Whether a picture carries a set that is not among the usual ones, of a kind that they have."""
    kinds = {one.kind for one in usual}
    return any(one.kind in kinds for one in found - usual)


def packet_sets(codec: str, config: bytes | None, head: bytes) -> frozenset[CarriedSet]:
    """The sets in the first bytes of a packet of H.264, HEVC (framed by start codes, or by the lengths that a decoder
    configuration record tells) or of a JPEG, whose size counts as its set; empty for all others."""
    if codec == "mjpeg":
        size = _jpeg_size(head)
        return frozenset({CarriedSet(0, size)}) if size is not None else frozenset()
    if codec not in _SET_KINDS:
        return frozenset()
    if head.startswith((b"\0\0\1", b"\0\0\0\1")):
        # The last unit may be cut off by the end of the head.
        units = list(stream_units(head))
        return carried_sets(codec, units[:-1] if len(head) >= HEAD_BYTES else units)
    record = _record(codec, config) if config is not None and config[:1] == b"\1" else None
    return carried_sets(codec, sample_units(head, record.length_bytes)) if record is not None else frozenset()


def _record(codec: str, config: bytes) -> Record | None:
    return read_avc_record(config) if codec == "h264" else read_hevc_record(config)


def _jpeg_size(head: bytes) -> bytes | None:
    """Height and width of the frame header (ITU-T T.81, B.2.2), four bytes; null where the head does not show them."""
    at = 2
    while head[:2] == b"\xff\xd8" and at + 9 <= len(head) and head[at] == 0xFF:
        if head[at + 1] in _JPEG_FRAMES:
            return head[at + 5 : at + 9]
        at += 2 + max(2, int.from_bytes(head[at + 2 : at + 4], "big"))
    return None


@dataclass(slots=True)
class _Run:
    start_s: float
    sets: frozenset[CarriedSet]
    pictures: int = 1


@dataclass(slots=True)
class SetRuns:
    """Collects, picture by picture in their order, runs of pictures that carry the same sets; bounded."""

    _runs: list[_Run] = field(default_factory=list)

    def take(self, at_s: float, sets: frozenset[CarriedSet]) -> None:
        """Add one picture. One without sets belongs to the run before it."""
        if not sets or len(self._runs) > _MAX_RUNS:
            return
        if self._runs and self._runs[-1].sets == sets:
            self._runs[-1].pictures += 1
        else:
            self._runs.append(_Run(at_s, sets))

    def seams(self, stream: int) -> Iterator[Seam]:
        """Runs with other sets than those that most pictures carry."""
        if not 1 < len(self._runs) <= _MAX_RUNS:
            return
        counts: Counter[frozenset[CarriedSet]] = Counter()
        for run in self._runs:
            counts[run.sets] += run.pictures
        usual = counts.most_common(1)[0][0]
        start_s: float | None = None
        for run in self._runs:
            is_other = are_other(run.sets, usual)
            if is_other and start_s is None:
                start_s = run.start_s
            elif not is_other and start_s is not None:
                yield Seam(kind="parameters", at_s=round(start_s, 6), until_s=round(run.start_s, 6), stream=stream)
                start_s = None
        if start_s is not None:
            yield Seam(kind="parameters", at_s=round(start_s, 6), stream=stream)
