"""Movies whose tracks and boxes carry positions, written byte by byte after the formats' publications."""

import struct
from collections.abc import Sequence

from tests.support.clips import box


def klv(key: str, kind: str, size: int, *values: bytes) -> bytes:
    """One GPMF entry: values of one size, padded to four bytes; kind `\\0` for a nest."""
    body = b"".join(values)
    repeat = len(body) // size if size else 0
    return struct.pack(">4scBH", key.encode(), kind.encode("latin-1"), size, repeat) + body + bytes(-len(body) % 4)


def nest(key: str, *entries: bytes) -> bytes:
    """A GPMF entry that holds others."""
    body = b"".join(entries)
    return klv(key, "\0", 1, body) if len(body) < 65536 else klv(key, "\0", 4, body)


def gps5(
    points: Sequence[tuple[float, float]],
    *,
    fix: int = 3,
    dop: int = 154,
    utc: str = "240221002923.000",
    speed_mps: float = 1.5,
) -> bytes:
    """A GPMF sample with one GPS5 stream of (latitude, longitude)."""
    scales = (10_000_000, 10_000_000, 1000, 1000, 100)
    rows = [
        struct.pack(">5i", round(north * 1e7), round(east * 1e7), 12_500, round(speed_mps * 1000), 150)
        for north, east in points
    ]
    stream = nest(
        "STRM",
        klv("STNM", "c", 1, b"GPS"),
        klv("GPSF", "L", 4, struct.pack(">I", fix)),
        klv("GPSU", "U", 16, utc.encode()),
        klv("GPSP", "S", 2, struct.pack(">H", dop)),
        klv("SCAL", "l", 4, struct.pack(">5i", *scales)),
        klv("GPS5", "l", 20, *rows),
    )
    return nest("DEVC", klv("DVNM", "c", 1, b"Camera"), stream)


def gps9(points: Sequence[tuple[float, float]], *, fix: int = 3, days: int = 8817, seconds: float = 1763.5) -> bytes:
    """A GPMF sample with one GPS9 stream; days since 2000 and seconds since midnight of each point."""
    scales = (10_000_000, 10_000_000, 1000, 1000, 100, 1, 1000, 100, 1)
    rows = [
        struct.pack(
            ">7i2H", round(north * 1e7), round(east * 1e7), 12_500, 1500, 150, days,
            round((seconds + number / 10) * 1000), 154, fix,
        )
        for number, (north, east) in enumerate(points)
    ]  # fmt: skip
    stream = nest(
        "STRM",
        klv("TYPE", "c", 1, b"lllllllSS"),
        klv("SCAL", "l", 4, struct.pack(">9i", *scales)),
        klv("GPS9", "?", 32, *rows),
    )
    return nest("DEVC", stream)


def camm5(latitude: float, longitude: float, altitude_m: float) -> bytes:
    """A camera-motion sample of type 5."""
    return struct.pack("<HH3d", 0, 5, latitude, longitude, altitude_m)


def camm6(
    latitude: float, longitude: float, *, gps_seconds: float, fix: int = 3, east: float = 3, north: float = 4
) -> bytes:
    """A camera-motion sample of type 6."""
    return struct.pack("<HHdi2d7f", 0, 6, gps_seconds, fix, latitude, longitude, 12.5, 1.0, 1.0, east, north, 0.0, 0.1)


def freegps(
    latitude: float, longitude: float, speed: float, *, sides: bytes = b"NE", size: int = 0x8000, active: bytes = b"A"
) -> bytes:
    """The first bytes of a `freeGPS` block; numbers as they are written in it."""
    head = struct.pack(">I8s36x", size, b"freeGPS ") + struct.pack("<6I", 9, 38, 21, 2025, 5, 16)
    return head + active + sides + b"\0" + struct.pack("<4f", latitude, longitude, speed, 307.2)


def data_track(tag: str, samples: Sequence[bytes], *, handler: str = "meta", step_ms: int = 1000) -> bytes:
    """A movie with one track of a sample each `step_ms`; its index stands in front."""
    sizes = struct.pack(f">{len(samples)}I", *map(len, samples))

    def front(media_at: int) -> bytes:
        stbl = box(
            b"stbl",
            box(b"stsd", bytes(4), struct.pack(">I", 1), box(tag.encode(), bytes(38))),
            box(b"stts", bytes(4), struct.pack(">III", 1, len(samples), step_ms)),
            box(b"stsz", bytes(4), struct.pack(">II", 0, len(samples)), sizes),
            box(b"stsc", bytes(4), struct.pack(">IIII", 1, 1, len(samples), 1)),
            box(b"stco", bytes(4), struct.pack(">II", 1, media_at)),
        )
        mdhd = box(b"mdhd", struct.pack(">IIIII", 0, 0, 0, 1000, 0), bytes(4))
        trak = box(b"trak", box(b"mdia", mdhd, box(b"hdlr", bytes(8), handler.encode(), bytes(13)), box(b"minf", stbl)))
        return box(b"ftyp", b"isom", bytes(4)) + box(b"moov", trak)

    return front(len(front(0)) + 8) + box(b"mdat", *samples)


def listed_blocks(blocks: Sequence[bytes], *, seconds: int) -> bytes:
    """A movie whose `gps ` box lists these blocks, as Novatek recorders write it."""

    def front(media_at: int) -> bytes:
        rows, at = b"", media_at
        for block in blocks:
            rows += struct.pack(">II", at, len(block))
            at += len(block)
        mvhd = box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 1000, seconds * 1000), bytes(80))
        return box(b"ftyp", b"isom", bytes(4)) + box(
            b"moov", mvhd, box(b"gps ", struct.pack(">II", 257, len(blocks)), rows)
        )

    return front(len(front(0)) + 8) + box(b"mdat", *blocks)


def nmea(body: str) -> str:
    """A sentence with its checksum."""
    value = 0
    for character in body.encode():
        value ^= character
    return f"${body}*{value:02X}"
