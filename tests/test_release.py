"""Release of recorders: nothing is erased without a proof, each file with its receipt, whatever comes in between."""

import contextlib
import datetime as dt
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from ingestd.cli import erase_helper
from ingestd.cli.app import app
from ingestd.core.clock import SystemClock
from ingestd.core.copies import (
    VAULT_PLACE,
    DockedEntry,
    KeepOnRecorder,
    ReleaseRules,
    SafeToErase,
    Stay,
    VerifiedCopy,
    prove,
)
from ingestd.core.custody import Act, Entry
from ingestd.core.erase_acts import (
    Ending,
    EraseList,
    EraseRequest,
    ListedFile,
    Outcome,
    begun_line,
    intended_line,
    receipts_of,
)
from ingestd.core.errors import ExitStatus, NotFoundError, RefusedError, SourceGoneError, StoreError
from ingestd.core.ids import DockingId, RecordingId, Sha256
from ingestd.core.lifecycle import Fate
from ingestd.core.naming import CardPath, card_path
from ingestd.core.replicas import ReplicaCopy
from ingestd.core.stop import Stop
from ingestd.daemon.release_work import ReleaseWork
from ingestd.devices.erase import Recorder, erase_files
from ingestd.devices.erasemount import mounted_for_erasing
from ingestd.devices.standing import set_read_only
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.release import BEGIN_SECONDS, ReleaseDesk
from ingestd.pipeline.run import DockingResult
from ingestd.pipeline.scrub import verify_vault
from ingestd.stores.askedlist import asked_list, read_request
from ingestd.stores.chronicle import rebuild
from ingestd.stores.ledger import read_entries
from tests.support.docks import plug
from tests.support.process import PROJECT
from tests.support.station import Station, build_station, write_card

NOW = dt.datetime(2026, 11, 21, 8, 0, tzinfo=dt.UTC)
RELEASE = "01a1fc05-0000-7000-8000-000000000001"
VOLUME = {"device": "/dev/sdz1", "diskseq": "7", "fs_type": "vfat", "fs_uuid": "AB-12"}
HOSTILE = b"DCIM/a b\n..\x1b[31m.mp4"
FILES: dict[str | bytes, bytes] = {
    "DCIM/one.mp4": b"1" * 3000,
    "DCIM/two.mp4": b"2" * 3000,
    HOSTILE: b"3" * 3000,
    "DCIM/\xd6\xd0.mp4".encode("latin-1"): b"4" * 3000,
}


# --- the proof --------------------------------------------------------------------------------------------------------

RULES = ReleaseRules(is_enabled=True, copies_required=2, verified_within=dt.timedelta(days=35))
STAY = Stay(DockingId("d"), "complete", "", {**VOLUME, "transport": "block"}, ())
BOTH = (VerifiedCopy(VAULT_PLACE, NOW), VerifiedCopy("second", NOW))


def entry(ordinal: int = 0, fate: Fate = Fate.COPIED) -> DockedEntry:
    digest = Sha256(f"{ordinal:064x}")
    path = CardPath(f"DCIM/{ordinal}.mp4", "utf-8", None)
    return DockedEntry(ordinal, path, 10, 5, fate, RecordingId("r"), digest, "originals/x")


def proof_of(
    *entries: DockedEntry, copies: tuple[VerifiedCopy, ...] = BOTH, clock_doubt: str = "", **changes: Any
) -> SafeToErase | KeepOnRecorder:
    stay = replace(STAY, entries=entries, **{key: changes[key] for key in changes if hasattr(STAY, key)})
    rules = replace(RULES, **{key: changes[key] for key in changes if hasattr(RULES, key)})
    known = {one.sha256: copies for one in entries if one.sha256 is not None}
    return prove(stay, known, rules, clock_doubt=clock_doubt, now=NOW)


def test_enough_verified_copies_and_nothing_open_are_a_proof() -> None:
    proof = proof_of(entry(0), entry(1, Fate.ALREADY_HELD), entry(2, Fate.EXCLUDED))
    assert isinstance(proof, SafeToErase)
    assert [file.ordinal for file in proof.files] == [0, 1]


@pytest.mark.parametrize("fate", [Fate.PENDING, Fate.PARTIAL, Fate.UNREADABLE, Fate.QUARANTINED])
def test_one_entry_that_is_not_accounted_for_keeps_everything(fate: Fate) -> None:
    assert isinstance(proof_of(entry(0), entry(1, fate)), KeepOnRecorder)


@pytest.mark.parametrize(
    "changes",
    [
        {"is_enabled": False},
        {"outcome": "incomplete"},
        {"outcome": "interrupted"},
        {"outcome": None},
        {"doubt": "held apart"},
        {"clock_doubt": "not synchronised"},
        {"volume": {"transport": "mtp"}},
        {"volume": {"folder": "/srv/x"}},
        {"volume": {**STAY.volume, "fs_type": "ext4"}},
        {"copies": BOTH[:1]},
        {"copies": (BOTH[0], BOTH[0])},
        {"copies": (BOTH[0], VerifiedCopy("second", NOW - dt.timedelta(days=36)))},
        {"copies": ()},
    ],
)
def test_each_doubt_by_itself_keeps_everything(changes: dict[str, Any]) -> None:
    assert isinstance(proof_of(entry(), **changes), KeepOnRecorder)


def test_a_recording_that_the_vault_does_not_hold_keeps_everything() -> None:
    assert isinstance(proof_of(entry(0), replace(entry(1), vault_path=None)), KeepOnRecorder)


def test_a_card_of_which_nothing_is_held_has_no_proof() -> None:
    assert isinstance(proof_of(), KeepOnRecorder)


def test_a_proof_is_made_by_prove_alone() -> None:
    with pytest.raises(TypeError):
        SafeToErase(DockingId("d"), VOLUME, (), 1, NOW)


@given(
    st.lists(st.tuples(st.sampled_from(Fate), st.integers(0, 3)), max_size=6),
    st.integers(1, 3),
    st.sampled_from(["complete", "incomplete", None]),
)
def test_a_proof_never_names_a_file_with_too_few_copies(
    rows: list[tuple[Fate, int]], required: int, outcome: str | None
) -> None:
    entries = tuple(entry(number, fate) for number, (fate, _) in enumerate(rows))
    copies = {
        Sha256(f"{number:064x}"): [VerifiedCopy(f"store-{one}", NOW) for one in range(count)]
        for number, (_, count) in enumerate(rows)
    }
    rules = replace(RULES, copies_required=required)
    proof = prove(replace(STAY, outcome=outcome, entries=entries), copies, rules, clock_doubt="", now=NOW)
    if isinstance(proof, SafeToErase):
        assert outcome == "complete"
        assert all(fate.is_settled and fate is not Fate.QUARANTINED for fate, _ in rows)
        assert all(len(file.copies) >= required for file in proof.files)
    else:
        assert proof.reasons


# --- at a station -----------------------------------------------------------------------------------------------------


@dataclass
class Bay:
    """A recorder in its bay: a folder in the place of its volume, and the station that took it in."""

    parts: Parts
    card: Path
    docking_id: str
    desk: ReleaseDesk
    state_dir: Path
    is_present: bool = True

    @property
    def asked(self) -> Path:
        return self.state_dir / "erase" / "sdz1.ask"

    def names(self) -> set[bytes]:
        return {os.fsencode(path.relative_to(self.card)) for path in self.card.rglob("*") if not path.is_dir()}

    @contextlib.contextmanager
    def recorder(self, _: EraseList | None = None) -> Iterator[Recorder]:
        root_fd = os.open(self.card, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield Recorder(root_fd, lambda: self.is_present)
        finally:
            os.close(root_fd)

    def help_out(self, open_recorder: Callable[[EraseList], Any] | None = None) -> tuple[Ending, str]:
        """What the helper does with the request that waits."""
        request = read_request(self.asked)
        assert request is not None
        opened = open_recorder or self.recorder
        return erase_helper.carry_out(
            request, self.asked, self.state_dir, open_recorder=opened, clock=SystemClock(), stop=Stop()
        )

    def acts(self, *names: str) -> list[Entry]:
        return [one for one in read_entries(self.parts.vault.ledger_folder) if one.act in names]

    def outcomes(self) -> dict[str, str]:
        """What became of each file, by the ledger."""
        told = self.acts("recording.erased_from_recorder", "recording.kept_on_recorder")
        return {one.data["card_path"]: one.data["outcome"] for one in told}


def second_copy(sha256: Sha256) -> list[ReplicaCopy]:
    return [ReplicaCopy("second", sha256, None, sha256, 1, SystemClock().now(), None, False)]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """A station that took in a card, the card, and the docking; each test has copies of its own."""
    folder = tmp_path_factory.mktemp("filled")
    card = write_card(folder / "card", FILES)
    with build_station(folder / "station", release__enabled=True).at_work() as parts:
        result, _ = plug(card, parts, **VOLUME)
    return folder / "station", card, result.docking_id


@pytest.fixture
def station(filled: tuple[Path, Path, str], tmp_path: Path) -> Station:
    return Station(shutil.copytree(filled[0], tmp_path / "station"))


@pytest.fixture
def bay(station: Station, filled: tuple[Path, Path, str], tmp_path: Path) -> Iterator[Bay]:
    with station.opened() as parts:
        bay: Bay
        desk = ReleaseDesk(lambda: parts, second_copy, lambda: True, lambda _: bay.is_present)
        card = shutil.copytree(filled[1], tmp_path / "card")
        bay = Bay(parts, card, filled[2], desk, parts.settings.state_dir)
        yield bay


def test_everything_that_is_proved_is_erased_with_a_receipt_each(bay: Bay) -> None:
    asked = bay.desk.ask(bay.docking_id, "王主任")
    assert asked["files"] == len(FILES)
    assert bay.help_out() == (Ending.DONE, "")
    assert bay.names() == set()
    ended = bay.desk.take_over()
    assert [one.ending for one in ended] == [Ending.DONE]
    assert set(bay.outcomes().values()) == {Outcome.ERASED}
    assert len(bay.outcomes()) == len(FILES)
    assert bay.acts("release.asked")[0].actor == "王主任"
    assert bay.acts("release.finished")[0].data["files"] == {"erased": len(FILES)}
    assert not bay.asked.exists()
    assert not list((bay.state_dir / "erase" / "receipts").iterdir())


def test_the_helper_finds_its_folders_open_to_the_stations_group(bay: Bay) -> None:
    bay.desk.ask(bay.docking_id, "station")
    folder = bay.state_dir / "erase"
    assert [path.stat().st_mode & 0o777 for path in (folder, folder / "receipts")] == [0o770, 0o770]
    assert bay.asked.stat().st_mode & 0o040


def test_receipts_are_taken_over_once(bay: Bay) -> None:
    bay.desk.ask(bay.docking_id, "station")
    bay.help_out()
    bay.desk.take_over()
    head = bay.parts.chronicle.head
    assert bay.desk.take_over() == []
    assert bay.parts.chronicle.head == head


def test_verify_vouches_for_the_list_of_a_release(bay: Bay) -> None:
    asked = bay.desk.ask(bay.docking_id, "station")
    bay.help_out()
    bay.desk.take_over()
    path = bay.parts.vault.path(f"releases/{asked['release_id']}.json")

    def faults() -> list[str]:
        found = verify_vault(bay.parts.vault, bay.parts.catalogue, stop=Stop(), block_bytes=65536)
        return [fault.path for fault in found.faults]

    assert faults() == []
    path.chmod(0o640)
    path.write_bytes(path.read_bytes() + b" ")
    assert faults() == [f"releases/{asked['release_id']}.json"]


def test_a_release_shows_the_same_after_a_rebuild(bay: Bay, station: Station, tmp_path: Path) -> None:
    bay.desk.ask(bay.docking_id, "station")
    (bay.card / "DCIM/one.mp4").write_bytes(b"x" * 3000)
    bay.help_out()
    bay.desk.take_over()
    before = station.tables()
    rebuild(bay.parts.vault, station.catalogue_file, SystemClock()).engine.dispose()
    after = station.tables()
    assert after["releases"] == before["releases"]
    assert after["release_receipts"] == before["release_receipts"]
    assert len(after["release_receipts"]) == len(FILES)


def test_as_shipped_nothing_is_erased(tmp_path: Path) -> None:
    station = build_station(tmp_path / "shipped")
    with station.at_work() as parts:
        result, _ = plug(write_card(tmp_path / "card", FILES), parts, **VOLUME)
        desk = ReleaseDesk(lambda: parts, second_copy, lambda: True, lambda _: True)
        with pytest.raises(RefusedError, match=r"release\.enabled = false"):
            desk.ask(result.docking_id, "station")
        assert not (parts.settings.state_dir / "erase").exists()


def test_a_station_whose_clock_is_not_synchronised_erases_nothing(bay: Bay) -> None:
    desk = ReleaseDesk(lambda: bay.parts, second_copy, lambda: False, lambda _: True)
    with pytest.raises(RefusedError, match="clock"):
        desk.ask(bay.docking_id, "station")


def test_without_the_second_copy_nothing_is_asked_for(bay: Bay) -> None:
    desk = ReleaseDesk(lambda: bay.parts, lambda _: (), lambda: True, lambda _: True)
    with pytest.raises(RefusedError, match="verified copies"):
        desk.ask(bay.docking_id, "station")


def test_an_original_that_is_missing_from_the_vault_does_not_count_as_a_copy(bay: Bay) -> None:
    row = bay.parts.catalogue.recordings()[0]
    bay.parts.vault.path(row["vault_path"]).unlink()
    with pytest.raises(RefusedError, match="verified copies"):
        bay.desk.ask(bay.docking_id, "station")


def test_a_link_on_the_card_keeps_everything(station: Station, tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", {**FILES, "more.mp4": b"more"})
    (card / "link").symlink_to("DCIM/one.mp4")
    with station.opened() as parts:
        result, _ = plug(card, parts, **VOLUME)
        desk = ReleaseDesk(lambda: parts, second_copy, lambda: True, lambda _: True)
        with pytest.raises(RefusedError, match="not accounted for"):
            desk.ask(result.docking_id, "station")


def test_a_recorder_that_was_taken_out_is_not_asked_for(bay: Bay) -> None:
    bay.is_present = False
    with pytest.raises(RefusedError, match="not in its place"):
        bay.desk.ask(bay.docking_id, "station")


# --- the helper -------------------------------------------------------------------------------------------------------


def test_what_changed_since_stays(bay: Bay) -> None:
    bay.desk.ask(bay.docking_id, "station")
    same_size, grown = bay.card / "DCIM/one.mp4", bay.card / "DCIM/two.mp4"
    before = same_size.stat()
    same_size.write_bytes(b"x" * 3000)
    # The time can be set back; the bytes tell.
    os.utime(same_size, ns=(before.st_atime_ns, before.st_mtime_ns))
    with grown.open("ab") as file:
        file.write(b"more")
    bay.help_out()
    bay.desk.take_over()
    assert same_size.read_bytes() == b"x" * 3000
    assert grown.exists()
    assert bay.outcomes()["DCIM/one.mp4"] == Outcome.DIFFERENT
    assert bay.outcomes()["DCIM/two.mp4"] == Outcome.CHANGED


def test_what_came_after_the_listing_stays(bay: Bay) -> None:
    bay.desk.ask(bay.docking_id, "station")
    (bay.card / "DCIM/new.mp4").write_bytes(b"new")
    bay.help_out()
    assert bay.names() == {b"DCIM/new.mp4"}


def test_no_link_is_followed_and_none_removed(bay: Bay, tmp_path: Path) -> None:
    outside = write_card(tmp_path / "outside", {"one.mp4": FILES["DCIM/one.mp4"], "deep/two.mp4": b"2" * 3000})
    bay.desk.ask(bay.docking_id, "station")
    one = bay.card / "DCIM/one.mp4"
    one.unlink()
    one.symlink_to(outside / "one.mp4")
    bay.help_out()
    bay.desk.take_over()
    assert one.is_symlink()
    assert (outside / "one.mp4").exists()
    assert bay.outcomes()["DCIM/one.mp4"] == Outcome.CHANGED


def test_a_folder_that_became_a_link_leads_nowhere(bay: Bay, tmp_path: Path) -> None:
    bay.desk.ask(bay.docking_id, "station")
    outside = tmp_path / "outside"
    (bay.card / "DCIM").rename(outside)
    (bay.card / "DCIM").symlink_to(outside)
    bay.help_out()
    bay.desk.take_over()
    assert (outside / "one.mp4").exists()
    assert set(bay.outcomes().values()) == {Outcome.CHANGED}


def test_a_file_whose_vault_copy_went_meanwhile_stays(bay: Bay) -> None:
    bay.desk.ask(bay.docking_id, "station")
    row = next(one for one in bay.parts.catalogue.recordings() if one["card_path"] == "DCIM/two.mp4")
    bay.parts.vault.path(row["vault_path"]).unlink()
    bay.help_out()
    bay.desk.take_over()
    assert bay.names() == {b"DCIM/two.mp4"}
    assert bay.outcomes()["DCIM/two.mp4"] == Outcome.NOT_HELD


def test_a_file_that_is_gone_already_is_told_as_missing(bay: Bay) -> None:
    bay.desk.ask(bay.docking_id, "station")
    (bay.card / "DCIM/one.mp4").unlink()
    bay.help_out()
    bay.desk.take_over()
    assert bay.outcomes()["DCIM/one.mp4"] == Outcome.MISSING


def test_a_pull_in_the_middle_leaves_receipts_of_what_was_done(bay: Bay) -> None:
    bay.desk.ask(bay.docking_id, "station")

    @contextlib.contextmanager
    def pulled_after_two(_: EraseList) -> Iterator[Recorder]:
        with bay.recorder() as recorder:
            yield Recorder(recorder.root_fd, lambda: len(bay.names()) > 2)

    assert bay.help_out(pulled_after_two) == (Ending.PULLED, "the recorder was pulled")
    bay.desk.take_over()
    assert len(bay.names()) == 2
    assert list(bay.outcomes().values()) == [Outcome.ERASED, Outcome.ERASED]
    gone = {path.encode() for path in bay.outcomes()}
    assert not gone & bay.names()
    assert bay.acts("release.finished")[0].data["ending"] == Ending.PULLED


def test_a_helper_that_is_asked_to_stop_closes_its_receipts(bay: Bay) -> None:
    bay.desk.ask(bay.docking_id, "station")
    stop = Stop()

    @contextlib.contextmanager
    def stopped_after_two(_: EraseList) -> Iterator[Recorder]:
        def still_there() -> bool:
            if len(bay.names()) == 2:
                stop.request()
            return True

        with bay.recorder() as recorder:
            yield Recorder(recorder.root_fd, still_there)

    request = read_request(bay.asked)
    assert request is not None
    ending, _ = erase_helper.carry_out(
        request, bay.asked, bay.state_dir, open_recorder=stopped_after_two, clock=SystemClock(), stop=stop
    )
    assert ending is Ending.FAILED
    bay.desk.take_over()
    assert len(bay.names()) == 2
    assert list(bay.outcomes().values()) == [Outcome.ERASED, Outcome.ERASED]


def test_a_list_that_was_changed_erases_nothing(bay: Bay) -> None:
    asked = bay.desk.ask(bay.docking_id, "station")
    path = bay.parts.vault.path(f"releases/{asked['release_id']}.json")
    path.chmod(0o640)
    path.write_bytes(path.read_bytes().replace(b"DCIM/one", b"DCIM/two"))
    assert bay.help_out()[0] is Ending.FAILED
    assert len(bay.names()) == len(FILES)


def test_a_request_of_its_own_with_a_digest_of_its_own_erases_nothing(bay: Bay) -> None:
    asked = bay.desk.ask(bay.docking_id, "station")
    path = bay.parts.vault.path(f"releases/{asked['release_id']}.json")
    listing = json.loads(path.read_bytes()) | {"copies_required": 1}
    path.chmod(0o640)
    data = (json.dumps(listing, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n").encode()
    path.write_bytes(data)
    request = EraseRequest(
        release_id=asked["release_id"],
        path=f"releases/{asked['release_id']}.json",
        sha256=hashlib.sha256(data).hexdigest(),
    )
    with pytest.raises(RefusedError, match="the ledger names no such list"):
        asked_list(bay.parts.vault.root, request)


@pytest.mark.parametrize("behind", [1, 2])
def test_a_ledger_that_is_broken_from_the_act_on_erases_nothing(bay: Bay, behind: int) -> None:
    bay.desk.ask(bay.docking_id, "station")
    bay.parts.chronicle.enter(Act(act="ledger.repaired", data={"segment": "000001.jsonl", "cut_bytes": 1}))
    segment = bay.parts.vault.ledger_folder / "000001.jsonl"
    lines = segment.read_bytes().splitlines(keepends=True)
    edited = json.loads(lines[-behind]) | {"actor": "other"}
    lines[-behind] = (json.dumps(edited, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n").encode()
    segment.write_bytes(b"".join(lines))
    ending, words = bay.help_out()
    assert ending is Ending.FAILED
    assert "no chain" in words
    assert len(bay.names()) == len(FILES)


def test_a_request_is_followed_once(bay: Bay) -> None:
    bay.desk.ask(bay.docking_id, "station")
    request = bay.asked.read_bytes()
    bay.help_out()
    write_card(bay.card, FILES)
    bay.asked.write_bytes(request)
    with pytest.raises(StoreError):
        bay.help_out()
    assert len(bay.names()) == len(FILES)
    assert not bay.asked.exists()


def test_a_release_that_is_over_is_not_followed(bay: Bay) -> None:
    bay.desk.ask(bay.docking_id, "station")
    request = bay.asked.read_bytes()
    bay.is_present = False
    bay.desk.take_over()
    bay.asked.write_bytes(request)
    ending, words = bay.help_out()
    assert (ending, "is over" in words) == (Ending.FAILED, True)
    assert len(bay.names()) == len(FILES)


def test_a_request_that_no_helper_takes_is_taken_back(bay: Bay) -> None:
    bay.desk.ask(bay.docking_id, "station")
    assert bay.desk.take_over() == []

    class Later(SystemClock):
        def now(self) -> dt.datetime:
            return super().now() + dt.timedelta(seconds=BEGIN_SECONDS)

    late = replace(bay.parts, clock=Later())
    desk = ReleaseDesk(lambda: late, second_copy, lambda: True, lambda _: True)
    assert [one.ending for one in desk.take_over()] == [Ending.NOT_BEGUN]
    assert not bay.asked.exists()
    assert len(bay.names()) == len(FILES)


def test_a_second_release_waits_for_the_first(bay: Bay) -> None:
    bay.desk.ask(bay.docking_id, "station")
    with pytest.raises(RefusedError, match="already"):
        bay.desk.ask(bay.docking_id, "station")


def test_the_helper_takes_no_request_through_a_link(bay: Bay, tmp_path: Path) -> None:
    bay.desk.ask(bay.docking_id, "station")
    (tmp_path / "elsewhere").write_bytes(bay.asked.read_bytes())
    bay.asked.unlink()
    bay.asked.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError):
        read_request(bay.asked)


def test_nothing_asked_for_is_no_request(tmp_path: Path) -> None:
    assert read_request(tmp_path / "sdz1.ask") is None
    with pytest.raises(NotFoundError):
        asked_list(tmp_path, EraseRequest(release_id=RELEASE, path=f"releases/{RELEASE}.json", sha256="0" * 64))


# --- killed between any two unlinks -----------------------------------------------------------------------------------

_KILLED_HELPER = """
import os, signal, sys
from pathlib import Path
from contextlib import contextmanager
from ingestd.cli import erase_helper
from ingestd.cli.app import app
from ingestd.core.clock import SystemClock
from ingestd.core.stop import Stop
from ingestd.devices.erase import Recorder, erase_files
from ingestd.stores.askedlist import read_request

state_dir, card, event, number = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
count = 0

def count_calls(frame, kind, function):
    global count
    if kind in ("c_call", "c_return") and getattr(function, "__qualname__", "") == event.partition("-")[0]:
        if kind == ("c_call" if event.endswith("before") else "c_return"):
            count += 1
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)

@contextmanager
def recorder(_):
    sys.setprofile(count_calls)
    yield Recorder(os.open(card, os.O_RDONLY), lambda: True)

asked = state_dir / "erase" / "sdz1.ask"
erase_helper.carry_out(
    read_request(asked), asked, state_dir, open_recorder=recorder, clock=SystemClock(), stop=Stop()
)
"""


@pytest.mark.parametrize(("event", "number"), [("unlink-before", 1), ("unlink-behind", 2), ("fsync-behind", 3)])
def test_killed_at_any_point_the_receipts_agree_with_the_card(bay: Bay, event: str, number: int) -> None:
    bay.desk.ask(bay.docking_id, "station")
    listed = bay.names()
    arguments = [str(bay.state_dir), str(bay.card), event, str(number)]
    done = subprocess.run([sys.executable, "-c", _KILLED_HELPER, *arguments], cwd=PROJECT, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    ended = bay.desk.take_over()
    assert [one.ending for one in ended] == [Ending.BROKEN_OFF]
    outcomes = bay.outcomes()
    raw = {card_path(one).text: one for one in listed}
    erased = {raw[path] for path, outcome in outcomes.items() if outcome == Outcome.ERASED}
    unsettled = {raw[path] for path, outcome in outcomes.items() if outcome == Outcome.UNSETTLED}
    gone = listed - bay.names()
    # What is said to be gone is gone; of what is gone, at most the one that was announced last is not said so.
    assert erased <= gone
    assert gone - erased <= unsettled
    assert len(unsettled) <= 1


# --- a volume of its own ----------------------------------------------------------------------------------------------


@pytest.fixture
def node(tmp_path: Path) -> Iterator[str]:
    """A small card on a loop device. ext2, because not every kernel that tests run on has FAT."""
    if os.geteuid() != 0 or shutil.which("mkfs.ext2") is None or shutil.which("losetup") is None:
        pytest.skip("loop devices need root, mkfs.ext2 and losetup")
    write_card(tmp_path / "tree", {"a.mp4": b"a" * 5000, "b.mp4": b"b" * 5000, "c.mp4": b"c" * 5000})
    image = tmp_path / "card.img"
    with image.open("xb") as file:
        file.truncate(2 * 1024 * 1024)
    subprocess.run(["mkfs.ext2", "-q", "-d", str(tmp_path / "tree"), str(image)], check=True)
    made = subprocess.run(["losetup", "--find", "--show", str(image)], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"no loop device can be had here: {made.stderr.strip()}")
    node = made.stdout.strip()
    try:
        yield node
    finally:
        subprocess.run(["blockdev", "--setrw", node], check=False, capture_output=True)
        subprocess.run(["losetup", "--detach", node], check=False, capture_output=True)


class Lines:
    """A journal in memory."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def append(self, line: bytes) -> None:
        self.lines.append(json.loads(line))

    def outcomes(self) -> list[str]:
        return [line["outcome"] for line in self.lines if line["line"] == "settled"]


def listed(*names: str) -> list[ListedFile]:
    return [
        ListedFile(
            ordinal=number,
            card_path=name,
            encoding="utf-8",
            raw_b64=None,
            size_bytes=5000,
            modified_ns=None,
            sha256=hashlib.sha256(name[:1].encode() * 5000).hexdigest(),
            recording_id="r",
            vault_path="originals/x",
        )
        for number, name in enumerate(names)
    ]


def erased(recorder: Recorder, names: list[ListedFile]) -> Lines:
    journal = Lines()
    with contextlib.suppress(SourceGoneError):
        erase_files(recorder, names, RELEASE, journal=journal, is_held=lambda _: True, clock=SystemClock(), stop=Stop())
    return journal


def is_read_only(node: str) -> bool:
    told = subprocess.run(["blockdev", "--getro", node], capture_output=True, text=True, check=True)
    return told.stdout.strip() == "1"


def test_a_volume_is_writable_for_the_erasing_alone_and_what_is_erased_is_gone_from_it(
    node: str, tmp_path: Path
) -> None:
    set_read_only(node)
    point = tmp_path / "point"
    point.mkdir()
    with mounted_for_erasing(node, "ext2", point, lambda: True) as recorder:
        journal = erased(recorder, listed("a.mp4", "b.mp4"))
    assert journal.outcomes() == [Outcome.ERASED, Outcome.ERASED]
    assert is_read_only(node)
    assert str(point) not in Path("/proc/self/mountinfo").read_text("utf-8")
    point.mkdir(exist_ok=True)
    with mounted_for_erasing(node, "ext2", point, lambda: True):
        assert [path.name for path in point.iterdir() if path.is_file()] == ["c.mp4"]


def test_a_card_that_vanishes_in_the_middle_is_a_pull_and_is_let_go_of(node: str, tmp_path: Path) -> None:
    point, image = tmp_path / "point", tmp_path / "card.img"
    point.mkdir()
    journal = Lines()

    def still_there() -> bool:
        if journal.outcomes():
            os.truncate(image, 0)
        return image.stat().st_size > 0

    with mounted_for_erasing(node, "ext2", point, lambda: True) as recorder, pytest.raises(SourceGoneError):
        erase_files(
            Recorder(recorder.root_fd, still_there),
            listed("a.mp4", "b.mp4", "c.mp4"),
            RELEASE,
            journal=journal,
            is_held=lambda _: True,
            clock=SystemClock(),
            stop=Stop(),
        )
    assert journal.outcomes() == [Outcome.ERASED]
    assert str(point) not in Path("/proc/self/mountinfo").read_text("utf-8")


def test_a_volume_that_somebody_else_has_mounted_is_not_written_to(node: str, tmp_path: Path) -> None:
    other, point = tmp_path / "other", tmp_path / "point"
    other.mkdir()
    point.mkdir()
    subprocess.run(["mount", "-o", "ro", node, str(other)], check=True)
    try:
        with pytest.raises(RefusedError, match="is mounted at"), mounted_for_erasing(node, "ext2", point, lambda: True):
            raise AssertionError("unreachable")
    finally:
        subprocess.run(["umount", str(other)], check=True)


# --- commands ---------------------------------------------------------------------------------------------------------


def run(station: Station, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--config", str(station.config_file)])


def test_a_plan_says_in_words_why_everything_stays(station: Station, filled: tuple[Path, Path, str]) -> None:
    done = run(station, "release", "plan", filled[2][-8:], "--json")
    told = json.loads(done.stdout)
    assert done.exit_code == ExitStatus.INCOMPLETE
    assert told["is_safe_to_erase"] is False
    assert any("fewer than 2 verified copies" in reason for reason in told["reasons"])


def test_what_was_released_is_shown_with_every_receipt(bay: Bay, station: Station) -> None:
    bay.desk.ask(bay.docking_id, "王主任")
    bay.help_out()
    bay.desk.take_over()
    told = json.loads(run(station, "release", "show", bay.docking_id, "--json").stdout)
    assert [one["outcome"] for one in told[0]["receipts"]] == ["erased"] * len(FILES)
    assert "王主任" in run(station, "release", "show", bay.docking_id).stdout


def test_a_release_that_cannot_be_proved_is_refused_on_the_command_line(
    station: Station, filled: tuple[Path, Path, str]
) -> None:
    done = run(station, "release", "run", filled[2], "--by", "王主任")
    assert isinstance(done.exception, RefusedError)


def test_the_daemon_wants_to_know_who_asks(bay: Bay) -> None:
    release = ReleaseWork(lambda: bay.parts, lambda *_: None).operations()["release"]
    with pytest.raises(RefusedError):
        next(iter(release({"docking": bay.docking_id, "by": " "})))


def test_a_recorder_is_not_released_by_itself_unless_the_settings_say_so(bay: Bay) -> None:
    work = ReleaseWork(lambda: bay.parts, lambda *_: None)
    work.docked(DockingResult(bay.docking_id, "complete"))
    work.worker.start()
    bay.parts.stop.wait(0.2)
    bay.parts.stop.request()
    assert work.worker.join(10)
    assert bay.acts("release.asked") == []


# --- lines of the helper ----------------------------------------------------------------------------------------------


@given(st.binary(max_size=300))
def test_a_line_of_nobody_is_kept_by_its_digest_and_claims_nothing(data: bytes) -> None:
    receipts = receipts_of(data, RELEASE, {}, frozenset(), is_over=True)
    assert {act.act for act in receipts.acts} <= {"release.line_unreadable"}
    assert receipts.ending is Ending.BROKEN_OFF


def test_a_helper_at_work_is_not_over() -> None:
    data = begun_line(RELEASE, NOW, list_sha256="0" * 64, device="sdz1") + intended_line(RELEASE, NOW, 0)
    receipts = receipts_of(data, RELEASE, {}, frozenset(), is_over=False)
    assert receipts.ending is None
