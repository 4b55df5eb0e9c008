"""Lines of AIS logs and feeds: dialects of time, checksums, parts of messages, and what is no sentence at all."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.core.ais import CaptureCounts
from ingestd.core.ais_lines import MAX_PENDING, Heard, LineReader, TimeSource
from ingestd.devices.ais import Capture, LineSplitter, decode
from tests.support.ais import START, TRAWLER, checksum, nmea, position, rmc, shore_station, stamped, tagged, voyage

SENTENCE = position(TRAWLER, START)
UNIX = int(START.timestamp())
SHANGHAI = ZoneInfo("Asia/Shanghai")


def read(*lines: bytes, zone: ZoneInfo | None = None) -> tuple[list[Heard], CaptureCounts]:
    counts = CaptureCounts()
    reader = LineReader(counts, zone=zone)
    heard = [one for line in lines if (one := reader.take(line)) is not None]
    reader.close()
    return heard, counts


def wrapper(at: dt.datetime, code: int) -> bytes:
    fields = f"{at.year},{at.month},{at.day},{at.hour},{at.minute},{at.second},0"
    return nmea(f"PGHP,1,{fields},412,0,,1,{code:02X}").encode()


@pytest.mark.parametrize(
    ("line", "source"),
    [
        (f"{UNIX} {SENTENCE}".encode(), TimeSource.LINE),
        (f"{UNIX}.250 {SENTENCE}".encode(), TimeSource.LINE),
        (f"{UNIX}123 {SENTENCE}".encode(), TimeSource.LINE),
        (f"{UNIX}123456789 {SENTENCE}".encode(), TimeSource.LINE),
        (f"{SENTENCE},{UNIX}".encode(), TimeSource.LINE),
        (f"{SENTENCE},rSHIP,{UNIX}".encode(), TimeSource.LINE),
        (f"2026-03-02T01:00:16Z {SENTENCE}".encode(), TimeSource.LINE),
        (f"[2026-03-02 09:00:16+08:00] {SENTENCE}".encode(), TimeSource.LINE),
        (f"2026-03-02 01:00:16.5 UTC;{SENTENCE}".encode(), TimeSource.LINE),
        (tagged(SENTENCE, START), TimeSource.TAG_BLOCK),
    ],
)
def test_a_line_says_when_it_was_received(line: bytes, source: TimeSource) -> None:
    (heard,), _ = read(line)
    assert heard.at is not None
    assert abs((heard.at - START).total_seconds()) < 1
    assert heard.time_source is source


def test_a_time_without_a_zone_is_none_unless_the_zone_is_told() -> None:
    line = f"2026-03-02 09:00:16 {SENTENCE}".encode()
    assert read(line)[0][0].at is None
    assert read(line, zone=SHANGHAI)[0][0].at == START


def test_a_wrapper_tells_the_time_of_the_sentence_it_names_and_of_no_other() -> None:
    code = int(SENTENCE[-2:], 16)
    assert read(wrapper(START, code), SENTENCE.encode())[0][0].time_source is TimeSource.WRAPPER
    assert read(wrapper(START, code ^ 1), SENTENCE.encode())[0][0].at is None
    assert read(wrapper(START, code), b"# between", SENTENCE.encode())[0][0].at is None


def test_the_receivers_gps_tells_the_time_while_it_has_a_fix() -> None:
    void = nmea("GPRMC,010016.00,V,,,,,,,020326,,,N")
    assert read(rmc(START).encode(), SENTENCE.encode())[0][0].at == START
    assert read(rmc(START).encode(), void.encode(), SENTENCE.encode())[0][0].at is None
    assert read(nmea("GPZDA,010016.00,02,03,2026,00,00").encode(), SENTENCE.encode())[0][0].at == START


def test_a_wrong_checksum_is_counted_and_nothing_of_the_line_used() -> None:
    heard, counts = read(SENTENCE[:-1].encode() + (b"0" if SENTENCE[-1] != "0" else b"1"))
    assert (heard, counts.vdm, counts.bad_checksums) == ([], 1, 1)


def test_a_torn_tag_block_takes_its_sentence_along() -> None:
    heard, counts = read(tagged(SENTENCE, START).replace(b"rSHIP01", b"rSHIP02"))
    assert (heard, counts.bad_checksums) == ([], 1)


def test_parts_make_a_message_with_the_time_of_the_first() -> None:
    first, second = voyage(TRAWLER, "LIAO DA JIN YU 15008")
    (heard,), counts = read(stamped(first, START), stamped(second, START + dt.timedelta(seconds=1)))
    assert heard.at == START
    assert (counts.messages, counts.incomplete, counts.vdm) == (1, 0, 2)


def test_a_tag_block_on_the_first_part_speaks_for_the_group() -> None:
    first, second = voyage(TRAWLER, "A")
    body = "g:2-2-17"
    line = f"\\{body}*{checksum(body):02X}\\{second}".encode()
    assert read(tagged(first, START), line)[0][0].at == START


def test_parts_that_are_far_apart_are_of_two_messages() -> None:
    first, second = voyage(TRAWLER, "LIAO DA JIN YU 15008")
    heard, counts = read(stamped(first, START), stamped(second, START + dt.timedelta(minutes=5)))
    assert (heard, counts.incomplete) == ([], 1)


def test_a_message_without_its_beginning_or_end_is_said_to_be_incomplete() -> None:
    first, second = voyage(TRAWLER, "LIAO DA JIN YU 15008")
    assert read(second.encode())[1].incomplete == 1
    assert read(first.encode())[1].incomplete == 1
    assert read(first.encode(), first.encode(), second.encode())[1].incomplete == 1


def test_first_parts_without_end_fill_no_memory() -> None:
    counts = CaptureCounts()
    reader = LineReader(counts)
    for number in range(3 * MAX_PENDING):
        body = f"AIVDM,2,1,{number},A,55,0"
        reader.take(f"!{body}*{checksum(body):02X}".encode())
    assert counts.incomplete == 2 * MAX_PENDING


@given(st.lists(st.binary(max_size=120) | st.sampled_from([SENTENCE.encode(), rmc(START).encode()]), max_size=30))
def test_whatever_comes_each_line_is_counted_and_none_breaks_the_reader(lines: list[bytes]) -> None:
    capture = Capture(lambda: START, tolerance_seconds=300)
    for line in lines:
        capture.take(line)
    capture.close()
    assert capture.counts.lines == len(lines)


@given(st.text("0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVW`abcdefghijklmnopqrstuvw", max_size=90), st.integers(0, 5))
def test_whatever_bits_come_a_message_is_decoded_or_refused(payload: str, fill_bits: int) -> None:
    message = decode(payload, fill_bits)
    assert message is None or message.position is None or abs(message.position[0]) <= 90


def test_a_message_that_lost_its_end_tells_no_position() -> None:
    payload = SENTENCE.split(",")[5]
    whole = decode(payload, 0)
    assert whole is not None and whole.position is not None
    assert decode(payload[:-1], 0) is None


@given(st.lists(st.binary(max_size=40), max_size=12), st.data())
def test_a_stream_is_cut_into_its_lines_however_it_comes(lines: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(line.replace(b"\n", b"") + b"\n" for line in lines)
    found: list[bytes] = []
    splitter, at = LineSplitter(), 0
    while at < len(whole):
        size = data.draw(st.integers(1, 30))
        found += splitter.lines(whole[at : at + size])
        at += size
    assert [*found, *splitter.rest()] == [line.replace(b"\n", b"") for line in lines]


def test_a_line_without_end_comes_once_cut_and_what_follows_it_is_read() -> None:
    splitter = LineSplitter()
    found = [line for _ in range(200) for line in splitter.lines(b"x" * 5000)]
    found += splitter.lines(b"\n" + SENTENCE.encode() + b"\n")
    assert len(found) == 2
    assert found[1] == SENTENCE.encode()
    assert read(*found)[1].overlong == 1


def test_shore_stations_that_tell_another_date_are_heard_when_three_do() -> None:
    capture = Capture(lambda: START, tolerance_seconds=300)
    true_time = START - dt.timedelta(days=400)
    for seconds in (0, 10):
        capture.take(stamped(shore_station(true_time), START - dt.timedelta(seconds=seconds)))
    assert capture.witness.off_seconds() is None
    capture.take(stamped(shore_station(true_time), START))
    off = capture.witness.off_seconds()
    assert off is not None and abs(off - 400 * 86400) < 60


def test_a_date_in_the_future_or_before_there_was_ais_is_wrong() -> None:
    capture = Capture(lambda: START, tolerance_seconds=300)
    capture.take(stamped(SENTENCE, START + dt.timedelta(seconds=400)))
    capture.take(stamped(SENTENCE, dt.datetime(2001, 3, 2, tzinfo=dt.UTC)))
    assert capture.counts.wrong_dates == 2
    assert capture.take(stamped(SENTENCE, START)) is not None
