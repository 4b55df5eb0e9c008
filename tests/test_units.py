"""The units and rules that `ingestd install` puts on a machine, judged without systemd running."""

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.cli.card_helper import mounted_of_former_cards
from ingestd.config.allowed import load_allowed, load_device_api
from ingestd.config.load import load_settings
from ingestd.devices.standing import parse_properties
from tests.support.codefacts import PROJECT
from tests.support.udevrules import Outcome, RuleError, apply, parse

SYSTEMD = PROJECT / "systemd"
RULES = SYSTEMD / "udev/90-ingestd.rules"
UNITS = sorted(SYSTEMD.glob("*.service"))
DUMPS = PROJECT / "tests/data/udev"

EXPOSURES = {
    "ingestd.service": (1.4, 1.5),
    "ingestd-card@.service": (1.1, 1.4),
    "ingestd-device@.service": (1.1, 1.4),
    "ingestd-erase@.service": (1.3, 1.5),
    "ingestd-mount@.service": (3.1, 3.5),
    "ingestd-mtp@.service": (3.4, 3.7),
    "ingestd-protect.service": (0.6, 0.9),
    "ingestd-web.service": (0.9, 1.5),
}
"""Points of `systemd-analyze security`: those of systemd 252, as docs/design/hardening.md reports and explains them,
and those that no version may exceed."""

NAMESPACE_MAKERS = (
    *("PrivateTmp", "PrivateDevices", "PrivateMounts", "PrivateUsers", "PrivateNetwork", "PrivateIPC"),
    *("ProtectSystem", "ProtectHome", "ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs"),
    *("ProtectControlGroups", "ProtectProc", "ProcSubset", "RootDirectory", "RootImage", "TemporaryFileSystem"),
    *("ReadOnlyPaths", "ReadWritePaths", "InaccessiblePaths", "BindPaths", "BindReadOnlyPaths", "MountFlags"),
    *("DynamicUser", "StateDirectory", "RuntimeDirectory", "LoadCredential"),
)


def settings_of(unit: Path) -> dict[str, list[str]]:
    """The lines of a unit's [Service] and [Unit], all values of a key."""
    values: dict[str, list[str]] = {}
    for line in unit.read_text("utf-8").splitlines():
        if re.match(r"[A-Za-z]+=", line):
            key, _, value = line.partition("=")
            values.setdefault(key, []).append(value)
    return values


# --- the units -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.name))
def test_a_unit_is_well_formed(unit: Path) -> None:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(unit.read_text("utf-8"))
    assert set(parser.sections()) <= {"Unit", "Service", "Install"}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.name))
def test_no_unit_runs_with_more_rights_than_its_capabilities_say(unit: Path) -> None:
    settings = settings_of(unit)
    assert settings["NoNewPrivileges"] == ["yes"]
    assert len(settings["CapabilityBoundingSet"]) == 1


def test_the_station_has_no_capability_and_no_device() -> None:
    settings = settings_of(SYSTEMD / "ingestd.service")
    assert settings["CapabilityBoundingSet"] == settings["AmbientCapabilities"] == [""]
    assert settings["PrivateDevices"] == ["yes"]
    assert settings["User"] == ["ingestd"]


def test_the_console_has_no_device_and_writes_to_its_own_folder_alone() -> None:
    settings = settings_of(SYSTEMD / "ingestd-web.service")
    assert settings["CapabilityBoundingSet"] == settings["AmbientCapabilities"] == [""]
    assert settings["PrivateDevices"] == ["yes"]
    assert settings["ProtectSystem"] == ["strict"]
    assert settings["StateDirectory"] == ["ingestd/console"]
    assert "ReadWritePaths" not in settings


def test_the_mount_unit_may_open_its_own_device_only_and_only_for_reading() -> None:
    settings = settings_of(SYSTEMD / "ingestd-mount@.service")
    assert settings["DevicePolicy"] == ["closed"]
    assert settings["DeviceAllow"] == ["/dev/%i r"]
    assert settings["CapabilityBoundingSet"] == ["CAP_SYS_ADMIN"]
    assert settings["User"] == ["ingestd-mount"]


def test_the_mount_unit_has_no_mount_namespace_of_its_own() -> None:
    settings = settings_of(SYSTEMD / "ingestd-mount@.service")
    assert [key for key in NAMESPACE_MAKERS if key in settings] == []


def test_the_erase_unit_writes_to_its_own_device_and_to_its_receipts_only() -> None:
    settings = settings_of(SYSTEMD / "ingestd-erase@.service")
    assert settings["DeviceAllow"] == ["/dev/%i rw"]
    assert settings["ReadWritePaths"] == ["-/var/lib/ingestd/erase"]
    assert settings["ProtectSystem"] == ["strict"]
    assert settings["PrivateMounts"] == ["yes"]
    assert settings["CapabilityBoundingSet"] == ["CAP_SYS_ADMIN"]


def test_the_station_asks_where_the_erase_unit_listens() -> None:
    asked = "/var/lib/ingestd/erase/%i.ask"
    assert settings_of(SYSTEMD / "ingestd-erase@.path")["PathExists"] == [asked]
    assert settings_of(SYSTEMD / "ingestd-erase@.service")["ExecStopPost"] == [f"-/bin/rm --force {asked}"]
    assert settings_of(SYSTEMD / "ingestd-mount@.service")["Wants"] == ["ingestd-erase@%i.path"]


def test_the_mount_unit_ends_with_its_device() -> None:
    settings = settings_of(SYSTEMD / "ingestd-mount@.service")
    assert settings["BindsTo"] == ["dev-%i.device"]
    # The second for a recorder that is pulled while it is being mounted: ExecStop= is not run then.
    for unmounting in (settings["ExecStop"][0], settings["ExecStopPost"][0]):
        assert "/bin/umount" in unmounting
        assert unmounting.endswith(" /run/ingestd/mnt/%i")


def analyzed(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed (apt install systemd)")
    return subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments], capture_output=True, text=True, cwd=folder, check=False
    )


def runnable(unit: Path, folder: Path) -> str:
    """A copy of a unit that names programs which are here, and an instance where it is a template."""
    name = unit.name.replace("@.", "@sda1.")
    text = re.sub(r"/opt/ingestd/bin/\w+", sys.executable, unit.read_text("utf-8"))
    (folder / name).write_text(text)
    return f"./{name}"


def verify_complaints(name: str, folder: Path) -> list[str]:
    done = analyzed("verify", "--man=no", name, folder=folder)
    # Of other units of this machine it complains as well.
    return [line for line in (done.stderr + done.stdout).splitlines() if Path(name).name in line]


def test_a_unit_with_a_wrong_line_is_complained_of(tmp_path: Path) -> None:
    name = runnable(UNITS[0], tmp_path)
    (tmp_path / name).write_text((tmp_path / name).read_text("utf-8").replace("Type=", "Tipe=notify\nType="))
    assert verify_complaints(name, tmp_path) != []


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.name))
def test_systemd_finds_nothing_wrong_with_a_unit(unit: Path, tmp_path: Path) -> None:
    assert verify_complaints(runnable(unit, tmp_path), tmp_path) == []


def exposure(name: str, folder: Path) -> float:
    done = analyzed("security", "--offline=true", name, folder=folder)
    if "unrecognized option" in done.stderr:
        pytest.skip("systemd-analyze is older than 250 and cannot judge a file (apt install systemd)")
    match = re.search(r"exposure level for .*: ([0-9.]+)", done.stdout)
    assert match, done.stderr + done.stdout
    return float(match[1])


def test_a_unit_without_confinement_is_judged_exposed(tmp_path: Path) -> None:
    (tmp_path / "bare.service").write_text("[Service]\nExecStart=/bin/true\n")
    assert exposure("./bare.service", tmp_path) > 9


@pytest.mark.parametrize("name", EXPOSURES)
def test_a_unit_is_as_confined_as_the_documents_say(name: str, tmp_path: Path) -> None:
    reported, limit = EXPOSURES[name]
    page = (PROJECT / "docs/design/hardening.md").read_text("utf-8")
    assert f"| `{name}` | {reported} |" in page
    assert exposure(runnable(SYSTEMD / name, tmp_path), tmp_path) <= limit


# --- the rules -------------------------------------------------------------------------------------------------------


def devices(dump: str) -> list[dict[str, str]]:
    """The devices of a recorded dump, by their properties."""
    blocks = (DUMPS / f"{dump}.properties.txt").read_text("utf-8").split("\n\n")
    lines = ([line[3:] for line in block.splitlines() if line.startswith("E: ")] for block in blocks)
    return [dict(line.split("=", 1) for line in block) for block in lines if block]


def outcomes(dump: str, **options: str) -> dict[str, Outcome]:
    return {one["DEVPATH"].rpartition("/")[2]: apply(RULES, one, **options) for one in devices(dump)}


def wanted(dump: str) -> list[str]:
    return sorted(unit for outcome in outcomes(dump).values() for unit in outcome.wanted)


@pytest.mark.parametrize("line", ['ENV{A}=="b" TAG+="c"', 'GOTO="nowhere"', "ENV{A}==b"])
def test_a_rule_that_is_none_is_noticed(line: str) -> None:
    with pytest.raises(RuleError):
        parse(line)


@pytest.mark.parametrize(
    ("dump", "units"),
    [
        ("usb-storage-vfat", ["ingestd-mount@sda1.service"]),
        ("usb-custom-exfat", ["ingestd-mount@sda1.service"]),
        ("usb-storage-noserial-superfloppy", ["ingestd-mount@sda.service"]),
        ("keyboard", []),
    ],
)
def test_each_file_system_on_usb_gets_one_mount_unit_and_nothing_else_does(dump: str, units: list[str]) -> None:
    assert wanted(dump) == units


def test_each_of_two_cards_gets_its_own_unit() -> None:
    assert len(set(wanted("usb-custom-two-luns"))) == 2


def test_a_recorder_with_mtp_gets_its_unit_by_bus_and_device() -> None:
    (recorder,) = [one for one in devices("usb-mtp") if one["DEVTYPE"] == "usb_device"]
    # In the kernel's event, and not in the dump.
    numbers = {"BUSNUM": "001", "DEVNUM": "005"}
    assert apply(RULES, recorder | numbers).wanted == ["ingestd-mtp@001-005.service"]


@pytest.mark.parametrize(
    ("interfaces", "units"),
    [
        (":ff0000:", ["ingestd-device@001-012.service"]),
        (":030101:ff0000:", ["ingestd-device@001-012.service"]),
        (":080650:ff0000:", []),
        (":0e0100:", []),
    ],
)
def test_a_mode_of_its_makers_and_no_disk_is_handed_to_the_unit_that_judges_it(
    interfaces: str, units: list[str]
) -> None:
    (locked,) = devices("vendor-locked")
    numbers = {"BUSNUM": "001", "DEVNUM": "012"}
    assert apply(RULES, locked | numbers | {"ID_USB_INTERFACES": interfaces}).wanted == units


def test_as_shipped_nothing_is_run_for_a_locked_recorder() -> None:
    settings = settings_of(SYSTEMD / "ingestd-device@.service")
    assert settings["ConditionPathExists"] == ["/etc/ingestd/credentials/device-password"]
    assert "device_helper" in settings["ExecCondition"][0]
    assert load_device_api(PROJECT / "config/ingestd.toml").is_enabled is False
    words = ("-m", "ingestd.cli.device_helper", "--config", "config/ingestd.toml", "001-004")
    command = [sys.executable, *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, check=False)
    assert (done.returncode, "device_api.enabled" in done.stderr) == (1, True)


def test_a_desktop_does_not_mount_what_is_ours() -> None:
    assert outcomes("usb-storage-vfat")["sda1"].properties["UDISKS_IGNORE"] == "1"


def test_a_disk_that_is_not_on_usb_is_left_alone() -> None:
    inner = {
        "DEVPATH": "/devices/ata1/block/sdz/sdz1",
        "SUBSYSTEM": "block",
        "ID_BUS": "ata",
        "ID_FS_USAGE": "filesystem",
    }
    assert apply(RULES, inner) == Outcome()


def test_a_reader_whose_card_was_taken_out_counts_as_gone() -> None:
    (disk,) = [one for one in devices("usb-storage-noserial-superfloppy") if one.get("DEVTYPE") == "disk"]
    empty = {key: value for key, value in disk.items() if not key.startswith("ID_FS")}
    assert apply(RULES, empty, action="change", size="0").properties["SYSTEMD_READY"] == "0"
    assert "SYSTEMD_READY" not in apply(RULES, disk, action="change", size="131072").properties


def test_a_changed_card_ends_the_mounts_of_the_old_one() -> None:
    changed = {"DISK_MEDIA_CHANGE": "1"}
    run = {one["DEVPATH"].rpartition("/")[2]: apply(RULES, one | changed, action="change", size="0").run
           for one in devices("usb-storage-vfat") if one["SUBSYSTEM"] == "block"}  # fmt: skip
    assert run == {"sda": ["/bin/systemctl --no-block restart ingestd-card@sda.service"], "sda1": []}
    assert not any(outcome.run for outcome in outcomes("usb-storage-vfat", action="change").values())


def test_only_mounts_of_another_medium_than_the_present_one_are_ended(tmp_path: Path) -> None:
    """The unit of the new card may have begun already when the old one's is ended."""
    mounts, sys_block = tmp_path / "mnt", tmp_path / "block"
    mounts.mkdir()
    (sys_block / "sda").mkdir(parents=True)
    (sys_block / "sda/diskseq").write_text("14\n")
    for name, number in {"sda": "12", "sda1": "12", "sda2": "14", "sdaa1": "3", "sdb1": "13"}.items():
        (mounts / name).mkdir()
        (mounts / f"{name}.medium").symlink_to(number)
    (mounts / "sda3").mkdir()
    assert mounted_of_former_cards("sda", mounts, sys_block) == ["sda", "sda1"]
    assert mounted_of_former_cards("sdz", mounts, sys_block) == []


def test_a_removal_starts_nothing() -> None:
    assert all(outcome == Outcome() for outcome in outcomes("usb-storage-vfat", action="remove").values())


def test_udev_finds_nothing_wrong_with_the_rules() -> None:
    done = (
        subprocess.run(["udevadm", "verify", RULES], capture_output=True, text=True, check=False)
        if _can_verify()
        else None
    )
    assert done is None or done.returncode == 0, done


def _can_verify() -> bool:
    """`udevadm verify` came with systemd 254; before it, the reader above is the only judge."""
    if shutil.which("udevadm") is None:
        return False
    return subprocess.run(["udevadm", "verify", "--help"], capture_output=True, check=False).returncode == 0


# --- the helper that mounts ------------------------------------------------------------------------------------------

HELPER = ("-m", "ingestd.cli.mount_helper")


def mount_helper(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *HELPER, "--config", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, check=False)


def test_the_helper_loads_nothing_that_reads_footage_or_speaks_to_a_network() -> None:
    script = f"import sys; import {HELPER[1]}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=PROJECT, check=True)
    modules = set(loaded.stdout.split())
    rooms = {name for name in modules if name.startswith("ingestd.") and name.split(".")[1] != "core"}
    assert rooms == {
        *(
            "ingestd.cli",
            "ingestd.cli.mount_helper",
            "ingestd.cli.unit_program",
            "ingestd.devices",
            "ingestd.devices.standing",
        ),
        *("ingestd.devices.mounts", "ingestd.devices.lostfound", "ingestd.devices.mountinfo", "ingestd.devices.usb"),
        *("ingestd.config", "ingestd.config.allowed", "ingestd.config.bays", "ingestd.config.problems"),
    }
    assert not modules & {
        "av",
        "sqlalchemy",
        "sqlite3",
        "pyudev",
        "usb",
        "typer",
        "rich",
        "boto3",
        "http.client",
        "ssl",
    }


@pytest.mark.parametrize("name", ["../../etc/passwd", "sda1;reboot", "", "no-such-disk"])
def test_the_helper_leaves_alone_what_is_no_disk(name: str) -> None:
    done = mount_helper(PROJECT / "config/ingestd.toml", name)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)


def test_the_helper_mounts_nothing_by_settings_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "ingestd.toml").write_text("[udev]\nallowed_usb_ids = 5\n")
    done = mount_helper(tmp_path / "ingestd.toml", "sda1")
    assert done.returncode == 255
    assert "udev.allowed_usb_ids" in done.stderr


def test_a_name_that_holds_the_end_of_a_line_sets_no_other_property() -> None:
    found = parse_properties(b"DEVNAME=/dev/sda1\nPARTNAME=a\x0bID_BUS=usb\x1eID_PATH=x\xff\nDEVNAME=/dev/sdb1\n")
    assert list(found) == ["DEVNAME", "PARTNAME"]
    assert found["DEVNAME"] == "/dev/sda1"


@pytest.mark.parametrize("learned", ["", '[bays]\n"pci-0000:00:14.0-usb-0:3" = "bay-3"\n'])
def test_the_helper_reads_the_same_lists_as_the_station(tmp_path: Path, learned: str) -> None:
    file = tmp_path / "ingestd.toml"
    text = (PROJECT / "config/ingestd.toml").read_text("utf-8")
    text = text.replace("allowed_usb_ids = []", 'allowed_usb_ids = ["4255:*"]')
    file.write_text(text.replace("allowed_labels = []", 'allowed_labels = ["执法*"]'))
    if learned:
        (tmp_path / "bays.toml").write_text(learned)
    assert load_allowed(file).allowed_labels == ("执法*",)
    assert load_allowed(file) == load_settings(file).udev


@given(st.binary(max_size=400))
def test_no_answer_of_udev_breaks_the_reader(raw: bytes) -> None:
    assert all(key and "\n" not in value for key, value in parse_properties(raw).items())
