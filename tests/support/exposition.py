"""Every metric that a station can expose, by scraping a registry in which everything has happened once."""

from pathlib import Path
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry

from ingestd.config.load import load_regimes
from ingestd.core.clock import SystemClock, to_text
from ingestd.core.ids import RecordingId, Sha256
from ingestd.core.lifecycle import BayState
from ingestd.core.model import Acquired, EntryKind, PlannedFile, Progress, SourceFile, Verified
from ingestd.core.naming import card_path
from ingestd.daemon.disposal_work import DisposalCollector
from ingestd.daemon.hold_metrics import HoldCollector
from ingestd.daemon.live import LiveState
from ingestd.daemon.metrics import (
    CaseCollector,
    ExplanationCollector,
    FeedCollector,
    FleetCollector,
    LedgerCollector,
    Meters,
    RegistrationCollector,
    StationCollector,
)
from ingestd.daemon.release_work import ReleaseCollector
from ingestd.daemon.replication import ReplicaCollector, replica_values
from ingestd.daemon.scrub_work import ScrubCollector
from ingestd.daemon.term_metrics import TermCollector
from ingestd.daemon.vessels import VesselCollector
from ingestd.pipeline.replicate import Standing
from ingestd.stores.cases import CaseRegister
from ingestd.stores.database import open_for_reading
from ingestd.stores.disposal import DisposalBook
from ingestd.stores.explanations import Explanations
from ingestd.stores.fixity import FixityBook
from ingestd.stores.fleet import FleetRegister
from ingestd.stores.heads import LedgerBook
from ingestd.stores.lastverify import LastVerify
from ingestd.stores.ledger import read_entries
from ingestd.stores.registration import RegistrationBook
from ingestd.stores.releases import ReleaseBook
from ingestd.stores.replicas import ReplicaBook
from ingestd.stores.search import Catalogue
from ingestd.stores.turns import Turns
from ingestd.stores.vault import Vault

PROJECT = Path(__file__).resolve().parents[2]


def exposed_metrics(state_dir: Path) -> dict[str, tuple[str, frozenset[str]]]:
    """Names as they are exposed → type and labels. The station must have a docking, a finding, an issued recorder."""
    registry, clock = CollectorRegistry(), SystemClock()
    live = LiveState(clock)
    vault = Vault(state_dir / "vault")
    meters = Meters(registry, clock)
    source = SourceFile(0, card_path(b"a.mp4"), EntryKind.FILE, 1, None)
    acquired = Acquired(PlannedFile(source, RecordingId("x"), None), Sha256("0" * 64), 1, {}, 0.1)
    meters.count_verified(Verified(acquired, "medium", 0.1))
    meters.count_entries(list(read_entries(vault.ledger_folder)))
    meters.count_error("store", "")
    live.plugged("bay-1", "a volume")
    live.report(Progress(bay="bay-1", state=BayState.READING), "a volume")
    engine = open_for_reading(state_dir / "catalogue.sqlite3")
    catalogue = Catalogue(engine)
    registry.register(FleetCollector(FleetRegister(engine)))
    regime = load_regimes(PROJECT / "config" / "regimes")["marine"]
    registry.register(ExplanationCollector(Explanations(engine), lambda: regime))
    registry.register(VesselCollector(None))
    zone = ZoneInfo("Asia/Shanghai")
    registry.register(CaseCollector(CaseRegister(engine), lambda: (regime, zone), clock))
    registry.register(TermCollector(engine))
    registry.register(LedgerCollector(LedgerBook(engine), LastVerify(state_dir / "verified.json")))
    registry.register(HoldCollector(engine, lambda: (regime, zone), clock))
    registry.register(DisposalCollector(DisposalBook(engine), clock))
    registry.register(RegistrationCollector(RegistrationBook(engine), lambda: regime, clock))
    registry.register(FeedCollector(lambda: 0, lambda: 0.0))
    counts = ReplicaBook(engine).counts("central", to_text(clock.now()))
    values = replica_values(counts, None, Standing(), clock.now())
    registry.register(ScrubCollector(FixityBook(engine), lambda: None, clock))
    registry.register(ReleaseCollector(ReleaseBook(engine)))
    registry.register(ReplicaCollector(lambda: {"central": values}))
    registry.register(StationCollector(catalogue, vault, Turns(clock), live, clock, "0"))
    return {
        f"{family.name}_total" if family.type == "counter" else family.name: (
            family.type,
            frozenset(label for sample in family.samples for label in sample.labels),
        )
        for family in registry.collect()
    }
