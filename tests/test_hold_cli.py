"""Holds and carriers on the command line and over the station's socket."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingestd.cli.hold import point_scope
from ingestd.core.errors import RefusedError
from ingestd.daemon.hold_metrics import HoldCollector
from ingestd.daemon.hold_operations import hold_operations
from ingestd.pipeline.describe import describe
from ingestd.pipeline.parts import Parts
from ingestd.wiring import carrier_desk, hold_desk, open_holds
from tests.support.process import Done, Installation
from tests.support.station import dock, write_card

NAME = "0000007_00001220260302090000_0001.mp4"
BASIS = ("--basis", "行政复议〔2026〕3号", "--review", "2099-01-01", "--by", "王五")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A station with one recording; shared, each test leaves what it placed."""
    root = tmp_path_factory.mktemp("holds")
    installation = Installation(root / "station")
    with installation.station.at_work() as parts:
        dock(write_card(root / "card", {f"DCIM/100ANDRO/{NAME}": b"footage"}), parts)
        while describe(parts):
            continue
    return installation


@pytest.fixture
def parts(installation: Installation) -> Iterator[Parts]:
    with installation.station.opened() as parts:
        yield parts


def refused(done: Done, words: str) -> None:
    assert done.status == 1, done
    assert words in done.err
    assert "Traceback" not in done.err


def test_a_hold_from_its_placing_to_its_release(installation: Installation) -> None:
    run = installation.run
    shown = run("hold", "place", "--reason", "dispute", "--recording", NAME, *BASIS, "--dry-run")
    assert "It would cover 1 recording" in shown.out
    placed = installation.json("hold", "place", "--reason", "dispute", "--recording", NAME, *BASIS)
    number = placed["subject"]
    (listed,) = installation.json("hold", "list", "--recording", NAME)
    assert (listed["hold_id"], listed["requester"], listed["recordings"]) == (number, "王五", 1)
    assert installation.station.catalogue().recording(NAME)["keep_until"] is None
    assert "待另一人批准" in run("hold", "release", number, "--reason", "复议终结", "--by", "王五").out
    refused(run("hold", "release", number, "--approve", "--by", "王五"), "another person must")
    assert "已解除" in run("hold", "release", number, "--approve", "--by", "赵六").out
    assert installation.station.catalogue().recording(NAME)["keep_until"] is not None
    told = installation.json("hold", "show", number)
    assert told["released_by"] == ["王五", "赵六"]
    assert [one["act"] for one in told["history"]] == ["hold.placed", "hold.release_requested", "hold.released"]


def test_what_cannot_be_placed_is_refused_in_plain_words(installation: Installation) -> None:
    window = ("--from", "2026-03-02", "--to", "2026-03-01")
    refused(
        installation.run("hold", "place", "--reason", "dispute", "--officer", "李四", *window, *BASIS), "before since"
    )
    with pytest.raises(RefusedError, match="is no point"):
        point_scope("here", 5)
    with pytest.raises(RefusedError, match="needs a radius"):
        point_scope("38.9,121.6", None)
    assert point_scope("38.9, 121.6", 5) == {"kind": "place", "latitude": 38.9, "longitude": 121.6, "radius_m": 5}


def test_people_see_holds_carriers_and_suggestions_in_two_languages(installation: Installation) -> None:
    run = installation.run
    placed = installation.json("hold", "place", "--reason", "obstruction", "--recording", NAME, *BASIS)
    assert "保存中" in run("hold", "list").out
    assert "已复核" in run("hold", "review", placed["subject"], "--next", "2099-06-01", "--by", "王五").out
    entered = run("carrier", "enter", "GP-1", "--kind", "disc", "--hold", placed["subject"], "--by", "王五")
    assert "1 recording" in entered.out
    assert "光盘" in run("carrier", "show", "GP-1").out
    assert installation.json("carrier", "due") == [], "海洋 29 wants evidence on disc, and this is none"


def test_a_suggestion_is_accepted_with_the_complaint_as_its_basis(installation: Installation) -> None:
    run = installation.run
    about = ("--officer", "李四/210001", "--from", "2026-03-02T09:00", "--received", "2026-03-03")
    run("complaint", "add", "2026-017", *about, "--by", "李四")
    (one,) = installation.json("hold", "suggest")
    assert (one["complaint"], one["scopes"][0]["kind"], one["scopes"][0]["name"]) == ("2026-017", "officer", "李四")
    accepted = run("hold", "suggest", "--accept", "2026-017", "--review", "2099-01-01", "--by", "王五")
    assert "已登记长期保存" in accepted.out, accepted
    (held,) = open_holds(installation.station.settings).of_complaint("2026-017")
    assert (held.reason, held.basis) == ("dispute", "complaint 2026-017 · 投诉举报 2026-017")
    assert installation.json("hold", "suggest") == []


def asked(parts: Parts, operation: str, document: dict[str, Any]) -> Any:
    (answer,) = hold_operations(hold_desk(lambda: parts), carrier_desk(lambda: parts))[operation](document)
    return answer["result"]


def test_the_station_does_the_same_over_its_socket(parts: Parts) -> None:
    recording = parts.catalogue.recording(NAME)["recording_id"]
    request = {"do": "place", "by": "王五", "reason": "dispute", "basis": "…", "review_on": "2099-01-01"}
    scope = {"kind": "recordings", "recordings": [recording]}
    (answer,) = asked(parts, "hold", {"op": "hold", "requests": [request | {"scope": scope}]})
    assert answer["recordings"] == 1
    written = {"do": "enter", "by": "王五", "number": "GP-9", "kind": "disc", "hold": answer["subject"]}
    assert asked(parts, "carrier", {"op": "carrier", "requests": [written]})[0]["recordings"] == 1
    with pytest.raises(RefusedError, match="not a request to holds"):
        asked(parts, "hold", {"op": "hold", "requests": [request]})


def test_the_metrics_count_holds_reviews_and_what_lacks_a_carrier(parts: Parts, tmp_path: Path) -> None:
    regime, zone = parts.regime, parts.settings.station.zone_info
    found = {
        metric.name: metric
        for metric in HoldCollector(parts.chronicle.engine, lambda: (regime, zone), parts.clock).collect()
    }
    standing = {one.labels["reason"]: one.value for one in found["ingestd_holds_standing"].samples}
    assert set(standing) == {"dispute", "obstruction", "mass_event", "other"}
    assert found["ingestd_holds_review_overdue"].samples[0].value == 0
    assert [one.labels["rule"] for one in found["ingestd_recordings_without_carrier"].samples] == ["evidence_disc"]
