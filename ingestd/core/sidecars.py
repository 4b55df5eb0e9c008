"""Text files beside a recording that hold its positions: what a profile says of them, and whose they are."""

import re
from functools import cached_property
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ingestd.core.globs import checked, fits

SIDECAR_GROUPS = ("latitude", "longitude", "time", "at", "speed", "altitude", "ns", "ew")
"""The named groups that a pattern of `format = "lines"` may use."""

Datum = Literal["undeclared", "WGS-84", "CGCS2000", "GCJ-02", "BD-09"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))


class SidecarRule(_Section):
    """One kind of position sidecar of a family.

    `path` fits the sidecar on the card. `stem` is a regular expression on its path without the extension, with a
    group `stem`: what the recording is called; without it both have the same name. With `format = "auto"` GPX, NMEA,
    SubRip and `$G:` lines are told by content, and no key is needed. Else the keys name entries of one point
    (`position.lat`); `points` is where the list of points (json) or which element a point (xml) is.
    """

    path: str
    stem: str = ""
    format: Literal["auto", "json", "xml", "lines"] = "auto"
    points: str = ""
    latitude: str = ""
    longitude: str = ""
    wkt: str = Field(default="", description="instead of the two: POINT (longitude latitude)")
    time: str = Field(default="", description="ISO 8601; one without a zone tells nothing unless time_is")
    time_is: Literal["unknown", "utc"] = "unknown"
    at: str = Field(default="", description="seconds since the start of the recording")
    altitude: str = ""
    speed: str = ""
    speed_unit: Literal["m/s", "km/h", "kn"] = "m/s"
    pattern: str = Field(default="", description="lines: a regular expression with named groups")

    @field_validator("path")
    @classmethod
    def _path_is_a_pattern(cls, path: str) -> str:
        return checked((path,))[0]

    @field_validator("stem", "pattern")
    @classmethod
    def _expressions_compile(cls, text: str) -> str:
        try:
            re.compile(text)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}; correct it") from error
        return text

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        if self.stem and "stem" not in re.compile(self.stem).groupindex:
            raise ValueError("stem has no group of that name; write it as in '(?P<stem>.*)_gps'")
        if self.format == "lines":
            groups = set(re.compile(self.pattern).groupindex)
            if not {"latitude", "longitude"} <= groups <= set(SIDECAR_GROUPS):
                raise ValueError(
                    f"pattern needs the groups latitude and longitude; all are {', '.join(SIDECAR_GROUPS)}"
                )
        elif self.format != "auto" and not (self.wkt or (self.latitude and self.longitude)):
            raise ValueError(f"format = {self.format!r} names no position; give latitude and longitude, or wkt")
        return self

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """The pattern of lines, ready to use."""
        return re.compile(self.pattern)

    def stem_of(self, path: str) -> str | None:
        """What a recording is called that this sidecar belongs to; null where its name says nothing."""
        bare = without_extension(path)
        if not self.stem:
            return bare
        match = re.fullmatch(self.stem, bare, re.IGNORECASE)
        return match["stem"].casefold() if match is not None and match["stem"] else None


class PositionRules(_Section):
    """Where a family writes its positions, and in which datum. Nothing is converted."""

    datum: Datum = Field(default="undeclared", description="of positions whose file does not name one itself")
    sidecars: tuple[SidecarRule, ...] = ()

    def rule_of(self, path: str) -> SidecarRule | None:
        """What is said of a file on the card; null where it is no sidecar by this profile."""
        return next((rule for rule in self.sidecars if fits(path, (rule.path,))), None)


def without_extension(path: str) -> str:
    """A path on a card as recordings and their sidecars share it: without its extension, in one case."""
    folder, slash, name = path.rpartition("/")
    stem, dot, _ = name.rpartition(".")
    return f"{folder}{slash}{stem if dot and stem else name}".casefold()


def belongs(sidecar_stem: str, recording_path: str) -> bool:
    """Whether a sidecar's stem names this recording; one without a folder names it in any folder."""
    bare = without_extension(recording_path)
    return bare == sidecar_stem or ("/" not in sidecar_stem and bare.rpartition("/")[2] == sidecar_stem)
