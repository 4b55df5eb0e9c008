"""Holds at a real station: what they keep, what comes into them later, and that nothing but two people ends one."""

import contextlib
import datetime as dt
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ingestd.casework.hold_suggestions import open_suggestions
from ingestd.core import case_requests
from ingestd.core.custody import Act
from ingestd.core.errors import NotFoundError, RefusedError, StoreError
from ingestd.core.hold_acts import REQUESTS
from ingestd.core.holds import CaseScope, Judgement, OfficerScope, RecordingsScope, covers
from ingestd.core.lifecycle import Fate
from ingestd.core.registration_acts import Register
from ingestd.core.roster_acts import Add, Correct
from ingestd.daemon.hold_work import HoldWork
from ingestd.pipeline.describe import describe
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.run import DockingResult
from ingestd.retention.holds import HoldDesk
from ingestd.stores.cases import CaseRegister
from ingestd.stores.chronicle import rebuild
from ingestd.stores.holds import HoldBook
from ingestd.stores.search import Row
from ingestd.wiring import case_desk, hold_desk, registration_desk, roster_desk
from tests.support.clips import write_clip
from tests.support.station import Station, build_station, dock, write_card

NUMBER = "大金海罚〔2026〕12号"
FIRST, SECOND, THIRD = "20260302090000", "20260302100000", "20260309090000"
LATER, MUCH_LATER = "20260302103000", "20260310090000"
"""When recordings begin, in the bureau's zone."""
NINE, ELEVEN = "2026-03-02T09:00:00+08:00", "2026-03-02T11:00:00+08:00"
OFFICER = {"kind": "officer", "name": "李四", "since": NINE, "until": ELEVEN}
CASE = {"kind": "case", "number": NUMBER}


@pytest.fixture(scope="module")
def docked(tmp_path_factory: pytest.TempPathFactory) -> Station:
    """A station that took in three recordings of one recorder; whose it was nobody knows. Shared, read only."""
    root = tmp_path_factory.mktemp("docked")
    station = build_station(root / "station")
    with station.at_work() as parts:
        taken(parts, root / "card", FIRST, SECOND, THIRD)
    return station


@pytest.fixture
def station(docked: Station, tmp_path: Path) -> Station:
    """A copy of it, free to be changed."""
    shutil.copytree(docked.root, tmp_path / "station")
    return Station(tmp_path / "station")


@pytest.fixture
def parts(station: Station) -> Iterator[Parts]:
    with station.at_work() as parts:
        yield parts


@pytest.fixture
def desk(parts: Parts) -> HoldDesk:
    return hold_desk(lambda: parts)


def taken(parts: Parts, root: Path, *starts: str, recorder: str = "0000007", text: str = "") -> DockingResult:
    """A docking of a card with recordings that began then; `text` makes their bytes, else their names do."""
    names = [f"DCIM/100ANDRO/{recorder}_000012{start}_0001.mp4" for start in starts]
    result = dock(write_card(root, {name: (text or name).encode() for name in names}), parts)
    while describe(parts):
        continue
    return result


def row(parts: Parts, start: str, recorder: str = "0000007") -> Row:
    return parts.catalogue.recording(f"{recorder}_000012{start}_0001.mp4")


def held(parts: Parts, start: str, recorder: str = "0000007") -> bool:
    """Whether the stored decision keeps a recording for a hold; the book must say the same."""
    found = row(parts, start, recorder)
    named = [one["hold"] for one in found["retention"]["reasons"] if one.get("hold")]
    book = HoldBook(parts.chronicle.engine).of([found["recording_id"]]).get(found["recording_id"], ())
    assert [one.hold_id for one in book] == named
    assert not named or found["keep_until"] is None
    return bool(named)


def place(desk: HoldDesk, scope: dict[str, Any], by: str = "王五", **fields: Any) -> dict[str, Any]:
    request = {"do": "place", "by": by, "reason": "dispute", "basis": "行政复议〔2026〕3号", "review_on": "2099-01-01"}
    return desk.enter(REQUESTS.validate_python([request | {"scope": scope} | fields]))[0]


def say(desk: HoldDesk, do: str, hold: str, by: str, **fields: Any) -> dict[str, Any]:
    return desk.enter(REQUESTS.validate_python([{"do": do, "hold": hold, "by": by} | fields]))[0]


def release(desk: HoldDesk, hold: str) -> None:
    say(desk, "release", hold, "王五", reason="复议终结")
    say(desk, "approve", hold, "赵六")


def cases(parts: Parts, *requests: dict[str, Any]) -> None:
    asked = case_requests.REQUESTS.validate_python([{"by": "李四"} | one for one in requests])
    case_desk(lambda: parts).enter(asked)


def link(start: str, **fields: Any) -> dict[str, Any]:
    named = f"0000007_000012{start}_0001.mp4"
    return {"do": "link", "number": NUMBER, "named": named, "activity_id": None} | fields


def on_duty(parts: Parts, officer: str, recorder: str = "0000007") -> None:
    begins = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    desk = roster_desk(lambda: parts)
    desk.enter([Add(by="王五", recorder=recorder, officer=officer, begins_at=begins)])
    desk.settle()


OPEN = {"do": "open", "number": NUMBER, "cause": "无证捕捞"}


# --- placed and released ----------------------------------------------------------------------------------------------


def test_a_hold_takes_the_date_away_and_its_release_gives_it_back(parts: Parts, desk: HoldDesk, tmp_path: Path) -> None:
    before = row(parts, FIRST)["keep_until"]
    answer = place(desk, {"kind": "recordings", "recordings": [row(parts, FIRST)["recording_id"][-12:]]})
    assert answer["recordings"] == 1
    assert held(parts, FIRST)
    assert not held(parts, SECOND)
    release(desk, answer["subject"])
    assert not held(parts, FIRST)
    assert row(parts, FIRST)["keep_until"] == before is not None


def test_while_a_release_is_only_asked_for_everything_stays(parts: Parts, desk: HoldDesk, tmp_path: Path) -> None:
    number = place(desk, {"kind": "recordings", "recordings": [row(parts, FIRST)["recording_id"]]})["subject"]
    say(desk, "release", number, "王五", reason="复议终结")
    with pytest.raises(RefusedError, match="another person must"):
        say(desk, "approve", number, "王五")
    assert held(parts, FIRST)
    say(desk, "refuse", number, "赵六", reason="诉讼未了")
    assert held(parts, FIRST)


def test_two_holds_on_one_recording_each_keep_it(parts: Parts, desk: HoldDesk, tmp_path: Path) -> None:
    scope = {"kind": "recordings", "recordings": [row(parts, FIRST)["recording_id"]]}
    one, two = place(desk, scope)["subject"], place(desk, scope, reason="obstruction")["subject"]
    assert one != two
    release(desk, one)
    assert held(parts, FIRST)
    release(desk, two)
    assert not held(parts, FIRST)


def test_all_requests_of_one_call_are_entered_or_none(parts: Parts, desk: HoldDesk, tmp_path: Path) -> None:
    good: dict[str, Any] = {"do": "place", "by": "王五", "reason": "dispute", "basis": "…", "review_on": "2099-01-01"}
    good["scope"] = {"kind": "recordings", "recordings": [row(parts, FIRST)["recording_id"]]}
    bad = {"do": "approve", "by": "赵六", "hold": "H2026-0099"}
    with pytest.raises(NotFoundError):
        desk.enter(REQUESTS.validate_python([good, bad]))
    assert HoldBook(parts.chronicle.engine).holds() == []
    answers = desk.enter(REQUESTS.validate_python([good, good]))
    assert answers[0]["subject"] != answers[1]["subject"]


def test_a_dry_run_says_what_it_would_cover_and_holds_nothing(parts: Parts, desk: HoldDesk, tmp_path: Path) -> None:
    on_duty(parts, "李四")
    answer = place(desk, OFFICER, is_dry_run=True)
    assert answer == {"act": None, "subject": None, "recordings": 2, "unknown": 0}
    assert HoldBook(parts.chronicle.engine).holds() == []


def test_a_case_that_nobody_entered_is_not_held_by_a_slip_of_the_pen(parts: Parts, desk: HoldDesk) -> None:
    with pytest.raises(NotFoundError, match="not in the register"):
        place(desk, CASE)


def test_what_could_not_be_decided_is_decided_with_the_next_request(parts: Parts, tmp_path: Path) -> None:
    told: list[list[str]] = []

    def on_changed(recordings: Any) -> None:
        told.append(list(recordings))
        if len(told) == 1:
            raise StoreError("no room")

    rules = (parts.regime.holds, parts.regime.approvals, parts.settings.station.zone_info)
    desk = HoldDesk(parts.catalogue, parts.chronicle, parts.clock, lambda: rules, on_changed)
    first = row(parts, FIRST)["recording_id"]
    with pytest.raises(StoreError):
        place(desk, {"kind": "recordings", "recordings": [first]})
    assert HoldBook(parts.chronicle.engine).of([first]), "it stands, and who disposes asks the book"
    (hold,) = HoldBook(parts.chronicle.engine).standing()
    say(desk, "review", hold.hold_id, "王五", review_on="2099-02-01")
    say(desk, "review", hold.hold_id, "王五", review_on="2099-03-01")
    assert told == [[first], [first]]


# --- what comes later -------------------------------------------------------------------------------------------------


def test_what_is_docked_later_comes_into_a_hold_on_an_officer(parts: Parts, desk: HoldDesk, tmp_path: Path) -> None:
    on_duty(parts, "李四")
    assert place(desk, OFFICER)["recordings"] == 2
    taken(parts, tmp_path / "card", LATER, MUCH_LATER)
    assert held(parts, LATER)
    assert not held(parts, MUCH_LATER)


def test_what_the_roster_says_later_brings_a_recording_in(parts: Parts, desk: HoldDesk, tmp_path: Path) -> None:
    assert place(desk, OFFICER) | {"subject": None} == {
        "act": "hold.placed",
        "subject": None,
        "recordings": 0,
        "unknown": 2,
    }, "whose recorder it was nobody knows yet"
    on_duty(parts, "李四")
    assert held(parts, FIRST)


def test_what_the_roster_says_later_takes_nothing_out(parts: Parts, desk: HoldDesk, tmp_path: Path) -> None:
    on_duty(parts, "李四")
    place(desk, OFFICER)
    desk_of_roster = roster_desk(lambda: parts)
    (mine,) = [one for one in parts.roster.everything() if one.entry.officer == "李四"]
    desk_of_roster.enter([Correct(by="王五", entry_id=mine.entry_id, officer="张三", reason="误记")])
    desk_of_roster.settle()
    assert row(parts, FIRST)["tags"]["officers"][0]["officer"] == "张三"
    assert held(parts, FIRST)


def test_what_is_linked_later_comes_into_a_hold_on_a_case_and_unlinking_takes_nothing_out(
    parts: Parts, desk: HoldDesk, tmp_path: Path
) -> None:
    cases(parts, OPEN, link(FIRST))
    number = place(desk, CASE)["subject"]
    assert [held(parts, FIRST), held(parts, SECOND)] == [True, False]
    cases(parts, link(SECOND))
    assert held(parts, SECOND)
    cases(parts, {"do": "unlink", "number": NUMBER, "named": row(parts, SECOND)["recording_id"], "reason": "误"})
    assert held(parts, SECOND), "one person must not do what takes two"
    release(desk, number)
    assert [held(parts, FIRST), held(parts, SECOND)] == [False, False]


def test_what_a_person_registers_brings_a_recording_in_and_the_station_decides_it(
    parts: Parts, desk: HoldDesk, tmp_path: Path
) -> None:
    place(desk, {"kind": "place", "area": "大黑石渔港", "since": NINE, "until": ELEVEN})
    assert not held(parts, FIRST)
    request = Register(by="王五", named=(row(parts, FIRST)["recording_id"],), fields={"place": ("大黑石渔港码头",)})
    registration_desk(lambda: parts).enter(request)
    found = row(parts, FIRST)["recording_id"]
    assert HoldBook(parts.chronicle.engine).of([found]), "held at once, whatever is stored of its term"
    assert row(parts, FIRST)["keep_until"] is not None
    HoldWork(lambda: parts, lambda *_: None)._step()
    assert held(parts, FIRST)
    assert not held(parts, SECOND)


def test_the_station_looks_once_at_what_came_in_and_then_only_at_what_is_new(
    parts: Parts, desk: HoldDesk, tmp_path: Path
) -> None:
    book = HoldBook(parts.chronicle.engine)
    assert book.stale() == ([], 0)
    place(desk, {"kind": "recordings", "recordings": [row(parts, FIRST)["recording_id"]]})
    found, last = book.stale()
    assert found == []
    assert last > 0
    assert book.stale(last) == ([], last)


def test_a_stop_between_a_release_and_its_consequence_is_made_good(
    parts: Parts, desk: HoldDesk, tmp_path: Path
) -> None:
    number = place(desk, {"kind": "recordings", "recordings": [row(parts, FIRST)["recording_id"]]})["subject"]
    rules = (parts.regime.holds, parts.regime.approvals, parts.settings.station.zone_info)
    stopped = HoldDesk(parts.catalogue, parts.chronicle, parts.clock, lambda: rules)
    release(stopped, number)
    assert row(parts, FIRST)["keep_until"] is None
    HoldWork(lambda: parts, lambda *_: None)._step()
    assert not held(parts, FIRST)
    assert row(parts, FIRST)["keep_until"] is not None


# --- what it survives -------------------------------------------------------------------------------------------------


def test_the_same_card_again_is_already_held_and_stays_in_the_hold(
    parts: Parts, desk: HoldDesk, tmp_path: Path
) -> None:
    place(desk, {"kind": "recordings", "recordings": [row(parts, FIRST)["recording_id"]]})
    again = taken(parts, tmp_path / "again", FIRST)
    fates = [one["fate"] for one in parts.catalogue.sightings(again.docking_id)]
    assert fates == [Fate.ALREADY_HELD]
    assert held(parts, FIRST)


def test_the_same_bytes_of_another_recorder_are_a_recording_of_their_own_and_one_content(
    parts: Parts, desk: HoldDesk, tmp_path: Path
) -> None:
    place(desk, {"kind": "recordings", "recordings": [row(parts, FIRST)["recording_id"]]})
    taken(parts, tmp_path / "other", FIRST, recorder="0000008", text=f"DCIM/100ANDRO/0000007_000012{FIRST}_0001.mp4")
    assert held(parts, FIRST)
    assert not held(parts, FIRST, "0000008"), "its bytes live as long as the held recording does (decision 1)"
    assert row(parts, FIRST)["sha256"] == row(parts, FIRST, "0000008")["sha256"]


def test_a_catalogue_that_is_made_again_knows_every_hold_and_what_it_caught(station: Station, tmp_path: Path) -> None:
    with station.at_work() as parts:
        desk = hold_desk(lambda: parts)
        on_duty(parts, "李四")
        cases(parts, OPEN, link(FIRST))
        place(desk, CASE, words="异议")
        release(desk, place(desk, OFFICER)["subject"])
        place(desk, {"kind": "officer", "name": "李四", "since": ELEVEN})
        taken(parts, tmp_path / "second", MUCH_LATER)
        cases(parts, link(SECOND))
        cases(parts, {"do": "unlink", "number": NUMBER, "named": row(parts, SECOND)["recording_id"], "reason": "误"})
        desk.enter(REQUESTS.validate_python([{"do": "decline", "by": "王五", "complaint": "2026-1", "reason": "…"}]))
        assert held(parts, MUCH_LATER)
        assert held(parts, SECOND)
    before = station.tables()
    assert before["hold_coverage"]
    rebuild(station.vault, station.catalogue_file, parts.clock).engine.dispose()
    assert station.tables() == before


def test_an_act_that_the_catalogue_could_not_show_never_stands_in_the_ledger(parts: Parts) -> None:
    head = parts.chronicle.head
    with pytest.raises(Exception, match="cannot show"):
        parts.chronicle.enter(Act(act="hold.released", actor="李四", subject="H2026-0001", data={}))
    assert parts.chronicle.head == head


# --- complaints -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def with_clips(tmp_path_factory: pytest.TempPathFactory) -> Station:
    """A station with two short clips of one officer, an hour apart; shared, read only."""
    root = tmp_path_factory.mktemp("clips")
    station = build_station(root / "station")
    clip = write_clip(root / "clip.mp4", 1, sound=None).read_bytes()
    files: dict[str | bytes, bytes] = {
        f"DCIM/0000007_000012{start}_0001.mp4": clip + bytes(8 * place) for place, start in enumerate((FIRST, SECOND))
    }
    with station.at_work() as parts:
        on_duty(parts, "李四")
        dock(write_card(root / "card", files), parts)
        while describe(parts):
            continue
    return station


@pytest.fixture
def filmed(with_clips: Station, tmp_path: Path) -> Iterator[Parts]:
    """A copy of it, free to be changed."""
    shutil.copytree(with_clips.root, tmp_path / "filmed")
    with Station(tmp_path / "filmed").at_work() as parts:
        yield parts


def complain(parts: Parts, **fields: Any) -> None:
    cases(parts, {"do": "complaint", "number": "2026-017", "received_on": "2026-03-03", "about": "态度粗暴"} | fields)


def suggested(parts: Parts) -> list[Any]:
    register = CaseRegister(parts.chronicle.engine)
    return open_suggestions(register, HoldBook(parts.chronicle.engine), register.complaints())


def test_a_complaint_about_a_case_suggests_to_hold_it_with_the_reason(filmed: Parts) -> None:
    cases(filmed, OPEN, link(FIRST))
    complain(filmed, case_number=NUMBER)
    (one,) = suggested(filmed)
    assert one.scopes == (CaseScope(number=NUMBER),)
    ((footage, reasons),) = one.footage
    assert footage["recording_id"] == row(filmed, FIRST)["recording_id"]
    assert [reason.about for reason in reasons] == ["case"]
    assert not held(filmed, FIRST), "nothing is held by itself"


def test_a_complaint_about_an_officer_and_a_time_suggests_what_he_recorded_then(filmed: Parts) -> None:
    complain(filmed, officers=["李四"], happened_from=NINE, happened_until="2026-03-02T09:10:00+08:00")
    (one,) = suggested(filmed)
    (scope,) = one.scopes
    assert isinstance(scope, OfficerScope)
    assert [footage["recording_id"] for footage, _ in one.footage] == [row(filmed, FIRST)["recording_id"]]


def test_what_only_stands_near_a_complaint_is_named_by_itself(filmed: Parts) -> None:
    complain(filmed, happened_from=NINE)
    (one,) = suggested(filmed)
    assert one.scopes == (RecordingsScope(recordings=(row(filmed, FIRST)["recording_id"],)),)


def test_an_accepted_suggestion_is_open_no_more_until_new_footage_comes(filmed: Parts) -> None:
    cases(filmed, OPEN, link(FIRST))
    complain(filmed, case_number=NUMBER, happened_from="2026-03-02T10:00:00+08:00", officers=["赵六"])
    (one,) = suggested(filmed)
    desk = hold_desk(lambda: filmed)
    for scope in one.scopes:
        place(desk, scope.model_dump(mode="json"), complaint="2026-017")
    assert suggested(filmed) == []
    assert held(filmed, FIRST)
    complain(filmed, officers=["李四"])
    (again,) = suggested(filmed)
    assert [footage["recording_id"] for footage, _ in again.footage] == [row(filmed, SECOND)["recording_id"]]
    assert all(not isinstance(scope, CaseScope) for scope in again.scopes), "its case is held already"


def test_a_declined_suggestion_comes_back_only_for_other_footage(filmed: Parts) -> None:
    complain(filmed, officers=["李四"], happened_from=NINE, happened_until="2026-03-02T09:10:00+08:00")
    (one,) = suggested(filmed)
    shown = [footage["recording_id"] for footage, _ in one.footage]
    said = {"do": "decline", "by": "王五", "complaint": "2026-017", "recordings": shown, "reason": "系误投"}
    hold_desk(lambda: filmed).enter(REQUESTS.validate_python([said]))
    assert suggested(filmed) == []
    complain(filmed, happened_until="2026-03-02T10:10:00+08:00")
    (again,) = suggested(filmed)
    assert [footage["recording_id"] for footage, _ in again.footage] == [row(filmed, SECOND)["recording_id"]]


def test_a_complaint_that_names_nothing_suggests_nothing(filmed: Parts) -> None:
    complain(filmed)
    assert suggested(filmed) == []


# --- what may belong to a hold ----------------------------------------------------------------------------------------


def test_what_nobody_can_tell_is_listed_and_not_forgotten(parts: Parts, desk: HoldDesk, tmp_path: Path) -> None:
    place(desk, OFFICER)
    book = HoldBook(parts.chronicle.engine)
    (hold,) = book.standing()
    assert book.judged(hold.scope) == {
        row(parts, start)["recording_id"]: Judgement.UNKNOWN for start in (FIRST, SECOND)
    }


def test_what_has_only_the_time_of_its_docking_is_listed_for_the_window_before_it(
    parts: Parts, desk: HoldDesk, tmp_path: Path
) -> None:
    on_duty(parts, "李四")
    card = write_card(tmp_path / "card", {"DCIM/100ANDRO/notes.mp4": b"no time in its name"})
    os.utime(card / "DCIM/100ANDRO/notes.mp4", (0, 0))
    dock(card, parts)
    while describe(parts):
        continue
    timeless = parts.catalogue.recording("notes.mp4")
    assert timeless["tags"]["times_source"] == "docking"
    place(desk, OFFICER)
    book = HoldBook(parts.chronicle.engine)
    (hold,) = book.standing()
    assert book.judged(hold.scope)[timeless["recording_id"]] is Judgement.UNKNOWN
    assert book.of([timeless["recording_id"]]) == {}


def positioned(parts: Parts, start: str, north: float, east: float) -> None:
    """A track became known of a recording, a box of a hundredth of a degree."""
    found = row(parts, start)
    told = {"bounds": [north, east, north + 0.01, east + 0.01], "datums": ["WGS-84"], "fixes": 2}
    told |= {"first": {"latitude": north, "longitude": east}, "last": None, "doubtful": 0, "reasons": {}, "sources": []}
    data = {
        "docking_id": found["docking_id"],
        "because": "derived.made",
        "before": {},
        "superseded": [],
        "findings": [],
    }
    tags = found["tags"] | {"position": told}
    act = Act(act="recording.retagged", subject=found["recording_id"], data=data | {"tags": tags})
    parts.chronicle.enter(act)


def test_what_passed_a_point_is_held_also_where_its_track_becomes_known_later(parts: Parts, desk: HoldDesk) -> None:
    positioned(parts, FIRST, 38.90, 121.60)
    positioned(parts, THIRD, 39.50, 121.60)
    around = {"kind": "place", "latitude": 38.9, "longitude": 121.596, "radius_m": 400, "since": NINE}
    answer = place(desk, around)
    assert (answer["recordings"], answer["unknown"]) == (1, 1)
    assert [held(parts, start) for start in STARTS] == [True, False, False]
    positioned(parts, SECOND, 38.895, 121.59)
    HoldWork(lambda: parts, lambda *_: None)._step()
    assert [held(parts, start) for start in STARTS] == [True, True, False]


def test_a_take_is_held_by_one_of_its_recordings_and_with_what_joins_it(filmed: Parts) -> None:
    desk, first = hold_desk(lambda: filmed), row(filmed, FIRST)
    assert place(desk, {"kind": "take", "take_id": first["recording_id"]})["recordings"] == 1
    assert [held(filmed, FIRST), held(filmed, SECOND)] == [True, False]
    joined = [row(filmed, start)["recording_id"] for start in (FIRST, SECOND)]
    take = {"take_id": "00000000-0000-0000-0000-000000000000", "recordings": joined}
    data = {"recorder_key": first["recorder_key"], "considered": joined, "takes": [take], "findings": []}
    filmed.chronicle.enter(Act(act="set.assembled", subject=first["docking_id"], data=data))
    HoldWork(lambda: filmed, lambda *_: None)._step()
    assert held(filmed, SECOND), "it is of the same take now, whatever the take is called"


def test_what_is_no_take_is_not_held_as_one(parts: Parts, desk: HoldDesk) -> None:
    with pytest.raises(NotFoundError, match="no take"):
        place(desk, {"kind": "take", "take_id": row(parts, FIRST)["recording_id"]})


def test_a_review_is_due_on_its_day_and_ends_nothing(parts: Parts, desk: HoldDesk, tmp_path: Path) -> None:
    place(desk, {"kind": "recordings", "recordings": [row(parts, FIRST)["recording_id"]]}, review_on="2098-12-31")
    book = HoldBook(parts.chronicle.engine)
    assert book.to_review(dt.date(2098, 12, 30)) == []
    assert [one.hold_id for one in book.to_review(dt.date(2098, 12, 31))] == [book.standing()[0].hold_id]
    assert book.counts(dt.date(2099, 1, 1)) == ({"dispute": 1}, 1)
    assert held(parts, FIRST)


# --- in any order -----------------------------------------------------------------------------------------------------

SCOPES: tuple[dict[str, Any], ...] = (
    CASE,
    OFFICER,
    {"kind": "place", "area": "大黑石渔港", "since": NINE},
    {"kind": "recordings", "recordings": [f"0000007_000012{FIRST}_0001.mp4"]},
)
STARTS = (FIRST, SECOND, THIRD)
steps = st.one_of(
    st.tuples(st.just("place"), st.sampled_from(range(len(SCOPES)))),
    st.tuples(st.just("release"), st.integers(0, 3)),
    st.tuples(st.sampled_from(["link", "unlink", "register", "forget"]), st.sampled_from(range(len(STARTS)))),
    st.tuples(st.just("roster"), st.sampled_from(["李四", "张三"])),
    st.tuples(st.just("again"), st.none()),
)


@settings(max_examples=3, deadline=None, phases=[Phase.generate])
@given(st.lists(steps, min_size=6, max_size=10))
def test_in_no_order_does_a_hold_leave_what_it_covered_while_it_stands(
    docked: Station, tmp_path_factory: pytest.TempPathFactory, said: list[tuple[str, Any]]
) -> None:
    root = tmp_path_factory.mktemp("order") / "station"
    shutil.copytree(docked.root, root)
    station = Station(root)
    with station.at_work() as parts:
        cases(parts, OPEN)
        walk = _Walk(parts)
        for word, what in said:
            walk.step(word, what)
            walk.look()
    before = station.tables()
    rebuild(station.vault, station.catalogue_file, parts.clock).engine.dispose()
    assert station.tables() == before


class _Walk:
    """Does what is said, and remembers on its own what each standing hold ever covered."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.desk = hold_desk(lambda: parts)
        self.book = HoldBook(parts.chronicle.engine)
        self.work = HoldWork(lambda: parts, lambda *_: None)
        self.covered: dict[str, set[str]] = {}
        self.duty: int | None = None

    def step(self, word: str, what: Any) -> None:
        match word:
            case "place":
                self.covered[place(self.desk, SCOPES[what])["subject"]] = set()
            case "release":
                for number in sorted(self.covered)[what : what + 1]:
                    release(self.desk, number)
                    del self.covered[number]
            case "link":
                cases(self.parts, link(STARTS[what]))
            case "unlink":
                with contextlib.suppress(NotFoundError):
                    named = row(self.parts, STARTS[what])["recording_id"]
                    cases(self.parts, {"do": "unlink", "number": NUMBER, "named": named, "reason": "误"})
            case "register" | "forget":
                given = ("大黑石渔港",) if word == "register" else ()
                named = row(self.parts, STARTS[what])["recording_id"]
                fields = Register(by="王五", named=(named,), fields={"place": given})
                registration_desk(lambda: self.parts).enter(fields)
            case "roster":
                self._roster(what)
            case _:
                self.work = HoldWork(lambda: self.parts, lambda *_: None)

    def _roster(self, officer: str) -> None:
        if self.duty is None:
            on_duty(self.parts, officer)
            (mine,) = [one for one in self.parts.roster.everything() if one.entry.officer == officer]
            self.duty = mine.entry_id
            return
        desk = roster_desk(lambda: self.parts)
        desk.enter([Correct(by="王五", entry_id=self.duty, officer=officer, reason="误记")])
        desk.settle()

    def look(self) -> None:
        self.work._step()
        standing = {hold.hold_id: hold for hold in self.book.standing()}
        assert standing.keys() == self.covered.keys()
        rows = {start: row(self.parts, start) for start in STARTS}
        facts = self.book.facts(one["recording_id"] for one in rows.values())
        for number, hold in standing.items():
            self.covered[number] |= {one.recording_id for one in facts if covers(hold.scope, one)}
        for start, found in rows.items():
            wanted = {number for number, some in self.covered.items() if found["recording_id"] in some}
            assert held(self.parts, start) == bool(wanted)
            assert {one["hold"] for one in found["retention"]["reasons"] if one.get("hold")} == wanted
            is_linked = any(one.get("case") for one in found["retention"]["reasons"])
            assert found["keep_until"] is None if wanted else is_linked or found["keep_until"] is not None
