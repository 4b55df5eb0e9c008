"""Hard negatives: what untouched recordings do, and what must bring nothing above information."""

import datetime as dt
import struct
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from bench.detection.recorder import Piece
from bench.detection.sets import Card, make_segment, put

_FIX_SEGMENT = 2
_CLOCK_OFF_S = -437.0
_LOST_FRAMES = 2
_LEAP_S = 18
_ZONE_S = 8 * 3600
_WARM_UP_S = 2.0


def clean(card: Card) -> None:
    """As the recorder left it."""
    del card


def jitter(card: Card) -> None:
    """Every picture comes up to a fifth of a frame early or late."""
    fifth = Fraction(1, 5 * card.recorder.fps)

    def change(packets: list[Piece]) -> list[Piece]:
        moved = []
        for one in packets:
            by = fifth * card.dice.randint(-100, 100) / 100 if one.kind == "video" and one.pts else Fraction(0)
            moved.append(replace(one, pts=one.pts + by, dts=one.dts + by))
        return moved

    for number in range(len(card.segments)):
        card.record(number, change)


def roll_over(card: Card) -> None:
    """Two pictures are lost whenever one file ends and the next begins."""
    for number, segment in enumerate(card.segments):
        card.record(number, _until("video", segment.shot.seconds - _LOST_FRAMES / card.recorder.fps))


def night(card: Card) -> None:
    """One segment is a dark, but real scene."""
    card.reshoot(2, scenes=((0, 99, "night"),))


def still(card: Card) -> None:
    """One segment is of a camera that lies on a table; sensor noise stays."""
    card.reshoot(2, scenes=((0, 99, "still"),))


def clock_step(card: Card) -> bool:
    """The clock is wrong until the first fix sets it between two files; before, there are no fixes."""
    if not card.recorder.has_position or card.recorder.container != "mp4":
        return False
    for number in range(_FIX_SEGMENT):
        segment = card.segments[number]
        card.remove(number)
        off = segment.start_utc + dt.timedelta(seconds=_CLOCK_OFF_S)
        card.segments[number] = replace(segment, name=card.recorder.file_name(off, segment.sequence))
        card.record(number, _without_fix, clock_s=_CLOCK_OFF_S)
    return True


def slow_start(card: Card) -> None:
    """A thermal camera's clock: two seconds between the first two pictures of each file, and uneven steps after them.

    Even steps would make it no negative: then pictures are missing where sound runs, and nothing excuses that.
    """
    third = Fraction(1, 3 * card.recorder.fps)

    def change(packets: list[Piece]) -> list[Piece]:
        # The first picture stands until the group at two seconds begins.
        kept = (one for one in packets if one.kind != "video" or one.pts == 0 or one.start_s >= _WARM_UP_S - 1e-6)
        return [_late(one, third * card.dice.randint(0, 100) / 100) for one in kept]

    for number in range(len(card.segments)):
        card.record(number, change)


def short_sound(card: Card) -> None:
    """Sound ends a third of a second before the pictures."""
    for number, segment in enumerate(card.segments):
        card.record(number, _until("audio", segment.shot.seconds - 0.3))


def local_time_as_utc(card: Card) -> bool:
    """Dates in the container are local time, and off by the leap seconds."""
    if card.recorder.container != "mp4":
        return False
    for number in range(len(card.segments)):
        card.patch(number, _local)
    return True


def pre_record(card: Card) -> None:
    """The officer stops, and a second take begins at once with three seconds that the first has too."""
    last = card.segments[-1]
    start = last.end_utc - dt.timedelta(seconds=3)
    for number in range(2):
        shot = replace(card.segments[0].shot, start_utc=start + dt.timedelta(seconds=12 * number))
        segment = make_segment(card.recorder, shot, last.sequence + 1 + number, card.root)
        put(card.recorder, segment, segment.packets, card.root)
        segment.raw.unlink()


NEGATIVES: dict[str, Callable[[Card], bool | None]] = {
    "clean": clean,
    "jitter": jitter,
    "80 ms roll-over": roll_over,
    "night": night,
    "static": still,
    "clock step at fix": clock_step,
    "slow first picture": slow_start,
    "sound a little shorter": short_sound,
    "local time called UTC": local_time_as_utc,
    "pre-record": pre_record,
}


def _late(piece: Piece, by_s: Fraction) -> Piece:
    """A picture that comes late; the first, and what is no picture, stay."""
    if piece.kind != "video" or not piece.pts:
        return piece
    return replace(piece, pts=piece.pts + by_s, dts=piece.dts + by_s)


def _until(kind: str, end_s: float) -> Callable[[list[Piece]], list[Piece]]:
    """Packets of one kind only up to a second."""
    return lambda packets: [one for one in packets if one.kind != kind or one.start_s < end_s - 1e-6]


def _without_fix(packets: list[Piece]) -> list[Piece]:
    """Lines without a position."""
    line = b"$G:NO FIX"
    text = len(line).to_bytes(2, "big") + line
    return [replace(one, data=text) if one.kind == "subtitle" else one for one in packets]


def _local(data: bytearray) -> None:
    for kind in (b"mvhd", b"tkhd", b"mdhd"):
        at = data.find(kind)
        while at >= 0:
            times = struct.unpack_from(">II", data, at + 8)
            struct.pack_into(">II", data, at + 8, *(one + _ZONE_S + _LEAP_S if one else 0 for one in times))
            at = data.find(kind, at + 4)
