"""The composition root: the only file that names concrete classes and puts them together."""

import datetime as dt
import fcntl
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from ingestd.casework.bookmarks import BookmarkDesk
from ingestd.casework.cases import CaseDesk
from ingestd.casework.checklists import Checklists
from ingestd.casework.handover import DeclarationDesk
from ingestd.casework.handover_records import RecordDesk, Rules
from ingestd.casework.registration import RegistrationDesk
from ingestd.casework.roster import RosterDesk
from ingestd.casework.vessels import VesselDesk, VesselMatching
from ingestd.config.load import Configuration
from ingestd.core.clock import SystemClock, to_text
from ingestd.core.custody import Entry
from ingestd.core.errors import UnavailableError
from ingestd.core.model import Verified
from ingestd.core.regime import Regime
from ingestd.core.roster_door import FileChanges
from ingestd.core.settings import MIB, AisSettings, Settings
from ingestd.core.stop import Stop
from ingestd.media.exiftool import ExifTool, find_exiftool
from ingestd.media.sandbox import MediaWorker
from ingestd.pipeline.admission import Presence
from ingestd.pipeline.fleet import FleetDesk
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.redecide import on_changed
from ingestd.stores.ais import VesselBook
from ingestd.stores.bookmarks import BookmarkBook
from ingestd.stores.buffers import BufferPool
from ingestd.stores.cases import CaseRegister
from ingestd.stores.chronicle import Chronicle
from ingestd.stores.clocks import ClockBook
from ingestd.stores.database import open_for_reading, open_for_writing
from ingestd.stores.deviceacts import DeviceActs
from ingestd.stores.durable import make_directory, translated
from ingestd.stores.explanations import Explanations
from ingestd.stores.find import Finder
from ingestd.stores.fleet import FleetRegister
from ingestd.stores.handover import HandOverBook
from ingestd.stores.handover_records import RecordBook
from ingestd.stores.heardfile import HeardFile
from ingestd.stores.positions import PositionBook
from ingestd.stores.registration import RegistrationBook
from ingestd.stores.roster import RosterRegister
from ingestd.stores.search import Catalogue
from ingestd.stores.structures import Structures
from ingestd.stores.timelines import Timelines
from ingestd.stores.turns import Turns
from ingestd.stores.vault import Vault

if TYPE_CHECKING:
    from ingestd.casework.vessel_logs import VesselLogs

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


def proxy_worker(settings: Settings, stop: Stop | None = None) -> MediaWorker:
    """A child process that may write through the descriptors it is given: proxies and posters."""
    return MediaWorker(memory_bytes=settings.proxy.memory_bytes, output_bytes=_LARGEST_PROXY_BYTES, stop=stop)
