"""The immutable flag on what was sealed: set by what the ledger says, and taken from condemned originals alone."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestd.cli.protect_helper import main
from ingestd.core.clock import SystemClock
from ingestd.core.custody import Act
from ingestd.core.errors import IntegrityError, StoreError
from ingestd.pipeline.protect import protect
from ingestd.stores.durable import remove
from ingestd.stores.immutable import is_immutable, set_immutable
from ingestd.stores.ledger import Ledger, read_entries
from ingestd.stores.vault import Vault
from tests.support.codefacts import PROJECT
from tests.support.station import Station, build_station, small_disk, write_card

FILES: dict[str | bytes, bytes] = {"A_0001.bin": b"first", "A_0002.bin": b"second"}


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Station:
    """A station with two recordings."""
    root = tmp_path_factory.mktemp("sealed")
    station = build_station(root)
    station.ingest(write_card(root / "card", FILES))
    return station


@pytest.fixture
def station(tmp_path: Path, sealed: Station) -> Iterator[Station]:
    """A copy of it on a file system that knows the flag, for a process that may set it; let go of at the end."""
    probe = tmp_path / "probe"
    probe.write_bytes(b"")
    descriptor = os.open(probe, os.O_RDONLY)
    try:
        may_set = set_immutable(descriptor, probe, to=True)
        set_immutable(descriptor, probe, to=False)
    except StoreError:
        may_set = None
    finally:
        os.close(descriptor)
    if may_set is None:
        pytest.skip("no right to set the immutable flag by what this kernel has and allows (root, ext4)")
    copy = build_station(tmp_path / "station")
    shutil.copytree(sealed.root / "var", copy.root / "var")
    yield copy
    let_all_go(copy.vault.root)


def let_all_go(root: Path) -> None:
    for path in root.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            set_immutable(descriptor, path, to=False)
            os.close(descriptor)


def flagged(vault: Vault) -> set[str]:
    names = set()
    for path in vault.root.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            if is_immutable(descriptor):
                names.add(path.relative_to(vault.root).as_posix())
            os.close(descriptor)
    return names


def run(station: Station) -> tuple[int, int, int]:
    """Files that got the flag, originals that were let go, files that wait."""
    done = protect(station.vault, station.root / "var" / "protect.json")
    assert done.faults == ()
    return done.flagged, done.let_go, done.waiting


def originals(station: Station) -> list[str]:
    names = (path.relative_to(station.vault.root).as_posix() for path in station.vault.root.rglob("originals/**/*.bin"))
    return sorted(names)


def enter(station: Station, *acts: Act) -> None:
    ledger = Ledger(station.vault.ledger_folder, SystemClock())
    ledger.append(ledger.chain(acts))


def condemned(station: Station, original: str) -> Act:
    """The act by which the first recording of these bytes is condemned."""
    sidecar = f"{original}.birth.json"
    entries = read_entries(station.vault.ledger_folder)
    (seal,) = [one for one in entries if one.act == "recording.sealed" and one.data["sidecar"] == sidecar]
    data = {"sha256": seal.data["sha256"], "path": original, "number": "D2026-0001"}
    return Act(act="recording.condemned", subject=seal.subject, data=data)


def test_what_was_sealed_cannot_be_removed_or_written_even_by_root(station: Station) -> None:
    assert run(station) == (6, 0, 0)
    victim = station.vault.path(originals(station)[0])
    for harm in (victim.unlink, lambda: victim.open("r+b"), lambda: victim.rename(victim.with_name("x"))):
        with pytest.raises(PermissionError) as caught:
            harm()
        assert caught.value.errno == errno.EPERM
    assert {Path(name).suffix for name in flagged(station.vault)} == {".bin", ".json"}


def test_what_grows_is_left_free(station: Station) -> None:
    run(station)
    assert not [name for name in flagged(station.vault) if not name.startswith("originals/") or "SHA256SUMS" in name]


def test_a_second_run_has_nothing_to_do(station: Station) -> None:
    run(station)
    assert run(station) == (0, 0, 0)


def test_a_condemned_original_is_let_go_and_nothing_else(station: Station) -> None:
    run(station)
    one, other = originals(station)
    enter(station, condemned(station, one))
    assert run(station) == (0, 1, 0)
    assert one not in flagged(station.vault)
    assert {other, f"{one}.birth.json", f"{other}.birth.json"} <= flagged(station.vault)
    remove(station.vault.path(one))


def test_an_original_that_another_recording_shares_is_not_let_go(station: Station) -> None:
    # The same bytes from another recorder: a recording of its own, and no second copy.
    first = next(one for one in read_entries(station.vault.ledger_folder) if one.act == "recording.sealed")
    path = first.data["sidecar"].removesuffix(".birth.json")
    doomed = condemned(station, path)
    enter(station, Act(act="recording.sealed", subject="another", data=first.data), doomed)
    assert run(station) == (6, 0, 0)
    assert path in flagged(station.vault)


def test_a_spared_original_is_held_again(station: Station) -> None:
    run(station)
    one = originals(station)[0]
    act = condemned(station, one)
    enter(station, act)
    run(station)
    enter(station, Act(act="disposal.spared", data={"recordings": [{"recording_id": act.subject, "why": "hold"}]}))
    assert run(station) == (1, 0, 0)
    assert one in flagged(station.vault)


@pytest.mark.parametrize("path", ["ledger/000001.jsonl", "originals/../vault.json", "/etc/hostname", "vault.json"])
def test_nothing_outside_of_the_originals_is_ever_touched(station: Station, path: str) -> None:
    run(station)
    before = flagged(station.vault)
    sidecar = station.vault.path(f"{originals(station)[0]}.birth.json")
    assert sidecar.is_file()
    act = condemned(station, originals(station)[0])
    enter(station, act.model_copy(update={"data": act.data | {"path": path}}))
    protect(station.vault, station.root / "var" / "protect.json")
    assert flagged(station.vault) == before


def test_a_broken_ledger_lets_nothing_go(station: Station) -> None:
    run(station)
    before = flagged(station.vault)
    enter(station, condemned(station, originals(station)[0]))
    (segment,) = station.vault.ledger_folder.iterdir()
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join([lines[0].replace(b"station", b"Station", 1), *lines[1:]]))
    with pytest.raises(IntegrityError):
        protect(station.vault, station.root / "var" / "protect.json")
    assert flagged(station.vault) == before


def test_a_file_that_has_its_staged_name_still_waits(station: Station) -> None:
    one = originals(station)[0]
    staged = station.vault.staging_folder / "staged"
    os.link(station.vault.path(one), staged)
    assert run(station)[2] == 1
    assert one not in flagged(station.vault)
    staged.unlink()
    assert run(station) == (1, 0, 0)
    assert one in flagged(station.vault)


def test_the_helper_does_its_work_and_verify_tells_of_it(station: Station) -> None:
    assert main(["--config", str(station.config_file)]) == 0
    told = station.cli("verify", "--json")
    assert '"immutable": 2' in told.stdout, told


def test_a_file_system_without_the_flag_is_left_alone(tmp_path: Path, sealed: Station) -> None:
    with small_disk(tmp_path / "disk", 8 * 1024 * 1024) as disk:
        copy = Station(disk)
        shutil.copytree(sealed.root / "config", disk / "config")
        shutil.copytree(sealed.root / "var", disk / "var")
        done = protect(copy.vault, disk / "protect.json")
        if done.is_supported:
            let_all_go(disk)
            pytest.skip("this kernel has the immutable flag for file systems in memory, too")
        assert (done.flagged, (disk / "protect.json").exists()) == (0, False)
        assert main(["--config", str(copy.config_file)]) == 1


def test_the_helper_loads_nothing_that_reads_footage_or_keeps_a_database() -> None:
    program = "import sys; import ingestd.cli.protect_helper; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
    heavy = {"av", "sqlalchemy", "sqlite3", "boto3", "cryptography", "typer", "rich", "reportlab"}
    assert heavy.isdisjoint(done.stdout.split())
