"""Statistics: what the catalogue counts, shapes of charts, forecasts, tables as CSV, the page itself."""

import csv
import datetime as dt
import io
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.core.roles import Role
from ingestd.core.visibility import Scope
from ingestd.stores.database import open_for_reading, open_for_writing
from ingestd.stores.statistics import Asked, Statistics
from ingestd.web.charts import HEIGHT, WIDTH, Series, lines, stacked, tick_of
from ingestd.web.figures import Column, Figures, as_csv
from ingestd.web.forecast import forecast
from tests.support.console import Served, served
from tests.support.station import build_station, write_card

MARCH, APRIL, MAY = "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z"
ROWS = (
    ("r1", "2026-03-05T00:00:00Z", "met", "一中队", "7", 100, 60.0),
    ("r2", "2026-03-31T23:59:59Z", "late", "一中队", "7", 200, 60.0),
    ("r3", MARCH, "excused", "二中队", "8", 400, 60.0),
    ("r4", APRIL, "late", "二中队", "8", 800, 60.0),
    ("r5", "2026-03-06T00:00:00Z", None, "", None, 1, None),
)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Statistics:
    file = tmp_path_factory.mktemp("counted") / "catalogue.sqlite3"
    open_for_writing(file).dispose()
    with sqlite3.connect(file) as connection:
        for slot, (key, sealed, state, unit, recorder, size, seconds) in enumerate(ROWS):
            connection.execute(
                "INSERT INTO recordings(recording_id, sha256, size_bytes, docking_id, recorder_id, recorder_key,"
                " card_path, sidecar_path, sealed_at, state, duration_s, hand_over_state)"
                " VALUES (?, ?, ?, 'd', ?, 'k', 'c', 's', ?, 'catalogued', ?, ?)",
                (key, key, size, recorder, sealed, seconds, state),
            )
            connection.execute(
                "INSERT INTO find_rows(slot, recording_id, is_footage, known, unit, facts, officers, cases, parties,"
                " vessels, places, other) VALUES (?, ?, 1, 0, ?, '{}', '', '', '', '', '', '')",
                (slot, key, unit),
            )
            connection.execute(
                "INSERT INTO findings(finding_id, code, severity, scope, recording_id, noted_at, document,"
                " superseded_by) VALUES (?, 'set.gap', 'warning', 'file', ?, ?, '{}', ?)",
                (f"{slot}.0", key, sealed, 9 if key == "r1" else None),
            )
            connection.execute(
                "INSERT INTO explanations(explanation_id, finding_key, code, subject, explained_at, explained_by,"
                " document) VALUES (?, 'k', 'set.gap', ?, ?, '王海', ?)",
                (slot, key, sealed, '{"reason": "battery"}' if slot % 2 else '{"reason": "weather"}'),
            )
    return Statistics(open_for_reading(file))


def test_what_came_in_is_counted_by_unit_and_state_and_the_span_is_half_open(book: Statistics) -> None:
    counts = {key: one.recordings for key, one in book.came_in(Asked(MARCH, APRIL)).items()}
    assert counts == {("一中队", "met"): 1, ("一中队", "late"): 1, ("二中队", "excused"): 1, ("", None): 1}


def test_of_another_unit_nothing_is_counted(book: Statistics) -> None:
    mine = Asked(MARCH, MAY, Scope(units=frozenset({"二中队"}), has_unknown=False))
    assert {unit for unit, _ in book.came_in(mine)} == {"二中队"}
    assert (book.volume(mine).size_bytes, book.findings(mine)) == (1200, {"set.gap": 2})
    assert sum(book.explained(mine).values()) == 2
    assert [number for number, _ in book.volume_by_recorder(mine)] == ["8"]


def test_what_has_no_unit_is_counted_for_those_who_have_to_find_out_whose_it_is(book: Statistics) -> None:
    mine = Asked(MARCH, MAY, Scope(units=frozenset({"二中队"}), has_unknown=True))
    assert {unit for unit, _ in book.came_in(mine)} == {"", "二中队"}


def test_an_officers_own_scope_counts_nothing(book: Statistics) -> None:
    assert book.came_in(Asked(MARCH, MAY, Scope(is_own_only=True, person="王海"))) == {}


def test_findings_that_were_said_anew_are_not_counted(book: Statistics) -> None:
    assert book.findings(Asked(MARCH, APRIL)) == {"set.gap": 3}


def test_explanations_are_counted_by_cause(book: Statistics) -> None:
    assert book.explained(Asked(MARCH, MAY)) == {"weather": 3, "battery": 2}


def test_counting_what_came_in_reads_an_index_and_no_rows(book: Statistics) -> None:
    with book._engine.connect() as connection:
        plan = connection.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT count(*), sum(size_bytes), sum(duration_s) FROM recordings"
            " WHERE sealed_at >= 'a' AND sealed_at < 'b'"
        ).all()
    assert "COVERING INDEX ix_recordings_counted" in str(plan)


# Charts

NUMBERS = st.lists(st.floats(0, 1e15), min_size=1, max_size=40)


@given(NUMBERS, NUMBERS)
def test_bars_stand_inside_of_the_picture_and_their_heights_are_the_numbers(
    one: list[float], other: list[float]
) -> None:
    places = [str(number) for number in range(min(len(one), len(other)))]
    picture = stacked("t", places, [Series("a", one), Series("b", other)], str)
    for bar in picture.bars:
        assert 0 <= bar.x <= bar.x + bar.width <= WIDTH + 0.2
        assert -0.2 <= bar.y <= bar.y + bar.height <= HEIGHT + 0.2


@given(NUMBERS)
def test_lines_have_a_dot_for_each_place(values: list[float]) -> None:
    (line,) = lines("t", [str(one) for one in range(len(values))], [Series("a", values)], str).lines
    assert len(line.dots) == len(values)
    assert all(0 <= x <= WIDTH and -0.2 <= y <= HEIGHT for x, y, _ in line.dots)


def test_a_bar_twice_as_much_is_twice_as_high() -> None:
    low, high = stacked("t", ["1", "2"], [Series("a", [5, 10])], str).bars
    assert high.height == pytest.approx(2 * low.height, abs=0.2)


@pytest.mark.parametrize(("most", "tick"), [(0, 1), (1, 0.5), (10, 5), (13, 5), (100, 50), (81, 50), (79, 20)])
def test_lines_across_stand_at_round_numbers(most: float, tick: float) -> None:
    assert tick_of(most) == pytest.approx(tick)


# Room


def test_room_is_told_with_the_range_that_the_weeks_show() -> None:
    found = forecast(2800, [100, 100, 100, 100, 200, 200, 200, 200])
    assert (found.days, found.fewest_days, found.most_days) == (98, 98, 196)


def test_with_fewer_than_four_weeks_nothing_is_foretold() -> None:
    found = forecast(10**12, [1, 1, 1])
    assert (found.is_known, found.days) == (False, None)


def test_where_nothing_comes_in_no_end_is_named() -> None:
    found = forecast(1000, [7, 0, 0, 0, 0])
    assert (found.days, found.most_days) == (None, None)
    assert found.fewest_days == pytest.approx(4000)


# CSV


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_of_a_csv_is_a_formula(name: str) -> None:
    text = as_csv(Figures("k", "t", (Column("u", "text"), Column("n")), ((name, -5),))).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[1] == [f"'{name}", "-5"]


def test_a_csv_begins_with_the_mark_by_which_excel_knows_utf_8() -> None:
    assert as_csv(Figures("k", "t", (Column("单位", "text"),), ())).startswith(b"\xef\xbb\xbf")


# The page


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    station = build_station(tmp_path_factory.mktemp("station"))
    card: Path = write_card(station.root / "card", {"DCIM/a.mp4": b"a", "DCIM/b.mp4": b"bb"})
    station.ingest(card, is_described=True)
    with served(station.configuration) as running:
        yield running


def test_the_page_shows_charts_with_a_title_and_a_table_beside_each(here: Served) -> None:
    text = here.visitor(Role.HEAD).get("/statistics").text
    assert text.count('role="img"') == text.count("<title id=")
    assert "按月移交情况" in text
    assert "尚无法估计" in text


def test_each_table_is_there_as_csv(here: Served) -> None:
    person = here.visitor(Role.HEAD)
    for key in (
        "hand_over",
        "hand_over_units",
        "late",
        "coverage",
        "interruptions",
        "findings",
        "volume",
        "recorders",
        "room",
    ):
        answer = person.get(f"/statistics?format=csv&table={key}")
        assert answer.status == 200, key
        assert answer.body.startswith(b"\xef\xbb\xbf"), key
        assert "attachment" in answer.headers["content-disposition"], key
    assert person.get("/statistics?format=csv&table=nothing").status == 404


def test_a_short_span_is_shown_by_days_and_a_long_one_is_cut(here: Served) -> None:
    person, today = here.visitor(Role.HEAD), dt.datetime.now(ZoneInfo("Asia/Shanghai")).date()
    short = person.get(f"/statistics?first={today - dt.timedelta(days=6)}&format=csv&table=volume").body.decode(
        "utf-8-sig"
    )
    assert len(short.splitlines()) == 8
    assert "一次最多统计" in person.get("/statistics?first=2001-01-01").text


def test_what_nobody_could_mean_is_answered_with_the_last_twelve_months(here: Served) -> None:
    assert here.visitor(Role.HEAD).get("/statistics?first=x&last=9999-12-31&unit=%3Cb%3E").status == 200


def test_an_officer_sees_no_statistics(here: Served) -> None:
    assert here.visitor(Role.OFFICER).get("/statistics").status == 403
