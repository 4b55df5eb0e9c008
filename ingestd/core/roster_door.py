"""The roster file as a door to the register: what became of its rows since it was last looked at.

Only what *changed* in the file is done: an entry that a person corrected stays corrected while the file's row is the
same. A row that was taken out of the file ends its entry, because to go on naming an officer whom nobody names any
more would be a wrong claim, and an officer who is missing is seen. What was over already is left: history is not
undone by tidying up. A file without any row ends nothing: that is an accident, not a statement.
"""

import datetime as dt
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace

from ingestd.core.custody import Act
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.roster import RosterEntry
from ingestd.core.roster_acts import Add, Correct, End, Filing, Request, RosterDraft, Standing, Withdraw

_TAKEN_OUT = "taken out of the roster file"
_CHANGED = "changed in the roster file"


Refused = tuple[RosterEntry, str, str]
"""A row, why it cannot stand, and what to do."""


@dataclass(frozen=True, slots=True)
class FileChanges:
    """What a file asks for: acts in order, and rows that the register refuses, with the reason and what to do."""

    acts: tuple[Act, ...]
    refused: tuple[Refused, ...] = ()
    has_lost_all_rows: bool = False


def changes_of_file(draft: RosterDraft, file: str, rows: Sequence[RosterEntry], now: dt.datetime) -> FileChanges:
    """The acts that bring the register to what the file says now, where the file changed.

    Args:
        draft: the register; the acts count in it.
        file: its name, which signs the acts.
        rows: all of the file.
    """
    wanted, contradicting = _consistent(rows)
    acts: list[Act] = []
    for _ in range(len(wanted) + 1):
        # One row may stand in another's way until that one has moved: looked at until nothing moves any more.
        look = _Look(draft, file, frozenset(rows))
        if look.own and not rows:
            return FileChanges((), has_lost_all_rows=any(not one.is_withdrawn for one in look.own))
        look.take(wanted, now)
        acts += look.acts
        if not look.acts or not look.refused:
            break
    return FileChanges(tuple(acts), (*contradicting, *look.refused))


def _consistent(rows: Iterable[RosterEntry]) -> tuple[list[RosterEntry], list[Refused]]:
    """Each row once, without those that contradict a row above them."""
    by_recorder: dict[str, list[RosterEntry]] = {}
    kept, refused = [], []
    for row in dict.fromkeys(rows):
        above = by_recorder.setdefault(row.recorder, [])
        if any(one.is_same_officer(row) and one.overlaps(row) for one in above):
            words = f"overlaps another row of the file: {row.officer} has recorder {row.recorder} then already"
            refused.append((row, words, "correct the days; two officers of one name need certificate numbers"))
            continue
        above.append(row)
        kept.append(row)
    return kept, refused


class _Look:
    """One comparison of the file with the register, and what follows from it."""

    def __init__(self, draft: RosterDraft, file: str, rows: Set[RosterEntry]) -> None:
        self._draft = draft
        self._file = file
        self._rows = rows
        self._taken: set[int] = set()
        self.own = [one for one in draft.all() if one.file == file and one.filed is not None]
        self.acts: list[Act] = []
        self.refused: list[Refused] = []

    def take(self, wanted: Iterable[RosterEntry], now: dt.datetime) -> None:
        """Enter what is new, correct what reads otherwise, end what is gone."""
        seen = {one.filed for one in self.own}
        present = {one.entry for one in self._draft.all() if not one.is_withdrawn}
        gone = [one for one in self.own if one.filed not in self._rows and one.entry not in self._rows]
        steps: list[tuple[RosterEntry, Request]] = []
        for row in wanted:
            if row in seen or row in present:
                continue
            match = _changed_row(row, gone) or self._kin(row)
            if match is None:
                steps.append((row, _addition(row, self._file)))
                continue
            self._taken.add(match.entry_id)
            gone = [one for one in gone if one.entry_id != match.entry_id]
            steps.append((row, _change(match, row, self._file)))
        self._end(gone, now)
        for row, request in steps:
            self._do(row, request)

    def _end(self, gone: Iterable[Standing], now: dt.datetime) -> None:
        """Rows that the file has no longer; those that were over are left."""
        minute = now.replace(second=0, microsecond=0)
        for one in gone:
            entry = one.entry
            if one.is_withdrawn or (entry.ends_at is not None and entry.ends_at <= minute):
                continue
            request: Request
            if entry.begins_at >= minute:
                request = Withdraw(by=self._file, entry_id=one.entry_id, reason=_TAKEN_OUT)
            elif entry.ends_at is None:
                request = End(by=self._file, entry_id=one.entry_id, ends_at=minute, reason=_TAKEN_OUT)
            else:
                request = Correct(by=self._file, entry_id=one.entry_id, ends_at=minute, reason=_TAKEN_OUT)
            self._do(entry, request, is_gone=True)

    def _kin(self, row: RosterEntry) -> Standing | None:
        """A live entry of the same officer, recorder and beginning, by whomever, that no row of the file names."""
        for one in self._draft.live(row.recorder):
            is_free = one.entry_id not in self._taken and one.entry not in self._rows and one.filed not in self._rows
            if is_free and _is_about_the_same(one.entry, row):
                return one
        return None

    def _do(self, row: RosterEntry, request: Request, *, is_gone: bool = False) -> None:
        try:
            act = self._draft.decide(request, Filing(self._file, None if is_gone else row))
        except (RefusedError, NotFoundError) as error:
            self.refused.append((row, error.message, error.advice))
            return
        if act is not None:
            self.acts.append(act)


def _change(one: Standing, row: RosterEntry, file: str) -> Request:
    """What asks for an entry to read as the row does now."""
    if one.entry.ends_at is None and row.ends_at is not None and replace(one.entry, ends_at=row.ends_at) == row:
        return End(by=file, entry_id=one.entry_id, ends_at=row.ends_at, reason=_CHANGED)
    return Correct(
        by=file,
        entry_id=one.entry_id,
        reason=_CHANGED,
        recorder=row.recorder,
        officer=row.officer,
        certificate=row.certificate,
        unit=row.unit,
        user=row.user,
        begins_at=row.begins_at,
        ends_at=row.ends_at,
        is_open=row.ends_at is None,
    )


def _addition(row: RosterEntry, file: str) -> Add:
    return Add(
        by=file,
        recorder=row.recorder,
        officer=row.officer,
        certificate=row.certificate,
        unit=row.unit,
        user=row.user,
        begins_at=row.begins_at,
        ends_at=row.ends_at,
    )


def _changed_row(row: RosterEntry, gone: Sequence[Standing]) -> Standing | None:
    """The vanished row that this one stands in the place of; null where that is not one for certain."""
    here = [
        one for one in gone if not one.is_withdrawn and one.filed is not None and one.filed.recorder == row.recorder
    ]
    for candidates in (
        [one for one in here if _is_about_the_same(one.filed, row)],
        [one for one in here if one.filed is not None and one.filed.is_same_officer(row)],
        [one for one in here if one.filed is not None and one.filed.begins_at == row.begins_at],
    ):
        if len(candidates) == 1:
            return candidates[0]
    return None


def _is_about_the_same(one: RosterEntry | None, row: RosterEntry) -> bool:
    return one is not None and one.is_same_officer(row) and one.begins_at == row.begins_at
