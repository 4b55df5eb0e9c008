"""The parts that the pipeline works with, put together once by `wiring`."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ingestd.core.areas import Areas
from ingestd.core.clock import Clock
from ingestd.core.errors import MediaError
from ingestd.core.model import Progress, Verified
from ingestd.core.profile import RecorderProfile
from ingestd.core.regime import Regime
from ingestd.core.settings import Settings
from ingestd.core.stop import Stop
from ingestd.media.exiftool import ExifTool
from ingestd.media.sandbox import MediaWorker
from ingestd.pipeline.admission import Presence
from ingestd.stores.buffers import BufferPool
from ingestd.stores.chronicle import Chronicle
from ingestd.stores.fleet import FleetRegister
from ingestd.stores.roster import RosterRegister
from ingestd.stores.search import Catalogue
from ingestd.stores.turns import Turns
from ingestd.stores.vault import Vault

Report = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Parts:
    """One station's parts. `version` is the software's, as sidecars name it; `on_verified` counts throughput."""

    settings: Settings
    regime: Regime
    profiles: tuple[RecorderProfile, ...]
    roster: RosterRegister
    clock: Clock
    stop: Stop
    vault: Vault
    chronicle: Chronicle
    catalogue: Catalogue
    fleet: FleetRegister
    presence: Presence
    media: MediaWorker
    buffers: BufferPool
    turns: Turns
    version: str
    on_verified: Callable[[Verified], None]
    areas: Areas = Areas()
    """Named places of the bureau."""
    exiftool: ExifTool | None = None
    """The optional reader of positions; null where it is not installed or switched off."""
    deciding: threading.Lock = field(default_factory=threading.Lock)
    """Held from looking at what bears on recordings until what was decided of them is entered (`redecide`)."""


@contextmanager
def while_held(recording: str, parts: Parts) -> Iterator[None]:
    """No disposal begins while the block lasts: nothing of a recording may come to stand behind the word that it goes.

    Raises:
        MediaError: its disposal has begun.
    """
    with parts.deciding:
        if parts.catalogue.is_going(recording):
            raise MediaError("the recording is being disposed of")
        yield
