"""What people enter in registrations: each request decided and entered in the ledger, one entry a recording."""

import threading
from collections.abc import Callable
from typing import Any

from ingestd.core.custody import Act
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.registration_acts import MOST_RECORDINGS, Register, checked, registering_act
from ingestd.core.registration_rules import RegistrationRule
from ingestd.stores.cases import CaseRegister
from ingestd.stores.chronicle import Chronicle
from ingestd.stores.registration import RegistrationBook
from ingestd.stores.search import Catalogue, Row

Document = dict[str, Any]
Rules = tuple[RegistrationRule, ...]


class RegistrationDesk:
    """The one counter of a station at which recordings are registered. Safe from many threads.

    Args:
        rules: the regime's form as it is at the moment; a reload may change it.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        chronicle: Chronicle,
        rules: Callable[[], Rules],
    ) -> None:
        self._catalogue = catalogue
        self._chronicle = chronicle
        self._book = RegistrationBook(chronicle.engine)
        self._cases = CaseRegister(chronicle.engine)
        self._rules = rules
        self._lock = threading.Lock()

    def enter(self, request: Register) -> Document:
        """Do what is asked, with one entry in the ledger for each recording: all of them or none.

        Returns `recordings`: of each `recording_id`, `card_path`, `before` and `after` by field (both empty where it
        was so already) and what still `lacks`; and `is_dry_run`, with which nothing was entered.

        Raises:
            NotFoundError: no such recording, take or docking.
            RefusedError: it cannot be done as it stands.
            StoreError: as of `Chronicle.enter`.
        """
        with self._lock:
            fields = checked(request, self._rules())
            recordings = self._named(request)
            given = self._book.given_of([row["recording_id"] for row in recordings])
            acts: list[tuple[Row, Act | None]] = []
            for row in recordings:
                standing = {name: one.values for name, one in given.get(row["recording_id"], {}).items()}
                acts.append((row, registering_act(request, fields, row, standing)))
            entered = [act for _, act in acts if act is not None]
            if entered and not request.is_dry_run:
                self._chronicle.enter(*entered)
        forms = self._book.of([row["recording_id"] for row in recordings], self._rules())
        lacks = {one.recording_id: list(one.form.lacks) for one in forms}
        return {
            "is_dry_run": request.is_dry_run,
            "recordings": [_answer(row, act, lacks.get(row["recording_id"])) for row, act in acts],
        }

    def _named(self, request: Register) -> list[Row]:
        """The recordings that are meant, each once."""
        rows: dict[str, Row] = {}
        for named in request.named:
            for row in self._answering(request.what, named):
                rows[row["recording_id"]] = row
        if len(rows) > MOST_RECORDINGS:
            raise RefusedError(
                f"{len(rows)} recordings are more than are changed at once", f"at most {MOST_RECORDINGS}: take fewer"
            )
        return list(rows.values())

    def _answering(self, what: str, named: str) -> list[Row]:
        if what == "recording":
            return [self._catalogue.recording(named)]
        find = self._cases.recordings_of_take if what == "take" else self._cases.recordings_of_docking
        found = find(named)
        if not found:
            raise NotFoundError(f"no {what} answers to {named!r}", "give its id, or the last digits (four at least)")
        return [self._catalogue.recording(one) for one in found]


def _answer(row: Row, act: Act | None, lacks: list[str] | None) -> Document:
    return {
        "recording_id": row["recording_id"],
        "card_path": row["card_path"],
        "before": act.data["before"] if act is not None else {},
        "after": act.data["after"] if act is not None else {},
        "lacks": lacks,
    }
