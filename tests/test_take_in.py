"""Taking a card in: every entry accounted for, every byte proved, nothing followed, nothing written to the card."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingestd.core.errors import StoreFullError
from ingestd.core.lifecycle import BayState
from ingestd.core.model import Inlet, Progress
from ingestd.core.settings import MIB
from ingestd.core.stop import Stop
from tests.support.cards import Card
from tests.support.station import (
    Station,
    build_station,
    card_state,
    dock,
    faults_of,
    fill,
    sha256_of_file,
    small_disk,
    write_card,
)

NOBODY = 65534
A = "DCIM/0000007_00001220261121083000_0001.mp4"
B = "DCIM/0000007_00001220261121083500_0002.mp4"
OF_ANOTHER_RECORDER = "DCIM/0000008_00001320261121083000_0001.mp4"


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return build_station(tmp_path / "station")


def fates(station: Station, docking: str) -> dict[str, str]:
    return {path: row["fate"] for path, row in station.entries(docking).items()}


def codes(station: Station, docking: str) -> list[str]:
    return sorted(row["code"] for row in station.catalogue().findings(docking=docking) if row["scope"] == "file")


def originals(station: Station) -> list[Path]:
    places = {row["vault_path"] for row in station.catalogue().contents()}
    return [
        path
        for path in station.vault.root.rglob("originals/**/*")
        if str(path.relative_to(station.vault.root)) in places
    ]


# --- the whole card ---------------------------------------------------------------------------------------------------


def test_a_card_of_real_footage_is_taken_in_whole(station: Station, faulty_card: Card) -> None:
    before = card_state(faulty_card.root)
    result = station.ingest(faulty_card.root, is_described=True)
    assert faults_of(station, faulty_card.root) == []
    assert card_state(faulty_card.root) == before, "nothing on the card was changed, not even a time"
    entries = [path for path in faulty_card.root.rglob("*") if not path.is_dir() or path.is_symlink()]
    assert len(fates(station, result.docking_id)) == len(entries)


def test_originals_are_the_bytes_of_the_card_and_read_only(station: Station, tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", {A: os.urandom(3 * MIB + 17), B: b"short", "empty.txt": b""})
    station.ingest(card)
    expected = {sha256_of_file(path) for path in card.rglob("*") if path.is_file()}
    assert {sha256_of_file(path) for path in originals(station)} == expected
    assert {path.stat().st_mode & 0o777 for path in originals(station)} == {0o440}


def test_the_books_say_what_became_of_each_entry_and_their_sums_agree(station: Station, tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", {A: b"12345", "empty.txt": b""})
    (card / "link").symlink_to("/etc/passwd")
    result = station.ingest(card)
    folder = station.catalogue().docking(result.docking_id)["folder"]
    record = station.vault.read_json(f"{folder}/record.json")
    assert {entry["card_path"]: entry["fate"] for entry in record["entries"]} == {
        A: "copied", "empty.txt": "copied", "link": "quarantined"
    }  # fmt: skip
    assert record["accounting"] == {
        "entries": 3,
        "bytes": 5,
        "fates": {"copied": {"entries": 2, "bytes": 5}, "quarantined": {"entries": 1, "bytes": 0}},
    }


def test_an_empty_card_is_a_complete_docking_of_nothing(station: Station, tmp_path: Path) -> None:
    result = station.ingest(write_card(tmp_path / "card", {}), is_described=True)
    assert result.outcome == "complete"
    assert faults_of(station) == []


def test_a_single_file_is_a_card_of_one(station: Station, tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", {A: b"one", B: b"two"})
    result = station.ingest(card / A)
    assert list(fates(station, result.docking_id)) == [Path(A).name]


def test_batches_change_nothing_but_the_number_of_writes(tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", {f"f{number}.bin": bytes([number]) * number for number in range(9)})
    station = build_station(tmp_path / "station", copy__batch_files=2)
    assert station.ingest(card, is_described=True).outcome == "complete"
    assert faults_of(station, card) == []


def test_a_batch_ends_at_its_bytes_as_well(tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", {f"f{number}.bin": bytes([number]) * 5000 for number in range(4)})
    station = build_station(tmp_path / "station", copy__batch_bytes=1)
    station.ingest(card)
    assert faults_of(station, card) == []
    assert len({row["sealed_at"] for row in station.catalogue().contents()}) > 1


def test_the_bay_shows_reading_to_done_with_all_bytes_counted(station: Station, tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", {A: b"x" * 3_000_000, B: b"y"})
    shown: list[Progress] = []
    station.ingest(card, report=shown.append)
    assert [*dict.fromkeys(progress.state for progress in shown)] == ["copying", "verifying", "done"]
    last = shown[-1]
    assert (last.files_done, last.files_total, last.bytes_done, last.bytes_total) == (2, 2, 3_000_001, 3_000_001)


# --- seen before ------------------------------------------------------------------------------------------------------


def test_docking_the_same_card_again_finds_all_held_and_keeps_nothing_twice(station: Station, tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", {A: b"one", B: b"two", "empty.txt": b""})
    station.ingest(card)
    again = station.ingest(card, is_described=True)
    assert set(fates(station, again.docking_id).values()) == {"already_held"}
    assert len(originals(station)) == 3
    assert faults_of(station, card) == []


def test_the_same_bytes_of_another_recorder_are_one_content_and_two_recordings(
    station: Station, tmp_path: Path
) -> None:
    one = write_card(tmp_path / "one", {A: b"the same"})
    other = write_card(tmp_path / "other", {OF_ANOTHER_RECORDER: b"the same"})
    station.ingest(one)
    station.ingest(other, is_described=True)
    assert len(station.catalogue().contents()) == 1
    assert len(station.catalogue().recordings()) == 2
    assert len(originals(station)) == 1
    assert faults_of(station, one, other) == []


def test_the_same_bytes_under_a_new_name_are_a_further_sighting(station: Station, tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", {A: b"one"})
    station.ingest(card)
    marked = A.replace(".mp4", "_IMP.mp4")
    (card / A).rename(card / marked)
    result = station.ingest(card, is_described=True)
    assert fates(station, result.docking_id) == {marked: "already_held"}
    (recording,) = station.catalogue().recordings()
    seen = station.catalogue().sightings_of(recording["recording_id"])
    assert [row["card_path"] for row in seen] == [A, marked]
    assert faults_of(station, card) == []


def test_equal_files_on_one_card_are_one_recording(station: Station, tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", {A: b"same", B: b"same"})
    result = station.ingest(card, is_described=True)
    assert sorted(fates(station, result.docking_id).values()) == ["already_held", "copied"]
    assert faults_of(station, card) == []


def test_empty_files_are_told_apart_by_their_paths(station: Station, tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", {A: b"", B: b"", "c.txt": b""})
    result = station.ingest(card, is_described=True)
    assert set(fates(station, result.docking_id).values()) == {"copied"}
    assert len(station.catalogue().contents()) == 1
    again = station.ingest(card, is_described=True)
    assert set(fates(station, again.docking_id).values()) == {"already_held"}
    assert faults_of(station, card) == []


def test_a_file_that_the_vault_lost_is_sealed_anew_and_not_called_held(station: Station, tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", {A: b"one", B: b"two"})
    station.ingest(card)
    lost = next(path for path in originals(station) if path.read_bytes() == b"one")
    lost.unlink()
    result = station.ingest(card)
    assert fates(station, result.docking_id) == {A: "copied", B: "already_held"}
    assert {path.read_bytes() for path in originals(station)} == {b"one", b"two"}


def test_a_file_that_the_vault_holds_cut_short_is_sealed_anew(station: Station, tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", {A: b"one"})
    station.ingest(card)
    (standing,) = originals(station)
    standing.chmod(0o640)
    os.truncate(standing, 1)
    assert fates(station, station.ingest(card).docking_id) == {A: "copied"}


# --- entries that are not ordinary ------------------------------------------------------------------------------------


def test_a_link_is_noted_and_never_followed(station: Station, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"not of the card")
    card = write_card(tmp_path / "card", {A: b"one"})
    (card / "link.mp4").symlink_to(secret)
    (card / "folder").symlink_to(tmp_path)
    (card / "broken").symlink_to("nowhere")
    result = station.ingest(card)
    assert fates(station, result.docking_id) == {
        A: "copied", "broken": "quarantined", "folder": "quarantined", "link.mp4": "quarantined"
    }  # fmt: skip
    assert codes(station, result.docking_id).count("file.link") == 3
    assert [path.read_bytes() for path in originals(station)] == [b"one"]
    assert result.outcome == "complete"


@pytest.mark.timeout(20)
def test_a_pipe_is_noted_and_never_opened(station: Station, tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", {A: b"one"})
    os.mkfifo(card / "pipe.mp4")
    result = station.ingest(card)
    assert fates(station, result.docking_id)["pipe.mp4"] == "quarantined"
    assert "file.special" in codes(station, result.docking_id)


HOSTILE = {
    "dots in front": b"..hidden.mp4",
    "dots only": b"...",
    "dots inside": b"a..b/..c.mp4",
    "newline": b"new\nline.mp4",
    "GBK": "执法.mp4".encode("gbk"),
    "neither UTF-8 nor GBK": b"\xff\xfe\x80.mp4",
    "255 bytes": b"n" * 251 + b".mp4",
    "85 Chinese characters": ("法" * 83 + ".mp4").encode(),
    "a terminal's escape": b"\x1b[2J.mp4",
    "right to left": "‮gpm.exe".encode(),
    "quotes and dollars": b"\"$(reboot)`'.mp4",
    "markup": b"[red]x[/red].mp4",
    "backslash": b"a\\b.mp4",
    "spaces": b"  .mp4  ",
    "a Windows device": b"CON.mp4",
    "hyphen in front": b"--config.mp4",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_name_is_taken_in_with_its_bytes_kept(station: Station, tmp_path: Path, what: str) -> None:
    card = write_card(tmp_path / "card", {HOSTILE[what]: what.encode()})
    result = station.ingest(card, is_described=True)
    assert set(fates(station, result.docking_id).values()) == {"copied"}
    assert faults_of(station, card) == []


def test_a_hostile_name_breaks_no_command(station: Station, tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", {name: name for name in HOSTILE.values()})
    for command in (("ingest", card), ("list",), ("findings",), ("verify",), ("ingest", "--json", card)):
        done = station.cli(*command)
        assert (done.returncode, done.stderr) == (0, "")
        assert "\x1b[2J" not in done.stdout
    assert faults_of(station, card) == []


def test_a_card_may_be_as_deep_as_paths_can_be_long(station: Station, tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", {"/".join(["d" * 40] * 25 + ["a.mp4"]): b"deep"})
    result = station.ingest(card)
    assert set(fates(station, result.docking_id).values()) == {"copied"}
    assert faults_of(station, card) == []


def test_a_folder_deeper_than_the_limit_is_said_and_the_docking_is_not_complete(tmp_path: Path) -> None:
    station = build_station(tmp_path / "station", copy__max_depth=2)
    card = write_card(tmp_path / "card", {"a/b/c/d.mp4": b"deep", A: b"one"})
    result = station.ingest(card)
    assert fates(station, result.docking_id) == {A: "copied", "a/b/c": "unreadable"}
    assert result.outcome == "incomplete"


def test_a_rule_of_exclusion_is_named_where_it_leaves_something_on_the_card(tmp_path: Path) -> None:
    station = build_station(tmp_path / "station", copy__exclude=["LOGS/*", "*.tmp"])
    card = write_card(tmp_path / "card", {A: b"one", "LOGS/x.log": b"log", "b.tmp": b"tmp"})
    result = station.ingest(card)
    rows = station.entries(result.docking_id)
    assert {path: (row["fate"], row["reason"]) for path, row in rows.items() if path != A} == {
        "LOGS/x.log": ("excluded", "copy.exclude: LOGS/*"),
        "b.tmp": ("excluded", "copy.exclude: *.tmp"),
    }
    assert result.outcome == "complete"


def test_only_in_the_inbox_the_done_marker_is_no_file_of_the_card(station: Station, tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", {A: b"one", ".ingest-done": b""})
    dropped = station.ingest(card, inlet=Inlet.INBOX)
    assert station.entries(dropped.docking_id)[".ingest-done"]["reason"] == "inbox.done_marker"
    assert fates(station, station.ingest(card).docking_id)[".ingest-done"] == "copied"


def test_a_file_that_the_medium_will_not_give_is_said_and_the_rest_is_taken_in(station: Station) -> None:
    # A process's own memory reads like a file with a bad block at its start.
    result = station.ingest(Path(f"/proc/{os.getpid()}/mem"))
    assert fates(station, result.docking_id) == {"mem": "unreadable"}
    assert codes(station, result.docking_id) == ["read.error"]
    assert result.outcome == "incomplete"
    assert "reading failed at byte 0" in station.entries(result.docking_id)["mem"]["reason"]
    assert faults_of(station) == []


@contextlib.contextmanager
def without_rights(*owned: Path) -> Iterator[None]:
    """As a user who is not root and owns these trees; for anybody else than root, nothing changes."""
    if os.geteuid() != 0:
        yield
        return
    for path in (entry for root in owned for entry in (root, *root.rglob("*"))):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_what_may_not_be_read_is_said_and_the_rest_is_taken_in(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        station = build_station(root / "station")
        station.ingest(write_card(tmp_path / "other", {"x": b"other"}))
        card = write_card(root / "card", {A: b"one", "closed/b.mp4": b"two", "c.mp4": b"three"})
        with station.at_work() as parts, without_rights(station.root, card):
            (card / "closed").chmod(0)
            (card / "c.mp4").chmod(0)
            result = dock(card, parts)
            (card / "closed").chmod(0o755)
        assert fates(station, result.docking_id) == {A: "copied", "c.mp4": "unreadable", "closed": "unreadable"}
        assert codes(station, result.docking_id) == ["read.error", "read.error"]
        assert result.outcome == "incomplete"
        assert faults_of(station) == []


# --- files that change ------------------------------------------------------------------------------------------------


def appending(path: Path, most_bytes: int) -> Callable[[Progress], None]:
    """A writer that adds as much as was read, whenever some was read, as a recorder that is still recording does."""

    def report(progress: Progress) -> None:
        if progress.state == BayState.COPYING and progress.bytes_done and path.stat().st_size < most_bytes:
            with path.open("ab") as file:
                file.write(b"more" * (256 * 1024))

    return report


def test_a_file_that_grows_while_it_is_read_is_kept_flagged_and_the_docking_is_not_complete(
    station: Station, tmp_path: Path
) -> None:
    card = write_card(tmp_path / "card", {A: b"x" * MIB, B: b"two"})
    result = station.ingest(card, report=appending(card / A, 64 * MIB))
    assert codes(station, result.docking_id) == ["file.changed_while_read"]
    assert fates(station, result.docking_id) == {A: "copied", B: "copied"}
    assert result.outcome == "incomplete"
    kept = max(path.stat().st_size for path in originals(station))
    assert kept < 16 * MIB, "a copy does not run after a file that grows as fast as it is read"


def test_a_file_that_grew_is_taken_in_whole_at_the_next_docking(station: Station, tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", {A: b"x" * MIB})
    station.ingest(card, report=appending(card / A, 4 * MIB))
    result = station.ingest(card, is_described=True)
    assert result.outcome == "complete"
    digest = sha256_of_file(card / A)
    assert digest in {sha256_of_file(path) for path in originals(station)}


def test_a_file_that_settles_is_read_anew_whole_but_not_as_it_was_listed(station: Station, tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", {A: b"x" * MIB})
    result = station.ingest(card, report=appending(card / A, 2 * MIB))
    assert faults_of(station, card) == []
    (found,) = station.catalogue().findings(docking=result.docking_id, code="file.changed_while_read")
    assert found["document"]["evidence"]["words"] == f"listed with {MIB} bytes, read with {2 * MIB}"


def test_another_process_that_writes_all_the_time_does_not_hold_up_the_station(
    station: Station, tmp_path: Path
) -> None:
    card = write_card(tmp_path / "card", {A: b"x" * MIB})
    program = f"f = open({str(card / A)!r}, 'ab', buffering=0)\nfor _ in range(400_000): f.write(b'more')"
    writer = subprocess.Popen([sys.executable, "-c", program])
    try:
        outcome = station.ingest(card).outcome
    finally:
        writer.kill()
        writer.wait()
    assert outcome in ("complete", "incomplete")
    assert faults_of(station) == []


def test_a_file_rewritten_with_as_many_bytes_after_the_listing_is_said(station: Station, tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", {A: b"one", B: b"two"})

    def rewrite(_: object) -> None:
        if (card / B).read_bytes() == b"two":
            (card / B).write_bytes(b"new")

    result = station.ingest(card, report=rewrite)
    (found,) = station.catalogue().findings(docking=result.docking_id, code="file.changed_while_read")
    assert found["document"]["evidence"]["words"] == "it was written anew between listing and reading"
    assert result.outcome == "incomplete"


def test_a_file_that_vanishes_after_the_listing_is_said(station: Station, tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", {A: b"one", B: b"two"})
    result = station.ingest(card, report=lambda _: (card / B).unlink(missing_ok=True))
    assert fates(station, result.docking_id) == {A: "copied", B: "unreadable"}
    assert result.outcome == "incomplete"


def test_a_link_that_takes_a_files_place_after_the_listing_is_not_followed(station: Station, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"not of the card")
    card = write_card(tmp_path / "card", {A: b"one", B: b"two"})

    def swap(_: object) -> None:
        (card / B).unlink(missing_ok=True)
        (card / B).symlink_to(secret)

    result = station.ingest(card, report=swap)
    assert fates(station, result.docking_id) == {A: "copied", B: "unreadable"}
    assert [path.read_bytes() for path in originals(station)] == [b"one"]


# --- pulled, stopped, full --------------------------------------------------------------------------------------------


def test_a_recorder_pulled_midway_leaves_what_was_sealed_and_names_the_rest(tmp_path: Path) -> None:
    station = build_station(tmp_path / "station", copy__batch_files=1)
    files: dict[str | bytes, bytes] = {f"f{number}.bin": bytes([number]) for number in range(4)}
    card = write_card(tmp_path / "card", files)

    def pull(progress: Progress) -> None:
        if progress.files_done == 2:
            shutil.rmtree(card, ignore_errors=True)

    result = station.ingest(card, report=pull, is_described=True)
    assert (result.outcome, result.reason) == ("interrupted", "the recorder is gone")
    assert fates(station, result.docking_id) == {
        "f0.bin": "copied", "f1.bin": "copied", "f2.bin": "pending", "f3.bin": "pending"
    }  # fmt: skip
    assert faults_of(station) == []
    write_card(card, files)
    again = station.ingest(card, is_described=True)
    assert again.outcome == "complete"
    assert sorted(fates(station, again.docking_id).values()) == ["already_held", "already_held", "copied", "copied"]
    assert faults_of(station, card) == []


def test_a_stop_in_the_middle_of_a_file_keeps_what_was_verified(tmp_path: Path) -> None:
    station = build_station(tmp_path / "station", copy__batch_files=1)
    card = write_card(tmp_path / "card", {A: b"one", B: b"x" * 8 * MIB})
    stop, is_verified = Stop(), threading.Event()

    def report(progress: Progress) -> None:
        if progress.file == B and progress.bytes_done > 2 * MIB:
            is_verified.wait(30)
            stop.request()

    result = station.ingest(card, report=report, on_verified=lambda _: is_verified.set(), stop=stop)
    assert result.outcome == "interrupted"
    assert fates(station, result.docking_id) == {A: "copied", B: "pending"}
    assert station.ingest(card, is_described=True).outcome == "complete"
    assert faults_of(station, card) == []


def test_a_stop_leaves_what_is_not_proved_yet_to_the_next_docking_and_nothing_to_mend(
    station: Station, tmp_path: Path
) -> None:
    card = write_card(tmp_path / "card", {A: b"one", "b.mp4": b"y" * 6 * MIB, "c.mp4": b"x" * 8 * MIB})
    stop = Stop()

    def report(progress: Progress) -> None:
        if progress.file == "c.mp4":
            stop.request()

    result = station.ingest(card, report=report, stop=stop)
    assert result.outcome == "interrupted"
    assert set(fates(station, result.docking_id).values()) == {"pending"}
    left = {path.suffix: path.stat().st_size for path in station.vault.staging_folder.iterdir()}
    assert left[".part"] == 6 * MIB, "the long one goes on at the next docking"
    assert set(left) == {".part", ".resume"}, "the short one would only be in the way"
    assert station.ingest(card, is_described=True).outcome == "complete"
    assert faults_of(station, card) == []


def test_a_store_without_room_says_so_and_goes_on_by_itself_when_there_is_room(tmp_path: Path) -> None:
    # On a disk of its own, whose room nobody else changes meanwhile.
    with small_disk(tmp_path / "disk", 64 * MIB) as disk:
        fill(disk / "ballast", leave_bytes=8 * MIB)
        station = build_station(disk / "station", copy__keep_free_bytes=16 * MIB)
        card = write_card(tmp_path / "card", {A: b"one", B: b"two"})
        shown: list[Progress] = []

        def report(progress: Progress) -> None:
            shown.append(progress)
            if progress.state == BayState.ATTENTION:
                (disk / "ballast").unlink(missing_ok=True)

        assert station.ingest(card, report=report, is_described=True).outcome == "complete"
        held = [progress for progress in shown if progress.state == BayState.ATTENTION]
        assert len(held) == 1
        assert "no room" in held[0].message
        assert faults_of(station, card) == []


def test_a_recorder_pulled_while_there_is_no_room_ends_the_docking(tmp_path: Path) -> None:
    station = build_station(tmp_path / "station", copy__keep_free_bytes=1 << 60)
    card = write_card(tmp_path / "card", {A: b"one"})

    def report(progress: Progress) -> None:
        if progress.state == BayState.ATTENTION and card.exists():
            card.rename(tmp_path / "gone")

    result = station.ingest(card, report=report)
    assert (result.outcome, fates(station, result.docking_id)) == ("interrupted", {A: "pending"})


def test_a_stop_while_there_is_no_room_ends_the_docking(tmp_path: Path) -> None:
    station = build_station(tmp_path / "station", copy__keep_free_bytes=1 << 60)
    stop = Stop()
    result = station.ingest(write_card(tmp_path / "card", {A: b"one"}), report=lambda _: stop.request(), stop=stop)
    assert result.outcome == "interrupted"


@pytest.mark.parametrize("leave_bytes", [0, 4096, 8192, 16384, 65536], ids=lambda left: f"{left} bytes left")
def test_a_disk_that_fills_up_before_the_sealing_loses_nothing_and_doubles_nothing(
    tmp_path: Path, leave_bytes: int
) -> None:
    with small_disk(tmp_path / "disk", 8 * MIB) as disk:
        station = build_station(disk / "station", copy__keep_free_bytes=0)
        card = write_card(tmp_path / "card", {A: b"one", B: b"two", "c": b"three"})
        (card / "link").symlink_to("c")
        seen = iter(range(9))

        def on_verified(_: object) -> None:
            if next(seen) == 2:
                fill(disk / "ballast", leave_bytes=leave_bytes)

        def report(progress: Progress) -> None:
            if progress.state == BayState.ATTENTION:
                (disk / "ballast").unlink(missing_ok=True)

        result = station.ingest(card, report=report, on_verified=on_verified, is_described=True)
        assert result.outcome == "complete"
        assert codes(station, result.docking_id).count("file.link") == 1
        assert faults_of(station, card) == []


def test_verified_files_are_sealed_without_the_recorder_as_soon_as_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 8 * MIB) as disk:
        station = build_station(disk / "station", copy__keep_free_bytes=0)
        card = write_card(tmp_path / "card", {A: b"one", B: b"two"})
        seen = iter(range(9))

        def on_verified(_: object) -> None:
            if next(seen) == 1:
                fill(disk / "ballast")

        def report(progress: Progress) -> None:
            if progress.state == BayState.ATTENTION:
                card.rename(tmp_path / "gone")
                (disk / "ballast").unlink()

        assert station.ingest(card, report=report, on_verified=on_verified, is_described=True).outcome == "complete"
        (tmp_path / "gone").rename(card)
        assert station.ingest(card, is_described=True).outcome == "complete"
        assert faults_of(station, card) == []


def test_verified_files_for_which_no_room_came_before_the_stop_are_sealed_at_the_next_start(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 8 * MIB) as disk:
        station = build_station(disk / "station", copy__keep_free_bytes=0)
        card = write_card(tmp_path / "card", {A: b"one", B: b"two"})
        stop = Stop()

        def report(progress: Progress) -> None:
            if progress.state == BayState.ATTENTION:
                stop.request()

        with pytest.raises(StoreFullError):
            station.ingest(card, report=report, on_verified=lambda _: fill(disk / "ballast"), stop=stop)
        (disk / "ballast").unlink()
        assert station.ingest(card, is_described=True).outcome == "complete"
        assert faults_of(station, card) == []


# --- many -------------------------------------------------------------------------------------------------------------


@pytest.mark.timeout(300)
def test_ten_thousand_tiny_files_are_taken_in(
    station: Station, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    # All of them take half a minute: for the sweep; the other tiers take in a tenth.
    folders = 100 if os.environ.get("INGESTD_SWEEP") else 10
    card = tmp_path / "card"
    for folder in range(folders):
        (card / f"{folder:03d}").mkdir(parents=True)
        for number in range(100):
            (card / f"{folder:03d}" / f"{number:03d}.txt").write_bytes(b"%d %d" % (folder, number))
    with station.at_work() as parts:
        started = parts.clock.steady_seconds()
        result = dock(card, parts)
        record_property("seconds", parts.clock.steady_seconds() - started)
    assert result.outcome == "complete"
    assert station.catalogue().docking(result.docking_id)["document"]["accounting"]["fates"] == {
        "copied": {"entries": 100 * folders, "bytes": sum(path.stat().st_size for path in card.rglob("*.txt"))}
    }
    assert faults_of(station, card) == []
