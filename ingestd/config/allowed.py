"""Which recorders are allowed, or are spoken to, read from a station's settings without the rest of them.

For the units that start at a plug: each needs one section only, and is to load as little as it can.
"""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ingestd.config.bays import BAYS_FILE, LearnedBays
from ingestd.config.problems import problems_of, raise_for
from ingestd.core.errors import ConfigError
from ingestd.core.settings import DeviceApiSettings, ReleaseSettings, StationSettings, UdevSettings
from ingestd.core.usbports import names_together


class _Lists(BaseModel):
    """A settings file, of which one section counts here."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    udev: UdevSettings = UdevSettings()


def load_allowed(file: Path) -> UdevSettings:
    """Section `[udev]` of a settings file, with the names of bays that were learned beside it.

    What `config.load.load_settings` gives of it for a file that it accepts.

    Raises:
        ConfigError: one of the files cannot be read, or the section cannot be used.
    """
    try:
        udev = _Lists.model_validate(_document(file)).udev
    except ValidationError as error:
        raise_for(problems_of(error, _Lists, file))
        raise
    beside = file.resolve().parent / BAYS_FILE
    if not beside.exists():
        return udev
    try:
        learned = LearnedBays.model_validate(_document(beside)).bays
    except ValidationError as error:
        raise_for(problems_of(error, LearnedBays, beside))
        raise
    return udev.model_copy(update={"bays": names_together(udev.bays, learned)})


class _DeviceApi(BaseModel):
    """A settings file, of which another section counts here."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    device_api: DeviceApiSettings = DeviceApiSettings()


def load_device_api(file: Path) -> DeviceApiSettings:
    """Section `[device_api]` of a settings file, as `config.load.load_settings` gives it.

    Raises:
        ConfigError: the file cannot be read, or the section cannot be used.
    """
    try:
        return _DeviceApi.model_validate(_document(file)).device_api
    except ValidationError as error:
        raise_for(problems_of(error, _DeviceApi, file))
        raise


class _Release(BaseModel):
    """A settings file, of which what bears on erasing counts here."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    station: StationSettings = StationSettings()
    release: ReleaseSettings = ReleaseSettings()


def load_release(file: Path) -> tuple[ReleaseSettings, Path]:
    """Section `[release]` of a settings file and the station's state folder, as `config.load.load_settings` gives them.

    Raises:
        ConfigError: the file cannot be read, or a section cannot be used.
    """
    try:
        found = _Release.model_validate(_document(file))
    except ValidationError as error:
        raise_for(problems_of(error, _Release, file))
        raise
    return found.release, (file.resolve().parent / found.station.state_dir).resolve()


class _Station(BaseModel):
    """A settings file, of which only the station's own section counts here."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    station: StationSettings = StationSettings()


def load_state_dir(file: Path) -> Path:
    """The state folder of a station, as `config.load.load_settings` gives it.

    Raises:
        ConfigError: the file cannot be read, or the section cannot be used.
    """
    try:
        found = _Station.model_validate(_document(file))
    except ValidationError as error:
        raise_for(problems_of(error, _Station, file))
        raise
    return (file.resolve().parent / found.station.state_dir).resolve()


def _document(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        # `config check` names the line.
        raise ConfigError(f"{file} cannot be read: {error}", "ingestd config check") from error
