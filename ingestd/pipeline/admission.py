"""Admission: how a docking's footage is held, from the fleet register, earlier dockings and the other bays."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ingestd.core.fleet import Admission, Sighting, admit
from ingestd.core.model import Docking, Inlet
from ingestd.core.settings import FleetSettings
from ingestd.stores.fleet import FleetRegister


class Presence:
    """Which recorders are in the bays, each until the station hears that it was pulled. Safe from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bays: dict[str, Sighting] = {}

    @contextmanager
    def arriving(self, here: Sighting) -> Iterator[list[Sighting]]:
        """The recorders in the other bays, this one counted in from now on; one arrival at a time. Folders are none.

        Two bays with the same recorder number would otherwise both be admitted before either is seen.
        """
        with self._lock:
            yield [other for bay, other in self._bays.items() if bay != here.bay and here.is_in_its_bay]
            if here.is_in_its_bay:
                self._bays[here.bay] = here

    def leave(self, bay: str) -> None:
        """The recorder of a bay was pulled."""
        with self._lock:
            self._bays.pop(bay, None)


def decide(docking: Docking, register: FleetRegister, presence: Presence, policy: FleetSettings) -> Admission:
    """Admit a docking, and count its recorder among those in the bays.

    Raises:
        StoreError: the catalogue cannot be asked.
    """
    here = sighting_of(docking)
    with presence.arriving(here) as present:
        return admit(
            docking.recorder,
            register.entry(here.number),
            here=here,
            others=[*register.sightings(here.number, here.usb_serial), *present],
            policy=policy,
            is_quarantined_by_inlet=docking.volume.get("is_quarantined") == "true",
            owners=register.owners_of(here.usb_serial),
        )


def sighting_of(docking: Docking) -> Sighting:
    """A docking as the others are compared with it. A folder may be a copy of a recorder that is in a bay."""
    return Sighting(
        docking_id=docking.docking_id,
        number=docking.recorder.recorder_id,
        usb_serial=docking.volume.get("usb_serial", ""),
        bay=docking.bay,
        usb_path=docking.volume.get("usb_path", ""),
        is_in_its_bay=docking.inlet is Inlet.UDEV,
    )
