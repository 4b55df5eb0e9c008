"""The roster: read as offices save it, with every fault named by line and column."""

import datetime as dt
from pathlib import Path

import pytest

from ingestd.config.roster import load_roster
from ingestd.core.errors import ConfigError

HEADER = "recorder,officer,certificate,unit,valid_from,valid_to\n"
ROW = "0000012,张三,21020001,海洋执法一中队,2024-01-01,2024-06-30\n"


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    file = folder / "roster.csv"
    file.write_bytes(text.encode(encoding))
    return file


def refusal(folder: Path, text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_roster(written(folder, text))
    return caught.value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_roster_is_read_in_the_encodings_of_an_office(tmp_path: Path, encoding: str) -> None:
    (entry,) = load_roster(written(tmp_path, HEADER + ROW, encoding)).entries
    assert (entry.recorder, entry.officer, entry.unit) == ("0000012", "张三", "海洋执法一中队")


def test_comments_blank_lines_and_windows_line_ends_are_passed_over(tmp_path: Path) -> None:
    text = ("# 对照表, 2024\n\n" + HEADER + "\n# 一中队\n,,,,,\n" + ROW).replace("\n", "\r\n")
    assert len(load_roster(written(tmp_path, text)).entries) == 1


def test_days_are_read_as_spreadsheets_write_them(tmp_path: Path) -> None:
    (entry,) = load_roster(written(tmp_path, HEADER + "7,李四,,,2024/1/5,\n")).entries
    assert (entry.valid_from, entry.valid_to) == (dt.date(2024, 1, 5), None)


def test_an_officer_has_a_recorder_on_the_first_and_on_the_last_day(tmp_path: Path) -> None:
    roster = load_roster(written(tmp_path, HEADER + ROW))
    days = [dt.date(2023, 12, 31), dt.date(2024, 1, 1), dt.date(2024, 6, 30), dt.date(2024, 7, 1)]
    assert [len(roster.officers_of("0000012", day)) for day in days] == [0, 1, 1, 0]


def test_several_officers_may_share_a_recorder(tmp_path: Path) -> None:
    roster = load_roster(written(tmp_path, HEADER + ROW + "0000012,李四,21020002,海洋执法一中队,2024-03-01,\n"))
    assert [entry.officer for entry in roster.officers_of("0000012", dt.date(2024, 4, 1))] == ["张三", "李四"]
    assert [entry.officer for entry in roster.officers_of("0000012", dt.date(2026, 4, 1))] == ["李四"]


def test_another_recorder_has_no_officer(tmp_path: Path) -> None:
    assert load_roster(written(tmp_path, HEADER + ROW)).officers_of("12", dt.date(2024, 4, 1)) == ()


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
        load_roster(file)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_roster(tmp_path / "roster.csv")
