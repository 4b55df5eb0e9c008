"""From a way to a card to a docked recorder: mounted, listed, identified, and always let go of again."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

from ingestd.core.clock import Clock
from ingestd.core.ids import DockingId, new_uuid7
from ingestd.core.matching import chosen, match_profiles
from ingestd.core.model import BUREAU_ZONE, Docking, EntryKind, Inlet
from ingestd.core.naming import docking_folder
from ingestd.core.origin import Origin
from ingestd.core.profile import RecorderProfile, preferring
from ingestd.devices.card import CardListing, list_card
from ingestd.devices.deviceinfo import read_device_info
from ingestd.devices.identity import identify
from ingestd.devices.mounts import Mounter
from ingestd.devices.mtp import transport_findings
from ingestd.devices.origin import declared_origin, of_no_recorder


@dataclass(frozen=True, slots=True)
class DockedRecorder:
    """A recorder in a bay whose card can be read. A context manager: leaving it unmounts the card.

    `root_fd` is the descriptor of the card's root directory until `close()`, which may be called any number of times.
    `still_there` says whether the medium itself is present, whatever its file system says. `profiles` are the families
    of recorders in the order in which they read the names of this card.
    """

    docking: Docking
    listing: CardListing
    root_fd: int
    still_there: Callable[[], bool]
    close: Callable[[], None]
    profiles: tuple[RecorderProfile, ...]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_docking(
    mounter: Mounter,
    *,
    bay: str,
    inlet: Inlet,
    profiles: tuple[RecorderProfile, ...],
    zone: ZoneInfo,
    clock: Clock,
    max_entries: int,
    max_depth: int,
    owners_of: Callable[[str], Sequence[str]] = lambda _: (),
    origin: Origin | None = None,
) -> DockedRecorder:
    """Mount a card, list it, tell its family and name its recorder.

    Args:
        mounter: the way to the card.
        bay: its name, for people.
        inlet: how the card came.
        profiles: families of recorders.
        zone: the bureau's; the docking's folder carries the date there.
        clock: gives the moment of docking.
        max_entries, max_depth: limits of the listing.
        owners_of: the numbers for which the fleet register has a USB serial.
        origin: where a person declared that this comes from, if not from a recorder.

    Raises:
        SourceGoneError: the card went away; nothing of it is held open.
        SourceError, RefusedError, UnavailableError: as of `Mounter.mount`.
    """
    opened_at = clock.now()
    docking_id = DockingId(new_uuid7(opened_at))
    with ExitStack() as stack:
        mounted = stack.enter_context(mounter.mount())
        listing = list_card(
            mounted.root_fd,
            max_entries=max_entries,
            max_depth=max_depth,
            still_there=mounted.still_there,
            only=mounted.only,
            is_seen_empty=mounted.is_seen_empty,
        )
        declared = declared_origin(mounted.root_fd, listing, inlet, origin)
        problems = (*listing.problems, *transport_findings(mounted.volume), *declared.findings)
        listing = replace(listing, problems=problems)
        paths = [entry.path.text for entry in listing.entries if entry.kind is EntryKind.FILE]
        profile = chosen(match_profiles(mounted.volume, paths, profiles))
        ordered = preferring(profiles, profile.id if profile is not None else None)
        told = read_device_info(mounted.root_fd, listing, profile)
        serial = mounted.volume.get("usb_serial", "")
        recorder = identify(
            listing,
            ordered,
            mounted.volume,
            zone,
            chosen=profile,
            device_info=told,
            registered=owners_of(serial) if serial else (),
        )
        if declared.origin is not None:
            recorder = of_no_recorder(recorder, declared.origin)
        volume = dict(mounted.volume)
        if profile is not None and profile.clock.mtime == "local" and volume.get("fat_times") == "as stored":
            volume["file_times"] = BUREAU_ZONE
        users = dict.fromkeys(info.user for info in told if info.user)
        if users:
            volume["info_user"] = "\n".join(users)
        docking = Docking(
            docking_id=docking_id,
            bay=bay,
            inlet=inlet,
            opened_at=opened_at,
            recorder=recorder,
            folder=docking_folder(opened_at.astimezone(zone).date().isoformat(), recorder.recorder_id, docking_id),
            volume=volume,
            profile_id=profile.id if profile is not None else None,
            origin=declared.origin,
        )
        stack.pop_all()
    return DockedRecorder(docking, listing, mounted.root_fd, mounted.still_there, mounted.close, ordered)
