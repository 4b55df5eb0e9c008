"""`ingestd verify` and `catalogue rebuild`: a changed byte is named, and the index comes back from the vault."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ingestd.core.errors import ExitStatus
from tests.support.cards import Card
from tests.support.process import Installation
from tests.support.station import card_state


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory, demo_card: Card) -> Iterator[Path]:
    """The state folder of a station that has taken in the demonstration card."""
    installation = Installation(tmp_path_factory.mktemp("sealed"))
    assert installation.run("ingest", demo_card.root).status == 0
    yield installation.state_dir


@pytest.fixture
def used(tmp_path: Path, sealed: Path) -> Installation:
    """A station of its own with a copy of that state."""
    installation = Installation(tmp_path)
    shutil.copytree(sealed, installation.state_dir, symlinks=True)
    return installation


def faults(installation: Installation) -> list[dict[str, str]]:
    done = installation.run("verify", "--json")
    assert "Traceback" not in done.err
    verdict: dict[str, Any] = done.json()
    assert done.status == (ExitStatus.INTEGRITY if verdict["faults"] else ExitStatus.OK)
    return list(verdict["faults"])


def flip(path: Path, place: int) -> None:
    """Turn one bit of a file over where it lies; size, name and times stay."""
    status = path.stat()
    path.chmod(0o640)
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 1]))
    path.chmod(status.st_mode & 0o777)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def footage(installation: Installation) -> Path:
    """One original."""
    return next(path for path in sorted((installation.vault / "originals").rglob("*.mp4")))


def sidecar(installation: Installation) -> Path:
    """One birth sidecar."""
    return next(path for path in sorted((installation.vault / "originals").rglob("*.birth.json")))


def ledger(installation: Installation) -> Path:
    """The only segment of the ledger."""
    (segment,) = (installation.vault / "ledger").iterdir()
    return segment


def document(name: str) -> Callable[[Installation], Path]:
    """A document of the only docking."""
    return lambda installation: next((installation.vault / "originals").rglob(name))


def test_untouched_station_has_no_fault_and_verifying_changes_nothing(used: Installation) -> None:
    before = card_state(used.vault)
    assert faults(used) == []
    assert card_state(used.vault) == before


@pytest.mark.parametrize(
    ("victim", "what"),
    [
        pytest.param(footage, "original", id="original"),
        pytest.param(sidecar, "sidecar", id="sidecar"),
        pytest.param(document("listing.json"), "listing", id="listing"),
        pytest.param(document("record.json"), "record", id="record"),
    ],
)
@pytest.mark.parametrize("place", [0, 0.5, 1], ids=["first-byte", "middle", "last-byte"])
def test_one_flipped_bit_is_named_with_its_file(
    used: Installation, victim: Callable[[Installation], Path], what: str, place: float
) -> None:
    path = victim(used)
    flip(path, int(place * (path.stat().st_size - 1)))
    found = faults(used)
    assert (what, path.relative_to(used.vault).as_posix()) in [(one["what"], one["path"]) for one in found]


@pytest.mark.parametrize("line", [0, 7, -1], ids=["first", "eighth", "last"])
def test_one_flipped_bit_of_the_ledger_is_named_with_its_line(used: Installation, line: int) -> None:
    segment = ledger(used)
    lines = segment.read_bytes().splitlines(keepends=True)
    number = line % len(lines)
    start = sum(len(one) for one in lines[:number])
    flip(segment, start + lines[number].index(b'"actor":"') + len('"actor":"') + 2)
    (fault,) = [one for one in faults(used) if one["what"] == "ledger"]
    assert f"line {number + 1}" in fault["words"]


@pytest.mark.parametrize("victim", [footage, sidecar, document("listing.json")])
def test_missing_file_is_named(used: Installation, victim: Callable[[Installation], Path]) -> None:
    path = victim(used)
    path.unlink()
    assert path.relative_to(used.vault).as_posix() in [one["path"] for one in faults(used)]


def test_line_taken_out_of_the_ledger_is_found(used: Installation) -> None:
    segment = ledger(used)
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join(lines[:5] + lines[6:]))
    assert [one["what"] for one in faults(used)][0] == "ledger"


def test_end_cut_off_the_ledger_is_found_by_the_catalogue_that_knows_more(used: Installation) -> None:
    segment = ledger(used)
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join(lines[:-3]))
    assert faults(used) != []


def test_a_file_among_the_originals_that_nobody_vouches_for_is_named(used: Installation) -> None:
    stray = footage(used).with_name("slipped-in.mp4")
    stray.write_bytes(b"not from any recorder")
    beside = used.vault / "originals" / "2026" / "notes.txt"
    beside.parent.mkdir(exist_ok=True)
    beside.write_text("a note")
    assert sorted((one["what"], Path(one["path"]).name) for one in faults(used)) == [
        ("stray", "notes.txt"),
        ("stray", "slipped-in.mp4"),
    ]


def test_the_original_of_a_lost_sidecar_is_no_stray(used: Installation) -> None:
    sidecar(used).unlink()
    assert {one["what"] for one in faults(used)} == {"sidecar", "catalogue"}


def test_every_fault_is_named_not_only_the_first(used: Installation) -> None:
    victims = [footage(used), sidecar(used)]
    for path in victims:
        flip(path, path.stat().st_size // 2)
    paths = {one["path"] for one in faults(used)}
    assert {path.relative_to(used.vault).as_posix() for path in victims} <= paths


def test_people_see_the_fault_and_where(used: Installation) -> None:
    path = footage(used)
    flip(path, 1000)
    done = used.run("verify")
    assert done.status == ExitStatus.INTEGRITY
    assert f"\n  original {path.relative_to(used.vault)}: its SHA-256 is " in done.out
    assert "All is as it was sealed" not in done.out


def test_verify_runs_beside_the_daemon(used: Installation) -> None:
    with used.daemon():
        assert faults(used) == []


def test_catalogue_rebuilt_from_the_vault_alone_lists_the_same(used: Installation) -> None:
    before = {command: used.run(command, "--json").out for command in ("list", "findings", "status")}
    for path in used.state_dir.glob("catalogue.sqlite3*"):
        path.unlink()
    assert used.run("catalogue", "rebuild").status == 0
    assert {command: used.run(command, "--json").out for command in before} == before


def test_rebuild_says_how_much_it_replayed(used: Installation) -> None:
    acts = len(ledger(used).read_bytes().splitlines())
    assert json.loads(used.run("catalogue", "rebuild", "--json").out)["acts"] == acts


def test_rebuild_refuses_a_vault_that_contradicts_its_ledger(used: Installation) -> None:
    path = sidecar(used)
    flip(path, path.stat().st_size // 2)
    done = used.run("catalogue", "rebuild")
    assert done.status == ExitStatus.INTEGRITY
    assert path.name in done.err
