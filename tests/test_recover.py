"""Recovery at start: every half-done state that a crash can leave is mended without a hand, and said."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestd.core.errors import IntegrityError, UnavailableError
from ingestd.core.findings import Severity
from ingestd.pipeline.describe import describe
from ingestd.pipeline.recover import Recovered, recover
from ingestd.wiring import writer_lock
from tests.support.killed_at import Killer
from tests.support.station import Station, build_station, faults_of, write_card

A, B = "DCIM/a.mp4", "DCIM/b.mp4"


@pytest.fixture(scope="module")
def killer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    with Killer(tmp_path_factory.mktemp("killer")) as killer:
        yield killer


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return build_station(tmp_path / "station")


@pytest.fixture
def card(tmp_path: Path) -> Path:
    return write_card(tmp_path / "card", {A: b"one", B: b"two"})


def recovered(station: Station) -> Recovered:
    with station.opened() as parts:
        return recover(parts)


def fates(station: Station) -> list[tuple[str, list[str]]]:
    """Per docking, oldest first: its outcome and the fates of its entries in their order."""
    dockings = sorted(station.catalogue().dockings(), key=lambda row: str(row["docking_id"]))
    return [
        (row["outcome"], [entry["fate"] for entry in station.catalogue().sightings(row["docking_id"])])
        for row in dockings
    ]


# --- what was under way -----------------------------------------------------------------------------------------------


def test_after_a_clean_end_there_is_nothing_to_mend(station: Station, card: Path) -> None:
    station.ingest(card)
    assert recovered(station) == (0, 0, 0)


LEFT: dict[str, tuple[str, int, Recovered, list[tuple[str, list[str]]]]] = {
    "the listing was taken": ("accounting.finish_opening", 0, Recovered(0, 1, 0), [("interrupted", ["pending"] * 2)]),
    "the books were opened": ("acquire.acquire", 0, Recovered(0, 1, 0), [("interrupted", ["pending"] * 2)]),
    "a file was copied": ("acquire.acquire", 1, Recovered(0, 1, 1), [("interrupted", ["pending"] * 2)]),
    "both were verified": ("seal.seal", 0, Recovered(0, 1, 2), [("interrupted", ["pending"] * 2)]),
    "both had their sidecars": ("seal.finish", 0, Recovered(2, 1, 0), [("complete", ["copied"] * 2)]),
    "both were sealed": ("seal.finish", 1, Recovered(0, 1, 0), [("complete", ["copied"] * 2)]),
    "the books were closed": ("accounting.close_books", 1, Recovered(0, 0, 0), [("complete", ["copied"] * 2)]),
}


@pytest.mark.parametrize("when", LEFT)
def test_what_a_killed_station_had_promised_is_done_and_the_rest_is_named(
    killer: Killer, station: Station, card: Path, when: str
) -> None:
    function, event, mended, expected = LEFT[when]
    run = killer.run(station, "ingest", card, watched=[f"ingestd.pipeline.{function}"], kill_at=event)
    assert run.was_killed
    assert recovered(station) == mended
    assert fates(station) == expected
    assert faults_of(station) == []


def test_mending_twice_mends_nothing_more(killer: Killer, station: Station, card: Path) -> None:
    killer.run(station, "ingest", card, watched=["ingestd.pipeline.seal.finish"], kill_at=0)
    recovered(station)
    before = station.tables()
    assert recovered(station) == (0, 0, 0)
    assert station.tables() == before


def test_entries_that_stayed_pending_are_taken_in_when_the_card_is_docked_again(
    killer: Killer, station: Station, card: Path
) -> None:
    killer.run(station, "ingest", card, watched=["ingestd.pipeline.acquire.acquire"], kill_at=1)
    station.ingest(card, is_described=True)
    assert fates(station) == [("interrupted", ["pending"] * 2), ("complete", ["copied"] * 2)]
    assert faults_of(station, card) == []


def test_a_file_that_changed_while_it_was_read_is_not_called_complete_by_the_recovery(
    killer: Killer, station: Station, tmp_path: Path
) -> None:
    card = write_card(tmp_path / "card", {A: bytes(50 * 1024 * 1024)})
    program = (
        "import sys\nf = open(sys.argv[1], 'r+b', buffering=0)\nprint(flush=True)\nwhile True: f.seek(0), f.write(b'x')"
    )
    writer = subprocess.Popen([sys.executable, "-c", program, card / A], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    try:
        writer.stdout.readline()
        run = killer.run(station, "ingest", card, watched=["ingestd.pipeline.seal.finish"], kill_at=0)
    finally:
        writer.kill()
        writer.communicate()
    assert run.was_killed
    assert recovered(station).sealed == 1
    (docking,) = station.catalogue().dockings()
    assert docking["outcome"] == "incomplete"
    (found,) = station.catalogue().findings(docking=docking["docking_id"], code="file.changed_while_read")
    assert found["document"]["file"] == A


# --- what stands in staging -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["r.birth.json", "d.opening.json"])
def test_a_torn_document_in_staging_promises_nothing(station: Station, card: Path, name: str) -> None:
    station.ingest(card)
    (station.vault.staging_folder / name).write_bytes(b'{"recording_id":"019')
    recovered(station)
    assert fates(station) == [("complete", ["copied"] * 2)]
    assert list(station.vault.staging_folder.iterdir()) == []


@pytest.mark.parametrize("name", ["r.birth.json", "d.opening.json"])
def test_a_whole_document_that_is_not_what_its_name_says_is_left_to_a_person(
    station: Station, card: Path, name: str
) -> None:
    station.ingest(card)
    (station.vault.staging_folder / name).write_bytes(b"{}")
    with pytest.raises(IntegrityError, match=name):
        recovered(station)
    assert (station.vault.staging_folder / name).exists()


def test_a_proxy_that_was_being_made_goes(station: Station, card: Path) -> None:
    station.ingest(card)
    (station.vault.staging_folder / "01910000-0000-7000-8000-000000000001.proxy").write_bytes(b"half")
    assert recovered(station).partial_copies_removed == 1


# --- ledger and manifest ----------------------------------------------------------------------------------------------


def test_a_write_torn_between_the_entries_of_a_batch_seals_the_rest_anew(
    killer: Killer, station: Station, card: Path
) -> None:
    # Killed with the batch in the ledger and all staged names standing; of the ledger only the first line is left.
    run = killer.run(station, "ingest", card, watched=["ingestd.stores.ledger.Ledger.append"], kill_at=3)
    assert run.was_killed
    segment = station.vault.ledger_folder / "000001.jsonl"
    lines = segment.read_bytes().splitlines(keepends=True)
    assert [b"recording.sealed" in line for line in lines[-2:]] == [True, True]
    segment.write_bytes(b"".join(lines[:-1]) + lines[-1][:100])
    assert recovered(station).sealed == 1
    assert faults_of(station) == []
    assert station.ingest(card, is_described=True).outcome == "complete"
    assert faults_of(station, card) == []


def test_only_one_process_is_the_station(station: Station) -> None:
    refused = pytest.raises(UnavailableError, match="another ingestd works")
    with station.opened(), refused, writer_lock(station.settings):
        pass


# --- the background half ----------------------------------------------------------------------------------------------


def test_a_file_whose_reading_kills_the_station_is_parked_after_its_tries(
    killer: Killer, station: Station, tmp_path: Path
) -> None:
    card = write_card(tmp_path / "one", {A: b"one"})
    for _ in range(station.settings.media.attempts):
        assert killer.run(station, "ingest", card, watched=["ingestd.pipeline.analyse.analyse"], kill_at=0).was_killed
    assert killer.run(station, "ingest", card).status == 0
    (recording,) = station.catalogue().recordings()
    (found,) = station.catalogue().findings(recording=recording["recording_id"])
    assert (recording["state"], found["code"]) == ("catalogued", "job.parked")
    assert "killed" in found["document"]["evidence"]["error"]
    assert faults_of(station, card) == []


def test_an_original_lost_before_its_analysis_is_said_and_holds_up_nothing(station: Station, card: Path) -> None:
    station.ingest(card)
    lost = next(row for row in station.catalogue().recordings() if row["card_path"] == A)
    (station.vault.root / lost["vault_path"]).unlink()
    with station.at_work() as parts:
        while describe(parts):
            continue
    states = {row["card_path"]: (row["state"], row["kind"]) for row in station.catalogue().recordings()}
    assert states == {A: ("catalogued", "unknown"), B: ("catalogued", "text")}
    (found,) = station.catalogue().findings(recording=lost["recording_id"])
    assert (found["code"], found["severity"]) == ("fixity.failed", Severity.CRITICAL)
