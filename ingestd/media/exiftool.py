"""ExifTool as a further reader of positions, where it is installed: for carriers that our own parsers do not know.

It runs like the media child: one process a file, no paths but our own program's, limits of memory, processor time,
open and written files, no new privileges, killed when its time is over. Its options are fixed; nothing of a file or a
setting becomes one.
"""

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ingestd.core.clock import from_text, to_text
from ingestd.core.facts import Fix, MediaFacts, MediaKind, StreamKind
from ingestd.core.fixdoubts import judged
from ingestd.media.telemetry import make_fix

SEARCHED: Final = "/usr/bin:/usr/local/bin"
"""Where the program may lie; the environment's PATH is not asked."""
MEMORY_BYTES: Final = 512 * 1024 * 1024
MAX_ANSWER_BYTES: Final = 32 * 1024 * 1024
MAX_FIXES: Final = 20_000

_LIMITED: Final = (
    "import os,resource,sys\n"
    "memory,seconds=int(sys.argv[1]),int(sys.argv[2])\n"
    "for limit,value in((resource.RLIMIT_AS,memory),(resource.RLIMIT_CPU,seconds),(resource.RLIMIT_CORE,0),"
    "(resource.RLIMIT_FSIZE,0),(resource.RLIMIT_NOFILE,64)):resource.setrlimit(limit,(value,value))\n"
    "import ctypes\n"
    "libc=ctypes.CDLL(None)\n"
    "zero=ctypes.c_ulong(0)\n"
    "libc.prctl(38,ctypes.c_ulong(1),zero,zero,zero)\n"
    "libc.prctl(1,ctypes.c_ulong(9),zero,zero,zero)\n"
    "os.nice(19)\n"
    "os.execv(sys.argv[3],sys.argv[3:])\n"
)
_OPTIONS: Final = (
    "-config", "", "-j", "-n", "-ee", "-G3", "-api", "LargeFileSupport=1", "-GPSLatitude", "-GPSLongitude",
    "-GPSAltitude", "-GPSSpeed", "-GPSSpeedRef", "-GPSDateTime", "-SampleTime", "-GPSMapDatum",
)  # fmt: skip
_TIME = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,6})?)Z?", re.ASCII)
_SPEEDS = {"K": 1 / 3.6, "M": 1609.344 / 3600, "N": 1852 / 3600}
_OWN_CONTAINERS = ("mp4", "mov", "3gp", "jpeg", "png")
_KNOWN_TAGS = frozenset({"tmcd", "gpmd", "camm", "fdsc", "mebx", "rtp ", "text", "tx3g", "wvtt", "stpp", "c608"})


def find_exiftool(searched: str = SEARCHED) -> Path | None:
    """The installed program; null where there is none."""
    found = shutil.which("exiftool", path=searched)
    return Path(found) if found is not None else None


def exiftool_words(searched: str = SEARCHED) -> tuple[bool, str]:
    """Whether ExifTool is there, and what that means, in words for a person."""
    found = find_exiftool(searched)
    if found is not None:
        return True, f"ExifTool is installed ({found}): positions of further makers are read · 已安装ExifTool"
    return False, (
        "ExifTool is not installed: positions are read from the carriers that docs/guide/positions.md lists, and from "
        "no other; apt install libimage-exiftool-perl · 未安装ExifTool,部分厂商的定位信息无法读取"
    )


class ExifTool:
    """The program at its place."""

    def __init__(self, program: Path) -> None:
        self._program = program

    def with_positions(self, fd: int, facts: MediaFacts, timeout_seconds: float) -> MediaFacts:
        """The same facts with the positions that ExifTool reads, where we read none and there may be some.

        What it cannot tell becomes a problem.
        """
        if facts.fixes or not may_have_positions(facts):
            return facts
        try:
            raw = self._answer(fd, timeout_seconds)
            fixes = judged(parse_answer(raw), from_text(facts.creation_utc) if facts.creation_utc else None)
        except (OSError, ValueError, RecursionError, subprocess.SubprocessError) as error:
            words = f"ExifTool gave no answer: {type(error).__name__}"
            return facts.model_copy(update={"problems": (*facts.problems, words)[:100]})
        return facts.model_copy(update={"fixes": fixes})

    def _answer(self, fd: int, timeout_seconds: float) -> bytes:
        command = [
            sys.executable, "-I", "-c", _LIMITED, str(MEMORY_BYTES), str(int(timeout_seconds) + 1),
            str(self._program), *_OPTIONS, f"/proc/self/fd/{fd}",
        ]  # fmt: skip
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(fd,),
            env={"PATH": SEARCHED, "LANG": "C.UTF-8"},
            cwd="/",
            start_new_session=True,
        ) as process:
            late = threading.Timer(timeout_seconds, process.kill)
            late.start()
            try:
                assert process.stdout is not None
                raw = process.stdout.read(MAX_ANSWER_BYTES + 1)
            finally:
                late.cancel()
                process.kill()
        if len(raw) > MAX_ANSWER_BYTES:
            raise ValueError("an answer without end")
        if not raw.strip():
            # Also of a file without any position it says which file that was.
            raise ValueError("it was killed, or could not be started")
        return raw


def may_have_positions(facts: MediaFacts) -> bool:
    """Whether a file may carry positions that our own parsers do not know: another container, or a track of its own.

    An ordinary recording of the MP4 family without any data track is not read a second time.
    """
    if facts.kind not in (MediaKind.VIDEO, MediaKind.PHOTO):
        return False
    if facts.container not in _OWN_CONTAINERS:
        return True
    return any(
        stream.kind in (StreamKind.DATA, StreamKind.SUBTITLE) and (stream.tag or "") not in _KNOWN_TAGS
        for stream in facts.streams
    )


def parse_answer(raw: bytes) -> list[Fix]:
    """The fixes of `exiftool -j -n -ee -G3`: one for each document inside the file.

    Raises:
        ValueError, RecursionError: no JSON.
    """
    documents = json.loads(raw)
    tags = documents[0] if isinstance(documents, list) and documents and isinstance(documents[0], dict) else {}
    points: dict[str, dict[str, Any]] = {}
    for key, value in tags.items():
        group, colon, name = key.rpartition(":")
        points.setdefault(group if colon else "", {})[name] = value
    return [fix for _, fix in zip(range(MAX_FIXES), _fixes(points.values()), strict=False)]


def _fixes(points: Any) -> Iterator[Fix]:
    for point in points:
        latitude, longitude = _number(point, "GPSLatitude"), _number(point, "GPSLongitude")
        if latitude is None or longitude is None:
            continue
        speed = _number(point, "GPSSpeed")
        fix = make_fix(
            latitude,
            longitude,
            "exiftool",
            at_s=_number(point, "SampleTime"),
            utc=_utc(point.get("GPSDateTime")),
            altitude_m=_number(point, "GPSAltitude"),
            speed_mps=speed * _SPEEDS.get(str(point.get("GPSSpeedRef", "K")), 1 / 3.6) if speed is not None else None,
            datum=str(point.get("GPSMapDatum") or "undeclared")[:20],
        )
        if fix is not None:
            yield fix


def _number(point: Mapping[str, Any], name: str) -> float | None:
    value = point.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _utc(value: object) -> str | None:
    """ExifTool's time, where it says that it is UTC; a camera's local time is not the satellites'."""
    match = _TIME.fullmatch(value) if isinstance(value, str) and value.endswith("Z") else None
    if match is None:
        return None
    try:
        return to_text(from_text(f"{match[1]}-{match[2]}-{match[3]}T{match[4]}+00:00"))
    except ValueError:
        return None
