"""Whatever stands on a card and whatever breaks in: every entry and every byte of it is in the books, once."""

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from ingestd.core.model import Inlet
from tests.support.books import HELD, Entry, Fate, books_faults, fates_of, name_faults, standing
from tests.support.station import Station, build_station, dock, faults_of, write_card
from tests.support.trees import BLOCK_BYTES, File, Folder, Other, Tree, bound_by_modes, noise, plant, trees

IS_WHOLE_SWEEP = bool(os.environ.get("INGESTD_SWEEP"))
MAX_DEPTH = 6
A = b"DCIM/0000007_00001220261121083000_0001.mp4"

quick = settings(
    max_examples=1500 if IS_WHOLE_SWEEP else 10,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def small_station(root: Path, **options: object) -> Station:
    """A station in whose batches and blocks even a few small files have borders."""
    return build_station(root, copy__block_bytes=BLOCK_BYTES, copy__buffer_blocks=8, proxy__enabled=False, **options)


# --- any card ---------------------------------------------------------------------------------------------------------


def expected_fates(stood: dict[bytes, Entry], inlet: Inlet) -> dict[bytes, str]:
    """What must become of each entry of a sound medium, `held` for either way of being held."""
    fates = {}
    for raw, entry in stood.items():
        if entry.kind in ("link", "special"):
            fates[raw] = "quarantined"
        elif entry.kind == "unreadable":
            fates[raw] = "unreadable"
        elif raw.startswith(b"LOGS/") or raw.endswith(b".tmp") or raw == b".ingest-done" and inlet is Inlet.INBOX:
            fates[raw] = "excluded"
        else:
            fates[raw] = "unreadable" if entry.sha256 is None else "held"
    return fates


def fate_faults(fates: dict[bytes, Fate], stood: dict[bytes, Entry], inlet: Inlet, *, is_first: bool) -> list[str]:
    """Fates that are not as the card's entries alone command; `is_first` where this station never saw the card."""
    told = {raw: "held" if one.fate in HELD else one.fate for raw, one in fates.items()}
    faults = [] if told == expected_fates(stood, inlet) else [f"other fates than expected: {told}"]
    faults += [
        f"excluded without a rule: {raw!r}" for raw, one in fates.items() if one.fate == "excluded" and not one.reason
    ]
    copied = Counter(one.sha256 for raw, one in fates.items() if one.fate == "copied" and stood[raw].size_bytes)
    once = Counter({one.sha256 for raw, one in fates.items() if one.fate in HELD and stood[raw].size_bytes})
    if copied != (once if is_first else Counter()):
        faults.append(f"each content is copied once, at its first sight: {copied}")
    return faults


@quick
@given(trees(), st.integers(1, 5), st.sampled_from([1, BLOCK_BYTES, 1 << 26]), st.sampled_from(list(Inlet)))
@example({}, 1, 1, Inlet.COMMAND)
@example({b"closed": Folder({b"a": File(b"x")}, 0), b"listed": Folder({b"a": File(b"x")}, 0o444)}, 1, 1, Inlet.UDEV)
@example({b"a": File(b"x", 0), b"b": File(b"", 0), b"c": File(b""), b"d": File(b"x")}, 2, 1, Inlet.INBOX)
@example({b"LOGS": Folder({b"a": File(b"x")}), b".ingest-done": File(b""), b"x.tmp": Other("pipe")}, 5, 1, Inlet.INBOX)
def test_every_entry_of_any_card_is_in_the_books_once_and_every_byte_with_it(
    tree: Tree, batch_files: int, batch_bytes: int, inlet: Inlet
) -> None:
    with TemporaryDirectory() as name:
        root = Path(name)
        station = small_station(
            root / "station",
            copy__batch_files=batch_files,
            copy__batch_bytes=batch_bytes,
            copy__exclude=["LOGS/*", "*.tmp"],
            copy__max_depth=MAX_DEPTH,
        )
        card = root / "card"
        plant(card, tree)
        with station.at_work() as parts, bound_by_modes():
            stood = standing(card, max_depth=MAX_DEPTH)
            results = [dock(card, parts, inlet=inlet) for _ in range(2)]
            assert standing(card, max_depth=MAX_DEPTH) == stood, "nothing on the card was changed"
        event(f"entries: {len(stood) // 5 * 5}")
        for number, result in enumerate(results):
            fates = fates_of(station, result.docking_id)
            assert books_faults(station, result.docking_id, stood) == []
            assert fate_faults(fates, stood, inlet, is_first=number == 0) == []
            is_whole = all(one.fate != "unreadable" for one in fates.values())
            assert result.outcome == ("complete" if is_whole else "incomplete")
        assert faults_of(station, is_described=False) == []
        assert name_faults(station.vault.root) == []
        _open_again(card)


def _open_again(card: Path) -> None:
    """So that who is not root can remove it."""
    for path in card.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)


# --- the judge --------------------------------------------------------------------------------------------------------


def change_json(path: Path, change: Callable[[Any], None]) -> None:
    """Edit a document as somebody would who covers something up."""
    document = json.loads(path.read_bytes())
    change(document)
    path.chmod(0o640)
    path.write_text(json.dumps(document, ensure_ascii=False), "utf-8")


def change_rows(station: Station, statement: str) -> None:
    with closing(sqlite3.connect(station.catalogue_file)) as connection, connection:
        connection.execute(statement)


def original(folder: Path) -> Path:
    """An original of a docking."""
    path = next(path for path in sorted(folder.iterdir()) if path.suffix == ".mp4")
    path.chmod(0o640)
    return path


FORGERIES: dict[str, Callable[[Station, Path], object]] = {
    "an entry is gone from record.json": lambda _, at: change_json(at / "record.json", lambda it: it["entries"].pop()),
    "an entry is gone from listing.json": lambda _, at: change_json(
        at / "listing.json", lambda it: it["entries"].pop()
    ),
    "a listed name is another": lambda _, at: change_json(
        at / "listing.json", lambda it: it["entries"][0].update(card_path="other", raw_b64=None, encoding="utf-8")
    ),
    "a fate in record.json is better than it was": lambda _, at: change_json(
        at / "record.json", lambda it: it["entries"][2].update(fate="copied")
    ),
    "a byte too many in the sums": lambda _, at: change_json(
        at / "record.json", lambda it: it["accounting"].update(bytes=it["accounting"]["bytes"] + 1)
    ),
    "a fate's sum is under another name": lambda _, at: change_json(
        at / "record.json", lambda it: it["accounting"]["fates"].update(lost=it["accounting"]["fates"].pop("copied"))
    ),
    "another outcome": lambda _, at: change_json(at / "record.json", lambda it: it.update(outcome="perfect")),
    "an entry is gone from the catalogue": lambda station, _: change_rows(
        station, "DELETE FROM sightings WHERE ordinal = 0"
    ),
    "a fate in the catalogue is another": lambda station, _: change_rows(
        station, "UPDATE sightings SET fate = 'already_held' WHERE ordinal = 0"
    ),
    "a size in the catalogue is another": lambda station, _: change_rows(
        station, "UPDATE sightings SET size_bytes = size_bytes + 1 WHERE ordinal = 0"
    ),
    "a copy is gone": lambda _, at: original(at).unlink(),
    "a copy is cut": lambda _, at: os.truncate(original(at), 1),
    "a copy has another byte": lambda _, at: original(at).write_bytes(b"\1" + original(at).read_bytes()[1:]),
}


@pytest.fixture
def docked(tmp_path: Path) -> tuple[Station, dict[bytes, Entry], str]:
    """A station, a card of four kinds of entries as it was counted, and its docking."""
    station = small_station(tmp_path / "station")
    card = write_card(tmp_path / "card", {A: noise(1, 3000), b"b.mp4": noise(2, 9), b"\xff": b"", b"z": noise(1, 3000)})
    (card / "link").symlink_to("z")
    result = station.ingest(card)
    return station, standing(card), result.docking_id


Docked = tuple[Station, dict[bytes, Entry], str]


def test_the_judge_of_the_books_has_nothing_against_true_ones(docked: Docked) -> None:
    station, stood, docking_id = docked
    assert books_faults(station, docking_id, stood) == []
    assert fate_faults(fates_of(station, docking_id), stood, Inlet.COMMAND, is_first=True) == []


@pytest.mark.parametrize("what", FORGERIES)
def test_the_judge_of_the_books_finds_a_forgery(docked: Docked, what: str) -> None:
    station, stood, docking_id = docked
    FORGERIES[what](station, station.vault.root / station.catalogue().docking(docking_id)["folder"])
    assert books_faults(station, docking_id, stood) != []


@pytest.mark.parametrize("raw", [A, b"\xff", b"link"])
def test_the_judge_of_the_books_misses_an_entry_that_the_station_never_listed(docked: Docked, raw: bytes) -> None:
    station, stood, docking_id = docked
    assert books_faults(station, docking_id, stood | {b"more": stood[raw]}) != []
    assert books_faults(station, docking_id, {one: entry for one, entry in stood.items() if one != raw}) != []


@pytest.mark.parametrize(
    ("raw", "fate"), [(A, "already_held"), (b"z", "copied"), (b"link", "excluded"), (b"\xff", "pending")]
)
def test_the_judge_of_fates_finds_a_fate_that_is_not_due(docked: Docked, raw: bytes, fate: str) -> None:
    station, stood, docking_id = docked
    fates = fates_of(station, docking_id)
    fates[raw] = fates[raw]._replace(fate=fate)
    assert fate_faults(fates, stood, Inlet.COMMAND, is_first=True) != []


def test_modes_bind_the_reader_of_these_cards_whoever_runs_the_tests(tmp_path: Path) -> None:
    plant(tmp_path / "card", {b"file": File(b"x", 0), b"folder": Folder({b"a": File(b"x")}, 0)})
    with bound_by_modes():
        stood = standing(tmp_path / "card")
    assert stood == {b"file": Entry("file", 1, None), b"folder": Entry("unreadable")}
