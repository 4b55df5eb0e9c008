"""Damage of MPEG transport streams (ISO/IEC 13818-1): lost packets, packets marked as damaged, bytes in between."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ingestd.core.facts import Damage
from ingestd.media.boxes import ByteSource, Problems

PACKET_BYTES = 188
_STRIDES = (188, 192, 204)
_PACKETS_AT_ONCE = 8192
_PROOF_PACKETS = 5
_NULL_PID = 0x1FFF
_TICKS = 90_000
_WRAP = 1 << 33
_NOT_COUNTED_SHARE = 0.2
"""A stream whose counters break more often than this does not count its packets."""
_FEW = 20
_MAX_OPEN = 10_000
RESTART_SECONDS = 1.0
"""Times that go back by more begin again: pieces were joined, or the recorder set its clock."""


@dataclass(slots=True)
class _Pid:
    counter: int | None = None
    is_repeat: bool = False
    packets: int = 0
    breaks: int = 0
    last_s: float | None = None
    shift_s: float = 0.0
    """Added to its written times since they last began again."""
    is_timed: bool = False
    declared: int | None = None
    """Payload bytes that the PES packet under way still claims; null where its header names no length."""
    started_at: int = 0


@dataclass(slots=True)
class _Open:
    """Damage whose end is not known before the next time stamp."""

    kind: str
    pid: int | None
    start_s: float | None
    span: tuple[int, int]
    end_s: float | None = None
    is_restart: bool = False
    """The times began again there, and the counters with them: no packet need be lost."""


@dataclass(slots=True)
class TransportWalk:
    """One walk over a stream. Times are presentation times of the pictures, else of any stream, in seconds."""

    source: ByteSource
    is_late: Callable[[], bool]
    problems: Problems
    _pids: dict[int, _Pid] = field(default_factory=dict)
    _open: list[_Open] = field(default_factory=list)
    _done: list[_Open] = field(default_factory=list)
    _video_pid: int | None = None
    _last_s: float | None = None
    _first_ticks: int | None = None
    stride: int = PACKET_BYTES
    """Bytes from one packet to the next, known once `first_packet` was asked."""
    span_s: tuple[float, float] | None = None
    """Earliest and latest presentation time of the pictures, else of any stream; null before the first."""
    _prefix: int = 0

    def damages(self) -> Iterator[Damage]:
        """All that is wrong, in any order."""
        at = self.first_packet()
        if at is None:
            self.problems.add("no packets of a transport stream stand at its start")
            return
        while at < self.source.size_bytes:
            if self.is_late():
                self.problems.add(f"packets were looked at up to byte {at} only")
                break
            if len(self._done) + len(self._open) > _MAX_OPEN:
                self.problems.add(f"more than {_MAX_OPEN} damaged places; the rest was not looked at")
                break
            block, whole, good = self._block(at)
            if whole == 0:
                break
            self._packets(block, good, at)
            at += good * self.stride
            if good < whole:
                resumed = self.next_packet(at)
                self._note("sync", None, (at, resumed))
                at = resumed
        yield from self._judged()

    def look(self, at: int) -> tuple[int, int]:
        """(packets that the next block has room for, how many of them begin with their mark)."""
        _, whole, good = self._block(at)
        return whole, good

    def _block(self, at: int) -> tuple[bytes, int, int]:
        block = self.source.read(at, self.stride * _PACKETS_AT_ONCE)
        whole = len(block) // self.stride
        return block, whole, self._in_step(block, whole)

    def first_packet(self) -> int | None:
        """Where the first packet begins; null where none does near the start. Learns `stride`."""
        head = self.source.read(0, 204 * (_PROOF_PACKETS + 2))
        for stride in _STRIDES:
            prefix = 4 if stride == 192 else 0
            for start in range(min(stride, len(head))):
                marks = head[start + prefix :: stride][:_PROOF_PACKETS]
                if marks and marks == b"\x47" * len(marks) and (len(marks) == _PROOF_PACKETS or start == 0):
                    self.stride, self._prefix = stride, prefix
                    return start
        return None

    def _in_step(self, block: bytes, whole: int) -> int:
        """How many packets from the start of a block begin with their mark."""
        marks = block[self._prefix :: self.stride][:whole]
        return len(marks) - len(marks.lstrip(b"\x47"))

    def next_packet(self, at: int) -> int:
        """Where packets go on behind bytes that are none; the end of the file where they do not."""
        gap = self.stride - 1
        pattern = re.compile(rb"(?s)\x47(?=.{%d}\x47.{%d}\x47)" % (gap, gap))
        start = at + 1
        while start < self.source.size_bytes:
            if self.is_late():
                break
            block = self.source.read(start, 1024 * 1024)
            if not block:
                break
            found = pattern.search(block)
            if found is not None and start + found.start() - self._prefix > at:
                return start + found.start() - self._prefix
            start += max(1, len(block) - 3 * self.stride) if len(block) > 3 * self.stride else len(block)
        return self.source.size_bytes

    def _packets(self, block: bytes, count: int, base: int) -> None:
        stride, prefix = self.stride, self._prefix
        end = count * stride
        highs, lows, flags = (block[prefix + place : end : stride] for place in (1, 2, 3))
        for number, (high, low, flag) in enumerate(zip(highs, lows, flags, strict=True)):
            pid_number = (high & 0x1F) << 8 | low
            if pid_number == _NULL_PID:
                continue
            at = number * stride + prefix
            if high & 0x80:
                self._note("transport_error", pid_number, (base + at, base + at + PACKET_BYTES))
                continue
            pid = self._pids.get(pid_number)
            if pid is None:
                pid = self._pids[pid_number] = _Pid()
            pid.packets += 1
            control = flag >> 4 & 3
            self._count(pid, pid_number, flag & 15, control, block, at, base)
            if control & 1:
                self._payload(pid, pid_number, high, control, block, at, base)

    def _count(self, pid: _Pid, number: int, counter: int, control: int, block: bytes, at: int, base: int) -> None:
        before, pid.counter = pid.counter, counter
        if before is None or not control & 1:
            # A packet without payload repeats the number (2.4.3.3).
            return
        if counter == (before + 1) & 15:
            pid.is_repeat = False
            return
        if counter == before and not pid.is_repeat:
            pid.is_repeat = True
            return
        if control == 3 and block[at + 4] > 0 and block[at + 5] & 0x80:
            # The stream itself says that the count begins anew.
            return
        pid.is_repeat = False
        pid.breaks += 1
        pid.declared = None
        self._note("continuity", number, (base + at, base + at + PACKET_BYTES))

    def _payload(self, pid: _Pid, number: int, high: int, control: int, block: bytes, at: int, base: int) -> None:
        start = at + 4
        if control == 3:
            start += 1 + block[at + 4]
        end = at + PACKET_BYTES
        if start >= end:
            return
        if not high & 0x40:
            if pid.declared is not None:
                pid.declared -= end - start
            return
        if block[start : start + 3] != b"\0\0\1" or end - start < 14:
            pid.declared = None
            return
        if pid.declared is not None and pid.declared > 0:
            self._note("length", number, (base + at, base + at + PACKET_BYTES))
        length = int.from_bytes(block[start + 4 : start + 6], "big")
        pid.declared = length - (end - start - 6) if length else None
        self._time(pid, number, block, start)

    def _time(self, pid: _Pid, number: int, block: bytes, start: int) -> None:
        """The presentation time of a PES header (2.4.3.7)."""
        kind = block[start + 3]
        is_video = kind & 0xF0 == 0xE0
        if not (is_video or kind & 0xE0 == 0xC0 or kind == 0xBD) or not block[start + 7] & 0x80:
            return
        raw = block[start + 9 : start + 14]
        ticks = (raw[0] >> 1 & 7) << 30 | raw[1] << 22 | raw[2] >> 1 << 15 | raw[3] << 7 | raw[4] >> 1
        if self._first_ticks is None:
            self._first_ticks = ticks
        if ticks < self._first_ticks - _WRAP // 2:
            ticks += _WRAP
        now_s = ticks / _TICKS + pid.shift_s
        is_restart = pid.last_s is not None and now_s < pid.last_s - RESTART_SECONDS
        if is_restart and pid.last_s is not None:
            pid.shift_s += pid.last_s - now_s
            now_s = pid.last_s
        pid.is_timed, pid.last_s = True, now_s
        if is_video and self._video_pid is None:
            self._video_pid, self.span_s = number, None
        if number == self._video_pid or self._video_pid is None:
            self._last_s = now_s
            earliest, latest = self.span_s or (now_s, now_s)
            self.span_s = (min(earliest, now_s), max(latest, now_s))
        for one in self._open:
            if one.pid == number or (not self._is_timed(one.pid) and number == (self._video_pid or number)):
                one.end_s = max(now_s, one.start_s or now_s)
                one.is_restart = is_restart
        if self._open:
            self._done.extend(one for one in self._open if one.end_s is not None)
            self._open = [one for one in self._open if one.end_s is None]

    def _is_timed(self, pid: int | None) -> bool:
        return pid is not None and pid in self._pids and self._pids[pid].is_timed

    def _note(self, kind: str, number: int | None, span: tuple[int, int]) -> None:
        pid = self._pids.get(number) if number is not None else None
        start_s = pid.last_s if pid is not None and pid.last_s is not None else self._last_s
        self._open.append(_Open(kind, number, start_s, span))

    def _judged(self) -> Iterator[Damage]:
        quiet = {
            number
            for number, pid in self._pids.items()
            if pid.breaks > _FEW and pid.breaks > _NOT_COUNTED_SHARE * pid.packets
        }
        for number in quiet:
            self.problems.add(f"the packets of stream {number:#x} are not counted; lost ones cannot be told")
        for one in [*self._done, *self._open]:
            if one.kind == "continuity" and (one.pid in quiet or one.is_restart):
                continue
            start_s = one.start_s if one.start_s is not None else one.end_s
            end_s = one.end_s if one.end_s is not None else start_s
            yield Damage(
                kind=one.kind,
                start_s=None if start_s is None else round(start_s, 6),
                end_s=None if end_s is None else round(end_s, 6),
                bytes=one.span,
            )
