"""Facts of a photo: size, time and position from its header, by Pillow; the picture is not decoded."""

import os
import re
import struct
from typing import Any

from PIL import ExifTags, Image

from ingestd.core.clock import from_text, to_text
from ingestd.core.facts import Fix, MediaFacts, MediaKind, StreamFacts, StreamKind
from ingestd.media.boxes import ByteSource, Problems
from ingestd.media.telemetry import exif_fix

_TAIL_BYTES = 64 * 1024
_ENDS = {"jpeg": b"\xff\xd9", "png": b"IEND"}
_CODECS = {"jpeg": "mjpeg", "png": "png"}
_HEADER_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, struct.error,
    Image.DecompressionBombError,
)  # fmt: skip


def photo_facts(source: ByteSource, container: str, problems: Problems) -> MediaFacts:
    """Facts of a JPEG or PNG file. Its picture size stands in a stream without packets."""
    streams: tuple[StreamFacts, ...] = ()
    fix: Fix | None = None
    written: dict[str, Any] = {}
    # Pillow reads from the position of the descriptor, and closes what it is given.
    with open(os.dup(source.fd), "rb") as file:  # noqa: PTH123
        file.seek(0)
        try:
            with Image.open(file, formats=("JPEG", "PNG")) as image:
                width, height = image.size
                streams = (
                    StreamFacts(
                        index=0, kind=StreamKind.VIDEO, codec=_CODECS.get(container), width=width, height=height
                    ),
                )
                written, fix = _exif(image.getexif(), problems)
        except _HEADER_ERRORS as error:
            problems.add(f"the header cannot be read: {error}")
    ending = _ENDS.get(container)
    tail = source.read(max(0, source.size_bytes - _TAIL_BYTES), _TAIL_BYTES)
    is_truncated = ending is not None and ending not in tail
    return MediaFacts(
        kind=MediaKind.PHOTO,
        size_bytes=source.size_bytes,
        container=container,
        streams=streams,
        fixes=(fix,) if fix else (),
        is_truncated=is_truncated,
        problems=problems.texts(),
        **written,
    )


def _exif(exif: Image.Exif, problems: Problems) -> tuple[dict[str, Any], Fix | None]:
    """Times and maker, then the position; a fault of one does not hide the other."""
    written: dict[str, Any] = {}
    try:
        detail = exif.get_ifd(ExifTags.IFD.Exif)
        moment = re.match(
            r"(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)", str(detail.get(ExifTags.Base.DateTimeOriginal, ""))
        )
        if moment and moment[1] != "0000":
            written["creation_local"] = f"{moment[1]}-{moment[2]}-{moment[3]}T{moment[4]}"
            zone = str(detail.get(ExifTags.Base.OffsetTimeOriginal, "")).strip("\0 ")
            if re.fullmatch(r"[+-]\d\d:\d\d", zone):
                written["creation_utc"] = to_text(from_text(written["creation_local"] + zone))
        software = str(exif.get(ExifTags.Base.Software, "")).strip("\0 ")
        written["encoder"] = software[:200] or None
    except _HEADER_ERRORS as error:
        problems.add(f"the time in EXIF cannot be read: {error}")
    try:
        return written, exif_fix(exif.get_ifd(ExifTags.IFD.GPSInfo))
    except _HEADER_ERRORS as error:
        problems.add(f"the position in EXIF cannot be read: {error}")
    return written, None
