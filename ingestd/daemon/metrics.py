"""Prometheus metrics. Names follow Prometheus' rules; what each means for an office: docs/reference/metrics.md."""

import collections
import datetime as dt
import math
import threading
from collections.abc import Callable, Iterable, Sequence
from wsgiref.types import WSGIApplication
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics, make_wsgi_app
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ingestd.casework.case_questions import standings, uncovered_by_unit, unfiled_by_unit
from ingestd.core.clock import Clock, from_text, to_text
from ingestd.core.custody import Entry
from ingestd.core.explanation import ExplanationState, state_of
from ingestd.core.lifecycle import BayState, State
from ingestd.core.model import Verified
from ingestd.core.regime import Regime
from ingestd.daemon.host import is_clock_synchronised
from ingestd.daemon.live import LiveState
from ingestd.stores.cases import CaseRegister
from ingestd.stores.explanations import Explanations
from ingestd.stores.fleet import FleetRegister
from ingestd.stores.heads import LedgerBook
from ingestd.stores.lastverify import LastVerify
from ingestd.stores.registration import RegistrationBook
from ingestd.stores.search import Catalogue
from ingestd.stores.turns import Turns
from ingestd.stores.vault import Vault

_FORECAST_DAYS = 7
_REGISTRATIONS_SECONDS = 60.0


class Meters:
    """What is counted as it happens, from the start of the process."""

    def __init__(self, registry: CollectorRegistry, clock: Clock) -> None:
        self._clock = clock
        self.copied_bytes = Counter(
            "ingestd_copied_bytes", "Bytes read from recorders and written to the vault's staging.", registry=registry
        )
        self.copy_seconds = Counter(
            "ingestd_copy_seconds", "Time spent reading recorders and writing staging.", registry=registry
        )
        self.verified_bytes = Counter(
            "ingestd_verified_bytes",
            "Bytes read back and found equal, by where they were read from (medium or cache).",
            ["source"],
            registry=registry,
        )
        self.verify_seconds = Counter("ingestd_verify_seconds", "Time spent reading back.", registry=registry)
        self.acts = Counter("ingestd_ledger_acts", "Acts entered in the ledger.", ["act"], registry=registry)
        self.errors = Counter("ingestd_errors", "Faults of the station itself, by code.", ["code"], registry=registry)
        self.last_error = Gauge(
            "ingestd_last_error_timestamp_seconds", "When a fault of this code came last.", ["code"], registry=registry
        )
        self.hook_failures = Counter(
            "ingestd_bay_hook_failures", "Calls of bays.hook that failed or took too long.", registry=registry
        )
        self.feed_events = Counter("ingestd_feed_events", "Acts that the feed's receiver took.", registry=registry)
        self.feed_failures = Counter(
            "ingestd_feed_failures", "Deliveries of the feed that were not taken.", registry=registry
        )
        self.config_reload_success = Gauge(
            "ingestd_config_reload_success", "1 when the configuration on disk could be used.", registry=registry
        )
        self.config_reload_success.set(1)

    def count_verified(self, verified: Verified) -> None:
        """A file was copied and proved."""
        self.copied_bytes.inc(verified.acquired.size_bytes)
        self.copy_seconds.inc(verified.acquired.copy_seconds)
        self.verified_bytes.labels(verified.read_back).inc(verified.acquired.size_bytes)
        self.verify_seconds.inc(verified.verify_seconds)

    def count_entries(self, entries: Sequence[Entry]) -> None:
        """Acts stand in the ledger."""
        for entry in entries:
            self.acts.labels(entry.act).inc()

    def count_error(self, code: str, _: str) -> None:
        """The station could not do something."""
        self.errors.labels(code).inc()
        self.last_error.labels(code).set(self._clock.now().timestamp())


class StationCollector(Collector):
    """What is asked of the catalogue, the vault and the bays at each scrape."""

    def __init__(
        self, catalogue: Catalogue, vault: Vault, turns: Turns, live: LiveState, clock: Clock, version: str
    ) -> None:
        self._catalogue = catalogue
        self._vault = vault
        self._turns = turns
        self._live = live
        self._clock = clock
        self._version = version
        self._lock = threading.Lock()

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before the first scrape (and the registry must not ask the database for it)."""
        return []

    def collect(self) -> Iterable[Metric]:
        """All families; one scrape at a time."""
        with self._lock:
            yield from self._from_catalogue()
            yield from self._from_vault()
            yield from self._from_bays()
        yield _gauge("ingestd_clock_synchronised", "1 when NTP or PTP disciplines the clock.", is_clock_synchronised())
        yield _family("ingestd_build_info", "The running version.", ["version"], [((self._version,), 1)])

    def _from_catalogue(self) -> Iterable[Metric]:
        counts = self._catalogue.counts()
        states = {state.value: 0.0 for state in State} | {labels[0]: number for labels, number in counts["recordings"]}
        recordings = [((state,), number) for state, number in states.items()]
        yield _family("ingestd_recordings", "Recordings by state.", ["state"], recordings)
        yield _family("ingestd_findings_open", "Findings that stand.", ["code", "severity"], counts["findings"])
        yield _family("ingestd_dockings", "Dockings by outcome.", ["outcome"], counts["dockings"])
        hand_over = dict.fromkeys(("due", "met", "late", "excused", "none"), 0.0)
        hand_over |= {labels[0]: number for labels, number in counts["hand_over"]}
        rows = [((state,), number) for state, number in hand_over.items()]
        yield _family("ingestd_hand_over_recordings", "Recordings against the hand-over clock.", ["state"], rows)
        contents, size_bytes = self._catalogue.held()
        yield _gauge("ingestd_contents", "Contents in the vault.", contents)
        yield _gauge("ingestd_content_bytes", "Bytes of originals in the vault.", size_bytes)
        yield _gauge("ingestd_queue_depth", "Recordings not catalogued yet.", counts["undescribed"][0][1])
        oldest = self._catalogue.oldest()
        yield _gauge(
            "ingestd_queue_oldest_age_seconds",
            "Age of the oldest of them; 0 for none.",
            self._age(oldest["undescribed"]),
        )
        yield _gauge(
            "ingestd_oldest_uningested_age_seconds",
            "How long the oldest file that was seen on a recorder waits to be secured; 0 for none.",
            self._age(oldest["pending"]),
        )

    def _from_vault(self) -> Iterable[Metric]:
        free = self._vault.free_bytes()
        yield _gauge("ingestd_vault_free_bytes", "Room left for originals.", free)
        yield _gauge("ingestd_vault_size_bytes", "Size of the vault's file system.", self._vault.total_bytes())
        since = self._clock.now() - dt.timedelta(days=_FORECAST_DAYS)
        sealed = self._catalogue.bytes_sealed_since(to_text(since))
        days = free / (sealed / _FORECAST_DAYS) if sealed else math.inf
        yield _gauge(
            "ingestd_vault_full_forecast_seconds",
            f"Time until the vault is full at the rate of the last {_FORECAST_DAYS} days; +Inf while nothing comes in.",
            days * 86400,
        )

    def _from_bays(self) -> Iterable[Metric]:
        bays = self._live.bays()
        states = [((one.bay, state.value), 1.0 if one.state == state else 0.0) for one in bays for state in BayState]
        yield _family("ingestd_bay_state", "1 for the state that the bay is in.", ["bay", "state"], states)
        done = [((one.bay,), float(one.bytes_done)) for one in bays]
        yield _family("ingestd_bay_done_bytes", "Bytes read at the present docking.", ["bay"], done)
        total = [((one.bay,), float(one.bytes_total)) for one in bays]
        yield _family("ingestd_bay_total_bytes", "Bytes listed at the present docking.", ["bay"], total)

        words = "Bays that may write to the vault's disk at once, as it was measured to carry them best; 0 for all."
        yield _gauge("ingestd_copy_limit_bays", words, self._turns.limit or 0)

    def _age(self, moment: str | None) -> float:
        return max((self._clock.now() - from_text(moment)).total_seconds(), 0.0) if moment else 0.0


class FleetCollector(Collector):
    """What is asked of the fleet register at each scrape."""

    def __init__(self, register: FleetRegister) -> None:
        self._register = register

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before the first scrape."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Recorders by status, and when each issued one was docked last."""
        counts = [((status,), float(number)) for status, number in self._register.counts().items()]
        yield _family("ingestd_fleet_recorders", "Recorders of the fleet register by status.", ["status"], counts)
        seen = self._register.last_seen_of_issued()
        yield _family(
            "ingestd_recorder_last_docking_timestamp_seconds",
            "Last docking of a recorder that is issued, or its issue where that came later.",
            ["recorder"],
            [((number,), from_text(moment).timestamp()) for number, moment in seen.items()],
        )


class ExplanationCollector(Collector):
    """Findings that wait for a person's explanation, asked for at each scrape.

    Args:
        regime: gives the regime that is in force; it may change while the station runs.
    """

    def __init__(self, explanations: Explanations, regime: Callable[[], Regime]) -> None:
        self._explanations = explanations
        self._regime = regime

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before the first scrape."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Open findings by code; 0 for a code that is asked about and has none."""
        rules = self._regime().explain
        codes = frozenset(code for rule in rules for code in rule.codes)
        rows = self._explanations.standing_findings(codes)
        given = self._explanations.of(rows)
        states = ((row["code"], state_of(rules, row["document"], given.get(row["finding_id"]))) for row in rows)
        counts = collections.Counter(code for code, state in states if state is ExplanationState.OPEN)
        words = "Findings that the regime wants explained and nobody has explained."
        samples = [((code,), float(counts[code])) for code in sorted(codes)]
        yield _family("ingestd_findings_unexplained", words, ["code"], samples)


class CaseCollector(Collector):
    """What the open cases of each unit still lack, asked for at each scrape.

    Args:
        rules: the regime and the bureau's zone that are in force; they may change while the station runs.
    """

    def __init__(self, register: CaseRegister, rules: Callable[[], tuple[Regime, ZoneInfo]], clock: Clock) -> None:
        self._register = register
        self._rules = rules
        self._clock = clock

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before the first scrape."""
        return []

    def collect(self) -> Iterable[Metric]:
        """By unit; the empty unit is that of cases that name none, and is always there."""
        regime, zone = self._rules()
        found = standings(self._register, self._register.cases(is_open=True), regime, now=self._clock.now(), zone=zone)
        uncovered = {"": 0} | uncovered_by_unit(found)
        words = "Activities of open cases without the footage that the regime asks for."
        rows = [((unit,), float(number)) for unit, number in sorted(uncovered.items())]
        yield _family("ingestd_activities_uncovered", words, ["unit"], rows)
        unfiled = sorted(({"": (0, 0)} | unfiled_by_unit(found)).items())
        words = "Cases whose act of enforcement ended and that are not filed."
        rows = [((unit,), float(number)) for unit, (number, _) in unfiled]
        yield _family("ingestd_cases_unfiled", words, ["unit"], rows)
        words = "Those of them whose day for filing is past."
        rows = [((unit,), float(number)) for unit, (_, number) in unfiled]
        yield _family("ingestd_cases_filing_late", words, ["unit"], rows)


class RegistrationCollector(Collector):
    """Footage whose registration form lacks something, asked for at a scrape at most once a minute.

    Args:
        regime: gives the regime that is in force; it may change while the station runs.
    """

    def __init__(self, book: RegistrationBook, regime: Callable[[], Regime], clock: Clock) -> None:
        self._book = book
        self._regime = regime
        self._clock = clock
        self._lock = threading.Lock()
        self._asked_at: float | None = None
        self._counts: dict[str, int] = {}

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before the first scrape."""
        return []

    def collect(self) -> Iterable[Metric]:
        """By unit; the empty unit is what belongs to none that is known, and is always there."""
        with self._lock:
            now = self._clock.steady_seconds()
            # Every row of footage is looked at for it, which a large archive must not do for each of many scrapers.
            if self._asked_at is None or now - self._asked_at >= _REGISTRATIONS_SECONDS:
                self._counts = {"": 0} | self._book.unregistered_by_unit(self._regime().registration)
                self._asked_at = now
            rows = [((unit,), float(number)) for unit, number in sorted(self._counts.items())]
        words = "Footage whose registration lacks what the regime asks for."
        yield _family("ingestd_recordings_unregistered", words, ["unit"], rows)


class FeedCollector(Collector):
    """What waits for the feed's receiver, asked for at each scrape.

    Args:
        waiting_acts: entries of the ledger that were not looked at yet; 0 where the feed is off.
        waiting_seconds: how long the oldest act waits that the receiver did not take; 0 for none.
    """

    def __init__(self, waiting_acts: Callable[[], int], waiting_seconds: Callable[[], float]) -> None:
        self._waiting_acts = waiting_acts
        self._waiting_seconds = waiting_seconds

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before the first scrape."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Both, 0 where the feed is off."""
        words = "Acts of the ledger that the feed did not come to yet; 0 where it is off."
        yield _gauge("ingestd_feed_waiting_acts", words, self._waiting_acts())
        words = "How long the oldest act waits that the feed's receiver did not take; 0 for none."
        yield _gauge("ingestd_feed_oldest_waiting_age_seconds", words, self._waiting_seconds())


class LedgerCollector(Collector):
    """What is asked of heads and of the last verification at each scrape.

    Args:
        last_verify: reads what the last `ingestd verify` left.
    """

    def __init__(self, book: LedgerBook, last_verify: LastVerify) -> None:
        self._book = book
        self._last_verify = last_verify

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before the first scrape."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Times; 0 for what never was."""
        signed, found = self._book.last_signed(), self._last_verify.read()
        words = "When the ledger's head was signed last; 0 for never."
        at = from_text(signed["at"]).timestamp() if signed is not None else 0.0
        yield _gauge("ingestd_ledger_head_timestamp_seconds", words, at)
        words = "When `ingestd verify` ended last; 0 for never."
        at = from_text(found["at"]).timestamp() if found is not None else 0.0
        yield _gauge("ingestd_verify_timestamp_seconds", words, at)
        words = "Faults that it found."
        yield _gauge("ingestd_verify_faults", words, found["faults"] if found is not None else 0)


def _family(name: str, words: str, labels: list[str], rows: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=labels)
    for values, number in rows:
        family.add_metric(list(values), number)
    return family


def _gauge(name: str, words: str, number: float) -> Metric:
    return GaugeMetricFamily(name, words, value=float(number))


def metrics_page(registry: CollectorRegistry) -> WSGIApplication:
    """The WSGI page of a registry."""
    # A second series beside each counter, whose names would carry no unit and whose times nobody asks for.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    return make_wsgi_app(registry)
