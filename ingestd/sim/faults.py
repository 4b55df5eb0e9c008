"""The named faults that a simulated card can carry, and what a perfect station says of each."""

from enum import StrEnum

from ingestd.media.clipspec import FootageFormat

_NOT_AVI = frozenset({FootageFormat.MJPEG})
_ONLY_MP4 = frozenset({FootageFormat.MJPEG, FootageFormat.TS})


class Fault(StrEnum):
    """A fault by its name on the command line.

    `code` is the finding that the station should raise (null where it should only take the files in), `meaning` says
    in one line what is done, `unfit` names the formats that cannot carry the fault.
    """

    code: str | None
    meaning: str
    unfit: frozenset[FootageFormat]

    def __new__(
        cls, name: str, code: str | None, meaning: str, unfit: frozenset[FootageFormat] = frozenset()
    ) -> "Fault":
        """One member with its facts."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.code, member.meaning, member.unfit = code, meaning, unfit
        return member

    DROPPED_GOP = "dropped-gop", "gap.video", "two seconds of pictures are missing inside a file; sound goes on"
    """As a recorder under load does: whole groups of pictures never reach the file, times stay true."""

    AUDIO_HOLE = "audio-hole", "gap.audio", "two seconds of sound are missing inside a file; pictures go on", _NOT_AVI
    """As a loose microphone does. An AVI has no times for its sound and would only close up."""

    NO_AUDIO = "no-audio", "stream.audio_absent", "one segment has no sound at all; its siblings have"
    """As a microphone that was switched off does."""

    TIME_JUMP = "time-jump", "time.jump", "all times of a file jump ahead by 30 s; satellite time does not", _NOT_AVI
    """A fault of the recorder's own clock: nothing is missing, the position track and the picture run on."""

    MISSING_SEGMENT = "missing-segment", "set.missing", "a middle segment of a take is not on the card"
    """Its number and its time are missing between its neighbours."""

    LATE_SEGMENT = "late-segment", "set.gap", "the next segment of a take begins 20 s late"
    """By name and by content; the numbers run through."""

    OVERLAP = "overlap", "set.overlap", "a segment begins 5 s before the one before it ends, inside a take"
    """The same five seconds were recorded twice, where no pre-record explains it."""

    TORN = "torn", "file.truncated", "power loss: the file was cut and never got its index", _ONLY_MP4
    """An MP4 without `moov`; no player opens it."""

    TORN_FRONT = "torn-front", "file.truncated", "a file with its index in front is cut at 60 %", _ONLY_MP4
    """Players open it and believe the index; the content ends early."""

    ZEROED = "zeroed", "data.corrupt", "one block of 4 KiB of the media data reads as zeros"
    """A worn flash page; the index is whole."""

    EMPTY = "empty", "file.empty", "a segment has no bytes"
    """Power loss before the first write."""

    LINK = "link", "file.link", "a symbolic link that points out of the card"
    """Somebody used the card in a computer; it must not be followed."""

    FIFO = "fifo", "file.special", "a named pipe; opening it would wait for ever"
    """Somebody used the card in a computer; it must not be opened."""

    HOSTILE_NAMES = (
        "hostile-names",
        None,
        "good clips whose names have a newline, GBK bytes, dots in front, 250 letters",
    )
    """Each is to be taken in like any other file."""

    UNKNOWN_TYPE = "unknown-type", "file.unknown_type", "a .dat file of random bytes"
    """A vendor's sidecar: taken in and flagged."""


IN_SET = frozenset({Fault.MISSING_SEGMENT, Fault.LATE_SEGMENT, Fault.OVERLAP})
"""Faults between segments."""

AT_END = frozenset({Fault.TORN, Fault.TORN_FRONT, Fault.EMPTY, Fault.TIME_JUMP})
"""Faults that leave a segment's end in doubt, and so what comes after it."""

IN_SEGMENT = AT_END | {Fault.DROPPED_GOP, Fault.AUDIO_HOLE, Fault.NO_AUDIO, Fault.ZEROED}
"""Faults of one file of footage."""

BESIDE = frozenset(Fault) - IN_SET - IN_SEGMENT
"""Faults that bring entries of their own."""
