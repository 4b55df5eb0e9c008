"""The configuration: shipped files are what the code means, and every fault is named with file, key, value and fix."""

import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from ingestd.config.load import ENVIRONMENT_VARIABLE, find_settings_file, load_all, load_profiles, load_settings
from ingestd.core.errors import ConfigError, ExitStatus
from ingestd.core.settings import Settings

SHIPPED = Path(__file__).parent.parent / "config"


@pytest.fixture
def station(tmp_path: Path) -> Path:
    """A copy of the shipped configuration; returns its settings file."""
    folder = tmp_path / "config"
    shutil.copytree(SHIPPED, folder)
    return folder / "ingestd.toml"


def refusal(file: Path, text: str | None = None) -> ConfigError:
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_all(file)
    return caught.value


def keys_in_code(model: type[BaseModel], prefix: str = "") -> set[str]:
    keys: set[str] = set()
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys |= keys_in_code(field.annotation, f"{key}.")
        else:
            keys.add(key)
    return keys


TABLES_OF_NAMES = ("udev.bays", "device_api.dialects", "feed.events")
"""Settings whose keys the bureau chooses."""


def keys_in_file(table: dict[str, Any], prefix: str = "") -> set[str]:
    keys: set[str] = set()
    for key, value in table.items():
        is_section = isinstance(value, dict) and f"{prefix}{key}" not in TABLES_OF_NAMES
        keys |= keys_in_file(value, f"{prefix}{key}.") if is_section else {f"{prefix}{key}"}
    return keys


def test_the_shipped_file_names_every_key_of_the_settings() -> None:
    document = tomllib.loads((SHIPPED / "ingestd.toml").read_text(encoding="utf-8"))
    # A file of secrets or authorities has no default; its line stands there as a comment.
    of_secrets = {"device_api.password_file", "case_push.token_file", "feed.secret_file", "feed.ca_file"}
    of_secrets |= {"web.certificate", "web.certificate_key", "web.ldap"}
    # One that only the bureau itself can make has none either.
    of_the_bureau = {"areas.file", "hand_over.font", "ledger.export_dir", "replicas", "web.oidc"}
    assert keys_in_file(document) == keys_in_code(Settings) - {"folder"} - of_secrets - of_the_bureau


def test_the_shipped_file_says_the_defaults_of_the_code() -> None:
    shipped = load_settings(SHIPPED / "ingestd.toml").model_dump(exclude={"roster"})
    assert shipped == Settings(folder=SHIPPED.resolve()).model_dump(exclude={"roster"})


def test_the_shipped_configuration_can_be_used_as_it_is() -> None:
    configuration = load_all(SHIPPED / "ingestd.toml")
    assert configuration.regime is configuration.regimes["marine"]
    assert set(configuration.regimes) == {
        "marine", "civil_affairs", "ethnic_religious", "market_regulation", "health",
    }  # fmt: skip
    assert configuration.roster.entries == ()
    assert {source.name for source in configuration.sources} >= {
        "ingestd.toml",
        "marine.toml",
        "gat.toml",
        "roster.csv",
    }


def test_an_empty_file_gives_the_defaults(station: Path) -> None:
    station.write_text("", encoding="utf-8")
    configuration = load_all(station)
    assert configuration.settings == Settings(folder=station.parent.resolve())


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(station: Path) -> None:
    station.write_bytes(b'\xef\xbb\xbf[station]\r\nid = "dock-7"\r\n')
    assert load_settings(station).station.id == "dock-7"


def test_a_mistyped_key_is_named_with_file_value_and_the_nearest_key(station: Path) -> None:
    error = refusal(station, "[inbox]\nsettle_secnds = 9\n")
    assert str(station) in error.message
    assert "inbox.settle_secnds = 9" in error.message
    assert error.advice == "write settle_seconds instead of settle_secnds"
    assert error.exit_status is ExitStatus.CONFIG


def test_a_key_in_the_wrong_section_is_sent_to_its_section(station: Path) -> None:
    assert refusal(station, "[station]\nheight_pixels = 480\n").advice == "the nearest key is proxy.height_pixels"


def test_a_mistyped_section_is_named_with_the_nearest_section(station: Path) -> None:
    assert refusal(station, "[proxi]\nenabled = false\n").advice == "write proxy instead of proxi"


def test_a_key_without_any_neighbour_lists_the_keys_of_its_section(station: Path) -> None:
    assert refusal(station, "[http]\nzzz = 1\n").advice == "remove it; the keys of http are host, port"


def test_a_value_that_is_none_of_the_allowed_lists_them(station: Path) -> None:
    error = refusal(station, '[log]\nlevel = "loud"\n')
    assert "log.level = 'loud'" in error.message
    assert error.advice == "write 'debug', 'info', 'warning' or 'error'"


@pytest.mark.parametrize(
    ("text", "place", "fix"),
    [
        ("[http]\nport = 70000\n", "http.port = 70000", "write less than or equal to 65535"),
        ('[http]\nport = "many"\n', "http.port = 'many'", "write a valid integer"),
        ('[proxy]\nenabled = "perhaps"\n', "proxy.enabled = 'perhaps'", "write true or false"),
        ("[inbox]\npath = 3\n", "inbox.path = 3", "write a path in quotation marks"),
        ("http = 3\n", "http = 3", "write it as a section: [http]"),
        ('[station]\nid = "a b"\n', "station.id = 'a b'", "match ^[A-Za-z0-9]"),
        ('[udev]\nallowed_usb_ids = ["42"]\n', "udev.allowed_usb_ids", "write vendor:product as lsusb shows them"),
        ('folder = "/"\n', "folder = '/'", "remove it"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_its_fix(station: Path, text: str, place: str, fix: str) -> None:
    error = refusal(station, text)
    assert place in error.message
    assert fix in f"{error.message}\n{error.advice}"


def test_an_unknown_zone_is_refused(station: Path) -> None:
    error = refusal(station, '[station]\nzone = "Asia/Dalian"\n')
    assert "station.zone = 'Asia/Dalian': no such time zone" in error.message
    assert error.advice == "write it as in Asia/Shanghai"


def test_an_unknown_regime_lists_the_known_ones_and_the_nearest(station: Path) -> None:
    error = refusal(station, '[station]\nregime = "maritime"\n')
    assert "station.regime = 'maritime'" in error.message
    assert error.advice.startswith("write marine; ")
    assert "civil_affairs, ethnic_religious, health, marine, market_regulation" in error.advice


def test_a_roster_that_is_not_there_is_refused(station: Path) -> None:
    error = refusal(station, '[roster]\nfile = "people.csv"\n')
    assert "roster.file = 'people.csv'" in error.message
    assert str(station.parent.resolve() / "people.csv") in error.message


@pytest.mark.parametrize("path", ["vault/inbox", "vault", ".", ".."])
def test_an_inbox_that_would_swallow_the_vault_is_refused(station: Path, path: str) -> None:
    error = refusal(station, f'[inbox]\npath = "{path}"\n')
    assert f"inbox.path = '{path}'" in error.message


def test_all_faults_of_a_file_are_told_at_once(station: Path) -> None:
    error = refusal(
        station,
        '[station]\nregime = "none"\nzone = "Mars/Base"\n[http]\nprot = 1\nport = -1\n[roster]\nfile = "gone.csv"\n',
    )
    for key in ("station.regime", "station.zone", "http.prot", "http.port", "roster.file"):
        assert key in error.message
        assert key in error.advice
    assert error.message.startswith("5 problems")


def test_a_syntax_fault_is_named_with_its_line(station: Path) -> None:
    error = refusal(station, '[station]\nid = "dock"\nname = 采集站\n')
    assert f"{station}: line 3, column 8: not TOML" in error.message


def test_a_file_that_is_not_utf_8_is_refused(station: Path) -> None:
    station.write_bytes('[station]\nname = "采集站"\n'.encode("gb18030"))
    assert refusal(station).advice == "save it as UTF-8"


def test_a_settings_fault_is_told_although_the_regimes_are_missing(station: Path) -> None:
    shutil.rmtree(station.parent / "regimes")
    assert "http.prot" in refusal(station, "[http]\nprot = 1\n").message


def test_a_missing_folder_of_regimes_is_named(station: Path) -> None:
    shutil.rmtree(station.parent / "regimes")
    assert str(station.parent.resolve() / "regimes") in refusal(station).message


def test_a_named_file_that_is_missing_is_not_replaced_by_another(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path / "mistyped.toml")


def test_the_file_given_wins_over_the_environment(tmp_path: Path) -> None:
    environment = {ENVIRONMENT_VARIABLE: "/elsewhere.toml"}
    assert find_settings_file(tmp_path / "a.toml", environment) == tmp_path / "a.toml"
    assert find_settings_file(None, environment) == Path("/elsewhere.toml")


def test_without_a_name_the_file_of_this_folder_is_read(station: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(station.parent.parent)
    assert find_settings_file(None, {}) == Path("config/ingestd.toml")


def test_without_any_file_the_places_searched_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if Path("/etc/ingestd/ingestd.toml").exists():
        pytest.skip("this machine has a station's configuration installed")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"/etc/ingestd/ingestd\.toml.*config/ingestd\.toml"):
        find_settings_file(None, {}, tmp_path / "no-checkout")


def test_in_a_source_checkout_its_own_configuration_is_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_settings_file(None, {}).name == "ingestd.toml"


def test_a_faulty_regime_names_its_file_and_key(station: Path) -> None:
    regime = station.parent / "regimes" / "marine.toml"
    regime.write_text(regime.read_text(encoding="utf-8").replace("years = 3", "yaers = 3", 1), encoding="utf-8")
    error = refusal(station)
    assert f"{regime.resolve()}: retention[0].yaers = 3" in error.message
    assert "write years instead of yaers" in error.advice


def test_a_regime_file_is_named_for_its_regime(station: Path) -> None:
    regimes = station.parent / "regimes"
    shutil.copy(regimes / "marine.toml", regimes / "sea.toml")
    error = refusal(station)
    assert "sea.toml: id = 'marine'" in error.message


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ("(?P<device>", "(?P<device>(", "not a regular expression"),
        ("(?P<device>", "(?P<serial>", "group 'serial' means nothing here"),
        ("%Y%m%d_%H%M%S", "%Y%m%d", "does not give a date with hours"),
    ],
)
def test_a_faulty_profile_is_refused(station: Path, before: str, after: str, what: str) -> None:
    profile = station.parent / "recorders" / "dcam.toml"
    profile.write_text(profile.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")
    error = refusal(station)
    assert "dcam.toml: names[0]." in error.message
    assert what in error.message


def test_the_profile_that_takes_everything_stands_last(station: Path) -> None:
    profiles = load_profiles(station.parent / "recorders")
    assert profiles[-1].id == "generic"
