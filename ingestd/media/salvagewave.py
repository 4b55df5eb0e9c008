"""Salvage of WAV files (PCM, G.711 and whatever else lies in blocks): the header's sizes made true again."""

import struct

from ingestd.core.errors import MediaError
from ingestd.media.boxes import ByteSource
from ingestd.media.positioned import PositionedFile
from ingestd.media.salvaged import Salvaged

_COPY_BYTES = 1024 * 1024
_MAX_CHUNKS = 1000
_MAX_FORMAT_BYTES = 4096
_MOST_BYTES = 0xFFFF_0000


def salvage_wave(torn: ByteSource, output_fd: int | None) -> Salvaged:
    """Keep all whole blocks of sound that are there, under a header that says so.

    Raises:
        MediaError: the format of the sound or the sound itself is not in the file.
        OSError: the output cannot be written.
    """
    layout, start = _layout(torn)
    _, channels, rate_hz, bytes_a_second, block_bytes = struct.unpack_from("<HHIIH", layout)
    block_bytes = max(1, block_bytes)
    there = torn.size_bytes - start
    kept = min(there, _MOST_BYTES) // block_bytes * block_bytes
    if kept <= 0 or not channels or not rate_hz or not bytes_a_second:
        raise MediaError("the file holds no sound, or does not say in which format")
    head = struct.pack("<4sI", b"fmt ", len(layout)) + layout + bytes(len(layout) & 1)
    head += struct.pack("<4sI", b"data", kept)
    size_bytes = None
    if output_fd is not None:
        out = PositionedFile(output_fd)
        out.write(struct.pack("<4sI4s", b"RIFF", 4 + len(head) + kept + (kept & 1), b"WAVE") + head)
        copy(torn, start, start + kept, out)
        out.write(bytes(kept & 1))
        size_bytes = out.tell()
    seconds = round(kept / bytes_a_second, 6)
    return Salvaged(
        samples={"audio": kept // block_bytes},
        seconds=seconds,
        intact_until_s=seconds,
        media_bytes=there,
        explained_bytes=kept,
        reached_bytes=kept,
        lost_ranges=0,
        is_whole_walk=kept > there - block_bytes,
        size_bytes=size_bytes,
        method="header",
        pace="own",
        missing=("what lay behind the chunk of sound",),
    )


def copy(source: ByteSource, start: int, end: int, out: PositionedFile) -> None:
    """Copy half-open bytes of a file to where `out` stands.

    Raises:
        MediaError: they cannot be read any more.
        OSError: they cannot be written.
    """
    while start < end:
        block = source.read(start, min(_COPY_BYTES, end - start))
        if not block:
            raise MediaError(f"the bytes at {start} cannot be read any more")
        out.write(block)
        start += len(block)


def _layout(torn: ByteSource) -> tuple[bytes, int]:
    """The body of `fmt `, and where the sound begins."""
    at, layout = 12, b""
    for _ in range(_MAX_CHUNKS):
        head = torn.read(at, 8)
        if len(head) < 8:
            break
        name, size = head[:4], int.from_bytes(head[4:], "little")
        if name == b"data":
            if len(layout) < 16:
                break
            return layout, at + 8
        if name == b"fmt ":
            layout = torn.read(at + 8, min(size, _MAX_FORMAT_BYTES))
        at += 8 + size + (size & 1)
    raise MediaError("the header of this file does not say how the sound is stored; nothing inside the sound tells it")
