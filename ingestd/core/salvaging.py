"""Which torn files can be salvaged, by which sibling, and what is said of them afterwards."""

from collections.abc import Iterable, Mapping
from typing import Any

from ingestd.core.facts import MediaFacts, StreamKind
from ingestd.core.findings import Confidence, Finding
from ingestd.core.siblings import Sibling
from ingestd.core.timeline import file_findings

METHODS: Mapping[str, str] = {
    "reference": "sample by sample, as a whole file of the same recorder lays them down",
    "own_index": "by the file's own index or fragments",
    "chunks": "by the chain of chunks; the index was made anew",
    "packets": "by the packets of the transport stream",
    "header": "by the file's own header",
    "in_band": "by what the pictures say of themselves; no whole file of the same recorder was known",
}
"""How samples of a torn file were told apart, in words."""

PACES: Mapping[str, str] = {
    "own": "the file's own times",
    "reference": "the pace of the reference: where pictures were dropped, times drift",
    "in_band": "the pace that the pictures name: where pictures were dropped, times drift",
    "assumed": "no pace is known; one was assumed",
}
"""Where the times of a playable copy come from, in words."""

IN_BAND = "in_band"

_MOVIES = frozenset({"mp4", "mov", "3gp"})
_SUFFIXES = {"avi": ".avi", "mpegts": ".ts", "wav": ".wav"}
_CODECS = frozenset({"h264", "hevc", "mjpeg"})
_CONVINCING_SHARE = 0.5


def is_salvageable(facts: MediaFacts) -> bool:
    """Whether a torn file is of a family whose whole samples can be found and made playable again."""
    return facts.is_truncated and (facts.container in _MOVIES or facts.container in _SUFFIXES)


def needs_reference(facts: MediaFacts) -> bool:
    """Whether a torn file has no index of its own, so that a whole one of its recorder has to show how it is built."""
    return facts.container in _MOVIES and facts.is_truncated and facts.has_index is False


def copy_suffix(container: str | None) -> str:
    """What the playable copy of a file of this container is called behind the name of its original."""
    return ".salvage" + _SUFFIXES.get(container or "", ".mp4")


def can_teach(facts: MediaFacts) -> bool:
    """Whether a file can be the reference: whole, undamaged, with an index and pictures that can be told apart."""
    pictures = facts.streams_of(StreamKind.VIDEO)
    return (
        facts.container in _MOVIES
        and facts.has_index is True
        and not facts.is_truncated
        and not facts.is_fragmented
        and not facts.damage
        and bool(pictures)
        and pictures[0].codec in _CODECS
    )


def reference_of(torn: Sibling, siblings: Iterable[Sibling]) -> Sibling | None:
    """The sibling of the same recorder that is nearest in time and can teach; null where there is none."""
    fit = (
        one
        for one in siblings
        if one.key != torn.key and one.recorder_key == torn.recorder_key and can_teach(one.facts)
    )
    return min(fit, key=lambda one: (abs(one.times.start - torn.times.start), one.key), default=None)


def salvaged_finding(
    facts: MediaFacts, salvaged: dict[str, Any], *, reference: str | None, copy: str | None
) -> Finding:
    """`file.truncated` with what the salvage told: the last intact second, and how much was recovered.

    The second of an index stands as it is; one that only a walk told is `likely`.

    Args:
        facts: of the torn file.
        salvaged: what the walk gave (`media.salvaged.Salvaged` as a document).
        reference: the sibling that taught, as people know it; null where none was needed or known.
        copy: where the playable copy lies; null where none was made.
    """
    is_told_by_walk = facts.intact_until_s is None and salvaged["intact_until_s"] is not None
    judged = with_end(facts, salvaged) if is_told_by_walk else facts
    (torn,) = (one for one in file_findings(judged) if one.code == "file.truncated")
    told = {"playable_copy": copy, "reference": reference, "recovered_share": recovered_share(salvaged)}
    if is_told_by_walk:
        told["intact_until_by"] = "media data walked by a reference" if reference else METHODS[salvaged["method"]]
    told |= {name: salvaged[name] for name in _TOLD}
    confidence = Confidence.LIKELY if is_told_by_walk else torn.confidence
    return torn.model_copy(update={"evidence": torn.evidence | told, "confidence": confidence})


_TOLD = ("samples", "seconds", "media_bytes", "explained_bytes", "lost_ranges", "method", "pace", "missing")


def recovered_share(salvaged: dict[str, Any]) -> float:
    """Which part of the media data that is there belongs to what was found, 0 to 1."""
    return round(min(1.0, int(salvaged["explained_bytes"]) / max(1, int(salvaged["media_bytes"]))), 4)


def is_convincing(salvaged: dict[str, Any]) -> bool:
    """Whether the walk explained most of what it came through; else the reference was of another kind."""
    return bool(salvaged["explained_bytes"] >= _CONVINCING_SHARE * salvaged["reached_bytes"])


def with_end(facts: MediaFacts, salvaged: dict[str, Any]) -> MediaFacts:
    """Facts of a torn file with the last intact second that its walk gave."""
    return facts.model_copy(update={"intact_until_s": float(salvaged["intact_until_s"])})
