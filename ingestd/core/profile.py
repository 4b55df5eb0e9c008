"""Recorder profiles as data: how a family of recorders names its files, and what is normal for it."""

import datetime as dt
import re
from functools import cached_property
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ingestd.core.family import CardLayout, ClockHabits, DeviceInfoFile, FileRoles, IdentityRules, MatchRules
from ingestd.core.globs import fits
from ingestd.core.sidecars import PositionRules

NAME_GROUPS = ("device", "user", "date", "time", "sequence", "important")
"""The named groups that a grammar may use."""

_PLAUSIBLE_YEARS = range(1970, 9999)
"""A start outside these is no date but digits: zone arithmetic on it would leave the calendar."""


class NameGrammar(BaseModel):
    """One way in which a recorder names its files.

    `pattern` is matched against the whole path on the card with `/` between components, case-insensitively. Named
    groups: `device`, `user`, `date` (put before `time` where a folder carries the day), `time`, `sequence`,
    `important`. Date and time together are read by `time_format`, in the bureau's zone or, with `zone = "utc"`, in UTC.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))

    id: str
    pattern: str
    time_format: str = "%Y%m%d%H%M%S"
    zone: Literal["bureau", "utc"] = "bureau"

    @field_validator("pattern")
    @classmethod
    def _pattern_compiles(cls, pattern: str) -> str:
        try:
            compiled = re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        for group in compiled.groupindex:
            if group not in NAME_GROUPS:
                raise ValueError(f"group {group!r} means nothing here; the groups are {', '.join(NAME_GROUPS)}")
        return pattern

    @field_validator("time_format")
    @classmethod
    def _time_format_gives_a_time(cls, time_format: str) -> str:
        example = dt.datetime(2024, 2, 21, 8, 29, 23)
        try:
            is_read_back = dt.datetime.strptime(example.strftime(time_format), time_format) == example
        except ValueError:
            is_read_back = False
        if not is_read_back:
            raise ValueError("does not give a date with hours, minutes and seconds; write it as in %Y%m%d%H%M%S")
        return time_format

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """The pattern, ready to use."""
        return re.compile(self.pattern, re.IGNORECASE)

    def start_of(self, match: re.Match[str], zone: ZoneInfo) -> dt.datetime | None:
        """The time that the digits of a match say, aware; null where they are no date."""
        groups = match.groupdict()
        digits = f"{groups.get('date') or ''}{groups.get('time') or ''}"
        try:
            start = dt.datetime.strptime(digits, self.time_format)
        except ValueError:
            return None
        if start.year not in _PLAUSIBLE_YEARS:
            return None
        return start.replace(tzinfo=dt.UTC if self.zone == "utc" else zone)


class SegmentHabits(BaseModel):
    """What is normal between the segments of a take of this family. Seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    roll_over_s: float = Field(default=2.0, ge=0, description="longest normal pause between two segments of a take")
    pre_record_s: float = Field(default=60.0, ge=0, description="longest normal overlap of a take's first segment")
    sequence_wraps_at: tuple[int, ...] = (1000, 10000)
    lengths_s: tuple[Annotated[float, Field(gt=0)], ...] = ()
    """Lengths of whole segments that were seen; for people."""


class RecorderProfile(BaseModel):
    """One family of recorders. Only `id` and `title` must be given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z0-9_\-]+$")
    title: str
    names: tuple[NameGrammar, ...] = ()
    match: MatchRules = MatchRules()
    layout: CardLayout = CardLayout()
    files: FileRoles = FileRoles()
    clock: ClockHabits = ClockHabits()
    segments: SegmentHabits = SegmentHabits()
    identity: IdentityRules = IdentityRules()
    device_info: DeviceInfoFile | None = None
    position: PositionRules = PositionRules()

    @model_validator(mode="after")
    def _clock_and_names_agree(self) -> "RecorderProfile":
        for grammar in self.names:
            if "time" not in grammar.compiled.groupindex:
                continue
            says = "names_utc" if grammar.zone == "utc" else "names_bureau_zone"
            if self.clock.rule not in (None, says):
                raise ValueError(
                    f"clock.rule = {self.clock.rule!r} contradicts the grammar {grammar.id!r}, which reads a time with "
                    f"zone = {grammar.zone!r}; write rule = {says!r}, or correct the grammar"
                )
        return self

    def grammar_of(self, path: str) -> tuple[NameGrammar, re.Match[str]] | None:
        """The first grammar that reads a path, with its match; null where none does."""
        for grammar in self.names:
            match = grammar.compiled.fullmatch(path)
            if match is not None:
                return grammar, match
        return None


class ParsedName(BaseModel):
    """What a file's name says. Null where the name is silent; nothing of it is checked against the content."""

    model_config = ConfigDict(frozen=True)

    profile_id: str | None = None
    device: str | None = None
    user: str | None = None
    start: dt.datetime | None = None
    sequence: int | None = None
    is_important: bool = False


GENERIC_PROFILE = RecorderProfile(
    id="generic",
    title="any recorder",
    names=(NameGrammar(id="anything", pattern=r"(?s:.*)"),),
    files=FileRoles(
        video=("*.mp4", "*.mov", "*.avi", "*.mkv", "*.ts", "*.mts", "*.3gp", "*.h264", "*.h265"),
        audio=("*.wav", "*.mp3", "*.aac", "*.m4a", "*.amr"),
        photo=("*.jpg", "*.jpeg", "*.png", "*.heic"),
        log=("*.log", "LOG/", "LOGS/"),
        sidecar=("*.gpx", "*.nmea", "*.srt", "*.xml", "*.json", "*.thm", "*.gps"),
        index=("*.idx", "*.db"),
        firmware=("*.bin", "*.img", "*.fw"),
        system=("System Volume Information/", "$RECYCLE.BIN/", ".Trash*/", "LOST.DIR/", "autorun.inf"),
    ),
)
"""Takes every name and reads nothing from it. Stands behind all others, so that no file is refused for its name."""


def parse_name(path: str, profiles: tuple[RecorderProfile, ...], zone: ZoneInfo) -> ParsedName:
    """Read a path on a card by the first grammar that matches it; never raises, whatever the text.

    A match whose digits are no date (as `20241399…`) keeps device, user and sequence and leaves `start` null.
    """
    for profile in profiles:
        read = profile.grammar_of(path)
        if read is None:
            continue
        grammar, match = read
        groups = match.groupdict()
        return ParsedName(
            profile_id=profile.id,
            device=groups.get("device"),
            user=groups.get("user"),
            start=grammar.start_of(match, zone),
            sequence=_sequence(groups.get("sequence")),
            is_important=bool(groups.get("important")) or fits(path, profile.layout.important),
        )
    return ParsedName()


def preferring(profiles: tuple[RecorderProfile, ...], profile_id: str | None) -> tuple[RecorderProfile, ...]:
    """The same profiles with one of them first: of a name that two families could have written, its reading counts.

    Unchanged for a profile that is not there, and for the one that takes every name.
    """
    first = tuple(profile for profile in profiles if profile.id == profile_id and profile_id != GENERIC_PROFILE.id)
    return (*first, *(profile for profile in profiles if profile not in first)) if first else profiles


def _sequence(digits: str | None) -> int | None:
    if not digits or len(digits) > 18 or not (digits.isascii() and digits.isdigit()):
        return None
    return int(digits)
