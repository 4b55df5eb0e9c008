"""Takes what helpers wrote down about recorders over into the ledger: each line exactly once, and none lost."""

import threading
from dataclasses import dataclass
from pathlib import Path

from ingestd.core.device_acts import UNREADABLE, acts_of_file
from ingestd.core.errors import StoreError
from ingestd.stores.chronicle import Chronicle
from ingestd.stores.deviceacts import DeviceActs
from ingestd.stores.devicejournal import VisitFile, visit_files


@dataclass(frozen=True, slots=True)
class Taken:
    """What one round did: acts entered, those among them that are unreadable lines by visit, files left and why."""

    entered: int
    unreadable: tuple[tuple[str, str], ...]
    left: tuple[tuple[str, str], ...]


class DeviceActsDesk:
    """The one place of a station at which helpers' files are read. Safe from many threads."""

    def __init__(self, folder: Path, acts: DeviceActs, chronicle: Chronicle) -> None:
        self._folder = folder
        self._acts = acts
        self._chronicle = chronicle
        self._lock = threading.Lock()

    def take_over(self) -> Taken:
        """Enter every line that does not stand in the ledger yet; a file whose helper has ended is then removed.

        A line is told by its SHA-256 in its visit. Killed anywhere, the next round goes on: what the ledger has is not
        entered again, and a file goes only behind the ledger.

        Raises:
            StoreError: the ledger takes nothing, or the folder cannot be listed; no file is removed for nothing.
        """
        entered, unreadable, left = 0, [], []
        with self._lock:
            for file in visit_files(self._folder):
                if file.refusal:
                    left.append((file.path.name, file.refusal))
                    continue
                standing = self._acts.lines_of(file.visit_id)
                acts = acts_of_file(file.data, file.visit_id, standing, is_over=file.is_over)
                if acts:
                    self._chronicle.enter(*acts)
                entered += len(acts)
                unreadable += [(file.path.name, act.data["reason"]) for act in acts if act.act == UNREADABLE]
                left += _let_go(file)
        return Taken(entered, tuple(unreadable), tuple(left))


def _let_go(file: VisitFile) -> list[tuple[str, str]]:
    if not file.is_over:
        return []
    try:
        file.remove()
    except StoreError as error:
        # All of it stands in the ledger, and is not entered again.
        return [(file.path.name, error.message)]
    return []
