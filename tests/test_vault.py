"""The vault: laid out once, explained by itself, read-only originals, manifests that `sha256sum -c` reads."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from ingestd.core.errors import IntegrityError, NotFoundError, StoreError
from ingestd.core.ids import DockingId, RecordingId, Sha256
from ingestd.core.manifest import sha256_of
from ingestd.stores.durable import open_to_go_on, protect, unfinished, write_all
from ingestd.stores.vault import Vault

ONE = RecordingId("01910000-0000-7000-8000-000000000001")
FOLDER = "originals/2026/2026-11-21/unknown-1"


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    vault = Vault(tmp_path / "vault")
    vault.prepare(vault_id="id-1", created="2026-11-21T00:00:00.000Z")
    vault.make_folder(FOLDER)
    return vault


def stage(vault: Vault, data: bytes = b"bytes", recording: RecordingId = ONE) -> Path:
    descriptor = vault.create_staged(recording)
    write_all(descriptor, data, vault.staged_original(recording))
    os.close(descriptor)
    return vault.staged_original(recording)


# --- laying out -------------------------------------------------------------------------------------------------------


def test_a_new_vault_says_what_it_is_and_how_to_read_it(vault: Vault) -> None:
    assert json.loads((vault.root / "vault.json").read_bytes())["format"] == "ingestd-vault/1"
    assert "sha256sum -c SHA256SUMS" in (vault.root / "README.txt").read_text("utf-8")


def test_a_vault_that_stands_keeps_its_identity(vault: Vault) -> None:
    vault.prepare(vault_id="id-2", created="2030-01-01T00:00:00.000Z")
    assert vault.read_json("vault.json")["vault_id"] == "id-1"


def test_a_folder_with_something_else_is_not_taken_for_a_vault(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(StoreError, match="is no vault"):
        Vault(tmp_path).prepare(vault_id="x", created="y")
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_a_vault_of_an_unknown_format_is_refused(vault: Vault) -> None:
    identity = vault.root / "vault.json"
    identity.chmod(0o640)
    identity.write_bytes(b'{"format":"ingestd-vault/9"}')
    with pytest.raises(StoreError, match="ingestd-vault/9"):
        vault.prepare(vault_id="x", created="y")


def test_a_first_start_that_was_killed_is_done_again(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault")
    vault.root.mkdir()
    unfinished(vault.root / "vault.json").write_bytes(b'{"for')
    vault.prepare(vault_id="id", created="y")
    assert vault.exists()


def test_what_a_killed_first_start_left_beside_its_documents_goes(vault: Vault) -> None:
    for name in ("vault.json", "README.txt"):
        unfinished(vault.root / name).write_bytes(b"left over")
    vault.prepare(vault_id="x", created="y")
    assert sorted(path.name for path in vault.root.iterdir()) == [
        ".staging", "README.txt", "derived", "ledger", "originals", "vault.json"
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["/etc/passwd", "../outside", "originals/../../outside", ".."])
def test_no_path_leads_out_of_the_vault(vault: Vault, path: str) -> None:
    with pytest.raises(IntegrityError, match="leads out of the vault"):
        vault.path(path)


def test_room_is_what_the_file_system_gives_an_ordinary_user(vault: Vault) -> None:
    room = os.statvfs(vault.root)
    assert abs(vault.free_bytes() - room.f_bavail * room.f_frsize) < 1 << 30
    assert vault.total_bytes() == room.f_blocks * room.f_frsize


# --- originals --------------------------------------------------------------------------------------------------------


def test_an_original_takes_its_place_with_its_bytes_and_nothing_of_it_stays_in_staging(vault: Vault) -> None:
    stage(vault)
    vault.publish_original(ONE, f"{FOLDER}/a.mp4")
    assert (vault.root / FOLDER / "a.mp4").read_bytes() == b"bytes"
    assert not vault.staged_original(ONE).exists()


def test_a_copy_that_was_whole_and_read_only_can_be_gone_on_with(vault: Vault) -> None:
    path = stage(vault)
    with path.open("rb") as file:
        protect(file.fileno(), path)
    assert path.stat().st_mode & 0o777 == 0o440
    os.close(open_to_go_on(path))
    assert path.stat().st_mode & 0o777 == 0o640


def test_an_original_that_stands_already_is_accepted_when_sealing_goes_on(vault: Vault) -> None:
    stage(vault)
    vault.publish_original(ONE, f"{FOLDER}/a.mp4")
    vault.publish_original(ONE, f"{FOLDER}/a.mp4")
    vault.discard_staged(ONE)
    vault.publish_original(ONE, f"{FOLDER}/a.mp4")
    assert (vault.root / FOLDER / "a.mp4").stat().st_nlink == 1


def test_an_original_never_takes_the_place_of_another(vault: Vault) -> None:
    (vault.root / FOLDER / "a.mp4").write_bytes(b"standing")
    stage(vault)
    with pytest.raises(StoreError, match="another file stands"):
        vault.publish_original(ONE, f"{FOLDER}/a.mp4")
    assert (vault.root / FOLDER / "a.mp4").read_bytes() == b"standing"


def test_an_original_that_is_nowhere_cannot_be_published(vault: Vault) -> None:
    with pytest.raises(StoreError, match="neither staged nor standing"):
        vault.publish_original(ONE, f"{FOLDER}/a.mp4")


def test_a_half_copied_file_of_an_earlier_try_is_begun_anew(vault: Vault) -> None:
    stage(vault, b"a long half")
    assert stage(vault, b"new").read_bytes() == b"new"


def test_a_sidecar_that_has_its_place_already_stays_the_file_that_it_is_when_staged_again(vault: Vault) -> None:
    vault.stage_sidecar(ONE, {"a": 1})
    vault.publish_sidecar(ONE, f"{FOLDER}/a.birth.json")
    before = vault.staged_sidecar(ONE).stat().st_ino
    vault.stage_sidecar(ONE, {"a": 1})
    assert vault.staged_sidecar(ONE).stat().st_ino == before


def test_a_sidecar_whose_sync_may_have_failed_is_written_anew_when_staged_again(vault: Vault) -> None:
    vault.stage_sidecar(ONE, {"a": 1})
    with vault.staged_sidecar(ONE).open("rb") as before:
        vault.stage_sidecar(ONE, {"a": 1})
        assert os.fstat(before.fileno()).st_nlink == 0


def test_a_torn_sidecar_of_an_earlier_try_is_replaced(vault: Vault) -> None:
    vault.staged_sidecar(ONE).write_bytes(b'{"a"')
    vault.stage_sidecar(ONE, {"a": 1})
    assert vault.staged_sidecar(ONE).read_bytes() == b'{"a":1}\n'


def test_discarding_empties_staging(vault: Vault) -> None:
    stage(vault)
    vault.stage_sidecar(ONE, {"a": 1})
    vault.stage_opening(DockingId("d"), {"a": 1})
    vault.discard_staged(ONE)
    vault.discard_opening(DockingId("d"))
    assert list(vault.staging_folder.iterdir()) == []


def test_a_file_is_held_only_with_its_own_size_and_as_a_file(vault: Vault) -> None:
    path = vault.root / FOLDER / "a"
    path.write_bytes(b"12345")
    (vault.root / FOLDER / "link").symlink_to("12345")
    assert vault.has_file(f"{FOLDER}/a", 5)
    assert not vault.has_file(f"{FOLDER}/a", 4)
    assert not vault.has_file(f"{FOLDER}/b", 5)
    assert not vault.has_file(f"{FOLDER}/link", 5), "a link of five characters has the size 5 as well"


def test_an_original_is_opened_for_reading_only(vault: Vault) -> None:
    (vault.root / FOLDER / "a").write_bytes(b"12345")
    descriptor = vault.open_for_reading(f"{FOLDER}/a")
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.write(descriptor, b"x")
    os.close(descriptor)


def test_a_link_in_the_place_of_an_original_is_not_followed(vault: Vault) -> None:
    (vault.root / FOLDER / "a").symlink_to("/etc/hostname")
    with pytest.raises(StoreError):
        vault.open_for_reading(f"{FOLDER}/a")


# --- documents --------------------------------------------------------------------------------------------------------


def test_a_document_is_canonical_and_never_changed(vault: Vault) -> None:
    vault.write_document(f"{FOLDER}/record.json", {"b": 1, "a": "文"})
    assert (vault.root / FOLDER / "record.json").read_bytes() == '{"a":"文","b":1}\n'.encode()
    with pytest.raises(StoreError):
        vault.write_document(f"{FOLDER}/record.json", {"b": 2})


def test_a_missing_document_is_told_apart_from_an_unreadable_one(vault: Vault) -> None:
    with pytest.raises(NotFoundError):
        vault.read_bytes("nothing.json")
    with pytest.raises(StoreError):
        vault.read_bytes("originals")


@pytest.mark.parametrize("data", [b"{", b"[]", b"\xff"])
def test_a_document_that_is_no_object_is_an_integrity_fault(vault: Vault, data: bytes) -> None:
    (vault.root / "bad.json").write_bytes(data)
    with pytest.raises(IntegrityError, match=r"bad\.json"):
        vault.read_json("bad.json")


# --- manifests --------------------------------------------------------------------------------------------------------


def checked(folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def put(vault: Vault, relative: str, data: bytes) -> dict[str, Sha256]:
    path = vault.root / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return {relative: sha256_of(data)}


def test_sha256sum_reads_the_manifest_whatever_the_names(vault: Vault) -> None:
    names = ("plain.mp4", "空 格.mp4", "back\\slash", "new\nline", " leading", "carriage\rreturn")
    for name in names:
        vault.append_manifest(FOLDER, put(vault, f"{FOLDER}/{name}", name.encode()))
    vault.append_manifest(FOLDER, put(vault, "originals/2026/2026-11-20/other/b.mp4", b"of another docking"))
    result = checked(vault.root / FOLDER)
    assert (result.returncode, result.stderr) == (0, "")
    assert len((vault.root / FOLDER / "SHA256SUMS").read_bytes().split(b"\n")) == len(names) + 2


def test_sha256sum_finds_a_changed_original_by_the_manifest(vault: Vault) -> None:
    vault.append_manifest(FOLDER, put(vault, f"{FOLDER}/a", b"one"))
    (vault.root / FOLDER / "a").write_bytes(b"two")
    assert checked(vault.root / FOLDER).returncode == 1


def test_a_manifest_names_each_file_once(vault: Vault) -> None:
    for _ in range(2):
        vault.append_manifest(FOLDER, put(vault, f"{FOLDER}/a", b"one"))
    assert len((vault.root / FOLDER / "SHA256SUMS").read_text().splitlines()) == 1


def test_a_line_that_a_crash_tore_is_cut_and_written_again(vault: Vault) -> None:
    lines = put(vault, f"{FOLDER}/a", b"one")
    vault.append_manifest(FOLDER, lines)
    other = put(vault, f"{FOLDER}/b", b"two")
    with (vault.root / FOLDER / "SHA256SUMS").open("ab") as manifest:
        manifest.write(other[f"{FOLDER}/b"][:20].encode())
    vault.append_manifest(FOLDER, lines | other)
    assert checked(vault.root / FOLDER).returncode == 0
    assert len((vault.root / FOLDER / "SHA256SUMS").read_text().splitlines()) == 2
