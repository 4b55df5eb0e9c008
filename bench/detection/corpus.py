"""Real files of a folder: untouched as they are, and with the faults that a lone file can carry."""

import json
import random
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av

from bench.detection.recorder import Piece, pieces
from bench.detection.scoring import Label, Outcome

Analyse = Callable[[Path], tuple[dict[str, Any], ...]]

_UNTOUCHED = ("untouched-camera", "pair-original")
_SUFFIXES = (".mp4", ".mov", ".avi", ".3gp", ".ts")
_BLOCK = 4096
_LEAST_SECONDS = 4.0


def corpus_outcomes(folder: Path, scratch: Path, analyse: Analyse, pool: ThreadPoolExecutor) -> Iterator[Outcome]:
    """Judge each untouched file of a folder alone, and copies with faults.

    Where the folder has a `manifest.json` with provenance classes, only files of cameras are taken.
    """
    known = _provenance(folder)
    chosen = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in _SUFFIXES and (not known or known.get(path.name) in _UNTOUCHED)
    ]
    work = [(path, name) for path in chosen for name in ("untouched", *_FAULTS)]

    def one(item: tuple[int, tuple[Path, str]]) -> Outcome | None:
        number, (path, name) = item
        target = scratch / f"real{number}" / path.name
        target.parent.mkdir()
        shutil.copyfile(path, target)
        label = _FAULTS[name](target, random.Random(f"{path.name}:{name}")) if name != "untouched" else None
        if name != "untouched" and label is None:
            return None
        labels = () if label is None else (label,)
        return Outcome(path.name, name, labels, analyse(target))

    return (outcome for outcome in pool.map(one, enumerate(work)) if outcome is not None)


def zeroed(path: Path, dice: random.Random) -> Label | None:
    """One aligned block of 4 KiB of pictures reads as zeros."""
    packets = [one for one in pieces(path) if one.kind == "video" and one.at_bytes is not None]
    if len(packets) < 10:
        return None
    one = dice.choice(packets[2:-2])
    at = (one.at_bytes or 0) // _BLOCK * _BLOCK
    hit = [other for other in packets if at - len(other.data) < (other.at_bytes or 0) < at + _BLOCK]
    data = bytearray(path.read_bytes())
    data[at : at + _BLOCK] = bytes(_BLOCK)
    path.write_bytes(data)
    start_s, end_s = min(other.start_s for other in hit), max(other.end_s for other in hit)
    return Label("data.corrupt", path.name, start_s, end_s, tolerance_s=1.0)


def torn(path: Path, dice: random.Random) -> Label | None:
    """Cut inside its media, wherever the index lies."""
    packets = [one for one in pieces(path) if one.kind in ("video", "audio") and one.at_bytes is not None]
    if len(packets) < 10:
        return None
    one = packets[round(len(packets) * dice.uniform(0.4, 0.8))]
    cut_at = (one.at_bytes or 0) + len(one.data) // 2
    data = path.read_bytes()
    has_index_left = 0 <= data.find(b"moov") < cut_at or path.suffix.lower() == ".avi"
    intact_s = min(other.start_s for other in packets if (other.at_bytes or 0) + len(other.data) > cut_at)
    path.write_bytes(data[:cut_at])
    # Without an index and without a sibling nothing tells the second.
    return Label("file.truncated", path.name, start_s=intact_s if has_index_left else None)


def dropped_group(path: Path, dice: random.Random) -> Label | None:
    """A group of pictures is dropped and the times stay; remuxed with all its other streams that FFmpeg can write."""
    packets = pieces(path)
    keys = [one for one in packets if one.kind == "video" and one.is_key]
    if len(keys) < 4 or max(one.end_s for one in packets) < _LEAST_SECONDS:
        return None
    at = dice.randrange(1, len(keys) - 2)
    until = next((n for n in range(at + 1, len(keys) - 1) if keys[n].start_s - keys[at].start_s >= 0.5), None)
    if until is None:
        return None
    start_s, end_s = keys[at].start_s, keys[until].start_s
    try:
        _remux(path, packets, lambda one: one.kind == "video" and start_s <= one.start_s < end_s)
    except (av.FFmpegError, ValueError):
        return None
    frame_s = max(float(keys[at].duration), 0.02)
    return Label("gap.video", path.name, start_s, end_s, tolerance_s=frame_s)


_FAULTS: dict[str, Callable[[Path, random.Random], Label | None]] = {
    "zeroed block": zeroed,
    "torn": torn,
    "dropped GOP": dropped_group,
}


def _remux(path: Path, packets: list[Piece], is_dropped: Callable[[Piece], bool]) -> None:
    made = path.with_name(f"made-{path.name}")
    with av.open(str(path)) as source, av.open(str(made), "w", options={"fflags": "+bitexact"}) as target:
        wanted = [*source.streams.video[:1], *source.streams.audio[:1]]
        streams = {one.index: target.add_stream_from_template(one) for one in wanted}
        dropped = {one.at_bytes for one in packets if is_dropped(one)}
        for packet in source.demux(wanted):
            if packet.dts is None or (packet.stream.type == "video" and packet.pos in dropped):
                continue
            packet.stream = streams[packet.stream.index]
            target.mux(packet)
    made.replace(path)


def _provenance(folder: Path) -> dict[str, str]:
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        return {}
    return {one["name"]: one["provenance_class"] for one in json.loads(manifest.read_text("utf-8"))["files"]}
