"""Each step of taking a card in, under each fault: nothing false is said, nothing is lost, docking again mends all."""

import errno
import os
import random
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.faults import fault_library, faulty_environment, ingest_under, sealed_recordings, untruths
from tests.support.killed_at import Killer
from tests.support.order import OrderJudge, order_faults
from tests.support.station import Station, build_station, card_state, faults_of, write_card

IS_WHOLE_SWEEP = bool(os.environ.get("INGESTD_SWEEP"))

LONG = "DCIM/0000007_00001220261121083000_0001.mp4"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fault_library(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the processes of one test asked of the disk."""
    return tmp_path_factory.mktemp("trace") / "trace"


@pytest.fixture(scope="module")
def killer(tmp_path_factory: pytest.TempPathFactory, library: Path, trace: Path) -> Iterator[Killer]:
    """Runs the program without a fault, and traced."""
    with pytest.MonkeyPatch.context() as patch:
        for name, words in faulty_environment(library, trace=trace, under=trace.parents[1]).items():
            patch.setenv(name, words)
        with Killer(tmp_path_factory.mktemp("killer")) as killer:
            patch.undo()
            yield killer


@pytest.fixture(scope="module")
def files() -> dict[str | bytes, bytes]:
    """In batches of two: a file long enough for a journal with a short one, then a short one by itself."""
    return {LONG: random.Random(1).randbytes(5 << 20), "a.log": b"first log", "b.log": b"second log"}


@pytest.fixture
def card(tmp_path: Path, files: dict[str | bytes, bytes]) -> Path:
    return write_card(tmp_path / "card", files)


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return build_station(tmp_path / "station", copy__batch_files=2, copy__retries=0)


# --- the judges are proved first --------------------------------------------------------------------------------------


def _first(station: Station, pattern: str) -> Path:
    return sorted(station.vault.root.glob(pattern))[0]


def _rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.chmod(0o640)
    path.write_bytes(change(path.read_bytes()))
    path.chmod(0o440)


def _execute(station: Station, statement: str) -> None:
    with closing(sqlite3.connect(station.catalogue_file)) as connection, connection:
        connection.execute(statement)


LEDGER, SIDECAR, MANIFEST = "ledger/*.jsonl", "originals/**/*.birth.json", "originals/**/SHA256SUMS"
SPOILED: dict[str, tuple[Callable[[Station], Any], str]] = {
    "an original is gone": (lambda one: _first(one, "originals/**/*.mp4").unlink(), "I3: sealed without its original"),
    "an original was changed": (
        lambda one: _rewrite(_first(one, "originals/**/*.mp4"), lambda raw: b"x" + raw), "I3: sealed without its orig"),
    "a sidecar was changed": (
        lambda one: _rewrite(_first(one, SIDECAR), lambda raw: raw + b" "), "I3: sealed without its sidecar"),
    "a line of the manifest is gone": (
        lambda one: _rewrite(_first(one, MANIFEST), lambda raw: raw.rsplit(b"\n", 3)[0] + b"\n"), "not in SHA256SUMS"),
    "a listing is gone": (lambda one: _first(one, "originals/**/listing.json").unlink(), "I4: the ledger names a list"),
    "a record was changed": (
        lambda one: _rewrite(_first(one, "originals/**/record.json"), lambda raw: raw + b" "), "I4: the ledger names"),
    "an entry is gone": (
        lambda one: _rewrite(_first(one, LEDGER), lambda raw: raw.split(b"\n", 1)[1]), "I5: the chain"),
    "an entry was changed": (
        lambda one: _rewrite(_first(one, LEDGER), lambda raw: raw.replace(b"copied", b"copiee")), "I5: the chain"),
    "an entry is none": (lambda one: _rewrite(_first(one, LEDGER), lambda raw: b"{\n" + raw), "I5: "),
    "the last entry is torn": (lambda one: _rewrite(_first(one, LEDGER), lambda raw: raw[:-1]), "I6: the catalogue"),
    "a fate without a seal": (
        lambda one: _execute(one, "UPDATE sightings SET recording_id = 'x' WHERE fate = 'copied'"), "I7: counts as"),
    "a torn sidecar stands": (
        lambda one: _first(one, SIDECAR).with_name("x.mp4.birth.json").write_bytes(b"{"), "I2: a torn sidecar"),
    "a sidecar can be written": (lambda one: _first(one, SIDECAR).chmod(0o640), "I2: a standing sidecar can"),
    "an original that nothing vouches for": (
        lambda one: _first(one, SIDECAR).with_name("x.0123456789ab.mp4").write_bytes(b"x"), "no sidecar vouches"),
}  # fmt: skip


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, files: dict[str | bytes, bytes]) -> Station:
    """A station that nobody spoiled; take a copy."""
    folder = tmp_path_factory.mktemp("sound")
    station = build_station(folder / "station")
    station.ingest(write_card(folder / "card", files))
    return station


def test_of_a_sound_station_no_untruth_is_told(sound: Station) -> None:
    assert untruths(sound) == []


@pytest.mark.parametrize("what", SPOILED)
def test_an_untruth_is_found(sound: Station, tmp_path: Path, what: str) -> None:
    station = Station(Path(shutil.copytree(sound.root, tmp_path / "copy")))
    spoil, words = SPOILED[what]
    spoil(station)
    assert any(words in fault for fault in untruths(station)), untruths(station)


NAMED = ("create .staging/x", "write .staging/x 9", "fsync .staging/x", "link originals/f/x .staging/x")
STOOD = (*NAMED, "fsync originals/f/")
LISTED = ("create originals/f/SHA256SUMS", "fsync originals/f/", "write originals/f/SHA256SUMS 9")
ENTERED = ("create ledger/1", "write ledger/1 9")
FAILED = "fsync ledger/1 !"
ORDERS: dict[str, tuple[tuple[str, ...], str]] = {
    "all in order": ((*STOOD, *LISTED, "fsync originals/f/SHA256SUMS", *ENTERED, "fsync ledger/1", "fsync ledger/",
                      "fsync catalogue.sqlite3-wal"), ""),
    "named, then synced": ((*NAMED[:2], NAMED[3], NAMED[2]), "named before its bytes were safe"),
    "its sync failed and was tried again": ((*NAMED[:2], "fsync .staging/x !", *NAMED[2:]), "named before its bytes"),
    "all were synced": ((*NAMED[:2], "syncfs .staging/", NAMED[3]), ""),
    "a sync of all failed": ((*NAMED[:2], "syncfs .staging/ !", "syncfs .staging/", NAMED[3]), "named before"),
    "written anew": ((*NAMED[:2], "fsync .staging/x !", *NAMED), ""),
    "its folder was not synced": ((*NAMED, *ENTERED), "entered before its name was safe"),
    "a folder's name was not synced": (("mkdir originals/f", *ENTERED), "entered before its name was safe"),
    "not synced in SHA256SUMS": ((*LISTED, *ENTERED), "entered before its bytes were safe"),
    "found standing behind a failed sync": (
        (*LISTED, "fsync originals/f/SHA256SUMS !", "truncate originals/f/SHA256SUMS 9",
         "write originals/f/SHA256SUMS 12", "fsync originals/f/SHA256SUMS", *ENTERED), "entered before its bytes"),
    "shown first": ((*ENTERED, "fsync ledger/", "fsync catalogue.sqlite3"), "shown before its bytes were safe"),
    "its segment has no name": ((*ENTERED, "fsync ledger/1", "fsync catalogue.sqlite3"), "shown before its name"),
    "cut back": ((*ENTERED, FAILED, "truncate ledger/1 0", "fsync catalogue.sqlite3"), ""),
}  # fmt: skip


@pytest.mark.parametrize("what", ORDERS)
def test_what_a_loss_of_power_could_take_back_is_found(what: str) -> None:
    calls, words = ORDERS[what]
    inodes: dict[str, str] = {}
    judge = OrderJudge(Path("/vault"))
    for kind, path, *rest in map(str.split, calls):
        size = next((word for word in rest if word.isdigit()), "0")
        inode = inodes.setdefault(path, inodes[rest[0]] if kind == "link" else str(len(inodes)))
        judge.follow(["\t".join((kind, "5" if "!" in rest else "0", inode, size, f"/vault/{path}"))])
    assert [fault for fault in judge.faults if words not in fault] == []
    assert bool(judge.faults) == bool(words)


def test_a_fault_that_never_happens_is_seen(station: Station, card: Path, library: Path) -> None:
    run = ingest_under(station, card, library, call="mkdir", path="no such folder")
    assert (run.status, run.struck) == (0, ())


# --- steps and faults -------------------------------------------------------------------------------------------------


class Step(NamedTuple):
    """A step by the call that makes it.

    Attributes:
        call, path, after, nth: as FAULT_CALL, FAULT_PATH, FAULT_AFTER and FAULT_NTH of faults.c.
        waits: the errors with which the step is tried again until there is room, and the docking ends complete by
            itself. SQLite keeps to itself which error it met, but for ENOSPC at a write.
        full_times: how often there is no room.
        is_harmless: nothing that is promised depends on it: the docking ends complete, whatever happens to it.
    """

    call: str
    path: str
    after: str = ""
    nth: int = 1
    waits: tuple[int, ...] = ()
    full_times: int = 2
    is_harmless: bool = False


FULL_ERRORS = (errno.ENOSPC, errno.EDQUOT)
_BEHIND_LISTING = "link /listing.json"
_BEHIND_SEALING = "link originals/*.birth.json"
_BEHIND_RECORD = "link /record.json"

STEPS = {
    "opening: listing staged": Step("create", ".opening.json", waits=FULL_ERRORS),
    "opening: listing written": Step("write", ".opening.json", waits=FULL_ERRORS),
    "opening: listing synced": Step("fsync", ".opening.json", waits=FULL_ERRORS),
    "opening: staging synced": Step("fsync", ".staging/", "write .opening.json", waits=FULL_ERRORS),
    "opening: folder made": Step("mkdir", "originals/*/*/*", waits=FULL_ERRORS),
    "opening: folder's name synced": Step("fsync", "originals/*/", "mkdir originals/*/*/*", waits=FULL_ERRORS),
    "opening: listing.json written": Step("write", ".listing.json.new", waits=FULL_ERRORS),
    "opening: listing.json synced": Step("fsync", ".listing.json.new", waits=FULL_ERRORS),
    "opening: listing.json linked": Step("link", "/listing.json", waits=FULL_ERRORS),
    "opening: folder synced": Step("fsync", "originals/*/", _BEHIND_LISTING, waits=FULL_ERRORS),
    "opening: SHA256SUMS made": Step("create", "SHA256SUMS", waits=FULL_ERRORS),
    "opening: SHA256SUMS written": Step("write", "SHA256SUMS", waits=FULL_ERRORS),
    "opening: SHA256SUMS synced": Step("fsync", "SHA256SUMS", waits=FULL_ERRORS),
    "opening: SHA256SUMS' name synced": Step("fsync", "originals/*/", "write SHA256SUMS", waits=FULL_ERRORS),
    "opening: ledger made": Step("create", ".jsonl", waits=FULL_ERRORS),
    "opening: ledger written": Step("write", ".jsonl", waits=FULL_ERRORS),
    "opening: ledger synced": Step("fsync", ".jsonl", waits=FULL_ERRORS, full_times=1),
    "opening: ledger's name synced": Step("fsync", "ledger/", "write .jsonl", waits=FULL_ERRORS),
    "opening: catalogue written": Step("write", "catalogue.sqlite3*", "fsync .jsonl", waits=(errno.ENOSPC,)),
    "opening: catalogue synced": Step("fsync", "catalogue.sqlite3*", "fsync .jsonl"),
    "opening: staged listing removed": Step("unlink", ".opening.json", waits=FULL_ERRORS),
    "copying: staged": Step("create", ".part", waits=FULL_ERRORS),
    "copying: room reserved": Step("reserve", ".part", waits=FULL_ERRORS),
    "copying: long file written": Step("write", ".part", nth=3, waits=FULL_ERRORS),
    "copying: write-back begun": Step("writeback", ".part", nth=2, waits=FULL_ERRORS),
    "copying: short file written": Step("write", ".part", nth=6, waits=FULL_ERRORS),
    "copying: journal made": Step("create", ".resume", is_harmless=True),
    "copying: journal written": Step("write", ".resume", is_harmless=True),
    "proving: batch synced": Step("syncfs", ".staging/", waits=FULL_ERRORS),
    "proving: file synced": Step("fsync", ".part", waits=FULL_ERRORS),
    "proving: name synced": Step("fsync", ".staging/", "fsync .part", waits=FULL_ERRORS),
    "proving: opened": Step("open", ".part"),
    "proving: read back": Step("read", ".part"),
    "sealing: sidecar staged": Step("create", ".staging/*.birth.json", waits=FULL_ERRORS),
    "sealing: sidecar written": Step("write", ".staging/*.birth.json", waits=FULL_ERRORS),
    "sealing: sidecar protected": Step("chmod", ".staging/*.birth.json", waits=FULL_ERRORS),
    "sealing: sidecars synced": Step("syncfs", ".staging/", "write .birth.json", waits=FULL_ERRORS),
    "sealing: sidecar synced": Step("fsync", ".staging/*.birth.json", waits=FULL_ERRORS),
    "sealing: original protected": Step("chmod", ".part", waits=FULL_ERRORS),
    "sealing: original moved": Step("rename", "originals/*.mp4", waits=FULL_ERRORS),
    "sealing: sidecar linked": Step("link", "originals/*.birth.json", waits=FULL_ERRORS),
    "sealing: folder synced": Step("fsync", "originals/*/", _BEHIND_SEALING, waits=FULL_ERRORS),
    "sealing: SHA256SUMS opened": Step("create", "SHA256SUMS", _BEHIND_SEALING, waits=FULL_ERRORS),
    "sealing: SHA256SUMS cut to whole lines": Step("truncate", "SHA256SUMS", _BEHIND_SEALING, waits=FULL_ERRORS),
    "sealing: SHA256SUMS written": Step("write", "SHA256SUMS", _BEHIND_SEALING, waits=FULL_ERRORS),
    "sealing: SHA256SUMS synced": Step("fsync", "SHA256SUMS", _BEHIND_SEALING, waits=FULL_ERRORS),
    "sealing: ledger written": Step("write", ".jsonl", _BEHIND_SEALING, waits=FULL_ERRORS),
    # A second time would strike the cutting back: then the ledger takes no more acts in this run.
    "sealing: ledger synced": Step("fsync", ".jsonl", _BEHIND_SEALING, waits=FULL_ERRORS, full_times=1),
    "sealing: catalogue written": Step("write", "catalogue.sqlite3*", _BEHIND_SEALING, waits=(errno.ENOSPC,)),
    "sealing: catalogue synced": Step("fsync", "catalogue.sqlite3*", _BEHIND_SEALING),
    "sealing: staged name removed": Step("unlink", ".birth.json", waits=FULL_ERRORS),
    "sealing: journal removed": Step("unlink", ".resume"),
    "closing: record.json made": Step("create", ".record.json.new", waits=FULL_ERRORS),
    "closing: record.json written": Step("write", ".record.json.new", waits=FULL_ERRORS),
    "closing: record.json synced": Step("fsync", ".record.json.new", waits=FULL_ERRORS),
    "closing: record.json linked": Step("link", "/record.json", waits=FULL_ERRORS),
    "closing: folder synced": Step("fsync", "originals/*/", _BEHIND_RECORD, waits=FULL_ERRORS),
    "closing: SHA256SUMS written": Step("write", "SHA256SUMS", _BEHIND_RECORD, waits=FULL_ERRORS),
    "closing: SHA256SUMS synced": Step("fsync", "SHA256SUMS", _BEHIND_RECORD, waits=FULL_ERRORS),
    "closing: ledger written": Step("write", ".jsonl", _BEHIND_RECORD, waits=FULL_ERRORS),
    "closing: ledger synced": Step("fsync", ".jsonl", _BEHIND_RECORD, waits=FULL_ERRORS, full_times=1),
    "closing: catalogue written": Step("write", "catalogue.sqlite3*", _BEHIND_RECORD, waits=(errno.ENOSPC,)),
    "closing: catalogue synced": Step("fsync", "catalogue.sqlite3*", _BEHIND_RECORD),
    "describing: ledger written": Step("write", ".jsonl", _BEHIND_RECORD, nth=2),
    "describing: ledger synced": Step("fsync", ".jsonl", _BEHIND_RECORD, nth=2),
}


class Fault(NamedTuple):
    """What happens at a step: FAULT_ACTION and FAULT_ERRNO of faults.c."""

    action: str
    error: int = 0


FAULTS = {
    "EIO": Fault("fail", errno.EIO),
    "kill": Fault("kill"),
    "EROFS": Fault("fail", errno.EROFS),
    "ENOSPC": Fault("fail", errno.ENOSPC),
    "EDQUOT": Fault("fail", errno.EDQUOT),
    "half, then ENOSPC": Fault("short", errno.ENOSPC),
    "torn, then kill": Fault("torn"),
}
_NOT_OF_A_READING = ("EROFS", "ENOSPC", "EDQUOT")
_OF_A_WRITING = ("half, then ENOSPC", "torn, then kill")


def cells() -> Iterator[tuple[str, str]]:
    """Every step with every fault; without INGESTD_SWEEP every second step with one fault, another one at each."""
    for number, (name, step) in enumerate(STEPS.items()):
        if number % 2 and not IS_WHOLE_SWEEP:
            continue
        left_out: tuple[str, ...] = () if step.call == "write" else _OF_A_WRITING
        left_out += _NOT_OF_A_READING if step.call in ("read", "open") else ()
        faults = [fault for fault in FAULTS if fault not in left_out]
        for fault in faults if IS_WHOLE_SWEEP else [faults[number % len(faults)]]:
            yield name, fault


def redocked(station: Station, card: Path, killer: Killer) -> list[str]:
    """What is wrong after the same card was docked again, without any fault."""
    acknowledged = sealed_recordings(station)
    run = killer.run(station, "ingest", card)
    faults = [] if run.status == 0 else [f"docked again: exit status {run.status}: {run.output}"]
    lost = acknowledged - sealed_recordings(station)
    return [*faults, *(f"sealed before, and gone: {one}" for one in lost), *untruths(station),
            *faults_of(station, card)]  # fmt: skip


@pytest.mark.parametrize(("step", "fault"), list(cells()))
def test_no_fault_at_any_step_loses_a_byte_or_says_what_is_not_so(
    station: Station, card: Path, library: Path, trace: Path, killer: Killer, step: str, fault: str
) -> None:
    what, how = STEPS[step], FAULTS[fault]
    options = {"call": what.call, "path": what.path, "nth": what.nth, "action": how.action, "errno": how.error}
    if what.after:
        options["after"] = what.after
    if how.error in FULL_ERRORS:
        options["times"] = what.full_times
    trace.write_text("")
    before = card_state(card)
    run = ingest_under(station, card, library, trace=trace, under=station.root, **options)
    assert run.struck, "the fault never happened"
    assert untruths(station) == []
    assert card_state(card) == before
    assert "Traceback" not in run.errors, run.errors
    if how.action in ("kill", "torn"):
        assert run.status == -signal.SIGKILL
    elif what.is_harmless or how.error in what.waits:
        assert (run.status, run.document and run.document["outcome"]) == (0, "complete"), run.errors
        assert faults_of(station, card) == []
    else:
        assert run.status == 1
        assert run.errors.startswith("error: ")
    assert redocked(station, card, killer) == []
    assert order_faults(station.vault.root, trace) == []
