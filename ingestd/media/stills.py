"""Photos and sound files of the simulated recorder; equal arguments give equal bytes."""

import datetime as dt
import wave
from pathlib import Path
from zoneinfo import ZoneInfo

from PIL import Image, TiffImagePlugin
from PIL.ExifTags import GPS, IFD, Base

from ingestd.media.footage import translated
from ingestd.media.scene import Scene, picture_of, position_at, sound_of


def write_sound(path: Path, *, seed: int, start_utc: dt.datetime, seconds: int, rate_hz: int = 16_000) -> None:
    """A WAV file (PCM, mono, 16 bits) of what the simulated microphone hears from a whole second on.

    Raises:
        MediaError: the file cannot be written.
        StoreFullError: no room.
    """
    first = int(start_utc.timestamp())
    with translated(path), wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        for second in range(first, first + seconds):
            file.writeframes(sound_of(seed, second, rate_hz))


def write_photo(path: Path, *, scene: Scene, at_utc: dt.datetime) -> None:
    """A JPEG of what the simulated camera sees, with time (local, with offset) and position in EXIF 2.31.

    Raises:
        MediaError: the file cannot be written.
        StoreFullError: no room.
    """
    planes = picture_of(scene, int(at_utc.timestamp()) * scene.fps)
    chroma = [plane.resize(planes.luma.size) for plane in (planes.cb, planes.cr)]
    picture = Image.merge("YCbCr", (planes.luma, *chroma))
    with translated(path):
        picture.save(path, "JPEG", quality=85, exif=_exif(at_utc, scene.zone))


def _exif(at_utc: dt.datetime, zone: str) -> Image.Exif:
    local = at_utc.astimezone(ZoneInfo(zone))
    offset = f"{local:%z}"
    exif = Image.Exif()
    exif[Base.Make] = "ingestd"
    exif[Base.Model] = "simulated recorder"
    exif[Base.DateTime] = f"{local:%Y:%m:%d %H:%M:%S}"
    exif.get_ifd(IFD.Exif).update(
        {
            Base.DateTimeOriginal: f"{local:%Y:%m:%d %H:%M:%S}",
            Base.OffsetTimeOriginal: f"{offset[:3]}:{offset[3:]}",
        }
    )
    place = position_at(at_utc)
    exif.get_ifd(IFD.GPSInfo).update(
        {
            GPS.GPSLatitudeRef: "N",
            GPS.GPSLatitude: _degrees(place.latitude),
            GPS.GPSLongitudeRef: "E",
            GPS.GPSLongitude: _degrees(place.longitude),
            GPS.GPSTimeStamp: tuple(TiffImagePlugin.IFDRational(n) for n in at_utc.astimezone(dt.UTC).timetuple()[3:6]),
            GPS.GPSMapDatum: "WGS-84",
            GPS.GPSDateStamp: f"{at_utc.astimezone(dt.UTC):%Y:%m:%d}",
        }
    )
    return exif


def _degrees(value: float) -> tuple[TiffImagePlugin.IFDRational, ...]:
    """Degrees, minutes and seconds to a ten-thousandth, as EXIF wants them."""
    minutes, ten_thousandths = divmod(round(value * 3600 * 10_000), 60 * 10_000)
    degrees, minutes = divmod(minutes, 60)
    rational = TiffImagePlugin.IFDRational
    return rational(degrees), rational(minutes), rational(ten_thousandths, 10_000)
