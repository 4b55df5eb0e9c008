"""Which torn files can be salvaged, by which sibling, and what is said of them afterwards."""

from collections.abc import Iterable
from typing import Any

from ingestd.core.facts import MediaFacts, StreamKind
from ingestd.core.findings import Confidence, Finding
from ingestd.core.siblings import Sibling
from ingestd.core.timeline import file_findings

_CONTAINERS = frozenset({"mp4", "mov", "3gp"})
_CODECS = frozenset({"h264", "hevc"})
_CONVINCING_SHARE = 0.5


def is_salvageable(facts: MediaFacts) -> bool:
    """Whether a file is of the MP4 family and lacks its index: then its media data may still be found."""
    return facts.container in _CONTAINERS and facts.is_truncated and facts.has_index is False


def can_teach(facts: MediaFacts) -> bool:
    """Whether a file can be the reference: whole, undamaged, with an index and pictures that can be told apart."""
    pictures = facts.streams_of(StreamKind.VIDEO)
    return (
        facts.container in _CONTAINERS
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


def salvaged_finding(facts: MediaFacts, salvaged: dict[str, Any], *, reference: str, copy: str | None) -> Finding:
    """`file.truncated` with its last intact second, which only the walk by a reference could tell.

    Args:
        facts: of the torn file.
        salvaged: what the walk gave (`media.salvage.Salvaged` as a document).
        reference: the sibling that taught, as people know it.
        copy: where the playable copy lies; null where none was made.
    """
    (torn,) = (one for one in file_findings(with_end(facts, salvaged)) if one.code == "file.truncated")
    told = {"intact_until_by": "media data walked by a reference", "reference": reference, "playable_copy": copy}
    told |= {name: salvaged[name] for name in ("samples", "seconds", "media_bytes", "explained_bytes", "lost_ranges")}
    return torn.model_copy(update={"evidence": torn.evidence | told, "confidence": Confidence.LIKELY})


def is_convincing(salvaged: dict[str, Any]) -> bool:
    """Whether the walk explained most of what it came through; else the reference was of another kind."""
    return bool(salvaged["explained_bytes"] >= _CONVINCING_SHARE * salvaged["reached_bytes"])


def with_end(facts: MediaFacts, salvaged: dict[str, Any]) -> MediaFacts:
    """Facts of a torn file with the last intact second that its walk gave."""
    return facts.model_copy(update={"intact_until_s": float(salvaged["intact_until_s"])})
