"""Signs of edits as a station and `ingestd analyse` say them: cards with edited segments, taken in for real."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from ingestd.sim.card import write_card
from ingestd.sim.plan import CardPlan
from tests.support.edits import cut_out, trimmed
from tests.support.process import Installation

EDITS = ("splice.", "trim.", "name.", "clock.mismatch", "time.backfilled")


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> tuple[Installation, Path]:
    """A station at which a card was docked twice: the second time with a segment more, dated before the first; of the
    first five segments the second lacks its start and the third a piece."""
    root = tmp_path_factory.mktemp("edits")
    card = root / "card"
    card.mkdir()
    write_card(CardPlan(width=64, height=48, takes=1, segments=6, segment_seconds=8), card)
    (headless,), (shortened,) = card.rglob("*_0002.mp4"), card.rglob("*_0003.mp4")
    trimmed(headless, root / "edited.mp4", 2).replace(headless)
    cut_out(shortened, root / "edited.mp4", 3, 5).replace(shortened)
    (late,) = card.rglob("*_0005.mp4")
    late.replace(root / late.name)
    installation = Installation(root / "station")
    assert installation.run("ingest", card).status == 0
    shutil.move(root / late.name, late)
    assert installation.run("ingest", card).status == 0
    return installation, card


def edits(findings: list[tuple[str, str]]) -> set[tuple[str, str]]:
    """Code and number of the segment of all findings that tell of edits."""
    return {(code, Path(path).stem.split("_")[2]) for code, path in findings if code.startswith(EDITS)}


@pytest.fixture(scope="module")
def document(station: tuple[Installation, Path]) -> dict[str, Any]:
    """What `ingestd analyse` says of the card."""
    installation, card = station
    return dict(installation.json("analyse", card, "--json"))


def test_a_station_says_what_was_cut_and_what_came_late(station: tuple[Installation, Path]) -> None:
    installation, _ = station
    paths = {one["recording_id"]: one["card_path"] for one in installation.json("list", "--json")}
    found = [(one["code"], paths.get(one["recording_id"], "")) for one in installation.json("findings", "--json")]
    assert edits(found) == {("trim.head", "0002"), ("splice.removed", "0003"), ("time.backfilled", "0005")}


def test_analyse_says_the_same_without_a_station(document: dict[str, Any]) -> None:
    found = [(one["code"], file["path"]) for file in document["files"] for one in file["findings"]]
    assert edits(found) == {("trim.head", "0002"), ("splice.removed", "0003")}


def test_what_an_edit_explains_is_not_said_of_the_take_again(document: dict[str, Any]) -> None:
    assert document["sets"] == []
