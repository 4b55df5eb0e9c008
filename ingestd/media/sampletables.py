"""The sample tables of a track (ISO/IEC 14496-12, 8.6 and 8.7) as arrays: times, sizes, places in the file."""

import struct
import sys
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate, chain, islice, repeat, takewhile
from operator import add, sub

from ingestd.media.boxes import Problems

MAX_SAMPLES = 2_000_000
"""Of one file, all tracks together: 7 hours of 30 frames and 47 sounds a second. A hostile one claims 2**32."""

_MAX_DELTA = 1 << 31
_ABSURD_PLACE = 1 << 62
_TYPECODES = {1: "B", 2: "H", 4: "I", 8: "Q"}


@dataclass(slots=True)
class Samples:
    """The samples of a track, in decoding order; a "sample" is a chunk where `is_by_chunk`.

    `times` (presentation) and `durations` are in ticks of the track's timescale, before any edit list. `offsets` and
    `sizes` are in bytes of the file. All four have the same length.
    """

    times: "array[int]" = field(default_factory=lambda: array("q"))
    durations: "array[int]" = field(default_factory=lambda: array("q"))
    offsets: "array[int]" = field(default_factory=lambda: array("Q"))
    sizes: "array[int]" = field(default_factory=lambda: array("Q"))
    keys: "array[int] | None" = None
    """Which of them are key frames, counted from 0, in order; null where all are."""
    next_ticks: int = 0
    """Where a fragment without a time of its own goes on (decoding time)."""
    is_by_chunk: bool = False
    descriptions: tuple[tuple[int, int], ...] = ()
    """(first sample, number of its description in `stsd`) of each run, at most 64; empty where all have the same."""
    _end_of: tuple[int, int] = (0, 0)
    """How many samples were there when their end was last asked for, and that end."""

    def __len__(self) -> int:
        return len(self.times)

    def end_bytes(self) -> int:
        """Where the last of them ends in the file; 0 without samples."""
        count, end = self._end_of
        if count != len(self):
            end = max(map(add, self.offsets, self.sizes), default=0)
            self._end_of = (len(self), end)
        return end


def read_array(data: memoryview, start: int, end: int, count: int, width: int) -> "array[int]":
    """`count` big-endian integers of `width` bytes, or as many as lie before `end`."""
    whole = max(0, min(count, (end - start) // width))
    values: array[int] = array(_TYPECODES[width], bytes(data[start : start + whole * width]))
    if sys.byteorder == "little":
        values.byteswap()
    return values


class TableBoxes:
    """The raw tables of one `stbl`, collected box by box, then turned into `Samples`."""

    def __init__(self, problems: Problems, where: str) -> None:
        self._problems = problems
        self._where = where
        self._time_runs: array[int] = array("I")
        self._shift_runs: array[int] = array("I")
        self._chunk_runs: array[int] = array("I")
        self._chunks: array[int] = array("Q")
        self._sizes: array[int] = array("I")
        self._one_size = 0
        self._count = 0
        self._keys: array[int] | None = None

    @property
    def one_size(self) -> int:
        """Bytes of each sample where all are of one size, else 0."""
        return self._one_size

    def take(self, kind: str, data: memoryview, start: int, end: int) -> None:
        """Read one box that lies at `data[start:end]` (its body); kinds that are no table are passed over."""
        if kind not in ("stts", "ctts", "stsc", "stsz", "stz2", "stco", "co64", "stss"):
            return
        if end - start < (12 if kind in ("stsz", "stz2") else 8):
            self._problems.add(f"{self._where}: table {kind} is too short")
            return
        (count,) = struct.unpack_from(">I", data, start + 4)
        rows = start + 8
        if kind in ("stsz", "stz2"):
            self._take_sizes(kind, data, start, end)
        elif kind == "stts":
            self._time_runs = self._table(kind, data, rows, end, count, 2)
        elif kind == "ctts":
            self._shift_runs = self._table(kind, data, rows, end, count, 2)
        elif kind == "stsc":
            self._chunk_runs = self._table(kind, data, rows, end, count, 3)
        elif kind == "stss":
            self._keys = self._table(kind, data, rows, end, count, 1)
        else:
            width = 4 if kind == "stco" else 8
            self._chunks = array("Q", read_array(data, rows, end, min(count, MAX_SAMPLES), width))
            self._check(kind, count, len(self._chunks))

    def _table(self, kind: str, data: memoryview, rows: int, end: int, count: int, columns: int) -> "array[int]":
        values = read_array(data, rows, end, count * columns, 4)
        self._check(kind, count, len(values) // columns)
        return values[: len(values) // columns * columns]

    def _check(self, kind: str, claimed: int, found: int) -> None:
        if found < claimed:
            self._problems.add(f"{self._where}: table {kind} claims {claimed} entries, {found} are there")

    def _take_sizes(self, kind: str, data: memoryview, start: int, end: int) -> None:
        one_size, count = struct.unpack_from(">II", data, start + 4)
        rows = start + 12
        if kind == "stz2":
            bits = one_size & 0xFF
            one_size = 0
            if bits == 4:
                nibbles = read_array(data, rows, end, (min(count, MAX_SAMPLES) + 1) // 2, 1)
                self._sizes = array("I", chain.from_iterable((byte >> 4, byte & 15) for byte in nibbles))[:count]
            elif bits in (8, 16):
                self._sizes = array("I", read_array(data, rows, end, min(count, MAX_SAMPLES), bits // 8))
            self._check(kind, count, len(self._sizes))
            self._count = len(self._sizes)
        elif one_size:
            self._one_size, self._count = one_size, count
        else:
            self._sizes = array("I", read_array(data, rows, end, min(count, MAX_SAMPLES), 4))
            self._check(kind, count, len(self._sizes))
            self._count = len(self._sizes)

    def samples(
        self,
        *,
        file_bytes: int,
        is_audio: bool,
        bytes_per_unit: float | None = None,
        limit: int = MAX_SAMPLES,
    ) -> Samples:
        """The tables as samples, the first `limit` of them.

        Args:
            file_bytes: size of the file. Of samples of one size, which need no table, no more are believed in than
                it has room for and one more, which tells that the file is cut short.
            is_audio: audio of one size and of one tick a sample (PCM, G.711) is given by the chunk, as demuxers do:
                its samples are single values and may be millions.
            bytes_per_unit: bytes that one counted sample really takes, where the description of PCM says so;
                QuickTime writes a size of 1 there.
            limit: what is left of the file's `MAX_SAMPLES`.
        """
        if is_audio and self._one_size and list(self._time_runs[1:3]) == [1]:
            return self._by_chunk(bytes_per_unit if self._one_size == 1 and bytes_per_unit else self._one_size)
        count = min(self._count, limit, file_bytes // self._one_size + 1 if self._one_size else limit)
        if count < self._count:
            self._problems.add(f"{self._where}: {self._count} samples claimed, the first {count} were read")
        wanted = count
        sizes = array("Q", self._sizes[:count]) if not self._one_size else array("Q", [self._one_size]) * count
        durations = self._durations(count)
        offsets = self._offsets(sizes)
        count = min(len(sizes), len(durations), len(offsets))
        if count < wanted:
            self._problems.add(
                f"{self._where}: tables disagree: {self._count} sizes, {len(durations)} times, {len(offsets)} places"
            )
        times = array("q", accumulate(chain((0,), durations)))[:count]
        if self._shift_runs:
            times = array("q", map(add, times, chain(self._shifts(count), array("q", [0]) * count)))
        keys = None
        if self._keys is not None:
            keys = array("I", sorted({number - 1 for number in self._keys if 1 <= number <= count}))
        durations = durations[:count]
        return Samples(
            times,
            durations,
            offsets[:count],
            sizes[:count],
            keys,
            next_ticks=sum(durations),
            descriptions=self._descriptions(),
        )

    def _descriptions(self) -> tuple[tuple[int, int], ...]:
        if len(set(self._chunk_runs[2::3])) < 2:
            return ()
        firsts, counts, kinds = self._chunk_runs[::3], self._chunk_runs[1::3], self._chunk_runs[2::3]
        runs: list[tuple[int, int]] = []
        sample = 0
        for number, (first, many, kind) in enumerate(zip(firsts, counts, kinds, strict=True)):
            if not runs or runs[-1][1] != kind:
                runs.append((sample, kind))
            until = firsts[number + 1] - 1 if number + 1 < len(firsts) else len(self._chunks)
            sample += max(0, until - first + 1) * many
        return tuple(runs[:64])

    def _time_run_pairs(self) -> Iterator[tuple[int, int]]:
        for count, delta in zip(self._time_runs[::2], self._time_runs[1::2], strict=True):
            if delta >= _MAX_DELTA:
                self._problems.add(f"{self._where}: a negative or absurd sample duration was read as 1")
                delta = 1
            yield count, delta

    def _durations(self, count: int) -> "array[int]":
        return _expand(self._time_run_pairs(), count)

    def _shifts(self, count: int) -> "array[int]":
        """Composition offsets, always signed: version 0 says unsigned, and writers put negative ones there."""
        runs = zip(self._shift_runs[::2], self._shift_runs[1::2], strict=True)
        return _expand(((many, shift - (shift >> 31 << 32)) for many, shift in runs), count)

    def _chunks_in_order(self) -> tuple["array[int]", "array[int]"]:
        """Places of the chunks, and how many samples each has."""
        firsts, counts = self._chunk_runs[::3], array("I")
        for first, after, many in zip(
            firsts, chain(firsts[1:], (len(self._chunks) + 1,)), self._chunk_runs[1::3], strict=False
        ):
            if first < 1 or after < first:
                self._problems.add(f"{self._where}: table stsc is out of order")
                break
            if after == first + 1 <= len(self._chunks) + 1:
                counts.append(many)
            else:
                counts.extend(array("I", [many]) * (min(after - 1, len(self._chunks)) - first + 1))
        begin = firsts[0] - 1 if firsts else 0
        return self._chunks[begin : begin + len(counts)], counts

    def _offsets(self, sizes: "array[int]") -> "array[int]":
        if max(self._chunks, default=0) >= _ABSURD_PLACE:
            self._problems.add(f"{self._where}: a chunk lies at an absurd place")
            return array("Q")
        # No step of Python a chunk: tables of sound and picture in turn have as many chunks as samples.
        places, counts = self._chunks_in_order()
        before = array("Q", accumulate(sizes, initial=0))
        firsts = [*takewhile(len(sizes).__gt__, accumulate(counts, initial=0))][: len(counts)]
        starts = map(sub, places, map(before.__getitem__, firsts))
        bases = chain.from_iterable(map(repeat, starts, counts))
        return array("Q", map(add, islice(before, len(sizes)), bases))

    def _by_chunk(self, bytes_per_unit: float) -> Samples:
        found = Samples(is_by_chunk=True)
        runs = self._time_run_pairs()
        in_run, delta = next(runs, (0, 0))
        left, now = self._count, 0
        for place, many in zip(*self._chunks_in_order(), strict=True):
            many = min(many, left)
            if many == 0 or place >= _ABSURD_PLACE or now >= _ABSURD_PLACE:
                continue
            left -= many
            duration, wanted = 0, many
            while wanted > 0:
                used = min(wanted, in_run)
                duration += used * delta
                wanted -= used
                in_run -= used
                if in_run == 0 and wanted > 0:
                    following = next(runs, None)
                    if following is None:
                        # Missing times: the last rhythm goes on.
                        duration += wanted * delta
                        break
                    in_run, delta = following
            found.times.append(now)
            found.durations.append(duration)
            found.offsets.append(place)
            found.sizes.append(int(many * bytes_per_unit))
            now += duration
        return found


def _expand(runs: Iterable[tuple[int, int]], count: int) -> "array[int]":
    """Run-length pairs (how many, value) as single values, at most `count` of them."""
    values: array[int] = array("q")
    for many, value in runs:
        many = min(many, count - len(values))
        if many <= 0:
            break
        values.extend(array("q", [value]) * many)
    return values
