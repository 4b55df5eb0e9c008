"""What a file is, judged from its first bytes and never from its name."""

import re
from typing import NamedTuple

from ingestd.core.facts import MediaKind

HEAD_BYTES = 8192

_ISO_FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"moof", b"styp", b"uuid"})
_PHOTO_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"avif"})
_RIFF = {b"AVI ": (MediaKind.VIDEO, "avi"), b"WAVE": (MediaKind.AUDIO, "wav"), b"WEBP": (MediaKind.PHOTO, "webp")}
_SIGNATURES = (
    (b"\xff\xd8\xff", MediaKind.PHOTO, "jpeg"),
    (b"\x89PNG\r\n\x1a\n", MediaKind.PHOTO, "png"),
    (b"\x1a\x45\xdf\xa3", MediaKind.VIDEO, "matroska"),
    (b"\x00\x00\x01\xba", MediaKind.VIDEO, "mpegps"),
    (b"OggS", MediaKind.AUDIO, "ogg"),
    (b"fLaC", MediaKind.AUDIO, "flac"),
    (b"#!AMR", MediaKind.AUDIO, "amr"),
    (b"ID3", MediaKind.AUDIO, "mp3"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_MP3_KBITS = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


class Sniffed(NamedTuple):
    """Kind and container; the container is null for kinds that have none.

    For the MP4 family the kind is the usual one: whether it holds pictures at all is known from its index.
    """

    kind: MediaKind
    container: str | None = None


def sniff(head: bytes, size_bytes: int) -> Sniffed:
    """Judge a file by its first `HEAD_BYTES` bytes (fewer for a shorter file) and its size."""
    if size_bytes == 0:
        return Sniffed(MediaKind.EMPTY)
    for signature, kind, container in _SIGNATURES:
        if head.startswith(signature):
            return Sniffed(kind, container)
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] in _RIFF:
        return Sniffed(*_RIFF[head[8:12]])
    if iso := _iso(head):
        return iso
    if is_transport_stream(head):
        return Sniffed(MediaKind.VIDEO, "mpegts")
    if _is_adts(head):
        return Sniffed(MediaKind.AUDIO, "aac")
    if _is_mp3(head):
        return Sniffed(MediaKind.AUDIO, "mp3")
    if is_text(head, is_whole=len(head) >= size_bytes):
        return Sniffed(MediaKind.TEXT, "text")
    return Sniffed(MediaKind.UNKNOWN)


def _iso(head: bytes) -> Sniffed | None:
    """The MP4 family, torn or unfinished ones too: they may begin with any of its boxes."""
    if head[4:8] not in _ISO_FIRST_BOXES:
        return None
    if head[4:8] != b"ftyp":
        return Sniffed(MediaKind.VIDEO, "mov" if head[4:8] in (b"wide", b"pnot") else "mp4")
    brand = head[8:12]
    if brand in _PHOTO_BRANDS:
        return Sniffed(MediaKind.PHOTO, "heif")
    if brand == b"qt  ":
        return Sniffed(MediaKind.VIDEO, "mov")
    if brand[:2] == b"3g":
        return Sniffed(MediaKind.VIDEO, "3gp")
    return Sniffed(MediaKind.AUDIO if brand[:3] == b"M4A" else MediaKind.VIDEO, "mp4")


def is_transport_stream(head: bytes) -> bool:
    """MPEG-TS by its sync bytes, 188 or (with a time before each packet) 192 apart; may begin inside a packet."""
    for step in (188, 192):
        for start in range(min(step, len(head))):
            syncs = head[start::step]
            if len(syncs) >= 3 and not syncs.strip(b"\x47"):
                return True
    return False


def _is_adts(head: bytes) -> bool:
    """Two AAC frames in a row (ISO/IEC 13818-7, 6.2)."""

    def frame_bytes(start: int) -> int | None:
        if len(head) < start + 7 or head[start] != 0xFF or head[start + 1] & 0xF6 != 0xF0:
            return None
        return (head[start + 3] & 3) << 11 | head[start + 4] << 3 | head[start + 5] >> 5

    first = frame_bytes(0)
    return first is not None and first >= 7 and frame_bytes(first) is not None


def _is_mp3(head: bytes) -> bool:
    """Two MPEG audio layer III frames in a row (ISO/IEC 11172-3, 2.4.1.3)."""

    def frame_bytes(start: int) -> int | None:
        if len(head) < start + 4 or head[start] != 0xFF or head[start + 1] & 0xE6 != 0xE2:
            return None
        version, rate = head[start + 1] >> 3 & 3, head[start + 2] >> 2 & 3
        kbits = head[start + 2] >> 4
        if version == 1 or rate == 3 or kbits in (0, 15):
            return None
        per_frame = 144 if version == 3 else 72
        return per_frame * 1000 * _MP3_KBITS[version == 3][kbits] // _MP3_RATES[version][rate] + (
            head[start + 2] >> 1 & 1
        )

    first = frame_bytes(0)
    return first is not None and frame_bytes(first) is not None


def is_text(head: bytes, *, is_whole: bool) -> bool:
    """Printable UTF-8, GBK or UTF-16 with a byte order mark; the last character may be cut when there is more."""
    encodings = ("utf-16",) if head[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8", "gbk")
    # A character of these encodings is at most four bytes long.
    for cut in range(1 if is_whole else 4):
        for encoding in encodings:
            try:
                text = head[: len(head) - cut].decode(encoding)
            except UnicodeDecodeError:
                continue
            return _CONTROL.search(text) is None
    return False
