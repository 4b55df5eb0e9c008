"""Ledger and catalogue as one: what stands shows, what cannot show does not stand, and a rebuild gives the same."""

import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, inspect

from ingestd.core.clock import SystemClock
from ingestd.core.custody import Act, Entry
from ingestd.core.errors import IntegrityError, NotFoundError, StoreError, StoreFullError
from ingestd.core.findings import finding
from ingestd.core.manifest import sha256_of
from ingestd.stores import schema, schema_find
from ingestd.stores.attempts import count_attempt, count_first_attempts, forget_attempts
from ingestd.stores.chronicle import Chronicle, applied_seq, rebuild
from ingestd.stores.database import open_for_reading, open_for_writing
from ingestd.stores.ledger import Ledger, read_entries
from ingestd.stores.vault import Vault
from tests.support.cards import Card
from tests.support.station import build_station, faults_of, fill, small_disk, write_card

NOTED = Act(act="test.noted", subject="x", data={"words": "无"})


@dataclass
class Book:
    """A vault with its chronicle, and documents that acts refer to."""

    root: Path
    on_entered: Callable[..., None] = lambda _: None
    dockings: list[str] = field(default_factory=list)
    recordings: list[tuple[str, str]] = field(default_factory=list)
    """Each with its docking."""

    def __post_init__(self) -> None:
        self.vault = Vault(self.root / "vault")
        self.vault.prepare(vault_id="v", created="2026-01-01T00:00:00.000Z")
        self.file = self.root / "catalogue.sqlite3"
        self.open()

    def open(self) -> None:
        self.chronicle = Chronicle(self.vault, open_for_writing(self.file), SystemClock(), self.on_entered)

    def close(self) -> None:
        self.chronicle.engine.dispose()

    def acts(self) -> list[str]:
        return [entry.act for entry in read_entries(self.vault.ledger_folder)]

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        with sqlite3.connect(self.file) as connection:
            return {
                name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr)
                for name in schema.metadata.tables
                if name != "jobs"
            }

    # Acts, with the documents that they vouch for.

    def listed(self, entries: int = 3) -> Act:
        docking = f"d{len(self.dockings)}"
        self.dockings.append(docking)
        folder = f"originals/{docking}"
        files = [
            {"ordinal": number, "card_path": f"f{number}", "encoding": "utf-8", "raw_b64": None, "kind": "file",
             "size_bytes": number, "modified_ns": None, "planned_id": f"{docking}-r{number}", "note": ""}
            for number in range(entries)
        ]  # fmt: skip
        recorder: dict[str, Any] = {"recorder_id": None, "key": "k", "evidence": []}
        document = {
            "docking": {"bay": "b", "inlet": "command", "opened_at": "2026-01-01T00:00:00.000Z", "folder": folder,
                        "recorder": recorder, "volume": {}},
            "entries": files,
        }  # fmt: skip
        self.vault.make_folder(folder)
        data = self.vault.write_document(f"{folder}/listing.json", document)
        digest = sha256_of(data)
        return Act(
            act="docking.listed", subject=docking, data={"listing": f"{folder}/listing.json", "listing_sha256": digest}
        )

    def settled(self, docking: str, ordinal: int, fate: str = "excluded") -> Act:
        items = [{"ordinal": ordinal, "fate": fate, "reason": "a rule", "recording_id": None}]
        return Act(act="docking.settled", subject=docking, data={"items": items})

    def sealed(self, docking: str, ordinal: int, words: str) -> Act:
        recording = f"{docking}-r{ordinal}"
        folder, digest = f"originals/{docking}", sha256_of(words.encode())
        sidecar = f"{folder}/{recording}.birth.json"
        document = {
            "content": {
                "sha256": digest,
                "size_bytes": len(words),
                "path": f"{folder}/{recording}",
                "digests": {},
                "unreadable": [],
            },
            "docking": {"docking_id": docking},
            "recorder": {"recorder_id": None, "key": "k"},
            "card": {"path": f"f{ordinal}", "ordinal": ordinal, "modified_ns": 1},
            "profile_id": None,
            "sealed_at": "2026-01-01T00:00:00.000Z",
        }
        if not self.vault.path(sidecar).exists():
            self.vault.write_document(sidecar, document)
        proof = sha256_of(self.vault.read_bytes(sidecar))
        if (recording, docking) not in self.recordings:
            self.recordings.append((recording, docking))
        return Act(act="recording.sealed", subject=recording, data={"sidecar": sidecar, "sidecar_sha256": proof})

    def analysed(self, recording: str) -> Act:
        found = [finding("gap.video", start_s=1.0, end_s=2.5).model_dump(mode="json")]
        facts = {"kind": "video", "duration_s": 4.25, "z": 1, "a": [1, None]}
        return Act(act="recording.analysed", subject=recording, data={"facts": facts, "findings": found})

    def tagged(self, recording: str) -> Act:
        times = {"start": "2026-01-01T00:00:00.000Z", "end": "2026-01-01T00:00:04.000Z", "source": "name"}
        return Act(
            act="recording.tagged", subject=recording, data={"times": times, "tags": {"b": "张"}, "findings": []}
        )

    def catalogued(self, recording: str) -> Act:
        data = {"retention": {"keep_until": None, "reasons": []}, "hand_over": {"state": "met"}}
        return Act(act="recording.catalogued", subject=recording, data=data)

    def noted(self, docking: str) -> Act:
        found = [finding("identity.unknown").model_dump(mode="json") | {"recording_id": None}]
        return Act(act="finding.noted", subject=docking, data={"docking_id": docking, "findings": found})

    def assembled(self, docking: str) -> Act:
        own = [recording for recording, where in self.recordings if where == docking]
        found = (
            [finding("set.missing", files=tuple(own), start_s=0.0, end_s=3.0).model_dump(mode="json")] if own else []
        )
        data = {"recorder_key": "k", "considered": own, "findings": found,
                "takes": [{"take_id": f"t-{docking}", "recordings": own}]}  # fmt: skip
        return Act(act="set.assembled", subject=docking, data=data)

    def derived(self, recording: str, kind: str) -> Act:
        data = {"kind": kind, "path": None, "sha256": None, "size_bytes": None, "document": {"serves": None}}
        return Act(act="derived.made", subject=recording, data=data)

    def closed(self, docking: str) -> Act:
        return Act(act="docking.closed", subject=docking, data={"outcome": "complete", "accounting": {"entries": 3}})


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    book = Book(tmp_path)
    yield book
    book.close()


# --- entering ---------------------------------------------------------------------------------------------------------


def test_an_act_that_was_entered_stands_in_the_ledger_and_shows_in_the_catalogue(book: Book) -> None:
    book.chronicle.enter(book.listed(), book.sealed("d0", 1, "one"))
    assert book.acts() == ["docking.listed", "recording.sealed"]
    assert [row[0] for row in book.tables()["recordings"]] == ["d0-r1"]


def test_acts_of_one_call_stand_together_in_their_order(book: Book) -> None:
    entries = book.chronicle.enter(book.listed(), book.noted("d0"), NOTED)
    assert [entry.seq for entry in entries] == [1, 2, 3]
    assert book.chronicle.head == (3, entries[-1].hash)


def test_those_who_want_to_know_hear_of_what_stands(tmp_path: Path) -> None:
    heard: list[Entry] = []
    book = Book(tmp_path, on_entered=heard.extend)
    book.chronicle.enter(NOTED)
    assert [entry.act for entry in heard] == ["test.noted"]
    book.close()


REFUSED: dict[str, Callable[[Book], Act]] = {
    "analysis of an unknown recording": lambda book: book.analysed("nobody"),
    "a step back": lambda book: book.analysed("d0-r1"),
    "a step too far": lambda book: book.catalogued("d0-r1"),
    "the same recording again": lambda book: book.sealed("d0", 1, "one"),
    "the end of an unknown docking": lambda book: book.closed("d9"),
    "the fate of an entry that was not listed": lambda book: book.settled("d0", 99),
    "the fate of an entry of an unknown docking": lambda book: book.settled("d9", 0),
    "a derived object of an unknown recording": lambda book: book.derived("nobody", "proxy"),
    "the same docking again": lambda book: book.listed().model_copy(update={"subject": "d0"}),
}


@pytest.mark.parametrize("what", REFUSED)
def test_an_act_that_the_catalogue_cannot_show_is_refused_and_does_not_stand(book: Book, what: str) -> None:
    book.chronicle.enter(book.listed(), book.sealed("d0", 1, "one"), book.analysed("d0-r1"))
    head, tables = book.chronicle.head, book.tables()
    with pytest.raises((IntegrityError, StoreError)):
        book.chronicle.enter(NOTED, REFUSED[what](book))
    assert book.chronicle.head == head
    assert len(book.acts()) == 3
    assert book.tables() == tables


def test_the_chronicle_goes_on_after_a_refused_act(book: Book) -> None:
    with pytest.raises(IntegrityError):
        book.chronicle.enter(book.analysed("nobody"))
    book.chronicle.enter(NOTED)
    assert book.acts() == ["test.noted"]


@pytest.mark.parametrize("document", ["listing.json", "d0-r1.birth.json"])
def test_a_document_that_is_not_the_one_vouched_for_is_refused(book: Book, document: str) -> None:
    listed, sealed = book.listed(), book.sealed("d0", 1, "one")
    path = book.vault.root / "originals" / "d0" / document
    path.chmod(0o640)
    path.write_bytes(path.read_bytes().replace(b"f1", b"f2"))
    with pytest.raises(IntegrityError, match="not the document that the ledger names"):
        book.chronicle.enter(listed, sealed)
    assert book.acts() == []


# --- ledger and catalogue apart ---------------------------------------------------------------------------------------


def test_a_catalogue_behind_its_ledger_catches_up_at_the_start(book: Book) -> None:
    book.chronicle.enter(book.listed())
    book.close()
    ledger = Ledger(book.vault.ledger_folder, SystemClock())
    ledger.append(ledger.chain([book.sealed("d0", 1, "one"), book.analysed("d0-r1")]))
    assert book.tables()["recordings"] == []
    book.open()
    assert [row[0] for row in book.tables()["recordings"]] == ["d0-r1"]
    with book.chronicle.engine.connect() as connection:
        assert applied_seq(connection) == 3


def test_a_catalogue_ahead_of_its_ledger_is_refused(book: Book) -> None:
    book.chronicle.enter(NOTED)
    book.chronicle.enter(NOTED)
    book.close()
    segment = book.vault.ledger_folder / "000001.jsonl"
    segment.write_bytes(segment.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(IntegrityError, match="the catalogue knows 2 acts, the ledger has 1"):
        book.open()


def test_a_ledger_that_was_cut_is_found_by_verify_because_the_catalogue_knows_more(tmp_path: Path) -> None:
    station = build_station(tmp_path / "station")
    station.ingest(write_card(tmp_path / "card", {"a.bin": b"one"}), is_described=True)
    assert station.cli("verify", "--json").returncode == 0
    segment = station.vault.ledger_folder / "000001.jsonl"
    segment.write_bytes(b"".join(segment.read_bytes().splitlines(keepends=True)[:-1]))
    verdict = station.cli("verify", "--json")
    assert verdict.returncode == 6
    assert "it was cut" in json.loads(verdict.stdout)["faults"][0]["words"]


def test_a_ledger_that_a_crash_tore_is_repaired_and_the_repair_is_an_act(book: Book) -> None:
    book.chronicle.enter(NOTED)
    book.close()
    with (book.vault.ledger_folder / "000001.jsonl").open("ab") as segment:
        segment.write(b'{"torn')
    book.open()
    last = list(read_entries(book.vault.ledger_folder))[-1]
    assert (last.act, last.data) == ("ledger.repaired", {"segment": "000001.jsonl", "cut_bytes": 6})


def test_an_act_that_stood_while_the_catalogue_found_no_room_is_not_entered_twice(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 4 * 1024 * 1024) as disk:
        heard: list[Entry] = []
        book = Book(disk, on_entered=heard.extend)
        book.chronicle.enter(book.listed(300))
        acts = [book.sealed("d0", 1, "one"), book.noted("d0")]
        fill(disk / "ballast")
        with pytest.raises(StoreFullError):
            book.chronicle.enter(*acts)
        assert book.acts() == ["docking.listed", "recording.sealed", "finding.noted"], "the ledger had room for both"
        assert book.tables()["recordings"] == []
        (disk / "ballast").unlink()
        assert [entry.seq for entry in book.chronicle.enter(*acts)] == [2, 3]
        assert book.acts() == ["docking.listed", "recording.sealed", "finding.noted"]
        assert len(book.tables()["findings"]) == 1
        assert [entry.seq for entry in heard] == [1, 2, 3]
        book.close()


def test_an_act_for_which_the_ledger_found_no_room_does_not_stand(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 4 * 1024 * 1024) as disk:
        book = Book(disk)
        fill(disk / "ballast")
        long = Act(act="test.noted", data={"words": "x" * 10_000})
        with pytest.raises(StoreFullError):
            book.chronicle.enter(long)
        assert book.acts() == []
        (disk / "ballast").unlink()
        book.chronicle.enter(long)
        assert book.acts() == ["test.noted"]
        book.close()


# --- rebuilding -------------------------------------------------------------------------------------------------------

STEPS = ("listed", "settled", "sealed", "analysed", "tagged", "catalogued", "noted", "assembled", "derived", "closed")


def act_of(book: Book, step: str, one: int, other: int) -> Act | None:
    """An act that may or may not be possible now; null where there is nothing that it could be about."""
    if step == "listed":
        return book.listed(one % 4)
    if not book.dockings:
        return None
    docking = book.dockings[one % len(book.dockings)]
    if step == "sealed":
        return book.sealed(docking, other % 4, f"bytes {other % 3}")
    if step == "settled":
        return book.settled(docking, other % 4)
    if step in ("noted", "assembled", "closed"):
        made: Act = getattr(book, step)(docking)
        return made
    if not book.recordings:
        return None
    recording = book.recordings[one % len(book.recordings)][0]
    if step == "derived":
        return book.derived(recording, ("proxy", "poster", "track")[other % 3])
    about: Act = getattr(book, step)(recording)
    return about


def rebuilt_tables(book: Book) -> dict[str, list[tuple[Any, ...]]]:
    book.close()
    book.chronicle = rebuild(book.vault, book.file, SystemClock())
    return book.tables()


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 11), st.integers(0, 11)), min_size=3, max_size=40))
def test_whatever_was_entered_a_rebuilt_catalogue_is_the_same(steps: list[tuple[str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        book = Book(Path(name))
        book.chronicle.enter(book.listed(), book.sealed("d0", 0, "bytes 0"), book.sealed("d0", 1, "bytes 1"))
        for step, one, other in steps:
            act = act_of(book, step, one, other)
            head = book.chronicle.head
            try:
                if act is not None:
                    book.chronicle.enter(act)
            except (IntegrityError, StoreError):
                assert book.chronicle.head == head
        live = book.tables()
        assert rebuilt_tables(book) == live
        book.close()


def test_the_comparison_of_catalogues_sees_a_row_that_differs(book: Book) -> None:
    book.chronicle.enter(book.listed(), book.sealed("d0", 1, "one"))
    with sqlite3.connect(book.file) as connection:
        connection.execute("UPDATE recordings SET card_path = 'other'")
    live = book.tables()
    assert rebuilt_tables(book) != live


def test_a_rebuild_sets_the_old_catalogue_aside(book: Book) -> None:
    book.chronicle.enter(book.listed())
    rebuilt_tables(book)
    with sqlite3.connect(book.root / "catalogue.sqlite3.before-rebuild") as old:
        assert old.execute("SELECT count(*) FROM dockings").fetchone() == (1,)


def test_a_rebuild_needs_no_old_catalogue(book: Book) -> None:
    book.chronicle.enter(book.listed())
    book.close()
    for path in book.root.glob("catalogue.sqlite3*"):
        path.unlink()
    assert len(rebuilt_tables(book)["dockings"]) == 1


def test_a_rebuild_refuses_a_vault_that_contradicts_its_ledger(book: Book) -> None:
    book.chronicle.enter(book.listed(), book.sealed("d0", 1, "one"))
    (book.vault.root / "originals" / "d0" / "d0-r1.birth.json").unlink()
    with pytest.raises((IntegrityError, NotFoundError), match=r"d0-r1\.birth\.json"):
        rebuilt_tables(book)


def test_list_show_and_findings_say_the_same_after_a_rebuild_to_the_letter(tmp_path: Path, demo_card: Card) -> None:
    station = build_station(tmp_path / "station")
    station.ingest(demo_card.root, is_described=True)
    name = station.catalogue().recordings()[0]["card_path"]
    questions = (("list", "--json"), ("findings", "--json"), ("show", name, "--json"))
    before = [station.cli(*question).stdout for question in questions]
    assert len(json.loads(before[0])) > 5
    for path in (tmp_path / "station" / "var").glob("catalogue.sqlite3*"):
        path.unlink()
    assert station.cli("catalogue", "rebuild").returncode == 0
    assert [station.cli(*question).stdout for question in questions] == before


def test_a_station_goes_on_with_a_rebuilt_catalogue(tmp_path: Path) -> None:
    station = build_station(tmp_path / "station")
    card = write_card(tmp_path / "card", {"a.bin": b"one", "b.bin": b"two"})
    station.ingest(card, is_described=True)
    assert station.cli("catalogue", "rebuild").returncode == 0
    result = station.ingest(card, is_described=True)
    assert {row["fate"] for row in station.entries(result.docking_id).values()} == {"already_held"}
    assert faults_of(station, card) == []


# --- schema -----------------------------------------------------------------------------------------------------------


@contextmanager
def differences_from_metadata(file: Path) -> Iterator[list[Any]]:
    engine = create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        # Indexes that only SQLite has are compared by `described`.
        own = {"compare_type": True, "include_name": lambda name, *_: not str(name).startswith(schema_find.INDEXES)}
        context = MigrationContext.configure(connection, opts=own)
        yield list(compare_metadata(context, schema.metadata))
    engine.dispose()


def described(file: Path) -> dict[str, Any]:
    """Every table with columns, keys and indexes, as SQLite itself has them."""
    engine = create_engine(f"sqlite:///{file}")
    found = inspect(engine)
    tables = {
        name: {
            "columns": [{**column, "type": str(column["type"])} for column in found.get_columns(name)],
            "primary key": found.get_pk_constraint(name),
            "foreign keys": sorted(json.dumps(key) for key in found.get_foreign_keys(name)),
            "indexes": sorted(json.dumps(index, default=str) for index in found.get_indexes(name)),
        }
        for name in found.get_table_names()
        if name != "alembic_version"
    }
    engine.dispose()
    return tables


def test_an_upgraded_catalogue_has_the_schema_of_a_fresh_one(tmp_path: Path) -> None:
    open_for_writing(tmp_path / "upgraded").dispose()
    fresh = create_engine(f"sqlite:///{tmp_path / 'fresh'}")
    schema.metadata.create_all(fresh)
    fresh.dispose()
    assert described(tmp_path / "upgraded") == described(tmp_path / "fresh")
    with differences_from_metadata(tmp_path / "upgraded") as differences:
        assert differences == []


def test_the_comparison_of_schemas_sees_a_missing_index_and_a_column_more(tmp_path: Path) -> None:
    open_for_writing(tmp_path / "a").dispose()
    whole = described(tmp_path / "a")
    with sqlite3.connect(tmp_path / "a") as connection:
        connection.execute("DROP INDEX ix_recordings_take_id")
        connection.execute("ALTER TABLE jobs ADD COLUMN more TEXT")
    assert described(tmp_path / "a") != whole
    with differences_from_metadata(tmp_path / "a") as differences:
        assert len(differences) == 2


def test_the_revision_that_needs_no_migration_is_the_newest(tmp_path: Path) -> None:
    open_for_writing(tmp_path / "a").dispose()
    with sqlite3.connect(tmp_path / "a") as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (schema.REVISION,)


def test_upgrading_twice_changes_nothing(tmp_path: Path) -> None:
    open_for_writing(tmp_path / "a").dispose()
    before = described(tmp_path / "a")
    open_for_writing(tmp_path / "a").dispose()
    assert described(tmp_path / "a") == before


def test_a_catalogue_of_a_newer_version_is_refused_in_words(tmp_path: Path) -> None:
    open_for_writing(tmp_path / "a").dispose()
    with sqlite3.connect(tmp_path / "a") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="newer"):
        open_for_writing(tmp_path / "a")


def test_a_file_that_is_no_catalogue_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="the catalogue refused") as caught:
        open_for_writing(tmp_path / "a")
    assert "catalogue rebuild" in caught.value.advice


def test_a_reader_cannot_write(book: Book) -> None:
    engine = open_for_reading(book.file)
    with pytest.raises(StoreError, match="readonly|read-only"):
        count_attempt(engine, "r", "analyse")
    engine.dispose()


def test_a_reader_without_a_catalogue_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        open_for_reading(tmp_path / "none")
    assert "ingestd run" in caught.value.advice


def test_the_catalogue_is_written_with_full_synchronisation_and_a_write_ahead_log(book: Book) -> None:
    with book.chronicle.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"


def test_tries_are_counted_before_the_work_and_forgotten_after_it(book: Book) -> None:
    assert [count_attempt(book.chronicle.engine, "r", "analyse") for _ in range(2)] == [1, 2]
    forget_attempts(book.chronicle.engine, ["r"], "analyse")
    assert count_attempt(book.chronicle.engine, "r", "analyse") == 1


def test_a_first_try_is_counted_for_many_at_once_and_never_twice(book: Book) -> None:
    engine = book.chronicle.engine
    assert count_first_attempts(engine, ["a", "b"], "analyse") == {}
    # As after a crash: those of the batch are tried one by one, a new one comes with them.
    assert count_first_attempts(engine, ["a", "b", "c"], "analyse") == {"a": 1, "b": 1}
    assert [count_attempt(engine, one, "analyse") for one in "abc"] == [2, 2, 2]
