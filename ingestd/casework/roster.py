"""What people and the roster file do with the roster: each request decided, entered in the ledger, and answered."""

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from ingestd.core.clock import Clock
from ingestd.core.custody import Act
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.ids import RecordingId
from ingestd.core.roster import RosterEntry
from ingestd.core.roster_acts import Add, Request, RosterDraft, row_of
from ingestd.core.roster_door import FileChanges, changes_of_file
from ingestd.stores.chronicle import Chronicle
from ingestd.stores.fleet import FleetRegister
from ingestd.stores.roster import RosterRegister

Document = dict[str, Any]
OnChanged = Callable[[Iterable[RecordingId]], None]
"""Told of recordings whose officers the roster may name otherwise now: they are decided again."""

_NAMELESS_FILE = "roster file"


class RosterDesk:
    """The one counter of a station at which the roster is changed. Safe from many threads.

    What follows from a change is done by `settle`, in a thread that may take its time: the ledger holds how far it
    came, so that a crash leaves nothing out.

    Args:
        deciding: held while recordings are decided; taken before those that a change touches are looked up, so that
            none is tagged by the roster of before and missed.
        on_changed: has recordings decided again.
    """

    def __init__(
        self,
        register: RosterRegister,
        fleet: FleetRegister,
        chronicle: Chronicle,
        clock: Clock,
        *,
        deciding: AbstractContextManager[Any],
        on_changed: OnChanged,
    ) -> None:
        self._register = register
        self._fleet = fleet
        self._chronicle = chronicle
        self._clock = clock
        self._deciding = deciding
        self._on_changed = on_changed
        self._lock = threading.Lock()
        self._settling = threading.Lock()

    def enter(self, requests: Sequence[Request]) -> list[Document]:
        """Do what is asked, in order: all of it with one entry in the ledger each, or nothing.

        Returns for each request `act` (null where everything was so already), `entry_id`, and `notes`: what a person
        should look at, in words.

        Raises:
            NotFoundError, RefusedError: one request cannot be followed; none was.
            StoreError: as of `Chronicle.enter`.
        """
        with self._lock:
            draft = RosterDraft(self._register.everything())
            acts = [draft.decide(request) for request in requests]
            self._keep(acts)
        return [self._answer(request, act, draft) for request, act in zip(requests, acts, strict=True)]

    def enter_each(
        self, requests: Sequence[Request], *, is_rest_taken: bool, is_dry_run: bool = False
    ) -> list[Document]:
        """Do what is asked as far as it can be followed, and say of each request what became of it.

        Args:
            is_rest_taken: what can be followed is entered though others cannot; else nothing is, once one cannot.
            is_dry_run: nothing is entered in any case.

        Returns what `enter` does, and for each request `error` (`code`, `message`, `advice`; null where it can be
        followed). Acts are those that follow, entered or not.

        Raises:
            StoreError: as of `Chronicle.enter`.
        """
        answers: list[Document] = []
        acts: list[Act | None] = []
        with self._lock:
            draft = RosterDraft(self._register.everything())
            for request in requests:
                act, error = None, None
                try:
                    act = draft.decide(request)
                except (NotFoundError, RefusedError) as refusal:
                    error = {"code": refusal.code, "message": refusal.message, "advice": refusal.advice}
                acts.append(act)
                answers.append(self._answer(request, act, draft) | {"error": error})
            is_whole = all(answer["error"] is None for answer in answers)
            if (is_whole or is_rest_taken) and not is_dry_run:
                self._keep(acts)
        return answers

    def take_file(self, name: str, rows: Sequence[RosterEntry]) -> FileChanges:
        """Bring the register to what the configured roster file says, where the file changed since it was last taken.

        Args:
            name: of the file, which signs the acts.
            rows: all of it.

        Raises:
            StoreError: as of `Chronicle.enter`.
        """
        file = name if name.isprintable() and 0 < len(name) <= 200 and name != "station" else _NAMELESS_FILE
        with self._lock:
            draft = RosterDraft(self._register.everything())
            changes = changes_of_file(draft, file, rows, self._clock.now())
            self._keep(changes.acts)
        return changes

    def settle(self) -> bool:
        """Have the recordings decided again that changes since the last time touched; false where there were none.

        Raises:
            StoreError: as of `Chronicle.enter`; asked again, it goes on.
        """
        with self._settling:
            through, rows = self._register.unsettled()
            if not rows:
                return False
            with self._deciding:
                touched = self._register.touched_by(rows)
            if touched:
                self._on_changed([RecordingId(one) for one in touched])
            data = {"through": through, "recordings": len(touched)}
            self._chronicle.enter(Act(act="roster.settled", data=data))
        return True

    def _keep(self, acts: Iterable[Act | None]) -> None:
        entered = [act for act in acts if act is not None]
        if entered:
            self._chronicle.enter(*entered)

    def _answer(self, request: Request, act: Act | None, draft: RosterDraft) -> Document:
        if act is not None:
            entry_id = act.data["entry_id"]
        elif isinstance(request, Add):
            entry_id = next((one.entry_id for one in draft.live(request.recorder) if one.entry == request.row), None)
        else:
            entry_id = request.entry_id
        return {
            "act": act.act if act is not None else None,
            "entry_id": entry_id,
            "notes": self._notes(act, draft) if act is not None else [],
        }

    def _notes(self, act: Act, draft: RosterDraft) -> list[str]:
        """What does not fit together, though nobody can say here which side is wrong."""
        if act.data["after"] is None:
            return []
        row, now = row_of(act.data["after"]), self._clock.now()
        if not row.is_valid_at(now):
            return []
        entry = self._fleet.entry(row.recorder)
        officers = [one.entry.officer for one in draft.live(row.recorder) if one.entry.is_valid_at(now)]
        if entry is not None and entry.holder is not None and entry.holder not in officers:
            return [
                f"the fleet register has recorder {row.recorder} issued to {entry.holder}, the roster names "
                f"{', '.join(officers)} · 发放登记与对照表不一致"
            ]
        return []
