"""The dialects by name."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from ingestd.core.clock import Clock
from ingestd.core.settings import DeviceApiSettings
from ingestd.devices.dialects.ambarella_a1 import AmbarellaA1
from ingestd.devices.dialects.ambarella_ascii import AmbarellaAscii
from ingestd.devices.dialects.ambarella_e1 import AmbarellaE1
from ingestd.devices.dialects.api import RecorderApi, Visit
from ingestd.devices.dialects.clock import Journal
from ingestd.devices.dialects.transfer import Transfer

Opener = Callable[[Transfer, Visit, Clock, Journal], RecorderApi]

KINDS: Final[Mapping[str, type[RecorderApi]]] = {kind.name: kind for kind in (AmbarellaA1, AmbarellaE1, AmbarellaAscii)}


def opener_of(dialect: str, settings: DeviceApiSettings) -> Opener:
    """How a recorder is spoken to in this dialect.

    Raises:
        KeyError: there is no such dialect; the settings allow only those that there are.
    """
    kind = KINDS[dialect]
    return partial(kind, role=settings.role) if kind is AmbarellaE1 else kind
