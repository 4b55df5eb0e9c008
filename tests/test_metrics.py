"""/metrics, /healthz and /readyz of a real daemon, as Prometheus and a load balancer read them."""

import json
import math
import os
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ingestd.core.lifecycle import BayState, State
from tests.support.cards import Card
from tests.support.process import Daemon, Installation, Scrape, media_children, sample, scraped, wait_until
from tests.support.station import write_card

UNITS = ("_seconds", "_bytes", "_ratio")
COUNTS = ("_total", "_info")
PLAIN_NUMBERS = {
    "ingestd_activities_uncovered",
    "ingestd_ais_feed_up",
    "ingestd_cases_filing_late",
    "ingestd_cases_unfiled",
    "ingestd_feed_waiting_acts",
    "ingestd_config_reload_success",
    "ingestd_copy_limit_bays",
    "ingestd_fleet_recorders",
    "ingestd_recordings",
    "ingestd_recordings_unregistered",
    "ingestd_findings_open",
    "ingestd_findings_unexplained",
    "ingestd_dockings",
    "ingestd_hand_over_recordings",
    "ingestd_contents",
    "ingestd_queue_depth",
    "ingestd_bay_state",
    "ingestd_clock_synchronised",
    "ingestd_verify_faults",
    "ingestd_replica_reachable",
    "ingestd_replica_lock_honoured",
    "ingestd_replica_pending_objects",
    "ingestd_replica_parked_objects",
    "ingestd_replica_copies",
    "ingestd_replica_faulty_copies",
    "ingestd_replica_locked_copies",
    "ingestd_replica_held_copies",
    "ingestd_holds_standing",
    "ingestd_holds_review_overdue",
    "ingestd_recordings_without_carrier",
    "ingestd_born_expired_waiting",
    "ingestd_regime_changes_waiting",
    "ingestd_scrub_standing_faults",
    "ingestd_release_files",
    "ingestd_releases_open",
    "ingestd_disposal_due_recordings",
    "ingestd_disposal_plans",
    "ingestd_disposal_condemned",
}
"""Numbers of things and yes-or-no, which have no unit."""


@dataclass(frozen=True)
class Page:
    """One scrape of a station that has taken in the demonstration card."""

    text: str
    scrape: Scrape
    card: Card


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, demo_card: Card) -> Iterator[Page]:
    installation = Installation(tmp_path_factory.mktemp("metrics"))
    with installation.daemon() as daemon:
        assert installation.run("ingest", demo_card.root).status == 0
        status, text = daemon.get("/metrics")
        assert status == 200
        yield Page(text, scraped(text), demo_card)


def misnamed(text: str) -> list[str]:
    """Families whose names break Prometheus' rules."""
    faults = []
    for family in text_string_to_metric_families(text):
        name = family.name
        is_counter = family.type == "counter"
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            faults.append(f"{name}: characters")
        if family.samples and is_counter != all(one.name.endswith(("_total", "_created")) for one in family.samples):
            faults.append(f"{name}: _total is for counters alone")
        if not is_counter and not name.endswith((*UNITS, *COUNTS)) and name not in PLAIN_NUMBERS:
            faults.append(f"{name}: no unit")
        if not family.documentation:
            faults.append(f"{name}: no words")
        faults += [
            f"{name}: label {label}"
            for one in family.samples
            for label in one.labels
            if not re.fullmatch(r"[a-z][a-z0-9_]*", label)
        ]
    return faults


def own(text: str) -> str:
    """The lines about ingestd's own metrics."""
    return "\n".join(line for line in text.splitlines() if re.search(r"^(# \w+ )?ingestd_", line)) + "\n"


@pytest.mark.parametrize(
    "bad",
    [
        "# HELP ingestd_copy_time words\n# TYPE ingestd_copy_time gauge\ningestd_copy_time 1.0\n",
        "# HELP ingestd_files_total words\n# TYPE ingestd_files_total gauge\ningestd_files_total 1.0\n",
        '# HELP ingestd_x_bytes words\n# TYPE ingestd_x_bytes gauge\ningestd_x_bytes{Bay="1"} 1.0\n',
        "# TYPE ingestd_x_bytes gauge\ningestd_x_bytes 1.0\n",
    ],
)
def test_judge_of_names_sees_a_bad_name(bad: str) -> None:
    assert misnamed(bad)


def test_names_follow_the_rules_of_prometheus(page: Page) -> None:
    assert misnamed(own(page.text)) == []


def test_own_metrics_are_all_prefixed(page: Page) -> None:
    names = {name for name, _ in page.scrape}
    assert {name for name in names if not name.startswith("ingestd_")} == set()


def test_recordings_are_counted_in_every_state(page: Page) -> None:
    expected = dict.fromkeys(State, 0.0) | {State.CATALOGUED: float(len(page.card.truth.files))}
    assert {state: sample(page.scrape, "ingestd_recordings", state=state) for state in State} == expected


def test_bytes_copied_verified_and_held_are_the_bytes_of_the_card(page: Page) -> None:
    size = float(sum(one.size_bytes or 0 for one in page.card.truth.files))
    verified = [value for (name, _), value in page.scrape.items() if name == "ingestd_verified_bytes_total"]
    assert sample(page.scrape, "ingestd_copied_bytes_total") == size
    assert sum(verified) == size
    assert sample(page.scrape, "ingestd_content_bytes") == size


def test_copying_and_verifying_take_time_that_is_counted(page: Page) -> None:
    assert sample(page.scrape, "ingestd_copy_seconds_total") > 0
    assert sample(page.scrape, "ingestd_verify_seconds_total") > 0


def test_bay_is_in_exactly_one_state(page: Page) -> None:
    states = {state: sample(page.scrape, "ingestd_bay_state", bay="command", state=state) for state in BayState}
    assert states == {state: float(state is BayState.DONE) for state in BayState}


def test_open_findings_are_counted_by_code_and_severity(page: Page) -> None:
    expected = {one.code for one in page.card.truth.expected if one.code}
    found = {dict(labels)["code"] for name, labels in page.scrape if name == "ingestd_findings_open"}
    assert expected <= found
    assert sample(page.scrape, "ingestd_findings_open", code="gap.video", severity="warning") == 1


def test_everything_described_leaves_an_empty_queue(page: Page) -> None:
    assert sample(page.scrape, "ingestd_queue_depth") == 0
    assert sample(page.scrape, "ingestd_queue_oldest_age_seconds") == 0


def test_card_taken_in_whole_leaves_nothing_un_ingested(page: Page) -> None:
    assert sample(page.scrape, "ingestd_oldest_uningested_age_seconds") == 0


def test_hand_over_lateness_is_counted_for_every_recording(page: Page) -> None:
    states = ("due", "met", "late", "excused", "none")
    numbers = [sample(page.scrape, "ingestd_hand_over_recordings", state=state) for state in states]
    assert sum(numbers) == len(page.card.truth.files)


def test_disk_is_measured_and_its_end_forecast(page: Page, tmp_path: Path) -> None:
    room = os.statvfs(tmp_path)
    assert sample(page.scrape, "ingestd_vault_size_bytes") == room.f_blocks * room.f_frsize
    free = sample(page.scrape, "ingestd_vault_free_bytes")
    sealed = sample(page.scrape, "ingestd_content_bytes")
    assert sample(page.scrape, "ingestd_vault_full_forecast_seconds") == pytest.approx(free / sealed * 7 * 86400)


def test_clock_says_whether_it_is_disciplined(page: Page) -> None:
    assert sample(page.scrape, "ingestd_clock_synchronised") in (0, 1)


def test_acts_are_counted_as_they_stand_in_the_ledger(page: Page) -> None:
    assert sample(page.scrape, "ingestd_ledger_acts_total", act="recording.sealed") == len(page.card.truth.files)
    assert sample(page.scrape, "ingestd_ledger_acts_total", act="docking.closed") == 1


def test_fresh_station_has_numbers_for_everything_and_no_end_in_sight(tmp_path: Path) -> None:
    with Installation(tmp_path).daemon() as daemon:
        scrape = scraped(daemon.get("/metrics")[1])
    assert sample(scrape, "ingestd_recordings", state="catalogued") == 0
    assert sample(scrape, "ingestd_vault_full_forecast_seconds") == math.inf
    assert sample(scrape, "ingestd_copied_bytes_total") == 0


def test_fault_of_the_station_is_counted_with_its_moment(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    with installation.daemon() as daemon:
        before = sample(scraped(daemon.get("/metrics")[1]), "ingestd_build_info", version=_version(installation))
        assert before == 1
        assert installation.run("ingest", tmp_path / "link").status == 1
        scrape = scraped(daemon.get("/metrics")[1])
    assert sample(scrape, "ingestd_errors_total", code="refused") == 1
    started = installation.state_dir.stat().st_mtime
    assert abs(sample(scrape, "ingestd_last_error_timestamp_seconds", code="refused") - started) < 60
    assert sample(scrape, "ingestd_bay_state", bay="command", state="attention") == 1


def _version(installation: Installation) -> str:
    return installation.run("--version").out.split()[-1]


def test_files_seen_and_not_secured_have_an_age_until_they_are(tmp_path: Path) -> None:
    installation = Installation(tmp_path, copy__batch_files=1)
    card = write_card(tmp_path / "card", {f"{number:03}.bin": b"%d" % number * 300 for number in range(100)})
    with installation.daemon() as daemon:
        (installation.inbox / "x").mkdir()
        card.rename(installation.inbox / "card")
        wait_until(lambda: len(daemon.events("recording.sealed")) > 3, what="sealing")
        daemon.kill()
    with installation.daemon(log_name="second.log") as daemon:
        waiting = sample(scraped(daemon.get("/metrics")[1]), "ingestd_oldest_uningested_age_seconds")
        assert waiting > 0
        wait_until(lambda: bool(daemon.events("docking.closed")[1:]), what="the second docking")
        secured = sample(scraped(daemon.get("/metrics")[1]), "ingestd_oldest_uningested_age_seconds")
    assert secured == 0


def test_healthy_and_ready_station_says_200_in_json(tmp_path: Path) -> None:
    with Installation(tmp_path).daemon() as daemon:
        status, text = daemon.get("/healthz")
        assert status == 200
        assert set(json.loads(text)["threads"]) >= {"describe", "derive", "inbox"}
        assert all(json.loads(text)["threads"].values())
        status, text = daemon.get("/readyz")
        assert status == 200
        assert json.loads(text)["checks"] == {"room": True, "inlets": True}


def test_station_without_room_is_alive_but_not_ready(tmp_path: Path) -> None:
    installation = Installation(tmp_path, copy__keep_free_bytes=10**18)
    with installation.daemon() as daemon:
        assert daemon.get("/healthz")[0] == 200
        status, text = daemon.get("/readyz")
        assert status == 503
        assert json.loads(text)["checks"]["room"] is False


@pytest.mark.parametrize("path", ["/", "/metric", "/healthz/", "/../etc/passwd", "/%2e%2e/secret", "/api"])
def test_every_other_page_is_404(page_daemon: Daemon, path: str) -> None:
    assert page_daemon.get(path)[0] == 404


@pytest.fixture(scope="module")
def page_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with Installation(tmp_path_factory.mktemp("pages")).daemon() as daemon:
        yield daemon


def test_scrape_is_quick_and_side_effect_free(page_daemon: Daemon) -> None:
    first, second = (own(page_daemon.get("/metrics")[1]) for _ in range(2))
    moving = re.compile(r"^ingestd_vault_f\w+ .*$", re.MULTILINE)
    assert moving.sub("", first) == moving.sub("", second)


def test_killed_media_process_is_started_again_and_nobody_notices(tmp_path: Path, demo_card: Card) -> None:
    installation = Installation(tmp_path)
    warm = write_card(tmp_path / "warm", {"a.txt": b"words\n"})
    with installation.daemon() as daemon:
        assert installation.run("ingest", warm).status == 0
        wait_until(lambda: bool(media_children(daemon.pid)), what="the media process")
        for child in media_children(daemon.pid):
            os.kill(child, signal.SIGKILL)
        document = installation.json("ingest", demo_card.root)
        assert daemon.get("/healthz")[0] == 200
    assert document["outcome"] == "complete"
    assert [one["code"] for one in document["findings"] if one["code"] == "job.parked"] == []
    assert {one["recording"]["state"] for one in document["entries"]} == {"catalogued"}
