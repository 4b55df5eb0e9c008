"""How a file is built and encoded (`core.structure`): by headers and a bounded piece of the first samples."""

import hashlib
import struct
from array import array
from itertools import pairwise
from operator import lt
from statistics import median, quantiles

from ingestd.core.structure import StructureFacts, TrackStructure, Word
from ingestd.media.boxes import Box, ByteSource, Problems, top_level
from ingestd.media.builtboxes import BuiltMovie, BuiltTrack, PathList, read_built
from ingestd.media.isobmff import MAX_INDEX_BYTES, Movie, Track
from ingestd.media.parametersets import (
    ParameterSets,
    Record,
    parameter_sets,
    picture_words,
    read_avc_record,
    read_hevc_record,
    sample_units,
)
from ingestd.media.sampletables import Samples

FIRST_SAMPLE_BYTES = 64 * 1024
"""How much of a track's first sample is read for the names of encoders and parameter sets inside the stream."""

MAX_TOP_LEVEL = 5000
MAX_FIRST_TRACKS = 8
_ORDER_SAMPLES = 3000
_KEY_SAMPLES = 2000
_RECORDS = {"avcC": read_avc_record, "hvcC": read_hevc_record}
_FIRST_SOUND_BYTES = 4096
_MAX_WORDS = 32


def movie_structure(source: ByteSource, movie: Movie) -> StructureFacts:
    """The structure of a file of the MP4 family. What cannot be read is left out; the index's reader tells of it.

    Args:
        source: the file.
        movie: its index, which says where the first samples lie.
    """
    paths = PathList()
    built = BuiltMovie()
    first_index = first_media = None
    for number, box in enumerate(top_level(source, Problems())):
        if number >= MAX_TOP_LEVEL:
            paths.is_cut = True
            break
        _take_top(source, box, built, paths)
        if box.type == "moov" and first_index is None:
            first_index = box.start
        elif box.type == "mdat" and first_media is None and box.end - box.body > 0:
            first_media = box.start
    words = list(built.words)
    tracks: list[TrackStructure] = []
    for built_track, track in zip(built.tracks, movie.tracks, strict=False):
        structure, found = _track(source, built_track, track, is_read=len(tracks) < MAX_FIRST_TRACKS)
        tracks.append(structure)
        words.extend(found)
    return StructureFacts(
        family="iso",
        boxes=tuple(paths.paths),
        is_cut=paths.is_cut or any(one.paths.is_cut for one in built.tracks),
        major_brand=built.major_brand,
        minor_version=built.minor_version,
        brands=tuple(built.brands),
        spare=tuple(paths.spare),
        vendor=tuple(paths.vendor),
        item_keys=tuple(built.item_keys),
        is_index_first=None if first_index is None or first_media is None else first_index < first_media,
        timescale=built.timescale,
        headers=tuple(built.headers),
        created=built.created,
        modified=built.modified,
        words=tuple(dict.fromkeys(words))[:_MAX_WORDS],
        tracks=tuple(tracks),
    )


def _take_top(source: ByteSource, box: Box, built: BuiltMovie, paths: PathList) -> None:
    paths.add(box.type, box.body_end - box.start, lambda: source.read(box.body, 16))
    if box.type == "ftyp" and built.major_brand is None:
        body = source.read(box.body, min(box.body_end - box.body, 256))
        if len(body) >= 8:
            built.major_brand = body[:4].decode("latin-1")
            (built.minor_version,) = struct.unpack_from(">I", body, 4)
            built.brands = [body[at : at + 4].decode("latin-1") for at in range(8, len(body) - 3, 4)]
    elif box.type in ("moov", "udta", "meta") and box.body_end - box.body <= MAX_INDEX_BYTES:
        if box.type == "moov" and built.has_index:
            return
        data = memoryview(source.read(box.body, box.body_end - box.body))
        read_built(data, box.type, built, paths)


def _track(source: ByteSource, built: BuiltTrack, track: Track, *, is_read: bool) -> tuple[TrackStructure, list[Word]]:
    """One track, and the words found in its first samples (of the first tracks of a file only)."""
    samples = track.samples
    first = _first_sample(source, samples, FIRST_SAMPLE_BYTES if track.handler == "vide" else _FIRST_SOUND_BYTES)
    record = _record(built)
    sets = ParameterSets()
    if record is not None:
        inside = list(sample_units(first, record.length_bytes)) if is_read else []
        sets = parameter_sets(record.codec, [*record.units, *(unit for unit in inside if unit)])
    words = list(built.words)
    if is_read:
        source_name = {"vide": "picture", "soun": "sound"}.get(track.handler, "data")
        words.extend(picture_words(first + (built.config or b""), source_name))
    distance, spread = _key_rhythm(samples)
    structure = TrackStructure(
        index=track.number,
        kind=track.kind.value,
        handler_name=built.handler_name,
        codec_tag=track.description.tag or "",
        descriptions=built.descriptions,
        language=built.language,
        timescale=built.timescale,
        created=built.created,
        modified=built.modified,
        media_created=built.media_created,
        media_modified=built.media_modified,
        headers=tuple(built.headers),
        edits=tuple(track.edits[:10]),
        boxes=tuple(built.paths.paths),
        config_sha256=hashlib.sha256(built.config).hexdigest() if built.config else None,
        parameter_sets=sets.sets,
        profile=sets.profile,
        level=sets.level,
        reference_frames=sets.reference_frames,
        key_distance=distance,
        key_spread=spread,
        has_b_frames=_is_reordered(samples) if track.handler == "vide" else None,
    )
    return structure, words


def _record(built: BuiltTrack) -> Record | None:
    read = _RECORDS.get(built.config_box)
    return read(built.config) if read is not None and built.config else None


def _first_sample(source: ByteSource, samples: Samples, most: int) -> bytes:
    """The start of the first key sample (the first, where no table says which are)."""
    number = samples.keys[0] if samples.keys else 0
    if number >= len(samples):
        return b""
    place, size = samples.offsets[number], samples.sizes[number]
    if place >= source.size_bytes:
        return b""
    return source.read(place, min(size, most))


def _key_rhythm(samples: Samples) -> tuple[float | None, float | None]:
    """Median and spread of the distances of key pictures; null where there are too few or all are key pictures."""
    keys = samples.keys
    if keys is None or len(keys) < 3:
        return None, None
    distances = [after - before for before, after in pairwise(keys[:_KEY_SAMPLES])]
    if len(distances) == 2:
        return float(median(distances)), float(abs(distances[1] - distances[0]))
    tenths = quantiles(distances, n=10, method="inclusive")
    return float(median(distances)), round(float(tenths[8] - tenths[0]), 3)


def _is_reordered(samples: Samples) -> bool | None:
    """Whether pictures are shown in another order than they are stored: the encoder used B-frames."""
    times: array[int] = samples.times[:_ORDER_SAMPLES]
    return any(map(lt, times[1:], times)) if len(times) > 1 else None
