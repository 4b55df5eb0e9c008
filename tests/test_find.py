"""Search: what is found is what stands there, whatever the words are and whichever index looks them up."""

import random
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, create_engine, insert, text, update

from ingestd.core.clock import from_text
from ingestd.core.errors import RefusedError
from ingestd.core.findtext import joined, normal, signs_of, terms_of
from ingestd.stores import find, find_index, schema, schema_find
from ingestd.stores.find import Box, Finder, Question

HOSTILE = "张三李四一ÀéＡa1b '\"*()^:{}-+%_\\;,“”「」\x00\ud800\n\t𠀀号AND OR NEAR NOT"
WORDS = st.text(st.sampled_from(HOSTILE) | st.characters(), max_size=12)
NAMES = st.lists(st.text(st.sampled_from("张三李四a1 号\"'-A"), min_size=1, max_size=6), min_size=1, max_size=8)


def tables() -> Engine:
    engine = create_engine("sqlite://")
    schema.metadata.create_all(engine)
    return engine


@pytest.fixture(scope="module")
def shared() -> Iterator[Engine]:
    made = tables()
    yield made
    made.dispose()


@pytest.fixture
def engine(shared: Engine) -> Engine:
    """An empty catalogue."""
    clear(shared)
    return shared


def clear(engine: Engine) -> None:
    with engine.begin() as connection:
        for name in ("find_words", "find_signs"):
            connection.execute(text(f"INSERT INTO {name}({name}) VALUES ('delete-all')"))
        for name in ("find_box", "find_rows", "findings", "recordings"):
            connection.execute(text(f"DELETE FROM {name}"))


def tagged(connection: Connection, number: int, tags: dict[str, Any] | None = None, start: str = "") -> str:
    """A recording as the acts of a station would leave it."""
    key, moment = f"r{number:04d}", start or f"2026-03-02T09:{number // 60:02d}:{number % 60:02d}.000Z"
    connection.execute(
        insert(schema.recordings).values(
            recording_id=key, sha256=key, size_bytes=1, docking_id="d", recorder_key="k", card_path=f"DCIM/{key}.mp4",
            sidecar_path="s", sealed_at=moment, state="catalogued", kind="video", recorded_start=moment,
            recorded_end=moment, tags=tags or {},
        )
    )  # fmt: skip
    find_index.refresh(connection, [key])
    return key


def of_officers(engine: Engine, names: Sequence[str]) -> None:
    with engine.begin() as connection:
        for number, name in enumerate(names):
            tagged(connection, number, {"officers": [{"officer": name}]})


def found(engine: Engine, **question: Any) -> list[str]:
    return list(Finder(engine).find(Question(**question)).recordings)


@pytest.fixture(params=[5000, 0], ids=["from few rows", "in order of time"])
def few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Both ways in which a question is answered."""
    monkeypatch.setattr(find, "FEW", request.param)
    return int(request.param)


# --- words ------------------------------------------------------------------------------------------------------------


@given(WORDS)
def test_what_is_asked_has_the_form_of_what_is_stored(words: str) -> None:
    assert normal(normal(words)) == normal(words)
    joined([words]).encode("utf-8")
    for term in terms_of(words):
        term.encode("utf-8")
        assert "\n" not in term


def test_quotation_marks_hold_words_together_and_every_form_of_a_letter_is_one() -> None:
    assert terms_of('“甲 公司” ＡＢ１ "x  y"') == ("甲 公司", "ab1", "x y")
    assert joined(["Ｚhang", None, "", "zhang", "李四"]) == "zhang\n李四"
    assert "\n" not in "".join(signs_of("张\n三"))


def test_a_question_without_end_is_refused() -> None:
    with pytest.raises(RefusedError):
        terms_of(" ".join(map(str, range(30))))


@given(st.lists(WORDS, max_size=4), WORDS, WORDS)
def test_no_words_break_the_question(shared: Engine, stored: list[str], words: str, officer: str) -> None:
    clear(shared)
    of_officers(shared, stored)
    try:
        found(shared, words=words, officer=officer)
    except RefusedError as refused:
        assert "too much" in refused.message


@pytest.mark.parametrize("most", [5000, 0])
@given(NAMES, st.text(st.sampled_from("张三李四a1号\"'-A"), min_size=1, max_size=4))
def test_found_is_all_that_has_the_word_and_nothing_else(
    shared: Engine, most: int, names: list[str], word: str
) -> None:
    clear(shared)
    of_officers(shared, names)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(find, "FEW", most)
        try:
            answer = found(shared, officer=f'"{word}"')
        except RefusedError:
            return
    terms = terms_of(f'"{word}"')
    wanted = [number for number, name in enumerate(names) if all(term in joined([name]) for term in terms)]
    assert answer == [f"r{number:04d}" for number in reversed(wanted)]


def test_a_word_stands_in_the_column_that_was_asked_for(engine: Engine, few: int) -> None:
    with engine.begin() as connection:
        officer = tagged(connection, 1, {"officers": [{"officer": "王海"}], "place": {"name": "大窑湾港"}})
        place = tagged(connection, 2, {"place": {"name": "王海码头"}})
    assert found(engine, words="王海") == [place, officer]
    assert found(engine, officer="王海") == [officer]
    assert found(engine, place="王海码头") == [place]
    assert found(engine, officer="王海", place="大窑湾") == [officer]
    assert found(engine, words="王 r0001") == [officer]


def test_two_letters_alone_are_refused_and_beside_a_time_they_are_looked_for(engine: Engine) -> None:
    with engine.begin() as connection:
        first = tagged(connection, 1, {"device": "7X"})
        tagged(connection, 2, {"device": "8Y"})
    with pytest.raises(RefusedError, match="too much"):
        found(engine, words="7x")
    assert found(engine, words="7x", begins="2026-03-02T09:00:00.000Z") == [first]


# --- time, map, pages -------------------------------------------------------------------------------------------------


def test_pages_follow_each_other_in_order_of_time_without_a_hole(engine: Engine, few: int) -> None:
    numbers = list(range(30))
    random.Random(3).shuffle(numbers)
    with engine.begin() as connection:
        for number in numbers:
            tagged(connection, number, {"officers": [{"officer": "张三"}]})
    for is_oldest_first in (False, True):
        seen: list[str] = []
        after = None
        while True:
            question = Question(words="张三", limit=7, after=after, is_oldest_first=is_oldest_first)
            page = Finder(engine).find(question)
            seen += page.recordings
            after = page.after
            if after is None:
                break
        assert seen == sorted((f"r{number:04d}" for number in numbers), reverse=not is_oldest_first)


def test_a_second_with_more_recordings_than_slots_loses_none(engine: Engine) -> None:
    moment = "2026-03-02T09:00:00.000Z"
    with engine.begin() as connection:
        names = [tagged(connection, number, start=moment) for number in range(150)]
        later = tagged(connection, 900, start="2026-03-02T09:00:01.000Z")
    assert sorted(found(engine, begins=moment, ends="2026-03-02T09:00:01.000Z", limit=1000)) == names
    assert found(engine, begins="2026-03-02T09:00:01.000Z", limit=1000) == [later]


def test_a_time_before_all_calendars_of_computers_has_its_place(engine: Engine) -> None:
    with engine.begin() as connection:
        old = tagged(connection, 1, start="1969-12-31T23:59:59.000Z")
        new = tagged(connection, 2, start="1970-01-01T00:00:00.000Z")
    assert found(engine) == [new, old]
    assert find_index.slot_of("1969-12-31T23:59:59.500Z") == int(from_text("1969-12-31T23:59:59Z").timestamp()) * 64


def test_a_box_finds_tracks_that_touch_it_and_no_doubtful_ones(engine: Engine, few: int) -> None:
    with engine.begin() as connection:
        inside = tagged(connection, 1, {"position": {"bounds": [38.9, 121.5, 39.0, 121.6]}})
        ends = {"first": {"latitude": 39.5, "longitude": 122.0}, "last": {"latitude": 39.6, "longitude": 122.1}}
        of_ends = tagged(connection, 2, {"position": ends})
        tagged(connection, 3, {"position": {"bounds": None, "first": None, "last": None}})
    assert found(engine, box=Box(38.95, 121.55, 38.96, 121.56)) == [inside]
    assert found(engine, box=Box(39.55, 121.0, 40.0, 123.0)) == [of_ends]
    assert found(engine, box=Box(39.01, 121.5, 39.4, 121.6)) == []


def test_a_finding_that_stands_is_found_by_the_beginning_of_its_code(engine: Engine, few: int) -> None:
    with engine.begin() as connection:
        standing, gone = tagged(connection, 1), tagged(connection, 2)
        for recording, superseded_by in ((standing, None), (gone, 7)):
            connection.execute(
                insert(schema.findings).values(
                    finding_id=recording, code="gap.video", severity="warning", scope="file", recording_id=recording,
                    noted_at="x", document={}, superseded_by=superseded_by,
                )
            )  # fmt: skip
    assert found(engine, code="gap") == [standing]
    assert found(engine, code="gap.audio") == []
    assert found(engine, state="catalogued") == [gone, standing]
    assert found(engine, state="tagged") == []


# --- keeping it -------------------------------------------------------------------------------------------------------


def test_what_changed_is_found_by_the_new_words_only(engine: Engine, few: int) -> None:
    with engine.begin() as connection:
        one = tagged(connection, 1, {"officers": [{"officer": "张三"}], "position": {"bounds": [1, 1, 2, 2]}})
        table = schema.recordings
        connection.execute(
            update(table).where(table.c.recording_id == one).values(tags={"place": {"name": "李四湾港"}})
        )
        find_index.refresh(connection, [one])
        for name in ("find_words", "find_signs"):
            connection.execute(text(f"INSERT INTO {name}({name}) VALUES ('integrity-check')"))
    assert found(engine, words="张三") == []
    assert found(engine, box=Box(1, 1, 2, 2)) == []
    assert found(engine, words="李四") == found(engine, words="李四湾") == [one]


def test_the_indexes_have_the_columns_of_the_rows() -> None:
    columns = [column.name for column in schema_find.find_rows.columns]
    assert tuple(columns[-len(schema_find.COLUMNS) :]) == schema_find.COLUMNS
