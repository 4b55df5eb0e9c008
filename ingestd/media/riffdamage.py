"""Damage of AVI files: the chain of chunks, and the start and end marks of their JPEG pictures."""

import re
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ingestd.core.facts import Damage
from ingestd.media.boxes import ByteSource, Problems
from ingestd.media.moviedamage import is_whole_jpeg
from ingestd.media.zeroruns import ZeroRun, zero_runs

_CHUNK = re.compile(rb"(?:[0-9][0-9](?:dc|db|wb|tx|iv|sb|pc)|ix[0-9][0-9]|idx1|JUNK|LIST|RIFF)")
_PICTURE = re.compile(rb"[0-9][0-9]d[cb]")
_MAX_CHUNKS = 5_000_000
_SEARCH_BYTES = 64 * 1024
_PADDING_BYTES = 8
"""Behind padding at the end of a chunk at most so much follows: some writers close it with a mark of their own."""


class _Head(NamedTuple):
    picture_s: float
    is_jpeg: bool


def riff_damage(
    source: ByteSource,
    unreadable: tuple[tuple[int, int], ...],
    is_late: Callable[[], bool],
    problems: Problems,
) -> Iterator[Damage]:
    """Damaged places of an AVI; seconds by the number of pictures before them and the rate of the header."""
    head = _head(source)
    runs, _ = zero_runs(source, is_late)
    blocks = [run for run in runs if run.has_block]
    pictures = 0
    faults = 0
    found: list[Damage] = []
    for chunk in chunks(source, is_late, problems):
        now_s = pictures * head.picture_s
        span = (chunk.start, chunk.end)
        if chunk.is_broken:
            found.append(_damage("chunk", now_s, now_s + head.picture_s, span))
            continue
        is_picture = _PICTURE.fullmatch(chunk.name) is not None
        if any(start < chunk.end and chunk.start < end for start, end in unreadable):
            found.append(_damage("unreadable", now_s, now_s + head.picture_s, span))
        elif is_picture and head.is_jpeg and chunk.end - chunk.start > 8:
            while blocks and blocks[0].end <= chunk.start:
                blocks.pop(0)
            if blocks and blocks[0].start < chunk.end and _is_lost(blocks[0], chunk):
                found.append(_damage("block", now_s, now_s + head.picture_s, (blocks[0].start, blocks[0].end)))
            elif not is_whole_jpeg(source, chunk.start + 8, chunk.end - chunk.start - 8):
                faults += 1
                found.append(_damage("jpeg", now_s, now_s + head.picture_s, span))
        pictures += is_picture
    is_all_odd = faults > pictures / 2
    yield from (one for one in found if not (is_all_odd and one.kind == "jpeg"))


def _damage(kind: str, start_s: float, end_s: float, span: tuple[int, int]) -> Damage:
    return Damage(kind=kind, start_s=round(start_s, 6), end_s=round(end_s, 6), bytes=span)


def _head(source: ByteSource) -> _Head:
    """Rate and codec of the pictures, by the first stream header of kind `vids`."""
    raw = source.read(0, _SEARCH_BYTES)
    place = raw.find(b"vids")
    if place < 0 or len(raw) < place + 48:
        return _Head(0.0, is_jpeg=False)
    scale, rate = struct.unpack_from("<II", raw, place + 20)
    names = [raw[place + 4 : place + 8].upper()]
    # The handler of the header may be the maker's own; the format behind it names the compression too.
    form = raw.find(b"strf", place)
    if form >= 0:
        names.append(raw[form + 24 : form + 28].upper())
    is_jpeg = any(name in (b"MJPG", b"JPEG", b"AVRN") for name in names)
    return _Head(scale / rate if rate else 0.0, is_jpeg)


class Chunk(NamedTuple):
    """One chunk of a `movi` list, its 8 bytes of head included; `is_broken`: bytes that are none."""

    name: bytes
    start: int
    end: int
    is_broken: bool = False


def chunks(source: ByteSource, is_late: Callable[[], bool], problems: Problems) -> Iterator[Chunk]:
    """The chunks inside all `movi` lists, and the bytes between them that are none."""
    at, is_inside = 12, False
    for _ in range(_MAX_CHUNKS):
        if at + 8 > source.size_bytes:
            return
        if is_late():
            problems.add(f"chunks were looked at up to byte {at} only")
            return
        raw = source.read(at, 12)
        if len(raw) < 8:
            return
        name, size = raw[:4], int.from_bytes(raw[4:8], "little")
        if name in (b"RIFF", b"LIST") and raw[8:12] in (b"AVI ", b"AVIX", b"movi", b"rec "):
            is_inside = raw[8:12] in (b"movi", b"rec ")
            at += 12
            continue
        end = at + 8 + size
        if is_inside and (_CHUNK.fullmatch(name) is None or _is_misled(source, end)):
            resumed = _next_chunk(source, at + 4)
            yield Chunk(name, at, resumed, is_broken=True)
            at = resumed
            continue
        if end > source.size_bytes:
            # The file ends here: that it is torn is said elsewhere.
            return
        if is_inside and name != b"LIST":
            yield Chunk(name, at, end)
        at = end + (size & 1)


def _is_lost(run: ZeroRun, chunk: Chunk) -> bool:
    """Whether zeros in a JPEG's chunk stand in place of it: whole blocks, or any that coded data goes on behind; coded
    pictures have no such runs, and padding stands at the end."""
    return run.is_blockwise or run.end < chunk.end - _PADDING_BYTES


def _is_misled(source: ByteSource, end: int) -> bool:
    """Whether no chunk begins where one ends; the end of the file is as good as a chunk, and padding is lawful."""
    raw = source.read(end, 5)
    if end + 5 > source.size_bytes or len(raw) < 5:
        return False
    return _CHUNK.match(raw) is None and _CHUNK.match(raw, 1) is None


def _next_chunk(source: ByteSource, start: int) -> int:
    while start < source.size_bytes:
        block = source.read(start, 1024 * 1024 + 8)
        if not block:
            break
        for found in _CHUNK.finditer(block, 0, max(4, len(block) - 4)):
            size = int.from_bytes(block[found.end() : found.end() + 4], "little")
            end = start + found.start() + 8 + size
            if end <= source.size_bytes and not _is_misled(source, end):
                return start + found.start()
        start += max(1, len(block) - 8) if len(block) > 1024 * 1024 else len(block)
    return source.size_bytes
