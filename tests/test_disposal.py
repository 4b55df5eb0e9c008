"""Disposal at a station: planned, approved, waited for, condemned, gone, certified; and all that refuses or spares."""

import datetime as dt
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from typer.testing import CliRunner

from ingestd.cli.app import app
from ingestd.core.approvals import ApprovalRule, ApprovedAct
from ingestd.core.clock import to_text
from ingestd.core.custody import Act
from ingestd.core.disposal_acts import Approve, Plan, Recover, Refuse
from ingestd.core.disposal_pages import certificate_page, plan_page
from ingestd.core.errors import MediaError, RefusedError, StillLockedError, StoreError
from ingestd.core.manifest import canonical_json, sha256_of
from ingestd.core.naming import derived_path
from ingestd.core.replicas import ReplicaCopy
from ingestd.daemon.disposal_operations import disposal_operations
from ingestd.daemon.disposal_work import DisposalCollector
from ingestd.pipeline.parts import while_held
from ingestd.retention.dispose import dispose
from ingestd.retention.plan import ApprovedPlan
from ingestd.stores.chronicle import rebuild
from ingestd.stores.immutable import set_immutable
from tests.support.disposal import BEHIND_THE_TERM, FIRST_DAY, Archive, MovableClock, archive
from tests.support.station import Station, build_station, dock, write_card

A, B, C = "DCIM/a.mp4", "DCIM/b.mp4", "DCIM/c.mp4"
FILES: dict[str | bytes, bytes] = {A: b"first footage", B: b"second footage, longer"}
TWO_YEARS = 730


@pytest.fixture(scope="module")
def aged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Station, dict[str, str]]:
    """Recordings A and B, whose term is over, and C of another recorder, of A's bytes, that came two years later."""
    folder = tmp_path_factory.mktemp("aged")
    station = build_station(folder / "station", disposal__enabled=True, disposal__max_share_percent=100.0)
    with archive(station) as one:
        ids = one.take_in(folder / "card", FILES)
        one.wait(days=TWO_YEARS)
        ids |= one.take_in(folder / "other", {C: FILES[A]})
        one.wait(days=BEHIND_THE_TERM.days - TWO_YEARS)
    return station, ids


@pytest.fixture
def old(aged: tuple[Station, dict[str, str]], tmp_path: Path) -> Iterator[Archive]:
    """A copy of that station, on the day after."""
    shutil.copytree(aged[0].root, tmp_path / "station")
    with archive(Station(tmp_path / "station"), MovableClock(FIRST_DAY + BEHIND_THE_TERM)) as one:
        one.ids = aged[1]
        yield one


def stands(old: Archive, name: str) -> bool:
    return old.path_of(old.ids[name]).exists()


def certificate_of(old: Archive, number: str) -> Any:
    plan = old.book.plan(number)
    data = old.parts.vault.read_bytes(plan.certificate or "")
    assert sha256_of(data) == plan.certificate_sha256
    return json.loads(data)


def refusal(old: Archive, number: str) -> str:
    """Why a plan is not carried out; nothing is gone."""
    with pytest.raises(RefusedError) as caught:
        old.run(number)
    assert stands(old, B)
    return caught.value.message


def ready(old: Archive, **fields: Any) -> str:
    """A plan that is approved and waited for."""
    number = old.planned(**fields)
    old.approved(number)
    old.wait(days=8)
    return number


# What is destroyed


def test_what_is_planned_approved_and_waited_for_is_destroyed_and_certified(old: Archive) -> None:
    number = old.dispose_of_all()
    certificate = certificate_of(old, number)
    assert not stands(old, B)
    assert {one["recording_id"] for one in certificate["destroyed"]} == {old.ids[A], old.ids[B]}
    assert certificate["bases"][0]["article"] == "第二十九条第二款"
    assert [one["by"] for one in certificate["approvals"]] == ["王主任", "赵局长"]


def test_the_bytes_stay_while_another_recording_has_the_same_and_the_certificate_says_so(old: Archive) -> None:
    certificate = certificate_of(old, old.dispose_of_all())
    (shared,) = [one for one in certificate["destroyed"] if one["recording_id"] == old.ids[A]]
    assert stands(old, A)
    assert (shared["has_bytes_elsewhere"], shared["shared_with"]) == (True, [old.ids[C]])
    assert certificate["totals"]["bytes_removed"] == len(FILES[B])


def test_the_last_recording_of_some_bytes_takes_them_along(old: Archive) -> None:
    old.dispose_of_all()
    old.wait(days=TWO_YEARS)
    old.dispose_of_all()
    assert not stands(old, C)


def test_sidecars_rows_and_certificate_stay_for_ever(old: Archive) -> None:
    number = old.dispose_of_all()
    row = old.parts.catalogue.recording(old.ids[B])
    assert old.parts.vault.path(row["sidecar_path"]).is_file()
    assert row["state"] == "disposed"
    assert old.book.standing_of([old.ids[B]])[old.ids[B]]["number"] == number


def test_what_was_derived_goes_with_the_original(old: Archive) -> None:
    row = old.parts.catalogue.recording(old.ids[B])
    named, forgotten = (derived_path(row["vault_path"], suffix) for suffix in (".proxy.mp4", ".poster.jpg"))
    for path in (named, forgotten):
        old.parts.vault.path(path).parent.mkdir(parents=True, exist_ok=True)
        old.parts.vault.path(path).write_bytes(b"derived")
    made = {"docking_id": row["docking_id"], "kind": "proxy", "path": named, "sha256": "0", "size_bytes": 7}
    old.parts.chronicle.enter(Act(act="derived.made", subject=old.ids[B], data=made | {"document": {}}))
    old.dispose_of_all()
    assert not any(old.parts.vault.path(path).exists() for path in (named, forgotten))
    assert old.parts.catalogue.derived(old.ids[B]) == []


def test_nothing_is_derived_from_a_recording_whose_disposal_began(old: Archive) -> None:
    old.dispose_of_all()
    with pytest.raises(MediaError), while_held(old.ids[B], old.parts):
        pass


def test_the_condemning_stands_in_the_ledger_before_the_word_that_it_is_gone(old: Archive) -> None:
    old.dispose_of_all()
    acts = [act for act, _ in old.acts("recording.condemned", "recording.disposed", "disposal.certified")]
    assert acts == ["recording.condemned"] * 2 + ["recording.disposed"] * 2 + ["disposal.certified"]


def test_a_rebuilt_catalogue_says_the_same_of_disposals(old: Archive, tmp_path: Path) -> None:
    number = old.planned(limit=1)
    old.desk.enter(Recover(by="李档案", number=number, reason="误列"))
    old.dispose_of_all()
    station = Station(tmp_path / "station")
    before = station.tables()
    rebuild(old.parts.vault, station.catalogue_file, old.clock).engine.dispose()
    assert station.tables() == before


def test_bytes_that_come_in_again_are_a_recording_of_their_own(old: Archive, tmp_path: Path) -> None:
    old.dispose_of_all()
    again = old.take_in(tmp_path / "again", FILES)
    assert old.path_of(again[B]).read_bytes() == FILES[B]
    assert old.parts.catalogue.recording(again[B])["state"] == "catalogued"


# What is due


def test_what_is_under_its_term_is_in_no_plan(old: Archive) -> None:
    document = old.desk.enter(Plan(by="李档案", is_dry_run=True))["document"]
    assert {one["recording_id"] for one in document["recordings"]} == {old.ids[A], old.ids[B]}


def test_no_recording_is_in_two_open_plans(old: Archive) -> None:
    old.planned()
    with pytest.raises(RefusedError, match="nothing is due"):
        old.planned()


def test_what_is_held_is_in_no_plan(old: Archive) -> None:
    old.hold(old.ids[B])
    document = old.desk.enter(Plan(by="李档案", is_dry_run=True))["document"]
    assert [one["recording_id"] for one in document["recordings"]] == [old.ids[A]]


# What spares


def test_a_hold_that_comes_after_the_approval_wins_and_the_recording_is_named(old: Archive) -> None:
    number = ready(old)
    old.hold(old.ids[B])
    old.run(number)
    (kept,) = certificate_of(old, number)["kept"]
    assert stands(old, B)
    assert (kept["recording_id"], kept["why"]) == (old.ids[B], "held")


def test_a_recording_that_would_be_decided_otherwise_now_is_spared(old: Archive) -> None:
    number = ready(old)
    standing = old.parts.catalogue.recording(old.ids[B])
    later = standing["retention"] | {"keep_until": to_text(old.clock.now() + dt.timedelta(days=30))}
    data = {"docking_id": standing["docking_id"], "because": "", "before": {}, "retention": later}
    old.parts.chronicle.enter(Act(act="recording.redecided", subject=old.ids[B], data=data))
    old.run(number)
    assert stands(old, B)
    assert certificate_of(old, number)["kept"][0]["why"] == "not_due"


def test_a_recording_that_was_taken_out_in_the_grace_period_is_kept_and_named(old: Archive) -> None:
    number = ready(old)
    old.desk.enter(Recover(by="李档案", number=number, recordings=(old.ids[B][-12:],), reason="当事人申请调阅"))
    old.run(number)
    (kept,) = certificate_of(old, number)["kept"]
    assert stands(old, B)
    assert (kept["became"], kept["words"]) == ("recovered", "当事人申请调阅")


def test_a_plan_of_which_everything_is_kept_ends_without_a_certificate(old: Archive) -> None:
    number = ready(old)
    old.desk.enter(Recover(by="李档案", number=number, reason="全部恢复"))
    old.run(number)
    assert (old.book.plan(number).state, old.book.plan(number).certificate) == ("refused", None)


def test_bytes_that_are_just_being_sealed_again_are_spared(old: Archive) -> None:
    number = ready(old)
    row = old.parts.catalogue.recording(old.ids[B])
    staged = old.parts.vault.staging_folder / "x.birth.json"
    staged.write_bytes(canonical_json({"content": {"sha256": row["sha256"]}}))
    old.run(number)
    staged.unlink()
    assert stands(old, B)


# What refuses


def test_as_shipped_nothing_is_ever_destroyed(old: Archive) -> None:
    number = ready(old)
    settings = old.parts.settings
    switched_off = settings.disposal.model_copy(update={"is_enabled": False})
    old.parts = replace(old.parts, settings=settings.model_copy(update={"disposal": switched_off}))
    assert "switched off" in refusal(old, number)


@pytest.mark.parametrize(
    ("days", "is_synchronised", "words"),
    [
        pytest.param(0, False, "not synchronised", id="not synchronised"),
        pytest.param(-1, True, "before the ledger's last entry", id="set back"),
        pytest.param(20, True, "may have jumped", id="jumped ahead"),
    ],
)
def test_a_clock_that_cannot_be_trusted_refuses(old: Archive, days: int, is_synchronised: bool, words: str) -> None:
    number = ready(old)
    old.clock.move(days=days)
    old.is_synchronised = is_synchronised
    assert words in refusal(old, number)


def test_a_jump_in_the_grace_period_refuses_though_an_act_came_after_it(old: Archive) -> None:
    number = old.planned()
    old.approved(number)
    old.wait(days=40)
    assert "jumped" in refusal(old, number)


def test_nothing_goes_before_the_grace_period_is_over(old: Archive) -> None:
    number = old.planned()
    old.approved(number)
    old.wait(days=6)
    assert "grace period" in refusal(old, number)


def test_one_approval_is_not_enough(old: Archive) -> None:
    number = old.planned()
    old.desk.enter(Approve(by="王主任", number=number))
    old.wait(days=8)
    assert "waits for approval" in refusal(old, number)


def test_nobody_approves_twice_however_the_name_is_written(old: Archive) -> None:
    number = old.planned()
    old.desk.enter(Approve(by="Wang Wu", number=number))
    with pytest.raises(RefusedError, match="another person must"):
        old.desk.enter(Approve(by="ＷＡＮＧ  wu", number=number))


def test_where_the_regime_says_so_the_planner_does_not_approve(old: Archive) -> None:
    rule = ApprovalRule(act=ApprovedAct.DISPOSAL, who="分管领导", persons=1, note="本单位规定")
    old.parts = replace(old.parts, regime=old.parts.regime.model_copy(update={"approvals": (rule,)}))
    number = old.planned()
    with pytest.raises(RefusedError, match="cannot approve it"):
        old.desk.enter(Approve(by="李档案", number=number))


def test_a_plan_that_needs_more_approvals_by_now_is_not_carried_out(old: Archive) -> None:
    number = ready(old)
    rule = ApprovalRule(act=ApprovedAct.DISPOSAL, who="分管领导", persons=3, note="本单位规定")
    old.parts = replace(old.parts, regime=old.parts.regime.model_copy(update={"approvals": (rule,)}))
    assert "needs 1 more" in refusal(old, number)


def test_who_read_another_plan_does_not_approve_this_one(old: Archive) -> None:
    number = old.planned()
    with pytest.raises(RefusedError, match="not the one that stands"):
        old.desk.enter(Approve(by="王主任", number=number, plan_sha256="0" * 16))


def test_a_plan_that_was_changed_after_its_approval_is_not_carried_out(old: Archive) -> None:
    number = ready(old)
    path = old.parts.vault.path(old.book.plan(number).plan)
    path.chmod(0o640)
    path.write_bytes(path.read_bytes().replace(old.ids[A].encode(), old.ids[C].encode()))
    with pytest.raises(Exception, match="is not the plan that was approved"):
        old.run(number)
    assert stands(old, B)


def test_a_plan_of_more_than_its_share_of_the_store_is_refused(old: Archive) -> None:
    settings = old.parts.settings
    small = settings.disposal.model_copy(update={"max_share_percent": 50.0})
    old.parts = replace(old.parts, settings=settings.model_copy(update={"disposal": small}))
    with pytest.raises(RefusedError, match="more than 50 % of the store"):
        old.planned()


def test_a_refused_plan_is_carried_out_no_more(old: Archive) -> None:
    number = ready(old)
    old.desk.enter(Refuse(by="赵局长", number=number, reason="清册有误"))
    assert "ended" in refusal(old, number)


def test_a_plan_that_is_refused_while_it_begins_condemns_nothing(old: Archive) -> None:
    number = ready(old)
    proof = old.desk.proof(old.book.plan(number))
    old.desk.enter(Refuse(by="赵局长", number=number, reason="清册有误"))
    with pytest.raises(RefusedError, match="ended meanwhile"):
        dispose(proof, old.desk.means)
    assert stands(old, B)


def test_only_an_approved_plan_can_be_disposed_of() -> None:
    with pytest.raises(TypeError):
        ApprovedPlan("D2030-0001", "0", (), (), FIRST_DAY)


# What the station does by itself


def test_the_station_carries_out_what_is_approved_in_its_hours_only(old: Archive) -> None:
    settings = old.parts.settings
    at_night = settings.disposal.model_copy(update={"window": "20:00-06:00"})
    old.parts = replace(old.parts, settings=settings.model_copy(update={"disposal": at_night}))
    ready(old)
    old.desk.tick()
    assert stands(old, B)
    old.clock.move(hours=12)
    old.desk.tick()
    assert not stands(old, B)


def test_a_condemned_recording_whose_replica_is_locked_waits_and_is_certified_when_it_is_gone(old: Archive) -> None:
    store, copies = LockedStore(), [a_copy(old)]
    means = replace(old.desk.means, stores={"bucket": store}, copies_of=lambda _: copies)
    old.desk = type(old.desk)(means, old.desk.rules)
    number = ready(old)
    (waiting,) = old.run(number)["waiting"]
    assert "locked until 2031" in waiting["words"]
    assert (stands(old, B), old.book.plan(number).certificate) == (False, None)
    store.is_locked = False
    old.desk.tick()
    replicas = [one["replicas_removed"] for one in certificate_of(old, number)["destroyed"]]
    assert [{"store": "bucket", "key": "k", "version_id": "1"}] in replicas


def test_a_hold_that_comes_while_a_replica_is_locked_keeps_the_replica(old: Archive) -> None:
    store, copies = LockedStore(), [a_copy(old)]
    means = replace(old.desk.means, stores={"bucket": store}, copies_of=lambda _: copies)
    old.desk = type(old.desk)(means, old.desk.rules)
    number = ready(old)
    old.run(number)
    old.hold(old.ids[B])
    store.is_locked = False
    old.desk.tick()
    assert (store.removed, old.state(old.ids[B])) == ([], "evicted")
    assert certificate_of(old, number)["kept"][0]["why"] == "held"


def test_an_original_with_the_immutable_flag_waits_until_the_flag_is_off(old: Archive) -> None:
    path = old.path_of(old.ids[B])
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if not set_immutable(descriptor, path, to=True):
            pytest.skip("this kernel has no immutable flag on the file system of the tests")
    except StoreError:
        pytest.skip("the immutable flag needs root")
    number = ready(old)
    try:
        (waiting,) = old.run(number)["waiting"]
        assert (waiting["recording_id"], stands(old, B)) == (old.ids[B], True)
        assert old.book.plan(number).certificate is None
    finally:
        set_immutable(descriptor, path, to=False)
        os.close(descriptor)
    old.desk.tick()
    assert not stands(old, B)
    assert certificate_of(old, number)["totals"]["destroyed"] == 2


class LockedStore:
    """A store as disposal sees it: it refuses while its lock runs."""

    def __init__(self) -> None:
        self.is_locked = True
        self.removed: list[str] = []

    def remove(self, copy: ReplicaCopy) -> None:
        if self.is_locked:
            raise StillLockedError("locked", locked_until="2031-01-01")
        self.removed.append(copy.key)


def a_copy(old: Archive) -> ReplicaCopy:
    row = old.parts.catalogue.recording(old.ids[B])
    return ReplicaCopy("bucket", "k", "1", row["sha256"], row["size_bytes"], FIRST_DAY, None, True)


def test_a_card_that_is_docked_while_its_recording_is_condemned_is_sealed_anew(old: Archive, tmp_path: Path) -> None:
    store, copies = LockedStore(), [a_copy(old)]
    means = replace(old.desk.means, stores={"bucket": store}, copies_of=lambda _: copies)
    old.desk = type(old.desk)(means, old.desk.rules)
    old.run(ready(old))
    dock(write_card(tmp_path / "again", {B: FILES[B]}), old.parts)
    old.desk.tick()
    (fresh,) = old.parts.catalogue.held_contents([sha256_of(FILES[B])])
    assert old.parts.vault.path(fresh["vault_path"]).read_bytes() == FILES[B]
    assert store.removed == []


# How it is asked for


def test_the_socket_does_what_a_person_asks_for_and_says_what_came_of_it(old: Archive) -> None:
    operation = disposal_operations(old.desk)["disposal"]
    (answer,) = operation({"request": {"do": "plan", "by": "李档案"}})
    assert (answer["result"]["state"], answer["result"]["items"]) == ("planned", {"planned": 2})


def test_the_socket_refuses_what_is_no_request(old: Archive) -> None:
    with pytest.raises(RefusedError, match="not a request about disposals"):
        list(disposal_operations(old.desk)["disposal"]({"request": {"do": "burn"}}))


def test_pages_for_printing_name_every_recording_clause_and_digest(old: Archive) -> None:
    number = old.dispose_of_all()
    plan, zone = old.book.plan(number), old.parts.settings.station.zone_info
    planned = old.parts.vault.read_json(plan.plan)
    pages = plan_page(planned, plan.plan_sha256, zone), certificate_page(certificate_of(old, number), "f" * 64, zone)
    for page in pages:
        assert all(words in page for words in (number, old.ids[A], old.ids[B], "第二十九条第二款"))
    assert plan.plan_sha256 in pages[0]


def test_the_metrics_tell_what_is_due_and_what_is_planned(old: Archive) -> None:
    old.planned()
    told = {one.name: one for one in DisposalCollector(old.book, old.clock).collect()}
    assert told["ingestd_disposal_due_recordings"].samples[0].value == 2
    by_state = {one.labels["state"]: one.value for one in told["ingestd_disposal_plans"].samples}
    assert by_state == {"planned": 1, "approved": 0, "certified": 0, "refused": 0}


def test_what_is_due_is_found_through_its_own_index(old: Archive) -> None:
    told: list[str] = []

    def explain(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            plan = connection.connection.driver_connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            told.extend(row[3] for row in plan.fetchall())

    event.listen(old.parts.chronicle.engine, "before_cursor_execute", explain)
    old.book.due("2030-01-01", limit=10)
    old.book.count_due("2030-01-01")
    event.remove(old.parts.chronicle.engine, "before_cursor_execute", explain)
    assert {one for one in told if "recordings" in one} == {one for one in told if "ix_recordings_due" in one} != set()


def test_commands_show_what_was_destroyed_by_which_disposal(old: Archive, tmp_path: Path) -> None:
    number = old.dispose_of_all()
    config = str(tmp_path / "station" / "config" / "ingestd.toml")

    def told(*words: str) -> Any:
        done = CliRunner().invoke(app, [*words, "--json", "--config", config])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    assert told("retention", "certificate", number)["totals"]["destroyed"] == 2
    assert told("retention", "plans")[0]["items"] == {"disposed": 2}
    assert {one["state"] for one in told("retention", "show-plan", number)["became"]} == {"disposed"}
    assert told("show", old.ids[B])["disposal"]["number"] == number
    shown = CliRunner().invoke(app, ["show", old.ids[B], "--config", config])
    assert number in shown.stdout
