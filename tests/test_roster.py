"""The rules of the roster: what may stand beside what, what each act makes of an entry, and the file as a door."""

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestd.core.attribution import Claim, attribute
from ingestd.core.custody import Act
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.roster import Roster, RosterEntry
from ingestd.core.roster_acts import Add, Correct, End, Request, RosterDraft, Standing, Withdraw, applied
from ingestd.core.roster_door import FileChanges, changes_of_file

BY = "王五"
NOW = dt.datetime(2026, 11, 21, 8, 30, 15, tzinfo=dt.UTC)
FILE = "roster.csv"


def day(number: int) -> dt.datetime:
    return dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=number)


def row(officer: str, first: int = 0, last: int | None = None, recorder: str = "7", **texts: str) -> RosterEntry:
    given_texts = {"certificate": "", "unit": "", "user": ""} | texts
    return RosterEntry(
        recorder=recorder,
        officer=officer,
        begins_at=day(first),
        ends_at=None if last is None else day(last),
        **given_texts,
    )


def adding(one: RosterEntry) -> Add:
    texts = {name: getattr(one, name) for name in ("recorder", "officer", "certificate", "unit", "user")}
    return Add(by=BY, begins_at=one.begins_at, ends_at=one.ends_at, **texts)


def drafted(*entries: RosterEntry) -> RosterDraft:
    draft = RosterDraft(())
    for one in entries:
        draft.decide(adding(one))
    return draft


def rows_of(draft: RosterDraft) -> list[RosterEntry]:
    return [one.entry for one in draft.all() if not one.is_withdrawn]


# What may stand beside what


def test_one_officer_cannot_have_one_recorder_twice_at_a_time() -> None:
    draft = drafted(row("张三", 0, 10))
    with pytest.raises(RefusedError, match="overlaps entry 1: 张三 has recorder 7 then already"):
        draft.decide(adding(row("张三", 9, 20)))
    assert rows_of(draft) == [row("张三", 0, 10)]


def test_terms_that_touch_do_not_overlap() -> None:
    assert len(rows_of(drafted(row("张三", 0, 10), row("张三", 10)))) == 2


def test_two_officers_of_one_name_are_told_apart_by_certificate_only() -> None:
    draft = drafted(row("张三", certificate="1"), row("张三", certificate="2"))
    assert len(rows_of(draft)) == 2
    with pytest.raises(RefusedError, match="overlaps"):
        draft.decide(adding(row("张三")))


def test_an_officer_may_have_two_recorders_and_a_recorder_two_officers() -> None:
    assert len(rows_of(drafted(row("张三"), row("李四"), row("张三", recorder="8")))) == 3


def test_what_stands_already_is_nothing_to_do() -> None:
    assert drafted(row("张三", 0, 5)).decide(adding(row("张三", 0, 5))) is None


def test_a_row_with_its_end_filled_in_ends_the_entry() -> None:
    draft = drafted(row("张三"))
    act = draft.decide(adding(row("张三", 0, 5)))
    assert act is not None
    assert (act.act, rows_of(draft)) == ("roster.ended", [row("张三", 0, 5)])


@pytest.mark.parametrize(
    "request_",
    [
        End(by=BY, entry_id=1, ends_at=day(0)),
        End(by=BY, entry_id=1, ends_at=day(-3)),
        Correct(by=BY, entry_id=2, reason="录错", officer="张三"),
        Correct(by=BY, entry_id=1, reason="录错", is_open=True, ends_at=day(3)),
        Add(by="station", recorder="7", officer="赵六", begins_at=day(0)),
    ],
)
def test_what_cannot_be_so_is_refused_and_changes_nothing(request_: Request) -> None:
    draft = drafted(row("张三"), row("李四"))
    with pytest.raises(RefusedError):
        draft.decide(request_)
    assert rows_of(draft) == [row("张三"), row("李四")]


def test_an_entry_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFoundError):
        drafted().decide(Withdraw(by=BY, entry_id=3, reason="录错"))


def test_a_correction_moves_an_entry_to_another_recorder() -> None:
    draft = drafted(row("张三"))
    draft.decide(Correct(by=BY, entry_id=1, reason="录错", recorder="8"))
    assert ([*draft.live("7")], [one.entry.officer for one in draft.live("8")]) == ([], ["张三"])


def test_a_withdrawn_entry_names_nobody_and_its_number_is_never_given_again() -> None:
    draft = drafted(row("张三"))
    draft.decide(Withdraw(by=BY, entry_id=1, reason="录错"))
    act = draft.decide(adding(row("张三")))
    assert act is not None
    assert act.data["entry_id"] == 2
    with pytest.raises(RefusedError, match="withdrawn"):
        draft.decide(End(by=BY, entry_id=1, ends_at=day(3)))


def test_every_act_carries_the_row_before_and_after_it() -> None:
    act = drafted(row("张三")).decide(Correct(by=BY, entry_id=1, reason="证号录错", certificate="2102"))
    assert act is not None
    assert (act.data["before"]["certificate"], act.data["after"]["certificate"]) == ("", "2102")
    assert (act.actor, act.data["reason"]) == (BY, "证号录错")


def test_an_act_that_does_not_follow_on_what_stands_cannot_show() -> None:
    act = drafted(row("张三")).decide(End(by=BY, entry_id=1, ends_at=day(3)))
    assert act is not None
    with pytest.raises(RefusedError, match="not as the act found it"):
        applied(Standing(1, row("李四")), act)


officers, spans = st.sampled_from(["张三", "李四"]), st.integers(0, 12)
requests = st.one_of(
    st.builds(
        lambda officer, first, length, recorder: adding(row(officer, first, length and first + length, recorder)),
        officers, spans, st.none() | st.integers(1, 6), st.sampled_from(["7", "8"]),
    ),
    st.builds(lambda entry, last: End(by=BY, entry_id=entry, ends_at=day(last)), st.integers(1, 5), spans),
    st.builds(
        lambda entry, officer, first: Correct(
            by=BY, entry_id=entry, reason="录错", officer=officer, begins_at=day(first)
        ),
        st.integers(1, 5), officers, spans,
    ),
    st.builds(lambda entry: Withdraw(by=BY, entry_id=entry, reason="录错"), st.integers(1, 5)),
)  # fmt: skip


def entered(asked: list[Request]) -> tuple[RosterDraft, list[Act]]:
    draft, acts = RosterDraft(()), []
    for request in asked:
        try:
            act = draft.decide(request)
        except (RefusedError, NotFoundError):
            continue
        acts += [act] if act is not None else []
    return draft, acts


@settings(max_examples=120, deadline=None)
@given(st.lists(requests, max_size=14))
def test_whatever_is_asked_no_officer_has_a_recorder_twice_at_any_time(asked: list[Request]) -> None:
    rows = rows_of(entered(asked)[0])
    for moment in (day(number) + dt.timedelta(hours=1) for number in range(-1, 20)):
        for recorder in ("7", "8"):
            named = [one.officer for one in Roster(tuple(rows)).officers_of(recorder, moment)]
            assert len(named) == len(set(named))


@settings(max_examples=80, deadline=None)
@given(st.lists(requests, max_size=14))
def test_the_acts_alone_make_the_same_register_again(asked: list[Request]) -> None:
    draft, acts = entered(asked)
    again: dict[int, Standing] = {}
    for act in acts:
        after = applied(again.get(act.data["entry_id"]), act)
        again[after.entry_id] = after
    assert sorted(again.items()) == sorted((one.entry_id, one) for one in draft.all())


# The file as a door


def filed(draft: RosterDraft, *rows: RosterEntry, now: dt.datetime = NOW) -> FileChanges:
    return changes_of_file(draft, FILE, rows, now)


def verbs(changes: FileChanges) -> list[str]:
    return [act.act.removeprefix("roster.") for act in changes.acts]


def test_rows_of_the_file_are_entered_once_and_signed_with_its_name() -> None:
    draft = drafted()
    changes = filed(draft, row("张三"), row("李四"))
    assert (verbs(changes), {act.actor for act in changes.acts}) == (["entered", "entered"], {FILE})
    assert filed(draft, row("李四"), row("张三")) == FileChanges(())


def test_an_end_filled_in_ends_the_entry_and_another_change_corrects_it() -> None:
    draft = drafted()
    filed(draft, row("张三"), row("李四"))
    changes = filed(draft, row("张三", 0, 9), row("李四", certificate="2102"))
    assert sorted(verbs(changes)) == ["corrected", "ended"]
    assert rows_of(draft) == [row("张三", 0, 9), row("李四", certificate="2102")]


def test_a_name_mended_in_the_file_corrects_the_entry_and_leaves_no_second_officer() -> None:
    draft = drafted()
    filed(draft, row("张山"))
    assert verbs(filed(draft, row("张三"))) == ["corrected"]
    assert rows_of(draft) == [row("张三")]


def test_a_row_taken_out_of_the_file_ends_its_entry_now() -> None:
    draft = drafted()
    filed(draft, row("张三"), row("李四"))
    assert verbs(filed(draft, row("李四"))) == ["ended"]
    assert rows_of(draft)[0].ends_at == NOW.replace(second=0)
    assert verbs(filed(draft, row("李四"))) == []


def test_a_row_that_was_over_may_leave_the_file_and_stays_in_the_roster() -> None:
    draft = drafted()
    filed(draft, row("张三", 0, 5), row("李四", 5))
    assert verbs(filed(draft, row("李四", 5))) == []
    assert row("张三", 0, 5) in rows_of(draft)


def test_a_row_whose_term_has_not_begun_is_withdrawn_when_it_leaves_the_file() -> None:
    draft = drafted()
    filed(draft, row("张三"), row("李四", 400))
    assert verbs(filed(draft, row("张三"))) == ["withdrawn"]


def test_a_row_that_comes_back_to_the_file_opens_its_entry_again() -> None:
    draft = drafted()
    filed(draft, row("张三"), row("李四"))
    filed(draft, row("李四"))
    assert verbs(filed(draft, row("张三"), row("李四"))) == ["corrected"]
    assert rows_of(draft) == [row("张三"), row("李四")]


def test_a_file_that_lost_all_its_rows_ends_nothing_and_is_told_of() -> None:
    draft = drafted()
    filed(draft, row("张三"))
    assert filed(draft) == FileChanges((), has_lost_all_rows=True)


def test_what_a_person_corrected_stays_while_the_file_says_what_it_said() -> None:
    draft = drafted()
    filed(draft, row("张三"), row("李四"))
    draft.decide(Correct(by=BY, entry_id=1, reason="录错", certificate="2102"))
    draft.decide(Withdraw(by=BY, entry_id=2, reason="录错"))
    assert filed(draft, row("张三"), row("李四")) == FileChanges(())


def test_a_file_that_takes_a_correction_over_changes_nothing() -> None:
    draft = drafted()
    filed(draft, row("张三"))
    draft.decide(Correct(by=BY, entry_id=1, reason="录错", certificate="2102"))
    assert filed(draft, row("张三", certificate="2102")) == FileChanges(())


def test_entries_of_people_are_not_ended_by_a_file_that_does_not_name_them() -> None:
    draft = drafted(row("王小明", recorder="9"))
    filed(draft, row("张三"), row("李四"))
    filed(draft, row("李四"))
    assert row("王小明", recorder="9") in rows_of(draft)


def test_a_row_of_the_file_that_contradicts_the_register_is_told_of_and_the_rest_is_entered() -> None:
    draft = drafted(row("张三", 0, 10))
    changes = filed(draft, row("张三", 5), row("李四"))
    assert verbs(changes) == ["entered"]
    ((refused, words, advice),) = changes.refused
    assert (refused, "overlaps entry 1" in words, bool(advice)) == (row("张三", 5), True, True)


tables = st.lists(
    st.builds(
        lambda officer, first, length, certificate, recorder: row(
            officer, first, length and first + length, recorder, certificate=certificate
        ),
        officers, st.integers(0, 700), st.none() | st.integers(1, 90), st.sampled_from(["", "2102"]),
        st.sampled_from(["7", "8"]),
    ),
    max_size=4,
)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(st.lists(tables, max_size=4))
def test_whatever_becomes_of_a_file_a_second_look_finds_nothing_new(versions: list[list[RosterEntry]]) -> None:
    draft = drafted()
    for number, table in enumerate(versions):
        now = NOW + dt.timedelta(days=number)
        filed(draft, *table, now=now)
        assert filed(draft, *table, now=now).acts == ()


@settings(max_examples=120, deadline=None)
@given(tables.filter(bool), tables.filter(bool))
def test_every_row_of_the_file_stands_in_the_roster_or_is_told_of(
    before: list[RosterEntry], after: list[RosterEntry]
) -> None:
    draft = drafted()
    filed(draft, *before)
    refused = {one for one, _, _ in filed(draft, *after).refused}
    assert set(after) <= set(rows_of(draft)) | refused


# Whose a recording is


def officers_of(named: list[RosterEntry], *claims: Claim, **known: bool) -> list[tuple[str, str, bool]]:
    found = attribute(named, claims, **known)
    return [(one["officer"], one["source"], one["is_doubtful"]) for one in found.officers]


ZHANG, LI = row("张三", certificate="1", user="000012"), row("李四", certificate="2", user="000013", recorder="8")


def test_the_roster_names_the_officer_and_who_agrees_confirms_it() -> None:
    claims = [Claim("file_name", "000012", (ZHANG,)), Claim("fleet_register", "张三", (ZHANG,))]
    found = attribute([ZHANG], claims)
    assert found.findings == ()
    (officer,) = found.officers
    assert (officer["officer"], officer["source"], officer["confirmed_by"]) == (
        "张三", "roster", ["file_name", "fleet_register"],
    )  # fmt: skip


@pytest.mark.parametrize("source", ["file_name", "device_info", "api", "fleet_register"])
def test_a_source_that_names_another_officer_is_a_conflict_and_both_stay(source: str) -> None:
    found = attribute([ZHANG], [Claim(source, "李四", (LI,))])
    (conflict,) = found.findings
    assert conflict.code == "identity.conflict"
    assert conflict.evidence == {
        "of": "officer", "roster": ["张三 (1)"], source: ["李四 (2)"], "said": {source: "李四"},
    }  # fmt: skip
    assert officers_of([ZHANG], Claim(source, "李四", (LI,))) == [("张三", "roster", True), ("李四", source, True)]


def test_a_name_in_chinese_that_the_roster_does_not_know_contradicts_it() -> None:
    assert attribute([ZHANG], [Claim("api", "赵六")]).findings
    assert attribute([ZHANG], [Claim("fleet_register", "赵六")]).findings


@pytest.mark.parametrize("text", ["000000", "", "admin", "user01"])
def test_what_recorders_leave_the_factory_with_contradicts_nobody(text: str) -> None:
    assert attribute([ZHANG], [Claim("file_name", text)]).findings == ()


def test_a_number_that_nobody_goes_by_contradicts_officers_that_have_their_own() -> None:
    assert attribute([ZHANG], [Claim("file_name", "000099")]).findings
    assert not attribute([replace(ZHANG, user="")], [Claim("file_name", "000099")]).findings


def test_a_number_of_one_of_several_who_share_a_recorder_is_no_conflict() -> None:
    both = [ZHANG, replace(LI, recorder="7")]
    found = attribute(both, [Claim("file_name", "000013", (LI,))])
    assert not found.findings
    assert [one["confirmed_by"] for one in found.officers] == [[], ["file_name"]]


def test_a_number_of_several_people_names_nobody() -> None:
    assert officers_of([], Claim("file_name", "000012", (ZHANG, LI))) == []


def test_without_a_roster_a_recorders_own_word_is_a_hint_and_the_fleet_register_is_not() -> None:
    assert officers_of([], Claim("file_name", "000013", (LI,))) == [("李四", "file_name", True)]
    assert officers_of([], Claim("fleet_register", "赵六")) == [("赵六", "fleet_register", False)]


def test_whom_the_roster_names_at_the_docking_is_doubtful_where_the_recordings_time_is_not_known() -> None:
    assert officers_of([ZHANG], is_time_known=False) == [("张三", "roster", True)]


def test_every_word_that_was_said_is_kept() -> None:
    found = attribute([], [Claim("file_name", "000099"), Claim("device_info", "admin")])
    assert [(one["source"], one["text"]) for one in found.claims] == [("file_name", "000099"), ("device_info", "admin")]
