"""Sets of files: what a recorder left on its card, to which one thing is then done."""

import datetime as dt
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from bench.detection.recorder import Change, Piece, Recorder, Shot, dated, encode, pieces, write


@dataclass(frozen=True)
class Segment:
    """One file as it was recorded. `raw` holds its packets before the recorder's muxer."""

    shot: Shot
    sequence: int
    name: str
    raw: Path

    @property
    def start_utc(self) -> dt.datetime:
        """True start."""
        return self.shot.start_utc

    @property
    def end_utc(self) -> dt.datetime:
        """True end."""
        return self.shot.start_utc + dt.timedelta(seconds=self.shot.seconds)

    @property
    def base_name(self) -> str:
        """Name without its folder."""
        return self.name.rsplit("/", 1)[-1]

    @cached_property
    def packets(self) -> list[Piece]:
        """As the encoders gave them."""
        return pieces(self.raw)


class Take:
    """One take of a recorder, encoded once; every case begins with a copy of it."""

    def __init__(self, recorder: Recorder, root: Path) -> None:
        self.recorder, self.root = recorder, root
        self.segments: list[Segment] = []
        root.mkdir(parents=True)
        for number in range(recorder.segments):
            start = recorder.start_utc + dt.timedelta(seconds=number * recorder.segment_seconds)
            is_last = number == recorder.segments - 1
            shot = Shot(start, recorder.segment_seconds - (4 if is_last else 0))
            self.segments.append(make_segment(recorder, shot, number + 1, root))
        for segment in self.segments:
            put(recorder, segment, segment.packets, root / "card")


def make_segment(recorder: Recorder, shot: Shot, sequence: int, folder: Path) -> Segment:
    """Encode one segment into a raw file of a folder."""
    name = recorder.file_name(shot.start_utc, sequence)
    raw = folder / f"raw-{name.rsplit('/', 1)[-1]}"
    encode(recorder, shot, raw)
    return Segment(shot, sequence, name, raw)


def put(recorder: Recorder, segment: Segment, packets: list[Piece], card: Path, *, clock_s: float = 0.0) -> Path:
    """The recorder writes a segment onto a card, with a clock that is off by `clock_s`."""
    target = card / segment.name
    target.parent.mkdir(parents=True, exist_ok=True)
    created = segment.start_utc + dt.timedelta(seconds=clock_s)
    write(segment.raw, packets, target, recorder=recorder, created_utc=created)
    dated(target, segment.end_utc + dt.timedelta(seconds=clock_s))
    return target


@dataclass
class Card:
    """A copy of a take's card for one case."""

    take: Take
    root: Path
    dice: random.Random
    segments: list[Segment] = field(init=False)

    def __post_init__(self) -> None:
        """Link what the take left; edits write new files and never into these."""
        self.segments = list(self.take.segments)
        for segment in self.segments:
            target = self.root / segment.name
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(self.take.root / "card" / segment.name, target)

    @property
    def recorder(self) -> Recorder:
        """Whose card it is."""
        return self.take.recorder

    def path(self, number: int) -> Path:
        """Where a segment lies."""
        return self.root / self.segments[number].name

    def record(self, number: int, change: Change, *, clock_s: float = 0.0) -> None:
        """The recorder itself writes other packets."""
        segment = self.segments[number]
        self._forget(number)
        put(self.recorder, segment, list(change(segment.packets)), self.root, clock_s=clock_s)

    def reshoot(
        self, number: int, scenes: tuple[tuple[float, float, str], ...] = (), silent: tuple[float, float] | None = None
    ) -> None:
        """The camera sees or hears something else."""
        old = self.segments[number]
        shot = replace(old.shot, scenes=scenes, silent=silent)
        self.segments[number] = make_segment(self.recorder, shot, old.sequence, self.root)
        self.record(number, list)
        self.segments[number].raw.unlink()

    def edit(self, number: int, change: Change, *, is_restored: bool = False, without: tuple[str, ...] = ()) -> None:
        """Somebody remuxes with FFmpeg; or with a tool that also puts back all that is the maker's."""
        segment, path = self.segments[number], self.path(number)
        packets = change(pieces(path))
        created = segment.start_utc
        self._rewrite(
            number,
            lambda target: write(
                segment.raw,
                packets,
                target,
                recorder=self.recorder if is_restored else None,
                created_utc=created,
                without=without,
            ),
        )

    def patch(self, number: int, change: Callable[[bytearray], None]) -> None:
        """Change bytes where they are; the time of the file stays."""
        data = bytearray(self.path(number).read_bytes())
        change(data)
        self._rewrite(number, lambda target: target.write_bytes(data))

    def rename(self, number: int, name: str) -> None:
        """Give a segment another name on the card."""
        self.path(number).rename(self.root / name)
        self.segments[number] = replace(self.segments[number], name=name)

    def remove(self, number: int) -> None:
        """Take a segment off the card."""
        self._forget(number)

    def replace_by(self, number: int, make: Callable[[Path], object]) -> None:
        """Let something write the file anew; its time is put back."""
        self._rewrite(number, make)

    def _rewrite(self, number: int, make: Callable[[Path], object]) -> None:
        path = self.path(number)
        made = path.with_name(f"edit-{path.name}")
        make(made)
        made.replace(path)
        dated(path, self.segments[number].end_utc)

    def _forget(self, number: int) -> None:
        self.path(number).unlink(missing_ok=True)
