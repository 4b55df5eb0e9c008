"""Files by their grammar: boxes in boxes, chunks in lists, packets and units, with numbers that cannot be."""

import struct

from hypothesis import strategies as st

NUMBERS = st.sampled_from([0, 1, 2, 7, 8, 255, 65535, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]) | st.integers(0, 2**32 - 1)
_TABLES = ("stts", "ctts", "stsc", "stsz", "stz2", "stco", "co64", "stss", "elst", "trun", "tfhd", "tfdt", "trex")
_LEAVES = ("ftyp", "mvhd", "tkhd", "mdhd", "hdlr", "stsd", "avcC", "hvcC", "esds", "dref", "©xyz", "free", "uuid")
_INSIDE = ("moov", "trak", "mdia", "minf", "stbl", "edts", "udta", "meta", "moof", "traf", "mvex", "dinf", "ilst")


def _box(kind: str, body: bytes, lie: int | None) -> bytes:
    size = 8 + len(body) if lie is None else lie
    return struct.pack(">I", size) + kind.encode("latin-1") + body


def _numbers(values: list[int]) -> bytes:
    return b"".join(value.to_bytes(4, "big") for value in values)


_LIE = st.one_of(st.none(), st.none(), st.none(), NUMBERS)
_TABLE = st.builds(_box, st.sampled_from(_TABLES), st.lists(NUMBERS, max_size=12).map(_numbers), _LIE)
_LEAF = st.builds(_box, st.sampled_from(_LEAVES), st.binary(max_size=120), _LIE)
_TREE = st.recursive(
    _TABLE | _LEAF,
    lambda inner: st.builds(_box, st.sampled_from(_INSIDE), st.lists(inner, max_size=6).map(b"".join), _LIE),
    max_leaves=24,
)
MOVIES = st.lists(_TREE, min_size=1, max_size=5).map(
    lambda parts: _box("ftyp", b"isom\0\0\0\0", None) + b"".join(parts)
)


def _chunk(kind: bytes, body: bytes, lie: int | None) -> bytes:
    return kind + struct.pack("<I", len(body) if lie is None else lie) + body + bytes(len(body) & 1)


_CHUNK = st.builds(
    _chunk,
    st.sampled_from(
        [b"00dc", b"01wb", b"idx1", b"JUNK", b"avih", b"strh", b"strf", b"fmt ", b"data", b"indx", b"dmlh"]
    ),
    st.binary(max_size=80) | st.lists(NUMBERS, max_size=14).map(_numbers),
    _LIE,
)
_LISTS = st.recursive(
    _CHUNK,
    lambda inner: st.builds(
        lambda form, parts, lie: _chunk(b"LIST", form + b"".join(parts), lie),
        st.sampled_from([b"hdrl", b"strl", b"movi", b"rec ", b"odml"]),
        st.lists(inner, max_size=6),
        _LIE,
    ),
    max_leaves=16,
)
RIFFS = st.builds(
    lambda form, parts, lie: _chunk(b"RIFF", form + b"".join(parts), lie),
    st.sampled_from([b"AVI ", b"WAVE"]),
    st.lists(_LISTS, max_size=6),
    _LIE,
)


def _packet(pid: int, flags: int, counter: int, payload: bytes) -> bytes:
    head = bytes([0x47, flags & 0xE0 | pid >> 8 & 0x1F, pid & 0xFF, counter])
    return (head + payload).ljust(188, b"\xff")[:188]


TRANSPORTS = st.lists(
    st.builds(
        _packet,
        st.sampled_from([0, 17, 256, 257, 0x1FFF]),
        st.integers(0, 255),
        st.integers(0, 255),
        st.binary(max_size=60) | st.binary(max_size=30).map(lambda body: b"\0\0\1\xe0" + body),
    )
    | st.binary(max_size=30),
    max_size=30,
).map(b"".join)
STREAMS = st.lists(
    st.builds(
        lambda code, head, body: code + head + body,
        st.sampled_from([b"\0\0\1", b"\0\0\0\1", b"\0\0\0\x20"]),
        st.sampled_from(
            [b"\x67\x64", b"\x68", b"\x65\x88", b"\x41\x9a", b"\x40\x01\x0c", b"\x42\x01", b"\x26\x01\xaf"]
        ),
        st.binary(max_size=50),
    ),
    max_size=20,
).map(b"".join)
