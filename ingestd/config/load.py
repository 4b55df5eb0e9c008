"""Reads a station's configuration: settings, regimes, recorder profiles and roster, as one checked whole."""

import difflib
import functools
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ingestd.config.areas import load_areas
from ingestd.config.bays import BAYS_FILE, LearnedBays
from ingestd.config.overlays import overlaid
from ingestd.config.problems import Problem, config_error, problems_of, raise_for, shown
from ingestd.config.roster import load_roster
from ingestd.core.areas import Areas
from ingestd.core.errors import ConfigError
from ingestd.core.overlay import Overlay
from ingestd.core.profile import GENERIC_PROFILE, RecorderProfile
from ingestd.core.regime import Regime
from ingestd.core.roster import Roster
from ingestd.core.settings import Settings
from ingestd.core.usbports import names_together
from ingestd.core.workdays import Workdays

ENVIRONMENT_VARIABLE = "INGESTD_CONFIG"
LOCAL_FILE = Path("config/ingestd.toml")
SYSTEM_FILE = Path("/etc/ingestd/ingestd.toml")
CHECKOUT_FILE = Path(__file__).resolve().parents[2] / LOCAL_FILE
"""Of a source checkout, so that commands work from any folder there; it does not exist where a package is installed."""
REGIMES_FOLDER = "regimes"
RECORDERS_FOLDER = "recorders"
WORKDAYS_FILE = "workdays.toml"

_Model = TypeVar("_Model", bound=BaseModel)
_AT_LINE = re.compile(r"^(?P<what>.*?)\s*\(at line (?P<line>\d+), column (?P<column>\d+)\)$")


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything that a station is told. `regime` is the chosen one; `sources` are the files that were read."""

    settings: Settings
    regime: Regime
    regimes: Mapping[str, Regime]
    profiles: tuple[RecorderProfile, ...]
    roster: Roster
    sources: tuple[Path, ...]
    areas: Areas = Areas()
    workdays: Workdays = Workdays()


def find_settings_file(
    path: Path | None, environment: Mapping[str, str] = os.environ, checkout: Path = CHECKOUT_FILE
) -> Path:
    """The file given, else $INGESTD_CONFIG, else ./config/ingestd.toml, else /etc/ingestd/ingestd.toml.

    In a source checkout its own config/ comes last.

    One that is named (given or by the environment) is not searched on from: a typing error must not read another file.

    Raises:
        ConfigError: there is none.
    """
    if path is not None:
        return path
    named = environment.get(ENVIRONMENT_VARIABLE)
    if named:
        return Path(named)
    for candidate in (LOCAL_FILE, SYSTEM_FILE, checkout):
        if candidate.is_file():
            return candidate
    fix = f"name one with --config or ${ENVIRONMENT_VARIABLE}, or run where {LOCAL_FILE} lies"
    raise config_error([Problem(SYSTEM_FILE, "", f"no configuration here, nor in {LOCAL_FILE.absolute()}", fix)])


def load_settings(path: Path | None = None) -> Settings:
    """Read and check the settings file (see `find_settings_file` for which one).

    Raises:
        ConfigError: all faults of the file together.
    """
    file = find_settings_file(path)
    settings, problems = _settings(file, _document(file))
    if settings is None or problems:
        raise config_error(problems)
    return settings


def load_learned_bays(folder: Path) -> dict[str, str]:
    """The names of ports that `ingestd bays learn` wrote down beside the settings; none where it never did.

    Raises:
        ConfigError: all faults of the file together.
    """
    file = folder / BAYS_FILE
    if not file.exists():
        return {}
    try:
        return LearnedBays.model_validate(_document(file)).bays
    except ValidationError as error:
        raise config_error(problems_of(error, LearnedBays, file)) from error


def load_regimes(folder: Path) -> dict[str, Regime]:
    """All regimes of a folder by id; a file is named for its regime. One with `based_on` is an overlay on another.

    Raises:
        ConfigError: all faults of all files together.
    """
    files = _toml_files(folder)
    overlay_files = [file for file in files if "based_on" in _document(file)]
    regimes = {one.id: one for one in _models([file for file in files if file not in overlay_files], Regime)}
    return regimes | overlaid(zip(overlay_files, _models(overlay_files, Overlay), strict=True), regimes)


def load_workdays(file: Path) -> Workdays:
    """The bureau's calendar; one that knows its weekends only where there is no such file.

    Raises:
        ConfigError: all faults of the file together.
    """
    if not file.exists():
        return Workdays()
    try:
        return Workdays.model_validate(_document(file))
    except ValidationError as error:
        raise config_error(problems_of(error, Workdays, file)) from error


def load_profiles(folder: Path) -> tuple[RecorderProfile, ...]:
    """All recorder profiles of a folder in the order of their file names, the one that takes everything last.

    Raises:
        ConfigError: all faults of all files together.
    """
    if folder.joinpath(f"{GENERIC_PROFILE.id}.toml").exists():
        what = "is the name of the profile that stands behind all others and takes every name"
        raise config_error([Problem(folder / f"{GENERIC_PROFILE.id}.toml", "", what, "give yours another id and name")])
    return (*_models(_toml_files(folder), RecorderProfile), GENERIC_PROFILE)


def load_profile(file: Path) -> RecorderProfile:
    """One recorder profile, wherever it lies; its name need not be its id.

    Raises:
        ConfigError: all faults of the file together.
    """
    document = _document(file)
    try:
        return RecorderProfile.model_validate(document)
    except ValidationError as error:
        raise config_error(problems_of(error, RecorderProfile, file)) from error


def load_all(path: Path | None = None) -> Configuration:
    """Read and check everything that the station is told.

    Raises:
        ConfigError: all faults of the settings file together, else all of the regimes, the profiles or the roster.
    """
    file = find_settings_file(path)
    document = _document(file)
    settings, problems = _settings(file, document)
    try:
        regimes = load_regimes(file.resolve().parent / REGIMES_FOLDER)
    except ConfigError:
        raise_for(problems)
        raise
    problems += _reference_problems(file, document, regimes)
    if settings is None or problems:
        raise config_error(problems)
    roster_file = _roster_file(file, settings.roster.file)
    areas_file = _roster_file(file, settings.areas.file)
    profiles_folder = settings.folder / RECORDERS_FOLDER
    workdays_file = settings.folder / WORKDAYS_FILE
    return Configuration(
        settings=settings,
        regime=regimes[settings.station.regime],
        regimes=regimes,
        profiles=load_profiles(profiles_folder),
        roster=load_roster(roster_file, settings.station.zone_info) if roster_file else Roster(),
        sources=(
            file,
            *_toml_files(settings.folder / REGIMES_FOLDER),
            *_toml_files(profiles_folder),
            *((roster_file,) if roster_file else ()),
            *((areas_file,) if areas_file else ()),
            *((bays_file,) if (bays_file := settings.folder / BAYS_FILE).exists() else ()),
            *((workdays_file,) if workdays_file.exists() else ()),
        ),
        areas=_areas(areas_file, settings),
        workdays=load_workdays(workdays_file),
    )


def _areas(file: Path | None, settings: Settings) -> Areas:
    rules = settings.areas
    return load_areas(file, datum=rules.datum, within_m=rules.within_metres) if file is not None else Areas()


def _settings(file: Path, document: dict[str, Any]) -> tuple[Settings | None, list[Problem]]:
    """The settings, or null with the problems why not."""
    problems: list[Problem] = []
    if "folder" in document:
        # Set by the place of the file; as a key it would move every relative path in silence.
        value = shown(document["folder"])
        problems.append(Problem(file, "folder", "there is no such key", "remove it; paths start at the file", value))
    try:
        settings = Settings.model_validate({**document, "folder": file.resolve().parent})
    except ValidationError as error:
        return None, problems + problems_of(error, Settings, file)
    inbox, vault = settings.inbox_dir.resolve(), settings.vault_dir
    if settings.inbox.is_enabled and (inbox.is_relative_to(vault) or vault.is_relative_to(inbox)):
        what = f"the inbox ({inbox}) and the vault ({vault}) lie inside each other; the station would take itself in"
        fix = 'give the inbox a folder of its own, as in "inbox"'
        problems.append(Problem(file, "inbox.path", what, fix, shown(str(settings.inbox.path))))
    if not problems:
        bays = names_together(settings.udev.bays, load_learned_bays(settings.folder))
        settings = settings.model_copy(update={"udev": settings.udev.model_copy(update={"bays": bays})})
    return settings, problems


def _reference_problems(file: Path, document: dict[str, Any], regimes: Mapping[str, Regime]) -> list[Problem]:
    """Names in the settings of things that are not there; read from the document, so that no other fault hides them."""
    problems: list[Problem] = []
    regime = _entry(document, "station", "regime", Settings.model_fields["station"].default.regime)
    if isinstance(regime, str) and regime not in regimes:
        nearest = difflib.get_close_matches(regime, list(regimes), n=1)
        known = f"the regimes are {', '.join(sorted(regimes)) or 'none'}"
        fix = f"write {nearest[0]}; {known}" if nearest else known
        problems.append(Problem(file, "station.regime", "there is no such regime", fix, shown(regime)))
    roster = _entry(document, "roster", "file", None)
    if isinstance(roster, str):
        roster_file = _roster_file(file, Path(roster))
        if roster_file is not None and not roster_file.is_file():
            what = f"there is no file {roster_file}"
            problems.append(Problem(file, "roster.file", what, "create it, or take roster.file out", shown(roster)))
    return problems


def _entry(document: dict[str, Any], section: str, key: str, default: Any) -> Any:
    table = document.get(section)
    return table.get(key, default) if isinstance(table, dict) else default


def _roster_file(file: Path, roster: Path | None) -> Path | None:
    return None if roster is None else file.resolve().parent / roster


def _models(files: Sequence[Path], model: type[_Model]) -> list[_Model]:
    found: list[_Model] = []
    problems: list[Problem] = []
    for file in files:
        document = _document(file)
        try:
            found.append(model.model_validate(document))
        except ValidationError as error:
            problems += problems_of(error, model, file)
            continue
        if document["id"] != file.stem:
            fix = f'name the file {document["id"]}.toml, or write id = "{file.stem}"'
            problems.append(Problem(file, "id", "is not the name of the file", fix, shown(document["id"])))
    raise_for(problems)
    return found


def _toml_files(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if entry.suffix == ".toml")
    except OSError as error:
        what = f"the folder cannot be read: {error.strerror}"
        raise config_error([Problem(folder, "", what, "put it beside ingestd.toml, as it was shipped")]) from error


@functools.lru_cache(maxsize=64)
def _parsed(text: str) -> dict[str, Any]:
    """A TOML document, for reading only. Parsing is most of a load, and at a reload nearly every file is as it was."""
    return tomllib.loads(text)


def _document(file: Path) -> dict[str, Any]:
    if file.exists() and not file.is_file():
        # A pipe would be waited for without end.
        raise config_error([Problem(file, "", "is not an ordinary file", "give a file that exists and may be read")])
    try:
        return _parsed(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        fix = "give a file that exists and may be read"
        raise config_error([Problem(file, "", f"cannot be read: {error.strerror}", fix)]) from error
    except UnicodeDecodeError as error:
        raise config_error([Problem(file, "", "is not UTF-8", "save it as UTF-8")]) from error
    except tomllib.TOMLDecodeError as error:
        match = _AT_LINE.match(str(error))
        place = f"line {match['line']}, column {match['column']}" if match else ""
        what = f"not TOML: {match['what'] if match else error}"
        fix = 'correct this line; texts stand in quotation marks, as in name = "value"'
        raise config_error([Problem(file, place, what, fix)]) from error
