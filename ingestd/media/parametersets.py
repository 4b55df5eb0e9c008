"""Parameter sets and the names of encoders inside coded pictures and sound: from headers and first samples."""

import hashlib
import re
import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ingestd.core.structure import Word

MAX_SETS = 16
MAX_WORD_CHARS = 600
MAX_UNITS = 256

_AVC_NAMES = {7: "sps", 8: "pps"}
_HEVC_NAMES = {32: "vps", 33: "sps", 34: "pps"}
_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
# The encoders that write their name into the picture itself; a camera's own chip leaves none of these.
_PICTURE_WORDS = re.compile(
    rb"x264 - core [ -~]{1,1500}|x265 \(build [ -~]{1,1500}|Lavc[0-9]{2}\.[0-9.]*(?: [ -~]{1,60})?"
    rb"|XviD[0-9]{4}|DivX[0-9][ -~]{0,20}|SVT-AV1[ -~]{0,60}|libvpx[ -~]{0,60}|HandBrake[ -~]{0,40}"
)
_THREADS = re.compile(r"\s(?:lookahead_|frame-|sliced_)?threads=\S+|\s(?:numa-)?pools=\S+|\sthreadpools=\S+")
_OPTIONS = re.compile(r" - H\.26[45].*?options:|:\[.*?options:")


class ParameterSets(NamedTuple):
    """`sets` as in `TrackStructure.parameter_sets`; null where no sequence set was read."""

    sets: tuple[str, ...] = ()
    profile: int | None = None
    level: int | None = None
    reference_frames: int | None = None


class Record(NamedTuple):
    """A decoder configuration record: how samples frame their units, and the parameter sets it holds."""

    codec: str
    length_bytes: int
    units: tuple[bytes, ...]


def read_avc_record(body: bytes) -> Record | None:
    """`avcC` (ISO/IEC 14496-15, 5.3.3.1); null where it is too short. A torn one gives what is there."""
    if len(body) < 6:
        return None
    units: list[bytes] = []
    at = 5
    for mask in (0x1F, 0xFF):
        if at >= len(body):
            break
        count = body[at] & mask
        at += 1
        for _ in range(count):
            unit, at = _sized(body, at)
            if unit:
                units.append(unit)
    return Record("h264", (body[4] & 3) + 1, tuple(units[:MAX_SETS]))


def read_hevc_record(body: bytes) -> Record | None:
    """`hvcC` (ISO/IEC 14496-15, 8.3.3.1); null where it is too short."""
    if len(body) < 23:
        return None
    units: list[bytes] = []
    at = 23
    for _ in range(body[22]):
        if at + 3 > len(body):
            break
        (count,) = struct.unpack_from(">H", body, at + 1)
        at += 3
        for _ in range(min(count, MAX_SETS)):
            unit, at = _sized(body, at)
            if unit:
                units.append(unit)
    return Record("hevc", (body[21] & 3) + 1, tuple(units[:MAX_SETS]))


def _sized(body: bytes, at: int) -> tuple[bytes, int]:
    if at + 2 > len(body):
        return b"", len(body)
    (length,) = struct.unpack_from(">H", body, at)
    return body[at + 2 : at + 2 + length], at + 2 + length


def sample_units(sample: bytes, length_bytes: int) -> Iterator[bytes]:
    """The units of a sample that frames them by length; a torn or cut last one is given as far as it goes."""
    at = 0
    for _ in range(MAX_UNITS):
        if at + length_bytes >= len(sample):
            return
        length = int.from_bytes(sample[at : at + length_bytes], "big")
        at += length_bytes
        if length:
            yield sample[at : at + length]
        at += length


def stream_units(data: bytes) -> Iterator[bytes]:
    """The units of a byte stream with start codes (Annex B)."""
    parts = data.split(b"\0\0\1", MAX_UNITS)
    for part in parts[1:]:
        if unit := part.rstrip(b"\0"):
            yield unit


def parameter_sets(codec: str, units: Iterable[bytes]) -> ParameterSets:
    """Digests of the parameter sets among units, each once, and what the first sequence set says."""
    found: dict[str, None] = {}
    head: tuple[int | None, int | None, int | None] = (None, None, None)
    for unit in units:
        kind = unit[0] & 0x1F if codec == "h264" else unit[0] >> 1 & 0x3F
        name = (_AVC_NAMES if codec == "h264" else _HEVC_NAMES).get(kind)
        if name is None:
            continue
        if len(found) < MAX_SETS:
            found[f"{name}:{hashlib.sha256(unit).hexdigest()}"] = None
        if name == "sps" and head == (None, None, None):
            head = _avc_head(unit) if codec == "h264" else _hevc_head(unit)
    return ParameterSets(tuple(found), *head)


def _avc_head(sps: bytes) -> tuple[int | None, int | None, int | None]:
    """Profile, level and number of reference frames (ITU-T H.264, 7.3.2.1.1)."""
    if len(sps) < 5:
        return None, None, None
    bits = _Bits(sps[4:260].replace(b"\0\0\3", b"\0\0"))
    try:
        return sps[1], sps[3], _reference_frames(bits, sps[1])
    except (IndexError, ValueError):
        return sps[1], sps[3], None


def _reference_frames(bits: "_Bits", profile: int) -> int | None:
    bits.unsigned()
    if profile in _HIGH_PROFILES:
        if bits.unsigned() == 3:
            bits.take(1)
        bits.unsigned()
        bits.unsigned()
        bits.take(1)
        if bits.take(1):
            # Scaling matrices: nobody's cameras were seen to write them, so they are not walked.
            return None
    bits.unsigned()
    order = bits.unsigned()
    if order == 0:
        bits.unsigned()
    elif order == 1:
        return None
    return bits.unsigned()


def _hevc_head(sps: bytes) -> tuple[int | None, int | None, int | None]:
    """Profile and level (ITU-T H.265, 7.3.3): at fixed places behind the unit's header."""
    raw = sps[:64].replace(b"\0\0\3", b"\0\0")
    return (raw[3] & 0x1F, raw[14], None) if len(raw) > 14 else (None, None, None)


class _Bits:
    """Bits from the left; asking beyond the end is an `IndexError`."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> int:
        value = 0
        for _ in range(count):
            value = value << 1 | self._data[self._at >> 3] >> (7 - (self._at & 7)) & 1
            self._at += 1
        return value

    def unsigned(self) -> int:
        """An Exp-Golomb code."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 32:
                raise ValueError("no number")
        return (1 << zeros) - 1 + self.take(zeros)


def picture_words(data: bytes, source: str) -> list[Word]:
    """The names that encoders left in coded data, each once, with their options where they tell them.

    How many threads ran is left out: it says nothing of the settings.
    """
    words: dict[str, None] = {}
    for match in _PICTURE_WORDS.finditer(data):
        text = _OPTIONS.sub(";", match.group().decode("ascii", "replace"))
        words[_THREADS.sub("", text)[:MAX_WORD_CHARS].rstrip()] = None
        if len(words) >= 4:
            break
    return [Word(source=source, text=text) for text in words]
