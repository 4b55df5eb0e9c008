"""`ingestd device`: off unless switched on, no word of a password anywhere, acts on the disk before they are done."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingestd.cli import device_helper
from ingestd.cli.app import app
from ingestd.cli.unit_program import Outcome
from ingestd.core.clock import SystemClock
from ingestd.core.device_acts import UNREADABLE, acts_of_file
from ingestd.core.errors import ExitStatus, RefusedError
from ingestd.sim.gat_device import E1Firmware, SimulatedRecorder
from tests.support.process import Done, Installation
from tests.support.usb_backend import SimulatedBus

SECRET = "Zq7Zq7"
NOWHERE = "199-126"


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """A station that may speak to recorders and has their password."""
    made = Installation(tmp_path, device_api__enabled=True)
    text = made.config_file.read_text("utf-8").replace("# password_file =", "password_file =")
    made.config_file.write_text(text, "utf-8")
    secret_of(made).write_text(f"{SECRET}\n")
    secret_of(made).chmod(0o600)
    return made


def secret_of(installation: Installation) -> Path:
    return installation.config_file.parent / "device-password"


def assert_said(done: Done, status: ExitStatus, words: str) -> None:
    assert done.status == status, done
    assert words in done.err
    assert "Traceback" not in done.err
    assert SECRET not in done.out + done.err


@pytest.mark.parametrize("verb", ["info", "unlock", "clock"])
def test_it_is_off_as_shipped(tmp_path: Path, verb: str) -> None:
    done = Installation(tmp_path).run("device", verb, NOWHERE)
    assert_said(done, ExitStatus.FAILED, "device_api.enabled")


def test_where_no_device_is_nothing_is_written_down(installation: Installation) -> None:
    done = installation.run("device", "unlock", NOWHERE)
    assert done.status in (ExitStatus.NOT_FOUND, ExitStatus.UNAVAILABLE), done
    assert_said(done, ExitStatus(done.status), "error: ")
    assert not (installation.state_dir / "device-acts").exists()


def test_a_password_file_for_all_to_read_is_refused(installation: Installation) -> None:
    secret_of(installation).chmod(0o644)
    assert_said(installation.run("device", "info", NOWHERE), ExitStatus.CONFIG, "chmod 0600")


def test_clocks_are_set_only_where_that_is_allowed(installation: Installation) -> None:
    done = installation.run("device", "clock", NOWHERE, "--set")
    assert_said(done, ExitStatus.FAILED, "device_api.may_set_clock")


def test_a_wrong_place_is_wrong_usage(installation: Installation) -> None:
    assert_said(installation.run("device", "info", "/dev/sda"), ExitStatus.USAGE, "001-004")


# --- with a recorder: pyusb is given a simulated bus instead of libusb -----------------------------------------------


@pytest.fixture
def recorder(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> SimulatedRecorder:
    """A recorder at 001-004 with this station's password, and its dialect configured."""
    text = installation.config_file.read_text("utf-8")
    line = '[device_api.dialects]\n"4255:0001" = "ambarella_e1"\n'
    installation.config_file.write_text(text.replace("[device_api.dialects]\n", line), "utf-8")
    made = SimulatedRecorder(SystemClock(), password=SECRET)
    bus = SimulatedBus(E1Firmware(made))
    monkeypatch.setattr("usb.backend.libusb1.get_backend", lambda *_, **__: bus)
    return made


PORT = "/devices/pci0000:00/0000:00:14.0/usb1/1-3"


@pytest.fixture
def udev(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A udevadm that knows the recorder."""
    program = tmp_path / "udevadm"
    told = f"DEVPATH={PORT}\nID_SERIAL_SHORT=S1\nID_VENDOR_ID=4255\nID_MODEL_ID=0001\nID_USB_INTERFACES=:ff0000:"
    program.write_text(f"#!/bin/sh\nprintf '%s\\n' '{told}'\n")
    program.chmod(0o755)
    monkeypatch.setattr("ingestd.devices.standing.UDEVADM", str(program))


def written_down(installation: Installation) -> list[str]:
    """The acts in the state folder, in order."""
    files = sorted((installation.state_dir / "device-acts").iterdir())
    texts = [file.read_text("utf-8") for file in files]
    assert SECRET not in "".join(texts)
    return [json.loads(line)["act"] for text in texts for line in text.splitlines()]


def test_unlocking_tells_the_number_and_leaves_a_disk(installation: Installation, recorder: SimulatedRecorder) -> None:
    done = CliRunner().invoke(app, ["device", "unlock", "001-004", "--json", "-c", str(installation.config_file)])
    document = json.loads(done.stdout)
    assert (document["info"]["device_number"], document["battery_percent"]) == ("7012345", 80)
    assert recorder.is_disk
    assert SECRET not in done.output
    acts = ["device.unlock_asked", "device.info_read", "device.disk_asked"]
    assert ([act["act"] for act in document["acts"]], written_down(installation)) == (acts, acts)


def test_a_display_is_typed_and_its_offset_written_down(
    installation: Installation, recorder: SimulatedRecorder
) -> None:
    words = ["device", "clock", "001-004", "--from-display", "--json", "-c", str(installation.config_file)]
    done = CliRunner().invoke(app, words, input="2020-01-01 00:00:00\n")
    document = json.loads(done.stdout)
    assert document["findings"][0]["code"] == "clock.offset"
    assert document["clock"]["offset_s"] < -86400
    assert document["set"] is None
    assert written_down(installation) == ["device.unlock_asked", "device.info_read", "device.clock_read"]


def test_a_wrong_password_is_an_act_that_stands_written_down(
    installation: Installation, recorder: SimulatedRecorder
) -> None:
    recorder.password = "111111"
    done = CliRunner().invoke(app, ["device", "info", "001-004", "-c", str(installation.config_file)])
    assert isinstance(done.exception, RefusedError)
    assert (recorder.wrong_passwords, written_down(installation)) == (
        1,
        ["device.unlock_asked", "device.unlock_refused"],
    )


def test_what_is_written_down_is_what_the_station_takes_over(
    installation: Installation, recorder: SimulatedRecorder, udev: None
) -> None:
    words = ["device", "clock", "001-004", "--from-display", "-c", str(installation.config_file)]
    CliRunner().invoke(app, words, input="2020-01-01 00:00:00\n")
    CliRunner().invoke(app, ["device", "unlock", "001-004", "-c", str(installation.config_file)])
    for file in (installation.state_dir / "device-acts").iterdir():
        acts = acts_of_file(file.read_bytes(), file.stem, frozenset(), is_over=True)
        assert UNREADABLE not in [act.act for act in acts]
        assert {(act.data["visit"]["usb_path"], act.data["visit"]["usb_serial"]) for act in acts} == {(PORT, "S1")}
        assert [act.data["number"] for act in acts] == list(range(1, len(acts) + 1))


def judged(installation: Installation) -> int:
    return device_helper.main(["--config", str(installation.config_file), "001-004"])


def test_the_unit_speaks_to_what_the_settings_name(
    installation: Installation, recorder: SimulatedRecorder, udev: None
) -> None:
    assert judged(installation) == Outcome.DONE
    assert recorder.commands == []


def test_the_unit_leaves_alone_what_the_settings_do_not_name(installation: Installation, udev: None) -> None:
    assert judged(installation) == Outcome.LEFT_ALONE


def test_the_unit_gives_a_password_that_was_refused_no_second_time(
    installation: Installation, recorder: SimulatedRecorder, udev: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    recorder.password = "111111"
    CliRunner().invoke(app, ["device", "unlock", "001-004", "-c", str(installation.config_file)])
    assert judged(installation) == Outcome.LEFT_ALONE
    monkeypatch.delenv("RUNTIME_DIRECTORY")
    assert judged(installation) == Outcome.DONE, "a person is not held up"


def test_a_device_without_a_dialect_is_sent_nothing(installation: Installation, recorder: SimulatedRecorder) -> None:
    text = installation.config_file.read_text("utf-8").replace('"4255:0001"', '"4255:0009"')
    installation.config_file.write_text(text, "utf-8")
    done = CliRunner().invoke(app, ["device", "info", "001-004", "-c", str(installation.config_file)])
    assert isinstance(done.exception, RefusedError)
    assert recorder.commands == []


def test_the_doctor_says_that_it_is_untested_on_hardware(
    installation: Installation, recorder: SimulatedRecorder
) -> None:
    (row,) = [one for one in json.loads(installation.run("doctor", "--json").out) if one["name"] == "device api"]
    assert (row["state"], "untested on hardware" in row["words"]) == ("note", True)
    secret_of(installation).chmod(0o644)
    (row,) = [one for one in json.loads(installation.run("doctor", "--json").out) if one["name"] == "device api"]
    assert row["state"] == "fault"
