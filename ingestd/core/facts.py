"""What the media room can say of one file without decoding it. Crosses from the child process as JSON."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from ingestd.core.structure import StructureFacts


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


_PARCELLED = ("gpmf", "camm", "exiftool")


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


class Damage(_Frozen):
    """One place of the media data that is not what its container says (`media.damage` finds it, `core.damage` judges).

    `kind` is one of `DAMAGE_KINDS` in `core.damage`. Seconds on the file's own time line, null where no time is
    near; `bytes` is the half-open range of the file in which it lies, null where only the time is known.
    """

    kind: str
    start_s: float | None = None
    end_s: float | None = None
    bytes: tuple[int, int] | None = None


class Seam(_Frozen):
    """One place at which a file does not run on as it did before (`core.seams` finds it, `core.tamper` judges).

    `kind` is one of `SEAM_KINDS` in `core.seams`. `at_s` is where the later part begins, on the file's own time line,
    `until_s` where what differs ends, null where it does not end or has no length. `earliest_s` and `latest_s` bound
    `at_s`. `amount` is what its kind counts: seconds by which position time jumps, pictures of a short group, …
    """

    kind: str
    at_s: float
    until_s: float | None = None
    earliest_s: float | None = None
    latest_s: float | None = None
    amount: float | None = None
    stream: int | None = None


class Fix(_Frozen):
    """One position. Degrees in the datum that `datum` names; `at_s` in the file, `utc` by the satellites.

    `quality` is one of `QUALITIES` in `core.fixdoubts`, null where the carrier says nothing; `doubts` are the reasons
    (`DOUBTS` there) for which it is doubtful.
    """

    latitude: float
    longitude: float
    at_s: float | None = None
    utc: str | None = None
    altitude_m: float | None = None
    speed_mps: float | None = None
    datum: str = "undeclared"
    source: str
    is_doubtful: bool = False
    quality: str | None = None
    doubts: tuple[str, ...] = ()

    @property
    def is_clocked(self) -> bool:
        """Whether it may be held against the file's own times: its carrier writes each fix with its own time, at once.

        GPMF and its kind deliver in parcels that a camera fills when it comes to it: seconds off, without any edit.
        """
        return self.at_s is not None and self.utc is not None and not self.source.startswith(_PARCELLED)


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
    structure: StructureFacts | None = None
    """How the file is built and encoded; null where that was not read (older entries of the ledger too)."""
    damage: tuple[Damage, ...] = ()
    """Places inside the media that are damaged; empty where none was found or nobody looked."""
    seams: tuple[Seam, ...] = Field(default=(), max_length=64)
    """Places at which the file does not run on as before; empty where none was found or nobody looked."""
    problems: tuple[str, ...] = Field(default=(), max_length=100)

    def streams_of(self, kind: StreamKind) -> tuple[StreamFacts, ...]:
        """The streams of one kind that carry at least one packet."""
        return tuple(stream for stream in self.streams if stream.kind is kind and stream.packets > 0)
