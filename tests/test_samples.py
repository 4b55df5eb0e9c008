"""Samples (抽检): drawn by a seed that nobody picks, from a list that was frozen before, and checkable by anybody."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.answers.samples import checked_draw
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.sample_acts import REQUESTS, item_document, item_of, sample_document, sample_of
from ingestd.core.samples import (
    Item,
    Listed,
    Outcome,
    Sample,
    SampleState,
    allocated,
    draw,
    frame_of,
    result_of,
    wanted,
    wilson,
)
from ingestd.core.stop import Stop
from ingestd.pipeline.describe import describe
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.scrub import verify_vault
from ingestd.stores.chronicle import rebuild
from ingestd.stores.samples import SampleBook
from ingestd.wiring import sample_desk
from tests.support.station import Station, build_station, dock, write_card

UNITS = st.text("abcde科队", min_size=1, max_size=3)
FRAMES = st.dictionaries(UNITS, st.integers(1, 400), min_size=1, max_size=8)
NAMES = tuple(f"0000007_0000122026030209{minute:02}00_00{minute:02}.mp4" for minute in range(1, 13))


# How many, and which


@given(FRAMES, st.integers(1, 500), st.integers(0, 20))
def test_a_sample_is_as_large_as_asked_unless_minima_or_the_list_say_otherwise(
    frame: dict[str, int], count: int, least: int
) -> None:
    minima = sum(min(least, held) for held in frame.values())
    assert sum(allocated(frame, count, least).values()) == max(minima, min(count, sum(frame.values())))


@given(FRAMES, st.integers(1, 500), st.integers(0, 20))
def test_each_unit_gives_its_minimum_and_never_more_than_it_has(frame: dict[str, int], count: int, least: int) -> None:
    found = allocated(frame, count, least)
    assert all(min(least, held) <= found[unit] <= held for unit, held in frame.items())


@given(FRAMES, st.integers(1, 500), st.integers(0, 20))
def test_a_larger_unit_never_gives_less(frame: dict[str, int], count: int, least: int) -> None:
    found = allocated(frame, count, least)
    assert all(found[a] >= found[b] for a in frame for b in frame if frame[a] > frame[b])


@given(FRAMES, st.integers(1, 500))
def test_without_minima_no_unit_is_a_whole_item_off_its_part(frame: dict[str, int], count: int) -> None:
    whole = sum(frame.values())
    taken = min(count, whole)
    found = allocated(frame, count)
    assert all(abs(found[unit] - taken * held / whole) < 1 for unit, held in frame.items())


@given(FRAMES, st.integers(1, 500), st.integers(0, 5), st.randoms())
def test_the_order_of_units_and_of_the_list_is_of_no_account(
    frame: dict[str, int], count: int, least: int, random: Any
) -> None:
    listed = [Listed(f"{unit}-{place}", unit) for unit, held in frame.items() for place in range(min(held, 9))]
    shuffled = random.sample(listed, len(listed))
    assert allocated(dict(reversed(frame.items())), count, least) == allocated(frame, count, least)
    allocation = allocated(frame_of(listed), count, least)
    assert draw(shuffled, "ab", allocation) == draw(listed, "ab", allocation)


@pytest.mark.parametrize(("share", "expected"), [(10, 2), (1, 1), (100, 11)])
def test_a_share_is_rounded_up(share: int, expected: int) -> None:
    assert wanted(11, None, share) == expected


def test_every_recording_of_a_unit_has_the_same_chance() -> None:
    """One of four by 4,000 seeds: each comes up about a thousand times (six standard deviations are allowed)."""
    listed = [Listed(name, "一科") for name in ("a", "b", "c", "d")]
    hits = [draw(listed, str(seed), {"一科": 1})[0].recording_id for seed in range(4000)]
    assert all(abs(hits.count(name) - 1000) < 165 for name in ("a", "b", "c", "d"))


# What may be said of it


def test_an_interval_is_the_one_of_the_books() -> None:
    """Newcombe 1998, table I: 81 of 263 and 15 of 148."""
    assert [round(one, 4) for one in wilson(81, 263)[2:]] == [0.2553, 0.3662]
    assert [round(one, 4) for one in wilson(15, 148)[2:]] == [0.0624, 0.1605]


def test_no_failure_among_few_is_no_proof_of_none() -> None:
    assert wilson(0, 10).low == 0.0
    assert wilson(0, 10).high > 0.25
    assert wilson(0, 0)[2:] == (0.0, 1.0)


@given(st.integers(0, 300), st.integers(0, 300))
def test_an_interval_holds_what_was_found(hits: int, more: int) -> None:
    share = wilson(hits, hits + more)
    assert 0 <= share.low <= (share.value if share.value is not None else 0) <= share.high <= 1


# At a station


@pytest.fixture(scope="module")
def docked(tmp_path_factory: pytest.TempPathFactory) -> Station:
    """A station with a dozen recordings; shared, read only."""
    root = tmp_path_factory.mktemp("docked")
    station = build_station(root / "station")
    card = write_card(root / "card", {f"DCIM/100ANDRO/{name}": name.encode() for name in NAMES})
    with station.at_work() as parts:
        dock(card, parts)
        while describe(parts):
            continue
    return station


@pytest.fixture
def station(docked: Station, tmp_path: Path) -> Station:
    """A copy of it, free to be changed."""
    shutil.copytree(docked.root, tmp_path / "station")
    return Station(tmp_path / "station")


@pytest.fixture
def parts(station: Station) -> Iterator[Parts]:
    with station.opened() as parts:
        yield parts


def enter(parts: Parts, do: str, **fields: Any) -> dict[str, Any]:
    request = {"do": do, "by": "赵敏"} | fields
    return sample_desk(lambda: parts).enter(REQUESTS.validate_python([request]))[0]


def freeze(parts: Parts, **fields: Any) -> str:
    period = {"begins": "2026-02-28T16:00:00Z", "ends": "2026-03-31T16:00:00Z", "kinds": []}
    return str(enter(parts, "freeze", **{"title": "一季度抽检", "size": 4, **period, **fields})["subject"])


def check(parts: Parts, number: str, item: int, account: str = "inspector", **wrong: str) -> dict[str, Any]:
    points = [one.id for one in parts.regime.inspection]
    answers = {one: {"verdict": "fail", "words": wrong[one]} if one in wrong else {"verdict": "pass"} for one in points}
    return enter(parts, "check", number=number, item=item, account=account, answers=answers, by="外查一")


def book(parts: Parts) -> SampleBook:
    return SampleBook(parts.chronicle.engine)


def test_anybody_can_repeat_the_draw_with_nothing_but_the_files_of_the_vault(station: Station, parts: Parts) -> None:
    """As docs/design/samples.md has it, without a line of this program."""
    number = freeze(parts)
    enter(parts, "draw", number=number)
    ledger = [json.loads(line) for file in sorted(station.vault.ledger_folder.iterdir()) for line in file.open()]
    frozen = next(one for one in ledger if one["act"] == "sample.frozen")
    drawn = next(one for one in ledger if one["act"] == "sample.drawn")
    raw = (station.vault.root / frozen["data"]["list"]).read_bytes()
    assert hashlib.sha256(raw).hexdigest() == frozen["data"]["list_sha256"]
    seed = ledger[frozen["seq"]]["hash"]
    assert ledger[frozen["seq"]]["seq"] == frozen["seq"] + 1
    keys = sorted(
        (hashlib.sha256(f"{seed}:{one}".encode()).hexdigest(), one) for one, _ in json.loads(raw)["recordings"]
    )
    assert [one["recording_id"] for one in drawn["data"]["items"]] == [one for _, one in keys[:4]]


def test_the_seed_is_the_hash_of_the_first_act_behind_the_list_whatever_it_is(parts: Parts) -> None:
    """Who waits for a better moment to draw gets the same items."""
    number = freeze(parts)
    freeze(parts, title="another")
    freeze(parts, title="yet another")
    enter(parts, "draw", number=number)
    sample = book(parts).sample(number)
    assert sample.seed_seq == sample.frozen_seq + 1
    line = parts.vault.read_bytes("ledger/000001.jsonl").splitlines()[sample.frozen_seq]
    assert sample.seed == json.loads(line)["hash"]
    assert json.loads(line)["data"]["title"] == "another"


def test_a_draw_is_not_repeated(parts: Parts) -> None:
    number = freeze(parts)
    enter(parts, "draw", number=number)
    with pytest.raises(RefusedError, match="drawn already"):
        enter(parts, "draw", number=number)


def test_the_check_of_a_draw_finds_a_changed_list_and_changed_items(station: Station, parts: Parts) -> None:
    number = freeze(parts)
    enter(parts, "draw", number=number)
    sample, items = book(parts).sample(number), book(parts).items(number)
    assert checked_draw(station.vault, sample, items).faults == ()
    others = [
        one
        for one in parts.catalogue.recordings(limit=50)
        if one["recording_id"] not in {i.recording_id for i in items}
    ]
    swapped = [item_of(item_document(items[0]) | {"recording_id": others[0]["recording_id"]}), *items[1:]]
    assert "item 1" in checked_draw(station.vault, sample, swapped).faults[0]
    path = station.vault.path(sample.list_path)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(others[0]["recording_id"].encode(), b"0" * 36))
    assert "is not the list" in checked_draw(station.vault, sample, items).faults[0]


def test_the_check_of_a_draw_finds_a_seed_that_the_ledger_does_not_have(station: Station, parts: Parts) -> None:
    number = freeze(parts)
    enter(parts, "draw", number=number)
    document = sample_document(book(parts).sample(number)) | {"seed": "0" * 64}
    faults = checked_draw(station.vault, sample_of(document), book(parts).items(number)).faults
    assert "seed" in faults[0]


def test_verify_vouches_for_the_list(station: Station, parts: Parts) -> None:
    number = freeze(parts)
    path = station.vault.path(book(parts).sample(number).list_path)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes() + b" ")
    verdict = verify_vault(station.vault, None, stop=Stop(), block_bytes=65536)
    assert [(fault.what, fault.path) for fault in verdict.faults] == [("list", f"samples/{number}/list.json")]


def test_a_list_that_a_crash_left_behind_is_in_nobodys_way(station: Station, parts: Parts) -> None:
    number = freeze(parts)
    following = f"{number[:-1]}{int(number[-1]) + 1}"
    station.vault.make_folder(f"samples/{following}")
    station.vault.write_document(f"samples/{following}/list.json", {"torn": True})
    assert freeze(parts) == following


def test_a_sample_goes_its_way_and_ends(parts: Parts) -> None:
    number = freeze(parts)
    states = [book(parts).sample(number).state]
    for do, fields in (
        ("draw", {}),
        ("assign", {"account": "inspector", "person": "外查一"}),
    ):
        states.append(SampleState(enter(parts, do, number=number, **fields)["state"]))
    outcomes = [check(parts, number, 1)["outcome"], check(parts, number, 2, appearance="未佩戴标志")["outcome"]]
    with pytest.raises(RefusedError, match="2 items are not checked"):
        enter(parts, "close", number=number)
    states.append(SampleState(enter(parts, "close", number=number, words="时间已到")["state"]))
    assert [one.value for one in states] == ["frozen", "drawn", "drawn", "closed"]
    assert outcomes == ["passed", "failed"]
    with pytest.raises(RefusedError, match="closed"):
        check(parts, number, 3)


def test_the_result_counts_what_was_checked_and_nothing_else(parts: Parts) -> None:
    number = freeze(parts)
    enter(parts, "draw", number=number)
    check(parts, number, 1)
    check(parts, number, 2, appearance="未佩戴标志")
    result = result_of(book(parts).sample(number), book(parts).items(number))
    assert (result.whole.drawn, result.whole.checked, result.whole.failing[:2]) == (4, 2, (1, 2))
    assert result.whole.points["appearance"][:2] == (1, 2)
    assert result.estimate == 0.5


def test_an_item_is_checked_by_whom_it_was_given_to(parts: Parts) -> None:
    number = freeze(parts)
    enter(parts, "draw", number=number)
    enter(parts, "assign", number=number, account="inspector", person="外查一", items=[1])
    with pytest.raises(RefusedError, match="外查一"):
        check(parts, number, 1, account="somebody")
    assert check(parts, number, 2, account="somebody")["outcome"] == "passed"
    recording = book(parts).item(number, 1).recording_id
    assert [one.item for one in book(parts).items_of(recording, "inspector")] == [1]
    assert book(parts).items_of(recording, "somebody") == []


def test_a_second_check_counts_and_the_first_is_not_forgotten(parts: Parts) -> None:
    number = freeze(parts)
    enter(parts, "draw", number=number)
    check(parts, number, 1, appearance="看错")
    check(parts, number, 1)
    assert (book(parts).item(number, 1).outcome, book(parts).item(number, 1).checks) == (Outcome.PASSED, 2)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"appearance": None}, "not answered"),
        ({"nothing": {"verdict": "pass"}}, "no point"),
        ({"appearance": {"verdict": "fail"}}, "say in words"),
    ],
)
def test_a_form_is_whole_or_it_is_not_taken(parts: Parts, change: dict[str, Any], match: str) -> None:
    number = freeze(parts)
    enter(parts, "draw", number=number)
    answers: dict[str, Any] = {one.id: {"verdict": "pass"} for one in parts.regime.inspection} | change
    answers = {point: one for point, one in answers.items() if one is not None}
    with pytest.raises((RefusedError, ValueError), match=match):
        enter(parts, "check", number=number, item=1, account="a", answers=answers)


def test_what_cannot_be_is_refused(parts: Parts) -> None:
    with pytest.raises(RefusedError, match="no footage"):
        freeze(parts, begins="2020-01-01T00:00:00Z", ends="2020-01-02T00:00:00Z")
    with pytest.raises(ValueError, match="one of the two"):
        freeze(parts, share_percent=10)
    number = freeze(parts)
    with pytest.raises(RefusedError, match="not drawn yet"):
        check_first = enter(parts, "assign", number=number, account="inspector")
        assert check_first is None
    with pytest.raises(NotFoundError):
        enter(parts, "draw", number="S2020-0001")
    enter(parts, "withdraw", number=number, reason="期间有误")
    with pytest.raises(RefusedError):
        enter(parts, "draw", number=number)


def test_the_register_is_the_same_after_the_catalogue_was_made_again(station: Station) -> None:
    with station.opened() as parts:
        number = freeze(parts, share_percent=50, size=None)
        enter(parts, "draw", number=number)
        enter(parts, "assign", number=number, account="inspector", person="外查一", items=[1, 2])
        check(parts, number, 1, civility="言语粗暴")
        enter(parts, "withdraw", number=freeze(parts), reason="重复")
        enter(parts, "close", number=number, words="其余未检")
    before = station.tables()
    assert before["sample_items"] and before["own_acts"]
    rebuild(station.vault, station.catalogue_file, parts.clock).engine.dispose()
    assert station.tables() == before


@given(st.sampled_from(list(SampleState)), st.sampled_from(list(Outcome) + [None]))
def test_what_the_catalogue_holds_reads_back_the_same(state: SampleState, outcome: Outcome | None) -> None:
    sample = Sample(
        "S2026-0001", state, "t", "a", "b", (), ("video",), 3, None, 1, {"一科": 3}, "p", "d", "c", "x", 7, ()
    )
    assert sample_of(json.loads(json.dumps(sample_document(sample)))) == sample
    item = Item("S2026-0001", 1, "r", "一科", outcome=outcome)
    assert item_of(json.loads(json.dumps(item_document(item)))) == item
