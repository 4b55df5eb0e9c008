"""Admission: footage always comes in, trouble always marks, and a clone goes to a person."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.core.findings import finding
from ingestd.core.fleet import Admission, FleetStatus, RegisterEntry, Sighting, admit
from ingestd.core.model import RecorderIdentity
from ingestd.core.settings import FleetSettings

TAKE, QUARANTINE = FleetSettings(unknown="take"), FleetSettings(unknown="quarantine")
HERE = Sighting("now", "0000007", "S1", "bay-1", "usb1/1-1", is_in_its_bay=True)
SEEN = Sighting("before", "0000007", "S1", "bay-1")


def admitted(
    entry: RegisterEntry | None,
    *others: Sighting,
    here: Sighting = HERE,
    policy: FleetSettings = TAKE,
    is_quarantined_by_inlet: bool = False,
    has_name_conflict: bool = False,
) -> Admission:
    findings = (finding("identity.conflict"),) if has_name_conflict else ()
    identity = RecorderIdentity(here.number, here.number or "unknown", (("usb_serial", here.usb_serial),), findings)
    return admit(
        identity,
        entry,
        here=here,
        others=others,
        policy=policy,
        is_quarantined_by_inlet=is_quarantined_by_inlet,
    )


def codes(admission: Admission) -> list[str]:
    return [one.code for one in admission.findings]


def test_a_known_recorder_is_an_ordinary_one() -> None:
    admission = admitted(RegisterEntry("0000007"), SEEN)
    assert admission == Admission(is_quarantined=False)
    assert not admission.needs_person
    assert admission.words_at_end(is_complete=True) == ""


@pytest.mark.parametrize("here", [HERE, replace(HERE, number=None)])
def test_policy_says_what_becomes_of_an_unknown_recorder(here: Sighting) -> None:
    assert admitted(None, here=here) == Admission(is_quarantined=False)
    held = admitted(None, here=here, policy=QUARANTINE)
    assert (held.is_quarantined, codes(held)) == (True, ["device.not_in_register"])


@pytest.mark.parametrize("status", [one for one in FleetStatus if not one.is_in_use])
@pytest.mark.parametrize("policy", [TAKE, QUARANTINE])
def test_a_recorder_that_is_not_in_use_is_quarantined_in_words(status: FleetStatus, policy: FleetSettings) -> None:
    admission = admitted(RegisterEntry("0000007", status, reason="2026-11"), policy=policy)
    assert (admission.is_quarantined, codes(admission)) == (True, ["device.blocked"])
    assert admission.findings[0].evidence == {"number": "0000007", "status": status.value, "reason": "2026-11"}
    assert status.words in admission.words_at_end(is_complete=True)


def test_the_officer_reads_that_all_is_safe_only_when_it_is() -> None:
    admission = admitted(RegisterEntry("0000007", FleetStatus.LOST))
    assert admission.words_at_end(is_complete=True) == (
        "reported lost · 已挂失: all is safe; hand the recorder to the custodian · 数据已安全，请交管理员"
    )
    assert "safe" not in admission.words_at_end(is_complete=False)
    assert "安全" not in admission.words_at_end(is_complete=False)


def test_an_inlet_that_quarantines_is_heard() -> None:
    admission = admitted(RegisterEntry("0000007"), is_quarantined_by_inlet=True)
    assert (admission.is_quarantined, codes(admission)) == (True, ["device.not_allowed"])


CLONES = {
    "one serial under two numbers": replace(SEEN, number="0000008"),
    "one number with two serials": replace(SEEN, usb_serial="S2"),
    "one number in two bays": replace(SEEN, bay="bay-2", usb_path="usb1/1-2", is_in_its_bay=True),
}


@pytest.mark.parametrize("sign", CLONES)
def test_a_clone_is_a_conflict_with_all_sources_as_evidence(sign: str) -> None:
    admission = admitted(RegisterEntry("0000007"), CLONES[sign])
    assert admission.needs_person
    assert not admission.is_quarantined
    assert codes(admission) == ["identity.conflict"]
    evidence = admission.findings[0].evidence
    assert [one["sign"] for one in evidence["conflicts"]] == [sign]
    assert evidence["conflicts"][0]["docking_id"] == "before"
    assert (evidence["number"], evidence["usb_serial"]) == ("0000007", "S1")
    assert evidence["sources"] == [["usb_serial", "S1"]]


@pytest.mark.parametrize("sign", ["one serial under two numbers", "one number with two serials"])
def test_a_serial_on_record_for_the_number_is_beyond_doubt(sign: str) -> None:
    entry = RegisterEntry("0000007", usb_serials=("S1",))
    assert not admitted(entry, CLONES[sign]).needs_person


@pytest.mark.parametrize("sign", ["one serial under two numbers", "one number with two serials"])
def test_what_a_person_vouched_for_is_not_asked_again(sign: str) -> None:
    assert not admitted(RegisterEntry("0000007"), CLONES[sign], replace(SEEN, is_vouched_for=True)).needs_person


def test_another_serial_than_the_one_on_record_is_a_conflict_at_the_first_sight() -> None:
    admission = admitted(RegisterEntry("0000007", usb_serials=("S9",)))
    assert [one["sign"] for one in admission.findings[0].evidence["conflicts"]] == ["another serial is on record"]


def test_two_volumes_of_one_device_are_one_recorder() -> None:
    second = replace(SEEN, bay="bay-1-lun-1", usb_path=HERE.usb_path, is_in_its_bay=True)
    assert not admitted(RegisterEntry("0000007"), second).needs_person


def test_a_recorder_that_went_on_to_another_bay_is_no_clone() -> None:
    assert not admitted(RegisterEntry("0000007"), replace(SEEN, bay="bay-2", usb_path="usb1/1-2")).needs_person


def test_a_recorder_without_a_number_contradicts_nobody() -> None:
    here = replace(HERE, number=None)
    assert not admitted(None, CLONES["one serial under two numbers"], here=here).needs_person


def test_names_that_disagree_go_to_a_person_without_a_second_finding() -> None:
    admission = admitted(RegisterEntry("0000007"), has_name_conflict=True)
    assert (admission.needs_person, codes(admission)) == (True, [])


sightings = st.builds(
    Sighting,
    st.just("other"),
    st.sampled_from([None, "0000007", "0000008"]),
    st.sampled_from(["", "S1", "S2"]),
    st.sampled_from(["bay-1", "bay-2"]),
    st.sampled_from(["", "usb1/1-1", "usb1/1-2"]),
    st.booleans(),
)
entries = st.none() | st.builds(
    RegisterEntry,
    st.just("0000007"),
    st.sampled_from(FleetStatus),
    usb_serials=st.lists(st.sampled_from(["S1", "S2"]), unique=True).map(tuple),
)


@given(entries, st.lists(sightings, max_size=4), st.sampled_from([TAKE, QUARANTINE]), st.booleans(), st.booleans())
def test_every_docking_is_admitted_and_a_mark_always_has_words(
    entry: RegisterEntry | None, others: list[Sighting], policy: FleetSettings, by_inlet: bool, by_name: bool
) -> None:
    admission = admitted(entry, *others, policy=policy, is_quarantined_by_inlet=by_inlet, has_name_conflict=by_name)
    assert isinstance(admission, Admission), "there is no refusal"
    assert admission.needs_person == bool(admission.reason)
    assert not admission.is_quarantined or admission.findings


@given(entries, st.lists(sightings, max_size=3), sightings, st.booleans(), st.booleans())
def test_more_trouble_never_turns_a_mark_off(
    entry: RegisterEntry | None, others: list[Sighting], more: Sighting, by_inlet: bool, by_name: bool
) -> None:
    before = admitted(entry, *others, is_quarantined_by_inlet=by_inlet, has_name_conflict=by_name)
    worse = [
        admitted(entry, *others, more, is_quarantined_by_inlet=by_inlet, has_name_conflict=by_name),
        admitted(entry, *others, is_quarantined_by_inlet=True, has_name_conflict=by_name),
        admitted(entry, *others, is_quarantined_by_inlet=by_inlet, has_name_conflict=True),
        admitted(entry, *others, policy=QUARANTINE, is_quarantined_by_inlet=by_inlet, has_name_conflict=by_name),
        admitted(
            replace(entry or RegisterEntry("0000007"), status=FleetStatus.LOST),
            *others,
            is_quarantined_by_inlet=by_inlet,
            has_name_conflict=by_name,
        ),
    ]
    for after in worse:
        assert after.is_quarantined >= before.is_quarantined
        assert after.needs_person >= before.needs_person
