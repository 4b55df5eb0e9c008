"""Positions: read from where recorders put them, and doubted where they cannot be true."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ingestd.core.facts import MediaKind
from ingestd.media.telemetry import make_fix, parse_iso6709, parse_track_text
from tests.support.clips import box, facts_of, shared_corpus


def test_track_text_of_body_cameras_is_read() -> None:
    fix = parse_track_text("$G:2024-02-21 08:29:23-N22.123456-E113.5-S12", at_s=4.0)
    assert fix is not None
    assert (fix.latitude, fix.longitude, fix.at_s, fix.utc) == (22.123456, 113.5, 4.0, "2024-02-21T08:29:23.000Z")


def test_southern_and_western_positions_are_negative() -> None:
    fix = parse_track_text("$G:2024-02-21 08:29:23-S22.1-W113.5-S12")
    assert fix is not None
    assert (fix.latitude, fix.longitude) == (-22.1, -113.5)


def test_speed_of_unknown_unit_is_left_out() -> None:
    fix = parse_track_text("$G:2024-02-21 08:29:23-N22.1-E113.5-S12")
    assert fix is not None
    assert fix.speed_mps is None


@pytest.mark.parametrize("text", ["", "hello", "$G:2024-02-21 08:29:23", "$G:2024-02-21 08:29:23-N-E-S", "$G:----"])
def test_other_text_is_no_fix(text: str) -> None:
    assert parse_track_text(text) is None


@pytest.mark.parametrize(("latitude", "longitude"), [(0.0, 0.0), (-0.0, 0.0), (91.0, 20.0), (20.0, 180.5)])
def test_impossible_position_is_doubtful(latitude: float, longitude: float) -> None:
    fix = make_fix(latitude, longitude, "test")
    assert fix is not None
    assert fix.is_doubtful


def test_possible_position_is_not_doubtful() -> None:
    fix = make_fix(0.0, 113.5, "test")
    assert fix is not None
    assert not fix.is_doubtful


def test_no_number_is_no_position() -> None:
    assert make_fix(float("nan"), 1.0, "test") is None


@pytest.mark.parametrize(
    ("text", "latitude", "longitude", "altitude"),
    [
        ("+33.1268-117.3273/", 33.1268, -117.3273, None),
        ("+32.0929+034.8620+028.516/", 32.0929, 34.862, 28.516),
        ("+2230.5+11315.0/", 22.508333, 113.25, None),
        ("-223030+1131500/", -22.508333, 113.25, None),
    ],
)
def test_location_text_is_read(text: str, latitude: float, longitude: float, altitude: float | None) -> None:
    fix = parse_iso6709(text, "test")
    assert fix is not None
    assert fix.latitude == pytest.approx(latitude, abs=1e-6)
    assert fix.longitude == pytest.approx(longitude, abs=1e-6)
    assert fix.altitude_m == altitude


def test_datum_is_only_named_where_the_file_names_it() -> None:
    plain, named = parse_iso6709("+33.1-117.3/", "t"), parse_iso6709("+33.1-117.3+10CRSWGS_84/", "t")
    assert plain is not None
    assert named is not None
    assert (plain.datum, named.datum) == ("undeclared", "WGS-84")


@given(st.text(alphabet="+-0123456789./CRSWG_ $:NE", max_size=60))
def test_no_text_makes_the_parsers_fail(text: str) -> None:
    parse_iso6709(text, "test")
    parse_track_text(text)


def text_track(lines: list[bytes]) -> bytes:
    """A file with one text track of a sample a second, each as QuickTime text; its index stands in front."""
    samples = [struct.pack(">H", len(line)) + line for line in lines]
    sizes = struct.pack(f">{len(samples)}I", *map(len, samples))

    def front(media_at: int) -> bytes:
        stbl = box(
            b"stbl",
            box(b"stsd", bytes(4), struct.pack(">I", 1), box(b"tx3g", bytes(38))),
            box(b"stts", bytes(4), struct.pack(">III", 1, len(samples), 1000)),
            box(b"stsz", bytes(4), struct.pack(">II", 0, len(samples)), sizes),
            box(b"stsc", bytes(4), struct.pack(">IIII", 1, 1, len(samples), 1)),
            box(b"stco", bytes(4), struct.pack(">II", 1, media_at)),
        )
        mdhd = box(b"mdhd", struct.pack(">IIIII", 0, 0, 0, 1000, 0), bytes(4))
        trak = box(b"trak", box(b"mdia", mdhd, box(b"hdlr", bytes(8), b"sbtl", bytes(13)), box(b"minf", stbl)))
        return box(b"ftyp", b"isom", bytes(4)) + box(b"moov", trak)

    return front(len(front(0)) + 8) + box(b"mdat", *samples)


def test_fixes_of_a_text_track_stand_at_their_seconds() -> None:
    lines = [b"$G:2024-02-21 08:29:%02d-N22.%d-E113.5-S12" % (second, second) for second in range(5)]
    facts = facts_of(text_track([*lines, b"no fix yet"]))
    assert [(fix.at_s, fix.latitude) for fix in facts.fixes] == [(n, float(f"22.{n}")) for n in range(5)]
    assert {fix.source for fix in facts.fixes} == {"track.text"}


def test_fixes_of_a_torn_file_are_those_whose_bytes_are_there() -> None:
    lines = [b"$G:2024-02-21 08:29:%02d-N22.%d-E113.5-S12" % (second, second) for second in range(5)]
    facts = facts_of(text_track(lines)[:-48])
    assert facts.is_truncated
    assert [fix.at_s for fix in facts.fixes] == [0, 1, 2]


def photo(**gps: object) -> bytes:
    image, exif, out = Image.new("RGB", (40, 30)), Image.Exif(), io.BytesIO()
    exif.get_ifd(0x8769)[36867] = "2024:02:21 08:29:23"
    directory = exif.get_ifd(0x8825)
    directory.update({1: "N", 2: (22.0, 30.0, 36.0), 3: "E", 4: (113.0, 15.0, 0.0)})
    directory.update({int(tag[1:]): value for tag, value in gps.items()})
    image.save(out, "JPEG", exif=exif)
    return out.getvalue()


def test_photo_has_size_local_time_and_position() -> None:
    facts = facts_of(photo(t7=(0.0, 29.0, 23.0), t29="2024:02:21", t5=b"\0", t6=12.5))
    assert facts.kind is MediaKind.PHOTO
    assert (facts.streams[0].width, facts.streams[0].height) == (40, 30)
    assert (facts.creation_local, facts.creation_utc) == ("2024-02-21T08:29:23", None)
    (fix,) = facts.fixes
    assert fix.latitude == pytest.approx(22.51)
    assert fix.longitude == pytest.approx(113.25)
    assert (fix.utc, fix.altitude_m) == ("2024-02-21T00:29:23.000Z", 12.5)


def test_photo_without_its_end_is_truncated() -> None:
    content = photo()
    assert not facts_of(content).is_truncated
    assert facts_of(content[:-40]).is_truncated


def test_real_files_have_the_positions_that_others_read_there() -> None:
    corpus = shared_corpus()
    gopro = facts_of(corpus / "gopro_max_heromode.mp4").fixes[0]
    assert (gopro.latitude, gopro.longitude) == (33.1268, -117.3273)
    iphone = facts_of(corpus / "phone_iphone6_gps.mov").fixes[0]
    assert (iphone.latitude, iphone.longitude, iphone.altitude_m) == (32.0929, 34.862, 28.516)
    assert facts_of(corpus / "phone_3gp5_null_island.mp4").fixes[0].is_doubtful
