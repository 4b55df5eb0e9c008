"""A station that stands already, as at a user's, and cards whose bytes no round has given before."""

import datetime as dt
import hashlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

from bench.paired import Watch, drop_caches

PROJECT = Path(__file__).resolve().parent.parent
_MARK_BYTES = 8
_MIB = 1024 * 1024
_SPARE_BYTES = 2_000_000_000


def write_file(path: Path, size_bytes: int) -> None:
    """A file of random bytes."""
    with path.open("wb") as target:
        for offset in range(0, size_bytes, _MIB):
            target.write(os.urandom(min(_MIB, size_bytes - offset)))


def mark(card: Path, number: int) -> None:
    """Give every file of a card other first bytes, so that nothing is held from an earlier round; then all is cold."""
    for path in files_of(card):
        with path.open("r+b", buffering=0) as target:
            target.write(number.to_bytes(_MARK_BYTES, "little"))
    drop_caches(card)


def files_of(card: Path) -> list[Path]:
    """Its files, in the order of their names."""
    return sorted(path for path in card.rglob("*") if path.is_file())


class Station:
    """A station below `root`, without udev and on a free port, made once by taking in an empty card.

    Attributes:
        removable_seconds: of each ingest, until the docking was closed: all was sealed, and the recorder could go.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config_file = root / "config" / "ingestd.toml"
        self.state_dir = root / "var"
        self.socket_file = self.state_dir / "ingestd.sock"
        self.removable_seconds: list[float] = []
        self._catalogue_file = self.state_dir / "catalogue.sqlite3"
        shutil.copytree(PROJECT / "config", root / "config")
        text = self.config_file.read_text("utf-8")
        for section, key, value in (("udev", "enabled", "false"), ("http", "port", "0")):
            pattern = re.compile(rf"(^\[{section}\]\n(?:(?!\[).*\n)*?){key} = .*$", re.MULTILINE)
            text, count = pattern.subn(rf"\g<1>{key} = {value}", text)
            if count != 1:
                sys.exit(f"the shipped configuration has no {section}.{key}")
        self.config_file.write_text(text, "utf-8")
        self._make()

    def make_room(self, size_bytes: int) -> None:
        """Begin with a new station where the disk has no room for a card twice; else what was taken in stays."""
        if shutil.disk_usage(self.root).free < 2 * size_bytes + _SPARE_BYTES:
            shutil.rmtree(self.state_dir)
            self._make()

    def ingest(self, card: Path, watch: Watch) -> None:
        """Take a card in, by the command that a user types."""
        began = dt.datetime.now(dt.UTC)
        self._command("ingest", card)
        with watch.halted():
            self.note_closed(began, 1)

    def note_closed(self, began: dt.datetime, dockings: int) -> None:
        """Note when the last of the newest dockings was closed."""
        newest = f"SELECT closed_at FROM dockings ORDER BY docking_id DESC LIMIT {dockings}"
        closed = max(dt.datetime.fromisoformat(row[0]) for row in self._rows(newest))
        self.removable_seconds.append((closed - began).total_seconds())

    def environment(self) -> dict[str, str]:
        """What a process of this station finds: as at a user's, with compiled files."""
        return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"} | {
            "INGESTD_CONFIG": str(self.config_file),
            "PYTHONPATH": str(PROJECT),
        }

    def check(self, *cards: Path) -> None:
        """Exit unless the last dockings, one a card, are complete and hold the bytes of these cards, file by file."""
        rows = self._rows(
            "SELECT d.outcome, s.fate, r.sha256, r.state FROM sightings s JOIN dockings d USING (docking_id)"
            " LEFT JOIN recordings r ON r.recording_id = s.recording_id WHERE s.kind = 'file' AND d.docking_id IN"
            f" (SELECT docking_id FROM dockings ORDER BY docking_id DESC LIMIT {len(cards)})"
        )
        given = Counter(_sha256_of(path) for card in cards for path in files_of(card))
        if {row[0] for row in rows} != {"complete"} or {row[1] for row in rows} != {"copied"}:
            sys.exit(f"not everything was copied: {Counter((row[0], row[1]) for row in rows)}")
        if {row[3] for row in rows} != {"catalogued"}:
            sys.exit(f"not everything was catalogued: {Counter(row[3] for row in rows)}")
        if Counter(row[2] for row in rows) != given:
            sys.exit(f"the station holds {len(rows)} recordings that are not the {given.total()} files of the cards")

    def is_described(self) -> bool:
        """Whether nothing waits for the background."""
        waiting = "SELECT 1 FROM recordings WHERE state IN ('sealed', 'analysed', 'tagged') LIMIT 1"
        return not self._rows(waiting) and not self._rows("SELECT 1 FROM dockings WHERE NOT has_sets LIMIT 1")

    def _make(self) -> None:
        empty = self.root / "empty"
        empty.mkdir(exist_ok=True)
        self._command("ingest", empty)

    def _command(self, *arguments: str | Path) -> None:
        with (self.root / "command.log").open("wb") as log:
            done = subprocess.run(
                [sys.executable, "-m", "ingestd", *arguments],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
            )
        if done.returncode != 0:
            words = (self.root / "command.log").read_text("utf-8", "replace")
            sys.exit(f"ingestd {arguments[0]} ended with {done.returncode}: {words}")

    def _rows(self, query: str) -> list[tuple[str, ...]]:
        with closing(sqlite3.connect(f"file:{self._catalogue_file}?mode=ro", uri=True)) as connection:
            return connection.execute(query).fetchall()


def _sha256_of(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
