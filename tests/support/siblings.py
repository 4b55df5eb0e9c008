"""Recordings beside each other, made without a file: names, times and positions as a test wants them."""

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

from ingestd.config.load import load_profiles
from ingestd.core.facts import Fix, MediaFacts, MediaKind, StreamFacts, StreamKind
from ingestd.core.model import RecordedTimes
from ingestd.core.profile import ParsedName, parse_name
from ingestd.core.siblings import Sibling
from ingestd.core.structure import StructureFacts, TrackStructure
from ingestd.pipeline.tag import recorded_times
from tests.support.clips import facts_of

ZONE = ZoneInfo("Asia/Shanghai")
START = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
PROFILES = tuple(load_profiles(Path(__file__).parents[2] / "config" / "recorders"))
_SINCE_1904 = 2_082_844_800


def made(
    number: int,
    *,
    begins_s: float | None = None,
    length_s: float = 60.0,
    named_s: float | None = None,
    created_s: float | None = None,
    track_created_s: float | None = None,
    modified_s: float | None = None,
    position_s: float | None = None,
    has_name: bool = True,
    device: str = "7012345",
    sequence: int | None = None,
) -> Sibling:
    """One segment of a take of minutes. Seconds count from `START`; null leaves a clock out, but for the name, which
    is the true beginning unless `named_s` says otherwise."""
    true_s = 60.0 * number if begins_s is None else begins_s
    name_s = true_s if named_s is None else named_s
    start = START + dt.timedelta(seconds=name_s)
    fixes = () if position_s is None else _fixes(position_s, length_s)
    created = _since_1904(created_s)
    track_created = created if track_created_s is None else _since_1904(track_created_s)
    track = TrackStructure(index=0, kind="video", created=track_created, media_created=track_created)
    facts = MediaFacts(
        kind=MediaKind.VIDEO,
        size_bytes=1,
        duration_s=length_s,
        start_s=0.0,
        streams=(
            StreamFacts(
                index=0, kind=StreamKind.VIDEO, packets=round(length_s * 25), first_s=0.0, end_s=length_s, step_s=0.04
            ),
        ),
        has_index=True,
        fixes=fixes,
        structure=StructureFacts(
            family="iso", created=created, modified=_since_1904(modified_s) or created, tracks=(track,)
        ),
    )
    return Sibling(
        key=f"file{number}",
        recorder_key=device,
        facts=facts,
        name=ParsedName(
            device=device,
            user="012345",
            start=start if has_name else None,
            sequence=number if sequence is None else sequence,
        ),
        times=RecordedTimes(start, start + dt.timedelta(seconds=length_s), "name"),
        shown=f"DCIM/{device}_{number:04d}.mp4",
    )


def _fixes(position_s: float, length_s: float) -> tuple[Fix, ...]:
    moments = [START + dt.timedelta(seconds=position_s + at) for at in range(int(length_s))]
    return tuple(
        Fix(latitude=22, longitude=113, at_s=float(at), utc=moment.isoformat(), source="track.text")
        for at, moment in enumerate(moments)
    )


def _since_1904(seconds: float | None) -> int | None:
    return None if seconds is None else int(START.timestamp() + seconds) + _SINCE_1904


def siblings_in(folder: Path) -> list[Sibling]:
    """The recordings of a folder as `ingestd analyse` sees them, keyed by their file names."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix not in (".mp4", ".ts", ".avi"):
            continue
        facts = facts_of(path)
        name = parse_name(path.relative_to(folder).as_posix(), PROFILES, ZONE)
        found.append(
            Sibling(
                key=path.name,
                recorder_key=name.device or "unknown",
                facts=facts,
                name=name,
                times=recorded_times(path.stat().st_mtime_ns, facts, name, START + dt.timedelta(days=1)),
                shown=path.name,
                is_recorder_known=name.device is not None,
            )
        )
    return found
