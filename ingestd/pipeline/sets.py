"""Takes of one recorder from the facts and times of its recordings, and what is wrong between them."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ingestd.core.backfilled import backfilled_findings
from ingestd.core.clock import from_text, to_text
from ingestd.core.clockresets import FELL_BACK_S, is_factory_time
from ingestd.core.custody import Act
from ingestd.core.facts import MediaFacts, StreamKind
from ingestd.core.findings import Finding, Severity
from ingestd.core.ids import RecordingId, take_id
from ingestd.core.likeness import structure_findings
from ingestd.core.model import RecordedTimes
from ingestd.core.profile import ParsedName, RecorderProfile, SegmentHabits
from ingestd.core.segments import Segment, SharedContent
from ingestd.core.siblingedits import by_content, sibling_findings, without_explained
from ingestd.core.siblings import Sibling
from ingestd.core.takes import NOTHING_COMPARED, Take, TakesResult, assemble_takes
from ingestd.core.timeline import recorded_seconds
from ingestd.pipeline.history import docking_history
from ingestd.stores.search import Catalogue, Row
from ingestd.stores.structures import Structures

_NEIGHBOURHOOD = dt.timedelta(hours=12)
"""How far around a docking's own recordings others of the recorder are looked at: a take never lasts longer."""

Shared = Mapping[tuple[str, str], SharedContent]
CompareContent = Callable[[Sequence[Finding]], Shared]
"""Compares the packets of the two files of each `set.overlap` given; by the keys of both in order, where it could."""


def segment_of(
    key: str,
    recorder_key: str,
    facts: MediaFacts,
    times: RecordedTimes,
    name: ParsedName,
    *,
    is_recorder_known: bool,
) -> Segment:
    """What the assembly needs to know of one recording. `key` is its recording id, or its path where there is none."""
    video = facts.streams_of(StreamKind.VIDEO)
    picture = video[0] if video else None
    return Segment(
        key=key,
        recorder_key=recorder_key,
        kind=facts.kind,
        start=times.start,
        start_source=times.source,
        duration_s=recorded_seconds(facts),
        sequence=name.sequence,
        user=name.user,
        has_video=bool(video),
        has_audio=bool(facts.streams_of(StreamKind.AUDIO)),
        is_truncated=facts.is_truncated,
        clock_offset_s=clock_offset_s(facts, times),
        video_codec=picture.codec if picture else None,
        width=picture.width if picture else None,
        height=picture.height if picture else None,
        frames_per_second=1 / picture.step_s if picture and picture.step_s else None,
        has_told_audio=any(stream.kind is StreamKind.AUDIO for stream in facts.streams),
        is_recorder_known=is_recorder_known,
    )


def clock_offset_s(facts: MediaFacts, times: RecordedTimes) -> float | None:
    """Position time less the recorder's own time, by the first good fix that tells both; null without one."""
    for fix in facts.fixes:
        if not fix.is_doubtful and fix.utc is not None and fix.at_s is not None:
            return (from_text(fix.utc) - times.start).total_seconds() - fix.at_s
    return None


def judged_takes(segments: Sequence[Segment], habits: SegmentHabits, compare: CompareContent) -> TakesResult:
    """Takes, judged again where segments overlap by their times, once their packets were compared."""
    result = assemble_takes(segments, habits)
    overlaps = [one for one in result.findings if one.code == "set.overlap"]
    shared = compare(overlaps) if overlaps else NOTHING_COMPARED
    return assemble_takes(segments, habits, shared) if shared else result


def assemble(
    docking: Row,
    catalogue: Catalogue,
    structures: Structures,
    profiles: Sequence[RecorderProfile],
    compare: CompareContent = lambda _: NOTHING_COMPARED,
) -> Act:
    """The act that puts the recordings of a docking, and their neighbours in time, into takes, and compares them."""
    own = catalogue.recordings(docking=docking["docking_id"], limit=1_000_000)
    rows = _with_neighbours(own, docking["recorder_key"], catalogue)
    habits = habits_of(Counter(row["profile_id"] for row in rows), profiles)
    own_files = [sibling_of(row) for row in rows]
    edits = sibling_findings(own_files, habits)
    result = judged_takes([segment_of_sibling(one) for one in by_content(own_files, edits)], habits, compare)
    names = {row["recording_id"]: row["card_path"] for row in rows}
    earlier = structures.references(docking["recorder_key"], without=frozenset(names))
    taught_since = structures.reset_at(docking["recorder_key"])
    own_ids = {row["recording_id"] for row in own}
    teaching = {row["recording_id"] for row in rows if row["sealed_at"] > taught_since} | own_ids
    siblings = [one for one in own_files if one.key in teaching]
    siblings += [sibling_of(row, is_reference=True) for row in earlier]
    first_dockings = {row["recording_id"]: row["docking_id"] for row in rows}
    history = docking_history(docking, tuple(first_dockings.values()), catalogue)
    opened_at = from_text(docking["opened_at"])
    lost_time = {one.key for one in own_files if _may_have_lost_time(one, opened_at)}
    late = [
        found.model_copy(update={"severity": Severity.INFO}) if found.file in lost_time else found
        for found in backfilled_findings(own_files, first_dockings, history)
    ]
    found = (*without_explained(result.findings, edits, own_files), *structure_findings(siblings), *edits, *late)
    return Act(
        act="set.assembled",
        subject=docking["docking_id"],
        data={
            "recorder_key": docking["recorder_key"],
            "considered": [row["recording_id"] for row in rows],
            "takes": [_take_document(take) for take in result.takes],
            "findings": [_finding_document(one, names) for one in found],
        },
    )


def _with_neighbours(own: Sequence[Row], recorder_key: str, catalogue: Catalogue) -> list[Row]:
    """A docking's recordings and those around them. A clock that fell back by years spans no years of neighbours."""
    spans: list[tuple[dt.datetime, dt.datetime]] = []
    for row in sorted((row for row in own if _is_told(row)), key=lambda row: str(row["recorded_start"])):
        start = from_text(row["recorded_start"]) - _NEIGHBOURHOOD
        end = from_text(row["recorded_end"]) + _NEIGHBOURHOOD
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], end))
        else:
            spans.append((start, end))
    rows: dict[str, Row] = {}
    for start, end in spans:
        found = catalogue.analysed_of_recorder(recorder_key, start=to_text(start), end=to_text(end))
        rows |= {row["recording_id"]: row for row in found}
    return sorted(rows.values(), key=lambda row: str(row["recording_id"]))


def _is_told(row: Row) -> bool:
    return row["recorded_start"] is not None and row["facts"] is not None


def _may_have_lost_time(one: Sibling, opened_at: dt.datetime) -> bool:
    """Whether a recorder's clock may have shown its factory date, and no position says otherwise: then its times tell
    little of earlier dockings."""
    is_old = (opened_at - one.times.start).total_seconds() > FELL_BACK_S
    has_position_time = any(fix.utc is not None and not fix.is_doubtful for fix in one.facts.fixes)
    return is_old and is_factory_time(one.times.start) and not has_position_time


def sibling_of(row: Row, *, is_reference: bool = False) -> Sibling:
    """A recording of the catalogue, dated and with its facts, as comparing needs it."""
    name = row["tags"]["name"]
    return Sibling(
        key=row["recording_id"],
        recorder_key=row["recorder_key"],
        facts=MediaFacts.model_validate(row["facts"]),
        name=ParsedName(
            profile_id=row["profile_id"],
            device=name["device"],
            user=name["user"],
            start=from_text(name["start"]) if name["start"] else None,
            sequence=name["sequence"],
            is_important=bool(name["is_important"]),
        ),
        times=RecordedTimes(
            from_text(row["recorded_start"]), from_text(row["recorded_end"]), row["tags"]["times_source"]
        ),
        shown=row["card_path"],
        is_reference=is_reference,
        is_recorder_known=row["recorder_id"] is not None,
    )


def segment_of_sibling(one: Sibling) -> Segment:
    """The same recording as the assembly of takes needs it."""
    return segment_of(
        one.key, one.recorder_key, one.facts, one.times, one.name, is_recorder_known=one.is_recorder_known
    )


def habits_of(profile_ids: Counter[str | None], profiles: Sequence[RecorderProfile]) -> SegmentHabits:
    """The segment habits of the family that most of the names belong to; ordinary ones where no family is known."""
    for profile_id, _ in profile_ids.most_common():
        for profile in profiles:
            if profile.id == profile_id:
                return profile.segments
    return SegmentHabits()


def _take_document(take: Take) -> dict[str, Any]:
    recordings = [segment.key for segment in take.segments]
    return {
        "take_id": take_id(RecordingId(recordings[0])),
        "recordings": recordings,
        "start": to_text(take.start) if take.start else None,
        "end": to_text(take.end) if take.end else None,
    }


def _finding_document(found: Finding, names: dict[str, str]) -> dict[str, Any]:
    """A finding about one file is filed under its recording and names it as the card did."""
    document = found.model_dump(mode="json")
    if found.file is not None:
        return document | {"recording_id": found.file, "file": names[found.file]}
    return document
