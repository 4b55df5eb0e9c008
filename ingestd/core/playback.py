"""Whether a browser plays an original as it is, so that it needs no proxy."""

from ingestd.core.facts import MediaFacts, MediaKind, StreamKind

_CONTAINERS = frozenset({"mp4", "mov", "m4a", "isom", "quicktime"})
_VIDEO_CODECS = frozenset({"h264"})
_AUDIO_CODECS = frozenset({"aac"})


def is_browser_playable(facts: MediaFacts) -> bool:
    """H.264 and AAC (either may be absent) in a whole MP4 with an index: what every current browser plays.

    Anything else is no, the unusual too (fragments, several pictures): a needless proxy costs minutes, a recording that
    cannot be seen costs trust.
    """
    if facts.kind not in (MediaKind.VIDEO, MediaKind.AUDIO) or facts.is_truncated or facts.is_fragmented:
        return False
    names = set((facts.container or "").lower().replace(",", " ").split())
    if facts.has_index is not True or not names & _CONTAINERS:
        return False
    videos, audios = facts.streams_of(StreamKind.VIDEO), facts.streams_of(StreamKind.AUDIO)
    return (
        bool(videos or audios)
        and len(videos) <= 1
        and all(stream.codec in _VIDEO_CODECS for stream in videos)
        and all(stream.codec in _AUDIO_CODECS for stream in audios)
    )
