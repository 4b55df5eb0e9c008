"""The composition root: the only file that names concrete classes and puts them together."""

import fcntl
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version

from ingestd.config.load import Configuration
from ingestd.core.clock import SystemClock, to_text
from ingestd.core.custody import Entry
from ingestd.core.errors import UnavailableError
from ingestd.core.model import Verified
from ingestd.core.settings import MIB, Settings
from ingestd.core.stop import Stop
from ingestd.media.sandbox import MediaWorker
from ingestd.pipeline.admission import Presence
from ingestd.pipeline.parts import Parts
from ingestd.stores.buffers import BufferPool
from ingestd.stores.chronicle import Chronicle
from ingestd.stores.database import open_for_reading, open_for_writing
from ingestd.stores.durable import make_directory, translated
from ingestd.stores.explanations import Explanations
from ingestd.stores.fleet import FleetRegister
from ingestd.stores.search import Catalogue
from ingestd.stores.structures import Structures
from ingestd.stores.timelines import Timelines
from ingestd.stores.turns import Turns
from ingestd.stores.vault import Vault

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
                roster=configuration.roster,
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
            )
    finally:
        engine.dispose()


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


def open_explanations(settings: Settings) -> Explanations:
    """Explanations of findings for reading, beside a running station or without one."""
    return Explanations(open_for_reading(settings.catalogue_file))


def open_timelines(settings: Settings) -> Timelines:
    """Recordings along the wall clock for reading, beside a running station or without one."""
    return Timelines(open_for_reading(settings.catalogue_file))


def open_structures(settings: Settings) -> Structures:
    """Structures of earlier recordings for reading, beside a running station or without one."""
    return Structures(open_for_reading(settings.catalogue_file))


def proxy_worker(settings: Settings, stop: Stop | None = None) -> MediaWorker:
    """A child process that may write through the descriptors it is given: proxies and posters."""
    return MediaWorker(memory_bytes=settings.proxy.memory_bytes, output_bytes=_LARGEST_PROXY_BYTES, stop=stop)
