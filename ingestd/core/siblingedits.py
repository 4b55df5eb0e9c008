"""All signs of edits that show only beside siblings: trims, names and clocks, and which set findings they explain."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ingestd.core.backfilled import changed_later
from ingestd.core.facts import MediaKind
from ingestd.core.findings import Finding
from ingestd.core.mismatch import container_offsets, device_findings, mismatch_findings
from ingestd.core.model import RecordedTimes
from ingestd.core.profile import SegmentHabits
from ingestd.core.siblingclocks import Clocks, clocks_of, moment
from ingestd.core.siblings import Sibling
from ingestd.core.tamper import edit_findings
from ingestd.core.trims import early_ends, trim_findings

_EDITS = frozenset({"trim.head", "trim.tail", "splice.removed"})


def sibling_findings(siblings: Sequence[Sibling], habits: SegmentHabits) -> tuple[Finding, ...]:
    """Findings of scope file, each with the key of its sibling in `file`. The order of the input does not matter.

    References of earlier dockings are not judged, nor do they judge: their neighbours are not here.
    """
    recorders: defaultdict[str, list[Clocks]] = defaultdict(list)
    judged = sorted((one for one in siblings if not one.is_reference), key=lambda one: one.key)
    for sibling in judged:
        if sibling.facts.kind.is_timed:
            recorders[sibling.recorder_key].append(clocks_of(sibling))
    found: list[Finding] = list(device_findings(judged))
    for recorder in recorders.values():
        trims: list[Finding] = []
        offsets = container_offsets(recorder)
        for track in _tracks(recorder):
            trims.extend(trim_findings(track, habits, offsets))
            found.extend(early_ends(track))
        found.extend(trims)
        found.extend(late for one in recorder for late in changed_later(one))
        is_known = all(one.sibling.is_recorder_known for one in recorder)
        trimmed = frozenset(one.file for one in trims if one.code == "trim.head" and one.file is not None)
        for group in [recorder] if is_known else [[one] for one in recorder]:
            found.extend(mismatch_findings(group, trimmed))
    return tuple(found)


def _tracks(recorder: Sequence[Clocks]) -> list[list[Clocks]]:
    """Recordings that may continue each other: of one user, pictures of one size, sound apart."""
    tracks: defaultdict[tuple[str, str, int | None], list[Clocks]] = defaultdict(list)
    for one in recorder:
        facts = one.sibling.facts
        width = next((stream.width for stream in facts.streams if stream.width), None)
        kind = MediaKind.AUDIO if facts.kind is MediaKind.AUDIO else MediaKind.VIDEO
        tracks[one.sibling.name.user or "", kind, width].append(one)
    return list(tracks.values())


def without_explained(
    found: Sequence[Finding], edits: Sequence[Finding], siblings: Sequence[Sibling]
) -> tuple[Finding, ...]:
    """Findings about a set without those that an edit explains: of a file that was cut, the pause behind it is no late
    start of the next."""
    cut = {one.file for one in edits if one.code in _EDITS}
    cut |= {one.key for one in siblings if any(told.code in _EDITS for told in edit_findings(one.facts))}
    return tuple(one for one in found if not (one.code == "set.gap" and one.files and one.files[0] in cut))


def by_content(siblings: Sequence[Sibling], edits: Sequence[Finding]) -> list[Sibling]:
    """The same recordings, with time, number and recorder of a file whose name is wrong as its content and neighbours
    have them: so that one wrong name does not tear its whole take apart."""
    wrong = {one.file: one.evidence for one in edits if one.code == "name.mismatch"}
    return [_corrected(one, wrong[one.key]) if one.key in wrong else one for one in siblings]


def _corrected(sibling: Sibling, evidence: dict[str, Any]) -> Sibling:
    if "neighbours_say" in evidence:
        return replace(sibling, recorder_key=evidence["neighbours_key"])
    off_s = evidence["container_off_s"] if evidence["container_off_s"] is not None else evidence["position_off_s"]
    if off_s is None:
        return replace(sibling, name=sibling.name.model_copy(update={"sequence": None}))
    length = sibling.times.end - sibling.times.start
    start = moment(sibling.times.start.timestamp() + off_s)
    return replace(sibling, times=RecordedTimes(start, start + length, sibling.times.source))
