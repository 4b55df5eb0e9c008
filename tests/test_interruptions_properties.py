"""Random lives of a recorder: docked, stopped, pulled and changed at any moment, and in the end all of it is held."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from ingestd.core.lifecycle import BayState
from ingestd.core.model import Inlet, Progress
from ingestd.core.stop import Stop
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.run import DockingResult
from tests.support.books import HELD, books_faults, fates_of, standing
from tests.support.station import build_station, dock, faults_of, sha256_of_file
from tests.support.trees import BLOCK_BYTES, noise

IS_WHOLE_SWEEP = bool(os.environ.get("INGESTD_SWEEP"))

ANCHOR = b"DCIM/0000007_00001220261121083000_0001.mp4"
"""Names the recorder, whatever becomes of its other files; never touched."""

NAMES = (
    b"DCIM/0000007_00001220261121083500_0002.mp4", b"DCIM/0000007_00001220261121083500_0002_IMP.mp4", b"a.log",
    b"A.log", "执法.mp4".encode("gbk"), b"\xff\n", b"DCIM/deep/er/x.txt", b"SHA256SUMS", b"z" * 255,
)  # fmt: skip
SIZES = (0, 1, 5000, BLOCK_BYTES, 3 * BLOCK_BYTES + 1, 5 << 20, 5 << 20)
"""The last is long enough for the journal of an interrupted copy."""

names = st.sampled_from(NAMES)
data = st.builds(noise, st.integers(0, 3), st.sampled_from(SIZES))


class Kept(NamedTuple):
    """A file as the recorder has it. Its time changes with whatever is done to it, as on a sound file system."""

    data: bytes
    modified_ns: int


class Recorder:
    """A card whose files are also remembered here, so that a pulled one can be plugged in again as it was."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[bytes, Kept] = {}
        self._ticks = 1_700_000_000
        self.put(ANCHOR, b"anchor")

    def put(self, name: bytes, data: bytes) -> None:
        """Write a file, in place where it stands."""
        self._ticks += 2
        self.files[name] = Kept(data, self._ticks * 1_000_000_000)
        self._write(name)

    def drop(self, name: bytes) -> None:
        del self.files[name]
        self._path(name).unlink()

    def rename(self, name: bytes, new: bytes) -> None:
        """As a recorder that marks a file does: over another one, and without a new time."""
        self.files[new] = self.files.pop(name)
        self._path(name).replace(self._path(new))

    def replace_by_link(self, name: bytes, target: Path) -> None:
        """The file stays remembered, and is there again with the next `plug_in`."""
        self._path(name).unlink()
        self._path(name).symlink_to(target)

    def pull(self) -> None:
        shutil.rmtree(self.root)

    def plug_in(self) -> None:
        """All files stand as they are remembered."""
        for name in self.files:
            self._write(name)

    def _path(self, name: bytes) -> Path:
        path = self.root / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _write(self, name: bytes) -> None:
        kept, path = self.files[name], self._path(name)
        if path.is_symlink():
            path.unlink()
        with path.open("r+b" if path.exists() else "xb") as file:
            file.write(kept.data)
            file.truncate()
        os.utime(path, ns=(kept.modified_ns, kept.modified_ns))


FILE_BLOWS = ("grow", "rewrite", "cut", "delete", "rename", "link")
BLOWS = ("none", "stop", "stop", "stop", "stop while proving", "pull", "pull", *FILE_BLOWS)


class Change(NamedTuple):
    """Something that is done to a file of a recorder, or to a new one, while it is not docked."""

    what: str
    which: int
    name: bytes
    data: bytes


class Stay(NamedTuple):
    """One docking, and what befalls it: `blow` at so many hundredths of its way, to file number `which`."""

    inlet: Inlet
    blow: str
    at_percent: int
    which: int


class Round(NamedTuple):
    """A while of life: the recorder at work, then docked."""

    changes: list[Change]
    is_restarted: bool
    stay: Stay


changes = st.builds(
    Change, st.sampled_from(("put", "put", "append", "mark", "delete", "rename")), st.integers(0, 9), names, data
)
stays = st.builds(Stay, st.sampled_from(list(Inlet)), st.sampled_from(BLOWS), st.integers(0, 99), st.integers(0, 9))
rounds = st.builds(Round, st.lists(changes, max_size=3), st.booleans(), stays)


class Life:
    """One recorder and one station; every docking's books are judged, and what was held once is held for ever."""

    def __init__(self, root: Path, files: Mapping[bytes, bytes]) -> None:
        self.station = build_station(
            root / "station", copy__block_bytes=BLOCK_BYTES, copy__buffer_blocks=8, copy__batch_files=2
        )
        self.recorder = Recorder(root / "card")
        for name, data in files.items():
            self.recorder.put(name, data)
        self.outside = root / "outside"
        self.outside.write_bytes(b"not of the card")
        self.held: set[str | None] = set()
        self.start()

    # The station

    def start(self) -> None:
        self._stack = ExitStack()
        self._stop = Stop()
        self._verified_before_stop: int | None = None
        self._parts: Parts = self._stack.enter_context(self.station.at_work(self._stop, self._on_verified))

    def end(self) -> None:
        self._stack.close()

    def restart(self) -> None:
        self.end()
        self.start()

    def _on_verified(self, _: object) -> None:
        if self._verified_before_stop is not None:
            self._verified_before_stop -= 1
            if self._verified_before_stop < 0:
                self._stop.request()

    # The recorder

    def pick(self, which: int) -> bytes | None:
        others = sorted(self.recorder.files.keys() - {ANCHOR})
        return others[which % len(others)] if others else None

    def change(self, change: Change) -> None:
        name = self.pick(change.which)
        if change.what == "put":
            self.recorder.put(change.name, change.data)
        elif name is not None:
            match change.what:
                case "append":
                    self.recorder.put(name, self.recorder.files[name].data + change.data)
                case "mark":
                    self.recorder.put(name, self.recorder.files[name].data)
                case "delete":
                    self.recorder.drop(name)
                case "rename":
                    self.recorder.rename(name, change.name)

    # Dockings

    def dock(self, stay: Stay) -> None:
        target = self.pick(stay.which) if stay.blow in FILE_BLOWS else None
        stood = standing(self.recorder.root)
        result = self._docked(stay, target)
        fates = fates_of(self.station, result.docking_id)
        event(f"{stay.blow}: {result.outcome}")
        # What was changed meanwhile may be held as it was or as it became.
        counted = {raw: one._replace(sha256=None) if raw == target else one for raw, one in stood.items()}
        assert books_faults(self.station, result.docking_id, counted) == []
        told = {one.fate for raw, one in fates.items() if raw != target}
        if stay.blow in ("stop", "stop while proving", "pull"):
            assert told <= HELD | {"pending"}
            assert result.outcome == ("interrupted" if "pending" in told else "complete")
        else:
            assert told <= HELD
            assert target is not None or result.outcome == "complete"
        if target is not None and result.outcome == "complete":
            now = self.recorder.files.get(target)
            assert fates[target].sha256 in {stood[target].sha256, digest_of(now)}, "a mixture is called whole"
        self.held |= {one.sha256 for one in fates.values() if one.fate in HELD}
        if self._stop.is_requested():
            self.restart()

    def _docked(self, stay: Stay, target: bytes | None) -> DockingResult:
        is_struck = False
        place = sorted(self.recorder.files).index(target) if target is not None and stay.at_percent >= 50 else None

        def report(progress: Progress) -> None:
            nonlocal is_struck
            if is_struck or progress.state != BayState.COPYING:
                return
            # Half of the blows to a file fall while it is read itself.
            is_due = progress.bytes_done * 100 >= stay.at_percent * progress.bytes_total
            if is_due if place is None else progress.files_done >= place:
                is_struck = True
                self._strike(stay.blow, target)

        if stay.blow == "stop while proving":
            self._verified_before_stop = stay.at_percent * len(self.recorder.files) // 100
        result = dock(self.recorder.root, self._parts, inlet=stay.inlet, report=report)
        self._verified_before_stop = None
        if is_struck:
            self.recorder.plug_in()
        return result

    def _strike(self, blow: str, target: bytes | None) -> None:
        if blow == "stop":
            self._stop.request()
        elif blow == "pull":
            self.recorder.pull()
        elif target is not None:
            self._strike_file(blow, target, self.recorder.files[target].data)

    def _strike_file(self, blow: str, target: bytes, data: bytes) -> None:
        match blow:
            case "grow":
                self.recorder.put(target, data + b"more")
            case "rewrite":
                self.recorder.put(target, bytes(byte ^ 1 for byte in data))
            case "cut":
                self.recorder.put(target, data[: len(data) // 2])
            case "delete":
                self.recorder.drop(target)
            case "rename":
                self.recorder.rename(target, b"marked" + target[:100].replace(b"/", b"-"))
            case "link":
                self.recorder.replace_by_link(target, self.outside)

    # The end

    def judge_at_last(self) -> None:
        self.restart()
        stood = standing(self.recorder.root)
        for inlet in (Inlet.UDEV, Inlet.COMMAND):
            result = dock(self.recorder.root, self._parts, inlet=inlet)
            fates = fates_of(self.station, result.docking_id)
            assert result.outcome == "complete"
            assert books_faults(self.station, result.docking_id, stood) == []
            assert {raw: one.sha256 for raw, one in fates.items()} == {raw: one.sha256 for raw, one in stood.items()}
        assert {one.fate for one in fates.values()} == {"already_held"}
        assert standing(self.recorder.root) == stood
        assert sha256_of_file(self.outside) not in self.held
        self.restart()
        assert self.held <= {row["sha256"] for row in self.station.catalogue().contents()}
        assert faults_of(self.station, is_described=False) == []


def digest_of(kept: Kept | None) -> str | None:
    return None if kept is None else hashlib.sha256(kept.data).hexdigest()


INTERRUPTED_LONG = Round([], False, Stay(Inlet.COMMAND, "stop", 90, 0))
UNDISTURBED = Stay(Inlet.COMMAND, "none", 0, 0)


@settings(
    max_examples=600 if IS_WHOLE_SWEEP else 8,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.dictionaries(names, data, min_size=2, max_size=6), st.lists(rounds, min_size=1, max_size=5))
@example({NAMES[0]: noise(1, 5 << 20)}, [INTERRUPTED_LONG])
@example({NAMES[0]: noise(1, 5 << 20)}, [INTERRUPTED_LONG, Round([Change("mark", 0, b"", b"")], False, UNDISTURBED)])
@example({NAMES[0]: noise(1, 5 << 20)}, [INTERRUPTED_LONG, Round([Change("delete", 0, b"", b"")], False, UNDISTURBED)])
def test_whatever_breaks_into_its_dockings_all_books_balance_and_the_last_one_holds_all(
    files: dict[bytes, bytes], life_of: list[Round]
) -> None:
    with TemporaryDirectory() as name:
        life = Life(Path(name), files)
        try:
            for one in life_of:
                for change in one.changes:
                    life.change(change)
                if one.is_restarted:
                    life.restart()
                life.dock(one.stay)
            life.judge_at_last()
        finally:
            life.end()
