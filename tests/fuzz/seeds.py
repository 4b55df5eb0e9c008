"""What fuzzing begins with: small real files of every container, and texts as recorders write them."""

import struct
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import av

from tests.support.clips import box, write_clip
from tests.support.tracks import camm5, camm6, freegps, gps5, gps9, nmea

TEXTS = (
    b"$G:2024-02-21 08:29:23-N22.123456-E113.5-S12",
    b"+33.1268-117.3273+028.516/",
    b"$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A",
    b"DCIM/100ANDRO/0000000_00000020240221082923_0001_IMP.mp4\nDCIM/DCAM_01_02_20240221_082923_IMP.mp4",
    b"[device]\r\nserial = 7012345\r\nuser.id=012345\nclock: 2024-02-21 08:29:23\n",
    b'{"device": {"serial": "7012345", "user": {"id": 12}}, "clock": null}',
    b'<?xml version="1.0"?><info serial="7012345"><user><id>1</id></user><clock>2024</clock></info>',
)
TELEMETRY = (
    gps5([(22.5, 113.25), (22.6, 113.3)]) + gps9([(22.5, 113.25)]),
    camm5(22.5, 113.25, 9.0),
    camm6(22.5, 113.25, gps_seconds=1392510581),
    freegps(2230.6, 11315.0, 10.0),
)
SIDECARS = (
    "\n".join(
        (
            nmea("GPDTM,W84,,0.0,N,0.0,E,0.0,W84"),
            nmea("GNRMC,002923.00,A,2230.6000,N,11315.0000,E,10.0,84.4,210224,,,D"),
            nmea("GNGGA,002923.00,2230.6000,N,11315.0000,E,2,09,0.9,12.5,M,-3.0,M,,"),
        )
    ).encode(),
    b"1\n00:00:01,500 --> 00:00:02,000\nGPS(113.25,22.51,16)\n\n2\n00:00:02,000 --> 00:00:03,000\n"
    b"[latitude: 22.51] [longtitude: 113.25] [rel_alt: 1.3 abs_alt: 44.5]\n",
    b'<?xml version="1.0"?><gpx xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg><trkpt lat="22.51" lon="113.25">'
    b"<ele>12.5</ele><time>2024-02-21T00:29:23Z</time><fix>3d</fix></trkpt></trkseg></trk></gpx>",
    b'{"a": [{"p": {"lat": 22.51, "lon": 113.25}, "wkt": "POINT (113.25 22.51)", "t": "2024-02-21T00:29:23Z"}]}',
    b'<log><fix lat="22.51" lon="113.25" v="1"><when>2024-02-21T00:29:23Z</when></fix></log>',
    b'[{"Doc1:GPSLatitude": 22.51, "Doc1:GPSLongitude": 113.25, "Doc1:GPSDateTime": "2024:02:21 00:29:23Z"}]',
)


@cache
def seeds() -> Mapping[str, tuple[bytes, ...]]:
    """Files by family: `movie`, `riff`, `transport`, `matroska`, `stream`, `photo`, `text`, …"""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        whole = write_clip(folder / "whole.mp4", 2).read_bytes()
        movies = (
            whole,
            write_clip(folder / "front.mp4", 2, movflags="faststart").read_bytes(),
            write_clip(folder / "parts.mp4", 2, movflags="frag_keyframe+empty_moov+default_base_moof").read_bytes(),
            whole[: whole.rindex(b"moov") - 4],
            write_clip(folder / "silent.mov", 1, sound=None).read_bytes(),
        )
        with av.open(str(folder / "whole.mp4")) as container:
            video = container.streams.video[0]
            convert = av.BitStreamFilterContext("h264_mp4toannexb", in_stream=video)
            stream = b"".join(bytes(one) for packet in container.demux(video) for one in convert.filter(packet))
        avi = write_clip(folder / "whole.avi", 1).read_bytes()
        jpeg = avi[avi.index(b"\xff\xd8\xff") :][:3000]
        wave = struct.pack(
            "<4sI4s4sIHHIIHH4sI", b"RIFF", 236, b"WAVE", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16, b"data", 200
        )
        ftyp = box(b"ftyp", b"isom", bytes(4))
        return {
            "movie": (*movies, ftyp + struct.pack(">I4s", 0, b"mdat") + stream),
            "riff": (avi, avi[: len(avi) * 2 // 3], wave + bytes(200)),
            "transport": (write_clip(folder / "whole.ts", 1).read_bytes(),),
            "matroska": (write_clip(folder / "whole.mkv", 1).read_bytes(),),
            "stream": (stream,),
            "photo": (jpeg,),
            "text": TEXTS,
            "telemetry": TELEMETRY,
            "sidecar": SIDECARS,
        }


FAMILIES: Mapping[str, tuple[str, ...]] = {
    "movie": ("movie",),
    "frames": ("riff", "transport", "matroska"),
    "damage": ("movie", "riff", "transport", "matroska"),
    "salvage": ("movie", "riff", "transport", "stream"),
    "salvage_by_reference": ("movie", "riff"),
    "units": ("stream", "movie"),
    "jpeg": ("photo",),
    "position": ("text",),
    "telemetry": ("telemetry",),
    "sidecar": ("text", "sidecar"),
    "names": ("text",),
    "device_info": ("text",),
    "probe": ("movie", "riff", "transport", "matroska", "stream", "photo", "text"),
}
"""With which files each target begins."""


def seeds_of(target: str) -> tuple[bytes, ...]:
    """All files that a target begins with."""
    return tuple(data for family in FAMILIES[target] for data in seeds()[family])
