"""The composition root: the only file that names concrete classes and puts them together."""

import datetime as dt
import fcntl
import functools
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestd.casework.access import AccessDesk
from ingestd.casework.access import Rules as AccessRules
from ingestd.casework.accounts import AccountDesk
from ingestd.casework.bookmarks import BookmarkDesk
from ingestd.casework.cases import CaseDesk
from ingestd.casework.checklists import Checklists
from ingestd.casework.handover import DeclarationDesk
from ingestd.casework.handover_records import RecordDesk, Rules
from ingestd.casework.registers import RegisterDesk
from ingestd.casework.registration import RegistrationDesk
from ingestd.casework.roster import RosterDesk
from ingestd.casework.samples import SampleDesk
from ingestd.casework.vessels import VesselDesk, VesselMatching
from ingestd.config.credentials import read_credentials
from ingestd.config.load import Configuration
from ingestd.config.tokens import CREDENTIALS_VARIABLE
from ingestd.core.clock import SystemClock, from_text, to_text
from ingestd.core.configfacts import configuration_facts
from ingestd.core.custody import Entry
from ingestd.core.disposal import clock_fault
from ingestd.core.errors import UnavailableError
from ingestd.core.manifest import sha256_of
from ingestd.core.model import Verified
from ingestd.core.regime import Regime
from ingestd.core.replica_acts import removed
from ingestd.core.replicas import ReplicaStore
from ingestd.core.roster_door import FileChanges
from ingestd.core.settings import MIB, AisSettings, Settings
from ingestd.core.stop import Stop
from ingestd.media.exiftool import ExifTool, find_exiftool
from ingestd.media.sandbox import MediaWorker
from ingestd.pipeline.admission import Presence
from ingestd.pipeline.fleet import FleetDesk
from ingestd.pipeline.heads import HeadDesk, Keys
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.redecide import decisions, on_changed
from ingestd.pipeline.release import Prover, ReleaseDesk
from ingestd.pipeline.replicate import Replicator
from ingestd.pipeline.rolling import Copies, Rolling
from ingestd.pipeline.terms import TermDesk
from ingestd.retention.carriers import CarrierDesk
from ingestd.retention.disposals import DisposalDesk
from ingestd.retention.disposals import Rules as DisposalRules
from ingestd.retention.dispose import Means
from ingestd.retention.holds import HoldDesk
from ingestd.retention.holds import Rules as HoldRules
from ingestd.stores.access import AccessBook
from ingestd.stores.accounts import AccountBook
from ingestd.stores.ais import VesselBook
from ingestd.stores.bookmarks import BookmarkBook
from ingestd.stores.buffers import BufferPool
from ingestd.stores.carriers import CarrierBook
from ingestd.stores.case_pages import CasePages
from ingestd.stores.cases import CaseRegister
from ingestd.stores.chronicle import Chronicle
from ingestd.stores.clocks import ClockBook
from ingestd.stores.database import open_for_reading, open_for_writing
from ingestd.stores.deviceacts import DeviceActs
from ingestd.stores.disposal import DisposalBook
from ingestd.stores.dockings import DockingBook
from ingestd.stores.durable import make_directory, translated
from ingestd.stores.explanations import Explanations
from ingestd.stores.find import Finder
from ingestd.stores.fixity import FixityBook
from ingestd.stores.fleet import FleetRegister
from ingestd.stores.handover import HandOverBook
from ingestd.stores.handover_records import RecordBook
from ingestd.stores.heads import LedgerBook
from ingestd.stores.heardfile import HeardFile
from ingestd.stores.holds import HoldBook
from ingestd.stores.ledgerpages import LedgerPages
from ingestd.stores.ownacts import OwnActs
from ingestd.stores.positions import PositionBook
from ingestd.stores.registers import RegisterBook
from ingestd.stores.registration import RegistrationBook
from ingestd.stores.replicachild import ChildReplica
from ingestd.stores.replicas import ReplicaBook
from ingestd.stores.roster import RosterRegister
from ingestd.stores.samples import SampleBook
from ingestd.stores.search import Catalogue
from ingestd.stores.statistics import Statistics
from ingestd.stores.structures import Structures
from ingestd.stores.terms import TermBook
from ingestd.stores.timelines import Timelines
from ingestd.stores.turns import Turns
from ingestd.stores.vault import Vault

if TYPE_CHECKING:
    from ingestd.casework.vessel_logs import VesselLogs
    from ingestd.stores.signing import SigningKey

VERSION = version("ingestd")

_LARGEST_PROXY_BYTES = 64 * 1024 * MIB


@contextmanager
def writer_lock(settings: Settings) -> Iterator[None]:
    """Be the one writer of this station while the block lasts.

    Raises:
        UnavailableError: another process is.
        StoreError: the state folder cannot be made or written to.
    """
    make_directory(settings.state_dir)
    with translated("open", settings.lock_file):
        descriptor = os.open(settings.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UnavailableError(
                f"another ingestd works in {settings.state_dir}", "speak to it through the socket, or stop it first"
            ) from error
        yield
    finally:
        os.close(descriptor)


@contextmanager
def open_parts(
    configuration: Configuration,
    stop: Stop,
    *,
    on_entered: Callable[[Sequence[Entry]], None] = lambda _: None,
    on_verified: Callable[[Verified], None] = lambda _: None,
) -> Iterator[Parts]:
    """Open a station for work, with vault and catalogue made where they are missing. The caller holds the lock."""
    settings, clock = configuration.settings, SystemClock()
    vault = prepared_vault(settings)
    engine = open_for_writing(settings.catalogue_file)
    try:
        with MediaWorker(memory_bytes=settings.media.memory_bytes, stop=stop) as media:
            yield Parts(
                settings=settings,
                regime=configuration.regime,
                profiles=configuration.profiles,
                roster=RosterRegister(engine),
                clock=clock,
                stop=stop,
                vault=vault,
                chronicle=Chronicle(vault, engine, clock, on_entered),
                catalogue=Catalogue(engine),
                fleet=FleetRegister(engine),
                presence=Presence(),
                media=media,
                buffers=buffer_pool(settings),
                turns=Turns(clock),
                version=VERSION,
                on_verified=on_verified,
                areas=configuration.areas,
                exiftool=optional_exiftool(settings),
            )
    finally:
        engine.dispose()


def optional_exiftool(settings: Settings) -> ExifTool | None:
    """ExifTool as a further reader of positions; null where it is not installed or switched off."""
    program = find_exiftool() if settings.position.has_exiftool else None
    return ExifTool(program) if program is not None else None


def open_positions(settings: Settings) -> PositionBook:
    """Tracks of recordings for reading, beside a running station or without one."""
    return PositionBook(open_catalogue(settings), Vault(settings.vault_dir))


def buffer_pool(settings: Settings) -> BufferPool:
    """The station's blocks. A bay may hold a quarter of them, so that four busy ones leave none idle for lack of it."""
    blocks = settings.copying.buffer_blocks
    return BufferPool(settings.copying.block_bytes, blocks, max(2, blocks // 4), SystemClock())


def prepared_vault(settings: Settings) -> Vault:
    """The vault of the state folder, laid out where it is new."""
    vault = Vault(settings.vault_dir)
    vault.prepare(vault_id=str(uuid.uuid4()), created=to_text(SystemClock().now()))
    return vault


def open_catalogue(settings: Settings) -> Catalogue:
    """The catalogue for reading, beside a running station or without one."""
    return Catalogue(open_for_reading(settings.catalogue_file))


def open_dockings(settings: Settings) -> DockingBook:
    """Dockings as lists show them, for reading, beside a running station or without one."""
    return DockingBook(open_for_reading(settings.catalogue_file))


def open_fleet(settings: Settings) -> FleetRegister:
    """The fleet register for reading, beside a running station or without one."""
    return FleetRegister(open_for_reading(settings.catalogue_file))


def open_device_acts(settings: Settings) -> DeviceActs:
    """What helpers did to recorders, for reading, beside a running station or without one."""
    return DeviceActs(open_for_reading(settings.catalogue_file))


def open_explanations(settings: Settings) -> Explanations:
    """Explanations of findings for reading, beside a running station or without one."""
    return Explanations(open_for_reading(settings.catalogue_file))


def open_clock_book(settings: Settings) -> ClockBook:
    """Readings of recorders' clocks for reading, beside a running station or without one."""
    return ClockBook(open_for_reading(settings.catalogue_file))


def open_timelines(settings: Settings) -> Timelines:
    """Recordings along the wall clock for reading, beside a running station or without one."""
    return Timelines(open_for_reading(settings.catalogue_file))


def open_structures(settings: Settings) -> Structures:
    """Structures of earlier recordings for reading, beside a running station or without one."""
    return Structures(open_for_reading(settings.catalogue_file))


def open_cases(settings: Settings) -> CaseRegister:
    """Cases, complaints and units for reading, beside a running station or without one."""
    return CaseRegister(open_for_reading(settings.catalogue_file))


def open_case_pages(settings: Settings) -> CasePages:
    """Cases and complaints a page at a time, beside a running station or without one."""
    return CasePages(open_for_reading(settings.catalogue_file))


def case_desk(parts: Callable[[], Parts]) -> CaseDesk:
    """The counter for cases; `parts` are asked anew each time, because a reload may change regime and zone."""
    standing = parts()
    return CaseDesk(
        standing.catalogue,
        standing.chronicle,
        standing.clock,
        lambda: (parts().regime, parts().settings.station.zone_info),
        on_changed(parts),
    )


def open_accounts(settings: Settings) -> AccountBook:
    """Accounts of the screens for reading, beside a running station or without one."""
    return AccountBook(open_for_reading(settings.catalogue_file))


def account_desk(parts: Callable[[], Parts]) -> AccountDesk:
    """The counter for accounts."""
    standing = parts()
    return AccountDesk(standing.chronicle, standing.clock)


def open_holds(settings: Settings) -> HoldBook:
    """Holds for reading, beside a running station or without one."""
    return HoldBook(open_for_reading(settings.catalogue_file))


def hold_desk(parts: Callable[[], Parts]) -> HoldDesk:
    """The counter for holds; `parts` are asked anew each time, because a reload may change regime and zone."""
    standing = parts()

    def rules() -> HoldRules:
        regime = parts().regime
        return regime.holds, regime.approvals, parts().settings.station.zone_info

    return HoldDesk(standing.catalogue, standing.chronicle, standing.clock, rules, on_changed(parts))


def open_access(settings: Settings) -> AccessBook:
    """Requests to view or copy and the register of views, for reading, beside a running station or without one."""
    return AccessBook(open_for_reading(settings.catalogue_file))


def access_desk(parts: Callable[[], Parts]) -> AccessDesk:
    """The counter for access; `parts` are asked anew each time, because a reload may change regime and zone."""
    standing = parts()

    def rules() -> AccessRules:
        regime = parts().regime
        return regime.access, regime.approvals, parts().settings.station.zone_info

    return AccessDesk(standing.catalogue, standing.chronicle, standing.clock, rules)


def open_disposals(settings: Settings) -> DisposalBook:
    """Disposals for reading, beside a running station or without one."""
    return DisposalBook(open_for_reading(settings.catalogue_file))


def disposal_desk(
    parts: Callable[[], Parts], is_synchronised: Callable[[], bool], stores: Mapping[str, ReplicaStore]
) -> DisposalDesk:
    """The counter for disposals; `parts` are asked anew each time, because a reload may change the rules.

    Args:
        is_synchronised: whether the machine's clock is disciplined now.
        stores: of copies, by name.
    """
    standing = parts()
    chronicle, holds = standing.chronicle, HoldBook(standing.chronicle.engine)
    replicas = ReplicaBook(chronicle.engine)

    def clock_doubt() -> str | None:
        last = from_text(chronicle.last_time) if chronicle.last_time is not None else None
        most_step = dt.timedelta(days=parts().settings.disposal.max_clock_step_days)
        return clock_fault(standing.clock.now(), last, is_synchronised=is_synchronised(), most_step=most_step)

    def holds_of(recordings: Iterable[str]) -> dict[str, list[str]]:
        found = holds.of(recordings).items()
        return {one: [f"{hold.hold_id} {hold.reason.words}" for hold in some] for one, some in found}

    def stale_among(recordings: Sequence[str]) -> set[str]:
        found = decisions(parts(), recordings)
        return {str(bearing.row["recording_id"]) for bearing, before, fresh in found if before != fresh}

    means = Means(
        vault=standing.vault,
        chronicle=chronicle,
        book=DisposalBook(chronicle.engine),
        clock=standing.clock,
        stop=standing.stop,
        deciding=standing.deciding,
        holds_of=holds_of,
        stale_among=stale_among,
        clock_doubt=clock_doubt,
        copies_of=replicas.all_copies_of,
        stores=stores,
        forgotten=lambda copy: (removed(copy),),
        on_given_back=on_changed(parts),
    )
    return DisposalDesk(means, lambda: DisposalRules(parts().settings, parts().regime, VERSION))


def replica_stores(settings: Settings, stop: Stop) -> dict[str, ReplicaStore]:
    """The stores of copies by name. None is touched before it is asked for something; each then has its own child."""
    stores: dict[str, ReplicaStore] = {}
    for replica in settings.replicas:
        if replica.is_enabled:
            stores[replica.name] = ChildReplica(
                replica,
                vault_dir=settings.vault_dir,
                folder=settings.folder,
                credentials=functools.partial(read_credentials, replica, settings.folder),
                clock=SystemClock(),
                stop=stop,
            )
    return stores


def replicators(
    parts: Callable[[], Parts], stores: Mapping[str, ReplicaStore], may_work: Callable[[], bool] = lambda: True
) -> tuple[Replicator, ...]:
    """What brings each store up to date, in the order of the settings."""
    holds = HoldBook(parts().chronicle.engine)

    def all_held() -> set[str]:
        return {one for hold in holds.standing() for one in holds.recordings_of(hold.hold_id)}

    return tuple(
        Replicator(stores[replica.name], replica, parts, held_among=holds.of, all_held=all_held, may_work=may_work)
        for replica in parts().settings.replicas
        if replica.name in stores
    )


def rolling(
    parts: Callable[[], Parts], stores: Mapping[str, ReplicaStore], is_busy: Callable[[], bool] = lambda: False
) -> Rolling:
    """The scrub of a station.

    Args:
        is_busy: whether a recorder is being copied.
    """
    engine = parts().chronicle.engine
    book = ReplicaBook(engine)

    def count() -> int:
        now = to_text(parts().clock.now())
        return sum(int(book.counts(name, now)["objects"]) for name in stores)

    copies = Copies(book.copies_of, book.unread_since, book.mark_read, count, lambda: stores)
    return Rolling(parts, copies, is_busy)


def release_desk(parts: Callable[[], Parts], is_synchronised: Callable[[], bool]) -> ReleaseDesk:
    """The counter for releases of recorders; `parts` are asked anew each time, because a reload may change the rules.

    Args:
        is_synchronised: whether the machine's clock is disciplined now.
    """
    return ReleaseDesk(parts, ReplicaBook(parts().chronicle.engine).copies_of, is_synchronised)


def open_fixity(settings: Settings) -> FixityBook:
    """When what is held was last read, and what was found, for reading; beside a running station or without one."""
    return FixityBook(open_for_reading(settings.catalogue_file))


def open_prover(settings: Settings) -> Prover:
    """Proofs and releases for reading, beside a running station or without one."""
    engine = open_for_reading(settings.catalogue_file)
    return Prover(engine, Vault(settings.vault_dir), ReplicaBook(engine).copies_of)


def open_replicas(settings: Settings) -> ReplicaBook:
    """Copies in other stores for reading, beside a running station or without one."""
    return ReplicaBook(open_for_reading(settings.catalogue_file))


def open_carriers(settings: Settings) -> CarrierBook:
    """The register of carriers for reading, beside a running station or without one."""
    return CarrierBook(open_for_reading(settings.catalogue_file))


def duties_of_stores(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Stores of copies by name, each with the duties of carriers that its copies fulfil."""
    return {one.name: tuple(one.counts_as) for one in settings.replicas if one.is_enabled}


def carrier_desk(parts: Callable[[], Parts]) -> CarrierDesk:
    """The counter for carriers."""
    standing = parts()
    return CarrierDesk(standing.catalogue, standing.chronicle, standing.clock)


def fleet_desk(parts: Callable[[], Parts]) -> FleetDesk:
    """The counter for the fleet register; `parts` are asked anew each time that recordings are decided again."""
    standing = parts()
    return FleetDesk(standing.fleet, standing.chronicle, on_changed(parts))


def open_bookmarks(settings: Settings) -> BookmarkBook:
    """Bookmarks for reading, beside a running station or without one."""
    return BookmarkBook(open_for_reading(settings.catalogue_file))


def open_checklists(configuration: Configuration) -> Checklists:
    """Checklists of what is marked, for reading, beside a running station or without one."""
    engine = open_for_reading(configuration.settings.catalogue_file)
    return Checklists(
        regime=configuration.regime,
        catalogue=Catalogue(engine),
        timelines=Timelines(engine),
        book=BookmarkBook(engine),
        explanations=Explanations(engine),
        cases=CaseRegister(engine),
        registrations=RegistrationBook(engine),
    )


def bookmark_desk(parts: Callable[[], Parts]) -> BookmarkDesk:
    """The counter for bookmarks; `parts` are asked anew each time, because a reload may change the regime."""
    standing = parts()
    return BookmarkDesk(standing.catalogue, standing.chronicle, lambda: parts().regime)


def open_registers(settings: Settings) -> RegisterBook:
    """Requests for disclosure and notes of non-duty footage, beside a running station or without one."""
    return RegisterBook(open_for_reading(settings.catalogue_file))


def register_desk(parts: Callable[[], Parts]) -> RegisterDesk:
    """The counter for these registers; `parts` are asked anew each time, because a reload may change the zone."""
    standing = parts()
    return RegisterDesk(
        standing.catalogue, standing.chronicle, standing.clock, lambda: parts().settings.station.zone_info
    )


def open_registrations(settings: Settings) -> RegistrationBook:
    """Registrations for reading, beside a running station or without one."""
    return RegistrationBook(open_for_reading(settings.catalogue_file))


def open_finder(settings: Settings, regime: Regime) -> Finder:
    """Search for reading, beside a running station or without one."""
    return Finder(open_for_reading(settings.catalogue_file), regime.registration)


def registration_desk(parts: Callable[[], Parts]) -> RegistrationDesk:
    """The counter for registrations; `parts` are asked anew each time, because a reload may change the regime."""
    standing = parts()
    return RegistrationDesk(standing.catalogue, standing.chronicle, lambda: parts().regime.registration)


def open_samples(settings: Settings) -> SampleBook:
    """Samples for reading, beside a running station or without one."""
    return SampleBook(open_for_reading(settings.catalogue_file))


def sample_desk(parts: Callable[[], Parts]) -> SampleDesk:
    """The counter for samples; `parts` are asked anew each time, because a reload may change the regime's form."""
    standing = parts()
    return SampleDesk(
        standing.vault,
        standing.chronicle,
        standing.clock,
        lambda: (parts().regime.inspection, parts().settings.station.zone_info),
    )


def open_own_acts(settings: Settings) -> OwnActs:
    """Who did what, for reading, beside a running station or without one."""
    return OwnActs(open_for_reading(settings.catalogue_file))


@functools.lru_cache(maxsize=4)
def ledger_pages(folder: Path) -> LedgerPages:
    """One reader of a ledger for all questions of a process: it remembers where its entries stand."""
    return LedgerPages(folder)


def open_statistics(settings: Settings) -> Statistics:
    """What the catalogue counts, read-only."""
    return Statistics(open_for_reading(settings.catalogue_file))


def open_terms(settings: Settings) -> TermBook:
    """Terms, editions and changes of regime for reading, beside a running station or without one."""
    return TermBook(open_for_reading(settings.catalogue_file))


def term_desk(parts: Callable[[], Parts]) -> TermDesk:
    """The counter for terms; `parts` are asked anew each time, because a reload may change the regime."""
    return TermDesk(parts)


def open_roster(settings: Settings) -> RosterRegister:
    """The roster for reading, beside a running station or without one."""
    return RosterRegister(open_for_reading(settings.catalogue_file))


def roster_desk(parts: Callable[[], Parts]) -> RosterDesk:
    """The counter for the roster; `parts` are asked anew each time that recordings are decided again."""
    standing = parts()
    return RosterDesk(
        standing.roster,
        standing.fleet,
        standing.chronicle,
        standing.clock,
        deciding=standing.deciding,
        on_changed=on_changed(parts),
    )


def open_vessels(settings: Settings) -> VesselBook:
    """Vessels beside recordings for reading, beside a running station or without one."""
    return VesselBook(open_for_reading(settings.catalogue_file))


def open_vessel_matching(settings: Settings) -> VesselMatching:
    """Finds candidates in what was heard, beside a running station or without one."""
    catalogue = open_catalogue(settings)
    positions, heard = PositionBook(catalogue, Vault(settings.vault_dir)), HeardFile(settings.ais_file)
    return VesselMatching(catalogue, positions.positions_of, heard.existing, lambda: settings.ais)


def vessel_desks(parts: Callable[[], Parts], heard: HeardFile) -> "tuple[VesselDesk, VesselLogs]":
    """The counters for vessels and for AIS logs; `parts` are asked anew each time, because a reload may change them."""
    # Only here: pyais would slow the start of every command, and almost none reads a log.
    from ingestd.casework.vessel_logs import VesselLogs  # noqa: PLC0415

    standing = parts()

    def settings() -> AisSettings:
        return parts().settings.ais

    positions = PositionBook(standing.catalogue, standing.vault)
    matching = VesselMatching(standing.catalogue, positions.positions_of, heard.existing, settings)
    desk = VesselDesk(standing.catalogue, standing.chronicle, matching, heard.existing)
    logs = VesselLogs(
        heard.opened, standing.chronicle, settings, standing.clock, standing.stop, on_imported=desk.match_touching
    )
    return desk, logs


def take_roster_file(configuration: Configuration, desk: RosterDesk) -> FileChanges:
    """Bring what changed in the configured roster file into the register; nothing where no file is named."""
    file = configuration.settings.roster.file
    return desk.take_file(file.name, configuration.roster.entries) if file is not None else FileChanges(())


def open_hand_over_book(settings: Settings) -> HandOverBook:
    """The hand-over clock and what was declared for it, for reading, beside a running station or without one."""
    return HandOverBook(open_for_reading(settings.catalogue_file))


def open_record_book(settings: Settings) -> RecordBook:
    """Hand-over records for reading, beside a running station or without one."""
    return RecordBook(open_for_reading(settings.catalogue_file))


def declaration_desk(parts: Callable[[], Parts]) -> DeclarationDesk:
    """The counter for declarations; `parts` are asked anew each time, because a reload may change the regime."""
    standing = parts()
    return DeclarationDesk(
        standing.catalogue, standing.chronicle, standing.clock, lambda: parts().regime, on_changed(parts)
    )


def record_desk(parts: Callable[[], Parts]) -> RecordDesk:
    """The counter for hand-over records; `parts` are asked anew each time, because a reload may change them."""
    standing = parts()

    def officers_of(number: str, moment: dt.datetime) -> list[dict[str, str]]:
        named = parts().roster.officers_of(number, moment)
        return [{"officer": one.officer, "certificate": one.certificate, "unit": one.unit} for one in named]

    def rules() -> Rules:
        now = parts()
        return Rules(now.settings, now.regime, now.profiles, officers_of)

    return RecordDesk(standing.catalogue, standing.fleet, standing.chronicle, standing.clock, rules)


def head_desk(parts: Callable[[], Parts]) -> HeadDesk:
    """What signs the ledger's head; `parts` are asked anew each time, because a reload may change where it goes."""
    standing = parts()
    keys = Keys(lambda: station_key(standing.settings), lambda: new_station_key(standing.settings))
    return HeadDesk(standing.vault, standing.chronicle, standing.clock, lambda: parts().settings, keys)


def station_key(settings: Settings, environment: Mapping[str, str] = os.environ) -> "SigningKey":
    """The station's private key: one that systemd handed over, else the file of the settings.

    Raises:
        NotFoundError: it is not there.
        ConfigError: it cannot be used.
    """
    # Only here: what it needs of memory is not held by a station that signs nothing.
    from ingestd.stores.signing import open_key  # noqa: PLC0415

    named, handed = settings.ledger.key_file, environment.get(CREDENTIALS_VARIABLE)
    if handed and named.name == str(named) and (Path(handed) / named).is_file():
        return open_key(Path(handed) / named)
    return open_key(settings.ledger_key_file)


def new_station_key(settings: Settings) -> "SigningKey":
    """A new private key in the file of the settings, which must not be there yet."""
    from ingestd.stores.signing import make_key  # noqa: PLC0415

    return make_key(settings.ledger_key_file)


def open_ledger_book(settings: Settings) -> LedgerBook:
    """Key, heads and configuration for reading, beside a running station or without one."""
    return LedgerBook(open_for_reading(settings.catalogue_file))


def effective_configuration(configuration: Configuration, settings: Settings) -> dict[str, Any]:
    """What a station goes by, as it stands in the ledger: settings, and digests of the other files that were read."""
    files = {}
    for source in configuration.sources:
        if source.is_file():
            name = str(source.relative_to(settings.folder)) if source.is_relative_to(settings.folder) else str(source)
            with translated("read", source):
                files[name] = sha256_of(source.read_bytes())
    return configuration_facts(settings.model_dump(mode="json", by_alias=True), files)


def proxy_worker(settings: Settings, stop: Stop | None = None) -> MediaWorker:
    """A child process that may write through the descriptors it is given: proxies and posters."""
    return MediaWorker(memory_bytes=settings.proxy.memory_bytes, output_bytes=_LARGEST_PROXY_BYTES, stop=stop)
