"""A real station in a folder of its own, a judge of everything that it promised, and small cards of plain bytes."""

import atexit
import base64
import contextlib
import functools
import hashlib
import json
import os
import re
import resource
import shutil
import sqlite3
import stat
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ingestd.config.load import Configuration, load_all
from ingestd.core.model import Inlet, Progress, Verified
from ingestd.core.settings import Settings
from ingestd.core.stop import Stop
from ingestd.devices.dock import open_docking
from ingestd.devices.mounts import FolderMounter
from ingestd.media.sandbox import MediaWorker
from ingestd.pipeline.describe import describe
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.recover import recover
from ingestd.pipeline.run import DockingResult, take_in
from ingestd.stores.search import Catalogue, Row
from ingestd.stores.vault import Vault
from ingestd.wiring import open_catalogue, open_parts, writer_lock
from tests.support.commands import command_server

PROJECT = Path(__file__).resolve().parents[2]
Report = Callable[[Progress], None]


@dataclass(frozen=True)
class Station:
    """A station with the project's own configuration; everything of it lies below `root`."""

    root: Path

    @property
    def config_file(self) -> Path:
        return self.root / "config" / "ingestd.toml"

    @property
    def configuration(self) -> Configuration:
        return load_all(self.config_file)

    @property
    def settings(self) -> Settings:
        return self.configuration.settings

    @property
    def vault(self) -> Vault:
        return Vault(self.root / "var" / "vault")

    @property
    def catalogue_file(self) -> Path:
        return self.root / "var" / "catalogue.sqlite3"

    @property
    def environment(self) -> dict[str, str]:
        """What a process of this station needs to be told."""
        return os.environ | {"INGESTD_CONFIG": str(self.config_file), "PYTHONPATH": str(PROJECT)}

    def catalogue(self) -> Catalogue:
        """The catalogue, read-only."""
        return open_catalogue(self.settings)

    def cli(self, *arguments: str | Path, timeout_seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a command of the program as a process."""
        words = [str(one) for one in arguments]
        status, out, err = command_server().run(
            words, folder=self.root, environment=self.environment, seconds=timeout_seconds
        )
        return subprocess.CompletedProcess(words, status, out.decode("utf-8"), err.decode("utf-8"))

    @contextmanager
    def opened(
        self, stop: Stop | None = None, on_verified: Callable[[Verified], None] = lambda _: None
    ) -> Iterator[Parts]:
        """The station's parts in this process, under its lock; nothing is mended yet.

        One that nobody stops in the middle shares its media child with all others of this process.
        """
        configuration = self.configuration
        parts = open_parts(configuration, stop or Stop(), on_verified=on_verified)
        with writer_lock(configuration.settings), parts as opened:
            yield opened if stop else replace(opened, media=_media_child(configuration.settings.media.memory_bytes))

    @contextmanager
    def at_work(
        self, stop: Stop | None = None, on_verified: Callable[[Verified], None] = lambda _: None
    ) -> Iterator[Parts]:
        """The station's parts in this process, recovered, under its lock."""
        with self.opened(stop, on_verified) as parts:
            recover(parts)
            yield parts

    def ingest(
        self,
        card: Path,
        *,
        inlet: Inlet = Inlet.COMMAND,
        report: Report = lambda _: None,
        on_verified: Callable[[Verified], None] = lambda _: None,
        stop: Stop | None = None,
        is_described: bool = False,
    ) -> DockingResult:
        """Take a folder in, in this process; with `is_described` the background half as well."""
        with self.at_work(stop, on_verified) as parts:
            result = dock(card, parts, inlet=inlet, report=report)
            while is_described and describe(parts):
                continue
        return result

    def entries(self, docking_id: str) -> dict[str, Row]:
        """The entries of a docking by their card paths."""
        return {row["card_path"]: row for row in self.catalogue().sightings(docking_id)}

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of the catalogue but what is no index of the vault: counters of tries, and when bytes were read.

        SQLite's own indexes of words lie on the disk as their history was; what they find is compared by questions.
        """
        with sqlite3.connect(self.catalogue_file) as connection:
            names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            names = [name for name in names if not name.startswith(("find_words", "find_signs", "find_box"))]
            return {
                name: sorted(connection.execute(f'SELECT * FROM "{name}"'), key=repr)
                for name in sorted(names)
                if name not in ("jobs", "fixity")
            }


@functools.cache
def _media_child(memory_bytes: int) -> MediaWorker:
    """It starts at its first file, and ends with this process."""
    child = MediaWorker(memory_bytes)
    atexit.register(child.close)
    return child


def build_station(root: Path, **options: object) -> Station:
    """A station of the project's configuration without udev, on a free port.

    `options` change settings, as in `copy__batch_files=2`.
    """
    shutil.copytree(PROJECT / "config", root / "config")
    station = Station(root)
    text = station.config_file.read_text("utf-8")
    for name, value in {"udev__enabled": False, "http__port": 0, "web__port": 0, **options}.items():
        section, _, key = name.partition("__")
        pattern = re.compile(rf"(^\[{section}\]\n(?:(?!\[).*\n)*?){key} = .*$", re.MULTILINE)
        words = json.dumps(value, ensure_ascii=False)
        text, count = pattern.subn(lambda match, key=key, words=words: f"{match[1]}{key} = {words}", text)  # type: ignore[misc]
        assert count == 1, f"{name} is no setting of the shipped configuration"
    station.config_file.write_text(text, "utf-8")
    return station


def dock(card: Path, parts: Parts, *, inlet: Inlet = Inlet.COMMAND, report: Report = lambda _: None) -> DockingResult:
    """One docking of a folder."""
    limits = parts.settings.copying
    with open_docking(
        FolderMounter(card),
        bay="test",
        inlet=inlet,
        profiles=parts.profiles,
        zone=parts.settings.station.zone_info,
        clock=parts.clock,
        max_entries=limits.max_entries,
        max_depth=limits.max_depth,
    ) as docked:
        return take_in(docked, parts, report)


def write_card(root: Path, files: dict[str | bytes, bytes]) -> Path:
    """A card of these files; names may be bytes."""
    root.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        path = root / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def sha256_of_file(path: Path) -> str:
    """By the standard library alone."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def card_state(root: Path) -> dict[bytes, tuple[Any, ...]]:
    """Names, kinds, modes, times and bytes of everything on a card, to see that nothing was written to it."""
    state: dict[bytes, tuple[Any, ...]] = {}
    for path in (root, *root.rglob("*")):
        status = path.lstat()
        digest = sha256_of_file(path) if stat.S_ISREG(status.st_mode) else None
        state[os.fsencode(path)] = (status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns, digest)
    return state


# The judge. It reads files, SQLite and the ledger by itself: what it says does not rest on the code that it judges.


def faults_of(station: Station, *cards: Path, is_described: bool = True) -> list[str]:
    """Every broken promise of a station that is at rest, in words; empty when all is well.

    While the background half is not done (`is_described` false), a derived file may stand that no entry knows yet.
    `cards` were docked completely, each by a recorder of its own: every ordinary file of theirs must be held exactly
    once, with equal bytes.
    """
    root = station.vault.root
    with contextlib.closing(sqlite3.connect(f"file:{station.catalogue_file}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        rows = {
            name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")]
            for name in (
                "contents",
                "recordings",
                "dockings",
                "sightings",
                "derived",
                "findings",
                "explanations",
                "disposals",
            )
        }
        faults = [f"SQLite: {row[0]}" for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
        faults += [f"foreign key: {tuple(row)}" for row in connection.execute("PRAGMA foreign_key_check")]
    faults += _ledger_faults(root)
    faults += _row_faults(root, rows)
    strays = _stray_files(root, rows)
    faults += [
        f"a file that nothing knows of: {name}" for name in strays if is_described or not name.startswith("derived/")
    ]
    faults += _manifest_faults(root, has_disposals=bool(rows["disposals"]))
    for card in cards:
        faults += _card_faults(card, rows)
    return faults


def _ledger_faults(root: Path) -> Iterator[str]:
    seq, previous = 0, "0" * 64
    for segment in sorted((root / "ledger").iterdir()):
        for line in segment.read_bytes().splitlines(keepends=True):
            try:
                entry = json.loads(line)
                digest = entry.pop("hash")
            except (ValueError, KeyError):
                yield f"ledger: {segment.name} holds a line that is no entry behind {seq}"
                return
            words = json.dumps(entry, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
            if (entry["seq"], entry["prev"]) != (seq + 1, previous) or hashlib.sha256(words).hexdigest() != digest:
                yield f"ledger: the chain breaks behind entry {seq}"
                return
            seq, previous = entry["seq"], digest


def _row_faults(root: Path, rows: dict[str, list[Row]]) -> Iterator[str]:
    held = [row for row in rows["contents"] if row["condemned_seq"] is None]
    living = {row["sha256"] for row in rows["recordings"] if row["state"] != "disposed"}
    for row in rows["contents"]:
        if row["condemned_seq"] is not None and row["sha256"] not in living and (root / row["vault_path"]).exists():
            yield f"disposed of, and still there: {row['vault_path']}"
    for row in (*held, *(one for one in rows["derived"] if one["vault_path"] is not None)):
        path = root / row["vault_path"]
        if not path.is_file() or sha256_of_file(path) != row["sha256"]:
            yield f"row without its file: {row['vault_path']}"
    for row in rows["contents"]:
        path = root / row["vault_path"]
        if path.is_file() and stat.S_IMODE(path.stat().st_mode) != 0o440:
            yield f"not read-only: {row['vault_path']}"
    for row in rows["recordings"]:
        if not (root / row["sidecar_path"]).is_file():
            yield f"row without its sidecar: {row['sidecar_path']}"
    counts = Counter(
        (row["recorder_key"], row["sha256"], row["card_path"] if row["size_bytes"] == 0 else None)
        for row in rows["recordings"]
        if row["state"] not in ("condemned", "disposed")
    )
    yield from (f"held {count} times: {key}" for key, count in counts.items() if count > 1)
    known = {row["recording_id"] for row in rows["recordings"]}
    for row in rows["sightings"]:
        if (row["fate"] in ("copied", "partial", "already_held")) != (row["recording_id"] in known):
            yield f"a sighting is {row['fate']} with recording {row['recording_id']}: {row['card_path']}"
    for recording, count in Counter(
        row["recording_id"] for row in rows["sightings"] if row["fate"] == "copied"
    ).items():
        if count > 1:
            yield f"copied {count} times: {recording}"
    yield from (f"a docking is open: {row['docking_id']}" for row in rows["dockings"] if row["closed_at"] is None)


_OF_THE_LEDGER = r"ledger/\d{6}\.jsonl|heads/\d{4}/\d{9}\.json|keys/[0-9a-f]{16}\.pem"


def _stray_files(root: Path, rows: dict[str, list[Row]]) -> Iterator[str]:
    known = {"vault.json", "README.txt"}
    known |= {row["vault_path"] for row in (*rows["contents"], *rows["derived"])}
    known |= {row["sidecar_path"] for row in rows["recordings"]}
    known |= {json.loads(row["document"]).get("attachment") for row in rows["explanations"]}
    known |= {row[key] for row in rows["disposals"] for key in ("plan", "certificate")}
    for row in rows["dockings"]:
        known |= {f"{row['folder']}/{name}" for name in ("listing.json", "record.json", "SHA256SUMS")}
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        if path.is_file() and name not in known and not re.fullmatch(_OF_THE_LEDGER, name):
            yield name


def _manifest_faults(root: Path, *, has_disposals: bool) -> Iterator[str]:
    for manifest in (root / "originals").rglob("SHA256SUMS"):
        checked = subprocess.run(
            # What was disposed of stays in the list; whether it may be gone is asked of its row.
            ["sha256sum", "--check", "--strict", "--quiet", *["--ignore-missing"] * has_disposals, manifest.name],
            cwd=manifest.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        if checked.returncode != 0:
            yield f"sha256sum -c in {manifest.parent.name}: {checked.stdout}{checked.stderr}"
        lines = manifest.read_text("utf-8").splitlines()
        named = {line.split("  ", 1)[1] for line in lines}
        if len(named) != len(lines):
            yield f"{manifest.parent.name}/SHA256SUMS names a file twice"
        for path in manifest.parent.iterdir():
            if path.name != manifest.name and path.name not in named:
                yield f"not in SHA256SUMS: {path.relative_to(root)}"


def _card_faults(card: Path, rows: dict[str, list[Row]]) -> Iterator[str]:
    """Each ordinary file of the card stands behind exactly one recording, whose row names its bytes."""
    sha256_by_recording = {row["recording_id"]: row["sha256"] for row in rows["recordings"]}
    held: dict[bytes, set[str]] = {}
    for row in rows["sightings"]:
        if row["recording_id"] is not None:
            raw = base64.b64decode(row["raw_b64"]) if row["raw_b64"] else row["card_path"].encode(row["encoding"])
            held.setdefault(raw, set()).add(row["recording_id"])
    for path in card.rglob("*"):
        if not stat.S_ISREG(path.lstat().st_mode):
            continue
        recordings = held.get(os.fsencode(path.relative_to(card)), set())
        digests = {sha256_by_recording.get(recording) for recording in recordings}
        if len(recordings) != 1 or digests != {sha256_of_file(path)}:
            yield f"a file of the card is held {len(recordings)} times: {path.relative_to(card).as_posix()!r}"


# Disks and limits that really say no.


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[Path]:
    """A file system of its own, of so many bytes; the test is skipped where this process may not mount."""
    folder.mkdir()
    options = f"size={size_bytes},mode=0755"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("a disk that is really full needs the right to mount a small one (root)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(ballast: Path, *, leave_bytes: int = 0) -> None:
    """Write into a file until its disk is full, but for so many bytes."""
    with contextlib.suppress(OSError), ballast.open("ab", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    os.truncate(ballast, max(0, ballast.stat().st_size - leave_bytes))


@contextmanager
def limited(what: int, soft: int) -> Iterator[None]:
    """A limit of this process (`resource.RLIMIT_…`) while the block lasts."""
    before, hard = resource.getrlimit(what)
    resource.setrlimit(what, (soft, hard))
    try:
        yield
    finally:
        resource.setrlimit(what, (before, hard))
