"""The arithmetic of the ledger: no entry can be edited, moved or left out without the chain telling."""

import datetime as dt
import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ingestd.core.custody import GENESIS, Act, Entry, chain, chain_fault, entry_hash
from ingestd.core.ids import Sha256
from ingestd.core.manifest import canonical_json, manifest_line, sha256_of

NOON = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)


def ledger(length: int = 4) -> list[Entry]:
    entries: list[Entry] = []
    prev = GENESIS
    for seq in range(1, length + 1):
        act = Act(act="recording.sealed", subject=f"recording-{seq}", data={"size_bytes": seq, "title": "执法"})
        entries.append(chain(act, seq=seq, prev=prev, now=NOON + dt.timedelta(seconds=seq)))
        prev = entries[-1].hash
    return entries


def first_fault(entries: list[Entry]) -> str | None:
    prev = GENESIS
    for seq, entry in enumerate(entries, start=1):
        fault = chain_fault(entry, seq=seq, prev=prev)
        if fault is not None:
            return fault
        prev = entry.hash
    return None


def edited(entry: Entry, *, is_rehashed: bool = False, **changes: Any) -> Entry:
    fields = {**entry.model_dump(), **changes}
    if is_rehashed:
        fields["hash"] = entry_hash(fields)
    return Entry(**fields)


def test_an_untouched_chain_has_no_fault() -> None:
    assert first_fault(ledger()) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"time": "2026-11-21T12:00:03.000Z"},
        {"act": "recording.disposed"},
        {"actor": "somebody"},
        {"subject": None},
        {"data": {"size_bytes": 3, "title": "执法"}},
        {"data": {}},
        {"hash": "f" * 64},
    ],
)
def test_an_edited_entry_is_found(changes: dict[str, Any]) -> None:
    entries = ledger()
    entries[1] = edited(entries[1], **changes)
    assert first_fault(entries) == "entry 2 was changed: its hash does not match its words"


def test_an_edited_entry_with_a_new_hash_is_found_at_the_next() -> None:
    entries = ledger()
    entries[1] = edited(entries[1], is_rehashed=True, actor="somebody")
    assert first_fault(entries) == "entry 3 does not follow the one before it"


def test_exchanged_entries_are_found() -> None:
    entries = ledger()
    entries[1], entries[2] = entries[2], entries[1]
    assert first_fault(entries) == "entry 3 stands where 2 belongs"


def test_exchanged_entries_with_new_numbers_are_found() -> None:
    entries = ledger()
    swapped = [edited(entries[2], is_rehashed=True, seq=2), edited(entries[1], is_rehashed=True, seq=3)]
    entries[1:3] = swapped
    assert first_fault(entries) == "entry 2 does not follow the one before it"


def test_a_removed_entry_is_found() -> None:
    entries = ledger()
    del entries[1]
    assert first_fault(entries) == "entry 3 stands where 2 belongs"


def test_a_removed_first_entry_is_found_although_the_rest_was_numbered_again() -> None:
    entries = [edited(entry, is_rehashed=True, seq=entry.seq - 1) for entry in ledger()[1:]]
    assert first_fault(entries) == "entry 1 does not follow the one before it"


def test_a_doubled_entry_is_found() -> None:
    entries = ledger()
    entries.insert(1, entries[0])
    assert first_fault(entries) == "entry 1 stands where 2 belongs"


def test_the_hash_is_that_of_the_line_without_its_hash() -> None:
    entry = ledger(1)[0]
    fields = json.loads(entry.line())
    digest = fields.pop("hash")
    words = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    assert digest == hashlib.sha256(words).hexdigest()


def test_a_line_is_one_line_whatever_its_words() -> None:
    entry = chain(Act(act="note.made", data={"text": "a\nb\u2028c"}), seq=1, prev=GENESIS, now=NOON)
    assert entry.line().count(b"\n") == 1
    assert entry.line().endswith(b"}\n")


@given(st.dictionaries(st.text(), st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists)))
def test_a_stored_line_is_read_back_as_the_same_entry(data: dict[str, Any]) -> None:
    entry = chain(Act(act="note.made", data=data), seq=1, prev=GENESIS, now=NOON)
    again = Entry.model_validate_json(entry.line())
    assert again == entry
    assert chain_fault(again, seq=1, prev=GENESIS) is None


@pytest.mark.parametrize("act", ["sealed", "Recording.sealed", "recording.sealed.now", ""])
def test_an_act_that_is_no_dotted_verb_is_refused(act: str) -> None:
    with pytest.raises(ValidationError):
        Act(act=act)


def test_canonical_json_does_not_depend_on_the_order_of_keys() -> None:
    assert canonical_json({"b": 1, "a": {"d": 2, "c": "执"}}) == '{"a":{"c":"执","d":2},"b":1}'.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_canonical_json_refuses_what_other_readers_could_not_read(value: Any) -> None:
    with pytest.raises(ValueError):
        canonical_json({"value": value})


def test_sha256_is_the_standards_own_example() -> None:
    # FIPS 180-4, the one-block message "abc".
    assert sha256_of(b"abc") == Sha256("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_sha256sum_accepts_the_manifest_and_finds_a_changed_file(tmp_path: Path) -> None:
    names = ["plain.mp4", "执法 1.mp4", "back\\slash", "new\nline", "carriage\rreturn"]
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
    lines = "".join(manifest_line(sha256_of(name.encode()), name) for name in names)
    manifest = tmp_path / "manifest.sha256"
    manifest.write_bytes(lines.encode())

    def check() -> int:
        command = ["sha256sum", "-c", "--strict", "--quiet", manifest.name]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=30).returncode

    assert check() == 0
    (tmp_path / "new\nline").write_bytes(b"other")
    assert check() != 0
