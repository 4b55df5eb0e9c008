"""`ingestd explain`, `continuity`, `timeline` as people use them: real processes, a real card, a rebuilt catalogue."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ingestd.core.clauses import Basis
from ingestd.core.errors import RefusedError
from ingestd.core.explanation import (
    SAME_PLACE_S,
    Explanation,
    ExplanationState,
    FindingIdentity,
    bind,
    rules_asking,
    state_of,
)
from ingestd.core.explanation_acts import REQUEST, refuse_station
from ingestd.core.findings import Severity
from ingestd.core.interruption import InterruptionReason
from ingestd.core.regime import ExplanationRule

RULE = ExplanationRule(id="r", codes=("gap.video",), basis=Basis.LOCAL_POLICY, note="ours")
SECONDS = st.none() | st.floats(0, 4000).map(lambda value: round(value, 3))
IDENTITIES = st.builds(
    FindingIdentity,
    st.sampled_from(["gap.video", "set.gap"]),
    st.lists(st.sampled_from("abc"), min_size=1, max_size=2).map(tuple),
    SECONDS,
    SECONDS,
)


def explained(number: int, finding: FindingIdentity, **more: object) -> Explanation:
    fields = {"reason": InterruptionReason.BATTERY, "words": "x", "explained_at": "", "explained_by": "张三"} | more
    return Explanation(explanation_id=number, finding=finding, **fields)  # type: ignore[arg-type]


def document(**fields: object) -> dict[str, object]:
    shape = {"code": "gap.video", "severity": "warning", "file": None, "files": None, "start_s": 1.0, "end_s": 3.0}
    return shape | fields


def test_a_finding_analysed_anew_has_the_same_key() -> None:
    first = FindingIdentity.of(document(), recording_id="a", docking_id="d1")
    again = FindingIdentity.of(document(start_s=1.0004), recording_id="a", docking_id="d2")
    assert first.key == again.key
    assert len(first.key) == 16


@pytest.mark.parametrize("other", [{"code": "gap.audio"}, {"start_s": 2.0}, {"end_s": None}])
def test_another_code_or_place_has_another_key(other: dict[str, object]) -> None:
    of = {"recording_id": "a", "docking_id": None}
    assert FindingIdentity.of(document(), **of).key != FindingIdentity.of(document(**other), **of).key


def test_a_set_is_about_its_files_and_a_refused_entry_about_its_docking_and_path() -> None:
    of_set = FindingIdentity.of(document(files=["a", "b"]), recording_id=None, docking_id="d")
    of_entry = FindingIdentity.of(document(file="DCIM/x"), recording_id=None, docking_id="d")
    assert of_set.about == ("a", "b")
    assert of_entry.about == ("d", "DCIM/x")


@given(IDENTITIES, st.floats(-SAME_PLACE_S, SAME_PLACE_S), st.floats(-SAME_PLACE_S, SAME_PLACE_S))
def test_an_explanation_stays_with_a_finding_that_moved(one: FindingIdentity, start: float, end: float) -> None:
    def moved(second: float | None, by_s: float) -> float | None:
        return None if second is None else second + by_s * 0.99

    anew = FindingIdentity(one.code, one.about, moved(one.start_s, start), moved(one.end_s, end))
    bound, gone = bind({"9.0": anew}, [explained(1, one)])
    assert bound["9.0"].explanation_id == 1
    assert gone == ()


@given(st.lists(IDENTITIES, max_size=6), st.lists(IDENTITIES, max_size=6))
def test_no_explanation_is_lost_nor_given_to_another_finding(
    findings: list[FindingIdentity], said: list[FindingIdentity]
) -> None:
    standing = {f"{number}.0": one for number, one in enumerate(findings)}
    explanations = [explained(number, one) for number, one in enumerate(said, start=1)]
    bound, gone = bind(standing, explanations)
    used = {one.explanation_id for one in bound.values()}
    assert used | {one.explanation_id for one in gone} == {one.explanation_id for one in explanations}
    assert used.isdisjoint(one.explanation_id for one in gone)
    for finding_id, one in bound.items():
        assert one.finding.distance_s(standing[finding_id]) is not None
    for number in used:
        assert len({standing[one].key for one, given_ in bound.items() if given_.explanation_id == number}) == 1


@given(st.lists(IDENTITIES, min_size=1, max_size=5))
def test_findings_of_one_file_do_not_change_what_is_said_of_another(findings: list[FindingIdentity]) -> None:
    standing = {f"{number}.0": one for number, one in enumerate(findings)}
    explanations = [explained(number, one) for number, one in enumerate(findings, start=1)]
    whole, _ = bind(standing, explanations)
    about = findings[0].code, findings[0].about
    part, _ = bind({key: one for key, one in standing.items() if (one.code, one.about) == about}, explanations)
    assert part == {key: whole[key] for key in part}


@pytest.mark.parametrize("place", [None, 4.0, 90.0])
def test_a_truncation_stays_the_same_finding_wherever_it_is_found_to_lie(place: float | None) -> None:
    said = explained(1, FindingIdentity("file.truncated", ("a",)))
    bound, gone = bind({"1.0": FindingIdentity("file.truncated", ("a",), place)}, [said])
    assert (bound, gone) == ({"1.0": said}, ())


def test_two_neighbouring_gaps_keep_each_its_own_explanation() -> None:
    first, second = (FindingIdentity("gap.video", ("a",), at, at + 0.2) for at in (10.0, 10.4))
    bound, _ = bind({"1.0": first, "1.1": second}, [explained(1, second), explained(2, first)])
    assert (bound["1.0"].explanation_id, bound["1.1"].explanation_id) == (2, 1)


@pytest.mark.parametrize("ended", [{"withdrawn_at": "2026-03-02T00:00:00.000Z"}, {"replaced_by": 2}])
def test_what_was_withdrawn_or_replaced_explains_nothing(ended: dict[str, object]) -> None:
    one = FindingIdentity("gap.video", ("a",), 1.0, 2.0)
    assert bind({"1.0": one}, [explained(1, one, **ended)]) == ({}, ())


def test_a_finding_is_open_until_it_is_explained_and_information_is_never_asked_about() -> None:
    said = explained(1, FindingIdentity("gap.video", ("a",), 1.0, 3.0))
    assert state_of((RULE,), document(), None) is ExplanationState.OPEN
    assert state_of((RULE,), document(), said) is ExplanationState.EXPLAINED
    assert state_of((), document(), None) is ExplanationState.NOT_ASKED
    assert rules_asking((RULE,), document(severity=Severity.INFO)) == ()


@pytest.mark.parametrize(
    "fault",
    [
        {"reason": "tired"},
        {"words": " "},
        {"words": "x\x1b[2J"},
        {"by": ""},
        {"spoken_at_s": -1},
        {"reported_at": "2026-03-02T09:00"},
        {"do": "forget"},
        {"more": 1},
    ],
)
def test_a_request_that_makes_no_sense_is_refused(fault: dict[str, object]) -> None:
    sound = {"do": "explain", "finding": "abcd", "reason": "battery", "words": "x\ny", "by": "a"}
    REQUEST.validate_python(sound)
    with pytest.raises(ValidationError):
        REQUEST.validate_python(sound | fault)


def test_nobody_explains_as_the_station() -> None:
    with pytest.raises(RefusedError):
        refuse_station("station")
