"""The station in a virtual machine that the scenarios share, what must be so after each, and what they measure."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.lab.station_vm import StationVm

_FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def machine() -> Iterator["StationVm"]:
    """A machine for the scenarios, not booted yet."""
    from tests.lab.frozen import station_image
    from tests.lab.station_vm import StationVm

    vm = StationVm(f"ingestd-{os.getpid()}", station_image())
    try:
        yield vm
    finally:
        vm.stop()


@pytest.fixture
def station(machine: "StationVm") -> Iterator["StationVm"]:
    """A running station with empty bays. Afterwards, whatever became of them: no card was changed, nothing of one is
    left behind on the machine, and `ingestd verify` finds nothing."""
    if not machine.is_ready():
        machine.boot()
    machine.begin()
    try:
        yield machine
        if machine.is_alive():
            machine.pull_all()
            machine.wait_clean()
            assert machine.faults() == []
        assert machine.changed_images() == []
    finally:
        # A machine that was ended meanwhile has nothing to say, and must not hide what failed.
        with contextlib.suppress(OSError):
            if machine.is_alive():
                # Shown by pytest where something failed.
                print(machine.journal())
                machine.pull_all()
                # What one scenario leaves behind is no fault of the next.
                machine.sh("systemctl reset-failed 'ingestd-*@*'")


@pytest.fixture
def cards(tmp_path: Path) -> Path:
    """A folder for images."""
    return tmp_path


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> list[str]:
    """Lines for the end of the run: what was measured, and on what."""
    return request.config.stash.setdefault(_FIGURES, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show the figures."""
    if lines := config.stash.get(_FIGURES, []):
        terminalreporter.section(
            "measured on the virtual station (emulated processor: many times slower than a real one)"
        )
        for line in lines:
            terminalreporter.write_line(line)
