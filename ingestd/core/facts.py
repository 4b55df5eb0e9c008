"""What the media room can say of one file without decoding it. Crosses from the child process as JSON."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class MediaKind(StrEnum):
    """What a file is, judged from its first bytes, not its name."""

    VIDEO = "video"
    AUDIO = "audio"
    PHOTO = "photo"
    TEXT = "text"
    EMPTY = "empty"
    UNKNOWN = "unknown"

    @property
    def is_timed(self) -> bool:
        """Whether the file runs in time."""
        return self in (MediaKind.VIDEO, MediaKind.AUDIO)


class StreamKind(StrEnum):
    """The kinds of stream in a container."""

    VIDEO = "video"
    AUDIO = "audio"
    SUBTITLE = "subtitle"
    DATA = "data"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Hole(_Frozen):
    """A span without packets: from the end of the packet before it to the start of the packet after, in seconds."""

    start_s: float
    end_s: float


class StreamFacts(_Frozen):
    """One stream, by its packets. Seconds count on the file's own presentation time line.

    `first_s` is the earliest presentation time, `end_s` the latest plus that packet's duration; both null when the
    stream has no packet. `step_s` is the median distance of packets. `holes` are packet distances beyond what the
    stream's own rhythm explains (the rule is in `core.timeline`).
    """

    index: int
    kind: StreamKind
    codec: str | None = None
    tag: str | None = None
    packets: int = 0
    key_packets: int = 0
    first_s: float | None = None
    end_s: float | None = None
    step_s: float | None = None
    declared_duration_s: float | None = None
    holes: tuple[Hole, ...] = ()
    width: int | None = None
    height: int | None = None
    sample_rate_hz: int | None = None
    channels: int | None = None
    bytes: int | None = None


class Fix(_Frozen):
    """One position. Degrees WGS-84 unless `datum` says otherwise; `at_s` in the file, `utc` by the satellites."""

    latitude: float
    longitude: float
    at_s: float | None = None
    utc: str | None = None
    altitude_m: float | None = None
    speed_mps: float | None = None
    datum: str = "undeclared"
    source: str
    is_doubtful: bool = False


class MediaFacts(_Frozen):
    """All facts of one file.

    `duration_s` comes from packet times; `declared_duration_s` is what the header claims. `intact_until_s` is set
    when the file ends before its content: the last second whose bytes are all there (0.0 when not even one is).
    `index_end_bytes` is where the last indexed sample ends, to be compared with `size_bytes`. `problems` are plain
    words of the parser about what it could not read.
    """

    kind: MediaKind
    size_bytes: int
    container: str | None = None
    duration_s: float | None = None
    declared_duration_s: float | None = None
    start_s: float | None = None
    creation_utc: str | None = None
    creation_local: str | None = None
    """As written, without a zone (EXIF of photos)."""
    encoder: str | None = None
    streams: tuple[StreamFacts, ...] = ()
    has_index: bool | None = None
    is_fragmented: bool = False
    is_truncated: bool = False
    index_end_bytes: int | None = None
    intact_until_s: float | None = None
    fixes: tuple[Fix, ...] = ()
    problems: tuple[str, ...] = Field(default=(), max_length=100)

    def streams_of(self, kind: StreamKind) -> tuple[StreamFacts, ...]:
        """The streams of one kind that carry at least one packet."""
        return tuple(stream for stream in self.streams if stream.kind is kind and stream.packets > 0)
