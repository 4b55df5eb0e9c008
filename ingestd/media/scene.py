"""What the simulated recorder sees and hears: picture, sound and position as functions of the seed and the moment.

Nothing here depends on where a clip starts, so that two clips that hold the same moment hold the same picture of it
(as the two files around a pre-record do), whatever their codec.
"""

import datetime as dt
import math
import random
from array import array
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from PIL import Image, ImageChops, ImageDraw, ImageFont

_NOISE_LEVELS = 9
"""Sensor noise of 0 to 8 grey levels: invisible, but no two frames are equal (a frozen picture would be)."""

_SOUND_VARIANTS = 7
"""Different seconds of sound before the simulated microphone hears the same again."""

_PATROL_SECONDS = 7200.0
"""How long the simulated boat takes for its loop."""


@dataclass(frozen=True)
class Scene:
    """A camera that looks out to sea. `caption` is burnt in below the clock; `fps` counts whole frames a second."""

    seed: int
    zone: str
    caption: str
    width: int = 320
    height: int = 180
    fps: int = 15


class Planes(NamedTuple):
    """One picture in YCbCr 4:2:0: luma in full size, both chroma planes in half size."""

    luma: Image.Image
    cb: Image.Image
    cr: Image.Image


class Position(NamedTuple):
    """Where the recorder is. Degrees WGS-84, kilometres an hour."""

    latitude: float
    longitude: float
    speed_kmh: float


def picture_of(scene: Scene, frame_number: int) -> Planes:
    """The picture of one frame.

    Args:
        scene: the camera.
        frame_number: frames since 1970-01-01 UTC, at the scene's own rate.
    """
    width, height = scene.width, scene.height
    horizon = height // 2
    back = _backdrop(scene.seed, width, height)
    luma = back.luma.copy()
    sea = luma.crop((0, horizon, width, height))
    luma.paste(ImageChops.offset(sea, frame_number % width, 0), (0, horizon))
    chroma_red = back.cr.copy()
    _draw_vessel(luma, chroma_red, frame_number)
    noise = random.Random(f"{scene.seed}:{frame_number}").randbytes(width * height).translate(_NOISE_TABLE)
    luma = ImageChops.add(luma, Image.frombytes("L", (width, height), noise))
    _draw_clock(luma, scene, frame_number)
    return Planes(luma, back.cb, chroma_red)


def sound_of(seed: int, second: int, rate_hz: int) -> bytes:
    """One second of sound, mono, 16 bits in the machine's byte order: a tone with noise, never silent.

    Args:
        seed: of the simulation.
        second: whole seconds since 1970-01-01 UTC.
        rate_hz: samples a second.
    """
    return _sound_variant(seed, second % _SOUND_VARIANTS, rate_hz)


def position_at(moment: dt.datetime) -> Position:
    """Where the simulated boat is: on a loop of two hours off the coast near Dalian."""
    turn = 2 * math.pi / _PATROL_SECONDS
    phase = turn * (moment.timestamp() % _PATROL_SECONDS)
    latitude = 39.05 + 0.010 * math.sin(phase)
    longitude = 121.78 + 0.020 * math.cos(phase)
    metres_per_degree = 111_195.0
    north_mps = 0.010 * metres_per_degree * turn * math.cos(phase)
    east_mps = -0.020 * metres_per_degree * turn * math.sin(phase) * math.cos(math.radians(latitude))
    return Position(round(latitude, 6), round(longitude, 6), round(3.6 * math.hypot(north_mps, east_mps), 1))


def position_line(moment: dt.datetime) -> str:
    """One line of the position track as Ambarella body cameras write it, its time in UTC as satellites give it."""
    place = position_at(moment)
    stamp = moment.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"$G:{stamp}-N{place.latitude:.6f}-E{place.longitude:.6f}-S{place.speed_kmh:.0f}"


_NOISE_TABLE = bytes(value % _NOISE_LEVELS for value in range(256))


@lru_cache(maxsize=8)
def _backdrop(seed: int, width: int, height: int) -> Planes:
    """Sky, a coast and a sea with waves; all that does not move or only rolls."""
    horizon = height // 2
    luma = Image.new("L", (width, height))
    pen = ImageDraw.Draw(luma)
    for y in range(horizon):
        pen.line((0, y, width, y), fill=170 + 40 * y // horizon)
    dice = random.Random(f"{seed}:coast")
    ridge = [(x, horizon - dice.randint(height // 40, height // 9)) for x in range(0, width + 1, max(4, width // 24))]
    pen.polygon([(0, horizon), *ridge, (width, horizon)], fill=96)
    for y in range(horizon, height):
        pen.line((0, y, width, y), fill=70 + 50 * (y - horizon) // horizon)
    for _ in range(60):
        x, y = dice.randrange(width), dice.randrange(horizon + 2, height)
        pen.line((x, y, x + width // 20, y), fill=dice.randint(110, 190))
    half = (max(1, width // 2), max(1, height // 2))
    cb, cr = Image.new("L", half, 146), Image.new("L", half, 112)
    ImageDraw.Draw(cb).rectangle((0, half[1] // 2, *half), fill=140)
    return Planes(luma, cb, cr)


def _draw_vessel(luma: Image.Image, chroma_red: Image.Image, frame_number: int) -> None:
    """A vessel that crosses the picture, and goes up and down with the sea."""
    width, height = luma.size
    long, tall = width // 6, height // 14
    left = frame_number * max(1, width // 160) % (width + long) - long
    top = height // 2 + height // 12 + round(height / 60 * math.sin(frame_number / 5))
    pen = ImageDraw.Draw(luma)
    hull = [(left, top), (left + long, top), (left + long * 5 // 6, top + tall), (left + long // 8, top + tall)]
    pen.polygon(hull, fill=60)
    pen.rectangle((left + long // 4, top - tall, left + long // 2, top), fill=225)
    ImageDraw.Draw(chroma_red).polygon([(x // 2, y // 2) for x, y in hull], fill=196)


@lru_cache(maxsize=4)
def _font(height: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=max(8, height // 13))


def _draw_clock(luma: Image.Image, scene: Scene, frame_number: int) -> None:
    """Date, time to tenths and caption, white on black, always in the same place and drawn over the noise."""
    second, frame = divmod(frame_number, scene.fps)
    local = dt.datetime.fromtimestamp(second, ZoneInfo(scene.zone))
    clock = f"{local:%Y-%m-%d %H:%M:%S}.{frame * 10 // scene.fps}"
    size = max(8, scene.height // 13)
    pen = ImageDraw.Draw(luma)
    pen.rectangle((0, 0, size * 12, size * 5 // 2), fill=16)
    pen.text((size // 3, 0), clock, fill=235, font=_font(scene.height))
    pen.text((size // 3, size * 6 // 5), scene.caption, fill=235, font=_font(scene.height))


@lru_cache(maxsize=4 * _SOUND_VARIANTS)
def _sound_variant(seed: int, variant: int, rate_hz: int) -> bytes:
    dice = random.Random(f"{seed}:sound:{variant}")
    hertz = 330 + 55 * variant
    turn = 2 * math.pi * hertz / rate_hz
    noise = dice.randbytes(rate_hz)
    return array("h", (int(4000 * math.sin(turn * n)) + 6 * (noise[n] - 128) for n in range(rate_hz))).tobytes()
