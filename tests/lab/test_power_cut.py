"""The power goes at any instant of a docking: nothing that counted as sealed is lost, and docking again ends complete.

How a loss of power is made: docs/design/durability.md, "Power cuts". A long test outside CI: `make lab`.
`INGESTD_LAB_SEED` chooses the instants (printed; each time another), `INGESTD_LAB_INSTANTS` how many, or `all`.
"""

import os
import pickle
import random
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.lab.block_log import BTRFS, EXT4, KEEPS, XFS, FileSystem, Kind, last_flush, logged, read_log, write_onto
from tests.lab.examine import Seen, examine, fast_folder, told
from tests.lab.power_cut import SYNCS, PowerCut, Recorded, record_docking, record_mending
from tests.support.station import write_card

pytestmark = [
    pytest.mark.skipif(os.environ.get("INGESTD_LAB") != "1", reason="a long test outside CI: make lab"),
    pytest.mark.skipif(EXT4.why_not() != "", reason=EXT4.why_not()),
    pytest.mark.timeout(3600),
]

OPTIONS: dict[str, Any] = {"copy__batch_files": 3, "copy__keep_free_bytes": 0}
"""Small batches, so that there are many moments at which something is sealed."""


@pytest.fixture(scope="module")
def seed() -> int:
    given = os.environ.get("INGESTD_LAB_SEED")
    return int(given) if given else int.from_bytes(os.urandom(4))


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve small files and two that are long enough to be gone on with after an interruption."""
    some = random.Random(1)
    sizes = (1, 700, 4096, 5000, 70_000, 70_001, 150_000, 300_000, 600_000, 1_048_576)
    files: dict[str | bytes, bytes] = {
        f"DCIM/{number:02}.bin": some.randbytes(size) for number, size in enumerate(sizes)
    }
    files |= {"empty.txt": b"", "执法.log".encode("gbk"): b"log"}
    files |= {"DCIM/05 long.mp4": some.randbytes(9 << 20), "DCIM/99 long.mp4": some.randbytes(6_500_000)}
    return write_card(tmp_path_factory.mktemp("cards") / "card", files)


@pytest.fixture
def folder() -> Iterator[Path]:
    with fast_folder() as folder:
        yield folder


def cuts_of(recorded: Recorded, seed: int, count: int | None) -> list[PowerCut]:
    """Every way to keep at random instants of the station's life (all instants: null), in ascending order."""
    every = range(recorded.first, recorded.last + 1)
    instants = every if count is None else sorted(random.Random(seed).sample(every, min(count, len(every))))
    return [PowerCut(instant, keep, seed) for instant in instants for keep in KEEPS]


def guilty(seen: Sequence[Seen]) -> list[str]:
    return [str(one) for one in seen if one.faults]


# --- the simulated disk is proved first -------------------------------------------------------------------------------


@pytest.mark.parametrize("keep", KEEPS)
def test_after_a_loss_of_power_synced_bytes_stand_and_unsynced_ones_do_not(folder: Path, keep: str) -> None:
    base, image, log = folder / "base", folder / "image", folder / "log"
    EXT4.format(base)
    shutil.copy(base, image)
    with logged(EXT4, image, log, folder / "at work") as disk:
        for name in ("synced", "not synced"):
            (disk.folder / name).write_bytes(name.encode() * 10_000)
        descriptor = os.open(disk.folder / "synced", os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
        disk.say("here")
    records = read_log(log)
    instant = next(number for number, record in enumerate(records) if record.kind is Kind.WORDS) + 1
    write_onto(base, records[: last_flush(records, instant)], keep="all")
    write_onto(base, records[last_flush(records, instant) : instant], keep=keep)
    with EXT4.mounted(base, folder / "after") as after:
        assert (after / "synced").read_bytes() == b"synced" * 10_000
        lost = after / "not synced"
        assert not lost.exists() or lost.read_bytes() == b""


def test_what_was_written_but_not_flushed_is_kept_as_asked(folder: Path) -> None:
    log, image = folder / "log", folder / "image"
    EXT4.format(image)
    with logged(EXT4, image, log, folder / "at work") as disk:
        (disk.folder / "a").write_bytes(os.urandom(1 << 20))
        subprocess.run(["sync", "--file-system", disk.folder], check=True)
    writes = [record for record in read_log(log) if record.kind is Kind.WRITE]
    kept = {keep: write_onto(image, writes, keep=keep, seed="1") for keep in KEEPS}
    blocks = sum(kept["all"])
    assert kept["nothing"] == (0, blocks)
    assert kept["all"] == (blocks, 0)
    assert blocks / 4 < kept["half"].kept < blocks * 3 / 4


# --- then the judge ---------------------------------------------------------------------------------------------------

LIES: dict[str, tuple[FileSystem, tuple[str, ...], str]] = {
    "no sync at all": (EXT4, SYNCS, "lost from the ledger"),
    "no sync of single files": (EXT4, ("fsync",), "lost from the ledger"),
    "no sync of batches": (EXT4, ("syncfs",), "recording.sealed: sidecar gone or damaged"),
    "no sync of directories": (BTRFS, ("directory",), "recording.sealed: sidecar gone or damaged"),
}
"""Syncs that do nothing, where, and what the judge must say. ext4 and XFS write all names whenever they write one."""


@pytest.mark.parametrize("what", LIES)
def test_a_station_whose_syncs_do_nothing_is_found_out(card: Path, folder: Path, seed: int, what: str) -> None:
    system, lies, words = LIES[what]
    _skip_without(system)
    recorded = record_docking(card, folder, system, lies=lies, **OPTIONS)
    seen = examine(recorded, card, cuts_of(recorded, seed, 30), folder, is_docked_again=False)
    assert any(words in one for one in guilty(seen)), told(seen)


def _skip_without(system: FileSystem) -> None:
    if reason := system.why_not():
        pytest.skip(reason)


# --- then the station -------------------------------------------------------------------------------------------------


INSTANTS = {EXT4: 100, XFS: 40, BTRFS: 40}


@pytest.mark.parametrize("system", INSTANTS, ids=lambda system: system.name)
def test_power_lost_at_any_instant_loses_nothing_that_was_sealed(
    card: Path,
    folder: Path,
    tmp_path: Path,
    seed: int,
    capsys: pytest.CaptureFixture[str],
    system: FileSystem,
) -> None:
    _skip_without(system)
    wanted = os.environ.get("INGESTD_LAB_INSTANTS", str(INSTANTS[system]))
    recorded = record_docking(card, folder, system, **OPTIONS)
    seen = examine(recorded, card, cuts_of(recorded, seed, None if wanted == "all" else int(wanted)), folder)
    with capsys.disabled():
        print(
            f"\n{system.name}: {len(recorded.records)} writes, flushes and words; INGESTD_LAB_SEED={seed}\n{told(seen)}"
        )
    _keep_and_fail(seen, recorded, tmp_path)


@pytest.mark.parametrize("number", range(3))
def test_power_lost_again_while_the_next_start_mends_loses_nothing_either(
    card: Path, folder: Path, tmp_path: Path, seed: int, number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    docking = record_docking(card, folder, **OPTIONS)
    cut = PowerCut(_in_the_middle(docking, seed + number), "half", seed + number)
    mending = record_mending(docking, cut, card, folder)
    seen = examine(mending, card, cuts_of(mending, seed + number, 12), folder)
    with capsys.disabled():
        print(f"\n{cut}; then {len(mending.records)} writes, flushes and words\n{told(seen)}")
    _keep_and_fail(seen, mending, tmp_path)


def _in_the_middle(recorded: Recorded, seed: int) -> int:
    """A random instant between the first seal and the end of the docking."""

    def instant_of(act: bytes) -> int:
        return next(number for number, record in enumerate(recorded.records) if act in record.data[:4096]
                    and record.kind is Kind.WORDS)  # fmt: skip

    return random.Random(seed).randrange(instant_of(b"recording.sealed") + 1, instant_of(b"docking.closed") + 1)


def _keep_and_fail(seen: Sequence[Seen], recorded: Recorded, folder: Path) -> None:
    """Fail where anything was wrong, and keep what it can be shown with again."""
    if faults := guilty(seen):
        # Instants are places in this recording, not in the next one.
        (folder / "recorded").write_bytes(pickle.dumps(recorded))
        shutil.copy(recorded.base, folder / "base")
        pytest.fail(f"{len(faults)} losses of power; recording kept in {folder}:\n" + "\n".join(faults))
