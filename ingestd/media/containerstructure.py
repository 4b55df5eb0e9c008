"""The structure of AVI, MPEG-TS and Matroska files as far as their first bytes tell it cheaply; bounded."""

import hashlib
import re
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ingestd.core.structure import StructureFacts, TrackStructure, Word
from ingestd.media.boxes import ByteSource
from ingestd.media.builtboxes import PathList
from ingestd.media.parametersets import (
    ParameterSets,
    parameter_sets,
    picture_words,
    read_avc_record,
    read_hevc_record,
    stream_units,
)

HEAD_BYTES = 256 * 1024
_MAX_CHUNKS = 500
_MAX_ELEMENTS = 500
_PACKET_BYTES = 188

_EBML, _SEGMENT, _CLUSTER, _INFO, _TRACKS = 0x1A45DFA3, 0x18538067, 0x1F43B675, 0x1549A966, 0x1654AE6B
_TRACK_ENTRY, _CODEC_ID, _CODEC_PRIVATE, _TRACK_TYPE = 0xAE, 0x86, 0x63A2, 0x83
_MUXING_APP, _WRITING_APP, _VOID = 0x4D80, 0x5741, 0xEC
_MATROSKA_KINDS = {1: "video", 2: "audio", 17: "subtitle"}

_STREAM_KINDS = {
    0x01: "video", 0x02: "video", 0x10: "video", 0x1B: "video", 0x24: "video",
    0x03: "audio", 0x04: "audio", 0x0F: "audio", 0x11: "audio", 0x81: "audio",
}  # fmt: skip
_STREAM_CODECS = {0x1B: "h264", 0x24: "hevc"}
_PRINTABLE = re.compile(rb"[ -~]{3,120}")


def container_structure(source: ByteSource, container: str) -> StructureFacts | None:
    """The structure of a file that is not of the MP4 family; null for kinds whose structure says nothing."""
    read = _READERS.get(container)
    return read(source) if read is not None else None


def _riff(source: ByteSource) -> StructureFacts:
    """Order of the chunks, names of streams, and the program that `ISFT` names (Microsoft RIFF, AVI 1.0)."""
    paths, words = PathList(), list[Word]()
    tracks: list[TrackStructure] = []
    content_at: int | None = None
    for path, at, size in _chunks(source, 0, source.size_bytes, "", [_MAX_CHUNKS]):
        paths.add(path, size)
        kind = path.rsplit("/", 1)[-1]
        if kind == "movi":
            content_at = at
        elif kind == "strh":
            head = source.read(at, 8)
            name = {b"vids": "video", b"auds": "audio", b"txts": "subtitle"}.get(head[:4], "data")
            tracks.append(TrackStructure(index=len(tracks), kind=name, codec_tag=_letters(head[4:8])))
        elif kind == "strf" and tracks:
            config = hashlib.sha256(source.read(at, min(size, 4096))).hexdigest()
            tracks[-1] = tracks[-1].model_copy(update={"config_sha256": config})
        elif kind in ("ISFT", "strn", "IENC"):
            text = _letters(source.read(at, min(size, 120)).split(b"\0", 1)[0])
            if text:
                words.append(Word(source=kind, text=text))
    if content_at is not None:
        words.extend(picture_words(source.read(content_at, HEAD_BYTES), "picture"))
    return StructureFacts(
        family="riff",
        boxes=tuple(paths.paths),
        is_cut=paths.is_cut,
        item_keys=tuple(word.source for word in words if word.source == "ISFT"),
        words=tuple(dict.fromkeys(words)),
        tracks=tuple(tracks),
    )


def _chunks(
    source: ByteSource, start: int, end: int, above: str, left: list[int], depth: int = 0
) -> Iterator[tuple[str, int, int]]:
    """(path, place of the body, size) of the chunks, lists opened but for the content itself."""
    while left[0] > 0 and end - start >= 8:
        head = source.read(start, 12)
        if len(head) < 8 or not all(0x20 <= byte < 0x7F for byte in head[:4]):
            return
        left[0] -= 1
        (size,) = struct.unpack_from("<I", head, 4)
        is_list = head[:4] in (b"LIST", b"RIFF") and len(head) == 12
        path = f"{above}{_letters(head[8:12] if is_list else head[:4])}"
        yield path, start + (12 if is_list else 8), size
        if is_list and depth < 6 and head[8:12] not in (b"movi", b"rec "):
            yield from _chunks(source, start + 12, min(end, start + 8 + size), f"{path}/", left, depth + 1)
        start += 8 + size + (size & 1)


def _letters(raw: bytes) -> str:
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in raw).strip()


class _Element(NamedTuple):
    number: int
    body: int
    end: int


def _elements(data: bytes, start: int, end: int) -> Iterator[_Element]:
    """EBML elements (RFC 8794); one of unknown or too great a size goes to the end of the data."""
    for _ in range(_MAX_ELEMENTS):
        if start >= min(end, len(data)) or data[start] == 0:
            return
        width = 9 - data[start].bit_length()
        at = start + width
        if width > 4 or at >= len(data) or data[at] == 0:
            return
        size_width = 9 - data[at].bit_length()
        mask = (1 << 7 * size_width) - 1
        size = int.from_bytes(data[at : at + size_width], "big") & mask
        body = at + size_width
        element = _Element(int.from_bytes(data[start : start + width], "big"), body, min(body + size, end))
        yield element if size != mask else element._replace(end=end)
        if size == mask:
            return
        start = body + size


def _matroska(source: ByteSource) -> StructureFacts:
    """Order of the parts before the first cluster, writing programs and codec records (RFC 9559)."""
    data = source.read(0, HEAD_BYTES)
    paths, words = PathList(), list[Word]()
    tracks: list[TrackStructure] = []
    cluster_at: int | None = None
    for top in _elements(data, 0, len(data)):
        paths.add(f"{top.number:X}", 0)
        if top.number != _SEGMENT:
            continue
        for part in _elements(data, top.body, top.end):
            if part.number != _VOID:
                paths.add(f"segment/{part.number:X}", 0)
            if part.number == _CLUSTER:
                cluster_at = part.body
                break
            if part.number == _INFO:
                for item in _elements(data, part.body, part.end):
                    paths.add(f"segment/info/{item.number:X}", 0)
                    if item.number in (_MUXING_APP, _WRITING_APP):
                        name = "MuxingApp" if item.number == _MUXING_APP else "WritingApp"
                        words.append(Word(source=name, text=_letters(data[item.body : item.end])[:120]))
            elif part.number == _TRACKS:
                tracks.extend(_matroska_tracks(data, part))
    if cluster_at is not None:
        words.extend(picture_words(data[cluster_at:], "picture"))
    return StructureFacts(
        family="matroska",
        boxes=tuple(paths.paths),
        is_cut=paths.is_cut,
        words=tuple(dict.fromkeys(words)),
        tracks=tuple(tracks[:64]),
    )


def _matroska_tracks(data: bytes, part: _Element) -> Iterator[TrackStructure]:
    entries = [one for one in _elements(data, part.body, part.end) if one.number == _TRACK_ENTRY]
    for number, entry in enumerate(entries):
        values = {item.number: data[item.body : item.end] for item in _elements(data, entry.body, entry.end)}
        codec = _letters(values.get(_CODEC_ID, b""))[:40]
        config = values.get(_CODEC_PRIVATE)
        read = {"V_MPEG4/ISO/AVC": read_avc_record, "V_MPEGH/ISO/HEVC": read_hevc_record}.get(codec)
        record = read(config) if read is not None and config else None
        sets = parameter_sets(record.codec, record.units) if record is not None else ParameterSets()
        yield TrackStructure(
            index=number,
            kind=_MATROSKA_KINDS.get(int.from_bytes(values.get(_TRACK_TYPE, b"")[:1], "big"), "data"),
            codec_tag=codec,
            config_sha256=hashlib.sha256(config).hexdigest() if config else None,
            parameter_sets=sets.sets,
            profile=sets.profile,
            level=sets.level,
            reference_frames=sets.reference_frames,
        )


def _transport(source: ByteSource) -> StructureFacts:
    """Tables and stream types of the first packets (ISO/IEC 13818-1, 2.4.4), service names, parameter sets."""
    data = source.read(0, HEAD_BYTES)
    step, start = _packet_step(data)
    payloads: dict[int, list[bytes]] = {}
    order: dict[int, None] = {}
    for at in range(start, len(data) - _PACKET_BYTES + 1, step):
        packet = data[at : at + _PACKET_BYTES]
        if packet[0] != 0x47:
            continue
        number = int.from_bytes(packet[1:3], "big") & 0x1FFF
        order[number] = None
        if payload := _payload(packet):
            payloads.setdefault(number, []).append(payload)
    streams: dict[int, int] = {}
    maps = _program_maps(payloads.get(0, []))
    for number in maps:
        streams.update(_mapped_streams(payloads.get(number, [])))
    words = [Word(source="service", text=text) for text in _service_names(payloads.get(0x11, []))]
    tracks: list[TrackStructure] = []
    for number, kind in streams.items():
        content = b"".join(payloads.get(number, []))
        codec = _STREAM_CODECS.get(kind)
        sets = parameter_sets(codec, stream_units(content)) if codec else ParameterSets()
        words.extend(picture_words(content, "picture" if _STREAM_KINDS.get(kind) == "video" else "sound"))
        tracks.append(
            TrackStructure(
                index=len(tracks),
                kind=_STREAM_KINDS.get(kind, "data"),
                codec_tag=f"0x{kind:02x}",
                boxes=(f"pid:{number}",),
                parameter_sets=sets.sets,
                profile=sets.profile,
                level=sets.level,
                reference_frames=sets.reference_frames,
            )
        )
    named = [f"pid:{number}" for number in order if number in (0, 0x11, 0x1F) or number in maps]
    return StructureFacts(
        family="transport",
        boxes=(f"packets:{step}", *sorted(named)[:64]),
        words=tuple(dict.fromkeys(words))[:32],
        tracks=tuple(tracks[:64]),
    )


def _packet_step(data: bytes) -> tuple[int, int]:
    """Distance of packets (192 with a time before each) and where the first begins."""
    for step in (188, 192):
        for start in range(min(step, len(data))):
            syncs = data[start : start + step * 8 : step]
            if len(syncs) >= 3 and not syncs.strip(b"\x47"):
                return step, start
    return _PACKET_BYTES, 0


def _payload(packet: bytes) -> bytes:
    control = packet[3] >> 4 & 3
    if control == 1:
        return packet[4:]
    return packet[5 + packet[4] :] if control == 3 else b""


def _section(payloads: list[bytes]) -> bytes:
    """The first section of a table, as far as one packet holds it."""
    for payload in payloads:
        start = payload[0] + 1
        section = payload[start:]
        if len(section) > 3 and section[0] != 0xFF:
            length = int.from_bytes(section[1:3], "big") & 0xFFF
            return section[: 3 + length]
    return b""


def _program_maps(payloads: list[bytes]) -> tuple[int, ...]:
    section = _section(payloads)
    rows = [section[at : at + 4] for at in range(8, len(section) - 7, 4)]
    return tuple(int.from_bytes(row[2:], "big") & 0x1FFF for row in rows if row[:2] != b"\0\0")[:16]


def _mapped_streams(payloads: list[bytes]) -> dict[int, int]:
    """Packet number to stream type."""
    section = _section(payloads)
    streams: dict[int, int] = {}
    if len(section) < 12:
        return streams
    at = 12 + (int.from_bytes(section[10:12], "big") & 0xFFF)
    while at + 5 <= len(section) - 4:
        streams[int.from_bytes(section[at + 1 : at + 3], "big") & 0x1FFF] = section[at]
        at += 5 + (int.from_bytes(section[at + 3 : at + 5], "big") & 0xFFF)
    return streams


def _service_names(payloads: list[bytes]) -> list[str]:
    """Provider and name of the service: the muxer of FFmpeg writes its own there."""
    section = _section(payloads)
    return [found.group().decode("ascii") for found in list(_PRINTABLE.finditer(section[11:-4]))[:4]]


_READERS: dict[str, Callable[[ByteSource], StructureFacts]] = {
    "avi": _riff,
    "wav": _riff,
    "matroska": _matroska,
    "mpegts": _transport,
}
