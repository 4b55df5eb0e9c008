"""What is fuzzed: each target takes any bytes, and may answer only as its public description allows."""

import contextlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from ingestd.config.load import load_profiles
from ingestd.core.damage import damage_findings
from ingestd.core.errors import MediaError
from ingestd.core.facts import MediaFacts, MediaKind
from ingestd.core.family import DeviceInfoFile
from ingestd.core.fixdoubts import judged
from ingestd.core.nameshapes import Known, find_shapes
from ingestd.core.positions import decoded, encoded, position_summary, track_fixes, track_points
from ingestd.core.profile import parse_name
from ingestd.core.sidecars import SidecarRule
from ingestd.core.tamper import edit_findings
from ingestd.core.timeline import file_findings
from ingestd.devices.deviceinfo import parse_device_info
from ingestd.media.boxes import ByteSource, Problems
from ingestd.media.camm import camm_point
from ingestd.media.containerstructure import container_structure
from ingestd.media.damage import find_damage
from ingestd.media.exiftool import parse_answer
from ingestd.media.framing import matroska_frame, riff_frame, transport_frame
from ingestd.media.freegps import block_point
from ingestd.media.gpmf import MAX_POINTS_OF_PAYLOAD, gpmf_points
from ingestd.media.jpegpictures import jpeg_end
from ingestd.media.moviedamage import is_whole_jpeg
from ingestd.media.parametersets import (
    parameter_sets,
    picture_words,
    read_avc_record,
    read_hevc_record,
    sample_units,
    stream_units,
)
from ingestd.media.photo import photo_facts
from ingestd.media.picturenumbers import slice_form, slice_head
from ingestd.media.positiontexts import text_fixes
from ingestd.media.probe import movie_facts, probe
from ingestd.media.salvage import salvage
from ingestd.media.sniff import sniff
from ingestd.media.telemetry import parse_iso6709, parse_track_text
from tests.support.clips import opened
from tests.support.tracks import data_track

PROFILES = load_profiles(Path(__file__).parents[2] / "config" / "recorders")
_ZONE = ZoneInfo("Asia/Shanghai")
_RULES = tuple(
    DeviceInfoFile(path="info.*", format=form, encoding=encoding, device="serial", user="user.id", clock="clock")
    for form in ("ini", "json", "xml", "key_value")
    for encoding in ("utf-8", "gbk")
)
_PROBLEMS_MOST = 100
_MOST_BYTES_OF_A_COPY = 64 * 1024 * 1024


def _crossing(facts: MediaFacts) -> None:
    """Facts have to cross to the parent, to be judged there, and to stand in the ledger."""
    json.dumps(facts.model_dump(mode="json"), allow_nan=False)
    found = (*file_findings(facts), *damage_findings(facts), *edit_findings(facts))
    json.dumps([one.model_dump(mode="json") for one in found], allow_nan=False)


def _movie(data: bytes) -> None:
    problems = Problems()
    with opened(data) as fd:
        _crossing(movie_facts(ByteSource(fd, len(data)), MediaKind.VIDEO, "mp4", problems))
    assert len(problems.texts()) <= _PROBLEMS_MOST


def _frames(data: bytes) -> None:
    with opened(data) as fd:
        source = ByteSource(fd, len(data))
        for frame in (riff_frame, matroska_frame, transport_frame):
            frame(source, Problems())
        for container in ("avi", "wav", "matroska", "mpegts", "mpegps", "ogg"):
            structure = container_structure(source, container)
            if structure is not None:
                json.dumps(structure.model_dump(mode="json"), allow_nan=False)


def _damage(data: bytes) -> None:
    with opened(data) as fd:
        look = find_damage(fd, len(data), unreadable=((len(data) // 3, len(data) // 2),))
    json.dumps([one.model_dump(mode="json") for one in look.damage], allow_nan=False)
    for one in look.damage:
        assert one.bytes is None or 0 <= one.bytes[0] <= one.bytes[1], one
        assert one.start_s is None or one.end_s is None or one.start_s <= one.end_s, one


def _salvage(data: bytes) -> None:
    """Alone; the copy of whatever was found stays within what the original could fill."""
    with opened(data) as fd:
        _salvaged(fd, len(data), None, 0)


def _salvage_by_reference(data: bytes) -> None:
    """The first half is torn, the whole is its reference, and the other way round."""
    cut = len(data) // 2
    with opened(data) as whole, opened(data[:cut]) as half:
        _salvaged(half, cut, whole, len(data))
        _salvaged(whole, len(data), half, cut)


def _salvaged(torn: int, torn_bytes: int, reference: int | None, reference_bytes: int) -> None:
    target = os.memfd_create("copy")
    try:
        found = salvage(torn, torn_bytes, reference, reference_bytes, target, seconds=20)
        assert os.fstat(target).st_size <= _MOST_BYTES_OF_A_COPY
        assert 0 <= found.explained_bytes <= max(torn_bytes, found.media_bytes), found
        assert found.seconds >= 0, found
        json.dumps(found.missing, allow_nan=False)
    except MediaError:
        pass
    finally:
        os.close(target)


def _units(data: bytes) -> None:
    read_avc_record(data)
    read_hevc_record(data)
    for codec in ("h264", "hevc"):
        parameter_sets(codec, stream_units(data))
        for wide in (1, 2, 4):
            parameter_sets(codec, sample_units(data, wide))
    picture_words(data, "test")
    form = slice_form(data)
    if form is not None:
        slice_head(data[::-1], form)
        slice_head(data, form)


def _jpeg(data: bytes) -> None:
    with opened(data) as fd:
        source = ByteSource(fd, len(data))
        end = jpeg_end(source, 0, len(data))
        assert end is None or 0 < end <= len(data)
        is_whole_jpeg(source, 0, len(data))
        for container in ("jpeg", "png"):
            _crossing(photo_facts(source, container, Problems()))


def _position(data: bytes) -> None:
    text = data.decode("latin-1")
    for fix in (parse_track_text(text, 1.0), parse_iso6709(text, "test")):
        if fix is not None:
            json.dumps(fix.model_dump(mode="json"), allow_nan=False)


_SIDECARS = (
    SidecarRule(path="*.x", format="json", points="a", latitude="p.lat", longitude="p.lon", wkt="wkt", time="t"),
    SidecarRule(path="*.x", format="xml", points="fix", latitude="lat", longitude="lon", time="when", speed="v"),
    SidecarRule(path="*.x", format="lines", pattern=r"(?P<latitude>[0-9.]+)[ ,;NS]+(?P<longitude>[0-9.]+)"),
)


def _telemetry(data: bytes) -> None:
    """Binary carriers, as one sample, one block and the tracks of a movie."""
    assert len(gpmf_points(data)) <= MAX_POINTS_OF_PAYLOAD
    camm_point(data)
    block_point(data)
    for tag in ("gpmd", "camm"):
        movie = data_track(tag, [data, data[: len(data) // 2]])
        with opened(movie) as fd:
            _crossing(movie_facts(ByteSource(fd, len(movie)), MediaKind.VIDEO, "mp4", Problems()))


def _sidecar(data: bytes) -> None:
    """Texts with positions, by content and by each kind of rule; then judged, stored and read again."""
    with opened(data) as fd:
        source = ByteSource(fd, len(data))
        for rule in (None, *_SIDECARS):
            points = track_points(track_fixes(judged(text_fixes(source, rule, Problems()))))
            assert len(decoded(encoded(points, "test"))) == len(points)
            json.dumps(position_summary(points), allow_nan=False)
    with contextlib.suppress(ValueError, RecursionError):
        parse_answer(data)


def _names(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    json.dumps(parse_name(text, PROFILES, _ZONE).model_dump(mode="json"), allow_nan=False)
    find_shapes(text.split("\n")[:50], Known())


def _device_info(data: bytes) -> None:
    shipped = tuple(profile.device_info for profile in PROFILES if profile.device_info is not None)
    for rules in (*_RULES, *shipped):
        told, _ = parse_device_info(data, rules)
        assert all(len(value) <= 64 for value in told.values())


def _probe(data: bytes) -> None:
    """All of it, FFmpeg's demuxers too; in the station this runs in a child with limits."""
    sniff(data[:8192], len(data))
    with opened(data) as fd:
        _crossing(probe(fd, len(data)))


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "movie": _movie,
    "frames": _frames,
    "damage": _damage,
    "salvage": _salvage,
    "salvage_by_reference": _salvage_by_reference,
    "units": _units,
    "jpeg": _jpeg,
    "position": _position,
    "telemetry": _telemetry,
    "sidecar": _sidecar,
    "names": _names,
    "device_info": _device_info,
    "probe": _probe,
}
