"""Tag: who, when, where and by which device, each with its source. Decides nothing between sources that disagree."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from ingestd.core.attribution import FILE_NAME, FLEET, Attribution, Claim, attribute
from ingestd.core.clock import from_text, to_text
from ingestd.core.facts import MediaFacts
from ingestd.core.findings import Finding, finding
from ingestd.core.model import Analysed, RecordedTimes, Sealed, Tagged
from ingestd.core.profile import ParsedName, RecorderProfile, parse_name, preferring
from ingestd.core.roster import RosterBook
from ingestd.stores.deviceacts import DeviceActs

HolderOf = Callable[[str, dt.datetime], str | None]
"""Who the fleet register has a recorder issued to at a moment; null for nobody."""

Told = tuple[str, str]
"""A source by the recorder itself (`device_info`, `api`) and what it says of its user."""


def tag(
    analysed: Analysed,
    *,
    profiles: tuple[RecorderProfile, ...],
    roster: RosterBook,
    zone: ZoneInfo,
    docked_at: dt.datetime,
    file_zone: ZoneInfo | None = None,
    holder_of: HolderOf = lambda _, __: None,
    told: Sequence[Told] = (),
    settled_recorder: str | None = None,
    position: Mapping[str, Any] | None = None,
) -> Tagged:
    """Read name, facts, roster and what else says whose a recording is together.

    A recording belongs to whom the roster names when it begins, not when it is docked.

    Args:
        docked_at: when the recorder was docked; stands in for the time of a file that says nothing.
        file_zone: as of `recorded_times`.
        told: what the recorder says of its user.
        settled_recorder: the recorder that a person named for the docking; stands before what card and name say.
        position: the tags of its track (`pipeline.track.position_tags`); null for none.
    """
    # As the card settled it: of a name that two families could have written, the reading at its docking counts.
    name = parse_name(analysed.sealed.card_path, preferring(profiles, analysed.sealed.profile_id), zone)
    if analysed.sealed.origin is not None:
        # What is declared to come from elsewhere is no recorder's and no officer's, whatever it says of itself.
        name, told = name.model_copy(update={"device": None, "user": None}), ()
    times = recorded_times(analysed.sealed.modified_ns, analysed.facts, name, docked_at, file_zone)
    device = settled_recorder or analysed.sealed.recorder_id or name.device
    whose = _whose(device, name, times, roster, holder_of, told)
    tags: dict[str, Any] = {
        "device": device,
        "name": {
            "device": name.device,
            "user": name.user,
            "start": to_text(name.start) if name.start else None,
            "sequence": name.sequence,
            "is_important": name.is_important,
        },
        "officers": list(whose.officers),
        "officer_claims": list(whose.claims),
        "times_source": times.source,
        **(position or {"position": None, "place": None}),
    }
    if times.source == "file_system" and file_zone is not None:
        tags["times_zone"] = file_zone.key
    return Tagged(analysed, times, tags, (*name_findings(analysed.sealed, name), *whose.findings))


def _whose(
    device: str | None,
    name: ParsedName,
    times: RecordedTimes,
    roster: RosterBook,
    holder_of: HolderOf,
    told: Sequence[Told],
) -> Attribution:
    holder = holder_of(device, times.start) if device else None
    said = [*([(FILE_NAME, name.user)] if name.user else []), *told, *([(FLEET, holder)] if holder else [])]
    claims = [Claim(source, text, roster.known_as(text, times.start)) for source, text in said]
    named = roster.officers_of(device, times.start) if device else ()
    return attribute(named, claims, is_time_known=times.source != "docking")


def recorded_times(
    modified_ns: int | None,
    facts: MediaFacts | None,
    name: ParsedName,
    docked_at: dt.datetime,
    file_zone: ZoneInfo | None = None,
) -> RecordedTimes:
    """When a recording was made: by its name, else by its container, else by the file system, else unknown.

    The name comes first because recorders write it from the clock that they burn into the picture, while containers
    of many recorders hold local time called UTC. A modification time is taken for the end, since it is written last.

    Args:
        file_zone: FAT keeps local time without a zone; the one to read it in, where the recorder's family and the way
            in which the card was mounted tell. Null: what the file system says is taken for UTC.
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
        if file_zone is not None:
            end = end.replace(tzinfo=file_zone).astimezone(dt.UTC)
        return RecordedTimes(end - duration, end, "file_system")
    return RecordedTimes(docked_at - duration, docked_at, "docking")


def told_of_user(volume: Mapping[str, str], acts: DeviceActs) -> tuple[Told, ...]:
    """What a recorder said of its user at a docking: in its device-info files, and over its own interface.

    Args:
        volume: of the docking, as of `Mounted.volume`.
        acts: what recorders told before they were disks.
    """
    told = [("device_info", text) for text in volume.get("info_user", "").split("\n") if text]
    if volume.get("api_visit"):
        info = acts.info_of(volume["api_visit"])
        told += [("api", str(info[key])) for key in ("user_number", "user_name") if info.get(key)]
    return tuple(told)


def name_findings(sealed: Sealed, name: ParsedName) -> tuple[Finding, ...]:
    """A name that carries another device than the recorder it came from."""
    if name.device is None or sealed.recorder_id is None or name.device == sealed.recorder_id:
        return ()
    evidence = {"name_says": name.device, "recorder_is": sealed.recorder_id}
    return (finding("identity.conflict", evidence=evidence),)
