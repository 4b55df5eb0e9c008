"""`structure.changed`: files whose container is not built as this recorder builds its other ones."""

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

from ingestd.core.findings import Confidence, Finding, Severity, finding
from ingestd.core.reencoding import camera_words, reencoding_findings
from ingestd.core.siblings import (
    ENOUGH_REFERENCES,
    Sibling,
    built,
    codec_class,
    compared,
    recording_class,
    usual,
    weight,
)
from ingestd.core.structure import Parts, container_words, fingerprint

_SOFTWARE_WRITER = re.compile(
    r"Lavf|HandBrake|GPAC|MP4Box|mkvmerge|libebml|Adobe|Premiere|iMovie|Final ?Cut|Movie ?Maker|VirtualDub|Avidemux"
    r"|Shotcut|Kdenlive|Vegas|DaVinci|CapCut|ExifTool|FFmpeg|GStreamer|Bento4|Mp4Parse|L-SMASH",
    re.I,
)
_MOST_TOLD = 12

CHANGED_LATER_S = 120.0
"""A recorder closes its file within so many seconds after the end of the recording."""

_Comparable = tuple[tuple[str, tuple[str, ...]], ...]


def structure_findings(siblings: Sequence[Sibling]) -> tuple[Finding, ...]:
    """`structure.changed` and `edit.reencoded` of the files of one docking or call.

    Args:
        siblings: the files to judge, and the recorder's earlier ones as references.
    """
    whole = compared(siblings)
    groups: dict[Hashable, list[Sibling]] = defaultdict(list)
    for one in whole:
        groups[_group(one)].append(one)
    found: dict[str, Finding] = {}
    for group in groups.values():
        # That two files hold one recording says more than what else differs.
        found.update((str(told.file), told) for told in (*_told(group), *_twins(group)))
    lone = [one for one in whole if not one.is_reference and one.key not in found]
    found.update((str(told.file), told) for one in lone for told in _alone(one))
    return (*found.values(), *reencoding_findings(siblings))


def _group(one: Sibling) -> tuple[Hashable, ...]:
    """Who is compared with whom: a recorder's files of one codec; of one class where the recorder is unknown."""
    return codec_class(one) if one.is_recorder_known else recording_class(one)


def _told(group: Sequence[Sibling]) -> Iterator[Finding]:
    """The odd ones against the habit of more than half."""
    if len(group) < 2:
        return
    prints = {one.key: fingerprint(built(one)) for one in group}
    common = _common_tracks([fixed for fixed, _ in prints.values()])
    fixed = {one.key: _of_tracks(prints[one.key][0], common) | _times(one) for one in group}
    loose = {key: _of_tracks(parts[1], common) | _tracks(parts[1]) for key, parts in prints.items()}
    habit = usual(_frozen(fixed[one.key]) for one in group)
    if habit is None:
        return
    is_usual = {one.key: _frozen(fixed[one.key]) == habit[0] for one in group}
    alike = Counter(_frozen(fixed[one.key]) for one in group)
    usual_loose = _usual_loose([loose[one.key] for one in group if is_usual[one.key]])
    writers = {word for one in group if is_usual[one.key] for word in _writers(one)}
    for one in group:
        if one.is_reference:
            continue
        changes = _differences(dict(habit[0]), fixed[one.key])
        slight = _differences(usual_loose, loose[one.key])
        if not is_usual[one.key]:
            has_writer = bool(set(_writers(one)) - writers)
            has_habit = alike[_frozen(fixed[one.key])] >= ENOUGH_REFERENCES and not has_writer
            yield _changed(one, changes + slight, habit[1], is_plain=len(changes) > 1, is_habit=has_habit)
        elif slight and habit[1] > ENOUGH_REFERENCES:
            yield _changed(one, slight, habit[1] - 1, is_plain=False, is_habit=True)


def _frozen(parts: Parts) -> _Comparable:
    return tuple(sorted(parts.items()))


def _common_tracks(all_parts: Sequence[Parts]) -> set[str]:
    names = [{track for track in map(_track_of, parts) if track is not None} for parts in all_parts]
    return set.intersection(*names)


def _of_tracks(parts: Parts, common: set[str]) -> dict[str, tuple[str, ...]]:
    """All parts but those of tracks that some of the files lack: an absent track is told by other codes."""
    return {name: value for name, value in parts.items() if _track_of(name) in common or _track_of(name) is None}


def _track_of(name: str) -> str | None:
    """`video 1` of `video 1 boxes`; null for a part of the whole file."""
    words = name.split(" ")
    return " ".join(words[:2]) if len(words) > 2 else None


def _tracks(parts: Parts) -> dict[str, tuple[str, ...]]:
    return {"tracks": parts.get("tracks", ())}


def _times(one: Sibling) -> dict[str, tuple[str, ...]]:
    """Whether the headers' times agree, and whether the file was changed long after it was recorded."""
    structure = built(one)
    created = {structure.created} | {
        time for track in structure.tracks for time in (track.created, track.media_created)
    }
    told = ["agree" if max(created, key=_or_zero) == min(created, key=_or_zero) else "differ"]
    if structure.created is not None and structure.modified is not None:
        late_s = abs(structure.modified - structure.created) - (one.facts.duration_s or 0.0)
        told.append("changed later" if late_s > CHANGED_LATER_S else "closed at the end")
    return {"times": tuple(told)}


def _or_zero(time: int | None) -> int:
    return time or 0


def _usual_loose(parts: Sequence[Parts]) -> Parts:
    habits: dict[str, tuple[str, ...]] = {}
    for name in {name for one in parts for name in one}:
        habit = usual(one.get(name, ()) for one in parts)
        # Only what all of them do alike is a habit: these parts may change without a cause.
        if habit is not None and habit[1] == len(parts):
            habits[name] = habit[0]
    return habits


def _differences(habit: Mapping[str, tuple[str, ...]], here: Mapping[str, tuple[str, ...]]) -> list[dict[str, Any]]:
    """What differs, part by part, in words."""
    told: list[dict[str, Any]] = []
    for name in sorted(habit):
        if name not in here or here[name] == habit[name]:
            continue
        missing = [value for value in habit[name] if value not in here[name]]
        added = [value for value in here[name] if value not in habit[name]]
        change: dict[str, Any] = {"part": name}
        if missing:
            change["missing"] = missing[:_MOST_TOLD]
        if added:
            change["added"] = added[:_MOST_TOLD]
        if not missing and not added:
            change["order"] = list(here[name])[:_MOST_TOLD]
        told.append(change)
    return told


def _writers(one: Sibling) -> list[str]:
    """Words of known programs that write containers."""
    return [word for word in container_words(built(one)) if _SOFTWARE_WRITER.search(word)]


def _changed(
    one: Sibling, changes: list[dict[str, Any]], references: int, *, is_plain: bool, is_habit: bool
) -> Finding:
    confidence, severity = weight(one, references, is_plain=is_plain)
    if is_habit:
        confidence, severity = Confidence.PROVISIONAL, Severity.INFO
    evidence = {
        "source": "container structure",
        "references": references,
        "changes": changes,
        "program_words": _writers(one),
    }
    return finding("structure.changed", file=one.key, severity=severity, confidence=confidence, evidence=evidence)


def _twins(group: Sequence[Sibling]) -> Iterator[Finding]:
    """Two files of one recording, built differently or marked as changed at different times: the later one is told.

    One recording is told by creation time, decoder's configuration, number and bytes of the pictures.
    """
    by_recording: dict[Hashable, list[Sibling]] = defaultdict(list)
    for one in group:
        if (identity := _recording_identity(one)) is not None:
            by_recording[identity].append(one)
    for copies in by_recording.values():
        first = min(copies, key=lambda one: built(one).modified or 0)
        for one in copies:
            later_s = (built(one).modified or 0) - (built(first).modified or 0)
            if one is first or one.is_reference or later_s <= 0:
                continue
            changes = _differences(fingerprint(built(first))[0], fingerprint(built(one))[0])
            evidence = {
                "source": "container structure",
                "same_recording_as": first.shown,
                "modified_later_by_s": later_s,
                "changes": changes,
            }
            yield finding(
                "structure.changed",
                file=one.key,
                severity=Severity.WARNING,
                confidence=Confidence.LIKELY,
                evidence=evidence,
            )


def _recording_identity(one: Sibling) -> tuple[Hashable, ...] | None:
    structure = built(one)
    picture = next((track for track in structure.tracks if track.kind == "video"), None)
    stream = next((stream for stream in one.facts.streams if picture and stream.index == picture.index), None)
    if picture is None or stream is None or structure.created is None or not structure.modified:
        return None
    return structure.created, picture.config_sha256, stream.packets, stream.bytes


def _alone(one: Sibling) -> Iterator[Finding]:
    """A file that nothing could be compared with, written by a known program though a camera signed it."""
    writers, cameras = _writers(one), camera_words(built(one))
    if writers and cameras:
        evidence = {
            "source": "container structure",
            "references": 0,
            "program_words": writers,
            "words_of_a_camera": list(cameras),
        }
        yield finding(
            "structure.changed",
            file=one.key,
            severity=Severity.WARNING,
            confidence=Confidence.PROVISIONAL,
            evidence=evidence,
        )
