"""What each unit still owes, as metrics: activities without footage, cases not filed, footage not registered."""

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from ingestd.core.case_requests import REQUESTS
from ingestd.core.clock import SystemClock
from ingestd.daemon.metrics import CaseCollector, RegistrationCollector
from ingestd.sim.card import CardPlan, write_card
from ingestd.stores.cases import CaseRegister
from ingestd.wiring import case_desk, open_cases, open_registrations
from tests.support.process import sample, scraped
from tests.support.station import Station, build_station

ZONE = ZoneInfo("Asia/Shanghai")


class _At(SystemClock):
    """Clocks that stand until they are moved."""

    def __init__(self, moment: dt.datetime) -> None:
        self._moment = moment
        self.steady = 0.0

    def steady_seconds(self) -> float:
        return self.steady

    def now(self) -> dt.datetime:
        return self._moment


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Station:
    """Two units: one with an inspection that nobody filmed and a case that ended on 1 March, one with nothing open."""
    station = build_station(tmp_path_factory.mktemp("duties") / "station")
    by = {"by": "张三"}
    ended = {"opened_on": "2026-02-01", "concluded_on": "2026-03-01"}
    requests = [
        {"do": "open", "number": "A-1", "unit": "一大队", **ended, **by},
        {"do": "activity", "number": "A-1", "kind": "inspection", "began_at": "2026-02-10T09:00:00+08:00", **by},
        {"do": "open", "number": "B-1", "unit": "二大队", **ended, **by},
        {"do": "close", "number": "B-1", "on": "2026-03-10", **by},
        {"do": "open", "number": "C-1", **by},
    ]
    with station.opened() as parts:
        case_desk(lambda: parts).enter(REQUESTS.validate_python(requests))
    return station


def values(station: Station, moment: dt.datetime, name: str) -> dict[str, float]:
    registry = CollectorRegistry()
    register: CaseRegister = open_cases(station.settings)
    registry.register(CaseCollector(register, lambda: (station.configuration.regime, ZONE), _At(moment)))
    scrape = scraped(generate_latest(registry).decode("utf-8"))
    return {unit: sample(scrape, name, unit=unit) for (one, _), unit in _labels(scrape) if one == name}


def _labels(scrape: dict[tuple[str, frozenset[tuple[str, str]]], float]) -> list[tuple[tuple[str, object], str]]:
    return [((name, labels), dict(labels)["unit"]) for name, labels in scrape]


def test_marine_15_an_inspection_without_footage_counts_for_its_unit_until_it_is_linked(station: Station) -> None:
    found = values(station, dt.datetime(2026, 3, 5, tzinfo=ZONE), "ingestd_activities_uncovered")
    assert found == {"": 0, "一大队": 1}


@pytest.mark.parametrize(
    ("moment", "late"),
    [
        (dt.datetime(2026, 3, 31, 23, 59, 59, tzinfo=ZONE), 0),
        (dt.datetime(2026, 4, 1, 0, 0, 0, tzinfo=ZONE), 1),
    ],
)
def test_marine_28_a_case_is_unfiled_from_its_end_and_late_behind_the_thirtieth_day(
    station: Station, moment: dt.datetime, late: int
) -> None:
    assert values(station, moment, "ingestd_cases_unfiled") == {"": 0, "一大队": 1}
    assert values(station, moment, "ingestd_cases_filing_late") == {"": 0, "一大队": late}


def test_a_station_without_cases_has_the_series_at_zero(tmp_path: Path) -> None:
    station = build_station(tmp_path / "station")
    with station.opened():
        pass
    now = dt.datetime(2026, 3, 5, tzinfo=ZONE)
    for name in ("ingestd_activities_uncovered", "ingestd_cases_unfiled", "ingestd_cases_filing_late"):
        assert values(station, now, name) == {"": 0}


def test_jiangmen_42_footage_whose_registration_lacks_something_is_counted_at_most_once_a_minute(
    tmp_path: Path,
) -> None:
    station = build_station(tmp_path / "station", station__regime="market_regulation")
    write_card(CardPlan(takes=1, segments=2, segment_seconds=1), tmp_path / "card")
    station.ingest(tmp_path / "card", is_described=True)
    registry, clock = CollectorRegistry(), _At(dt.datetime(2026, 3, 5, tzinfo=ZONE))
    book = open_registrations(station.settings)
    registry.register(RegistrationCollector(book, lambda: station.configuration.regime, clock))

    def counted() -> float:
        return sum(
            number
            for (name, _), number in scraped(generate_latest(registry).decode("utf-8")).items()
            if name == "ingestd_recordings_unregistered"
        )

    footage = counted()
    assert footage >= 2
    write_card(CardPlan(takes=1, segments=1, segment_seconds=1, seed=9), tmp_path / "more")
    station.ingest(tmp_path / "more", is_described=True)
    assert counted() == footage
    clock.steady += 60.0
    assert counted() > footage
