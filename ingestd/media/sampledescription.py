"""What the samples of a track are (`stsd`): codec, picture size, sound format."""

import struct
from typing import NamedTuple

from ingestd.media.boxes import Box, Problems, children

_CODECS = {
    "avc1": "h264", "avc3": "h264", "hvc1": "hevc", "hev1": "hevc", "av01": "av1", "vp08": "vp8", "vp09": "vp9",
    "mp4v": "mpeg4", "s263": "h263", "h263": "h263", "jpeg": "mjpeg", "mjpa": "mjpeg", "mjpb": "mjpegb",
    "mp4a": "aac", "samr": "amr_nb", "sawb": "amr_wb", "alaw": "pcm_alaw", "ulaw": "pcm_mulaw", "sowt": "pcm_s16le",
    "twos": "pcm_s16be", "in24": "pcm_s24be", "lpcm": "pcm", "ipcm": "pcm", "ac-3": "ac3", "ec-3": "eac3",
    "Opus": "opus", "fLaC": "flac", "alac": "alac", ".mp3": "mp3", "tx3g": "mov_text", "text": "text",
}  # fmt: skip
_OBJECT_TYPES = {
    0x20: "mpeg4", 0x21: "h264", 0x23: "hevc", 0x61: "mpeg2video", 0x6C: "mjpeg",
    0x40: "aac", 0x66: "aac", 0x67: "aac", 0x68: "aac", 0x69: "mp3", 0x6B: "mp3", 0xA5: "ac3",
}  # fmt: skip
_PCM_BYTES = {"alaw": 1, "ulaw": 1, "sowt": 2, "twos": 2, "in24": 3}
_FIXED_FORMATS = {"samr": (8000, 1), "sawb": (16000, 1)}
_VISUAL_BYTES = 78
_SOUND_BYTES = {0: 28, 1: 44, 2: 64}


class SampleDescription(NamedTuple):
    """Null where the description is silent or of another kind.

    `bytes_per_unit` is what one counted sample of uncompressed or block-wise sound takes in the file.
    """

    tag: str | None = None
    codec: str | None = None
    width: int | None = None
    height: int | None = None
    sample_rate_hz: int | None = None
    channels: int | None = None
    bytes_per_unit: float | None = None
    nal_length_bytes: int | None = None
    """H.264 and HEVC by lengths: how many bytes each length takes, as `avcC` or `hvcC` says."""
    picture_config: bytes = b""
    """The body of `avcC` or `hvcC`; empty where there is none."""


def read_description(data: memoryview, stsd: Box, handler: str, problems: Problems) -> SampleDescription:
    """The first entry of `stsd`, for a track of this handler (`vide`, `soun`, …)."""
    for entry in children(data, stsd.body + 8, stsd.body_end, problems, "stsd"):
        codec = _CODECS.get(entry.type)
        length = entry.body_end - entry.body
        if handler == "vide" and length >= _VISUAL_BYTES:
            width, height = struct.unpack_from(">HH", data, entry.body + 24)
            if descriptor := _descriptor(data, entry, _VISUAL_BYTES, problems):
                codec = descriptor.codec or codec
            lengths = _nal_length_bytes(data, entry, problems)
            return SampleDescription(
                entry.type,
                codec,
                width or None,
                height or None,
                nal_length_bytes=lengths,
                picture_config=_picture_config(data, entry, codec),
            )
        if handler == "soun" and length >= _SOUND_BYTES[0]:
            return _sound(data, entry, codec, problems)
        return SampleDescription(entry.type, codec)
    return SampleDescription()


def _nal_length_bytes(data: memoryview, entry: Box, problems: Problems) -> int | None:
    """From `avcC` (ISO/IEC 14496-15, 5.3.3.1) or `hvcC` (8.3.3.1); null where there is none."""
    place = {"h264": ("avcC", 4), "hevc": ("hvcC", 21)}.get(_CODECS.get(entry.type, ""))
    if place is None:
        return None
    for box in children(data, entry.body + _VISUAL_BYTES, entry.body_end, problems, entry.type):
        if box.type == place[0] and box.body_end - box.body > place[1]:
            return (data[box.body + place[1]] & 3) + 1
    return None


def _picture_config(data: memoryview, entry: Box, codec: str | None) -> bytes:
    name = {"h264": "avcC", "hevc": "hvcC"}.get(codec or "")
    if name is None:
        return b""
    for box in children(data, entry.body + _VISUAL_BYTES, entry.body_end, Problems(), entry.type):
        if box.type == name:
            return bytes(data[box.body : min(box.body_end, box.body + 4096)])
    return b""


def _sound(data: memoryview, entry: Box, codec: str | None, problems: Problems) -> SampleDescription:
    version, channels, bits = struct.unpack_from(">H6xHH", data, entry.body + 8)
    rate: float = struct.unpack_from(">I", data, entry.body + 24)[0] / 65536
    fixed_bytes = _SOUND_BYTES.get(version, _SOUND_BYTES[0])
    per_unit: float | None = None
    if entry.body_end - entry.body < fixed_bytes:
        problems.add(f"sound description {entry.type} is too short")
        fixed_bytes, version = _SOUND_BYTES[0], 0
    if version == 1:
        samples_per_packet, _, bytes_per_frame, _ = struct.unpack_from(">IIII", data, entry.body + 28)
        per_unit = bytes_per_frame / samples_per_packet if samples_per_packet else None
    elif version == 2:
        rate, channels = struct.unpack_from(">dI", data, entry.body + 32)
    elif entry.type in _PCM_BYTES:
        per_unit = channels * _PCM_BYTES[entry.type]
    elif entry.type in ("raw ", "NONE"):
        per_unit = channels * bits / 8
    if entry.type in _FIXED_FORMATS:
        rate, channels = _FIXED_FORMATS[entry.type]
    if descriptor := _descriptor(data, entry, fixed_bytes, problems):
        codec = descriptor.codec or codec
        channels = descriptor.channels or channels
    # A rate that is no number of this world (also NaN) is none.
    rate_hz = int(rate) if 0 < rate < 1 << 31 else None
    return SampleDescription(entry.type, codec, None, None, rate_hz, channels or None, per_unit or None)


class _Descriptor(NamedTuple):
    codec: str | None
    channels: int | None


def _descriptor(data: memoryview, entry: Box, fixed_bytes: int, problems: Problems) -> _Descriptor | None:
    """What `esds` says (ISO/IEC 14496-1, 7.2.6), also inside QuickTime's `wave`; null where there is none."""
    if entry.type not in ("mp4v", "mp4a"):
        return None
    boxes = list(children(data, entry.body + fixed_bytes, entry.body_end, problems, entry.type))
    for wave in [box for box in boxes if box.type == "wave"]:
        boxes.extend(children(data, wave.body, wave.body_end, problems, "wave"))
    for box in boxes:
        if box.type == "esds":
            return _read_descriptor(bytes(data[box.body + 4 : box.body_end]))
    return None


def _read_descriptor(body: bytes) -> _Descriptor | None:
    """ES descriptor (3), in it the decoder's configuration (4), in it the codec's own (5)."""
    at, object_type, config = 0, None, b""
    for tag, fixed_bytes in ((3, 3), (4, 13), (5, 0)):
        if at >= len(body) or body[at] != tag:
            break
        at += 1
        # A length is written in up to four bytes with a "goes on" bit.
        for _ in range(4):
            at += 1
            if at > len(body) or body[at - 1] < 0x80:
                break
        if tag == 4 and at < len(body):
            object_type = body[at]
        elif tag == 5:
            config = body[at : at + 2]
        at += fixed_bytes
    codec = _OBJECT_TYPES.get(object_type) if object_type is not None else None
    return _Descriptor(codec, _aac_channels(config) if codec == "aac" and len(config) == 2 else None)


def _aac_channels(config: bytes) -> int | None:
    """AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1); null where its usual short form is not used."""
    bits = int.from_bytes(config, "big")
    object_type, frequency, channels = bits >> 11, bits >> 7 & 15, bits >> 3 & 15
    if object_type == 31 or frequency == 15 or not 1 <= channels <= 7:
        return None
    return 8 if channels == 7 else channels
