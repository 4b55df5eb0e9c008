"""Small footage whose content is known: scenes, stuck and covered pictures, silence. All by a seed, with noise."""

import array
import random
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.video.stream import VideoStream
from PIL import Image, ImageChops, ImageDraw, ImageFilter

WIDTH, HEIGHT = 160, 96
RATE = 12
SOUND_HZ = 16_000
Scenes = Sequence[tuple[float, float, str]]
_NOISE_VARIANTS = 23
_CODECS = {
    "h264": ("libx264", "yuv420p", {"preset": "superfast", "crf": "25", "sc_threshold": "0"}),
    "hevc": ("libx265", "yuv420p", {"preset": "ultrafast", "crf": "26", "x265-params": "log-level=none:pools=1"}),
    "mjpeg": ("mjpeg", "yuvj420p", {"qmin": "4", "qmax": "4"}),
    "mpeg4": ("mpeg4", "yuv420p", {"qmin": "5", "qmax": "5"}),
    "mpeg2": ("mpeg2video", "yuv420p", {"qmin": "4", "qmax": "4"}),
}


def write_footage(
    path: Path,
    seconds: float = 8.0,
    *,
    scenes: Scenes = (),
    codec: str = "h264",
    key_seconds: float = 1.0,
    sound: str | None = None,
    silent: tuple[float, float] | None = None,
    caption: bool = False,
) -> Path:
    """Footage that moves like a worn camera, but for `scenes`: spans of seconds with another scene.

    Scenes: `day`, `still` (a camera that lies), `stuck`, `black`, `covered`, `night`, `lamps` (dark but for three).
    `sound` names a codec; it is a room's noise of a few levels, and digitally silent in the span `silent`.
    """
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
        name, pixels, options = _CODECS[codec]
        rate = 25 if codec == "mpeg2" else RATE
        picture = container.add_stream(name, rate=rate, options=options)
        assert isinstance(picture, VideoStream)
        picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, pixels
        picture.gop_size = round(key_seconds * rate)
        picture.codec_context.thread_count = 1
        voice: AudioStream | None = None
        if sound is not None:
            added = container.add_stream(sound, rate=8000 if sound.startswith("pcm_") else SOUND_HZ, layout="mono")
            assert isinstance(added, AudioStream)
            voice = added
        camera = _Camera(rate)
        for number in range(round(seconds * rate)):
            frame = av.VideoFrame(WIDTH, HEIGHT, pixels)
            luma = camera.luma(number, scene_at(scenes, number / rate))
            if caption:
                luma = luma.copy()
                ImageDraw.Draw(luma).text((2, 1), f"2026-03-02 {number // rate:02}", fill=230)
            grey = Image.new("L", (WIDTH // 2, HEIGHT // 2), 128)
            for plane, image in zip(frame.planes, (luma, grey, grey), strict=True):
                plane.update(image.crop((0, 0, plane.line_size, image.height)).tobytes())
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(picture.encode(frame))
            if voice is not None and number % rate == 0:
                container.mux(voice.encode(_second(voice.codec_context.sample_rate, number // rate, silent)))
        container.mux(picture.encode(None))
        if voice is not None:
            container.mux(voice.encode(None))
    return path


def scene_at(scenes: Scenes, moment_s: float) -> str:
    return next((scene for start_s, end_s, scene in scenes if start_s <= moment_s < end_s), "day")


@cache
def _texture() -> Image.Image:
    dice = random.Random("look")
    coarse = Image.frombytes("L", (64, 20), dice.randbytes(64 * 20)).resize((640, 200), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(coarse)
    for _ in range(30):
        left, top = dice.randrange(640), dice.randrange(200)
        draw.rectangle((left, top, left + dice.randrange(5, 50), top + dice.randrange(5, 50)), fill=dice.randrange(255))
    return coarse.filter(ImageFilter.GaussianBlur(1))


@cache
def _noise() -> list[Image.Image]:
    dice = random.Random("sensor")
    table = bytes(value % 9 for value in range(256))
    return [
        Image.frombytes("L", (WIDTH, HEIGHT), dice.randbytes(WIDTH * HEIGHT).translate(table))
        for _ in range(_NOISE_VARIANTS)
    ]


class _Camera:
    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._held: Image.Image | None = None

    def luma(self, number: int, scene: str) -> Image.Image:
        if scene != "stuck" or self._held is None:
            self._held = self._seen(number, scene)
        return self._held

    def _seen(self, number: int, scene: str) -> Image.Image:
        if scene == "black":
            return Image.new("L", (WIDTH, HEIGHT), 16)
        if scene == "covered":
            base = Image.new("L", (WIDTH, HEIGHT), 22)
        elif scene == "lamps":
            base = Image.new("L", (WIDTH, HEIGHT), 20)
            for left, top in ((30, 40), (90, 50), (120, 35)):
                ImageDraw.Draw(base).ellipse((left, top, left + 3, top + 3), fill=150)
        else:
            step = 100 if scene == "still" else number * 40 // self._rate % 480
            base = _texture().crop((step, 50, step + WIDTH, 50 + HEIGHT))
            if scene == "night":
                base = base.point([16 + value // 10 for value in range(256)])
        noise = ImageChops.offset(_noise()[number % _NOISE_VARIANTS], number * 7 % WIDTH, number * 3 % HEIGHT)
        return ImageChops.add(base, noise)


def _second(rate_hz: int, second: int, silent: tuple[float, float] | None) -> av.AudioFrame:
    dice = random.Random(f"room:{second}")
    samples = array.array("h", (dice.randint(-9, 9) for _ in range(rate_hz)))
    if silent is not None:
        for place in range(rate_hz):
            if silent[0] <= second + place / rate_hz < silent[1]:
                samples[place] = 0
    frame = av.AudioFrame("s16", "mono", rate_hz)
    frame.planes[0].update(samples.tobytes().ljust(frame.planes[0].buffer_size, b"\0"))
    frame.sample_rate, frame.pts, frame.time_base = rate_hz, second * rate_hz, Fraction(1, rate_hz)
    return frame
