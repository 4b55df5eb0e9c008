"""AIS sentences as ships send them, in the dialects of logs, and a card whose recording has a position track."""

import datetime as dt
import wave
from collections.abc import Iterable
from functools import reduce
from pathlib import Path
from typing import Any

from pyais import encode_dict

START = dt.datetime(2026, 3, 2, 1, 0, 16, tzinfo=dt.UTC)
"""When the recording of `write_patrol_card` begins: 09:00:16 in Dalian."""

SECONDS = 60
LATITUDE, LONGITUDE = 38.92, 121.63
PATROL, TRAWLER, FERRY = 412000001, 412345678, 413222111
METRE_NORTH = 1 / 111_195.0
NAME = "7012345_01234520260302090016_0003"


def sentences(**fields: Any) -> list[str]:
    """A message as sentences (`VDM`); `kind` makes it `VDO`."""
    kind = fields.pop("kind", "VDM")
    encoded: list[str] = encode_dict(fields, sentence_type=kind, seq_id=fields.pop("seq_id", 1))
    return encoded


def position(
    mmsi: int, at: dt.datetime, *, north_m: float = 0.0, east_m: float = 0.0, knots: float = 0.0, kind: str = "VDM"
) -> str:
    """A class A position report, so far from where the recorder is."""
    place = {"lat": LATITUDE + north_m * METRE_NORTH, "lon": LONGITUDE + east_m * METRE_NORTH / 0.778}
    return sentences(type=1, mmsi=mmsi, speed=knots, second=at.second, kind=kind, **place)[0]


def voyage(mmsi: int, name: str, *, imo: int = 0, call_sign: str = "") -> list[str]:
    """A message of static data, in two sentences."""
    return sentences(type=5, mmsi=mmsi, shipname=name, imo=imo, callsign=call_sign, seq_id=3)


def shore_station(at: dt.datetime) -> str:
    """The UTC that a shore station broadcasts."""
    day = {"year": at.year, "month": at.month, "day": at.day}
    clock = {"hour": at.hour, "minute": at.minute, "second": at.second}
    return sentences(type=4, mmsi=4132100, lat=LATITUDE, lon=LONGITUDE, **day, **clock)[0]


def stamped(sentence: str, at: dt.datetime) -> bytes:
    """A line of a log with the Unix time before it."""
    return f"{at.timestamp():.3f} {sentence}\r\n".encode("ascii")


def tagged(sentence: str, at: dt.datetime) -> bytes:
    """A line with an NMEA 4.10 tag block."""
    body = f"s:rSHIP01,c:{int(at.timestamp())}"
    return f"\\{body}*{checksum(body):02X}\\{sentence}\r\n".encode("ascii")


def nmea(body: str) -> str:
    """A sentence of these words with its checksum."""
    return f"${body}*{checksum(body):02X}"


def checksum(body: str) -> int:
    """XOR of all characters."""
    return reduce(lambda total, one: total ^ ord(one), body, 0)


def rmc(at: dt.datetime, *, north_m: float = 0.0) -> str:
    """Time and place by a GPS receiver."""
    latitude, longitude = LATITUDE + north_m * METRE_NORTH, LONGITUDE
    north = f"{int(latitude):02}{latitude % 1 * 60:08.5f}"
    east = f"{int(longitude):03}{longitude % 1 * 60:08.5f}"
    return nmea(f"GPRMC,{at:%H%M%S}.00,A,{north},N,{east},E,0.1,,{at:%d%m%y},,,A")


def write_patrol_card(root: Path) -> Path:
    """A card with one minute of sound, and its position beside it as NMEA, at rest at one place."""
    folder = root / "DCIM"
    folder.mkdir(parents=True)
    with wave.open(str(folder / f"{NAME}.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(range(256)) * (8000 * SECONDS * 2 // 256))
    lines = [rmc(START + dt.timedelta(seconds=one)) for one in range(SECONDS + 1)]
    (folder / f"{NAME}.nmea").write_text("".join(f"{line}\r\n" for line in lines), "ascii")
    return root


def write_log(path: Path, lines: Iterable[bytes]) -> Path:
    """A log file of these lines."""
    path.write_bytes(b"".join(lines))
    return path


def harbour_lines() -> list[bytes]:
    """What was heard around the recording: the own boat, a trawler 40 m beside it, a ferry that passes 900 m away."""
    lines = []
    for seconds in range(-30, SECONDS + 40, 10):
        at = START + dt.timedelta(seconds=seconds)
        lines.append(stamped(position(PATROL, at, knots=0.1, kind="VDO"), at))
        lines.append(stamped(position(TRAWLER, at, north_m=40, knots=0.3), at))
        lines.append(stamped(position(FERRY, at, east_m=900 + 10 * seconds, knots=19.4), at))
    for part in voyage(TRAWLER, "LIAO DA JIN YU 15008", call_sign="BABC1", imo=9123453):
        lines.append(stamped(part, START))
    lines += [
        stamped(shore_station(START + dt.timedelta(seconds=one)), START + dt.timedelta(seconds=one))
        for one in (0, 10, 20)
    ]
    return lines
