"""Positions in tracks and boxes of movies, and in the texts beside them: each carrier gives what is written in it."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.core.facts import Fix, MediaFacts
from ingestd.core.profile import RecorderProfile
from ingestd.core.sidecars import SidecarRule
from ingestd.media.camm import camm_point
from ingestd.media.freegps import block_point
from ingestd.media.gpmf import gpmf_points
from ingestd.media.nmea import nmea_fixes
from ingestd.media.probe import probe
from ingestd.media.sandbox import MediaWorker
from ingestd.media.tracks import MAX_FIXES
from tests.support.clips import facts_of, opened, shared_corpus
from tests.support.tracks import (
    camm5,
    camm6,
    data_track,
    freegps,
    gps5,
    gps9,
    klv,
    listed_blocks,
    nest,
    nmea,
)

HERE = (22.51, 113.25)


def tracked(facts: MediaFacts) -> list[tuple[float | None, float, float]]:
    return [(fix.at_s, round(fix.latitude, 6), round(fix.longitude, 6)) for fix in facts.fixes]


def near(fix: Fix, latitude: float, longitude: float) -> bool:
    return abs(fix.latitude - latitude) < 1e-5 and abs(fix.longitude - longitude) < 1e-5


# GPMF


def test_gps5_points_stand_evenly_within_their_sample() -> None:
    facts = facts_of(data_track("gpmd", [gps5([HERE, HERE, HERE, HERE]), gps5([HERE, HERE])]))
    assert [fix.at_s for fix in facts.fixes] == [0.0, 0.25, 0.5, 0.75, 1.0, 1.5]


def test_gps5_is_scaled_and_carries_quality_datum_and_one_time_a_sample() -> None:
    first, second = facts_of(data_track("gpmd", [gps5([HERE, HERE], fix=2)])).fixes
    assert (first.latitude, first.longitude, first.altitude_m, first.speed_mps) == (22.51, 113.25, 12.5, 1.5)
    assert (first.quality, first.datum, first.source) == ("2d", "WGS-84", "gpmf.gps5")
    assert (first.utc, second.utc) == ("2024-02-21T00:29:23.000Z", None)


def test_gps5_without_a_fix_is_doubtful() -> None:
    (fix,) = facts_of(data_track("gpmd", [gps5([HERE], fix=0)])).fixes
    assert (fix.is_doubtful, fix.doubts) == (True, ("no_fix",))


def test_a_precision_of_no_lock_is_no_fix_and_a_bad_one_is_imprecise() -> None:
    none, bad = facts_of(data_track("gpmd", [gps5([HERE], dop=9999), gps5([HERE], dop=2500)])).fixes
    assert none.quality == "none"
    assert bad.doubts == ("imprecise",)


def test_one_scale_for_all_columns_is_taken_for_each() -> None:
    stream = nest(
        "STRM", klv("SCAL", "l", 4, struct.pack(">i", 10)), klv("GPS5", "l", 20, struct.pack(">5i", 225, 1132, 0, 0, 0))
    )
    (point,) = gpmf_points(nest("DEVC", stream))
    assert (point.latitude, point.longitude) == (22.5, 113.2)


def test_gps9_wins_over_gps5_and_has_a_time_for_each_point() -> None:
    both = gps9([HERE, HERE]) + gps5([(1.0, 1.0)])
    first, second = facts_of(data_track("gpmd", [both])).fixes
    assert (first.source, first.quality) == ("gpmf.gps9", "3d")
    assert (first.utc, second.utc) == ("2024-02-21T00:29:23.500Z", "2024-02-21T00:29:23.600Z")


def test_gps5_without_its_scale_gives_nothing() -> None:
    assert gpmf_points(nest("DEVC", nest("STRM", klv("GPS5", "l", 20, bytes(20))))) == []


def test_a_torn_sample_gives_what_stands_before_the_tear() -> None:
    payload = gps5([HERE, HERE])
    assert gpmf_points(payload[:-8]) == []
    assert len(gpmf_points(gps5([HERE]) + payload[:40])) == 1


@given(st.binary(max_size=300))
def test_no_bytes_make_the_binary_parsers_fail(data: bytes) -> None:
    gpmf_points(data)
    gpmf_points(nest("DEVC", nest("STRM", data)))
    camm_point(data)
    block_point(data)
    block_point(freegps(1, 2, 3)[:12] + data)


@given(st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), min_size=1, max_size=40))
def test_what_gpmf_holds_comes_back(places: list[tuple[float, float]]) -> None:
    points = gpmf_points(gps5(places))
    assert len(points) == len(places)
    for point, (north, east) in zip(points, places, strict=True):
        assert abs(point.latitude - north) <= 1e-7
        assert abs(point.longitude - east) <= 1e-7


def test_a_long_track_is_thinned_evenly_and_says_so() -> None:
    sample = gps5([HERE] * 3000)
    facts = facts_of(data_track("gpmd", [sample] * 10))
    assert len(facts.fixes) <= MAX_FIXES
    assert facts.fixes[-1].at_s is not None
    assert facts.fixes[-1].at_s > 9.9
    assert facts.problems == ("of 30000 positions every 2. was taken",)


# Camera motion, freeGPS, text tracks


def test_camera_motion_samples_are_read() -> None:
    # 2024-02-21T00:29:23Z, 18 leap seconds ahead of UTC.
    gps_seconds = 1708475363 - 315964800 + 18
    facts = facts_of(
        data_track("camm", [camm5(*HERE, 9.0), camm6(*HERE, gps_seconds=gps_seconds), b"\0\0\1\0" + bytes(12)])
    )
    plain, full = facts.fixes
    assert (plain.altitude_m, plain.speed_mps, plain.utc) == (9.0, None, None)
    assert (full.at_s, full.speed_mps, full.quality, full.utc) == (1.0, 5.0, "3d", "2024-02-21T00:29:23.000Z")


def test_blocks_of_novatek_are_degrees_and_minutes_and_knots() -> None:
    blocks = [freegps(2230.6, 11315.0, 10.0), freegps(2230.6, 11315.0, 10.0, sides=b"SW")]
    north, south = facts_of(listed_blocks(blocks, seconds=2)).fixes
    assert near(north, 22.51, 113.25)
    assert near(south, -22.51, -113.25)
    assert north.speed_mps == pytest.approx(5.144, abs=1e-3)
    assert (north.at_s, south.at_s, north.utc) == (0.0, 1.0, None)


def test_blocks_of_transcend_body_cameras_are_plain_degrees() -> None:
    # A published dump of such a camera, south of Durban.
    dump = bytes.fromhex(
        "00004000 66726565 47505320 4c000000" + "00" * 32 + "09000000 26000000 15000000 e9070000"
        "05000000 10000000 41534500 6c59ee41 9f1af741 3c6b0f41 9a999943 00000000"
    )
    point = block_point(dump)
    assert point is not None
    assert (round(point.latitude, 4), round(point.longitude, 4)) == (-29.7937, 30.888)
    assert point.speed_mps == pytest.approx(8.963 / 3.6, abs=1e-3)


def test_a_block_without_a_fix_is_doubtful() -> None:
    (fix,) = facts_of(listed_blocks([freegps(2230.6, 11315.0, 0.0, active=b"V")], seconds=1)).fixes
    assert fix.doubts == ("no_fix",)


def test_blocks_that_are_not_one_a_second_have_no_second() -> None:
    facts = facts_of(listed_blocks([freegps(2230.6, 11315.0, 0.0)] * 3, seconds=60))
    assert [fix.at_s for fix in facts.fixes] == [None, None, None]


def test_a_list_of_blocks_beyond_the_file_gives_nothing() -> None:
    content = listed_blocks([freegps(2230.6, 11315.0, 0.0)], seconds=1)
    assert facts_of(content[:-30]).fixes == ()


def test_nmea_in_a_text_track_stands_at_its_seconds() -> None:
    lines = [nmea(f"GPRMC,00292{second}.00,A,2230.6000,N,11315.0000,E,10.0,84.4,210224,,,A") for second in range(3)]
    facts = facts_of(data_track("text", [line.encode() for line in lines], handler="text"))
    assert [fix.at_s for fix in facts.fixes] == [0.0, 1.0, 2.0]
    assert facts.fixes[1].utc == "2024-02-21T00:29:21.000Z"
    assert {fix.source for fix in facts.fixes} == {"track.nmea"}


# NMEA


def test_rmc_and_gga_of_one_instant_are_one_fix() -> None:
    (fix,), refused = nmea_fixes(
        [
            nmea("GNRMC,002923.00,A,2230.6000,N,11315.0000,E,10.0,84.4,210224,,,D"),
            nmea("GNGGA,002923.00,2230.6000,N,11315.0000,E,2,09,0.9,12.5,M,-3.0,M,,"),
        ],
        "test",
    )
    assert refused == 0
    assert near(fix, 22.51, 113.25)
    assert (fix.utc, fix.altitude_m, fix.quality) == ("2024-02-21T00:29:23.000Z", 12.5, "dgps")
    assert fix.speed_mps == pytest.approx(5.144, abs=1e-3)
    assert fix.datum == "undeclared"


def test_a_wrong_checksum_is_refused_and_counted() -> None:
    good = nmea("GPRMC,002923.00,A,2230.6000,N,11315.0000,E,10.0,84.4,210224,,,A")
    fixes, refused = nmea_fixes([good.replace("2230", "2231"), good], "test")
    assert (len(fixes), refused) == (1, 1)
    assert near(fixes[0], 22.51, 113.25)


def test_a_receiver_that_warns_has_no_fix() -> None:
    facts = facts_of(nmea("GPRMC,002923.00,V,2230.6000,N,11315.0000,E,,,210224,,,N").encode())
    assert facts.fixes[0].doubts == ("no_fix",)


def test_a_height_without_a_date_has_no_time() -> None:
    (fix,), _ = nmea_fixes([nmea("GPGGA,002923.00,2230.6,S,11315.0,W,1,09,0.9,12.5,M,,M,,")], "test")
    assert (fix.utc, round(fix.latitude, 2), round(fix.longitude, 2)) == (None, -22.51, -113.25)


def test_a_datum_that_the_receiver_names_is_taken() -> None:
    lines = [nmea("GPDTM,W84,,0.0,N,0.0,E,0.0,W84"), nmea("GPGGA,002923,2230.6,N,11315.0,E,1,09,0.9,12.5,M,,M,,")]
    assert nmea_fixes(lines, "test")[0][0].datum == "WGS-84"


@given(
    st.text(max_size=80)
    | st.from_regex(r"\$GP(RMC|GGA),[0-9.]{0,9},[AV]?,[0-9.]{0,10},[NS],[0-9.]{0,10},[EW](,[0-9.A-Z]{0,6}){0,8}")
)
def test_no_line_makes_the_reader_fail(line: str) -> None:
    nmea_fixes([line, nmea(line.replace("$", "").encode("ascii", "replace").decode()), line], "test")


# Sidecars by content


def test_cues_of_aircraft_stand_at_their_seconds_longitude_first() -> None:
    cue = "1\n00:00:01,500 --> 00:00:02,000\nHOME(149.0251,-20.2532) 2017.08.05\nGPS(149.0251,-20.2533,16)\n"
    (fix,) = facts_of(cue.encode()).fixes
    assert (fix.latitude, fix.longitude, fix.at_s, fix.utc, fix.altitude_m) == (-20.2533, 149.0251, 1.5, None, None)


def test_cues_with_named_numbers_are_read_with_the_makers_spelling() -> None:
    cue = "1\n00:00:00,000 --> 00:00:00,033\n[latitude : 22.51] [longtitude : 113.25] [rel_alt: 1.3 abs_alt: 44.5]\n"
    (fix,) = facts_of(cue.encode()).fixes
    assert (fix.latitude, fix.longitude, fix.altitude_m, fix.source) == (22.51, 113.25, 44.5, "sidecar.dji")


def test_recorders_own_lines_in_cues_and_in_plain_texts_are_read() -> None:
    line = "$G:2024-02-21 08:29:23-N22.51-E113.25-S12"
    (cued,) = facts_of(f"1\n00:00:04,000 --> 00:00:05,000\n{line}\n".encode()).fixes
    (plain,) = facts_of(f"{line}\n".encode()).fixes
    assert (cued.at_s, plain.at_s, cued.source, plain.source) == (4.0, None, "sidecar.text", "sidecar.text")


def test_points_of_gpx_are_read_with_height_time_and_quality() -> None:
    text = (
        '<?xml version="1.0"?><gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>'
        '<trkpt lat="22.51" lon="113.25"><ele>12.5</ele><time>2024-02-21T00:29:23Z</time><fix>dgps</fix></trkpt>'
        '<trkpt lat="x" lon="113.25"/><trkpt lat="22.52" lon="113.26"><hdop>50</hdop></trkpt></trkseg></trk></gpx>'
    )
    first, last = facts_of(text.encode()).fixes
    assert (first.altitude_m, first.utc, first.quality, first.datum) == (
        12.5,
        "2024-02-21T00:29:23.000Z",
        "dgps",
        "undeclared",
    )
    assert last.doubts == ("imprecise",)


def test_a_torn_gpx_gives_what_stands_before_the_tear() -> None:
    text = '<gpx><trk><trkseg><trkpt lat="22.51" lon="113.25"></trkpt><trkpt lat="22.52" lon="113.2'
    assert len(facts_of(text.encode()).fixes) == 1


def test_entities_are_never_expanded() -> None:
    bomb = '<!DOCTYPE g [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><gpx><trkpt lat="1" lon="2">&b;</trkpt></gpx>'
    assert facts_of(bomb.encode()).fixes == ()


@given(st.text(max_size=300) | st.from_regex(r"<gpx><trkpt (lat|lon)='[0-9.e+-]{1,6}' lon='[0-9nai]{1,4}'(>|/>)"))
def test_no_text_makes_the_readers_of_sidecars_fail(text: str) -> None:
    facts_of(text.encode("utf-8", "replace"))


# Sidecars by a profile


def read(content: str, **rule: str) -> tuple[Fix, ...]:
    data = content.encode()
    with opened(data) as fd:
        return probe(fd, len(data), SidecarRule.model_validate({"path": "*.x", **rule})).fixes


def test_json_with_wkt_is_read_as_the_profile_says() -> None:
    point = '{"t": "2024-02-21T00:29:23Z", "wkt": "POINT (113.25 22.51)", "v": 36}'
    text = f'{{"track": {{"points": [{point}, {{"wkt": "LINE"}}]}}}}'
    (fix,) = read(text, format="json", points="track.points", wkt="wkt", time="t", speed="v", speed_unit="km/h")
    assert (fix.latitude, fix.longitude, fix.utc, fix.source) == (
        22.51,
        113.25,
        "2024-02-21T00:29:23.000Z",
        "sidecar.profile",
    )
    assert fix.speed_mps == pytest.approx(10)


def test_json_of_a_line_each_is_read() -> None:
    text = '{"p": {"lat": "22.51", "lon": 113.25}, "s": 1}\n{"p": {"lat": 22.52, "lon": 113.25}, "s": 2}\n'
    fixes = read(text, format="json", latitude="p.lat", longitude="p.lon", at="s")
    assert [(fix.latitude, fix.at_s) for fix in fixes] == [(22.51, 1.0), (22.52, 2.0)]


def test_xml_is_read_by_attributes_and_elements() -> None:
    point = '<fix lat="22.51" lon="113.25"><when>2024-02-21T08:29:23</when></fix>'
    text = f'<log xmlns="urn:x">{point}<fix lat="" lon="1"/></log>'
    keys = {"format": "xml", "points": "fix", "latitude": "lat", "longitude": "lon", "time": "when"}
    (unknown,), (utc,) = read(text, **keys), read(text, **keys, time_is="utc")
    assert (unknown.utc, utc.utc) == (None, "2024-02-21T08:29:23.000Z")


def test_lines_are_read_by_an_expression() -> None:
    pattern = r"(?P<ns>[NS])(?P<latitude>[\d.]+),(?P<ew>[EW])(?P<longitude>[\d.]+)"
    (fix,) = read("S22.51,W113.25\nnothing\n", format="lines", pattern=pattern)
    assert (fix.latitude, fix.longitude) == (-22.51, -113.25)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"format": "json"}, "names no position"),
        ({"format": "lines", "pattern": "(?P<latitude>.)"}, "needs the groups"),
        ({"stem": "(.*)"}, "no group of that name"),
        ({"pattern": "("}, "not a regular expression"),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused_with_the_fix(rule: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        RecorderProfile.model_validate({"id": "x", "title": "x", "position": {"sidecars": [{"path": "*.x", **rule}]}})


@given(st.text(alphabet='{}[]":,POINT()0123456789. ', max_size=120))
def test_no_text_makes_a_ruled_reader_fail(text: str) -> None:
    read(text, format="json", points="a.0", wkt="w", latitude="x", longitude="y")
    read(text, format="xml", points="a", latitude="x", longitude="y")


# Real files


@pytest.mark.parametrize(
    ("name", "source", "count"),
    [
        ("gopro_max_heromode.mp4", "gpmf.gps5", 191),
        ("dji_mavic_pro.SRT", "sidecar.dji", 468),
        ("track_car.gpx", "sidecar.gpx", 871),
        ("ais_gpsd_nl.log", "sidecar.nmea", 164),
        ("ais_dma_stream.txt", "sidecar.nmea", 0),
        ("ais_timestamped_ns.nmea", "sidecar.nmea", 0),
    ],
)
def test_real_files_give_as_many_points_as_others_counted(name: str, source: str, count: int) -> None:
    facts = facts_of(shared_corpus() / name)
    assert sum(fix.source == source for fix in facts.fixes) == count
    assert not any(fix.is_doubtful for fix in facts.fixes)


def test_positions_of_a_real_camera_lie_where_others_read_them() -> None:
    fixes = [fix for fix in facts_of(shared_corpus() / "gopro_max_heromode.mp4").fixes if fix.source == "gpmf.gps5"]
    assert (min(fix.latitude for fix in fixes), max(fix.latitude for fix in fixes)) == (33.1266674, 33.12677)
    times = [fix.utc for fix in fixes if fix.utc]
    assert (len(times), times[0], times[-1]) == (11, "2019-11-18T23:45:14.000Z", "2019-11-18T23:45:25.435Z")


def test_the_confined_child_reads_them_too(tmp_path: Path) -> None:
    """What is imported late would fail there."""
    files = {
        "a.mp4": data_track("gpmd", [gps5([HERE])]),
        "b.txt": b'<gpx><trkpt lat="22.51" lon="113.25"></trkpt></gpx>',
        "c.txt": nmea("GPRMC,002923.00,A,2230.6000,N,11315.0000,E,10.0,84.4,210224,,,A").encode(),
        "d.txt": "1\n00:00:01,500 --> 00:00:02,000\nGPS(113.25,22.51,16)".encode("utf-16"),
        "e.x": b'{"x": 113.25, "y": 22.51}',
    }
    rule = SidecarRule(path="*.x", format="json", latitude="y", longitude="x")
    with MediaWorker(memory_bytes=512 * 1024 * 1024) as media:
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
            with opened(tmp_path / name) as fd:
                facts = media.probe(fd, len(content), 30, sidecar=rule if name.endswith(".x") else None)
            assert [near(fix, 22.51, 113.25) for fix in facts.fixes] == [True], (name, facts)
