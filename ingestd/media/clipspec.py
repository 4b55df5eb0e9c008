"""What a simulated clip shall be: formats, spec, faults between encoder and muxer. Needs no codec library."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from ingestd.core.facts import StreamKind


class FootageFormat(StrEnum):
    """Codecs and container of a clip."""

    H264 = "h264"
    """H.264 and AAC in MP4."""
    HEVC = "hevc"
    """HEVC and AAC in MP4."""
    MJPEG = "mjpeg"
    """Motion JPEG and PCM in AVI."""
    TS = "ts"
    """H.264 and AAC in an MPEG transport stream."""

    @property
    def extension(self) -> str:
        """Of the file's name, with its dot."""
        return {FootageFormat.MJPEG: ".avi", FootageFormat.TS: ".ts"}.get(self, ".mp4")

    @property
    def is_mp4(self) -> bool:
        """Whether the container is built of boxes, with an index and room for a position track."""
        return self in (FootageFormat.H264, FootageFormat.HEVC)


class Cut(NamedTuple):
    """A span without packets of one kind, in seconds of the file; as an order, whole groups of pictures."""

    kind: StreamKind
    start_s: float
    end_s: float


class Jump(NamedTuple):
    """From `at_s` on, all times of the file (not those that the satellites say) are later by `by_s` seconds."""

    at_s: float
    by_s: float


@dataclass(frozen=True)
class ClipSpec:
    """What a clip shows and how it is encoded.

    `start_utc` is aware and has whole seconds. `seconds` is the nominal length; `lost_frames` are missing at its end,
    as recorders lose them while they roll over to the next file. `gop_seconds` is the distance of key frames.
    """

    start_utc: dt.datetime
    zone: str = "Asia/Shanghai"
    seconds: int = 6
    format: FootageFormat = FootageFormat.H264
    seed: int = 7
    caption: str = "SIM"
    width: int = 320
    height: int = 180
    fps: int = 15
    gop_seconds: float = 1.0
    sound_hz: int = 16_000
    lost_frames: int = 0
    has_audio: bool = True
    has_position: bool = True
    is_index_first: bool = False
    cuts: tuple[Cut, ...] = ()
    jump: Jump | None = None

    def __post_init__(self) -> None:
        if self.start_utc.tzinfo is None or self.start_utc.microsecond:
            raise ValueError("a clip starts at a whole second that has a zone")
        if self.frames < 1 or self.width % 2 or self.height % 2:
            raise ValueError("a clip has at least one frame, and even sides")

    @property
    def frames(self) -> int:
        """Pictures that the camera takes, dropped ones included."""
        return self.seconds * self.fps - self.lost_frames

    @property
    def end_utc(self) -> dt.datetime:
        """When the last picture ends."""
        return self.start_utc + dt.timedelta(seconds=self.frames / self.fps)


@dataclass(frozen=True)
class ClipResult:
    """A clip that was written. `holes` are what `cuts` and `jump` left, to the packet; seconds in the file."""

    path: Path
    size_bytes: int
    start_utc: dt.datetime
    end_utc: dt.datetime
    holes: tuple[Cut, ...]
