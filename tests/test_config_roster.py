"""The roster as a table: read as offices save it, every fault named by line and column, written as it is read."""

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestd.config.roster import RosterRow, checked_roster, load_roster, read_roster, roster_table
from ingestd.core.errors import ConfigError
from ingestd.core.roster import RosterEntry, begin_text, day_begins, end_text

ZONE = ZoneInfo("Asia/Shanghai")
HEADER = "recorder,officer,certificate,unit,valid_from,valid_to\n"
ROW = "0000012,张三,21020001,海洋执法一中队,2024-01-01,2024-06-30\n"


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    file = folder / "roster.csv"
    file.write_bytes(text.encode(encoding))
    return file


def refusal(folder: Path, text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_roster(written(folder, text), ZONE)
    return caught.value


def entry_of(folder: Path, text: str) -> RosterEntry:
    (entry,) = load_roster(written(folder, text), ZONE).entries
    return entry


def noon(year: int, month: int, day: int) -> dt.datetime:
    return dt.datetime(year, month, day, 12, tzinfo=ZONE)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
def test_a_roster_is_read_in_the_encodings_of_an_office(tmp_path: Path, encoding: str) -> None:
    (entry,) = load_roster(written(tmp_path, HEADER + ROW, encoding), ZONE).entries
    assert (entry.recorder, entry.officer, entry.unit) == ("0000012", "张三", "海洋执法一中队")


def test_comments_blank_lines_and_windows_line_ends_are_passed_over(tmp_path: Path) -> None:
    text = ("# 对照表, 2024\n\n" + HEADER + "\n# 一中队\n,,,,,\n" + ROW).replace("\n", "\r\n")
    assert entry_of(tmp_path, text).officer == "张三"


def test_a_header_in_chinese_says_the_same(tmp_path: Path) -> None:
    entry = entry_of(
        tmp_path, "记录仪编号,姓名,执法证号,单位,用户编号,起,止\n0000012,张三,2102,一中队,000012,2024-01-01,\n"
    )
    assert (entry.recorder, entry.officer, entry.certificate, entry.user) == ("0000012", "张三", "2102", "000012")


@pytest.mark.parametrize("written_day", ["2024/1/5", "2024-01-05", "2024.1.5", "2024年1月5日", "2024/1/5 0:00"])
def test_days_are_read_as_spreadsheets_write_them(tmp_path: Path, written_day: str) -> None:
    entry = entry_of(tmp_path, HEADER + f"7,李四,,,{written_day},\n")
    assert (entry.begins_at, entry.ends_at) == (day_begins(dt.date(2024, 1, 5), ZONE), None)


def test_an_officer_has_a_recorder_from_the_first_minute_to_the_last_of_the_term(tmp_path: Path) -> None:
    roster = load_roster(written(tmp_path, HEADER + ROW), ZONE)
    moments = ["2023-12-31T23:59:59", "2024-01-01T00:00:00", "2024-06-30T23:59:59", "2024-07-01T00:00:00"]
    named = [roster.officers_of("0000012", dt.datetime.fromisoformat(f"{one}+08:00")) for one in moments]
    assert [len(one) for one in named] == [0, 1, 1, 0]


def test_a_recorder_can_change_hands_within_a_day(tmp_path: Path) -> None:
    rows = "7,张三,,,2024-01-01,2024-03-05 14:00\n7,李四,,,2024-03-05 14:00,\n"
    roster = load_roster(written(tmp_path, HEADER + rows), ZONE)
    named = [roster.officers_of("7", dt.datetime(2024, 3, 5, hour, tzinfo=ZONE))[0].officer for hour in (13, 14)]
    assert named == ["张三", "李四"]


def test_several_officers_may_share_a_recorder(tmp_path: Path) -> None:
    second = "0000012,李四,21020002,海洋执法一中队,2024-03-01,\n"
    roster = load_roster(written(tmp_path, HEADER + ROW + second), ZONE)
    assert [entry.officer for entry in roster.officers_of("0000012", noon(2024, 4, 1))] == ["张三", "李四"]
    assert [entry.officer for entry in roster.officers_of("0000012", noon(2026, 4, 1))] == ["李四"]


def test_another_recorder_has_no_officer(tmp_path: Path) -> None:
    assert load_roster(written(tmp_path, HEADER + ROW), ZONE).officers_of("12", noon(2024, 4, 1)) == ()


def test_every_fault_is_named_with_line_column_value_and_fix(tmp_path: Path) -> None:
    rows = "7,,,,2024-02-30,\n,王五,,,2024-05-01,2024-04-01\n8,赵六,,\n"
    error = refusal(tmp_path, "# 对照表\n" + HEADER + rows)
    assert str(tmp_path / "roster.csv") in error.message
    assert "line 3, officer: is empty" in error.message
    assert "line 3, valid_from = '2024-02-30': is no day" in error.message
    assert "line 4, recorder: is empty" in error.message
    assert "line 4, valid_to = '2024-04-01': lies before valid_from (2024-05-01)" in error.message
    assert "line 5: 4 columns where the header has 6" in error.message
    assert "line 3, valid_from: write a day as 2024-02-21" in error.advice


@pytest.mark.parametrize(
    ("row", "place", "fix"),
    [
        ("7,张三,,,45292,", "valid_from", "set the column to text"),
        ("7,张三,,,0024-01-01,", "valid_from", "between 2000 and 2099"),
        ("7,张三,,,2024-01-01,9999-12-31", "valid_to", "leave valid_to empty"),
        ("7,张三,,,2024-01-01,2024-06-30 0:00", "valid_to", "write the last day alone"),
        ("7,张三,,,2024-01-01 25:00,", "valid_from", "2024-02-21 14:00"),
        ("7,张三,2.10E+07,,2024-01-01,", "certificate", "set the column to text"),
        ("００１２,张三,,,2024-01-01,", "recorder", "write 0012"),
        ("7,张\u200b三,,,2024-01-01,", "officer", "without copying"),
        ("7 8,张三,,,2024-01-01,", "recorder", "without blanks"),
        (f"7,{'张' * 201},,,2024-01-01,", "officer", "at most 200"),
    ],
)
def test_slips_of_spreadsheets_are_named_with_what_to_do(tmp_path: Path, row: str, place: str, fix: str) -> None:
    error = refusal(tmp_path, HEADER + row + "\n")
    assert f"line 2, {place} = " in error.message
    assert fix in error.advice


def test_a_row_that_stands_twice_is_named_with_the_first_line(tmp_path: Path) -> None:
    rows = checked_roster(written(tmp_path, HEADER + ROW + "7,李四,,,2024-01-01,\n" + ROW), ZONE)
    assert [row.entry is not None for row in rows] == [True, True, False]
    assert rows[2].problems[0].sentence() == "line 4: stands in line 2 already"


def test_a_row_that_overlaps_another_of_its_officer_and_recorder_is_named_with_that_line(tmp_path: Path) -> None:
    second = "0000012,张三,21020001,海洋执法一中队,2024-06-30,\n"
    rows = checked_roster(written(tmp_path, HEADER + ROW + second), ZONE)
    assert rows[1].problems[0].sentence() == "line 3: overlaps line 2: 张三 has recorder 0000012 then already"


def test_good_rows_are_read_beside_faulty_ones(tmp_path: Path) -> None:
    rows = read_roster(written(tmp_path, HEADER + "7,,,,2024-01-01,\n" + ROW), ZONE)
    assert [(row.line, row.entry is not None) for row in rows] == [(2, False), (3, True)]


def test_a_missing_and_an_unknown_column_are_named(tmp_path: Path) -> None:
    error = refusal(tmp_path, HEADER.replace("valid_from", "from") + ROW)
    assert "line 1: column valid_from is missing" in error.message
    assert "line 1: no such column: 'from'" in error.message


def test_an_open_quotation_mark_is_named_with_its_line(tmp_path: Path) -> None:
    assert "line 2: not CSV" in refusal(tmp_path, HEADER + '7,"张三,,,2024-01-01,\n').message


def test_a_file_without_a_header_is_refused(tmp_path: Path) -> None:
    assert "the roster has no header" in refusal(tmp_path, "# nothing here\n").message


def test_a_file_in_an_unknown_encoding_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "roster.csv"
    file.write_bytes(b"\xff\xfe\x00\xff")
    with pytest.raises(ConfigError, match="neither UTF-8 nor GB18030"):
        load_roster(file, ZONE)


def test_a_file_that_could_be_of_either_encoding_is_not_guessed_at(tmp_path: Path) -> None:
    text = HEADER + "7,陆,,,2024-01-01,\n"
    assert text.encode("gbk").decode("utf-8") != text, "the bytes are good UTF-8 as well"
    with pytest.raises(ConfigError, match="could be UTF-8 or GBK"):
        load_roster(written(tmp_path, text, "gbk"), ZONE)
    assert load_roster(written(tmp_path, text, "utf-8-sig"), ZONE).entries[0].officer == "陆"


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_roster(tmp_path / "roster.csv", ZONE)


# Whatever stands in it

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

minutes = st.integers(0, 60 * 24 * 365 * 20).map(
    lambda count: dt.datetime(2005, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=count)
)
words = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")), min_size=1, max_size=8
).filter(lambda text: text == text.strip())
numbers = st.text("0123456789AB-_", min_size=1, max_size=9)


@st.composite
def rows(draw: st.DrawFn) -> RosterEntry:
    begins_at, other = draw(minutes), draw(st.none() | minutes)
    ends_at = max(begins_at + dt.timedelta(minutes=1), other) if other is not None else None
    texts = (draw(numbers), draw(words), draw(numbers | st.just("")), draw(words | st.just("")))
    return RosterEntry(*texts, begins_at, ends_at, draw(numbers | st.just("")))


@QUICK
@given(st.lists(rows(), unique=True, max_size=5), st.sampled_from(["utf-8", "utf-8-sig", "gb18030"]))
def test_a_table_says_what_it_was_written_from(tmp_path: Path, table: list[RosterEntry], encoding: str) -> None:
    file = written(tmp_path, roster_table(table, ZONE), encoding)
    try:
        assert list(load_roster(file, ZONE).entries) == table
    except ConfigError as error:
        # Never read otherwise than it was written: where the bytes do not tell, it is asked for with a mark.
        assert encoding != "utf-8-sig" and "could be UTF-8 or GBK" in error.message


@QUICK
@given(st.binary(max_size=120))
def test_whatever_the_bytes_are_each_line_is_a_row_or_a_named_fault(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "roster.csv"
    file.write_bytes(HEADER.encode() + data)
    try:
        found: list[RosterRow] = read_roster(file, ZONE)
    except ConfigError as error:
        assert str(file) in error.message
        return
    assert all((row.entry is None) == bool(row.problems) for row in found)


@QUICK
@given(st.text("0123456789-/: 年月日", max_size=18), st.text("0123456789-/: 年月日", max_size=18))
def test_whatever_stands_for_days_a_term_that_is_taken_is_one(tmp_path: Path, first: str, last: str) -> None:
    (row,) = read_roster(written(tmp_path, f"{HEADER}7,张三,,,{first},{last}\n"), ZONE)
    if row.entry is not None:
        assert row.entry.ends_at is None or row.entry.begins_at < row.entry.ends_at
        assert begin_text(row.entry, ZONE)[:2] == "20"
        assert bool(end_text(row.entry, ZONE)) == bool(last.strip())
