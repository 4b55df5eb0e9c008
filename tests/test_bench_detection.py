"""The scorer of `python -m bench detection` counts what is missed, misplaced and false as such."""

import datetime as dt
from typing import Any

import pytest

from bench.detection.scoring import Label, Outcome, is_located, score

HOLE = Label("gap.video", "0002.mp4", 4.0, 5.0, tolerance_s=0.04)


def said(code: str = "gap.video", /, **fields: Any) -> dict[str, Any]:
    return {
        "code": code,
        "severity": "warning",
        "confidence": "certain",
        "file": "/card/DCIM/0002.mp4",
        "start_s": 4.0,
        "end_s": 5.0,
        **fields,
    }


def outcome(*reported: dict[str, Any], labels: tuple[Label, ...] = (HOLE,)) -> Outcome:
    return Outcome("a set", "a fault", labels, reported)


def counted(one: Outcome, code: str = "gap.video") -> dict[str, Any]:
    return score([one]).of(code).shares()


def test_a_finding_in_its_place_is_found_and_located() -> None:
    shares = counted(outcome(said()))
    assert (shares["precision"], shares["recall"], shares["localisation"]) == (1, 1, 1)


def test_silence_is_a_miss() -> None:
    total = score([outcome()])
    shares = total.of("gap.video").shares()
    assert (shares["recall"], shares["missed"], shares["precision"]) == (0, 1, None)
    assert total.missed == ["a set, a fault: no gap.video, but nothing"]


def test_information_alone_is_a_miss() -> None:
    assert counted(outcome(said(severity="info")))["missed"] == 1


@pytest.mark.parametrize("edge", [{"start_s": 3.9}, {"end_s": 5.1}, {"start_s": 9.0, "end_s": 10.0}])
def test_a_finding_beside_its_place_is_misplaced(edge: dict[str, Any]) -> None:
    total = score([outcome(said(**edge))])
    shares = total.of("gap.video").shares()
    assert (shares["recall"], shares["localisation"], shares["misplaced"], shares["false"]) == (1, 0, 1, 0)
    assert len(total.misplaced) == 1


def test_a_finding_without_the_span_that_the_label_has_is_misplaced() -> None:
    assert counted(outcome(said(start_s=None, end_s=None)))["misplaced"] == 1


@pytest.mark.parametrize(
    "wrong", [said(), said(code="splice.removed"), said(file="/card/DCIM/0003.mp4"), said(code="set.gap", file=None)]
)
def test_what_no_label_explains_is_false(wrong: dict[str, Any]) -> None:
    total = score([outcome(said(), wrong)])
    assert total.of(wrong["code"]).false == 1
    assert total.by_confidence()["certain"] == {"findings": 2, "precision": 0.5}
    assert len(total.false) == 1


def test_the_right_code_in_another_file_is_a_miss_and_false() -> None:
    shares = counted(outcome(said(file="/card/DCIM/0003.mp4")))
    assert (shares["missed"], shares["false"], shares["precision"]) == (1, 1, 0)


def test_of_two_findings_the_located_one_is_taken_for_the_label() -> None:
    shares = counted(outcome(said(start_s=8.0, end_s=9.0), said()))
    assert (shares["localisation"], shares["false"]) == (1, 1)


def test_anything_above_information_on_an_untouched_set_is_a_false_alarm() -> None:
    total = score([outcome(said(), labels=()), outcome(said(severity="info"), labels=())])
    assert (total.quiet_sets, total.disturbed_sets, total.of("gap.video").false) == (2, 1, 1)


def test_what_cannot_be_found_here_is_counted_apart() -> None:
    hidden = Label("content.black", "0002.mp4", 4.0, 5.0, hidden="needs decoding")
    shares = counted(outcome(labels=(hidden,)), "content.black")
    assert (shares["labels"], shares["undetectable"], shares["recall"]) == (0, 1, None)
    found = counted(outcome(said("content.black"), labels=(hidden,)), "content.black")
    assert (found["undetectable_found"], found["precision"]) == (1, 1)


@pytest.mark.parametrize(("confidence", "false"), [("likely", 0), ("certain", 1)])
def test_a_weaker_truth_is_false_only_where_it_claims_to_be_certain(confidence: str, false: int) -> None:
    jump = Label("time.jump", "0002.mp4", 4.0, 34.0, hidden="no position track", weaker=("gap.video",))
    assert counted(outcome(said(confidence=confidence), labels=(jump,)))["false"] == false


def test_sets_are_located_by_the_wall_clock() -> None:
    start = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
    label = Label("set.missing", start_utc=start, end_utc=start + dt.timedelta(seconds=12))
    right = {"start_utc": "2026-03-02T01:00:00.100Z", "end_utc": "2026-03-02T01:00:12Z"}
    assert is_located(label, right)
    assert not is_located(label, right | {"end_utc": "2026-03-02T01:00:13Z"})
