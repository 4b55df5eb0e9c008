"""Footage opened for decoding: streams that give pictures or sound, and packets past which damage does not stop us."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import av
import av.error
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

_READABLE = "mov,mp4,m4a,3gp,3g2,mj2,avi,wav,mpegts,mpeg,matroska,webm,mp3,aac,amr,flac,ogg"
_CLOCKED_FROM_ANYWHERE = frozenset({"mpegts", "mpeg"})
_MAX_INTERRUPTIONS = 100_000
_MAX_IDLE_INTERRUPTIONS = 100
_FIRST_LOOK_PACKETS = 1_000


@dataclass(slots=True)
class Damage:
    """What was passed over: packets that could not be read or decoded, frames without a place in time of their own."""

    packets: int = 0
    frames: int = 0


def open_footage(fd: int) -> InputContainer:
    """Open a descriptor for decoding and nothing else: no path, no other protocol, no playlist.

    The descriptor's position is moved to the start and used.

    Raises:
        av.error.FFmpegError: it is no footage.
    """
    os.lseek(fd, 0, os.SEEK_SET)
    options = {"fd": str(fd), "protocol_whitelist": "fd", "format_whitelist": _READABLE}
    return av.open("fd:", options=options, metadata_errors="replace")


def origin_seconds(source: InputContainer) -> float:
    """The second at which the footage begins: 0, but for MPEG streams, whose 33-bit clocks start anywhere."""
    if source.format.name not in _CLOCKED_FROM_ANYWHERE or source.start_time is None:
        return 0.0
    return float(source.start_time / av.time_base)


def picture_stream(source: InputContainer) -> VideoStream | None:
    """The first stream of moving pictures; covers do not count."""
    for stream in source.streams.video:
        if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic:
            return stream
    return None


def sound_stream(source: InputContainer) -> AudioStream | None:
    """The first stream of sound."""
    return next((stream for stream in source.streams.audio if stream.codec_context is not None), None)


def packets(
    source: InputContainer, streams: Sequence[VideoStream | AudioStream], damage: Damage
) -> "Iterator[Packet[Any]]":
    """Packets with bytes, in file order.

    Where PyAV gives up and the demuxer can go on (a hole in a transport stream) it is asked again; where it cannot,
    the packets end there.
    """
    idle = 0
    for _ in range(_MAX_INTERRUPTIONS):
        try:
            for packet in source.demux(*streams):
                if packet.size:
                    idle = 0
                    yield packet
            return
        except (BlockingIOError, IndexError):
            damage.packets += 1
            idle += 1
        except av.error.FFmpegError:
            damage.packets += 1
            return
        if idle > _MAX_IDLE_INTERRUPTIONS:
            return


def pictures(stream: VideoStream, packet: "Packet[Any] | None", damage: Damage) -> list[VideoFrame]:
    """The pictures that a packet yields, none where it is damaged; null asks for what the decoder still holds."""
    try:
        frames = stream.codec_context.decode(packet)
    except av.error.EOFError:
        return []
    except av.error.FFmpegError:
        damage.packets += 1
        return []
    for frame in frames:
        # Frames that the decoder held back come without the time base of their packets.
        frame.time_base = stream.time_base or frame.time_base
    return frames


def sounds(stream: AudioStream, packet: "Packet[Any] | None", damage: Damage) -> list[AudioFrame]:
    """The same for sound."""
    try:
        frames = stream.codec_context.decode(packet)
    except av.error.EOFError:
        return []
    except av.error.FFmpegError:
        damage.packets += 1
        return []
    for frame in frames:
        # Frames that the decoder held back come without the time base of their packets.
        frame.time_base = stream.time_base or frame.time_base
    return frames


def first_frames(source: InputContainer) -> tuple[VideoFrame | None, AudioFrame | None]:
    """The first picture and the first sound that really decode; a header may promise what the data does not hold."""
    video, audio, damage = picture_stream(source), sound_stream(source), Damage()
    picture: list[VideoFrame] = []
    sound: list[AudioFrame] = []
    wanted = [stream for stream in (video, audio) if stream is not None]
    for count, packet in enumerate(packets(source, wanted, damage)):
        if video is not None and packet.stream.index == video.index:
            picture = picture or pictures(video, packet, damage)
        elif audio is not None:
            sound = sound or sounds(audio, packet, damage)
        if count > _FIRST_LOOK_PACKETS or bool(picture) + bool(sound) == len(wanted):
            break
    if video is not None and not picture:
        picture = pictures(video, None, damage)
    if audio is not None and not sound:
        sound = sounds(audio, None, damage)
    return next(iter(picture), None), next(iter(sound), None)
