"""What `ingestd-erase@.service` runs: erase from one recorder what the station has proved to hold, and end.

A program of its own, and no command, so that the one process that may write to a recorder loads nothing that reads
footage, speaks to a network or keeps a database. It is `python -I -m ingestd.cli.erase_helper --config FILE
KERNEL_NAME`. It believes the settings of root and the ledger, and of the request nothing but which list is meant.
"""

import re
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Final

from ingestd.cli.unit_program import Outcome, ended, parser_of
from ingestd.config.allowed import load_allowed, load_release
from ingestd.core.clock import Clock, SystemClock
from ingestd.core.erase_acts import Ending, EraseList, EraseRequest, begun_line, ended_line
from ingestd.core.errors import IngestdError, RefusedError, SourceGoneError
from ingestd.core.settings import UdevSettings
from ingestd.core.stop import Stop
from ingestd.devices.erase import Recorder, erase_files
from ingestd.devices.erasemount import mounted_for_erasing
from ingestd.devices.mountinfo import volume_presence
from ingestd.devices.standing import udev_properties
from ingestd.devices.usb import DeviceAction, classify
from ingestd.stores.askedlist import asked_list, has_in_vault, read_request
from ingestd.stores.devicejournal import DeviceJournal
from ingestd.stores.durable import remove

MOUNT_DIR: Final = Path("/run/ingestd-erase")


def main(arguments: Sequence[str] | None = None) -> int:
    """Erase from the recorder named on the command line what is asked for, or say in the journal why not."""
    parser = parser_of("ingestd-erase", __doc__)
    parser.add_argument("kernel_name")
    given = parser.parse_args(arguments)
    return ended(lambda: _erase(given.kernel_name, given.config))


def _erase(kernel_name: str, config: Path) -> tuple[Outcome, str]:
    if not re.fullmatch(r"[a-z][a-z0-9]*", kernel_name):
        return Outcome.LEFT_ALONE, f"{kernel_name!r} is no name of a disk or partition on USB"
    settings, state_dir = load_release(config)
    if not settings.is_enabled:
        return Outcome.LEFT_ALONE, f"{kernel_name} is kept as it is: release.enabled = false"
    asked = state_dir / "erase" / f"{kernel_name}.ask"
    request = read_request(asked)
    if request is None:
        return Outcome.LEFT_ALONE, f"nothing is asked for at {kernel_name}"
    allowed, stop = load_allowed(config), Stop()
    # Asked to stop, or when its device went: the file that is being read stays, and the receipts are closed.
    signal.signal(signal.SIGTERM, lambda *_: stop.request())
    ending, words = carry_out(
        request,
        asked,
        state_dir,
        open_recorder=lambda listing: _mounted(kernel_name, listing, allowed),
        clock=SystemClock(),
        stop=stop,
    )
    words = f"{kernel_name}: {ending}; {words}" if words else f"{kernel_name}: {ending}"
    return (Outcome.FAULT if ending is Ending.FAILED else Outcome.DONE), words


def carry_out(
    request: EraseRequest,
    asked: Path,
    state_dir: Path,
    *,
    open_recorder: Callable[[EraseList], AbstractContextManager[Recorder]],
    clock: Clock,
    stop: Stop,
) -> tuple[Ending, str]:
    """Follow one request, once: what is begun is written down before the request is taken away.

    Args:
        asked: the request's file.
        state_dir: of the station.
        open_recorder: gives the recorder of a list, writable while the block lasts.

    Raises:
        StoreError: the request was begun before, or nothing can be written down.
    """
    vault = state_dir / "vault"
    with closing(DeviceJournal(state_dir / "erase" / "receipts", request.release_id)) as journal:
        try:
            journal.append(begun_line(request.release_id, clock.now(), list_sha256=request.sha256, device=asked.stem))
        finally:
            remove(asked)
        try:
            listing = asked_list(vault, request)
            if f"{Path(listing.device).name}.ask" != asked.name:
                raise RefusedError(f"the list is of {listing.device}")
            with open_recorder(listing) as recorder:
                erase_files(
                    recorder,
                    listing.files,
                    listing.release_id,
                    journal=journal,
                    is_held=lambda file: has_in_vault(vault, file.vault_path, file.size_bytes),
                    clock=clock,
                    stop=stop,
                )
            ending, words = Ending.DONE, ""
        except SourceGoneError as error:
            ending, words = Ending.PULLED, error.message
        except IngestdError as error:
            ending, words = Ending.FAILED, error.message
        journal.append(ended_line(request.release_id, clock.now(), ending, words))
    return ending, words


def _mounted(kernel_name: str, listing: EraseList, allowed: UdevSettings) -> AbstractContextManager[Recorder]:
    """The volume of a list, judged anew: one of the station's, the very medium that was listed, of its file system."""
    volume = classify(udev_properties(kernel_name), allowed)
    if volume.action is not DeviceAction.ADDED or volume.device_node != f"/dev/{kernel_name}":
        raise RefusedError(f"{kernel_name} is left alone: {volume.reason or 'udev names it otherwise'}")
    if volume.diskseq != listing.diskseq or volume.fs_uuid != listing.fs_uuid:
        raise RefusedError(f"another medium is at {kernel_name} now")
    if volume.fs_type != listing.fs_type:
        raise RefusedError(f"{kernel_name} holds {volume.fs_type}, listed was {listing.fs_type}")
    point = MOUNT_DIR / kernel_name
    point.mkdir(mode=0o700, parents=True, exist_ok=True)
    is_there = volume_presence(volume.device_node, listing.diskseq)
    return mounted_for_erasing(volume.device_node, listing.fs_type, point, is_there)


if __name__ == "__main__":
    sys.exit(main())
