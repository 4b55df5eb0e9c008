"""One decoded picture in numbers: how dark it is, what structure it has, and how it differs from another."""

import math
from typing import NamedTuple

from av.video.frame import VideoFrame
from PIL import Image, ImageChops, ImageFilter, ImageStat

from ingestd.core.look import Detail, LookRule

_EIGHT_BIT_LUMA_FIRST = frozenset(
    {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "yuv411p", "yuv410p", "nv12", "nv21", "gray"}
)
_FULL_RANGE = 2
_EDGE_SHARE = 0.15
"""What recorders write into the picture (clock, number) stands in the upper and lower edge, which is left out."""
_TILES_ACROSS = 80
_COARSER = 4
_STRETCH = 4
"""Dark pictures are stretched before tiles are averaged, so that a quarter of a grey level counts."""
_STRETCHED = [min(255, value * _STRETCH) for value in range(256)]
_AGAINST_NEIGHBOURS = ImageFilter.Kernel((3, 3), (0, -1, 0, -1, 4, -1, 0, -1, 0), scale=4, offset=128)
_TILE_PIXELS = 16


class Picture(NamedTuple):
    """The luma of a picture without its upper and lower edge. `black` and `scale` bring it to 0 to 255."""

    luma: Image.Image
    black: int
    scale: float


class Difference(NamedTuple):
    """Mean over all pixels, and the largest mean of a tile, in grey levels; 0 where every pixel is equal."""

    mean: float
    tile: float


def picture_of(frame: VideoFrame) -> Picture:
    """The luma of a decoded picture.

    Raises:
        ValueError, av.error.FFmpegError: its format cannot be converted.
    """
    name = frame.format.name
    if name not in _EIGHT_BIT_LUMA_FIRST:
        # The converter brings grey to full range.
        frame, is_full = frame.reformat(format="gray"), True
    else:
        is_full = name.startswith("yuvj") or name == "gray" or frame.color_range == _FULL_RANGE
    plane, width, height = frame.planes[0], frame.width, frame.height
    edge = round(height * _EDGE_SHARE)
    rows = memoryview(plane)[edge * plane.line_size : (height - edge) * plane.line_size]
    size = (width, height - 2 * edge)
    # Rows of a plane are padded; Pillow takes the real length of a row as it reads.
    luma = Image.frombuffer("L", size, bytes(rows), "raw", "L", plane.line_size, 1)
    return Picture(luma, 0, 1.0) if is_full else Picture(luma, 16, 255 / 219)


def detail_of(picture: Picture, rule: LookRule) -> Detail:
    """The numbers by which black, a covered lens and a night scene are told apart.

    Of pictures that are not dark only the mean is taken.
    """
    mean = max(0.0, (ImageStat.Stat(picture.luma).mean[0] - picture.black) * picture.scale)
    if mean > rule.dark_luma:
        return Detail(mean, 255.0, 255.0, 255.0, 255.0)
    darkest, brightest = _extent(picture.luma)
    stretched = picture.luma.point(_STRETCHED)
    fine_tiles = stretched.reduce(max(1, round(stretched.width / _TILES_ACROSS)))
    fine, peak = _detail(fine_tiles)
    coarse, _ = _detail(fine_tiles.reduce(_COARSER))
    scale = picture.scale / _STRETCH
    return Detail(mean, brightest - darkest, fine * scale, coarse * scale, peak * scale)


def _detail(tiles: Image.Image) -> tuple[float, float]:
    """Root mean square and largest of the tiles' distances from their neighbours."""
    width, height = tiles.size
    if width < 3 or height < 3:
        return 0.0, 0.0
    # The filter copies the outermost tiles as they are.
    distances = tiles.filter(_AGAINST_NEIGHBOURS).crop((1, 1, width - 1, height - 1))
    counts = distances.histogram()
    total = sum(counts)
    square = sum(count * (value - 128) ** 2 for value, count in enumerate(counts)) / total
    lowest, highest = _extent(distances)
    return math.sqrt(square), max(highest - 128, 128 - lowest)


def difference_of(one: Picture, other: Picture) -> Difference:
    """How two pictures of one size differ; pictures of different sizes differ wholly."""
    if one.luma.size != other.luma.size:
        return Difference(255.0, 255.0)
    apart = ImageChops.difference(one.luma, other.luma)
    if apart.getbbox() is None:
        return Difference(0.0, 0.0)
    scale = max(one.scale, other.scale)
    _, tile = _extent(apart.reduce(_TILE_PIXELS))
    return Difference(ImageStat.Stat(apart).mean[0] * scale, tile * scale)


def _extent(grey: Image.Image) -> tuple[float, float]:
    """The darkest and the brightest value of a picture of one band."""
    lowest, highest = grey.getextrema()
    assert not isinstance(lowest, tuple) and not isinstance(highest, tuple)
    return lowest, highest
