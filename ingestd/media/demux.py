"""Facts of containers without an index of our own reading (AVI, MPEG-TS, Matroska, sound files): PyAV's packets."""

import os
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from ingestd.core.clock import from_text, to_text
from ingestd.core.facts import MediaFacts, MediaKind, Seam, StreamFacts, StreamKind
from ingestd.core.seams import TrackTimes, group_seams, groups_of, limited, step_seams
from ingestd.media.boxes import ByteSource, Problems
from ingestd.media.containerstructure import container_structure
from ingestd.media.framing import Frame, matroska_frame, riff_frame, transport_frame
from ingestd.media.inbandsets import HEAD_BYTES, SetRuns, packet_sets
from ingestd.media.streamfacts import span, timed_stream
from ingestd.media.transportdamage import RESTART_SECONDS

MAX_PACKETS = 10_000_000
MAX_INTERRUPTIONS = 100_000
MAX_IDLE_INTERRUPTIONS = 100

_DEMUXERS = {
    "avi": "avi", "wav": "wav", "mpegts": "mpegts", "mpegps": "mpeg", "matroska": "matroska,webm", "mp3": "mp3",
    "aac": "aac", "amr": "amr", "flac": "flac", "ogg": "ogg",
}  # fmt: skip
_WITHOUT_HEADER_DURATION = frozenset({"mpegts", "mpegps", "aac", "amr", "mp3"})
_KINDS = {"video": StreamKind.VIDEO, "audio": StreamKind.AUDIO, "subtitle": StreamKind.SUBTITLE}


_MAX_RESTARTS = 1000


@dataclass(slots=True)
class Restarts:
    """Where the times of a transport stream begin again, in order; the streams of the file begin again together.

    What comes after is told as if it followed at once: else a file of two pieces would seem as long as the longer one.
    """

    places_s: list[float] = field(default_factory=list)
    shifts_s: list[float] = field(default_factory=list)
    amounts_s: list[float] = field(default_factory=list)

    def add(self, end_s: float, written_s: float) -> None:
        """The first stream that begins again, where the piece before ends on the file's own time line."""
        if len(self.places_s) >= _MAX_RESTARTS:
            return
        before_s = self.shifts_s[-1] if self.shifts_s else 0.0
        self.places_s.append(end_s)
        self.shifts_s.append(end_s - written_s)
        self.amounts_s.append(written_s - (end_s - before_s))

    def seams(self) -> Iterator[Seam]:
        """One seam for each."""
        for place_s, amount_s in zip(self.places_s, self.amounts_s, strict=True):
            yield Seam(kind="time.restart", at_s=round(place_s, 6), amount=round(amount_s, 6))


@dataclass(slots=True)
class _Track:
    times_s: "array[float]" = field(default_factory=lambda: array("d"))
    durations_s: "array[float]" = field(default_factory=lambda: array("d"))
    packets: int = 0
    keys: int = 0
    keys_s: "array[float]" = field(default_factory=lambda: array("d"))
    size_bytes: int = 0
    first_corrupt_s: float | None = None
    sets: SetRuns = field(default_factory=SetRuns)
    restarts: int = 0
    last_s: float | None = None
    """Where the last packet begins as the file writes it, whatever restarts there were."""

    def take(self, packet: "Packet[Stream]", restarts: "Restarts | None" = None) -> None:
        """Count one packet; one without any time has only its bytes counted."""
        self.packets += 1
        self.keys += packet.is_keyframe
        self.size_bytes += packet.size
        ticks = packet.pts if packet.pts is not None else packet.dts
        if ticks is None:
            return
        base = packet.time_base or Fraction(1, 1)
        time_s = float(ticks * base)
        if restarts is not None:
            time_s += self._shift_s(float((packet.dts if packet.dts is not None else ticks) * base), restarts)
        if packet.is_corrupt:
            self.first_corrupt_s = time_s if self.first_corrupt_s is None else min(self.first_corrupt_s, time_s)
        self.times_s.append(time_s)
        if packet.is_keyframe:
            self.keys_s.append(time_s)
            self._take_sets(packet, time_s)
        self.durations_s.append(float((packet.duration or 0) * base))

    def _shift_s(self, written_s: float, restarts: "Restarts") -> float:
        is_back = self.last_s is not None and written_s < self.last_s - RESTART_SECONDS
        self.last_s = written_s
        if is_back:
            self.restarts += 1
            if len(restarts.shifts_s) < self.restarts:
                restarts.add(max(self.times_s) + max(self.durations_s[-1], 0.0), written_s)
        return restarts.shifts_s[self.restarts - 1] if 0 < self.restarts <= len(restarts.shifts_s) else 0.0

    def _take_sets(self, packet: "Packet[Stream]", time_s: float) -> None:
        context = packet.stream.codec_context
        if context is not None and packet.stream.type == "video":
            self.sets.take(time_s, packet_sets(context.name, context.extradata, bytes(memoryview(packet)[:HEAD_BYTES])))


def open_input(fd: int, demuxer: str) -> InputContainer:
    """Open a descriptor for reading with one demuxer and nothing else: no path, no other protocol, no playlist.

    The descriptor's position is moved to the start and used.

    Raises:
        av.error.FFmpegError: it cannot be opened.
    """
    os.lseek(fd, 0, os.SEEK_SET)
    options = {"fd": str(fd), "protocol_whitelist": "fd", "format_whitelist": demuxer}
    # Naming the demuxer saves the guess, which fails on a torn start.
    return av.open("fd:", format=demuxer.split(",")[0], options=options, metadata_errors="replace")


def demuxed_facts(source: ByteSource, kind: MediaKind, container: str, problems: Problems) -> MediaFacts:
    """Facts by reading every packet, none decoded. A file that cannot be opened gives facts with problems alone."""
    frame = _frame(source, container, problems)
    facts: dict[str, Any] = {"kind": kind, "size_bytes": source.size_bytes, "container": container}
    try:
        with open_input(source.fd, _DEMUXERS[container]) as opened:
            facts |= _opened_facts(opened, kind, container, frame, problems)
    except (av.error.FFmpegError, UnicodeDecodeError) as error:
        problems.add(f"cannot be opened: {_words(error)}")
    facts["structure"] = container_structure(source, container)
    facts.update(has_index=frame.has_index, is_truncated=frame.is_cut_short, problems=problems.texts())
    return MediaFacts(**facts)


def _frame(source: ByteSource, container: str, problems: Problems) -> Frame:
    if container in ("avi", "wav"):
        return riff_frame(source, problems)
    if container == "matroska":
        return matroska_frame(source, problems)
    if container == "mpegts":
        return transport_frame(source, problems)
    return Frame()


def _opened_facts(
    opened: InputContainer, kind: MediaKind, container: str, frame: Frame, problems: Problems
) -> dict[str, Any]:
    tracks: dict[int, _Track] = {}
    restarts = Restarts() if container == "mpegts" else None
    for packet in _packets(opened, problems):
        tracks.setdefault(packet.stream.index, _Track()).take(packet, restarts)
    has_declared = container not in _WITHOUT_HEADER_DURATION
    streams = tuple(
        _stream_facts(stream, tracks.get(stream.index, _Track()), has_declared=has_declared)
        for stream in opened.streams
    )
    has_pictures = any(stream.kind is StreamKind.VIDEO for stream in streams)
    if kind is MediaKind.VIDEO and not has_pictures and streams:
        kind = MediaKind.AUDIO
    start_s, duration_s = span(streams)
    tags = {name.lower(): value for name, value in opened.metadata.items()}
    declared = opened.duration / av.time_base if has_declared and opened.duration is not None else None
    return {
        "kind": kind,
        "streams": streams,
        "seams": _seams(streams, tracks, restarts),
        "start_s": start_s,
        "duration_s": duration_s,
        "declared_duration_s": declared if declared is None else round(declared, 6),
        "intact_until_s": _intact_until(streams, tracks, is_transport=container == "mpegts")
        if frame.is_cut_short
        else None,
        "creation_utc": _creation(tags.get("creation_time")),
        "encoder": tags.get("encoder", "")[:200] or None,
    }


def _packets(opened: InputContainer, problems: Problems) -> "Iterator[Packet[Stream]]":
    """All packets with bytes. PyAV gives up at some faults from which the demuxer itself can go on; then ask again."""
    taken = idle = 0
    for _ in range(MAX_INTERRUPTIONS):
        try:
            for packet in opened.demux():
                if packet.size == 0:
                    continue
                taken += 1
                idle = 0
                if taken > MAX_PACKETS:
                    problems.add(f"more than {MAX_PACKETS} packets; the rest was not read")
                    return
                yield packet
            return
        except BlockingIOError:
            problems.add("packets were lost (hole in the transport stream)")
        except IndexError:
            problems.add("a stream appears late; its packets were not read")
        except (av.error.FFmpegError, UnicodeDecodeError) as error:
            problems.add(f"reading stopped early: {_words(error)}")
            return
        idle += 1
        if idle > MAX_IDLE_INTERRUPTIONS:
            break
    problems.add("reading stopped early: the demuxer makes no progress")


def _stream_facts(stream: Stream, track: _Track, *, has_declared: bool) -> StreamFacts:
    kind = _KINDS.get(stream.type, StreamKind.DATA)
    context = stream.codec_context
    declared = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else None
    return timed_stream(
        stream.index,
        kind,
        track.times_s,
        track.durations_s,
        packets=track.packets,
        key_packets=track.keys,
        bytes=track.size_bytes,
        codec=context.codec.canonical_name if context else None,
        tag=_tag(stream),
        declared_duration_s=round(declared, 6) if declared is not None and has_declared else None,
        width=getattr(context, "width", None) or None,
        height=getattr(context, "height", None) or None,
        sample_rate_hz=getattr(context, "sample_rate", None) or None,
        channels=getattr(context, "channels", None) or None,
    )


def _seams(streams: tuple[StreamFacts, ...], tracks: dict[int, _Track], restarts: Restarts | None) -> tuple[Seam, ...]:
    """Seams by packet times, key pictures and the sets that these carry; no numbers inside pictures are read here."""
    found: list[Seam] = list(restarts.seams()) if restarts is not None else []
    for stream in streams:
        track = tracks.get(stream.index)
        if track is None or stream.kind not in (StreamKind.VIDEO, StreamKind.AUDIO):
            continue
        times = sorted(track.times_s)
        found.extend(step_seams(TrackTimes(stream.index, stream.kind, times)))
        if stream.kind is StreamKind.VIDEO and 1 < len(track.keys_s) < len(times):
            found.extend(group_seams(groups_of(times, sorted(track.keys_s))))
        found.extend(track.sets.seams(stream.index))
    return limited(found)


def _tag(stream: Stream) -> str | None:
    """The four letters of the codec; null where they are a number."""
    try:
        tag = stream.codec_context.codec_tag if stream.codec_context else None
    except UnicodeDecodeError:
        return None
    return tag if tag and tag.isprintable() and tag.isascii() else None


def _intact_until(streams: tuple[StreamFacts, ...], tracks: dict[int, _Track], *, is_transport: bool) -> float:
    """Up to where the first video stream (or the first stream) has whole packets.

    In a transport stream nothing says how long a picture is: the last one is taken to be cut.
    """
    ordered = sorted(streams, key=lambda stream: (stream.kind is not StreamKind.VIDEO, stream.index))
    for stream in ordered:
        if stream.end_s is not None:
            if is_transport:
                return max(0.0, round(stream.end_s - (stream.step_s or 0.0), 6))
            corrupt = tracks[stream.index].first_corrupt_s
            return max(0.0, stream.end_s if corrupt is None else round(corrupt, 6))
    return 0.0


def _creation(text: str | None) -> str | None:
    try:
        return to_text(from_text(text)) if text else None
    except (ValueError, OverflowError):
        return None


def _words(error: Exception) -> str:
    """What FFmpeg says, without the name of what was opened."""
    return getattr(error, "strerror", None) or type(error).__name__
