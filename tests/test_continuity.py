"""The statement of continuity: sums that come out, interruptions that nothing hides, words that claim no more."""

import datetime as dt
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.core.clauses import Basis
from ingestd.core.continuity import Cause, Portion, Sign, Statement, Verdict, statement_of
from ingestd.core.continuity_checks import Evidence, checks_of
from ingestd.core.continuity_words import Language, statement_lines
from ingestd.core.explanation import Explanation, FindingIdentity
from ingestd.core.findings import REGISTER, Confidence, Severity
from ingestd.core.interruption import InterruptionReason
from ingestd.core.regime import ExplanationRule

DAY = dt.datetime(2026, 3, 2, 1, tzinfo=dt.UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
LAW = ExplanationRule(
    id="interruption",
    codes=("gap.video", "set.gap"),
    named_reasons=(InterruptionReason.BATTERY,),
    basis=Basis.LAW,
    article="第三十六条",
    words="中止记录的",
)


def at(second: float) -> dt.datetime:
    return DAY + dt.timedelta(seconds=second)


def portion(key: str, start: float, end: float, take: str | None = "t", **more: bool) -> Portion:
    return Portion(key, f"DCIM/{key}.mp4", at(start), at(end), take, **more)


def sign(code: str, *about: str, start: float | None = None, end: float | None = None, **more: object) -> Sign:
    wall = {"start": at(start), "end": at(end)} if len(about) > 1 and start is not None and end is not None else {}
    place = {"start_s": start, "end_s": end} if len(about) == 1 else {"start_s": 0.0, "end_s": 1.0}
    fields = {"severity": Severity.WARNING, "confidence": Confidence.CERTAIN, "asked_by": (LAW,)} | place | wall | more
    return Sign(key=f"{code}-{'-'.join(about)}-{start}", code=code, about=about, **fields)  # type: ignore[arg-type]


def state(
    portions: list[Portion], signs: list[Sign] | None = None, start: float | None = None, end: float | None = None
) -> Statement:
    first = at(start) if start is not None else min(one.start for one in portions)
    last = at(end) if end is not None else max(one.end for one in portions)
    return statement_of(first, last, portions, signs or [], roll_over_s=3.0)


def told(statement: Statement) -> list[tuple[float, float, str, list[str]]]:
    return [
        (
            (one.start - DAY).total_seconds(),
            (one.end - DAY).total_seconds(),
            one.cause.value,
            [s.code for s in one.signs],
        )
        for one in statement.interruptions
    ]


def explained(one: Sign, reason: InterruptionReason = InterruptionReason.BATTERY) -> Sign:
    identity = FindingIdentity(one.code, one.about, one.start_s, one.end_s)
    said = Explanation(7, identity, reason, "电池耗尽", "2026-03-02T02:00:00.000Z", "张三", spoken_at_s=1.5)
    return replace(one, explanation=said)


# Examples


def test_a_whole_take_has_no_interruption_but_says_what_its_roll_over_took() -> None:
    statement = state([portion("a", 0, 9.9), portion("b", 10, 20)])
    assert statement.verdict is Verdict.NONE_FOUND
    assert told(statement) == [(9.9, 10.0, "roll_over", [])]
    assert statement.covered == dt.timedelta(seconds=19.9)


def test_a_hole_inside_a_file_is_an_interruption() -> None:
    statement = state([portion("a", 0, 60)], [sign("gap.video", "a", start=10, end=12.5)])
    assert statement.verdict is Verdict.INTERRUPTED
    assert told(statement) == [(10.0, 12.5, "finding", ["gap.video"])]
    assert statement.interrupted == dt.timedelta(seconds=2.5)


def test_what_another_file_covers_is_covered_and_the_finding_still_told() -> None:
    files = [portion("a", 0, 60), portion("b", 5, 20)]
    statement = state(files, [sign("gap.video", "a", start=10, end=12)])
    assert statement.interrupted == dt.timedelta(0)
    assert statement.verdict is Verdict.IN_DOUBT
    assert [one.code for one in statement.doubts] == ["gap.video"]


def test_a_late_segment_is_an_interruption_with_its_finding() -> None:
    files = [portion("a", 0, 10), portion("b", 30, 40)]
    statement = state(files, [sign("set.gap", "a", "b", start=10, end=30)])
    assert told(statement) == [(10.0, 30.0, "finding", ["set.gap"])]


def test_a_pause_that_no_finding_speaks_of_is_not_passed_over() -> None:
    statement = state([portion("a", 0, 10), portion("b", 30, 40, take="u")])
    assert told(statement) == [(10.0, 30.0, "not_recorded", [])]
    assert statement.verdict is Verdict.INTERRUPTED


def test_a_short_pause_between_two_takes_is_no_roll_over() -> None:
    statement = state([portion("a", 0, 10), portion("b", 11, 20, take="u")])
    assert told(statement) == [(10.0, 11.0, "not_recorded", [])]


def test_a_cut_whose_length_nobody_knows_is_an_interruption_of_no_length() -> None:
    statement = state([portion("a", 0, 60)], [sign("splice.removed", "a", start=20, end=20)])
    assert statement.verdict is Verdict.INTERRUPTED
    assert told(statement) == [(20.0, 20.0, "finding", ["splice.removed"])]


def test_a_torn_file_without_an_index_interrupts() -> None:
    statement = state([portion("a", 0, 0)], [sign("file.truncated", "a")])
    assert told(statement) == [(0.0, 0.0, "finding", ["file.truncated"])]


def test_pictures_missing_at_a_place_that_nobody_knows_interrupt() -> None:
    found = told(state([portion("a", 0, 60)], [sign("gap.video", "a")]))
    assert [codes for *_, codes in found] == [["gap.video"]]


def test_behind_the_last_intact_second_of_a_torn_file_nothing_is_covered() -> None:
    statement = state([portion("a", 0, 60), portion("b", 60, 70)], [sign("file.truncated", "a", start=36)])
    assert told(statement) == [(36.0, 60.0, "finding", ["file.truncated"])]


def test_arrival_to_departure_shows_what_lies_before_and_behind() -> None:
    statement = state([portion("a", 10, 20)], start=0, end=30)
    assert told(statement) == [(0.0, 10.0, "not_recorded", []), (20.0, 30.0, "not_recorded", [])]


def test_a_pause_outside_of_the_span_is_none_of_it() -> None:
    statement = state([portion("a", 0, 10)], [sign("set.gap", "a", "b", start=10, end=30)])
    assert statement.verdict is Verdict.NONE_FOUND


def test_where_nothing_is_held_nothing_is_claimed() -> None:
    statement = state([], start=0, end=10)
    assert statement.verdict is Verdict.NOTHING_HELD
    assert statement.covered == dt.timedelta(0)


def test_lost_sound_impairs_pictures_and_interrupts_a_sound_recording() -> None:
    hole = sign("gap.audio", "a", start=2, end=4)
    filmed = state([portion("a", 0, 10)], [hole])
    spoken = state([portion("a", 0, 10, has_picture=False)], [hole])
    assert (filmed.verdict, [one.code for one in filmed.impaired]) == (Verdict.NONE_FOUND, ["gap.audio"])
    assert spoken.verdict is Verdict.INTERRUPTED


def test_signs_of_an_edit_forbid_the_words_that_nothing_was_found() -> None:
    statement = state([portion("a", 0, 10)], [sign("edit.reencoded", "a")])
    assert statement.verdict is Verdict.IN_DOUBT


def test_a_span_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="before it starts"):
        state([portion("a", 0, 10)], start=5, end=4)


# Properties

SECOND = st.integers(0, 100_000).map(lambda value: value / 1000)
FILES = st.lists(st.tuples(SECOND, SECOND, st.sampled_from("tu")), max_size=5).map(
    lambda drawn: [portion(f"f{n}", min(a, b), max(a, b), take) for n, (a, b, take) in enumerate(drawn)]
)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[list[Portion], list[Sign], float, float]:
    files = draw(FILES)
    keys = [one.key for one in files]
    found = []
    for _ in range(draw(st.integers(0, 5)) if keys else 0):
        code = draw(st.sampled_from(sorted(REGISTER)))
        severity = draw(st.sampled_from([Severity.WARNING, Severity.CRITICAL, Severity.NOTICE]))
        place = sorted((draw(SECOND), draw(SECOND)))
        is_set = code.startswith("set.") and len(keys) > 1
        about = draw(st.permutations(keys))[:2] if is_set else [draw(st.sampled_from(keys))]
        found.append(sign(code, *about, start=place[0], end=draw(st.sampled_from([place[1], None])), severity=severity))
    start, end = sorted((draw(SECOND), draw(SECOND)))
    return files, found, start, end


@given(scenes())
def test_covered_and_interrupted_make_up_the_span(scene: tuple[list[Portion], list[Sign], float, float]) -> None:
    files, found, start, end = scene
    statement = state(files, found, start, end)
    edges = [(one.start, one.end) for one in statement.interruptions]
    assert statement.covered + statement.interrupted == at(end) - at(start)
    assert statement.covered >= dt.timedelta(0)
    assert all(at(start) <= first <= last <= at(end) for first, last in edges)
    lasting = sorted((first, last) for first, last in edges if first < last)
    assert all(one[1] <= other[0] for one, other in zip(lasting, lasting[1:], strict=False))


@given(scenes(), st.data())
def test_an_explanation_never_hides_an_interruption(
    scene: tuple[list[Portion], list[Sign], float, float], data: st.DataObject
) -> None:
    files, found, start, end = scene
    said = [explained(one) if data.draw(st.booleans()) else one for one in found]
    before, after = state(files, found, start, end), state(files, said, start, end)
    assert told(before) == told(after)
    assert (before.verdict, before.covered) == (after.verdict, after.covered)


@given(scenes())
def test_what_no_file_holds_is_never_covered(scene: tuple[list[Portion], list[Sign], float, float]) -> None:
    files, found, start, end = scene
    statement = state(files, found, start, end)
    for second in range(0, 101, 5):
        moment = at(second + 0.5)
        if at(start) < moment < at(end) and not any(one.start <= moment <= one.end for one in files):
            assert any(one.start <= moment <= one.end for one in statement.interruptions)


@given(scenes())
def test_every_weighty_finding_inside_the_span_is_told(scene: tuple[list[Portion], list[Sign], float, float]) -> None:
    files, found, _, _ = scene
    statement = state(files, found, 0, 200)
    shown = {s.key for one in statement.interruptions for s in one.signs}
    shown |= {one.key for one in (*statement.impaired, *statement.doubts)}
    assert {one.key for one in found if one.code not in ("set.overlap", "clock.offset")} <= shown


# Words


def text(statement: Statement, language: Language = Language.BOTH) -> str:
    return "\n".join(statement_lines(statement, title="take x", bureau="局", zone=SHANGHAI, language=language))


def test_the_words_of_a_whole_take_claim_no_more_than_the_station_saw() -> None:
    words = text(state([portion("a", 0, 10)]))
    assert "未发现中断 · recorded without a gap that this station can see" in words
    assert "What left no trace in these files and numbers cannot be seen here." in words


def test_an_explained_interruption_is_told_with_reason_article_and_both_times() -> None:
    one = explained(sign("gap.video", "a", start=2, end=4))
    words = text(state([portion("a", 0, 10)], [one]), Language.ZH)
    for expected in ("记录有中断", "09:00:02.0 – 2026-03-02 09:00:04.0", "UTC 2026-03-02T01:00:02.000Z", "第三十六条"):
        assert expected in words
    assert "电量不足或断电: 电池耗尽" in words
    assert "待说明" not in words


def test_a_reason_that_the_clause_does_not_name_is_said_to_be_none_of_its() -> None:
    one = explained(sign("gap.video", "a", start=2, end=4), InterruptionReason.WEATHER)
    assert "该条未列明此原因" in text(state([portion("a", 0, 10)], [one]), Language.ZH)


def test_an_open_interruption_says_so() -> None:
    words = text(state([portion("a", 0, 10)], [sign("gap.video", "a", start=2, end=4)]), Language.EN)
    assert "reason: open" in words
    assert "law: 第三十六条" in words
    assert "未" not in words.replace(LAW.article or "", "")


def test_a_check_that_one_recording_cannot_bear_was_not_applied() -> None:
    whole = Evidence(True, True, True, True, True, True)
    checks = {one.id: one for one in checks_of([whole, whole._replace(has_position_times=False)])}
    assert checks["packet_times"].is_applied
    assert not checks["position_time"].is_applied
    assert checks["position_time"].why_not_en == "no position track in 1 of 2"
    assert not checks["stored_bytes"].is_applied
    assert not any(one.is_applied for one in checks_of([]))


def test_a_cause_of_an_interruption_has_words_unless_a_finding_speaks() -> None:
    statement = state([portion("a", 0, 10), portion("b", 30, 40, take="u")])
    assert [one.cause for one in statement.interruptions] == [Cause.NOT_RECORDED]
    assert "nothing tells whether recording was off" in text(statement, Language.EN)
