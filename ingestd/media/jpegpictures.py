"""Where a JPEG picture ends (ITU-T T.81, annex B), told by its segments and marks; nothing is decoded."""

import re

from ingestd.media.boxes import ByteSource

_MAX_SEGMENTS = 1000
_WINDOW_BYTES = 256 * 1024
_STANDS_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_MARK = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def jpeg_end(source: ByteSource, start: int, end: int) -> int | None:
    """The byte behind the picture that begins at `start`; null where none does, or it is not whole before `end`."""
    if source.read(start, 2) != b"\xff\xd8":
        return None
    at = start + 2
    for _ in range(_MAX_SEGMENTS):
        head = source.read(at, 4)
        if at + 4 > end:
            return at + 2 if head[:2] == b"\xff\xd9" and at + 2 <= end else None
        if head[0] != 0xFF:
            return None
        if head[1] == 0xFF:
            at += 1
        elif head[1] == 0xD9:
            return at + 2
        elif head[1] in _STANDS_ALONE:
            at += 2
        elif head[1] < 0xC0:
            return None
        else:
            at += 2 + max(2, int.from_bytes(head[2:4], "big"))
            if head[1] == 0xDA:
                found = _scan_end(source, at, end)
                if found is None:
                    return None
                at = found
    return None


def _scan_end(source: ByteSource, at: int, end: int) -> int | None:
    """The next mark behind coded data, in which a 0xFF is followed by 0 or a restart."""
    while at < end:
        block = source.read(at, min(_WINDOW_BYTES, end - at))
        found = _MARK.search(block)
        if found is not None:
            return at + found.start()
        if len(block) < 2:
            return None
        at += len(block) - 1
    return None
