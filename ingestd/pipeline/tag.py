"""Tag: who, when, where and by which device, each with its source. Decides nothing between sources that disagree."""

import datetime as dt
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from ingestd.core.clock import from_text, to_text
from ingestd.core.facts import Fix, MediaFacts
from ingestd.core.findings import Finding, finding
from ingestd.core.model import Analysed, RecordedTimes, Sealed, Tagged
from ingestd.core.profile import ParsedName, RecorderProfile, parse_name, preferring
from ingestd.core.roster import Roster


def tag(
    analysed: Analysed,
    *,
    profiles: tuple[RecorderProfile, ...],
    roster: Roster,
    zone: ZoneInfo,
    docked_at: dt.datetime,
) -> Tagged:
    """Read name, facts and roster together.

    Args:
        docked_at: when the recorder was docked; stands in for the time of a file that says nothing.
    """
    # As the card settled it: of a name that two families could have written, the reading at its docking counts.
    name = parse_name(analysed.sealed.card_path, preferring(profiles, analysed.sealed.profile_id), zone)
    times = recorded_times(analysed.sealed.modified_ns, analysed.facts, name, docked_at)
    device = analysed.sealed.recorder_id or name.device
    officers = roster.officers_of(device, times.start.astimezone(zone).date()) if device else ()
    tags: dict[str, Any] = {
        "device": device,
        "name": {
            "device": name.device,
            "user": name.user,
            "start": to_text(name.start) if name.start else None,
            "sequence": name.sequence,
            "is_important": name.is_important,
        },
        "officers": [
            {"officer": one.officer, "certificate": one.certificate, "unit": one.unit, "source": "roster"}
            for one in officers
        ],
        "times_source": times.source,
        "position": position_summary(analysed.facts.fixes if analysed.facts else ()),
    }
    return Tagged(analysed, times, tags)


def recorded_times(
    modified_ns: int | None, facts: MediaFacts | None, name: ParsedName, docked_at: dt.datetime
) -> RecordedTimes:
    """When a recording was made: by its name, else by its container, else by the file system, else unknown.

    The name comes first because recorders write it from the clock that they burn into the picture, while containers
    of many recorders hold local time called UTC. A modification time is taken for the end, since it is written last.
    """
    duration = dt.timedelta(seconds=(facts.duration_s or 0.0) if facts else 0.0)
    if name.start is not None:
        start = name.start.astimezone(dt.UTC)
        return RecordedTimes(start, start + duration, "name")
    if facts is not None and facts.creation_utc is not None:
        start = from_text(facts.creation_utc)
        return RecordedTimes(start, start + duration, "container")
    if modified_ns is not None and modified_ns > 0:
        end = dt.datetime.fromtimestamp(modified_ns / 1e9, dt.UTC)
        return RecordedTimes(end - duration, end, "file_system")
    return RecordedTimes(docked_at - duration, docked_at, "docking")


def name_findings(sealed: Sealed, name: ParsedName) -> tuple[Finding, ...]:
    """A name that carries another device than the recorder it came from."""
    if name.device is None or sealed.recorder_id is None or name.device == sealed.recorder_id:
        return ()
    evidence = {"name_says": name.device, "recorder_is": sealed.recorder_id}
    return (finding("identity.conflict", evidence=evidence),)


def position_summary(fixes: Sequence[Fix]) -> dict[str, Any] | None:
    """How many fixes, how many of them doubtful, the first and the last that are not; null without any fix."""
    if not fixes:
        return None
    good = [fix for fix in fixes if not fix.is_doubtful]
    return {
        "fixes": len(fixes),
        "doubtful": len(fixes) - len(good),
        "first": good[0].model_dump(exclude_none=True) if good else None,
        "last": good[-1].model_dump(exclude_none=True) if good else None,
    }
