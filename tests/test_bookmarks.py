"""What must be said and shown in a recording, by article, and the checklist of what nobody marked."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ingestd.cli.bookmark import second_of
from ingestd.config.load import load_regimes
from ingestd.core.bookmark_acts import RemoveBookmark, SetBookmark, removing_act, setting_acts
from ingestd.core.bookmark_rules import Asked, BookmarkRule, named_together
from ingestd.core.bookmarks import Bookmark, Interruption, ItemState, Scene, checklist_of, missing_of
from ingestd.core.errors import RefusedError
from ingestd.core.regime import Regime

REGIMES = load_regimes(Path(__file__).parent.parent / "config" / "regimes")
JIANGMEN, MARINE = REGIMES["market_regulation"].bookmarks, REGIMES["marine"].bookmarks
STATEMENT = ("statement_time", "statement_place", "statement_officers", "statement_act", "statement_focus")


def mark(kind: str, at_s: float = 1.0, recording: str = "a", **fields: object) -> Bookmark:
    return Bookmark(1, recording, at_s, kind, "", "张三", "2026-03-02T01:00:00.000Z", **fields)  # type: ignore[arg-type]


def states(rules: tuple[BookmarkRule, ...], *marks: Bookmark, **facts: object) -> dict[str, ItemState]:
    scene = Scene(("a", "b"), marks, **facts)  # type: ignore[arg-type]
    return {item.rule.id: item.state for item in checklist_of(rules, scene)}


def missing(rules: tuple[BookmarkRule, ...], *marks: Bookmark, **facts: object) -> set[str]:
    return {kind for kind, state in states(rules, *marks, **facts).items() if state is ItemState.MISSING}


# 江门


def test_jiangmen_34_asks_for_five_spoken_things_and_the_notice_in_every_take() -> None:
    asked = {rule.id for rule in JIANGMEN if rule.article == "第三十四条"}
    assert asked == {*STATEMENT, "notice"}
    assert missing(JIANGMEN) == {*asked, "scene"}
    assert missing(JIANGMEN, *(mark(kind) for kind in (*STATEMENT, "notice", "scene"))) == set()


def test_jiangmen_34_one_statement_covers_its_five_parts() -> None:
    assert named_together(JIANGMEN)["statement"] == STATEMENT


def test_jiangmen_33_has_six_contents_of_which_the_scene_is_there_in_any_take() -> None:
    contents = {rule.id: rule for rule in JIANGMEN if rule.group == "contents"}
    assert list(contents) == ["scene", "people", "objects", "measures", "documents", "other"]
    found = states(JIANGMEN)
    assert found["scene"] is ItemState.MISSING
    assert {found[kind] for kind in list(contents)[1:]} == {ItemState.DEPENDS}


def test_jiangmen_36_asks_for_a_spoken_reason_only_after_an_interruption() -> None:
    gap = Interruption("f1", "set.gap", ("a", "b"))
    assert states(JIANGMEN)["interruption_reason"] is ItemState.NOT_ASKED
    assert "interruption_reason" in missing(JIANGMEN, interruptions=(gap,))
    assert "interruption_reason" not in missing(JIANGMEN, mark("interruption_reason"), interruptions=(gap,))


def test_jiangmen_36_a_reason_spoken_before_the_interruption_or_elsewhere_does_not_serve() -> None:
    hole = Interruption("f1", "gap.video", ("a", "b"), within="a", from_s=60.0)
    for wrong in (mark("interruption_reason", 59.9), mark("interruption_reason", 1.0, "c"), mark("notice", 61.0)):
        assert "interruption_reason" in missing(JIANGMEN, wrong, interruptions=(hole,))
    for right in (mark("interruption_reason", 60.0), mark("interruption_reason", 0.0, "b")):
        assert "interruption_reason" not in missing(JIANGMEN, right, interruptions=(hole,))


def test_jiangmen_36_each_interruption_needs_its_own_reason() -> None:
    gaps = (Interruption("f1", "set.gap", ("a",)), Interruption("f2", "set.gap", ("b",)))
    scene = Scene(("a", "b"), (mark("interruption_reason", 1.0, "b"),), gaps)
    (item,) = [one for one in checklist_of(JIANGMEN, scene) if one.rule.asked is Asked.INTERRUPTION]
    assert [one.finding_key for one in item.open] == ["f1"]


def test_jiangmen_36_the_spoken_reason_of_an_explanation_serves_its_finding_and_no_other() -> None:
    gaps = (Interruption("f1", "set.gap", ("a", "b")), Interruption("f2", "set.gap", ("a", "b")))
    scene = Scene(("a", "b"), (mark("interruption_reason", 1.0, "z", explains="f2"),), gaps)
    (item,) = [one for one in checklist_of(JIANGMEN, scene) if one.rule.asked is Asked.INTERRUPTION]
    assert [one.finding_key for one in item.open] == ["f1"]
    assert [one.explains for one in item.marks] == ["f2"]


# 海洋, 民政, and the two that ask for nothing


def test_marine_27_1_and_3_ask_for_notice_and_sign_ashore() -> None:
    assert missing(MARINE, is_at_sea=False) == {"notice", "place_sign"}


def test_marine_27_3_asks_for_position_and_vessel_spoken_at_sea() -> None:
    assert missing(MARINE, is_at_sea=True) == {"notice", "position_spoken", "vessel_spoken"}
    assert {rule.id for rule in MARINE if rule.is_spoken} >= {"position_spoken", "vessel_spoken"}


def test_marine_27_3_where_nobody_says_where_it_was_nothing_of_it_is_claimed() -> None:
    found = states(MARINE)
    assert {found[kind] for kind in ("place_sign", "position_spoken", "vessel_spoken")} == {ItemState.DEPENDS}


def test_marine_27_3_whoever_marks_the_position_at_sea_was_there() -> None:
    assert missing(MARINE, mark("position_spoken")) == {"notice", "vessel_spoken"}
    assert "vessel_spoken" not in missing(MARINE, mark("position_spoken"), is_at_sea=False)


def test_marine_27_3_a_landmark_with_the_place_spoken_serves_where_there_is_no_sign() -> None:
    assert missing(MARINE, mark("place_spoken"), is_at_sea=False) == {"notice"}


def test_civil_affairs_13_asks_for_the_notice_before_recording() -> None:
    assert missing(REGIMES["civil_affairs"].bookmarks) == {"notice"}


@pytest.mark.parametrize("regime", ["ethnic_religious", "health"])
def test_where_the_regulation_asks_for_nothing_nothing_is_missing(regime: str) -> None:
    assert missing(REGIMES[regime].bookmarks) == set()


# Any


def test_a_removed_bookmark_counts_for_nothing() -> None:
    gone = mark("notice", removed_at="2026-03-02T02:00:00.000Z", removed_by="李四", removed_reason="错")
    assert "notice" in missing(JIANGMEN, gone)


def test_a_mark_in_another_recording_counts_for_nothing() -> None:
    assert "notice" in missing(JIANGMEN, mark("notice", recording="z"))


KINDS = st.sampled_from([rule.id for rule in (*JIANGMEN, *MARINE)])
MARKS = st.lists(st.builds(mark, KINDS, st.floats(0, 100), st.sampled_from("abz")), max_size=12)
GAPS = st.lists(
    st.builds(Interruption, st.text("xy", min_size=1, max_size=2), st.just("set.gap"), st.just(("a", "b"))), max_size=3
)


@given(MARKS, GAPS, st.sampled_from([True, False, None]))
def test_a_line_is_missing_only_without_a_mark_and_another_mark_never_opens_one(
    marks: list[Bookmark], gaps: list[Interruption], is_at_sea: bool | None
) -> None:
    rules = JIANGMEN
    scene = Scene(("a", "b"), tuple(marks), tuple(gaps), is_at_sea)
    items = checklist_of(rules, scene)
    assert [item.rule for item in items] == list(rules)
    for item in missing_of(items):
        assert item.open or not item.marks
    more = Scene(("a", "b"), (*marks, mark("notice")), tuple(gaps), is_at_sea)
    open_before = {item.rule.id for item in missing_of(items)}
    assert {item.rule.id for item in missing_of(checklist_of(rules, more))} <= open_before


def test_acts_are_one_for_each_kind_and_none_for_what_stands_already() -> None:
    request = SetBookmark(by="张三", recording="a", at_s=1.0004, kinds=("notice",))
    about = {"recording_id": "a", "docking_id": "d"}
    (act,) = setting_acts(request, ["notice"], **about, standing=())
    assert (act.act, act.actor, act.subject, act.data["at_s"]) == ("bookmark.set", "张三", "a", 1.0)
    assert setting_acts(request, ["notice"], **about, standing=[mark("notice")]) == []


def test_a_removal_says_what_stood_before_and_is_done_once() -> None:
    request = RemoveBookmark(by="李四", bookmark=1, reason="错")
    before = removing_act(request, mark("notice", 4.0), docking_id="d").data["before"]
    assert before == {"at_s": 4.0, "kind": "notice", "words": "", "marked_by": "张三"}
    with pytest.raises(RefusedError, match="does not stand"):
        removing_act(request, mark("notice", removed_at="2026-03-02T02:00:00.000Z"), docking_id="d")


def test_nobody_signs_as_the_station() -> None:
    request = SetBookmark(by="station", recording="a", kinds=("notice",))
    with pytest.raises(RefusedError, match="signed"):
        setting_acts(request, ["notice"], recording_id="a", docking_id="d", standing=())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"article": None, "words": None}, "law needs article"),
        ({"basis": "local policy"}, "local policy needs a note"),
        ({"asked": "interruption"}, "codes are given"),
        ({"asked": "interruption", "codes": ["set.gab"]}, "is no code"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_in_words(changes: dict[str, object], words: str) -> None:
    whole = {"id": "x", "zh": "x", "en": "x", "asked": "always", "article": "第一条", "words": "x"}
    BookmarkRule.model_validate(whole)
    with pytest.raises(ValidationError, match=words):
        BookmarkRule.model_validate(whole | changes)


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ([{"id": "x"}, {"id": "x"}], "two rules"),
        ([{"id": "x", "group": "x"}], "a kind and a group"),
        ([{"id": "x", "served_by": ["y"]}], "served by"),
    ],
)
def test_kinds_and_groups_of_a_regime_are_told_apart(rules: list[dict[str, object]], words: str) -> None:
    shipped = REGIMES["health"].model_dump(mode="json")
    named = [{"zh": "x", "en": "x", "asked": "always", "article": "第一条", "words": "x", **rule} for rule in rules]
    with pytest.raises(ValidationError, match=words):
        Regime.model_validate(shipped | {"bookmarks": named})


@pytest.mark.parametrize(
    ("text", "second"), [("75.5", 75.5), ("1:15.5", 75.5), ("1:02:03", 3723.0), ("0", 0.0), ("90:00", 5400.0)]
)
def test_a_place_is_read_as_people_write_it(text: str, second: float) -> None:
    assert second_of(text) == second


@pytest.mark.parametrize("text", ["", "-1", "1:60", "1:61:00", "nan", "1e3", "٣", "1:2:3:4", "9" * 30])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="no place"):
        second_of(text)
