"""How a file is built and encoded, as its headers say: the part of the facts by which edits show. Pure data."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ConfigDict

Parts = Mapping[str, tuple[str, ...]]
"""What of a structure can be compared: the name of a part to its value."""

_POSITION = frozenset(
    {"\xa9xyz", "loci", "com.apple.quicktime.location.ISO6709", "com.apple.quicktime.location.accuracy"}
)
# Padding, and tables that the pictures and the length of a recording decide, not the program that writes it.
_BY_CONTENT = frozenset(
    {"free", "skip", "wide", "JUNK", "ctts", "cslg", "stss", "sdtp", "edts", "elst", "btrt", "mehd", "mfra", "mdat"}
)
_SAME = {"co64": "stco", "stz2": "stsz"}
_DIGITS = re.compile(r"\d+")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Word(_Frozen):
    """Text that a program or device left of itself, and where it stands (`©too`, `sei`, `compressor`, `handler` …)."""

    source: str
    text: str


class TrackStructure(_Frozen):
    """How one track is built. Times are seconds since 1904-01-01 as written, null for 0.

    `edits` are (duration in movie ticks, media time in track ticks; -1 for an empty edit), at most the first ten.
    `config_sha256` is of the decoder's configuration record, `parameter_sets` are `sps:<sha256>`, `pps:…`, `vps:…` in
    their order. `key_distance` is the median number of pictures from one key picture to the next, `key_spread` the
    difference of the 10th and 90th percentile; null with fewer than three key pictures.
    """

    index: int
    kind: str
    handler_name: str = ""
    codec_tag: str = ""
    descriptions: int = 0
    language: int | None = None
    timescale: int | None = None
    created: int | None = None
    modified: int | None = None
    media_created: int | None = None
    media_modified: int | None = None
    headers: tuple[str, ...] = ()
    """`tkhd:<version>:<flags>` and the like."""
    edits: tuple[tuple[int, int], ...] = ()
    boxes: tuple[str, ...] = ()
    """The boxes inside the track as `<parent>/<box>` in their order, repeats collapsed."""
    config_sha256: str | None = None
    parameter_sets: tuple[str, ...] = ()
    profile: int | None = None
    level: int | None = None
    reference_frames: int | None = None
    key_distance: float | None = None
    key_spread: float | None = None
    has_b_frames: bool | None = None


class StructureFacts(_Frozen):
    """How one file is built, bounded to a few hundred entries.

    `family` is `iso`, `riff`, `matroska` or `transport`. `boxes` are the paths outside the tracks in their order,
    repeats collapsed; `spare` the `free`/`skip` boxes as `<path>:<bits of the size>`. `vendor` are `uuid`
    boxes and boxes that no public standard names. Times as in `TrackStructure`.
    """

    family: str
    boxes: tuple[str, ...] = ()
    is_cut: bool = False
    """Whether there were more entries than are kept."""
    major_brand: str | None = None
    minor_version: int | None = None
    brands: tuple[str, ...] = ()
    spare: tuple[str, ...] = ()
    vendor: tuple[str, ...] = ()
    item_keys: tuple[str, ...] = ()
    """Keys of `udta` and `meta` items, or of the container's own tags."""
    is_index_first: bool | None = None
    timescale: int | None = None
    headers: tuple[str, ...] = ()
    created: int | None = None
    modified: int | None = None
    words: tuple[Word, ...] = ()
    tracks: tuple[TrackStructure, ...] = ()


def fingerprint(facts: StructureFacts) -> tuple[Parts, Parts]:
    """What one program always does alike, and what it may do otherwise from file to file: (fixed, loose).

    Left out of both: position boxes, which stand there only with a fix; padding and sizes; counts of samples; edit
    lists' times; tables that only some pictures need. Versions in words count as one word, because firmware changes.
    """
    fixed: dict[str, tuple[str, ...]] = {
        "boxes": _compared(facts.boxes),
        "brands": tuple(filter(None, (facts.major_brand, str(facts.minor_version or 0), *facts.brands))),
        "items": tuple(sorted(set(facts.item_keys) - _POSITION - _BY_CONTENT - {"XMP_"})),
        "index": () if facts.is_index_first is None else ("first" if facts.is_index_first else "last",),
        "movie": (str(facts.timescale), *facts.headers),
        "words": container_words(facts),
    }
    loose: dict[str, tuple[str, ...]] = {"tracks": tuple(sorted(track.kind for track in facts.tracks))}
    seen: Counter[str] = Counter()
    for track in facts.tracks:
        seen[track.kind] += 1
        name = f"{track.kind} {seen[track.kind]}"
        fixed[f"{name} boxes"] = _compared(track.boxes)
        fixed[f"{name} handler"] = (track.handler_name,)
        fixed[f"{name} headers"] = (*track.headers, f"descriptions:{track.descriptions}", f"tag:{track.codec_tag}")
        loose[f"{name} timescale"] = (str(track.timescale),)
        loose[f"{name} language"] = (str(track.language),)
        loose[f"{name} edit list"] = ("yes" if track.edits else "no",)
    return fixed, loose


def container_words(facts: StructureFacts) -> tuple[str, ...]:
    """What programs and devices wrote of themselves outside of coded pictures and sound, digits as `#`."""
    words = {f"{word.source} {_DIGITS.sub('#', word.text)}" for word in facts.words if word.source not in CODED}
    return tuple(sorted(words))


CODED = frozenset({"picture", "sound", "data", "compressor"})
"""Sources of words that the encoder of a stream left, not the program that wrote the container."""


def _compared(boxes: Iterable[str]) -> tuple[str, ...]:
    kept: list[str] = []
    for path in boxes:
        parent, _, name = path.rpartition("/")
        if name in _POSITION or name in _BY_CONTENT or path.split("/")[0] in _BY_CONTENT or parent in _BY_CONTENT:
            continue
        name = _SAME.get(name, name)
        kept.append(f"{parent}/{name}" if parent else name)
    # A container that held nothing but position says nothing either.
    empty = {path for path in kept if path.endswith("udta") and not any(one.startswith(f"{path}/") for one in kept)}
    return tuple(path for path in kept if path not in empty)
