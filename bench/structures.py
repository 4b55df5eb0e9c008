"""Structure against edits: which of the usual edits of a real camera file show in how it is built and encoded.

Beside each edited file lie three copies of the untouched one, as its recorder's references; they say nothing about how
files of one camera differ among themselves. `BENCH_CORPUS` names the folder with the files and its manifest.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.detection import analysed
from bench.paired import Measured

_MOVIES = (".mp4", ".mov", ".3gp")
_CAMERAS = ("untouched-camera", "pair-original")
_TELLING = ("structure.changed", "edit.reencoded")
_QUIET = ("info",)
_ENCODED = ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "copy")


def _ffmpeg(*options: str) -> Callable[[Path, Path], bool]:
    def edit(source: Path, target: Path) -> bool:
        command = ["ffmpeg", "-v", "error", "-y", "-i", str(source), "-map", "0:v:0", "-map", "0:a:0?", *options]
        return subprocess.run([*command, str(target)], check=False, capture_output=True).returncode == 0

    return edit


def _date_shift(source: Path, target: Path) -> bool:
    shutil.copyfile(source, target)
    command = ["exiftool", "-q", "-overwrite_original", "-QuickTime:AllDates+=0:0:0 1:0:0", str(target)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _untouched(source: Path, target: Path) -> bool:
    shutil.copyfile(source, target)
    return True


_EDITS: dict[str, tuple[str, Callable[[Path, Path], bool]]] = {
    "untouched": ("", _untouched),
    "remux": ("ffmpeg", _ffmpeg("-c", "copy")),
    "bit-exact remux": ("ffmpeg", _ffmpeg("-c", "copy", "-fflags", "+bitexact", "-map_metadata", "-1")),
    "remux as MP4Box does": (
        "ffmpeg",
        _ffmpeg("-c", "copy", "-fflags", "+bitexact", "-brand", "isom", "-movflags", "+faststart"),
    ),
    "re-encoded": ("ffmpeg", _ffmpeg(*_ENCODED)),
    "re-encoded, bit-exact": (
        "ffmpeg",
        _ffmpeg(*_ENCODED, "-fflags", "+bitexact", "-flags:v", "+bitexact", "-bsf:v", "filter_units=remove_types=6"),
    ),
    "dates shifted by ExifTool": ("exiftool", _date_shift),
}


def main() -> Measured:
    """Every edit of every camera file of the folder, judged beside its references."""
    folder = Path(os.environ.get("BENCH_CORPUS", ""))
    if not (folder / "manifest.json").is_file():
        sys.exit("BENCH_CORPUS names no folder with a manifest.json")
    facts: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="ingestd-bench-") as scratch:
        for name, (tool, edit) in _EDITS.items():
            if tool and shutil.which(tool) is None:
                facts[name] = f"not tried: {tool} is not installed"
                continue
            told: Counter[str] = Counter()
            tried = 0
            for number, source in enumerate(_cameras(folder)):
                place = Path(scratch, f"{name}-{number}")
                place.mkdir()
                target = place / f"d{source.suffix}"
                if not edit(source, target):
                    continue
                for reference in "abc":
                    shutil.copyfile(source, place / f"{reference}{source.suffix}")
                tried += 1
                codes = {one["code"] for one in analysed(place) if _speaks_of(one, target)}
                told.update({"either": bool(codes), **dict.fromkeys(codes, 1)})
            facts[name] = {"files": tried, **{code: told[code] for code in ("either", *_TELLING)}}
    return Measured("structure and encoding against edits of real camera files", "", {}, facts)


def _cameras(folder: Path) -> list[Path]:
    known = json.loads((folder / "manifest.json").read_text("utf-8"))["files"]
    chosen = [one["name"] for one in known if one["provenance_class"] in _CAMERAS]
    return [folder / name for name in sorted(chosen) if Path(name).suffix.lower() in _MOVIES]


def _speaks_of(found: dict[str, Any], target: Path) -> bool:
    is_of_it = str(found.get("file") or "").endswith(target.name)
    return is_of_it and found["code"] in _TELLING and found["severity"] not in _QUIET
