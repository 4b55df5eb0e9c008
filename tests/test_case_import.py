"""Cases as offices and case systems write them: encodings, Chinese words, and what cannot be read."""

import json
import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.config.cases import load_cases
from ingestd.core.case_import import Imported, imported_cases
from ingestd.core.case_requests import EnterActivity, Put
from ingestd.core.cases import CaseFlag, CaseOfficer, Stage
from ingestd.core.errors import ConfigError

SHANGHAI = ZoneInfo("Asia/Shanghai")


def read(path: Path, text: str, encoding: str = "utf-8") -> list[Imported]:
    path.write_bytes(text.encode(encoding))
    return load_cases(path, "王五", SHANGHAI)


def put(one: Imported) -> Put:
    assert isinstance(one.request, Put), one.faults
    return one.request


CHINESE = """案号,案由,执法类别,阶段,当事人,执法人员,立案日期,标记
大金海罚〔2026〕12号,无证捕捞,行政处罚,调查取证,张某；某渔业公司,李四/210001;王五,2026年3月2日,重大复杂、个人隐私
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
def test_a_spreadsheet_of_a_chinese_office_is_read_in_each_of_its_encodings(tmp_path: Path, encoding: str) -> None:
    (one,) = read(tmp_path / "cases.csv", CHINESE, encoding)
    request = put(one)
    assert (request.number, request.cause, request.stage) == ("大金海罚〔2026〕12号", "无证捕捞", Stage.INVESTIGATION)
    assert request.parties == ("张某", "某渔业公司")
    assert request.officers is not None
    assert [officer.officer for officer in request.officers] == [CaseOfficer("李四", "210001"), CaseOfficer("王五")]
    assert request.flags == frozenset({CaseFlag.MAJOR, CaseFlag.PRIVACY})
    assert str(request.opened_on) == "2026-03-02"


def test_empty_cells_say_nothing(tmp_path: Path) -> None:
    (one,) = read(tmp_path / "cases.csv", "number,cause,place\n1,,\n")
    assert (put(one).cause, put(one).place) == (None, None)


FAULTY = """number,opened_on,stage,cause
1,2026-02-30,,a
2,,烧烤,b
3,2026-03-02
4,2026-03-02,,c
4,2026-03-02,,c
,2026-03-02,,d
A B,,,e
5,20260302,,f
"""


def test_each_faulty_row_is_named_with_its_reason_and_the_others_can_be_read(tmp_path: Path) -> None:
    found = read(tmp_path / "cases.csv", FAULTY)
    assert [one.place for one in found] == [f"line {number}" for number in range(2, 10)]
    sentences = {one.place: "; ".join(fault.sentence for fault in one.faults) for one in found}
    assert sentences == {
        "line 2": "opened_on = '2026-02-30': is no day",
        "line 3": "stage = '烧烤': is not one of the known words",
        "line 4": "2 columns where the header has 4",
        "line 5": "",
        "line 6": "4 stands in line 5 already",
        "line 7": "number: is missing",
        "line 8": "number = 'A B': has characters, a length or a form not allowed here",
        "line 9": "opened_on = '20260302': is no day",
    }
    assert all(fault.fix for one in found for fault in one.faults)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("number,colour\n1,red\n", "no such column: 'colour'"),
        ("cause,place\na,b\n", "column number is missing"),
        ("number,案号\n1,1\n", "a column is there twice"),
        ("", "the table has no header"),
        ('number,cause\n1,"open\n', "not CSV"),
    ],
)
def test_a_wrong_header_stops_the_whole_table(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read(tmp_path / "cases.csv", text)


ACTIVITIES = """案号,活动,活动编号,地点,开始时间,结束时间,执法人员,全程无间断
1,现场检查,,杏树屯港,2026/3/2 9:05,2026-03-02 10:30,李四/210001,是
1,听证,H-1,,2026-03-02T09:00:00+09:00,,,否
1,听证,H-1,,,,,
1,询问,,,2026-03-02 25:00,,,
"""


def test_a_table_of_activities_is_known_by_its_header(tmp_path: Path) -> None:
    first, second, double, faulty = read(tmp_path / "activities.csv", ACTIVITIES)
    assert isinstance(first.request, EnterActivity)
    assert first.request.activity_id == "inspection-20260302-0905", "one without a number is known by what it is"
    assert str(first.request.began_at) == "2026-03-02 01:05:00+00:00"
    assert first.request.is_uninterrupted is True
    assert isinstance(second.request, EnterActivity)
    assert (second.request.activity_id, str(second.request.began_at)) == ("H-1", "2026-03-02 00:00:00+00:00")
    assert [fault.sentence for fault in double.faults] == ["1 H-1 stands in line 3 already"]
    assert [fault.sentence for fault in faulty.faults] == ["began_at = '2026-03-02 25:00': is no time"]


@pytest.mark.parametrize(
    "document",
    [[{"number": "1"}], {"cases": [{"number": "1"}]}, {"number": "1"}, [{"案号": "1"}]],
    ids=["list", "named list", "one", "Chinese key"],
)
def test_json_comes_as_a_list_or_as_one_case(tmp_path: Path, document: Any) -> None:
    (one,) = read(tmp_path / "cases.json", json.dumps(document))
    assert put(one).number == "1"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("1", "is no entry with names and values"),
        ({"number": "1", "by": "王五"}, "by: cannot be said here"),
        ({"number": "1", "案号": "2"}, "案号: is there twice"),
        ({"number": "1", "colour": "red"}, "there is no such key"),
        ({"number": "1", "activities": {}}, "activities: is no list"),
        ({"number": "1", "activities": [{"kind": "dancing"}]}, "activities\\[0\\].kind = 'dancing'"),
        ({"number": "1", "flags": 7}, "flags = '7': is no list"),
        ({"number": "1", "opened_on": 1772409600}, "opened_on = '1772409600': is no day"),
    ],
)
def test_an_entry_that_cannot_be_read_says_why(entry: Any, words: str) -> None:
    (one,) = imported_cases([("entry 1", entry)], by="x", source="push", zone=SHANGHAI)
    assert one.request is None

    assert re.search(words, "; ".join(fault.sentence for fault in one.faults))


def test_what_is_no_json_is_refused(tmp_path: Path) -> None:
    for text in ("{", "[" * 100_000):
        with pytest.raises(ConfigError, match="not JSON"):
            read(tmp_path / "cases.json", text)


KEYS = [
    "number",
    "案号",
    "stage",
    "flags",
    "officers",
    "opened_on",
    "activities",
    "id",
    "kind",
    "began_at",
    "parties",
    "clear",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=6) | JSON, max_size=4))
def test_whatever_is_sent_becomes_a_request_or_a_fault_and_never_an_error(documents: list[Any]) -> None:
    places = [(f"entry {number}", one) for number, one in enumerate(documents)]
    for one in imported_cases(places, by="x", source="push", zone=SHANGHAI):
        assert (one.request is None) == bool(one.faults)
