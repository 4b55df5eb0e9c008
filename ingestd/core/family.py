"""What a profile says of a family of recorders besides its names: how its card is told, laid out and timed."""

import re
from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ingestd.core.globs import Globs, checked, fits

ROLES = ("device_info", "firmware", "system", "index", "log", "sidecar", "photo", "audio", "video")
"""What a file of a card can be. Where patterns of several roles fit, the first of this order counts."""

FOOTAGE_ROLES = ("photo", "audio", "video")
"""Roles of what was recorded, as against what the recorder keeps for itself."""

DEVICE_INFO_KEYS = ("device", "user", "unit", "clock", "battery", "firmware")
"""What a device-info file may say."""

_USB_ID = re.compile(r"[0-9a-f]{4}:(?:[0-9a-f]{4}|\*)", re.IGNORECASE)
_NUMBER = r"(?P<device>[0-9a-z]{1,32})"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))


class MatchRules(_Section):
    """By what a card of this family is told. Nothing of it keeps a file from being taken in.

    `usb_ids`, `labels`: seen with this family; another id or label speaks against nothing. `layout`: must all lie on
    the card. `names_share`: of the files whose names must be read by a grammar (0 to 1), what `[files]` calls no
    footage left aside. In a label `{device}` stands where the device number is.
    """

    usb_ids: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    layout: Globs = ()
    names_share: float | None = Field(default=None, ge=0, le=1)

    @field_validator("usb_ids")
    @classmethod
    def _ids_are_vendor_and_product(cls, ids: tuple[str, ...]) -> tuple[str, ...]:
        for usb_id in ids:
            if _USB_ID.fullmatch(usb_id) is None:
                raise ValueError(f"{usb_id!r} is no USB id; write vendor:product as lsusb shows them, or vendor:*")
        return ids

    @field_validator("labels")
    @classmethod
    def _labels_can_fit(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        for label in labels:
            if not label or label.count("{device}") > 1:
                raise ValueError(f"{label!r} fits no label; write it as in BWC*, or BWC{{device}} with the number")
        return labels

    def has_usb_id(self, usb_id: str) -> str | None:
        """The listed id that a recorder's `vendor:product` fits; null for none."""
        vendor = usb_id.partition(":")[0]
        for listed in self.usb_ids:
            if usb_id.casefold() in (listed.casefold(), listed.replace("*", usb_id[len(vendor) + 1 :]).casefold()):
                return listed
        return None

    def has_label(self, label: str) -> str | None:
        """The listed label that a volume's label fits; null for none."""
        return next((listed for listed in self.labels if _label_match(listed, label) is not None), None)

    def device_in_label(self, label: str) -> str | None:
        """The device number in a label, where a listed one says where it stands; null otherwise."""
        for listed in self.labels:
            match = _label_match(listed, label) if "{device}" in listed else None
            if match is not None:
                return match["device"]
        return None


class CardLayout(_Section):
    """Where things lie. Everything is taken in, wherever it lies; this explains it.

    `important` marks what lies there as important. `never_touch`: never to be written or erased by the station.
    """

    footage: Globs = ()
    pre_record: Globs = ()
    important: Globs = ()
    never_touch: Globs = ()


class FileRoles(_Section):
    """What a file is, by patterns of its path."""

    video: Globs = ()
    audio: Globs = ()
    photo: Globs = ()
    log: Globs = ()
    sidecar: Globs = ()
    index: Globs = ()
    device_info: Globs = ()
    firmware: Globs = ()
    system: Globs = ()

    def role_of(self, path: str) -> str | None:
        """One of `ROLES`; null where the profile says nothing."""
        return next((role for role in ROLES if fits(path, getattr(self, role))), None)


class ClockHabits(_Section):
    """What the times of this family mean. Null and `unknown` where nobody knows.

    `rule` says what the times in names are in, for people and as a check on the grammars. `mtime` says what the
    modification times of files on FAT are in, which has no zone: `local` has them read in the bureau's.
    `drift_s_per_day` is how far the clock usually runs away.
    """

    rule: Literal["names_bureau_zone", "names_utc", "names_silent"] | None = None
    mtime: Literal["local", "utc", "unknown"] = "unknown"
    drift_s_per_day: float | None = Field(default=None, ge=0)


class IdentityRules(_Section):
    """What else may name a recorder of this family. A USB serial does so only where somebody knows it to be true."""

    usb_serial: Literal["is evidence only", "is the device number"] = "is evidence only"


class DeviceInfoFile(_Section):
    """Where a recorder of this family writes who it is, and how to read it.

    The keys name an entry of the file: `serial`, or `device.serial` where it stands in a section, object or element.
    With `format = "regex"` they are regular expressions, of which the group `value`, else the first, is what is said.
    """

    path: str
    format: Literal["ini", "json", "xml", "key_value", "regex"]
    encoding: Literal["utf-8", "gbk"] = "utf-8"
    device: str = ""
    user: str = ""
    unit: str = ""
    clock: str = ""
    battery: str = ""
    firmware: str = ""

    @field_validator("path")
    @classmethod
    def _path_is_a_pattern(cls, path: str) -> str:
        return checked((path,))[0]

    @model_validator(mode="after")
    def _keys_can_be_read(self) -> "DeviceInfoFile":
        if not self.keys:
            raise ValueError(f"names nothing to read; give at least one of {', '.join(DEVICE_INFO_KEYS)}")
        for name, key in self.keys.items() if self.format == "regex" else ():
            try:
                groups = re.compile(key).groups
            except re.error as error:
                raise ValueError(f"{name} = {key!r} is not a regular expression ({error}); correct it") from error
            if not groups:
                raise ValueError(f"{name} = {key!r} has no group; put what is to be read in round brackets")
        return self

    @property
    def keys(self) -> dict[str, str]:
        """What is to be read, by its name, as far as the profile names it."""
        return {name: getattr(self, name) for name in DEVICE_INFO_KEYS if getattr(self, name)}


def _label_match(listed: str, label: str) -> re.Match[str] | None:
    words = {"*": ".*", "?": "."}
    before, number, behind = (
        "".join(words.get(character, re.escape(character)) for character in part)
        for part in listed.partition("{device}")
    )
    expression = before + (_NUMBER if number else "") + behind
    return re.fullmatch(expression, label, re.IGNORECASE | re.DOTALL)
