"""The desk of hand-over records (交接记录): made and numbered for each docking, printed, confirmed."""

import datetime as dt
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingestd.core.clock import Clock, from_text, to_text
from ingestd.core.custody import Act
from ingestd.core.errors import RefusedError
from ingestd.core.handover_record import (
    Confirm,
    CountedName,
    Parts,
    Print,
    Request,
    addendum_act,
    confirming_act,
    missing_by_number,
    printed_act,
    receipt_act,
    record_document,
)
from ingestd.core.profile import RecorderProfile, parse_name, preferring
from ingestd.core.regime import Regime
from ingestd.core.settings import Settings
from ingestd.stores.chronicle import Chronicle
from ingestd.stores.fleet import FleetRegister
from ingestd.stores.handover_records import RecordBook
from ingestd.stores.search import Catalogue, Row

Document = dict[str, Any]
OfficersOf = Callable[[str, dt.datetime], Sequence[Mapping[str, str]]]
"""The officers to whom the roster gives a recorder at a moment: `officer`, `certificate`, `unit`."""

AUTOMATIC_DAYS = 7
"""Dockings that closed longer ago, before there were records, get theirs when they are asked for."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the desk goes by at the moment; a reload may change it."""

    settings: Settings
    regime: Regime
    profiles: tuple[RecorderProfile, ...]
    officers_of: OfficersOf


class RecordDesk:
    """The one counter of a station at which hand-over records are made. Safe from many threads."""

    def __init__(
        self,
        catalogue: Catalogue,
        fleet: FleetRegister,
        chronicle: Chronicle,
        clock: Clock,
        rules: Callable[[], Rules],
    ) -> None:
        self._book = RecordBook(chronicle.engine)
        self._catalogue = catalogue
        self._fleet = fleet
        self._chronicle = chronicle
        self._clock = clock
        self._rules = rules
        self._lock = threading.Lock()

    def make_receipts(self) -> int:
        """Give every docking that closed lately its receipt, in the order of the dockings; gives how many."""
        since = to_text(self._clock.now() - dt.timedelta(days=AUTOMATIC_DAYS))
        with self._lock:
            dockings = self._book.without_receipt(since)
            for docking in dockings:
                self._make(self._catalogue.docking(docking), by="station")
        return len(dockings)

    def make_addenda(self) -> int:
        """Give every record whose docking is analysed its addendum; gives how many."""
        with self._lock:
            rows = self._book.without_addendum()
            for row in rows:
                self._chronicle.enter(self._addendum(row))
        return len(rows)

    def enter(self, request: Request) -> Document:
        """Do what is asked of one record, which is made first where the docking has none; gives it whole.

        Raises:
            NotFoundError: no such docking.
            RefusedError: the docking is still open, or it cannot be confirmed so.
            StoreError: as of `Chronicle.enter`.
        """
        with self._lock:
            row = self._standing(request)
            if isinstance(request, Print):
                self._chronicle.enter(printed_act(row, request.by))
            elif isinstance(request, Confirm):
                self._chronicle.enter(confirming_act(request, row))
            row = self._book.of_number(row["number"]) or row
        return record_document(row, self._book.files_of(row["docking_id"]), self._chronicle.head)

    def _standing(self, request: Request) -> Row:
        row = self._book.of_number(request.docking)
        if row is None:
            docking = self._book.docking(request.docking)
            if docking["closed_at"] is None:
                raise RefusedError(
                    f"docking {docking['docking_id']} is still open", "wait until its bay says that it is done"
                )
            row = self._book.of_docking(docking["docking_id"]) or self._make(docking, by=request.by)
        if row["addendum"] is None and any(one["number"] == row["number"] for one in self._book.without_addendum()):
            self._chronicle.enter(self._addendum(row))
            row = self._book.of_number(row["number"]) or row
        return row

    def _make(self, docking: Row, *, by: str) -> Row:
        rules = self._rules()
        year = self._clock.now().astimezone(rules.settings.station.zone_info).year
        act = receipt_act(
            self._parts(docking, rules),
            station=rules.settings.station.id,
            year=year,
            position=self._book.last_position(year) + 1,
            by=by,
        )
        self._chronicle.enter(act)
        made = self._book.of_number(act.data["number"])
        assert made is not None, "the chronicle showed the act"
        return made

    def _parts(self, docking: Row, rules: Rules) -> Parts:
        docking_id = docking["docking_id"]
        files = self._book.files_of(docking_id)
        admitted = self._fleet.docking(docking_id)
        number = admitted["admission_settled_recorder"] or docking["recorder_id"]
        entry = self._fleet.entry(number)
        clock = rules.regime.hand_over
        keys = ("docking_id", "bay", "inlet", "opened_at", "closed_at", "outcome")
        return Parts(
            docking={key: docking[key] for key in keys},
            recorder={
                "number": number,
                "is_settled_by_person": admitted["admission_settled_recorder"] is not None,
                "model": entry.model if entry is not None else "",
                "unit": entry.unit if entry is not None else "",
            },
            givers=self._givers(number, entry.holder if entry is not None else None, docking, rules),
            files=files,
            missing=self._missing(docking, files, rules),
            regime={
                "id": rules.regime.id,
                "version": rules.regime.version,
                "bureau": rules.regime.bureau,
                "article": clock.article if clock is not None else None,
            },
        )

    @staticmethod
    def _givers(number: str | None, holder: str | None, docking: Row, rules: Rules) -> list[Document]:
        """Who brought it, by the roster, else by the register of issue; nobody where neither says it."""
        if number is None:
            return []
        named = [dict(one) for one in rules.officers_of(number, from_text(docking["opened_at"]))]
        if named:
            return [one | {"source": "roster"} for one in named]
        return [{"officer": holder, "certificate": "", "unit": "", "source": "fleet"}] if holder else []

    def _missing(self, docking: Row, files: Sequence[Row], rules: Rules) -> list[Document]:
        zone = rules.settings.station.zone_info
        profile_id = docking["document"].get("profile_id")
        profiles = preferring(rules.profiles, profile_id)
        listed = _counted((row["path"] for row in files), profiles, rules)
        if not missing_by_number(listed, (), zone):
            return []
        earlier = self._book.paths_of_recorder(docking["recorder_key"], docking["docking_id"])
        return missing_by_number(listed, _counted(earlier, profiles, rules), zone)

    def _addendum(self, row: Row) -> Act:
        docking = row["docking_id"]
        recordings, findings = self._book.recordings_of(docking), self._catalogue.findings(docking=docking)
        named = {one for row in findings for one in row["document"]["files"] or []}
        paths = self._catalogue.card_paths(sorted(named))
        paths |= {one["recording_id"]: one["card_path"] for one in recordings}
        return addendum_act(row["number"], docking, findings=findings, recordings=recordings, paths=paths)


def _counted(paths: Iterable[str], profiles: tuple[RecorderProfile, ...], rules: Rules) -> list[CountedName]:
    """The names among these that carry a number and a time."""
    names = (parse_name(path, profiles, rules.settings.station.zone_info) for path in paths)
    return [
        CountedName(f"{name.profile_id}/{name.device or ''}", name.start, name.sequence)
        for name in names
        if name.start is not None and name.sequence is not None
    ]
