"""Names of any bytes, many on one card: each can be had again exactly, and none harms the vault or meets another."""

import json
import os
import unicodedata
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.books import HELD, books_faults, fates_of, is_harmless, name_faults, raw_of, standing
from tests.support.station import Station, build_station, faults_of, write_card
from tests.support.trees import ALIKE, HOSTILE, LIKE_OURS, names

IS_WHOLE_SWEEP = bool(os.environ.get("INGESTD_SWEEP"))

ANY_NAMES = st.lists(names(), min_size=1, max_size=25, unique=True)


def taken_in(root: Path, files: dict[str | bytes, bytes]) -> tuple[Station, Path, str]:
    """A station that has taken in a card of these files, the card, and the docking."""
    station = build_station(root / "station")
    card = write_card(root / "card", files)
    result = station.ingest(card)
    assert result.outcome == "complete"
    return station, card, result.docking_id


def lost_names(station: Station, card: Path, docking_id: str) -> list[str]:
    """What of the names of a card can no longer be had, or cannot be told on a screen."""
    stood = standing(card)
    folder = station.vault.root / station.catalogue().docking(docking_id)["folder"]
    listed = json.loads((folder / "listing.json").read_bytes())["entries"]
    births = [json.loads(path.read_bytes())["card"] for path in folder.glob("*.birth.json")]
    faults = [] if sorted(raw_of(row) for row in listed) == sorted(stood) else ["the listing has other names"]
    if sorted(fates_of(station, docking_id)) != sorted(stood):
        faults.append("the catalogue has other names")
    told = {row["ordinal"]: raw_of(row) for row in listed}
    for birth in births:
        raw = raw_of({**birth, "card_path": birth["path"]})
        if told.get(birth["ordinal"]) != raw:
            faults.append(f"a sidecar has another name than the listing: {raw!r}")
    shown = [row["card_path"] for row in listed]
    steering = {"Cc", "Cf", "Cn", "Cs", "Zl", "Zp"}
    return faults + [f"steers a screen: {one!r}" for one in shown if steering & set(map(unicodedata.category, one))]


@settings(
    max_examples=1500 if IS_WHOLE_SWEEP else 10,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(ANY_NAMES, st.sampled_from([b"", b"DCIM/", b"\xff/", b"d " * 100 + b"/"]))
@example(list(ALIKE), b"")
@example(list(HOSTILE), b"")
@example(list(LIKE_OURS), b"")
@example(["执法.mp4".encode(), "执法.mp4".encode("gb18030")], b"")
@example([b"\xff.mp4", b"\\xff.mp4"], b"")
def test_names_of_any_bytes_are_kept_exactly_and_stand_harmlessly_side_by_side(
    raw_names: list[bytes], under: bytes
) -> None:
    with TemporaryDirectory() as root:
        files: dict[str | bytes, bytes] = {under + name: b"%d" % number for number, name in enumerate(raw_names)}
        station, card, docking_id = taken_in(Path(root), files)
        stood = standing(card)
        assert sorted(stood) == sorted(os.fsencode(name) for name in files)
        assert lost_names(station, card, docking_id) == []
        assert books_faults(station, docking_id, stood) == []
        assert {one.fate for one in fates_of(station, docking_id).values()} == {"copied"} <= HELD
        assert name_faults(station.vault.root) == []
        assert faults_of(station, card, is_described=False) == []


# --- the judges -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["a:b", "a\\b", "a?", "a.", "a ", " a", "-rf", "CON", "con.mp4", "aux .x", "com\u00b9.mp4", "n" * 256, "界" * 86]
    + ["a\n", "\u202ea", "e\u0301.mp4", "a.\u212a", "\udcff"],
)
def test_the_judge_of_names_finds_one_that_cannot_stand_everywhere(name: str) -> None:
    assert not is_harmless(name)


@pytest.mark.parametrize("names", [("a.mp4", "A.mp4"), ("ß.log", "SS.log"), ("é", "É")])
def test_the_judge_of_names_finds_two_that_are_one_where_case_is_folded(tmp_path: Path, names: tuple[str, str]) -> None:
    for name in names:
        (tmp_path / name).touch()
    assert len(name_faults(tmp_path)) == 1


@pytest.mark.parametrize(
    "forged", [{"card_path": "other\x1b"}, {"raw_b64": "b3RoZXI="}, {"raw_b64": None, "encoding": "utf-8"}], ids=str
)
def test_the_judge_of_names_finds_a_name_that_was_not_kept(tmp_path: Path, forged: dict[str, str | None]) -> None:
    station, card, docking_id = taken_in(tmp_path, {"执法.mp4".encode("gb18030"): b"1", b"a": b"2", b"b": b"3"})
    assert lost_names(station, card, docking_id) == []
    listing = station.vault.root / station.catalogue().docking(docking_id)["folder"] / "listing.json"
    document = json.loads(listing.read_bytes())
    document["entries"][2].update(forged)
    listing.chmod(0o640)
    listing.write_text(json.dumps(document), "utf-8")
    assert lost_names(station, card, docking_id) != []
