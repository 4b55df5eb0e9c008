"""A station that somebody laid hands on: `verify` names what was done, by heads from outside where nothing else can."""

import base64
import json
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ingestd.core.custody import GENESIS, entry_hash
from ingestd.core.errors import ExitStatus
from ingestd.core.heads import Head
from ingestd.core.manifest import canonical_json, sha256_of
from ingestd.core.stop import Stop
from ingestd.pipeline.scrub import Verdict, verify_vault
from ingestd.stores.heads import heads_in
from ingestd.stores.search import Catalogue
from ingestd.stores.signing import make_key
from ingestd.stores.vault import Vault
from ingestd.wiring import open_catalogue
from tests.support.process import Installation
from tests.support.station import write_card

FILES: dict[str | bytes, bytes] = {
    "DCIM/A_0001.bin": b"first " * 300,
    "DCIM/A_0002.bin": b"second " * 300,
    "DCIM/A_0003.bin": b"third " * 300,
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A station with three recordings and two signed heads, the first of them before the recordings."""
    root = tmp_path_factory.mktemp("built")
    installation = Installation(root, copy__digests=["sm3"])
    assert installation.run("ledger", "sign", "--by", "档案员").status == 0
    installation.station.ingest(write_card(root / "card", FILES), is_described=True)
    assert installation.run("ledger", "sign", "--by", "档案员").status == 0
    yield installation


@pytest.fixture
def station(tmp_path: Path, built: Installation) -> Installation:
    """A copy of it, to lay hands on."""
    installation = Installation(tmp_path, copy__digests=["sm3"])
    shutil.copytree(built.state_dir, installation.state_dir, symlinks=True)
    # What was kept outside in time.
    shutil.copytree(built.vault / "heads", tmp_path / "outside")
    return installation


def verified(installation: Installation, *, is_outside_known: bool = False, has_rows: bool = False) -> Verdict:
    """The verdict on a station, with the heads from outside where they are known."""
    catalogue: Catalogue = open_catalogue(installation.station.settings)
    outside = installation.root / "outside"
    return verify_vault(
        Vault(installation.vault),
        catalogue,
        stop=Stop(),
        block_bytes=1024 * 1024,
        outside=list(heads_in(outside, outside)) if is_outside_known else (),
        catalogue_file=installation.catalogue_file if has_rows else None,
    )


def named(verdict: Verdict) -> set[tuple[str, str]]:
    """What was found: the thing and what happened to it."""
    return {(fault.what, fault.kind) for fault in verdict.faults}


def segment(installation: Installation) -> Path:
    (path,) = (installation.vault / "ledger").iterdir()
    return path


def relined(installation: Installation, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """Change the lines of the ledger."""
    path = segment(installation)
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))


def rechained(lines: list[bytes]) -> list[bytes]:
    """What a forger does who knows how: every hash made anew, so that the chain is whole."""
    made, prev = [], str(GENESIS)
    for seq, line in enumerate(lines, start=1):
        entry = json.loads(line) | {"seq": seq, "prev": prev}
        prev = entry["hash"] = entry_hash(entry)
        made.append(canonical_json(entry) + b"\n")
    return made


def edited(line: bytes, **values: Any) -> bytes:
    return canonical_json(json.loads(line) | values) + b"\n"


def overwrite(path: Path, data: bytes) -> None:
    """Put other bytes where a file lies; its mode stays."""
    mode = path.stat().st_mode
    path.chmod(0o640)
    path.write_bytes(data)
    path.chmod(mode)


def exchange(one: Path, other: Path) -> None:
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def originals(installation: Installation) -> list[Path]:
    return sorted((installation.vault / "originals").rglob("*.bin"))


def newest_head(installation: Installation) -> Path:
    return sorted((installation.vault / "heads").rglob("*.json"))[-1]


# --- the judge --------------------------------------------------------------------------------------------------------


def test_nothing_is_found_where_nobody_laid_hands(station: Installation) -> None:
    verdict = verified(station, is_outside_known=True, has_rows=True)
    assert verdict.faults == ()
    assert verdict.heads == 4
    assert verdict.outside_seq == verdict.entries
    assert {"recordings", "contents", "findings", "holds"} <= set(verdict.tables)


# --- the ledger -------------------------------------------------------------------------------------------------------

Lines = list[bytes]


def word_edited(lines: Lines) -> Lines:
    return [*lines[:4], lines[4].replace(b'"station"', b'"Station"'), *lines[5:]]


def resealed(lines: Lines) -> Lines:
    return [*lines[:4], rechained([*lines[:4], edited(lines[4], actor="x")])[4], *lines[5:]]


EDITS: dict[str, tuple[Callable[[Lines], Lines], str, str]] = {
    "a word edited": (word_edited, "edited", "entry 5 was changed"),
    "resealed": (resealed, "replaced", "entry 6 does not follow"),
    "one removed": (lambda lines: [*lines[:4], *lines[5:]], "removed", "entry 5 is missing"),
    "several removed": (lambda lines: [*lines[:4], *lines[7:]], "removed", "entries 5 to 7 are missing"),
    "two exchanged": (
        lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]],
        "reordered",
        "5 stands behind entry 6",
    ),
    "one repeated": (lambda lines: [*lines[:5], lines[4], *lines[5:]], "repeated", "entry 5 is there more than once"),
    "no entry": (lambda lines: [*lines[:4], b"{}\n", *lines[5:]], "malformed", "line 5 is not an entry"),
}


@pytest.mark.parametrize("name", EDITS)
def test_what_was_done_to_a_line_is_named(station: Installation, name: str) -> None:
    change, kind, words = EDITS[name]
    relined(station, change)
    found = [fault for fault in verified(station).faults if fault.what == "ledger"]
    assert kind in [fault.kind for fault in found]
    assert any(words in fault.words for fault in found), found


def test_a_fault_of_the_ledger_hides_no_other(station: Installation) -> None:
    relined(station, EDITS["a word edited"][0])
    overwrite(originals(station)[-1], b"other")
    assert {("ledger", "edited"), ("original", "changed")} <= named(verified(station))


def test_an_end_that_was_cut_off_is_found_by_a_head_from_outside(station: Installation) -> None:
    # With everything inside that could tell of it gone as well.
    count = len(segment(station).read_bytes().splitlines())
    relined(station, lambda lines: lines[: count // 2])
    newest_head(station).unlink()
    shutil.rmtree(station.vault / "originals")
    (station.vault / "originals").mkdir()
    station.catalogue_file.unlink()
    alone = verify_vault(Vault(station.vault), None, stop=Stop(), block_bytes=1024 * 1024)
    outside = station.root / "outside"
    shown = verify_vault(
        Vault(station.vault), None, stop=Stop(), block_bytes=1024 * 1024, outside=list(heads_in(outside, outside))
    )
    assert ("head", "truncated") not in named(alone)
    (fault,) = [one for one in shown.faults if one.kind == "truncated"]
    assert f"the ledger ends with entry {count // 2}" in fault.words


def test_an_end_that_was_cut_off_is_found_by_the_heads_in_the_vault_too(station: Installation) -> None:
    relined(station, lambda lines: lines[:-1])
    assert {("head", "truncated"), ("ledger", "truncated")} <= named(verified(station))


def test_of_a_cut_ledger_nobody_is_told_to_make_the_catalogue_that_knows_more_again(station: Installation) -> None:
    count = len(segment(station).read_bytes().splitlines())
    relined(station, lambda lines: lines[: count // 2])
    differs = [one for one in verified(station, has_rows=True).faults if one.what == "catalogue"]
    assert differs
    assert [one for one in differs if "catalogue rebuild" in one.words] == []


def test_a_ledger_written_anew_is_found_by_a_head_from_outside(station: Installation) -> None:
    relined(station, lambda lines: rechained([lines[0], edited(lines[1], actor="somebody"), *lines[2:]]))
    shutil.rmtree(station.vault / "heads")
    alone, shown = verified(station), verified(station, is_outside_known=True)
    assert alone.faults == ()
    assert ("head", "rewritten") in named(shown)


def test_verify_takes_heads_by_file_and_by_folder(station: Installation) -> None:
    relined(station, lambda lines: lines[:-1])
    for outside in (station.root / "outside", sorted((station.root / "outside").rglob("*.json"))[-1]):
        done = station.run("verify", "--head", outside, "--json")
        assert done.status == ExitStatus.INTEGRITY
        assert "truncated" in [one["kind"] for one in done.json()["faults"] if one["what"] == "head"]


def faults_with_ledger(built: Installation, raw: bytes) -> set[str]:
    """What is found at fault in a vault with this ledger and nothing else, by the heads of the station."""
    with tempfile.TemporaryDirectory() as name:
        vault = Vault(Path(name))
        vault.prepare(vault_id="test", created="2026-01-01T00:00:00.000Z")
        overwrite(vault.root / "vault.json", (built.vault / "vault.json").read_bytes())
        shutil.copytree(built.vault / "keys", vault.root / "keys")
        (vault.ledger_folder / "000001.jsonl").write_bytes(raw)
        outside = built.vault / "heads"
        heads = list(heads_in(outside, outside))
        found = verify_vault(vault, None, stop=Stop(), block_bytes=1024 * 1024, outside=heads).faults
        return {fault.what for fault in found} & {"ledger", "head", "key"}


def test_a_ledger_as_it_was_is_not_at_fault(built: Installation) -> None:
    assert faults_with_ledger(built, segment(built).read_bytes()) == set()


@given(st.data())
def test_no_byte_of_the_ledger_can_be_changed_unseen(built: Installation, data: st.DataObject) -> None:
    raw = bytearray(segment(built).read_bytes())
    place, byte = data.draw(st.integers(0, len(raw) - 1)), data.draw(st.integers(0, 255))
    assume(raw[place] != byte)
    raw[place] = byte
    assert faults_with_ledger(built, bytes(raw)) != set()


def test_the_very_last_newline_cannot_be_changed_unseen(built: Installation) -> None:
    assert faults_with_ledger(built, segment(built).read_bytes()[:-1] + b" ") == {"head"}


# --- heads ------------------------------------------------------------------------------------------------------------


def forged(station: Installation, **changes: Any) -> Head:
    """The newest head with other words, signed with a key that is none of the station's."""
    key = make_key(station.root / "forger.pem")
    bare = Head.model_validate(json.loads(newest_head(station).read_bytes()) | changes | {"key": key.key_id})
    return bare.model_copy(update={"signature": base64.b64encode(key.sign(bare.message())).decode("ascii")})


def test_a_head_signed_with_another_key_is_named(station: Installation) -> None:
    overwrite(newest_head(station), forged(station).document_bytes())
    (fault,) = verified(station).faults
    assert (fault.what, fault.kind) == ("head", "forged")
    assert "none that this station had" in fault.words


def test_a_forgers_key_put_into_the_vault_is_named(station: Installation) -> None:
    head = forged(station)
    key = make_key(station.root / "again.pem")
    (station.vault / "keys" / f"{key.key_id}.pem").write_bytes(key.public_pem)
    overwrite(newest_head(station), head.document_bytes())
    assert named(verified(station)) == {("key", "foreign"), ("head", "forged")}


@pytest.mark.parametrize("field", ["time", "station", "signature"])
def test_a_head_whose_words_were_changed_is_named(station: Installation, field: str) -> None:
    document = json.loads(newest_head(station).read_bytes())
    document[field] = document[field][:-3] + "zzz"
    overwrite(newest_head(station), canonical_json(document) + b"\n")
    assert named(verified(station)) == {("head", "forged")}


def test_a_head_of_another_vault_is_named(station: Installation, tmp_path: Path) -> None:
    other = Installation(tmp_path / "other")
    assert other.run("ledger", "sign").status == 0
    shutil.copy(newest_head(other), station.root / "outside" / "other.json")
    found = verified(station, is_outside_known=True).faults
    assert {("head", "foreign"), ("head", "forged")} == {(one.what, one.kind) for one in found}


def test_a_file_that_is_no_head_is_named(station: Installation) -> None:
    (station.root / "outside" / "note.json").write_text("{}")
    (fault,) = verified(station, is_outside_known=True).faults
    assert (fault.what, fault.path) == ("head", "note.json")


def test_check_tells_a_good_head_from_a_forged_one(station: Installation) -> None:
    head = forged(station)
    (station.root / "forged.json").write_bytes(head.document_bytes())
    done = station.run("ledger", "check", newest_head(station), station.root / "forged.json", "--json")
    assert done.status == ExitStatus.INTEGRITY
    assert [one["is_good"] for one in done.json()] == [True, False]


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_flipped_byte_of_an_original_is_named(station: Installation) -> None:
    path = originals(station)[0]
    overwrite(path, b"F" + path.read_bytes()[1:])
    (fault,) = verified(station).faults
    assert (fault.what, fault.kind, fault.path) == ("original", "changed", str(path.relative_to(station.vault)))


def test_two_originals_that_changed_places_are_named_as_exchanged(station: Installation) -> None:
    one, other, _ = originals(station)
    exchange(one, other)
    found = verified(station).faults
    assert {fault.kind for fault in found} == {"swapped"}
    assert all("changed places" in fault.words for fault in found)


def test_an_original_exchanged_with_its_sidecar_is_named(station: Installation) -> None:
    path = originals(station)[0]
    exchange(path, path.with_name(f"{path.name}.birth.json"))
    assert named(verified(station)) == {("original", "swapped"), ("sidecar", "swapped")}


def test_two_sidecars_that_changed_places_are_named(station: Installation) -> None:
    one, other, _ = (path.with_name(f"{path.name}.birth.json") for path in originals(station))
    exchange(one, other)
    assert ("sidecar", "swapped") in named(verified(station))


def test_sm3_is_compared_beside_sha256(station: Installation) -> None:
    # A forger who rewrote sidecar and chain, and did not know of the second hash.
    path = originals(station)[0].with_name(f"{originals(station)[0].name}.birth.json")
    birth = json.loads(path.read_bytes())
    assert len(birth["content"]["digests"]["sm3"]) == 64
    birth["content"]["digests"]["sm3"] = "0" * 64
    data = canonical_json(birth) + b"\n"
    old = sha256_of(path.read_bytes()).encode("ascii")
    overwrite(path, data)
    relined(station, lambda lines: rechained([one.replace(old, sha256_of(data).encode("ascii")) for one in lines]))
    shutil.rmtree(station.vault / "heads")
    (fault,) = verified(station).faults
    assert "its SM3 is" in fault.words


def test_sm3_of_a_sidecar_is_what_openssl_says(station: Installation) -> None:
    path = originals(station)[0]
    birth = json.loads(path.with_name(f"{path.name}.birth.json").read_bytes())
    told = subprocess.run(["openssl", "dgst", "-sm3", path], capture_output=True, check=True).stdout
    assert told.decode("utf-8").split()[-1] == birth["content"]["digests"]["sm3"]


# --- the catalogue ----------------------------------------------------------------------------------------------------

ROWS = {
    "a state": ("UPDATE recordings SET state = 'disposed' WHERE rowid = 1", "is disposed, by the ledger catalogued"),
    "a term": ("UPDATE recordings SET keep_until = '2020-01-01T00:00:00.000Z' WHERE rowid = 1", "keep_until is 2020"),
    "a finding": ("UPDATE findings SET code = 'gap.video' WHERE rowid = 1", "code is gap.video"),
    "a docking gone": ("DELETE FROM sightings WHERE ordinal = 1", "the catalogue lacks this row"),
    "a row slipped in": (
        "INSERT INTO fleet_acts SELECT 99, 'x', 'fleet.issued', '', 'x', '{}'",
        "no act of the ledger makes this row",
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_an_edited_row_is_named_with_what_the_ledger_says(station: Installation, name: str) -> None:
    statement, words = ROWS[name]
    with sqlite3.connect(station.catalogue_file) as connection:
        if connection.execute(statement).rowcount == 0:
            pytest.fail("nothing was edited")
    found = [one for one in verified(station, has_rows=True).faults if one.what == "catalogue"]
    assert any(words in one.words for one in found), found


def test_rows_of_content_are_compared_by_hash(station: Installation) -> None:
    with sqlite3.connect(station.catalogue_file) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute("UPDATE contents SET sha256 = ? WHERE rowid = 1", ("0" * 64,))
    found = verified(station, has_rows=True).faults
    assert {fault.what for fault in found} == {"catalogue"}
    assert "contents" in " ".join(fault.path for fault in found)


# --- protection -------------------------------------------------------------------------------------------------------


def test_originals_are_read_only_and_the_stations_own(station: Installation) -> None:
    protection = verified(station).protection
    assert protection.originals == protection.read_only == protection.own == 3


def test_an_original_that_can_be_written_to_is_counted(station: Installation) -> None:
    originals(station)[0].chmod(0o640)
    verdict = verified(station)
    assert (verdict.protection.read_only, verdict.faults) == (2, ())


def test_the_head_on_a_hand_over_record_is_the_ledgers_last_entry(station: Installation) -> None:
    docking = open_catalogue(station.station.settings).dockings(limit=1)[0]["docking_id"]
    head = station.run("handover", "record", docking, "--json").json()["ledger"]
    last = json.loads(segment(station).read_bytes().splitlines()[-1])
    assert (head["seq"], head["hash"]) == (last["seq"], last["hash"])


def test_people_are_told_what_is_wrong_in_words(station: Installation) -> None:
    overwrite(originals(station)[0], b"x")
    done = station.run("verify")
    assert done.status == ExitStatus.INTEGRITY
    assert "1 fault" in done.out
    assert "All is as it was sealed" not in done.out
