"""`ingestd install` into a folder: what it puts where, what it leaves alone, and that a wheel carries it all."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ingestd.cli.install import RECORD, install_refusal, shipped
from ingestd.config.load import load_all
from ingestd.core.errors import ExitStatus
from tests.support.codefacts import PROJECT
from tests.support.process import Installation

CONFIGURED = "etc/ingestd/ingestd.toml"
RULES = "usr/local/lib/udev/rules.d/90-ingestd.rules"
UNIT = "usr/local/lib/systemd/system/ingestd.service"


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


@pytest.fixture
def machine(installation: Installation, tmp_path: Path) -> Path:
    """A folder into which it was installed once."""
    root = tmp_path / "machine"
    assert installation.run("install", "--root", root).status == 0
    return root


def steps(installation: Installation, *arguments: str | Path) -> dict[str, str]:
    """What became of each file and command."""
    return {step["subject"]: step["what"] for step in installation.json(*arguments)}


def contents(root: Path) -> dict[str, tuple[bytes, int]]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_every_file_in_the_project_is_put_in_its_place(machine: Path) -> None:
    placed = {path.name for path in machine.rglob("*") if path.is_file()}
    for folder in ("systemd", "config"):
        assert {path.name for path in (PROJECT / folder).rglob("*") if path.is_file()} <= placed
    assert (machine / UNIT).is_file()
    assert (machine / RULES).is_file()


def test_the_first_configuration_can_be_used_and_keeps_evidence_in_the_state_folder(machine: Path) -> None:
    settings = load_all(machine / CONFIGURED).settings
    assert settings.state_dir == Path("/var/lib/ingestd")
    assert settings.udev.allowed_usb_ids == settings.udev.allowed_labels == ()


def test_a_second_installation_touches_nothing(installation: Installation, machine: Path) -> None:
    before = contents(machine)
    done = steps(installation, "install", "--root", machine)
    assert {what for subject, what in done.items() if subject.startswith("/")} == {"unchanged"}
    assert contents(machine) == before


def test_an_edited_configuration_is_kept(installation: Installation, machine: Path) -> None:
    file = machine / CONFIGURED
    file.write_text(file.read_text("utf-8").replace('"station-01"', '"station-77"'))
    edited = file.read_bytes()
    for _ in range(2):
        assert steps(installation, "install", "--root", machine)["/etc/ingestd/ingestd.toml"] == "kept"
        assert file.read_bytes() == edited


def test_a_configuration_that_nobody_edited_is_brought_up_to_date(installation: Installation, machine: Path) -> None:
    file, record = machine / CONFIGURED, machine / RECORD.relative_to("/")
    file.write_bytes(b"# of an earlier version\n")
    noted = json.loads(record.read_bytes()) | {"ingestd.toml": hashlib.sha256(file.read_bytes()).hexdigest()}
    record.chmod(0o644)
    record.write_text(json.dumps(noted))
    assert steps(installation, "install", "--root", machine)["/etc/ingestd/ingestd.toml"] == "written"
    assert b"[station]" in file.read_bytes()


def test_without_a_readable_record_everything_counts_as_edited(installation: Installation, machine: Path) -> None:
    record = machine / RECORD.relative_to("/")
    record.chmod(0o644)
    record.write_bytes(b"{torn")
    (machine / CONFIGURED).write_bytes(b"# mine\n")
    steps(installation, "install", "--root", machine)
    assert (machine / CONFIGURED).read_bytes() == b"# mine\n"


def test_a_unit_that_was_changed_is_put_right(installation: Installation, machine: Path) -> None:
    (machine / UNIT).write_text("[Service]\nExecStart=/bin/false\n")
    assert steps(installation, "install", "--root", machine)[f"/{UNIT}"] == "written"
    assert "ingestd run" in (machine / UNIT).read_text("utf-8")


def test_a_dry_run_says_what_it_would_do_and_does_nothing(installation: Installation, tmp_path: Path) -> None:
    done = steps(installation, "install", "--dry-run", "--root", tmp_path / "none")
    assert done[f"/{UNIT}"] == "written"
    assert not (tmp_path / "none").exists()


def test_another_place_of_the_program_is_written_into_every_unit() -> None:
    texts = [one.data.decode() for one in shipped(Path("/srv/station")) if not one.is_configuration]
    assert any("/srv/station/bin/" in text for text in texts)
    assert not any("/opt/ingestd" in text for text in texts)


def test_nothing_is_run_for_a_folder(installation: Installation, machine: Path) -> None:
    done = steps(installation, "install", "--root", machine)
    assert {what for subject, what in done.items() if not subject.startswith("/")} == {"left to do"}


def test_what_is_taken_away_is_units_and_rules_never_evidence_or_configuration(
    installation: Installation, machine: Path
) -> None:
    evidence = machine / "var/lib/ingestd/vault/original"
    evidence.parent.mkdir(parents=True)
    evidence.write_bytes(b"evidence")
    configuration = contents(machine / "etc")
    done = installation.run("uninstall", "--root", machine)
    assert done.status == 0
    assert contents(machine / "etc") == configuration
    assert evidence.read_bytes() == b"evidence"
    assert [path for path in (machine / "usr").rglob("*") if path.is_file()] == []
    assert installation.run("uninstall", "--root", machine).status == 0


def test_a_machine_without_the_program_is_not_touched(installation: Installation, tmp_path: Path) -> None:
    done = installation.run("install", "--prefix", tmp_path / "nothing-here")
    assert done.status == (ExitStatus.NOT_FOUND if os.geteuid() == 0 else ExitStatus.UNAVAILABLE)
    assert "Traceback" not in done.err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may install: outside CI")
def test_a_program_that_others_can_change_is_not_run_with_rights(tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin/ingestd").write_text("#!/bin/sh\n")
    assert install_refusal(prefix) is None
    (prefix / "bin/ingestd").chmod(0o777)
    refusal = install_refusal(prefix)
    assert refusal is not None
    assert "can be changed by others" in refusal.message


@pytest.mark.parametrize("prefix", ["relative", "/a b", "/a%i", "/a\nExecStart=/bin/sh"])
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may install: outside CI")
def test_a_prefix_that_would_be_read_otherwise_in_a_unit_is_refused(prefix: str) -> None:
    refusal = install_refusal(Path(prefix))
    assert refusal is not None
    assert "cannot stand in a unit" in refusal.message


def test_a_wheel_carries_units_rules_and_configuration(tmp_path: Path) -> None:
    pytest.importorskip("setuptools", minversion="77", reason="setuptools is not installed")
    copy = tmp_path / "project"
    unwanted = shutil.ignore_patterns("__pycache__")
    for name in ("ingestd", "systemd", "config"):
        shutil.copytree(PROJECT / name, copy / name, symlinks=True, ignore=unwanted)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, copy / name)
    script = "from setuptools import build_meta; print(build_meta.build_wheel('out'))"
    subprocess.run([sys.executable, "-c", script], cwd=copy, check=True, capture_output=True)
    (wheel,) = (copy / "out").glob("*.whl")
    carried = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("ingestd/shipped/")}
    wanted = {
        f"ingestd/shipped/{path.relative_to(PROJECT)}"
        for folder in ("systemd", "config")
        for path in (PROJECT / folder).rglob("*")
        if path.is_file()
    }
    assert carried == wanted
